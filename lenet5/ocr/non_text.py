"""Marks beside numbers that are not digits: rings, creases, pens, the edges of paper."""

import numpy as np

from .grouping import LOWEST, cut_off, sizes, typical_height

OVERSIZED = 3  # times the height of the digits around it: a mark as high as that is not a digit
LEAST_DIGITS, OTHERS_INK = 5, 0.5  # number of digits of typical height, and ink of all, relative to the large mark's
ALONE = 1.7  # times the height of all others: a mark taller than that is the only one of its size
HAIRY = 0.1  # of its box: a tall mark with less ink is a line or a ring
THIN, INNER = 0.4, 0.25  # ink of a ring, at most, relative to its box; height of its content, at least, relative to it
CLOSED, OPEN = (0.8, 0.8), (0.9, 0.4)  # of its content, enclosed at each side: on all sides, or on all but one
UNDERLINE = 2.2, 0.35  # of the digits' height: a wider and lower mark is a line


def foreign(boxes: np.ndarray, areas: np.ndarray, labels: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Find the marks that are not digits: (n,) bool.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4)
    areas : ndarray of shape (n,), int
    labels : ndarray of shape (H, W), int
    names : ndarray of shape (n,)
        The marks' numbers in ``labels``.
    """
    found = rings(boxes, areas, labels, names)
    found[~found] |= oversized(boxes[~found], areas[~found], labels.shape)
    found[~found] |= underlines(boxes[~found], areas[~found])
    return found


def rings(boxes: np.ndarray, areas: np.ndarray, labels: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Find circles and frames around other marks: (n,) bool. Arguments as for `foreign`."""
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
    """Whether a mark, (h, w) bool, encloses ``box`` in it on each side, or on three sides and a part of the fourth."""
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
    """Find marks far taller than the digits around them: (n,) bool.

    Only marks that the edge of the image cuts, that are thin for their size, or that are the only ones of it count: a
    few large digits among small ones are digits.

    Parameters
    ----------
    boxes : ndarray of shape (n, 4)
    areas : ndarray of shape (n,), int
    shape : of the image
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
    """Whether marks could be digits beside one that is ``tallest`` and has ``ink`` pixels.

    They are then much lower, several have similar heights, and they are not too small.
    """
    if len(boxes) < LEAST_DIGITS or areas.sum() < OTHERS_INK * ink:
        return False
    height, _ = sizes(boxes)
    typical = typical_height(boxes, areas)
    alike = (height > typical / 2) & (height < 2 * typical)
    return LOWEST <= typical < tallest / OVERSIZED and alike.sum() >= LEAST_DIGITS


def underlines(boxes: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Find lines under numbers, or without any number: (n,) bool."""
    if not len(boxes):
        return np.zeros(0, bool)
    height, width = sizes(boxes)
    typical = typical_height(boxes, areas)
    return (width > UNDERLINE[0] * typical) & (height < UNDERLINE[1] * typical)
