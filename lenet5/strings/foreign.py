"""Marks beside numbers that are no digits: rings, creases, pens, the edges of paper."""

import numpy as np

from .groups import LOWEST, cut_off, sizes, typical_height

OVERSIZED = 3  # times as high as the digits beside it: no digit among these
LEAST_DIGITS, OTHERS_INK = 5, 0.5  # so many of these are about as high as most, and all have so much of its ink
ALONE = 1.7  # times lower: all others, where a tall mark is the only one of its size
HAIRY = 0.1  # of its box: a tall mark with less ink is a line or a ring


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
