"""Comb fields of forms, and rows of boxes: strokes of one height, evenly spaced, that stand on a line."""

from typing import NamedTuple

import numpy as np

from .components import Components
from .morphology import run_lengths

FEWEST = 4  # teeth; a row of handwritten 1s of one height, that evenly spaced, is rarer than three fields
LOWEST = 4  # pixels: the least height of a tooth
SLACK = 1.5  # pixels by which teeth may differ in height and place, once drawn, scanned and thresholded


class Comb(NamedTuple):
    """The line (box of pixels) that teeth stand on, the columns of their middles, their height and width in pixels."""

    base: np.ndarray
    columns: np.ndarray
    height: float
    width: int


def without_combs(mask: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """A mask (H, W) without combs on any of the ``lines`` (H, W) bool along its rows; strokes that cross them stay."""
    if not lines.any():
        return mask
    for base in Components(lines).boxes:
        comb = _comb(mask, base)
        if comb is not None:
            mask = mask & ~_drawn(mask, comb)
    return mask


def _comb(mask: np.ndarray, base: np.ndarray) -> Comb | None:
    """The comb on a line, a box of pixels; None if strokes on it are not evenly spaced."""
    top, left, bottom, right = base
    above = mask[:top, left:right][::-1]
    heights = np.where(above.all(axis=0), len(above), np.argmin(above, axis=0)) if len(above) else np.zeros(0)
    middles, tall, wide = _teeth(heights, 2 * int(bottom - top) + 2)
    best = max(_evenly(middles, tall, right - left), key=len, default=np.zeros(0, int))
    if len(best) < FEWEST:
        return None
    first, step = middles[best[0]], np.median(np.diff(middles[best]))
    places = first + step * np.arange(-(first // step), (right - left - first) // step + 1)
    return Comb(base, left + places, float(np.median(tall[best])), int(np.median(wide[best])))


def _teeth(heights: np.ndarray, widest: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles, heights and widths of the strokes that stand on a line, of the ``heights`` (n,) of ink on its pixels."""
    steps = np.diff((heights >= LOWEST).astype(int), prepend=0, append=0)
    start, stop = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    thin = stop - start <= widest
    start, stop = start[thin], stop[thin]
    tall = np.array([heights[a:b].max() for a, b in zip(start, stop, strict=True)])
    return (start + stop - 1) / 2, tall, stop - start


def _evenly(middles: np.ndarray, heights: np.ndarray, length: int) -> list[np.ndarray]:
    """The sets of strokes, as indices, that are of one height and in one step along all of a line of ``length``."""
    found = []
    for i in range(len(middles)):
        for j in range(i + 1, len(middles)):
            step, height = middles[j] - middles[i], heights[i]
            phase = (middles - middles[i]) / step
            here = (abs(phase - np.rint(phase)) * step <= SLACK) & (abs(heights - height) <= SLACK)
            if step >= height / 2 and here.sum() >= FEWEST - 1 and here.sum() >= 0.6 * length / step:
                found.append(np.flatnonzero(here))
    return found


def _drawn(mask: np.ndarray, comb: Comb) -> np.ndarray:
    """The ink of a comb (H, W) bool: its line and its teeth, but for what is wider than they are."""
    drawn = np.zeros_like(mask)
    top, left, bottom, right = comb.base
    rows = slice(max(int(top - comb.height - SLACK), 0), bottom)
    drawn[top:bottom, left:right] = run_lengths(mask, axis=0)[top:bottom, left:right] <= bottom - top + SLACK
    narrow = run_lengths(mask[rows], axis=1) <= comb.width + SLACK
    for column in np.rint(comb.columns).astype(int):
        near = slice(max(column - comb.width, 0), column + comb.width + 1)
        drawn[rows, near] |= narrow[:, near]
        drawn[top:bottom, near] = True
    return drawn & mask
