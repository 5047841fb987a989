"""IDX files, the format of MNIST: a magic number, one size per axis, then the bytes. Plain or gzip.

    00 00 08 nn | nn sizes, big-endian 32 bits | unsigned bytes, last axis fastest

Files may come from anywhere. So nothing is believed before it is checked, and memory grows only with bytes that really
arrived, whatever a header or a gzip stream promises.
"""

import contextlib
import gzip
import math
import os
import stat
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np

from ..errors import DataError
from ..utils.files import atomic_write

MAX_BYTES = 1 << 30
MAX_AXES = 8
BLOCK = 1 << 18
UINT8 = 0x08
OTHER_TYPES = {0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
AXES = {1: "labels (1 axis)", 3: "images (3 axes)"}


class _Plain:
    """A stream whose first bytes have been read already, to recognise its format."""

    def __init__(self, stream: BinaryIO, head: bytes):
        self._stream, self._head = stream, head

    def read(self, n: int) -> bytes:
        """Return at most ``n`` bytes, none at the end."""
        head, self._head = self._head[:n], self._head[n:]
        return head or self._stream.read(n) or b""


class _Gunzip:
    """One gzip member, inflated no further than asked: a gzip bomb costs no more than its header states."""

    def __init__(self, stream: BinaryIO, head: bytes):
        self._stream, self._waiting = stream, head
        self._inflate = zlib.decompressobj(wbits=31)

    def read(self, n: int) -> bytes:
        """Return at most ``n`` bytes, none at the end. zlib.error if damaged, EOFError if cut short."""
        while not self._inflate.eof:
            block = self._waiting or self._stream.read(BLOCK) or b""
            data = self._inflate.decompress(block, n)
            self._waiting = self._inflate.unconsumed_tail
            if data:
                return data
            if not block and not self._inflate.eof:
                raise EOFError
        if self._inflate.unused_data or self._stream.read(1):
            raise zlib.error("there is more after the end of the compressed data")
        return b""


def read_idx(
    source: str | os.PathLike | BinaryIO, *, ndim: int | None = None, max_bytes: int = MAX_BYTES
) -> np.ndarray:
    """Read an IDX file of unsigned bytes; gzip is recognised by its first bytes, not by its name.

    Parameters
    ----------
    source : path or binary stream
        A stream need not be seekable; it is read to its end.
    ndim : int, optional
        Number of axes to demand: 1 for labels, 3 for images.
    max_bytes : int
        The most values to accept.

    Returns
    -------
    ndarray of uint8, writable
        Of the shape that the header states.

    Raises
    ------
    DataError
        Missing, not a regular file, not IDX, damaged, cut short, too long, too large, or with other axes.
    """
    where = str(getattr(source, "name", "stream")) if hasattr(source, "read") else os.fsdecode(source)
    with _explained(where), _opened(source, where) as (stream, size):
        head = bytes(_take(stream, 2))
        zipped = head == b"\x1f\x8b"
        reader = (_Gunzip if zipped else _Plain)(stream, head)
        shape = _header(reader, where, ndim, max_bytes)
        count, offset = math.prod(shape), 4 + 4 * len(shape)
        if size is not None and not zipped and size != offset + count:
            raise DataError(f"{where}: {size:,} bytes, its header asks for {offset + count:,}; fetch it anew")
        data = _take(reader, count)
        if len(data) < count:
            raise DataError(f"{where}: ends after {len(data):,} of {count:,} values; fetch it anew")
        if reader.read(1):
            raise DataError(f"{where}: goes on after the {count:,} values of its header; fetch it anew")
    return np.frombuffer(data, np.uint8).reshape(shape)


def write_idx(path: str | os.PathLike, array: np.ndarray) -> None:
    """Write a uint8 array of 1 to 8 axes as IDX; gzip without a time stamp if the name ends in ``.gz``."""
    if array.dtype != np.uint8 or not 1 <= array.ndim <= MAX_AXES:
        raise ValueError(f"IDX takes uint8 of 1 to {MAX_AXES} axes, not {array.dtype} of {array.ndim}")
    head = bytes([0, 0, UINT8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    data = head + array.tobytes()
    atomic_write(path, gzip.compress(data, mtime=0) if os.fspath(path).endswith(".gz") else data)


@contextlib.contextmanager
def _opened(source: str | os.PathLike | BinaryIO, where: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """Yield a stream, and its length if that is known."""
    if hasattr(source, "read"):
        yield cast(BinaryIO, source), None
        return
    status = os.stat(source)
    if not stat.S_ISREG(status.st_mode):  # checked before opening, which would wait for the writer of a pipe
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise DataError(f"{where}: is {kind}; name an IDX file")
    with open(source, "rb") as stream:
        yield stream, status.st_size


@contextlib.contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn errors of reading into one line."""
    try:
        yield
    except zlib.error as error:
        raise DataError(f"{where}: damaged gzip data ({_short(error)}); fetch it anew") from error
    except EOFError as error:
        raise DataError(f"{where}: gzip data is cut short; fetch it anew") from error
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror or error})") from error


def _short(error: zlib.error) -> str:
    """Return zlib's words without the preamble: "incorrect data check"."""
    return str(error).rpartition(": ")[2]


def _take(reader, n: int) -> bytearray:
    """Read ``n`` bytes, or as many as there are. The buffer grows with the data, since ``n`` is only a claim."""
    data = bytearray()
    while len(data) < n and (block := reader.read(min(BLOCK, n - len(data)))):
        data += block
    return data


def _header(reader, where: str, ndim: int | None, max_bytes: int) -> tuple[int, ...]:
    """Read and check magic number and sizes; return the shape."""
    magic = _take(reader, 4)
    if not magic:
        raise DataError(f"{where}: is empty; fetch it anew")
    if len(magic) < 4 or magic[0] or magic[1] or magic[2] not in {UINT8, *OTHER_TYPES}:
        raise DataError(f"{where}: is not an IDX file (it starts with {bytes(magic)!r})")
    if magic[2] != UINT8:
        raise DataError(f"{where}: holds {OTHER_TYPES[magic[2]]} values; only unsigned bytes are read")
    axes = magic[3]
    if ndim is not None and axes != ndim:
        found, wanted = (AXES.get(n, f"{n} axes") for n in (axes, ndim))
        raise DataError(f"{where}: holds {found}, not {wanted}; were two files swapped?")
    if not 1 <= axes <= MAX_AXES:
        raise DataError(f"{where}: claims {axes} axes; 1 to {MAX_AXES} are read")
    sizes = _take(reader, 4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{where}: ends within its header; fetch it anew")
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    if math.prod(max(n, 1) for n in shape) > max_bytes:  # an empty axis must not hide one of billions
        raise DataError(f"{where}: claims {' x '.join(map(str, shape))} values; {max_bytes:,} are the most")
    return shape
