"""@LIST: a text file with the name of an image in each line."""

import codecs
import os
from collections.abc import Iterator
from io import BufferedReader

import click

from lenet5.errors import one_line

from . import output

_MAX_NAME = 4096  # bytes: no system opens a longer path
_BLOCK, _MAX_PASSED = 2**16, 2**30  # bytes of a longer line that are passed over at a time, and in all


def open_list(path: str) -> BufferedReader:
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise _bad_list(path, getattr(error, "strerror", None) or error) from None


def _bad_list(path: str, why: object) -> click.UsageError:
    return click.UsageError(f"{one_line(f'@{path}')}: list of names cannot be read: {why}")


def names_in(path: str, stream: BufferedReader) -> Iterator[str]:
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
        output.note(f"{one_line(path)}: list of names is empty")


def _lines(path: str, stream: BufferedReader) -> Iterator[bytes]:
    """The lines of a list, in constant memory: a line that is longer than any name is cut off.

    What is left of it is still too long for any system to open. UsageError for one that does not end, as of /dev/zero.
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
