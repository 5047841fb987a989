"""Marks beside numbers that are no digits: rings, creases, pens, the edges of paper."""

import numpy as np

from .grouping import LOWEST, cut_off, sizes, typical_height

OVERSIZED = 3  # times as high as the digits beside it: no digit among these
LEAST_DIGITS, OTHERS_INK = 5, 0.5  # so many of these are about as high as most, and all have so much of its ink
ALONE = 1.7  # times lower: all others, where a tall mark is the only one of its size
HAIRY = 0.1  # of its box: a tall mark with less ink is a line or a ring
THIN, INNER = 0.4, 0.25  # of its box: a ring holds less ink; of its height: what it surrounds is as high
CLOSED, OPEN = (0.8, 0.8), (0.9, 0.4)  # of what is inside, each side is seen across the ring: all sides, or all but one
UNDERLINE = 2.2, 0.35  # of the digits' height: what is wider and lower is a line


def foreign(boxes: np.ndarray, areas: np.ndarray, labels: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Which marks are no digits but stand among these: (n,) bool.

    boxes (n, 4), areas (n,) int; ``names`` (n,) are their numbers in ``labels`` (H, W) int.
    """
    found = rings(boxes, areas, labels, names)
    found[~found] |= oversized(boxes[~found], areas[~found], labels.shape)
    found[~found] |= underlines(boxes[~found], areas[~found])
    return found


def rings(boxes: np.ndarray, areas: np.ndarray, labels: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Which marks are circles and frames around others: (n,) bool; arguments as for `foreign`."""
    top, left, bottom, right = boxes.T
    height, width = sizes(boxes)
    found = np.zeros(len(boxes), bool)
    for i in np.flatnonzero((areas < THIN * height * width) & (np.minimum(height, width) > LOWEST)):
        inside = (top > top[i]) & (left > left[i]) & (bottom < bottom[i]) & (right < right[i])
        inside &= height >= max(INNER * height[i], LOWEST)
        if inside.any():
            own = labels[top[i] : bottom[i], left[i] : right[i]] == names[i]
            corner = np.tile(boxes[i, :2], 2)
            found[i] = any(_surrounds(own, boxes[j] - corner) for j in np.flatnonzero(inside))
    return found


def _surrounds(own: np.ndarray, box: np.ndarray) -> bool:
    """Tell whether a mark, (h, w) bool, is seen from ``box`` in it on each side, or on three and a part of one."""
    top, left, bottom, right = box
    rows, columns = slice(top, bottom), slice(left, right)
    if own[rows, columns].mean() > HAIRY:
        return False
    sides = sorted(
        [own[:top, columns].any(0).mean(), own[bottom:, columns].any(0).mean(),
         own[rows, :left].any(1).mean(), own[rows, right:].any(1).mean()]
    )  # fmt: skip
    return any(sides[1] > most and sides[0] > least for most, least in (CLOSED, OPEN))


def oversized(boxes: np.ndarray, areas: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which marks are far taller than the digits that they stand among: (n,) bool.

    Those that the picture's edge cuts, that are thin for their size, or the only ones of it: a few large digits among
    small ones are digits. boxes (n, 4) and areas (n,) int, in a picture of ``shape``.
    """
    height, width = sizes(boxes)
    cut = cut_off(boxes, shape)
    found, others = np.zeros(len(boxes), bool), np.ones(len(boxes), bool)
    for i in np.argsort(-height, kind="stable"):
        others[i] = False
        if not _are_digits(boxes[others], areas[others], height[i], areas[i]):
            break
        if not (cut[i] or areas[i] < HAIRY * height[i] * width[i] or height[others].max() * ALONE < height[i]):
            break
        found[i] = True
    return found


def _are_digits(boxes: np.ndarray, areas: np.ndarray, tallest: float, ink: float) -> bool:
    """Tell whether marks could be digits, beside one that is ``tallest`` and has ``ink`` pixels: much lower, some of
    like height, and no specks."""
    if len(boxes) < LEAST_DIGITS or areas.sum() < OTHERS_INK * ink:
        return False
    height, _ = sizes(boxes)
    typical = typical_height(boxes, areas)
    alike = (height > typical / 2) & (height < 2 * typical)
    return LOWEST <= typical < tallest / OVERSIZED and alike.sum() >= LEAST_DIGITS


def underlines(boxes: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Which marks are lines under numbers, or through nothing: (n,) bool."""
    if not len(boxes):
        return np.zeros(0, bool)
    height, width = sizes(boxes)
    typical = typical_height(boxes, areas)
    return (width > UNDERLINE[0] * typical) & (height < UNDERLINE[1] * typical)
