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
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
