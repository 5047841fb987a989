"""Failures whose cause lies outside the program.

Wrong arguments (shapes, dtypes, values) are plain ``ValueError`` or ``TypeError``. The classes here are for the world:
files, networks, numbers that ran away. The command line gives each its exit code (cli/main.py). Every message is one
line: what, where, what to do.
"""

import os
import re

# No file has a name or path this long, so it need not be given completely; a data URL is never a file.
_LONG_NAME = re.compile(r"data:.{251,}|[^/]{256,}|.{4097,}", re.DOTALL)
_LONG_WORD = re.compile(r"data:\S{251,}|[^/\s]{256,}|\S{4097,}")


class LeNet5Error(Exception):
    """Any failure that the program foresees."""


class PictureError(LeNet5Error):
    """A file is not an image that can be read: damaged, too large, or of another kind."""


class PageError(PictureError):
    """One page of a file is damaged, the others may not be; it has the number ``page``, from 1, of ``pages``."""

    def __init__(self, message: str, page: int, pages: int):
        super().__init__(message)
        self.page, self.pages = page, pages


class NoDigitError(PictureError):
    """The image was read, and nothing is drawn on it."""


class ModelFileError(LeNet5Error):
    """A file is not a model of lenet5, or is damaged."""


class DataError(LeNet5Error):
    """A data set cannot be had: missing, malformed, or offered by no mirror."""


class ChecksumError(DataError):
    """A file exists, but its bytes are not the published ones."""


class InUseError(LeNet5Error):
    """Another process works on the same run."""


class DivergedError(LeNet5Error):
    """Training met a loss that is not finite."""


class NothingLearnedError(DivergedError):
    """Training ended with a network that is not better than chance."""


class StoppedError(LeNet5Error):
    """A training was saved and left, at its caller's wish; ``run`` is the folder to resume."""

    def __init__(self, message: str, run: os.PathLike):
        super().__init__(message)
        self.run = run


def shortened(name: str) -> str:
    """Return ``name`` as it is if a file can have it, else without its middle."""
    return _LONG_NAME.sub(_without_middle, name)


def with_short_words(text: str) -> str:
    """Return ``text`` with words longer than any file name shortened in the middle."""
    return _LONG_WORD.sub(_without_middle, text)


def _without_middle(found: re.Match) -> str:
    return f"{found[0][:40]}...{found[0][-20:]}"


def one_line(text: object) -> str:
    """Return a name for one line: shortened if no file can have it, escaped and quoted if it cannot be printed."""
    text = shortened(str(text))
    return text if text.isprintable() else repr(text)
