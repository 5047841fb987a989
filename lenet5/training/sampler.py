"""The sampler: which images are trained on, and in which order; it depends only on the set's size, seed and epoch.

Up to WINDOW images are shuffled as a whole. A larger set is cut into blocks of neighbours. The blocks are shuffled, and
the images of all blocks in a window are shuffled together. So a set on disk is read block by block, each page once per
epoch, with only one window in memory. The cuts are drawn anew for each epoch. A set in memory
has the same order, so the place of the images does not change the weights.
"""

from collections.abc import Iterator

import numpy as np

from ..utils.memmap import NO_PAGES, Pages

#: Images that are shuffled together: 51 MB of 28 x 28 bytes, and more than MNIST has.
WINDOW = 1 << 16
#: Neighbours that enter a window together: 100 KB, requested many at a time. A window has 512 blocks. So even in a set
#: sorted by ten classes, the share of a class in a window strays by only a seventh.
BLOCK = 1 << 7


def validation_numbers(n: int, n_validation: int) -> np.ndarray:
    """Return the indices of validation images among ``n``, ascending, int64: the same for every seed."""
    if n_validation >= n:
        raise ValueError(f"validation is {n_validation}, expected fewer than the {n} training images")
    rng = np.random.Generator(np.random.PCG64(1998))
    if n <= WINDOW:
        return np.sort(rng.permutation(n)[:n_validation])
    return np.sort(rng.choice(n, n_validation, replace=False, shuffle=False))


class Order:
    """The order of training images in each epoch; validation images are left out.

    Parameters
    ----------
    n : int
        Images in the set.
    n_validation : int
    seed : int
    pages : Pages, optional
        The pages of the set's images: read one window ahead, released one window behind.

    Attributes
    ----------
    n : int
        Training images.
    validation : ndarray of int64, ascending
    """

    def __init__(self, n: int, n_validation: int, seed: int, pages: Pages = NO_PAGES):
        self.validation = validation_numbers(n, n_validation)
        self.n, self._seed, self._pages = n - n_validation, seed, pages
        self._skipped = self.validation - np.arange(n_validation)  # training images before each of them
        self._window = self._asked = -1, -1

    def trained(self) -> np.ndarray:
        """The indices of all training images, ascending, int64."""
        return np.delete(np.arange(self.n + len(self.validation)), self.validation)

    def read_validation(self, X: np.ndarray) -> np.ndarray:
        """Copy the validation images of the whole set X."""
        self._pages.ask((k, k + 1) for k in self.validation.tolist())
        copies = X[self.validation]
        self._pages.release()
        return copies

    def numbers(self, epoch: int, first: int, last: int) -> np.ndarray:
        """Return the indices of the images at positions first .. last of an epoch (from 0), int64."""
        windows = range(first // WINDOW, -(-min(last, self.n) // WINDOW))
        parts = [self._in_window(epoch, w)[max(0, first - w * WINDOW) : last - w * WINDOW] for w in windows]
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def _in_window(self, epoch: int, window: int) -> np.ndarray:
        """Return the indices of a window's images in their order; those of the last window are cached."""
        if (epoch, window) != self._window:
            # Windows count from 1, because NumPy's seeds (s, e) and (s, e, 0) are the same.
            shuffle = _generator(self._seed, epoch, *([window + 1] if self.n > WINDOW else []))
            numbers = self._unshuffled(epoch, window)
            self._turn_pages(epoch, window, numbers)
            self._window, self._numbers = (epoch, window), numbers[shuffle.permutation(len(numbers))]
        return self._numbers

    def _unshuffled(self, epoch: int, window: int) -> np.ndarray:
        """Return the indices of a window's images, block by block."""
        places = self._places(epoch, window)
        return places + np.searchsorted(self._skipped, places, side="right")

    def _places(self, epoch: int, window: int) -> np.ndarray:
        """Return the positions of a window's images among the training images, block by block."""
        if self.n <= WINDOW:
            return np.arange(self.n)
        rng, n_blocks, per_window = _generator(self._seed, epoch), self.n // BLOCK, WINDOW // BLOCK
        offset = rng.integers(self.n)  # moves the cuts, and the remainder, to another place in each epoch
        blocks = rng.permutation(n_blocks)[window * per_window : (window + 1) * per_window]
        places = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        if len(blocks) < per_window:
            places = np.concatenate([places, np.arange(n_blocks * BLOCK, self.n)])
        return (places + offset) % self.n

    def _turn_pages(self, epoch: int, window: int, numbers: np.ndarray) -> None:
        """Release the pages of the window before this one, and have those of the next one read."""
        if self.n <= WINDOW or not self._pages:
            return
        self._pages.release()
        if self._asked != (epoch, window):
            self._pages.ask(_ranges(numbers))
        self._asked = (epoch, window + 1) if (window + 1) * WINDOW < self.n else (epoch + 1, 0)
        self._pages.ask(_ranges(self._unshuffled(*self._asked)))


def _ranges(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """Return (first, one after the last) of runs of neighbours in ``numbers``; small gaps are ignored."""
    steps = np.diff(numbers)
    cuts = np.flatnonzero((steps < 1) | (steps > BLOCK))
    return zip(numbers[np.append(0, cuts + 1)].tolist(), (numbers[np.append(cuts, -1)] + 1).tolist(), strict=True)


def _generator(*seeds: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seeds)))
