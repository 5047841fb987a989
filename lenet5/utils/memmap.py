"""Pages of memory-mapped arrays: asked for before they are needed, given back when they were used.

Pages of a mapped file that were read count as the process's memory until the system wants them back. Where a set is
larger than memory, and a container's limit counts them, it is better to say which are not needed any more.
"""

import contextlib
import mmap
from collections.abc import Iterable, Iterator

import numpy as np

#: Pictures of a mapped set that are looked at between two releases.
ROWS = 1 << 15


class Pages:
    """The pages of the file behind an array; for an array that no file lies behind, every method does nothing.

    Parameters
    ----------
    array : ndarray
        A memory map (`np.load(..., mmap_mode="r")`, `np.memmap`) or a view of one. Copy-on-write maps are left alone:
        their changes exist in memory only.
    """

    def __init__(self, array: np.ndarray):
        self._map: mmap.mmap | None = None
        owner: object = array
        while owner is not None and not isinstance(owner, np.memmap):
            owner = getattr(owner, "base", None)
        if owner is None or owner.mode not in ("r", "r+") or not hasattr(mmap, "MADV_DONTNEED"):
            return
        mapped = getattr(owner, "_mmap", None)
        if array.flags.c_contiguous and array.size and isinstance(mapped, mmap.mmap):
            self._map, self._row = mapped, array.nbytes // len(array)
            self._start = array.ctypes.data - np.frombuffer(self._map, np.uint8).ctypes.data
            self._end = self._start + array.nbytes

    def __bool__(self) -> bool:
        """Whether a file lies behind the array."""
        return self._map is not None

    def release(self) -> None:
        """Give all of the array's pages back; those that are read again come back from the file."""
        if self._map is not None:
            self._advise(mmap.MADV_DONTNEED, self._start, self._end)

    def ask(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Have the pages of these ranges of rows, (first, one after the last), read in the background."""
        for first, last in ranges if self._map is not None else ():
            self._advise(mmap.MADV_WILLNEED, self._start + first * self._row, self._start + last * self._row)

    def _advise(self, advice: int, start: int, end: int) -> None:
        assert self._map is not None  # callers have looked
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        with contextlib.suppress(OSError):  # only advice: a file system may not take it
            self._map.madvise(advice, first, end - first)


NO_PAGES = Pages(np.zeros(0, np.uint8))


def pieces(array: np.ndarray, rows: int = ROWS) -> Iterator[np.ndarray]:
    """The array in pieces of so many rows, one after the other; the pages of a mapped one are given back after each."""
    pages = Pages(array)
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        pages.release()
