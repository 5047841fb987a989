"""Which pictures the arguments of a command name: files, folders, @lists, standard input."""

import codecs
import itertools
import os
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

import click

from . import output

_MAX_NAME = 4096  # bytes: no system opens a longer path
_BLOCK, _MAX_PASSED = 2**16, 2**30  # bytes of a longer line that are passed over at a time, and in all
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}


def expand(files: Iterable[str]) -> Iterator[str]:
    """The names of pictures that arguments stand for: themselves, a folder's pictures, the lines of @LIST.

    Lists are opened at once, so that one that is missing is told before any answer, and read line by line.
    """
    lists = {name: _open_list(name[1:]) for name in files if name.startswith("@")}
    return _expanded(files, lists)


def _expanded(files: Iterable[str], lists: dict) -> Iterator[str]:
    for name in files:
        if name.startswith("@"):
            yield from _names_in(name[1:], lists.pop(name, None) or _open_list(name[1:]))
        elif os.path.isdir(name):
            yield from _expanded_folder(name)
        else:
            yield name


def _expanded_folder(name: str) -> Iterator[str]:
    """A folder's pictures, or itself where there are none or it may not be read, which `reason` then tells."""
    try:
        pictures = _pictures_in(name)  # sorted, so these names alone are kept
    except OSError:
        pictures = []
    return iter([str(Path(name, picture)) for picture in pictures] or [name])


def _open_list(path: str) -> BufferedReader:
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise _bad_list(path, getattr(error, "strerror", None) or error) from None


def _bad_list(path: str, why: object) -> click.UsageError:
    return click.UsageError(f"{output.one_line(f'@{path}')}: list of names cannot be read: {why}")


def _names_in(path: str, stream: BufferedReader) -> Iterator[str]:
    """The names in the lines of an open file that are not blank."""
    n = 0
    try:
        with stream:
            for line in _lines(path, stream):
                if line.strip():
                    n += 1
                    yield os.fsdecode(line.rstrip(b"\r\n"))
    except OSError as error:
        raise _bad_list(path, error.strerror or error) from None
    if not n:
        output.note(f"{output.one_line(path)}: list of names is empty")


def _lines(path: str, stream: BufferedReader) -> Iterator[bytes]:
    """The lines of a list, in constant memory: what of a line is longer than any name is passed over.

    Of such a line so much is given that no system opens it. UsageError for one that does not end, as of /dev/zero.
    """
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(3)
    while line := stream.readline(_MAX_NAME + 1):
        yield line
        passed = 0
        while line and not line.endswith(b"\n"):
            line = stream.readline(_BLOCK)
            passed += len(line)
            if passed > _MAX_PASSED:
                raise _bad_list(path, f"a line of more than {_MAX_PASSED >> 20} MB")


def _pictures_in(folder: str) -> list[str]:
    """The names of a folder's pictures by their endings, in order; OSError where it may not be read."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in _ENDINGS)


def reason(name: str, error: Exception) -> str:
    """Why there is no answer to a name that `expand` gave."""
    if not name:
        return "'': is no name of a picture"
    if not os.path.isdir(name):
        return " ".join(str(error).split())
    shown = output.one_line(name)
    try:
        if _pictures_in(name):  # among the arguments these would stand in its place
            return f"{shown}: is a folder; a list names pictures only"
    except OSError as problem:
        return f"{shown}: folder cannot be read ({problem.strerror}); check its permissions"
    return f"{shown}: no pictures directly in this folder"


def only_one(names: Iterable[str], option: str) -> list[str]:
    """The only one of these names; UsageError for an option that draws one picture where there are others."""
    first = list(itertools.islice(names, 2))
    if len(first) != 1 or first[0] == "-":
        raise click.UsageError(f"{option} draws one picture from a file")
    return first


def note_pages(name: str, pages: int) -> None:
    """Say what was not read."""
    if pages > 1:
        output.note(f"{output.one_line(name)}: the first of {pages} pages or frames is read")
