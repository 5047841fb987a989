"""Which images the arguments of a command name: files, folders, @lists, standard input."""

import itertools
import os
from collections.abc import Iterable, Iterator
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
    try:
        images = _images_in(name)  # sorted, so these names alone are kept
    except OSError:
        images = []
    return iter([str(Path(name, image)) for image in images] or [name])


def _images_in(folder: str) -> list[str]:
    """The names of a folder's images by their endings, in order; OSError where it may not be read."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in _ENDINGS)


def reason(name: str, error: Exception) -> str:
    """Why there is no answer to a name that `expand` gave."""
    if not name:
        return "'': is not the name of an image"
    if not os.path.isdir(name):
        return " ".join(str(error).split())
    shown = one_line(name)
    try:
        if _images_in(name):  # among the arguments these would stand in its place
            return f"{shown}: is a folder; a list names images only"
    except OSError as problem:
        return f"{shown}: folder cannot be read ({problem.strerror}); check its permissions"
    return f"{shown}: no images directly in this folder"


def only_one(names: Iterable[str], option: str) -> list[str]:
    """The only one of ``names``; UsageError for an option that draws one image where there are others."""
    first = list(itertools.islice(names, 2))
    if len(first) != 1 or first[0] == "-":
        raise click.UsageError(f"{option} draws one image from a file")
    return first


def note_pages(name: str, pages: int) -> None:
    """Say what was not read."""
    if pages > 1:
        output.note(f"{one_line(name)}: the first of {pages} pages or frames is read")
