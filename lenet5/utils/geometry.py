"""Positions in an image: boxes of whole pixels."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """Rows top..bottom and columns left..right of an image, bottom and right not included."""

    top: int
    left: int
    bottom: int
    right: int


def box_of(mask: np.ndarray) -> Box:
    """Find the smallest box that holds every set pixel of a mask (H, W), which must have one."""
    rows, columns = (np.asarray(mask.any(axis)) for axis in (1, 0))
    bottom, right = len(rows) - int(rows[::-1].argmax()), len(columns) - int(columns[::-1].argmax())
    return Box(int(rows.argmax()), int(columns.argmax()), bottom, right)
