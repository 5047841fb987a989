"""Files that commands draw to: refused before the work where something else would be replaced."""

import os
from pathlib import Path

import click

from lenet5.errors import one_line


def check_png(path: Path, *inputs: str) -> None:
    """Refuse, before the work, a target of an image that is not a PNG by its name or content, or that is an input."""
    from lenet5.utils.files import check_writable

    if path.suffix.lower() != ".png":
        raise click.UsageError(f"{one_line(path)}: the image is a PNG, so its name must end in .png")
    if path.exists():
        if any(os.path.exists(name) and path.samefile(name) for name in inputs):
            raise click.UsageError(f"{one_line(path)}: is the image to be read; choose another name")
        if not path.is_file() or _start(path, 4) not in (b"", b"\x89PNG"):
            raise click.UsageError(f"{one_line(path)}: exists and is not a PNG; choose another name")
    check_writable(path)


def check_svg(path: Path) -> None:
    """Refuse, before the work, a target of a chart that is not an SVG by its name or content."""
    from lenet5.utils.files import check_writable

    if path.suffix.lower() != ".svg":
        raise click.UsageError(f"{one_line(path)}: the chart is an SVG, so its name must end in .svg")
    if path.exists() and (not path.is_file() or _start(path, 4) not in (b"", b"<svg")):
        raise click.UsageError(f"{one_line(path)}: exists and is not an SVG of lenet5; choose another name")
    check_writable(path)


def check_csv(path: Path) -> None:
    """Refuse, before the work, a target of a table that is not a CSV by its name, or cannot be written."""
    from lenet5.utils.files import check_writable

    if path.suffix.lower() != ".csv":
        raise click.UsageError(f"{one_line(path)}: the table is a CSV, so its name must end in .csv")
    check_writable(path)


def _start(path: Path, n: int) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(n)
