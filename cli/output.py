"""What goes where: results to standard output; notes, progress and errors to standard error."""

import codecs
import json
import sys
from collections.abc import Iterable
from contextlib import nullcontext, suppress

from lenet5.errors import with_short_words
from lenet5.utils.tables import Lines, Table
from lenet5.utils.text import plain

from . import verbosity


def shown(text: str) -> str:
    """``text`` as standard output shows it: with escapes where its encoding is too small."""
    return text.encode(sys.stdout.encoding, "backslashreplace").decode(sys.stdout.encoding)


def result(text: str, end: str = "\n") -> None:
    """A result, to standard output."""
    print(text, end=end, flush=True)


def result_lines(lines: Lines) -> None:
    """A report; its tables are laid out as standard output shows their cells."""
    result("\n".join(line.shown(shown) if isinstance(line, Table) else line for line in lines))


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
    """JSON without NaN; bytes of a name that are not text become lone escapes, from which Python makes them again.

    JSON is Unicode, so for a standard output that is not, it is written in ASCII.
    """
    is_unicode = codecs.lookup(sys.stdout.encoding).name.startswith("utf")
    return json.dumps(document, allow_nan=False, ensure_ascii=not is_unicode).encode(errors="backslashreplace").decode()


def say(text: str) -> None:
    """To standard error. It may be full or closed, which is not a reason to stop."""
    tqdm = sys.modules.get("tqdm.std")  # a bar that is shown is drawn again below the line
    with suppress(OSError), tqdm.tqdm.external_write_mode(file=sys.stderr) if tqdm else nullcontext():
        print(with_short_words(text), file=sys.stderr, flush=True)


def note(text: str) -> None:
    """To standard error, unless -q."""
    if not verbosity.is_quiet():
        say(text)


def note_if_any(text: str | None) -> None:
    """The same, for what may have nothing to say."""
    if text:
        note(text)


def detail(text: str) -> None:
    """To standard error, only with -v."""
    if verbosity.is_verbose():
        say(text)


def trace(error: BaseException) -> None:
    """Where an error comes from, to standard error, only with -v."""
    if verbosity.is_verbose():
        import traceback

        say("".join(traceback.format_exception(error)).rstrip())


def error(text: str) -> None:
    """To standard error, always; one line, whatever is in the text."""
    say(f"Error: {plain(' '.join(text.split()))}")
