"""Grouping of marks into numbers: which follow each other on a line, gaps between words, dots."""

import numpy as np

from ..preprocessing.binarization import quantile
from ..utils.geometry import Box

SMALL = 0.4  # of the typical height: a lower mark is a dot, a dash, the bar of a 5, or part of a smaller number
IN_LINE = 0.2  # of the lower one's height: marks that share less of it are on two lines
FAR = 2  # heights: marks farther apart belong to two numbers
RATIO = 3  # a mark is at most this many times as high as the next one of its number
SMALLER, LOWEST = 0.15, 8  # least height of a smaller number: as a fraction of the typical height, and in pixels
ALIKE = 2.2  # the heights of its marks differ by a smaller factor
WORD_GAP, LONE_GAP = 0.7, 1.0  # heights: narrower gaps do not separate words; on a page, and on a single line
WORD_RATIO, NARROW_GAP = 2, 0.1  # nor do gaps under twice as wide as all narrow ones, which count as this, at least


def typical_height(boxes: np.ndarray) -> float:
    """The height up to which the boxes (n, 4) of marks have half of the area; a long one counts as 2 squares."""
    height, width = sizes(boxes)
    order = np.argsort(height)
    weights = np.cumsum((height * np.minimum(width, 2 * height))[order])
    return float(height[order][np.searchsorted(weights, weights[-1] / 2)])


def sizes(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return heights and widths (n,) of boxes (n, 4)."""
    return boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]


def tall_groups(boxes: np.ndarray, typical: float) -> tuple[list[np.ndarray], np.ndarray]:
    """Group tall marks that follow each other on a line; return lists of their indices, and those of small marks."""
    tall = sizes(boxes)[0] >= SMALL * typical
    return following(boxes, np.flatnonzero(tall)), np.flatnonzero(~tall)


def smaller_groups(boxes: np.ndarray, left: np.ndarray, typical: float) -> list[np.ndarray]:
    """Group marks ``left`` into numbers written much smaller than others: two or more of similar height on a line."""
    height, _ = sizes(boxes)
    groups = following(boxes, left[height[left] >= max(SMALLER * typical, LOWEST)])
    return [group for group in groups if len(group) > 1 and height[group].max() < ALIKE * height[group].min()]


def following(boxes: np.ndarray, members: np.ndarray) -> list[np.ndarray]:
    """Split the marks ``members``, (m,) int, into groups that follow each other on a line."""
    top, left, bottom, right = boxes[members].T
    height = bottom - top
    common = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    gap = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    lower, higher = (better.outer(height, height) for better in (np.minimum, np.maximum))
    joined = (common >= IN_LINE * lower) & (gap <= FAR * np.minimum(higher, 2 * lower)) & (higher <= RATIO * lower)
    label = np.arange(len(members))
    while True:
        spread = np.where(joined, label[None], len(members)).min(axis=1, initial=len(members))
        if (spread == label).all():
            return [members[label == name] for name in np.unique(label)]
        label = spread


def with_small(boxes: np.ndarray, groups: list[np.ndarray], small: np.ndarray) -> list[np.ndarray]:
    """Give each small mark, a dot or the bar of a 5, to the group it lies in or near; the others are dropped."""
    members = [list(group) for group in groups]
    bounds = np.array([union(boxes[group]) for group in groups]).reshape(-1, 4)
    for i in small[np.argsort(boxes[small, 1], kind="stable")] if members else ():
        top, left, bottom, right = boxes[i]
        t, x, b, r = bounds.T
        reach = 0.7 * (b - t)
        aside = np.maximum(np.maximum(x - right, left - r), 0)
        above = np.maximum(np.maximum(t - bottom, top - b), 0)
        near = (aside <= reach) & (above <= 0.3 * reach) & (max(bottom - top, right - left) >= 0.06 * (b - t))
        if near.any():
            nearest = int(np.where(near, aside + 2 * above, np.inf).argmin())
            members[nearest].append(i)
            bounds[nearest] = union(boxes[members[nearest]])
    return [np.array(group) for group in members]


def words(boxes: np.ndarray, group: np.ndarray, least: float) -> list[np.ndarray]:
    """Split a group at gaps of ``least`` heights or more that are far wider than all others.

    Small marks count too, since a dash may fill a gap. A group with only wide gaps is one number.
    """
    group = group[np.argsort(boxes[group, 1], kind="stable")]
    height, _ = sizes(boxes[group])
    typical = quantile(height[height >= SMALL * height.max()], 0.5)
    gaps = (boxes[group[1:], 1] - np.maximum.accumulate(boxes[group[:-1], 3])) / typical
    narrow = gaps[gaps < least]
    if not len(narrow):
        return [group]
    wide = gaps > max(least, WORD_RATIO * max(narrow.max(), NARROW_GAP))
    parts = np.split(group, np.flatnonzero(wide) + 1)
    return [part for part in parts if sizes(boxes[part])[0].max() >= SMALL * typical]


def union(boxes: np.ndarray) -> Box:
    """Return the smallest box around boxes (n, 4)."""
    return Box(*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())
