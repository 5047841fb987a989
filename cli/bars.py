"""Progress bars on a terminal's standard error, drawn by tqdm."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from . import progress, verbosity

COLOUR = "magenta"
DOWNLOAD = "{desc} {bar:30} {n_fmt}/{total_fmt} {remaining}"
IMAGES = "reading images {bar:30} {n_fmt}/{total_fmt} {remaining}"
TRAINING = "{desc} {bar:16} {text}"


def are_shown() -> bool:
    """Bars are for terminals that can move the cursor."""
    return sys.stderr.isatty() and not verbosity.is_quiet() and os.environ.get("TERM") != "dumb"


def bar(form: str, **settings):
    """A bar of tqdm's, or of the notebook's, with a ``text`` that ``form`` may show."""
    from tqdm import auto, std

    class Bar(auto.tqdm):
        monitor_interval = 0  # it needs no thread to be moved
        text = ""

        @property
        def format_dict(self):
            return {**super().format_dict, "text": self.text}

    std.tqdm.set_lock(threading.RLock())  # the default is one between processes, too
    columns, rows = os.get_terminal_size(sys.stderr.fileno())
    return Bar(
        bar_format=form,
        ncols=columns or 80,  # some terminals do not know their size
        nrows=rows or 24,
        ascii=_shades(),
        colour=None if os.environ.get("NO_COLOR") else COLOUR,
        miniters=1,
        **settings,
    )


def _shades() -> str:
    """What a bar is made of: nothing, and a line, where the terminal knows one."""
    try:
        "━".encode(sys.stderr.encoding or "ascii")
    except UnicodeError:
        return " -"
    return " ━"


@contextmanager
def of_download() -> Iterator:
    """A callback (file, bytes done, bytes in all) that moves bars; None off a terminal, where the log speaks."""
    with progress.log_notes():
        if not are_shown():
            yield None
            return
        bars: dict = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in bars:
                _close(bars)
                bars[name] = bar(DOWNLOAD, desc=name, total=total, unit="B", unit_scale=True)
            bars[name].update(done - bars[name].n)

        try:
            yield report
        finally:
            _close(bars)


@contextmanager
def of_images() -> Iterator:
    """A callback (images done, images in all) that moves a bar, on a terminal."""
    if not are_shown():
        yield lambda done, total: None
        return
    with bar(IMAGES, leave=False) as shown:

        def report(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield report


def _close(bars: dict) -> None:
    for each in bars.values():
        each.close()
