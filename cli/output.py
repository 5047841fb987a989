"""What goes where: results to standard output; notes, progress and errors to standard error."""

import codecs
import errno
import io
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from lenet5.errors import one_line, shortened, with_short_words  # noqa: F401  (part of what this module offers)
from lenet5.utils import tables

QUIET, NORMAL, VERBOSE = logging.ERROR, logging.INFO, logging.DEBUG
_level = NORMAL


def set_level(level: int) -> None:
    """QUIET, NORMAL or VERBOSE, for the process."""
    global _level
    _level = level


def is_quiet() -> bool:
    return _level == QUIET


def is_verbose() -> bool:
    return _level == VERBOSE


def prepare_streams() -> None:
    """Make the standard streams take all that is written to them, with escapes for what their encoding cannot hold.

    click's own `echo` writes UTF-8 to a stream whose encoding is ASCII, so it is used for neither.
    """
    _occupy_descriptors()
    sys.stdout = sys.stdout or _Closed()
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  (open as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _occupy_descriptors() -> None:
    """Open what the caller closed of 0, 1 and 2, or the next file gets that number, and stray messages land in it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


class _Closed(io.TextIOBase):
    """Standard output that the caller closed: Python has None there, on which what is written is lost unnoticed."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")


def shown(text: str) -> str:
    """``text`` as standard output shows it: with escapes where its encoding is too small."""
    return text.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding)


def result(text: str, end: str = "\n") -> None:
    """A result, to standard output."""
    print(text, end=end, flush=True)


def result_json(document) -> None:
    """A result as one strict JSON document."""
    result(strict_json(document))


def result_array(answers: Iterable[dict]) -> bool:
    """One JSON array, written as answers come; whether any has an "error".

    Where there are no further answers for an exception, those that were given are a whole document all the same.
    """
    bad = False
    separator = "["
    try:
        for answer in answers:
            bad |= "error" in answer
            result(separator + strict_json(answer), end="")
            separator = ",\n "
    except Exception:
        if separator != "[":
            result("]")
        raise
    result("]" if separator != "[" else "[]")
    return bad


def strict_json(document) -> str:
    """JSON without NaN; bytes of a name that are no text become lone escapes, from which Python makes them again.

    JSON is Unicode, so for a standard output that is not, it is written in ASCII.
    """
    is_unicode = codecs.lookup(sys.stdout.encoding).name.startswith("utf")
    text = json.dumps(document, allow_nan=False, ensure_ascii=not is_unicode)
    return text.encode(errors="backslashreplace").decode()


def say(text: str) -> None:
    """To standard error, which may be full, or nobody there to read it: that is no reason to stop."""
    with suppress(OSError), _bars_aside():
        print(with_short_words(text), file=sys.stderr, flush=True)


def _bars_aside() -> AbstractContextManager:
    """While a line is written: bars that are shown are taken away, and drawn again below it."""
    tqdm = sys.modules.get("tqdm.std")
    return tqdm.tqdm.external_write_mode(file=sys.stderr) if tqdm else nullcontext()


def note(text: str) -> None:
    """To standard error, unless -q."""
    if not is_quiet():
        say(text)


def detail(text: str) -> None:
    """To standard error, only with -v."""
    if is_verbose():
        say(text)


def trace(error: BaseException) -> None:
    """Where an error comes from, to standard error, only with -v."""
    if is_verbose():
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())


def error(text: str) -> None:
    """To standard error, always; one line, whatever is in the text."""
    say(f"Error: {plain(' '.join(text.split()))}")


def plain(text: str) -> str:
    """``text`` with escapes in the place of what cannot be printed: control characters, bytes that are no text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def wrapped(text: str) -> str:
    """A sentence on lines of at most 80 columns, at spaces only, so that paths stay whole."""
    import textwrap

    return textwrap.fill(text, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def percent(value: float | None) -> str:
    """A part of one as percent; a dash where nothing was measured."""
    return "-" if value is None else f"{100 * value:.2f} %"


def table(rows: list[tuple], header: tuple[str, ...], *, left: int = 1) -> str:
    """`tables.table` of any values, as standard output shows them."""
    return tables.table([[shown(str(cell)) for cell in row] for row in rows], header, left=left)


class _Stderr(logging.Handler):
    """One line a record."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def log_notes() -> Iterator[None]:
    """Show the library's log on standard error, as far as -q and -v allow."""
    from lenet5.datasets.download import NOTE

    log, handler = logging.getLogger("lenet5"), _Stderr()
    before = log.level, log.propagate
    log.setLevel(_level if _level != NORMAL or not sys.stderr.isatty() else NOTE)
    log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]
