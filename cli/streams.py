"""The standard streams: open, and able to take all that is written to them."""

import errno
import io
import os
import sys


def prepare() -> None:
    """Make the standard streams take all that is written to them, with escapes for what their encoding cannot hold.

    click's own `echo` writes UTF-8 to a stream whose encoding is ASCII, so it is used for neither.
    """
    _occupy_descriptors()
    sys.stdout = sys.stdout or _Closed()
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  (open as long as the process)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _occupy_descriptors() -> None:
    """Open what the caller closed of 0, 1 and 2, or the next file gets that number, and stray messages land in it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


class _Closed(io.TextIOBase):
    """Standard output that the caller closed: Python has None there, on which what is written is lost unnoticed."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
