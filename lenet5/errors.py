"""What can go wrong for a reason that lies outside the program.

Wrong arguments (shapes, dtypes, values) are plain ``ValueError`` or ``TypeError``; the classes here are for
the world: files, networks, numbers that ran away. The command line gives each its exit code (cli/main.py).
Every message is one line: what, where, what to do.
"""


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


def one_line(text: object) -> str:
    """``text``, a name say, as it is where it can be printed on one line, else with escapes and in quotes."""
    text = str(text)
    return text if text.isprintable() else repr(text)
