"""Which way up a page is: the one in which the numbers are read best."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..preprocessing.decode import Decoded
from ..utils.geometry import Box
from .dropped import are_numbers
from .layout import Part, largest
from .lines import Line, PageLines, evidence, sureness

#: A page is upright for sure where the mean logarithm of its digits' confidence is above this. Of pages of 20 numbers,
#: upright ones have -0.03 to -0.003, others -0.4 to -0.13.
UPRIGHT = -0.08
#: The least difference of evidence by which a page is taken for a turned one. On such pages it is above 400. On an
#: image of a few digits it is below 30, either way, and nothing is turned.
LEAST_EVIDENCE = 40.0
SAMPLE = 12  # numbers that are enough to say which way up a page is
SURER = 0.05  # by as much is the mean logarithm of confidence greater where it is the right way up


class Oriented(NamedTuple):
    """What was read on a page (H, W) of ``shape`` after ``quarters`` of a turn counterclockwise."""

    page: PageLines
    shape: tuple[int, int]
    quarters: int = 0

    @property
    def lines(self) -> list[Line]:
        """Its numbers."""
        return self.page.lines

    @property
    def turn(self) -> int:
        """In degrees."""
        return 90 * self.quarters

    def placed(self, part: Part, picture: Decoded) -> Callable[[np.ndarray], Box]:
        """What gives the box in the file of a box in a part of the page; ``picture`` is the page, not turned."""
        if not self.quarters:
            return part.in_file(picture).box
        whole = self.shape[0] * picture.scale, self.shape[1] * picture.scale
        turned = part.in_file(picture._replace(top=0, left=0))

        def box(inner: np.ndarray) -> Box:
            top, left, bottom, right = back(turned.box(inner), self.quarters, whole)
            return Box(top + picture.top, left + picture.left, bottom + picture.top, right + picture.left)

        return box


def found(grey: np.ndarray, read: Callable[[np.ndarray, int | None], PageLines]) -> Oriented:
    """Read a page (H, W) float32, where that is doubtful in all four directions, and return the likeliest.

    read : reads a page, or as many of its largest numbers; such a sample says which way up a page is
    """
    upright = Oriented(read(grey, None), grey.shape)
    if not upright.lines or sureness(upright.lines) > UPRIGHT:
        return upright
    sample = largest(upright.lines, SAMPLE, [line.number.width for line in upright.lines])
    pages = [np.ascontiguousarray(np.rot90(grey, k)) for k in (1, 2, 3)]
    turned = [Oriented(read(page, SAMPLE), grey.shape, k) for k, page in enumerate(pages, 1)]
    best = max(turned, key=lambda page: evidence(page.lines))
    is_likelier = evidence(best.lines) > evidence(sample) + LEAST_EVIDENCE
    is_surer = sureness(best.lines) > sureness(sample) + SURER
    if not (is_likelier and is_surer and are_numbers(best.lines).any()):  # else words may look surer upside down
        return upright
    return best._replace(page=read(pages[best.quarters - 1], None)) if len(best.lines) == SAMPLE else best


def back(box: Box, quarters: int, shape: tuple[int, int]) -> Box:
    """A box on a page turned counterclockwise, on the page (H, W) of ``shape`` before."""
    height, width = shape
    for k in range(quarters, 0, -1):
        before = width if k % 2 else height  # the width of the page before this quarter
        box = Box(box.left, before - box.bottom, box.right, before - box.top)
    return box
