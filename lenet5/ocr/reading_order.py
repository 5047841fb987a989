"""Reading order: line by line from the top, each from the left, also where lines rise, bow or run together.

How lines run is learnt from the page: the digits of a number follow each other along a line, and so do numbers. The
height of all lines is one smooth surface, fitted to neighbours.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from ..utils.geometry import Box

OVERLAP = 0.5  # of the lower one's height: by as much two boxes are beside each other, not above
PRIOR = 0.05  # squared widths of the page: the weight of level lines; of three numbers, one line has 0.2 to 0.5


def reading_order(boxes: Iterable[Box], marks: Sequence[np.ndarray] = ()) -> list[list[int]]:
    """Return the indices of boxes in reading order, by lines; ``marks`` are boxes (m, 4) of the digits in each."""
    level = levelled(np.array([*boxes], float).reshape(-1, 4), marks)
    lines: list[list[int]] = []
    for i in np.argsort(level[:, 0] + level[:, 2], kind="stable").tolist():
        beside = (line for line in lines if _overlap(level[[line[-1]]], level[[i]])[0, 0] >= OVERLAP)
        line = next(beside, None)
        if line is None:
            lines.append([i])
        else:
            line.append(i)
    return [sorted(line, key=lambda i: level[i, 1]) for line in lines]


def levelled(boxes: np.ndarray, marks: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Boxes (n, 4) float moved up or down as if all lines were level."""
    if len(boxes) < 2:
        return boxes
    y, x = ((boxes[:, k] + boxes[:, k + 2]) / 2 for k in (0, 1))
    scale = max(float(np.ptp(boxes[:, 1::2])), 1.0)
    surface = np.stack([x / scale, (x / scale) ** 2, x * y / scale**2], axis=1)
    falls = _slope(marks) * x
    for _ in range(2):
        before, after = _neighbours(boxes - (falls[:, None] * [1, 0, 1, 0]))
        steps = surface[after] - surface[before]
        weights = np.linalg.solve(steps.T @ steps + PRIOR * np.eye(3), steps.T @ (y[after] - y[before]))
        falls = surface @ weights
    return boxes - falls[:, None] * [1, 0, 1, 0]


def _slope(marks: Sequence[np.ndarray]) -> float:
    """How steeply the digits of all numbers fall on average, as a tangent; marks are boxes (m, 4) of each number's.

    Numbers that are higher than wide are digits in several parts, which say nothing.
    """
    middles = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in marks]
    wide = [number - number.mean(axis=0) for number in middles if np.ptp(number[:, 1]) > np.ptp(number[:, 0])]
    moved = np.concatenate(wide or [np.zeros((1, 2))])
    return float(moved[:, 0] @ moved[:, 1] / max(moved[:, 1] @ moved[:, 1], 1.0))


def _neighbours(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of boxes (n, 4) that are nearest to each other on a line: indices of the left and the right ones."""
    gap = boxes[None, :, 1] - boxes[:, None, 3]
    follows = (boxes[None, :, 1] > boxes[:, None, 1]) & (boxes[None, :, 3] > boxes[:, None, 3])
    gap = np.where(follows & (_overlap(boxes, boxes) >= OVERLAP), gap, np.inf)
    nearest = gap.argmin(axis=1)
    mutual = np.isfinite(gap.min(axis=1)) & (gap.argmin(axis=0)[nearest] == np.arange(len(boxes)))
    return np.flatnonzero(mutual), nearest[mutual]


def _overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How much of the lower one's height boxes (n, 4) and others (m, 4) share: (n, m), negative if apart."""
    common = np.minimum.outer(boxes[:, 2], others[:, 2]) - np.maximum.outer(boxes[:, 0], others[:, 0])
    return common / np.minimum.outer(boxes[:, 2] - boxes[:, 0], others[:, 2] - others[:, 0])
