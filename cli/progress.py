"""What is told while the library works: its log, and bars on a terminal."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lenet5.utils.threads import can_start

from . import output, verbosity


class _Stderr(logging.Handler):
    """One line a record; looks sys.stderr up each time, which a progress bar replaces."""

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


def has_bars() -> bool:
    """Progress bars are for terminals, and are moved by a thread."""
    return sys.stderr.isatty() and not verbosity.is_quiet() and os.environ.get("TERM") != "dumb" and can_start(1)


@contextmanager
def download_progress() -> Iterator:
    """A callback (file, bytes done, bytes in all) that moves bars; None off a terminal, where the log speaks."""
    with log_notes():
        if not has_bars():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bars:
            tasks = {}

            def report(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                bars.update(tasks[name], completed=done)

            yield report
