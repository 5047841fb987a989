"""Heuristic over-segmentation of a line of ink (P98 section VII-A): pieces, and the segments they could form.

Connected components are pieces. A wide one is cut along the paths from top to bottom that cross the least ink. A
segment is one or more consecutive pieces, normalised as MNIST's images were, in two channels: its own ink, and all of
the line's ink around it at the same scale.
"""

from dataclasses import dataclass

import numpy as np

from ..preprocessing.components import Components
from . import _oversegmentation

LEVEL = 0.3  # ink above this level connects pixels
SOFT = 0.02  # ink down to this level belongs to the nearest mark
NARROWEST = 0.3  # of the line's height: a narrower mark is not cut
SMALLEST = 0.4  # of the line's height: a smaller segment also looks small in its image
WIDEST = 2.3  # of the line's height: a segment of several pieces is not wider
MOST_PIECES = 8  # per segment
REACH = 0.06  # of the line's height: a cut is the best one within this distance
LEAST_WIDTH = 0.2  # of the line's height: the least average width of the pieces of a mark
DIAGONAL = 0.3  # pixels of ink, the price of a step aside: a lower one lets cuts go round strokes they should cross
ENCLOSED = 1.0  # pixels of ink, the price of a pixel of enclosed paper: a cut through a nought is rarely wanted


@dataclass(frozen=True)
class Pieces:
    """The pieces of a line, from left to right.

    Attributes
    ----------
    ink : ndarray of shape (H, W), float32, 0..1
    labels : ndarray of shape (H, W), int
        The number of each pixel's piece, -1 for none.
    boxes : ndarray of shape (n, 4), int, as in `geometry.Box`
    height : float
        Of the line's digits, in pixels.
    """

    ink: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    height: float

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Hypotheses:
    """Segments: pieces first (n,) to stop (n,) int, boxes (n, 4) int, and images (n, 2, 28, 28) uint8."""

    first: np.ndarray
    stop: np.ndarray
    boxes: np.ndarray
    pictures: np.ndarray


def cut(ink: np.ndarray) -> Pieces:
    """Cut a line (H, W), float32 in 0..1, ink bright, into pieces; marks of fewer than 3 pixels are dropped."""
    marks = Components(ink > LEVEL)
    labels = marks.labels()
    kept = np.flatnonzero(marks.areas >= 3)
    height = line_height(marks.boxes[kept])
    parts = np.full(ink.shape, -1, np.int32)
    ink = np.ascontiguousarray(ink, np.float32)
    reach = max(1, round(REACH * height))
    n = 0
    for mark in kept:
        top, left, bottom, right = box = marks.boxes[mark]
        whole = right - left < max(NARROWEST * height, 5) or bottom - top < 3
        most = 0 if whole else max(1, round((right - left) / (LEAST_WIDTH * height)))
        n = _oversegmentation.split(
            ink, labels, int(mark), box, parts, n, most=most, reach=reach, diagonal=DIAGONAL, enclosed=ENCLOSED
        )
    for _ in range(2):  # the soft edges of strokes
        parts = _oversegmentation.soften(ink, parts, SOFT)
    return _ordered(ink, parts, n, height)


def line_height(boxes: np.ndarray) -> float:
    """Return the median height of a line's marks, from their boxes (n, 4), without small marks."""
    if not len(boxes):
        return 1.0
    heights = boxes[:, 2] - boxes[:, 0]
    tall = np.sort(heights[heights >= 0.5 * heights.max()])
    return float(tall[len(tall) // 2])


def _ordered(ink: np.ndarray, labels: np.ndarray, n: int, height: float) -> Pieces:
    """Number the pieces from left to right by the middles of their boxes."""
    ys, xs = np.nonzero(labels >= 0)
    own = labels[ys, xs]
    boxes = np.empty((n, 4), int)
    for i, (values, better) in enumerate(
        ((ys, np.minimum), (xs, np.minimum), (ys + 1, np.maximum), (xs + 1, np.maximum))
    ):
        boxes[:, i] = 10**6 if better is np.minimum else 0
        better.at(boxes[:, i], own, values)
    order = np.argsort(boxes[:, 1] + boxes[:, 3], kind="stable")
    rank = np.empty(n + 1, np.int32)
    rank[order], rank[-1] = np.arange(n), -1
    return Pieces(ink, rank[labels], boxes[order], height)


def hypotheses(pieces: Pieces, most: int = MOST_PIECES, widest: float = WIDEST) -> Hypotheses:
    """Form all segments of up to ``most`` pieces that could be one character, with their images."""
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
    around = np.array(boxes, np.int64).reshape(-1, 4)
    levels = np.rint(np.clip(pieces.ink, 0, 1) * 255).astype(np.uint8)
    pictures = _oversegmentation.pictures(levels, pieces.labels, first, stop, around, SMALLEST * pieces.height)
    return Hypotheses(first, stop, around, pictures)
