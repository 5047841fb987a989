"""What commands read: images by their names, and data sets."""

import sys
from collections.abc import Mapping
from pathlib import Path

from lenet5.utils.text import wrapped

from . import bars, output
from .own_data import load_own


class _StandardInput:
    """What `-` stands for, as a file; PictureError where it is closed."""

    name = "-"

    def read(self, n: int = -1) -> bytes:
        if sys.stdin is None:
            from lenet5.errors import PictureError

            raise PictureError("-: standard input is closed")
        return sys.stdin.buffer.read(n)


def source(name: str):
    """What the library reads an image from, by its name among the arguments."""
    return _StandardInput() if name == "-" else name


def load_data(name: str | Mapping, data_dir: Path | None, offline: bool | None):
    """`datasets.obtain` with bars, and its notes on standard error."""
    from lenet5 import datasets

    if isinstance(name, Mapping):
        return load_own(**name)
    with bars.of_download() as report:
        loaded = datasets.obtain(name, data_dir, offline=offline, progress=report)
    for line in loaded.notes:
        output.note(wrapped(f"note: {line}"))
    return loaded
