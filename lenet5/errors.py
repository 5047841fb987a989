"""What can go wrong for a reason that lies outside the program.

Wrong arguments (shapes, dtypes, values) are plain ``ValueError`` or ``TypeError``; the classes here are for
the world: files, networks, numbers that ran away. The command line gives each its exit code (cli/main.py).
Every message is one line: what, where, what to do.
"""

import os
import re

# No file system has such names or paths, so that they need not be given whole; data URLs are none from the start.
_LONG_NAME = re.compile(r"data:.{251,}|[^/]{256,}|.{4097,}", re.DOTALL)
_LONG_WORD = re.compile(r"data:\S{251,}|[^/\s]{256,}|\S{4097,}")


class LeNet5Error(Exception):
    """Any failure that the program foresees."""


class PictureError(LeNet5Error):
    """A file is no picture that can be read (damaged, too large, of another kind)."""


class NoDigitError(PictureError):
    """The picture was read, and nothing is drawn on it."""


class ModelFileError(LeNet5Error):
    """A file is no model of ours, or a damaged one."""


class DataError(LeNet5Error):
    """A data set cannot be had: missing, malformed, or no mirror gave it."""


class ChecksumError(DataError):
    """A file is there, but its bytes are not the published ones."""


class InUseError(LeNet5Error):
    """Another process is at work on the same run."""


class DivergedError(LeNet5Error):
    """Training met a loss that is not finite."""


class NothingLearnedError(DivergedError):
    """Training ended with a network that is no better than chance."""


class StoppedError(LeNet5Error):
    """A training was saved and left, as its caller wished; ``run`` is the folder to resume."""

    def __init__(self, message: str, run: os.PathLike):
        super().__init__(message)
        self.run = run


def shortened(name: str) -> str:
    """``name`` as it is where a file can have it, else without its middle."""
    return _LONG_NAME.sub(_without_middle, name)


def with_short_words(text: str) -> str:
    """``text`` in which words that are longer than any name of a file are without their middle."""
    return _LONG_WORD.sub(_without_middle, text)


def _without_middle(found: re.Match) -> str:
    return f"{found[0][:40]}...{found[0][-20:]}"


def one_line(text: object) -> str:
    """A name, shortened where no file can have it: as it is where it can be printed, else escaped and in quotes."""
    text = shortened(str(text))
    return text if text.isprintable() else repr(text)
