"""The rows and columns of a table, from where its numbers stand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .reader import Number

#: Heights of a digit: as far may a number reach into the next column, on both sides together.
LEAN = 0.5
#: A lower mark than this, as a fraction of the tallest one, goes with the digits on its side of a rule.
SMALL = 0.4
#: A vertical rule is on this fraction of the rows of the two marks that it parts.
PARTED = 0.8


def cells(numbers: "Sequence[Number]") -> list[list[str]]:
    """The texts of a table's cells, in rows of equal length.

    Numbers above each other are in one column. A cell without a number is "", one with several has spaces between them.
    """
    if not numbers:
        return []
    of_line = np.array([number.line for number in numbers])
    columns = _columns(_straightened(np.array([number.box for number in numbers], float), of_line))
    lines = sorted(set(of_line.tolist()))
    table = [[""] * (max(columns) + 1) for _ in lines]
    for number, column in zip(numbers, columns, strict=True):
        row = table[lines.index(number.line)]
        row[column] = f"{row[column]} {number.text}".strip()
    return table


def _straightened(boxes: np.ndarray, of_line: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) moved sideways, as if the page were turned until its lines are level."""
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for line in np.unique(of_line):
        middles[of_line == line] -= middles[of_line == line].mean(axis=0)
    y, x = middles.T
    slope = (x @ y) / max(x @ x, 1.0)
    aside = slope * (boxes[:, 0] + boxes[:, 2]) / 2
    return boxes + aside[:, None] * [0, 1, 0, 1]


def _columns(boxes: np.ndarray) -> list[int]:
    """The column of each box (n, 4), from 0: boxes that are above each other are in the same one."""
    lean = LEAN / 2 * float(np.median(boxes[:, 2] - boxes[:, 0]))
    left, right = boxes[:, 1] + lean, boxes[:, 3] - lean
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    left, right = np.minimum(left, middle), np.maximum(right, middle)
    columns, column, reach = [0] * len(boxes), -1, -np.inf
    for i in np.argsort(left, kind="stable"):
        column += left[i] > reach
        reach = max(reach, right[i])
        columns[i] = column
    return columns


def parted(boxes: np.ndarray, group: np.ndarray, rules: np.ndarray) -> list[np.ndarray]:
    """Split a group of marks, indices (m,) of ``boxes`` (n, 4), where a vertical rule stands between two of them.

    rules : (H, W) bool, what was removed from the image as rules
    """
    height = boxes[group, 2] - boxes[group, 0]
    tall = group[height >= SMALL * height.max()]
    tall = tall[np.argsort(boxes[tall, 1], kind="stable")]
    top, left, bottom, right = boxes[tall].T
    reach = np.maximum.accumulate(right)
    cuts = []
    for i in range(1, len(tall)):
        gap = rules[min(top[i - 1 : i + 1]) : max(bottom[i - 1 : i + 1]), reach[i - 1] : left[i]]
        if gap.size and gap.any(axis=1).mean() > PARTED:
            cuts.append(reach[i - 1] + int(gap.sum(axis=0).argmax()))
    place = np.searchsorted(cuts, (boxes[group, 1] + boxes[group, 3]) / 2)
    return [group[place == k] for k in range(len(cuts) + 1)]
