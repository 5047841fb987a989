"""Many pictures, prepared by several processes, in order and in constant memory.

Preparing a picture is many small steps in Python, which threads would do one after the other; decoding and preparing
take a hundred times as long as the network does.
"""

import itertools
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..errors import LeNet5Error, PictureError
from ..utils.threads import can_start, check_threads, default_threads
from .normalization import no_digit, stages

FEW = 128  # pictures from which other processes are worth starting
CHUNK = 32  # pictures handed to a process at a time
AHEAD = 3  # chunks that wait for each process


#: In a process of the pool a shared number, see `_start`.
_is_over: Any


class Outcome(NamedTuple):
    """What became of a source: the ``input``, (1, 32, 32) float32, and the number of marks ``beside``; or an error.

    It is the first of ``pages`` pages.
    """

    source: object
    input: np.ndarray | None
    beside: int
    error: PictureError | None
    pages: int = 1


def read_many(
    sources: Iterable, *, invert: str = "auto", any_ink: bool = False, threads: int | None = None
) -> Iterator[Outcome]:
    """What `normalization.read_image` makes of each source, in their order.

    Parameters
    ----------
    sources : iterable
        As `read_image` takes them; only some hundred are asked for ahead of the answers. Files that are open already
        are read by this process.
    invert, any_ink : as `normalization.stages` takes them
    threads : int, optional
        How many processes prepare them (default: `default_threads`); with 1, or few sources, this one does it. They
        are fewer where the system gives no more.

    Raises
    ------
    LeNet5Error
        A process was killed from outside.
    """
    settings = {"invert": invert, "any_ink": any_ink}
    n_processes = check_threads(default_threads() if threads is None else threads)
    sources = iter(sources)
    first = list(itertools.islice(sources, FEW))
    sources = itertools.chain(first, sources)
    pool = None if len(first) < FEW else _pool(n_processes)
    if pool is None:
        for source in sources:
            yield Outcome(source, *_read(source, settings))
    else:
        yield from _by_processes(sources, settings, *pool)


def _pool(n_processes: int) -> tuple | None:
    """(processes, what tells them that all is over, how many they are, at most ``n_processes``); None where there
    cannot be two of them."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    while n_processes > 1 and not can_start(2 * n_processes + 2):  # each has a thread, and two are started here
        n_processes //= 2
    if n_processes < 2:
        return None
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        is_over = context.RawValue("b", 0)  # without a lock, which a process that is killed would keep
        return ProcessPoolExecutor(n_processes, context, _start, (is_over,)), is_over, n_processes
    except (OSError, ImportError, NotImplementedError):  # no semaphores: /dev/shm is closed, say
        return None


def _read(source, settings: dict) -> tuple:
    """All of a `Outcome` but its source, which need not be sent back by a process."""
    try:
        found = stages(source, **settings)
    except PictureError as error:
        return None, 0, error
    return found.input, found.beside, no_digit(source, found) if found.lost else None, found.pages


def _read_chunk(chunk: list, settings: dict) -> list:
    return [_read(source, settings) for source in chunk if not _is_over.value]


def _start(is_over) -> None:
    """Prepare a process; ``is_over`` is a shared number that is not 0 once nobody wants the answers any more."""
    global _is_over
    _is_over = is_over
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that gives the answers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without this a process would outlive one that was killed, wait for pictures and keep its streams open."""
    from multiprocessing import parent_process

    parent = parent_process()
    assert parent is not None  # this is a process of the pool
    parent.join()
    os._exit(1)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Have Ctrl-C wait: between the start of a process and of the thread that ends it, it would leave one that is
    waited for without end, and in a process that is not ready it would print a traceback."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is None:  # not ours to handle
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


def _by_processes(sources: Iterator, settings: dict, pool, is_over, n_processes: int) -> Iterator:
    from concurrent.futures.process import BrokenProcessPool

    waiting: deque = deque()
    try:
        while True:
            while len(waiting) < AHEAD * n_processes and (chunk := list(itertools.islice(sources, CHUNK))):
                open_ones = {i: _read(source, settings) for i, source in enumerate(chunk) if hasattr(source, "read")}
                others = [source for i, source in enumerate(chunk) if i not in open_ones]
                with _interrupts_held_back():
                    waiting.append((chunk, open_ones, pool.submit(_read_chunk, others, settings)))
            if not waiting:
                return
            chunk, open_ones, future = waiting.popleft()
            answers = iter(future.result())
            for i, source in enumerate(chunk):
                yield Outcome(source, *(open_ones[i] if i in open_ones else next(answers)))
    except BrokenProcessPool:
        raise LeNet5Error("a process that prepares pictures was killed (too little memory?); try --threads 1") from None
    finally:
        is_over.value = 1
        pool.shutdown(cancel_futures=True)  # waits: else the interpreter's end may meet that of the pool's thread
