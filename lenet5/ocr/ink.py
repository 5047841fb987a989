"""The ink of numbers on each pixel of a page: where the network sees it, as much as its contrast with paper says."""

from typing import NamedTuple

import numpy as np

from ..preprocessing.binarization import contrast, quantile
from ..preprocessing.morphology import grown
from ..preprocessing.scaling import resized
from ..preprocessing.segmenter import INK, OTHER
from . import page_segmenter

PAPER_SIDE, SURROUNDINGS = 256, 0.04  # pixels: the paper is estimated on an image reduced to this side; of that side
LEAST_SURE = 0.25  # probability of ink
LEVEL = 0.3  # of the strokes' contrast: less is not ink
BARE = 0.2  # probability of ink or of other marks, below which the paper is bare


class Ink(NamedTuple):
    """What of a page (H, W) is written.

    ink : (H, W) float32, 0..1; 0 beside the digits
    mask : (H, W) bool, where it is strong enough
    other : (H, W) bool, other marks: print, letters, rules
    """

    ink: np.ndarray
    mask: np.ndarray
    other: np.ndarray


def found(grey: np.ndarray, invert: str = "auto", threads: int | None = None) -> Ink:
    """The ink of numbers on an image (H, W) float32 in 0..1."""
    classes = page_segmenter.look(grey, threads)
    sure, other = (resized(classes[k], grey.shape) for k in (INK, OTHER))
    seen = sure > LEAST_SURE
    if not page_segmenter.is_certain(classes):
        return Ink(np.zeros_like(grey), np.zeros(grey.shape, bool), (other > 0.5) | (sure > 0.5))
    ink = np.where(grown(seen, 1), amounts(grey, classes, invert), 0).astype(np.float32)
    return Ink(ink, seen & (ink > LEVEL * quantile(ink[seen], 0.7)), other > 0.5)


def amounts(grey: np.ndarray, classes: np.ndarray, invert: str) -> np.ndarray:
    """Return the amount of ink on each pixel, (H, W) 0..1: the contrast with the paper around it.

    classes : (3, h, w), as of `page_segmenter.look`; where it is neither ink nor anything else, there is paper
    """
    k = min(PAPER_SIDE / max(grey.shape), 1)
    small = resized(grey, tuple(max(1, round(n * k)) for n in grey.shape))
    ink, other = (resized(classes[k], small.shape) for k in (INK, OTHER))
    bare = _spread(small, (ink + other < BARE).astype(np.float32))
    sure = ink >= min(0.5, 0.9 * ink.max())
    dark = bool((bare - small)[sure].mean() > 0) if invert == "auto" else invert == "yes"
    return np.clip(contrast(grey, resized(bare, grey.shape), dark), 0, 1)


def _spread(small: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of an image (H, W) around each pixel, where pixels count by their weights, (H, W)."""
    weights = weights + np.float32(1e-6)
    total, share = small * weights, weights
    for _ in range(2):
        total, share = (_blurred(plane, 1 + round(SURROUNDINGS * max(small.shape))) for plane in (total, share))
    return total / share


def _blurred(plane: np.ndarray, radius: int) -> np.ndarray:
    """Means (H, W) of squares around each pixel, which end at the image's edge."""
    for axis in (0, 1):
        sums = np.insert(np.cumsum(plane, axis, dtype=np.float64), 0, 0, axis)
        ends = np.arange(plane.shape[axis])
        first, last = np.maximum(ends - radius, 0), np.minimum(ends + radius + 1, plane.shape[axis])
        n = np.expand_dims(last - first, 1 - axis)
        plane = (sums.take(last, axis) - sums.take(first, axis)) / n
    return plane
