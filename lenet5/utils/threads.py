"""The number of threads this process may use, and a pool of workers."""

import math
import operator
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

MAX_THREADS = 256


def default_threads() -> int:
    """Return the processors this process may really use: LENET5_THREADS, else affinity and cgroup quota together."""
    wanted = os.environ.get("LENET5_THREADS")
    if wanted:
        try:
            return check_threads(int(wanted))
        except ValueError:
            raise ValueError(f"LENET5_THREADS is {wanted!r}, expected a number from 1 to {MAX_THREADS}") from None
    return max(1, min(affinity(), quota(), MAX_THREADS))


def affinity() -> int:
    """Count the processors that the process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


def check_threads(n_threads: int) -> int:
    """Return ``n_threads``; ValueError if it is not in 1..256, TypeError if it is not a whole number."""
    if not 1 <= operator.index(n_threads) <= MAX_THREADS:
        raise ValueError(f"threads is {n_threads}, expected 1 to {MAX_THREADS}")
    return n_threads


def quota() -> int:
    """Return the container's quota in whole processors (cgroup v2, else v1), or MAX_THREADS without one."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            folder = Path("/sys/fs/cgroup/cpu")
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return MAX_THREADS
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:  # "max" or "-1": no quota
        return MAX_THREADS
    return max(1, math.ceil(int(quota) / int(period)))


class Workers:
    """Threads that share pieces of work, one piece after the other; for use in a ``with`` statement.

    Between two pieces the threads sleep, and after the statement they have ended: none can spin, or be lost in a fork.
    Threads started anew for each piece often begin on one processor together, which the scheduler notices only after
    milliseconds.

    Within the statement, ``n_threads`` is the number of threads that the system really gave, possibly fewer than asked
    for. Results must not depend on it.
    """

    def __init__(self, n_threads: int):
        self.n_threads = n_threads
        self._tasks: list[SimpleQueue[_Task | None]] = [SimpleQueue() for _ in range(n_threads if n_threads > 1 else 0)]
        # The calling thread takes no share: an interrupt (Ctrl-C) there would leave the others waiting for it.
        self._threads = [threading.Thread(target=_work, args=item, daemon=True) for item in enumerate(self._tasks)]

    def __enter__(self) -> "Workers":
        started = 0
        try:
            for thread in self._threads:
                thread.start()
                started += 1
        except RuntimeError:  # the system gives no more threads
            self._keep(started)
        except BaseException:
            self._end()
            raise
        return self

    def _keep(self, n_started: int) -> None:
        """Go on with the threads that started; a single one gains nothing over the calling thread."""
        n = n_started if n_started > 1 else 0
        for tasks, thread in zip(self._tasks[n:n_started], self._threads[n:n_started], strict=True):
            tasks.put(None)
            thread.join()
        del self._tasks[n:], self._threads[n:]
        self.n_threads = max(1, n)

    def __exit__(self, *exception) -> None:
        self._end()
        if exception == (None, None, None):
            for thread in self._threads:
                thread.join()

    def _end(self) -> None:
        for tasks in self._tasks:
            tasks.put(None)

    def __call__(self, function: Callable[[int], None]) -> None:
        """Call ``function(0) ... function(n_threads - 1)``, each on its thread, and wait for all.

        The first exception of any thread is raised. The functions may wait for each other: all are called, or none.
        """
        if not self._threads:
            function(0)
            return
        task = _Task(function, [threading.Event() for _ in self._threads])
        try:
            for tasks in self._tasks:
                tasks.put(task)
        except BaseException:
            task.cancelled = True
            raise
        finally:
            task.decided.set()
        for done in task.done:
            _wait(done, task.errors)
        if task.errors:
            raise task.errors[0]


@dataclass
class _Task:
    """One piece of work; ``decided`` is set once all workers have it, or it was cancelled."""

    function: Callable[[int], None]
    done: list[threading.Event]
    decided: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    errors: list[BaseException] = field(default_factory=list)


def _work(thread: int, tasks: "SimpleQueue[_Task | None]") -> None:
    while (task := tasks.get()) is not None:
        task.decided.wait()
        if not task.cancelled:
            try:
                task.function(thread)
            except BaseException as error:
                task.errors.append(error)
        task.done[thread].set()


def _wait(done: threading.Event, errors: list[BaseException]) -> None:
    """Wait for ``done`` despite interrupts: a thread works on memory that the caller may then reuse."""
    while not done.is_set():
        try:
            done.wait()
        except KeyboardInterrupt as interrupt:
            errors.insert(0, interrupt)


def parallel(function: Callable[[int], None], n_threads: int) -> None:
    """Run one piece of work with its own `Workers`; a thread costs about 50 µs, so pieces should take milliseconds."""
    with Workers(n_threads) as workers:
        workers(function)


def in_shares(n_threads: int, n: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(first, last)`` for equal shares of 0 .. n - 1, each on a thread; one alone is the calling one."""
    if n_threads == 1:
        work(0, n)
        return
    with Workers(n_threads) as workers:
        workers(lambda t: work(n * t // workers.n_threads, n * (t + 1) // workers.n_threads))


def can_start(n: int) -> bool:
    """Whether the system gives this user ``n`` more threads now; processes count against the same limit."""
    gate, started = threading.Event(), []
    try:
        for _ in range(n):
            thread = threading.Thread(target=gate.wait, daemon=True)
            thread.start()
            started.append(thread)
    except RuntimeError:
        return False
    finally:
        gate.set()
        for thread in started:
            thread.join()
    return True


def spare_blas() -> None:
    """Keep NumPy's OpenBLAS to one thread where it could not start one per processor: it would abort the process.

    To be called before NumPy is imported.
    """
    if not can_start(os.cpu_count() or 1):
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
