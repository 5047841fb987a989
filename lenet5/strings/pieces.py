"""A line of ink cut into pieces, and what consecutive pieces could be: heuristic over-segmentation (LeCun, Bottou,
Bengio, Haffner 1998, section VII-A).

Marks that do not hang together are pieces; a wide mark is cut along the paths from top to bottom that cross the least
ink. A hypothesis is one or more consecutive pieces, prepared as MNIST's pictures were, in two channels: its own ink,
and all of the line's around it at the same scale.
"""

from dataclasses import dataclass

import numpy as np

from ..ink import Components
from . import _pieces

LEVEL = 0.3  # ink above it holds marks together
SOFT = 0.02  # and down to here it belongs to the nearest mark
NARROWEST = 0.3  # a mark narrower than this part of the line's height is not cut
SMALLEST = 0.4  # of the line's height: what is smaller looks small in its picture, too
WIDEST = 2.3  # of the line's height: a hypothesis of several pieces is not wider
MOST_PIECES = 8  # of a hypothesis
DEAREST = 0.5  # of the line's height: a cut does not cross more ink
DIAGONAL = 0.1  # what a step aside costs a cut, in pixels of ink


@dataclass(frozen=True)
class Pieces:
    """The pieces of a line, from left to right.

    ink (H, W) float32 in 0..1 · labels (H, W) int: the number of a pixel's piece, -1 for none ·
    boxes (n, 4) int, as in `ink.Box` · height: of the line's digits, in pixels
    """

    ink: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    height: float

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Hypotheses:
    """Runs of pieces: first (n,), stop (n,) int, boxes (n, 4) int, and pictures (n, 2, 28, 28) uint8."""

    first: np.ndarray
    stop: np.ndarray
    boxes: np.ndarray
    pictures: np.ndarray


def cut(ink: np.ndarray) -> Pieces:
    """Cut a line (H, W), float32 in 0..1, ink bright, into pieces; specks of fewer than 3 pixels are none."""
    marks = Components(ink > LEVEL)
    labels = marks.labels()
    kept = np.flatnonzero(marks.areas >= 3)
    height = line_height(marks.boxes[kept])
    parts = np.full(ink.shape, -1)
    n = 0
    for mark in kept:
        top, left, bottom, right = marks.boxes[mark]
        window = np.s_[top:bottom, left:right]
        own = labels[window] == mark
        sides = _sides(np.where(own, ink[window], 0), height)
        for side in np.unique(sides[own]):
            parts[window][own & (sides == side)] = n
            n += 1
    labels = _softened(parts, ink)
    return _ordered(ink, labels, n, height)


def line_height(boxes: np.ndarray) -> float:
    """The height of a line's digits from the boxes (n, 4) of its marks: the median of those that are no small ones."""
    if not len(boxes):
        return 1.0
    heights = boxes[:, 2] - boxes[:, 0]
    tall = np.sort(heights[heights >= 0.5 * heights.max()])
    return float(tall[len(tall) // 2])


def _sides(ink: np.ndarray, height: float) -> np.ndarray:
    """Number the sides of all good cuts through one mark: (h, w) int."""
    h, w = ink.shape
    if w < max(NARROWEST * height, 5) or h < 3:
        return np.zeros(ink.shape, int)
    cost, steps = _pieces.seams(np.ascontiguousarray(ink), DIAGONAL)
    middle = h // 2
    through = cost[0][middle] + cost[1][middle] - ink[middle]
    reach = max(1, round(0.06 * height))
    padded = np.pad(through, reach, constant_values=np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    lowest = np.flatnonzero((through <= around.min(1)) & (through <= DEAREST * height))
    lowest = lowest[np.diff(lowest, prepend=-9) > 1]  # one of each plateau
    most = max(1, round(w / (0.2 * height)))
    lowest = np.sort(lowest[np.argsort(through[lowest], kind="stable")][:most])
    sides = np.zeros(ink.shape, int)
    columns = np.arange(w)
    for x in lowest:
        path = _path(steps, middle, x)
        right = columns[None] >= path[:, None]
        if ink[right].sum() > 1.5 and ink[~right].sum() > 1.5:
            sides += right
    return sides


def _path(steps, middle: int, x: int) -> np.ndarray:
    """The column of the best way through pixel (middle, x) in each row: (h,)."""
    h = len(steps[0])
    path = np.empty(h, int)
    path[middle] = x
    for y in range(middle, 0, -1):
        path[y - 1] = path[y] + steps[0][y, path[y]]
    for y in range(middle, h - 1):
        path[y + 1] = path[y] + steps[1][y, path[y]]
    return path


def _softened(labels: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Give the soft edges of strokes, two pixels at most, to a piece that they touch."""
    soft = ink > SOFT
    for _ in range(2):
        labels = np.where((labels < 0) & soft, _neighbour(labels), labels)
    return labels


def _neighbour(labels: np.ndarray) -> np.ndarray:
    """The greatest label of each pixel's 3 x 3 neighbours."""
    padded = np.pad(labels, 1, constant_values=-1)
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def _ordered(ink: np.ndarray, labels: np.ndarray, n: int, height: float) -> Pieces:
    """Number pieces from left to right by the middles of their boxes."""
    ys, xs = np.nonzero(labels >= 0)
    own = labels[ys, xs]
    boxes = np.empty((n, 4), int)
    for i, (values, better) in enumerate(
        ((ys, np.minimum), (xs, np.minimum), (ys + 1, np.maximum), (xs + 1, np.maximum))
    ):
        boxes[:, i] = 10**6 if better is np.minimum else 0
        better.at(boxes[:, i], own, values)
    order = np.argsort(boxes[:, 1] + boxes[:, 3], kind="stable")
    rank = np.empty(n + 1, int)
    rank[order], rank[-1] = np.arange(n), -1
    return Pieces(ink, rank.astype(np.int32)[labels], boxes[order], height)


def hypotheses(pieces: Pieces, most: int = MOST_PIECES, widest: float = WIDEST) -> Hypotheses:
    """All runs of ``most`` pieces, or fewer, that could be one character, with their pictures."""
    n, widest = len(pieces), widest * pieces.height
    runs, boxes = [], []
    for first in range(n):
        top, left, bottom, right = pieces.boxes[first]
        for stop in range(first + 1, min(first + most, n) + 1):
            t, x, b, r = pieces.boxes[stop - 1]
            top, left, bottom, right = min(top, t), min(left, x), max(bottom, b), max(right, r)
            if right - left > widest and stop > first + 1:
                break
            runs.append((first, stop))
            boxes.append((top, left, bottom, right))
    first, stop = np.ascontiguousarray(np.array(runs, np.int64).reshape(-1, 2).T)
    boxes = np.array(boxes, np.int64).reshape(-1, 4)
    levels = np.rint(np.clip(pieces.ink, 0, 1) * 255).astype(np.uint8)
    pictures = _pieces.pictures(levels, pieces.labels, first, stop, boxes, SMALLEST * pieces.height)
    return Hypotheses(first, stop, boxes, pictures)
