"""How many threads this process may use, and a way to use them."""

import math
import operator
import os
import threading
from collections.abc import Callable
from pathlib import Path

MAX_THREADS = 256


def default_threads() -> int:
    """The processors that this process may really use: LENET5_THREADS, else affinity and cgroup quota together."""
    wanted = os.environ.get("LENET5_THREADS")
    if wanted:
        try:
            return check_threads(int(wanted))
        except ValueError:
            raise ValueError(f"LENET5_THREADS is {wanted!r}, expected a number from 1 to {MAX_THREADS}") from None
    try:
        n = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        n = os.cpu_count() or 1
    return max(1, min(n, _cgroup_quota(), MAX_THREADS))


def check_threads(n_threads: int) -> int:
    """``n_threads`` itself, or ValueError where it is not in 1..256 (TypeError where it is no whole number)."""
    if not 1 <= operator.index(n_threads) <= MAX_THREADS:
        raise ValueError(f"threads is {n_threads}, expected 1 to {MAX_THREADS}")
    return n_threads


def _cgroup_quota() -> int:
    """Whole processors of the container's time quota (cgroup v2, else v1), or MAX_THREADS where there is none."""
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


def parallel(function: Callable[[int], None], n_threads: int) -> None:
    """Call ``function(0) ... function(n_threads - 1)``, each on a thread of its own, and wait for all.

    Threads are started anew each time (some 50 µs each): callers give them milliseconds of work, and nothing is left
    over that a fork could break or that would spin while idle. The first exception of any thread is raised. The
    functions may wait for each other, so none begins before all threads run; if one cannot be started, none begins.
    """
    if n_threads == 1:
        function(0)
        return
    errors: list[BaseException] = []
    decided, cancelled = threading.Event(), False

    def guarded(thread: int) -> None:
        decided.wait()
        if cancelled:
            return
        try:
            function(thread)
        except BaseException as error:
            errors.append(error)

    # The calling thread does no share itself: an interrupt (Ctrl-C) there would leave the others waiting for it.
    workers = [threading.Thread(target=guarded, args=(thread,)) for thread in range(n_threads)]
    try:
        for worker in workers:
            worker.start()
    except BaseException:
        cancelled = True
        raise
    finally:
        decided.set()
    for worker in workers:
        _join(worker, errors)
    if errors:
        raise errors[0]


def _join(worker: threading.Thread, errors: list[BaseException]) -> None:
    """Wait for ``worker`` to its end, an interrupt or not: it works on memory that the caller may then reuse."""
    while worker.is_alive():
        try:
            worker.join()
        except KeyboardInterrupt as interrupt:
            errors.insert(0, interrupt)
