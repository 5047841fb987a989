"""Which images the arguments of a command name: files, folders, @lists, standard input."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from lenet5.errors import one_line

from . import output
from .lists import names_in, open_list

_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}


def expand(files: Iterable[str]) -> Iterator[str]:
    """The names of images that arguments stand for: themselves, a folder's images, the lines of @LIST.

    Lists are opened at once, so that a missing one is reported before any answer, and read line by line.
    """
    lists = {name: open_list(name[1:]) for name in files if name.startswith("@")}
    return _expanded(files, lists)


def _expanded(files: Iterable[str], lists: dict) -> Iterator[str]:
    for name in files:
        if name.startswith("@"):
            yield from names_in(name[1:], lists.pop(name, None) or open_list(name[1:]))
        elif os.path.isdir(name):
            yield from _expanded_folder(name)
        else:
            yield name


def _expanded_folder(name: str) -> Iterator[str]:
    """A folder's images, or itself where there are none or it may not be read, which `reason` then says."""
    images = _images_in(name)
    yield next(images, name)
    yield from images


def _images_in(folder: str) -> Iterator[str]:
    """A folder's images at any depth by their endings, in order; folders that may not be read by their names.

    Links to folders are not followed, nor are hidden folders.
    """
    unreadable: list[str] = []
    for place, folders, files in os.walk(folder, onerror=lambda error: unreadable.append(str(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (str(Path(place, name)) for name in sorted(files) if os.path.splitext(name)[1].lower() in _ENDINGS)
    yield from unreadable


def reason(name: str, error: Exception) -> str:
    """Why there is no answer to a name that `expand` gave."""
    if not name:
        return "'': is not the name of an image"
    if not os.path.isdir(name):
        return " ".join(str(error).split())
    shown = one_line(name)
    first = next(_images_in(name), None)
    if first is None:
        return f"{shown}: no images in this folder"
    if first != name:  # among the arguments they would stand in its place
        return f"{shown}: is a folder; a list names images only"
    try:
        os.listdir(name)
    except OSError as problem:
        return f"{shown}: folder cannot be read ({problem.strerror}); check its permissions"
    return f"{shown}: is a folder"


def only_one(names: Iterable[str], option: str, advice: str = "") -> list[str]:
    """The only one of ``names``; UsageError for an option that draws one image where there are others."""
    first = list(itertools.islice(names, 2))
    if len(first) != 1 or first[0] == "-":
        raise click.UsageError(f"{option} draws one image from a file{advice and '; '}{advice}")
    return first


def answered(answer, document: Callable[..., dict]) -> dict:
    """An answer as JSON, with what is to be noted on standard error; errors in the words of the command line."""
    found, name = document(answer), getattr(answer.source, "name", answer.source)
    if answer.pages > 1:
        output.note(f"{one_line(name)}: the first of {answer.pages} pages or frames is read")
    if answer.error:
        output.trace(answer.error)
        found["error"] = reason(name, answer.error)
    return found
