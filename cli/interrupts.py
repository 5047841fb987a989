"""Ctrl-C: quiet from the first line to the last, and never lost.

A command gets it as KeyboardInterrupt, to tidy up; before and after the command, and at a second Ctrl-C, the process
ends at once. During an import the exception waits: modules in C discard or replace it, weak references only print it.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS_TO_WAIT = 0.01  # until it is looked again whether an import is over
CODE = 128 + signal.SIGINT
_received = False


def leave_at_once() -> None:
    """From now on Ctrl-C ends the process, unless it is ignored, as it is for what a shell runs in the background."""
    if signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None):
        signal.signal(signal.SIGINT, _leave)


@contextmanager
def raised() -> Iterator[None]:
    """Within, Ctrl-C raises KeyboardInterrupt once, at the end at the latest; afterwards the process ends at once."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    sys.unraisablehook = _unraisable
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, _come_again)
    signal.signal(signal.SIGINT, _receive)
    try:
        yield
    finally:
        leave_at_once()
        _set_timer(0)
        if _received:  # whatever became of it: something may have discarded or replaced it
            raise KeyboardInterrupt


def _leave(number: int, frame) -> None:
    os._exit(CODE)


def _receive(number: int, frame) -> None:
    global _received
    _received = True
    leave_at_once()
    _raise(number, frame)


def _raise(number: int, frame) -> None:
    if _is_importing(frame) and _set_timer(SECONDS_TO_WAIT):
        return
    raise KeyboardInterrupt


def _come_again(number: int, frame) -> None:
    if signal.getsignal(signal.SIGINT) is _leave:
        _raise(number, frame)
    else:  # part of the command looks after it by now
        signal.raise_signal(signal.SIGINT)


def _is_importing(frame) -> bool:
    while frame and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


def _set_timer(seconds: float) -> bool:
    """Have the exception raised after ``seconds``, with 0 no more; False where there is no such timer (Windows)."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)
    return hasattr(signal, "setitimer")


def _unraisable(lost) -> None:
    """As Python's, but an interrupt that got lost in a destructor or callback comes again."""
    if not issubclass(lost.exc_type, KeyboardInterrupt) or not _set_timer(SECONDS_TO_WAIT):
        sys.__unraisablehook__(lost)
