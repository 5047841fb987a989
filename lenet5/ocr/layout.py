"""Layout: where the numbers of an image are, and their ink, without background and rules, in reading order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image

from ..preprocessing.binarization import quantile
from ..preprocessing.components import Components
from ..preprocessing.decode import Decoded
from ..preprocessing.morphology import grown, stroke_width
from ..preprocessing.scaling import resized
from ..utils.geometry import Box
from . import ink
from .grouping import (
    LONE_GAP,
    WORD_GAP,
    following,
    sizes,
    smaller_groups,
    tall_groups,
    typical_height,
    union,
    with_small,
    words,
)
from .reading_order import reading_order
from .tables import parted

TALLEST, LOWEST = 40, 18  # pixels: heights of digits that are read without scaling
THINNEST = 0.09  # of the height: thinner strokes are thickened to it
FAINT = 0.7  # of the digits' strength: a fainter small mark belongs to the print behind them
MOST_MARKS = 3000
LETTERS = 3  # the heights of letters and most other marks differ by a smaller factor


T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """A part of an image: its size, down and across, relative to that in the image, and its corner there, pixels."""

    scale: tuple[float, float] = (1.0, 1.0)
    top: float = 0.0
    left: float = 0.0

    def box(self, box) -> Box:
        """Convert a box in the part to pixels of the image."""
        top, left, bottom, right = (float(edge) / k for edge, k in zip(box, 2 * self.scale, strict=True))
        top, left = max(int(top + self.top), 0), max(int(left + self.left), 0)  # decoding may have added a margin
        return Box(top, left, max(round(bottom + self.top), top + 1), max(round(right + self.left), left + 1))

    def in_file(self, picture: Decoded) -> "Part":
        """The part with its position in the file from which ``picture`` was decoded."""
        k = picture.scale
        down, across = self.scale
        return Part((down / k, across / k), self.top * k + picture.top, self.left * k + picture.left)


@dataclass(frozen=True)
class NumberImage:
    """The ink of one number.

    Attributes
    ----------
    ink : ndarray of shape (h, w), float32, 0..1
    part : Part, of which it is the ink
    line : index of the line, from 0
    """

    ink: np.ndarray
    part: Part
    line: int

    @property
    def width(self) -> float:
        """In pixels of the image."""
        return self.ink.shape[1] / self.part.scale[1]


class PageLayout(NamedTuple):
    """The ``numbers`` of an image in reading order, and the boxes of other marks that may be ``words``."""

    numbers: list[NumberImage]
    words: list[Box]


def find(
    grey: np.ndarray, invert: str = "auto", *, table: bool = False, most: int | None = None, threads: int | None = None
) -> PageLayout:
    """Find the numbers of an image (H, W), float32 in 0..1, if any.

    In a ``table``, a number does not go on beyond a vertical rule. Where ``most`` is given, only as many are cut out,
    the widest, and no words.
    """
    seen = ink.found(grey, invert, threads)
    marks = Components(seen.mask)
    kept, labels = _large_enough(marks), marks.labels()
    if not len(kept):
        return PageLayout([], [] if most else _words(seen.other))
    groups = [kept[group] for group in _groups(seen.ink, labels, kept, marks)]
    if table:
        groups = [part for group in groups for part in parted(marks.boxes, group, seen.other)]
    lines = reading_order((union(marks.boxes[group]) for group in groups), [marks.boxes[group] for group in groups])
    places = [(i, line) for line, row in enumerate(lines) for i in row]
    places = largest(places, most, [np.ptp(marks.boxes[groups[i], 1::2]) for i, _ in places])
    numbers = [_number(seen.ink, labels, marks.boxes[groups[i]], groups[i], line) for i, line in places]
    return PageLayout(numbers, [] if most else _words(seen.other))


def largest(things: list[T], most: int | None, sizes: Sequence[float]) -> list[T]:
    """``most`` of the things, those with the largest ``sizes``, in their order; all if it is None."""
    if most is None or len(things) <= most:
        return things
    return [things[i] for i in sorted(np.argsort(-np.asarray(sizes), kind="stable")[:most])]


def _words(other: np.ndarray) -> list[Box]:
    """Boxes of words among other marks (H, W) bool: of what is about as high as most of them, line by line."""
    marks = Components(other)
    boxes = marks.boxes[_large_enough(marks)]
    height, _ = sizes(boxes)
    if not len(boxes):
        return []
    typical = float(quantile(height, 0.5))
    alike = np.flatnonzero((height > typical / LETTERS) & (height < typical * LETTERS))
    return [union(boxes[group]) for group in following(boxes, alike)]


def _large_enough(marks: Components) -> np.ndarray:
    """Return the indices of the marks that are large enough, the largest first."""
    top, left, bottom, right = marks.boxes.T
    kept = np.flatnonzero((marks.areas >= 4) & (np.maximum(bottom - top, right - left) >= 3))
    return kept[np.argsort(-marks.areas[kept], kind="stable")][:MOST_MARKS]


def _groups(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, marks: Components) -> list[np.ndarray]:
    """Group the marks ``kept`` into numbers, as lists of positions in ``kept``; the others are left out."""
    boxes = marks.boxes[kept]
    typical = typical_height(boxes)
    groups, strays = tall_groups(boxes, typical)
    strays = strays[_as_strong(ink, labels, kept, groups)[strays]]
    groups = with_small(boxes, groups, strays)
    left = np.setdiff1d(strays, np.concatenate(groups))
    groups += smaller_groups(boxes, left, typical)
    least = WORD_GAP if len(groups) > 1 else LONE_GAP
    return [word for group in groups for word in words(boxes, group, least)]


def _as_strong(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Find the marks ``kept`` that are drawn about as strongly as those in ``groups`` on average: (n,) bool."""
    inside = labels >= 0
    own, levels, n = labels[inside], ink[inside], int(labels.max()) + 1
    sums = np.bincount(own, levels, n)
    strength = (np.bincount(own, levels**2, n) / np.maximum(sums, 1e-9))[kept]  # the strong pixels count more
    tall = np.concatenate(groups)
    return strength >= FAINT * np.average(strength[tall], weights=sums[kept[tall]])


def _number(ink: np.ndarray, labels: np.ndarray, boxes: np.ndarray, marks: np.ndarray, line: int) -> NumberImage:
    """Cut a number out: its marks with their soft edges, contrast equalised, scaled, thin strokes thickened."""
    box = union(boxes)
    margin = 3
    top, left = max(box.top - margin, 0), max(box.left - margin, 0)
    window = np.s_[top : box.bottom + margin, left : box.right + margin]
    own = np.isin(labels[window], marks)
    part = np.where(grown(own, 2), ink[window], 0)
    part = evened(part, float(quantile(part[own], 0.7)))
    heights = np.sort(boxes[:, 2] - boxes[:, 0])
    tall = heights[heights >= 0.5 * heights[-1]]
    height = float(tall[len(tall) // 2])
    scale = min(TALLEST / height, 1.0) if height >= LOWEST else 1.5 * LOWEST / height
    shape = tuple(max(1, round(n * scale)) for n in part.shape)
    exact = shape[0] / part.shape[0], shape[1] / part.shape[1]
    part = np.clip(resized(part, shape, Image.Resampling.BICUBIC), 0, 1)
    return NumberImage(_thickened(part, height * scale), Part(exact, top, left), line)


def evened(ink: np.ndarray, full: float) -> np.ndarray:
    """Equalise the contrast of ink whose strokes are ``full`` strong: paper becomes 0, the middle of a stroke 1."""
    return np.clip((ink - 0.15 * full) / (0.8 * full), 0, 1).astype(np.float32)


def _thickened(ink: np.ndarray, height: float) -> np.ndarray:
    """Widen strokes that are thinner than the network was trained on, as a broader pen would."""
    missing = (THINNEST * height - stroke_width(ink)) / 2
    while missing > 0.2:
        part = min(missing, 1.0)
        padded = np.pad(ink, 1)
        views = [padded[1 + y : 1 + y + ink.shape[0], 1 + x : 1 + x + ink.shape[1]] for y, x in _CROSS]
        ink = (1 - part) * ink + part * np.maximum.reduce(views)
        missing -= part
    return ink


_CROSS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
