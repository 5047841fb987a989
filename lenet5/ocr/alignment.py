"""A known text aligned with the segments of an image: which segment is which digit, and which are rubbish.

The lattices of all numbers of an image, in reading order, are one lattice. The best path through it that reads the
text gives the segments; how the image is grouped into numbers does not matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..utils.characters import DIGITS
from . import lattice
from .lines import Line
from .networks import RUBBISH

MOST_COMMON = 0.5  # of the ink of two segments together: others that share less with the path are rubbish
RUBBISH_SHARE = 1.5  # examples of rubbish, for each digit; those that look most like a character


class Segments(NamedTuple):
    """Segments with their classes: images (N, 2, 28, 28) uint8, and classes (N,) uint8, ``RUBBISH`` included."""

    pictures: np.ndarray
    classes: np.ndarray


def align(found: Sequence[Line], text: str) -> Segments | None:
    """Find the digits of ``text`` among the segments of an image; None where no path reads them.

    found : as `lines.lines_of` returns
    text : characters other than digits are passed over
    """
    digits = [int(character) for character in text if character in DIGITS]
    if not found or not digits:
        return None
    first, stop, scores, leave_out = _joined(found)
    path = lattice.forced(first, stop, scores, leave_out, digits, list(range(len(DIGITS), RUBBISH)))
    if path is None:
        return None
    taken, classes = np.array(path).T
    between = classes < 0  # marks that the text does not have are the separators that they look most like
    classes[between] = len(DIGITS) + scores[taken[between], len(DIGITS) :].argmax(axis=1)
    others = _others(first, stop, leave_out, taken)
    others = others[np.argsort(-scores[others].max(axis=1), kind="stable")][: round(RUBBISH_SHARE * len(taken))]
    pictures = np.concatenate([one.runs.pictures for one in found])[np.concatenate([taken, others])]
    return Segments(pictures, np.concatenate([classes, np.full(len(others), RUBBISH)]).astype(np.uint8))


def _joined(found: Sequence[Line]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One lattice of several, one behind the other."""
    firsts, stops, scores, leave_outs = zip(*(line.ways for line in found), strict=True)
    starts = np.cumsum([0, *map(len, leave_outs)])[:-1]
    first, stop = (
        np.concatenate([ends + start for ends, start in zip(each, starts, strict=True)]) for each in (firsts, stops)
    )
    return first, stop, np.concatenate(scores), np.concatenate(leave_outs)


def _others(first: np.ndarray, stop: np.ndarray, leave_out: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The segments that share little ink with each of ``taken``."""
    ink = np.concatenate([[0.0], np.cumsum(-leave_out)])
    low, high = np.minimum.outer(stop, stop[taken]), np.maximum.outer(first, first[taken])
    common = np.maximum(ink[low] - ink[high], 0)
    whole = (ink[stop] - ink[first])[:, None] + (ink[stop] - ink[first])[taken] - common
    return np.flatnonzero((common < MOST_COMMON * whole).all(axis=1))
