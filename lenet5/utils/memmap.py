"""Pages of memory-mapped arrays: requested before they are needed, released after use.

Pages that were read from a mapped file count as the process's memory until the system reclaims them. A container's
limit counts them too, so for sets larger than memory we say which pages are not needed any more.
"""

import contextlib
import mmap
from collections.abc import Iterable, Iterator

import numpy as np

#: Images of a mapped set that are read between two releases.
ROWS = 1 << 15


class Pages:
    """The pages of the file behind an array; without such a file every method does nothing.

    Parameters
    ----------
    array : ndarray
        A memory map (`np.load(..., mmap_mode="r")`, `np.memmap`) or a view of one. Copy-on-write maps are left alone,
        because their changes exist in memory only.
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
        """Release all pages of the array; pages that are read again come back from the file."""
        if self._map is not None:
            self._advise(mmap.MADV_DONTNEED, self._start, self._end)

    def ask(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Have the pages of some ranges of rows, (first, one after the last), read ahead in the background."""
        for first, last in ranges if self._map is not None else ():
            self._advise(mmap.MADV_WILLNEED, self._start + first * self._row, self._start + last * self._row)

    def _advise(self, advice: int, start: int, end: int) -> None:
        assert self._map is not None  # checked by the callers
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        with contextlib.suppress(OSError):  # only advice, which a file system may refuse
            self._map.madvise(advice, first, end - first)


NO_PAGES = Pages(np.zeros(0, np.uint8))


def pieces(array: np.ndarray, rows: int = ROWS) -> Iterator[np.ndarray]:
    """Yield the array in pieces of ``rows`` rows; the pages of a mapped array are released after each piece."""
    pages = Pages(array)
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
        pages.release()
