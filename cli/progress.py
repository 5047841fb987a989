"""What is told while the library works: its log."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import output, verbosity


class _Stderr(logging.Handler):
    """One line a record."""

    def emit(self, record: logging.LogRecord) -> None:
        output.say(record.getMessage())


@contextmanager
def log_notes() -> Iterator[None]:
    """Show the library's log on standard error, as far as -q and -v allow."""
    from lenet5.datasets.download import NOTE

    log, handler = logging.getLogger("lenet5"), _Stderr()
    before = log.level, log.propagate
    log.setLevel(verbosity.level() if verbosity.level() != verbosity.NORMAL or not sys.stderr.isatty() else NOTE)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]
