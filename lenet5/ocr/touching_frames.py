"""Frames and underlines that touch digits: straight edges of a mark, removed if the mark reaches to them."""

import numpy as np

from ..preprocessing.binarization import quantile
from ..preprocessing.components import Components
from .grouping import LOWEST, sizes

COVERED = 0.88, 0.93  # least fraction of a mark's side that a frame's edge covers, and of its width for an underline
RIM, FOOT = 0.13, 0.22  # of a mark's height: greatest depth of an edge, and of an underline
LONG = 2.5  # heights: a mark with an underline is at least this wide
THICK = 0.12  # of a mark's height: greatest thickness of a line, plus two pixels
REST = 0.4  # of a mark's height: least height of the remaining ink


def without_frames(mask: np.ndarray, marks: Components) -> np.ndarray:
    """Remove frames around numbers and lines under them that touch them, from a mask (H, W) bool with its ``marks``."""
    labels = None
    height, width = sizes(marks.boxes)
    for i in np.flatnonzero((height >= 2 * LOWEST) & (width >= 2 * LOWEST)):
        top, left, bottom, right = marks.boxes[i]
        window = np.s_[top:bottom, left:right]
        peel = _under if width[i] > LONG * height[i] else _frame
        if peel(mask[window]) is None:
            continue
        labels = marks.labels() if labels is None else labels
        own = labels[window] == i
        line = peel(own)
        if line is None:
            continue
        rest = np.flatnonzero((own & ~line).any(1))
        if len(rest) and rest[-1] - rest[0] >= REST * height[i]:
            mask = mask.copy()
            mask[window] &= ~line
    return mask


def _frame(own: np.ndarray) -> np.ndarray | None:
    """Return the four edges of a mark (h, w) bool, as (h, w) bool; None unless all of them are straight."""
    turned = [np.rot90(own, k) for k in range(4)]
    depths = [max(3, round(RIM * len(side))) for side in turned]
    if any(side[:depth].any(0).mean() < COVERED[0] for side, depth in zip(turned, depths, strict=True)):
        return None
    edges = [np.rot90(_edge(side, depth), -k) for k, (side, depth) in enumerate(zip(turned, depths, strict=True))]
    y, x = depths[:2]
    corners = own.copy()
    corners[y:-y] = corners[:, x:-x] = False
    return np.logical_or.reduce([*edges, corners])


def _under(own: np.ndarray) -> np.ndarray | None:
    """Return the underline of a mark (h, w) bool, as wide as the mark, without a line above; None without one."""
    depth = max(3, round(FOOT * len(own)))
    if own[-depth:].any(0).mean() < COVERED[1] or own[:depth].any(0).mean() > COVERED[0]:
        return None
    return _edge(own[::-1], depth)[::-1]


def _edge(own: np.ndarray, depth: int) -> np.ndarray:
    """Return the first run of each column of a mark (h, w) bool, as (h, w) bool.

    Runs must begin within ``depth`` rows of the top and be no thicker than a line. If most are thicker, none is kept.
    """
    started = np.maximum.accumulate(own, axis=0)
    first = started & ~np.maximum.accumulate(started & ~own, axis=0) & own[:depth].any(0)
    thick = first.sum(axis=0)
    limit = float(quantile(thick[thick > 0], 0.5))
    if limit > THICK * len(own) + 2:
        return np.zeros_like(own)
    return first & (thick <= 1.6 * max(limit, 2))
