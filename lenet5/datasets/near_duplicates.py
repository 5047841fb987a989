"""Near duplicates: the same image saved again, resized or recompressed, found by an average hash.

The hash of an image is 64 bits: which cells of 8 x 8 are brighter than their mean. An image is compared with those of
the same hash, or one bit beside it, that are about as bright. So the time grows with N log N. Cells of 16 x 16 decide:
noise does not reach them, and no two of MNIST's 70,000 images are as alike.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..utils.memmap import Pages, pieces

CELLS = 8
NEIGHBOURS = 4  # images of one hash, next in brightness, that each image is compared with
FINE_CELLS = 16
MAX_DIFFERENCE = 0.08  # of the contrast: the root mean square difference of cells, up to which they are near duplicates
CHUNK = 256  # images in memory at a time: of 64 x 64 in colour with their copies some 10 MB


def near_duplicates(X: np.ndarray) -> np.ndarray:
    """Find pairs of images that show the same.

    Parameters
    ----------
    X : ndarray of shape (N, S, S) or (N, 3, S, S), uint8
        A memory map is read piece by piece.

    Returns
    -------
    ndarray of shape (P, 2), int64
        Indices of the images of each pair, the lower first.
    """
    if len(X) < 2:
        return np.empty((0, 2), np.int64)
    cells = np.empty((len(X), CELLS * CELLS), np.float32)
    for k, some in enumerate(pieces(X, CHUNK)):
        cells[k * CHUNK : k * CHUNK + len(some)] = _cells(some, CELLS)
    found = [pairs[_are_alike(pairs, lambda some: cells[some])] for pairs in _candidates(cells)]
    pages = Pages(X)

    def fine_cells(some: np.ndarray) -> np.ndarray:
        pages.release()
        return _cells(X[some], FINE_CELLS)

    found = [pairs[_are_alike(pairs, fine_cells)] for pairs in found]
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def groups_of(pairs: np.ndarray, n: int) -> np.ndarray:
    """Number the groups of images that pairs connect: (n,) int64, the lowest index of each image's group."""
    group = np.arange(n)
    while len(pairs):
        lowest = np.minimum(group[pairs[:, 0]], group[pairs[:, 1]])
        before = group.copy()
        for side in (0, 1):
            np.minimum.at(group, pairs[:, side], lowest)
        group = group[group]
        if (group == before).all():
            break
    return group


def _cells(X: np.ndarray, n: int) -> np.ndarray:
    """The mean of each of n x n cells, (N, n * n) float32."""
    side = X.shape[-1]
    edges = np.linspace(0, side, n + 1).astype(int)
    area = np.outer(np.diff(edges), np.diff(edges))
    grey = X.reshape(len(X), -1, side, side).mean(axis=1, dtype=np.float32)
    sums = np.add.reduceat(np.add.reduceat(grey, edges[:-1], axis=1), edges[:-1], axis=2)
    return (sums / area).reshape(len(X), -1).astype(np.float32)


def _candidates(cells: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs (P, 2) of images that may be alike, batch by batch: their hashes differ in no bit or in one."""
    means = cells.mean(axis=1)
    bits = (cells > means[:, None]).astype(np.uint8)
    hashes = np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)
    unique, number = np.unique(hashes, return_inverse=True)
    key = number * 1024.0 + means  # by hash, and among equal ones by brightness
    order = np.argsort(key, kind="stable")
    key, number = key[order], number[order]
    for step in range(1, NEIGHBOURS + 1):
        near = np.flatnonzero(number[step:] == number[:-step])
        yield np.stack([order[near], order[near + step]], axis=1)
    for bit in range(CELLS * CELLS):
        flipped = unique ^ (np.uint64(1) << np.uint64(bit))
        there = np.minimum(np.searchsorted(unique, flipped), len(unique) - 1)
        exists = (unique[there] == flipped) & (unique < flipped)
        mine = np.flatnonzero(exists[number])
        place = np.searchsorted(key, there[number[mine]] * 1024.0 + means[order[mine]])
        for other in (np.maximum(place - 1, 0), np.minimum(place, len(key) - 1)):
            same = number[other] == there[number[mine]]
            yield np.stack([order[mine[same]], order[other[same]]], axis=1)


def _are_alike(pairs: np.ndarray, cells_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Whether the cells of each pair differ by little, beside what they differ within each image."""
    alike = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), CHUNK):
        a, b = (cells_of(pairs[start : start + CHUNK, side]) for side in (0, 1))
        difference = np.sqrt(np.square(a - b).mean(axis=1))
        alike[start : start + CHUNK] = difference <= MAX_DIFFERENCE * np.maximum(a.std(axis=1), b.std(axis=1))
    return alike
