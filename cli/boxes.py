"""`lenet5 read --boxes`: the images with what was read drawn over them, in a PNG or in a folder of them."""

import os
from collections.abc import Iterable
from pathlib import Path

import click

from lenet5.errors import one_line

from . import output
from .inputs import only_one
from .targets import check_png

_LONGEST = 150  # bytes of a name; what is put behind it must fit, too


def boxes_for(names: Iterable[str], target: str | None) -> tuple[Iterable[str], "ToFile | ToFolder | None"]:
    """The names, and what draws the boxes of each; UsageError, before the work, where they cannot be drawn there."""
    if target is None:
        return names, None
    if os.path.isdir(target) or target.endswith(("/", os.sep)):
        names = list(names)
        return names, ToFolder(Path(target), names)
    if not target.lower().endswith(".png"):
        raise click.UsageError(f"{one_line(target)}: is neither a .png nor a folder, existing or with / at the end")
    names = only_one(names, "--boxes FILE.png", "name a folder for more, with / at the end")
    check_png(Path(target), *names)
    return names, ToFile(Path(target))


class ToFile:
    """Draws one image, of a book its first page that can be read."""

    def __init__(self, path: Path):
        self.path, self._is_drawn = path, False

    def draw(self, name: str, reading) -> None:
        """Draw unless it was done."""
        if not self._is_drawn:
            self._is_drawn = True
            _draw(name, reading, self.path)
            if reading.pages > 1:
                output.note(f"{one_line(name)}: boxes of page {reading.page} of {reading.pages} only; "
                            f"for all of them name a folder, with / at the end")  # fmt: skip


class ToFolder:
    """Draws each page of each image to a PNG of its own: its name, -page-2 and so on, -boxes, and a number if needed.

    UsageError where an image lies in the folder: it could be replaced.
    """

    def __init__(self, folder: Path, names: Iterable[str]):
        self.folder, self._taken = folder, set[str]()
        inside = os.path.realpath(folder)
        for name in names:
            if name == "-":
                raise click.UsageError("--boxes draws images from files, not from standard input")
            if os.path.dirname(os.path.realpath(name)) == inside:
                raise click.UsageError(f"{one_line(name)}: lies in the folder of --boxes; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)

    def draw(self, name: str, reading) -> None:
        page = f"-page-{reading.page}" if reading.pages > 1 else ""
        _draw(name, reading, self._free(f"{_stem(name)}{page}-boxes"))

    def _free(self, stem: str) -> Path:
        """The first path of that name that is new, or a PNG of an earlier run; links and other files stay."""
        n, name = 1, stem
        while name.casefold() in self._taken or not _is_replaceable(self.folder / f"{name}.png"):
            n += 1
            name = f"{stem}-{n}"
        self._taken.add(name.casefold())
        return self.folder / f"{name}.png"


def _stem(name: str) -> str:
    stem = os.path.splitext(os.path.basename(name))[0]
    return os.fsencode(stem)[:_LONGEST].decode(errors="ignore") or "image"


def _is_replaceable(path: Path) -> bool:
    """Whether there is nothing of that name, or a PNG."""
    if path.is_symlink() or not path.exists():
        return not path.is_symlink()
    if not path.is_file():
        return False
    with open(path, "rb") as stream:
        return stream.read(4) in (b"", b"\x89PNG")


def _draw(name: str, reading, path: Path) -> None:
    from lenet5.ocr.boxes import draw_boxes

    draw_boxes(name, reading, path)
    output.note(f"boxes drawn: {one_line(path)}")
