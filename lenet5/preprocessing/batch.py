"""Many images preprocessed by several processes, in order and in constant memory.

Decoding and preprocessing take a hundred times as long as the network. They are many small steps in Python, which
threads would run one after the other.
"""

import itertools
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import LeNet5Error, PictureError
from ..utils.threads import can_start, check_threads, default_threads
from .normalization import no_digit, stages
from .preparation import DIGIT, Preparation

FEW = 128  # images; with fewer, starting processes does not pay
CHUNK = 32  # images per task of a process
AHEAD = 3  # chunks queued per process


#: In a process of the pool, a shared number, see `_start`.
_is_over: Any


class Outcome(NamedTuple):
    """The result for a source: its ``input``, (C, S, S) float32, and the number of marks ``beside``; or an error.

    ``fewer`` are inputs with fewer of the digit's components, see `normalization.Prepared`.
    ``pages`` is the number of pages of the file, of which this is the first.
    """

    source: object
    input: np.ndarray | None
    beside: int
    error: PictureError | None
    pages: int = 1
    fewer: tuple[np.ndarray, ...] = ()


def read_many(
    sources: Iterable,
    *,
    invert: str = "auto",
    any_ink: bool = False,
    preparation: Preparation = DIGIT,
    threads: int | None = None,
) -> Iterator[Outcome]:
    """Yield what `normalization.read_image` makes of each source, in their order.

    Parameters
    ----------
    sources : iterable
        As `read_image` takes them; only a few hundred are consumed ahead of the results. Files that are already open
        are read by this process.
    invert, any_ink, preparation : see `normalization.stages`
    threads : int, optional
        Number of processes (default: `default_threads`), fewer if the system gives no more. With 1, or few sources,
        this process does the work.

    Raises
    ------
    LeNet5Error
        A process was killed from outside.
    """
    read = partial(_read, settings={"invert": invert, "any_ink": any_ink, "preparation": preparation})
    for source, answer in mapped(read, sources, threads):
        yield Outcome(source, *answer)


def mapped(function: Callable, sources: Iterable, threads: int | None = None) -> Iterator[tuple]:
    """Yield (source, ``function(source)``) for each source in turn, as `read_many` describes it.

    The function and its results travel between processes; it must not raise.
    """
    n_processes = check_threads(default_threads() if threads is None else threads)
    sources = iter(sources)
    first = list(itertools.islice(sources, FEW))
    sources = itertools.chain(first, sources)
    pool = None if len(first) < FEW else _pool(n_processes)
    if pool is None:
        for source in sources:
            yield source, function(source)
    else:
        yield from _by_processes(sources, function, *pool)


def _pool(n_processes: int) -> tuple | None:
    """Return (processes, the value that ends them, their number, at most ``n_processes``); None for fewer than two."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    while n_processes > 1 and not can_start(2 * n_processes + 2):  # each has a thread, and two are started here
        n_processes //= 2
    if n_processes < 2:
        return None
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        is_over = context.RawValue("b", 0)  # without a lock, which a killed process would keep
        return ProcessPoolExecutor(n_processes, context, _start, (is_over,)), is_over, n_processes
    except (OSError, ImportError, NotImplementedError):  # no semaphores, as without /dev/shm
        return None


def _read(source, settings: dict) -> tuple:
    """Return an `Outcome` without its source, which a process need not send back."""
    try:
        found = stages(source, **settings)
    except PictureError as error:
        return None, 0, error
    lost = no_digit(source, found) if found.lost else None
    fewer = tuple(part.input for part in found.fewer if part.input is not None)
    return found.input, found.beside, lost, found.pages, fewer


def _read_chunk(chunk: list, function: Callable) -> list:
    return [function(source) for source in chunk if not _is_over.value]


def _start(is_over) -> None:
    """Prepare a process; ``is_over`` is a shared number that becomes nonzero once no answers are wanted any more."""
    global _is_over
    _is_over = is_over
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process with its parent; it would otherwise survive a killed one, wait, and keep its streams open."""
    from multiprocessing import parent_process

    parent = parent_process()
    assert parent is not None  # this is a process of the pool
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Delay Ctrl-C while a process starts.

    Before the thread that ends the process has started, an interrupt would leave a process that is waited for
    endlessly. In a process that is not ready it would print a traceback.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is None:  # only the main thread may set a handler
        yield
        return
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if received:
            signal.raise_signal(signal.SIGINT)


def _by_processes(sources: Iterator, function: Callable, pool, is_over, n_processes: int) -> Iterator[tuple]:
    from concurrent.futures.process import BrokenProcessPool

    waiting: deque = deque()
    try:
        while True:
            while len(waiting) < AHEAD * n_processes and (chunk := list(itertools.islice(sources, CHUNK))):
                open_ones = {i: function(source) for i, source in enumerate(chunk) if hasattr(source, "read")}
                others = [source for i, source in enumerate(chunk) if i not in open_ones]
                with _interrupts_held_back():
                    waiting.append((chunk, open_ones, pool.submit(_read_chunk, others, function)))
            if not waiting:
                return
            chunk, open_ones, future = waiting.popleft()
            answers = iter(future.result())
            for i, source in enumerate(chunk):
                yield source, open_ones[i] if i in open_ones else next(answers)
    except BrokenProcessPool:
        raise LeNet5Error("a process that prepares images was killed (too little memory?); try --threads 1") from None
    finally:
        is_over.value = 1
        pool.shutdown(cancel_futures=True)  # waits, or the interpreter's end could meet that of the pool's thread
