"""Connected components of a mask, by runs of set pixels."""

import numpy as np

from .morphology import framed


class Components:
    """The connected components (8 neighbours) of a mask of shape (H, W), also called marks.

    Runs of set pixels are the nodes of a graph, joined where runs of adjacent rows touch. The number of the first run
    spreads over each component.

    Attributes
    ----------
    boxes : ndarray of shape (n, 4), int, as in `geometry.Box`
    areas : ndarray of shape (n,), int, pixels
    """

    def __init__(self, mask: np.ndarray):
        self.shape = mask.shape
        padded = framed(mask, 1).view(np.int8)[1:-1]
        steps = padded[:, 1:] - padded[:, :-1]
        self._row, self._start = np.nonzero(steps == 1)
        self._stop = np.nonzero(steps == -1)[1]
        roots, self._label = np.unique(self._spread(mask.shape[1] + 2), return_inverse=True)
        self.areas = np.bincount(self._label, self._stop - self._start, len(roots)).astype(int)
        self.boxes = np.empty((len(roots), 4), int)
        low, high = np.minimum, np.maximum
        ends = (self._row, self._start, self._row + 1, self._stop)
        for i, (better, end) in enumerate(zip((low, low, high, high), ends, strict=True)):
            self.boxes[:, i] = (0, 0, 0, 0)[i] if better is high else max(mask.shape)
            better.at(self.boxes[:, i], self._label, end)

    def _spread(self, stride: int) -> np.ndarray:
        """Give each run the number of the first run it is connected with."""
        above = (self._row - 1) * stride
        first = np.searchsorted(self._row * stride + self._stop, above + self._start)
        last = np.searchsorted(self._row * stride + self._start, above + self._stop, side="right")
        count = np.maximum(last - first, 0)
        run = np.repeat(np.arange(len(count)), count)
        neighbour = np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
        label = np.arange(len(count))
        while True:
            before = label.copy()
            lower = np.minimum(label[run], label[neighbour])
            np.minimum.at(label, before[run], lower)
            np.minimum.at(label, before[neighbour], lower)
            label = label[label]
            if (label == before).all():
                return label

    def labels(self) -> np.ndarray:
        """Return the number of each pixel's component, -1 for none: (H, W) int."""
        labels = np.full(self.shape, -1)
        labels[self.mask(np.ones(len(self.areas), bool))] = np.repeat(self._label, self._stop - self._start)
        return labels

    def mask(self, chosen: np.ndarray) -> np.ndarray:
        """Draw the components for which ``chosen`` (n,) is true: (H, W) bool."""
        runs = chosen[self._label]
        steps = np.zeros((self.shape[0], self.shape[1] + 1), np.int8)
        steps[self._row[runs], self._start[runs]] += 1
        steps[self._row[runs], self._stop[runs]] -= 1
        return np.cumsum(steps, axis=1)[:, :-1] > 0
