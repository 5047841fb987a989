"""Layout: where the numbers of an image are, and their ink, without background and rules, in reading order."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..preprocessing.background import flattened
from ..preprocessing.binarization import contrast, is_uneven, noise_of, paper, quantile, threshold, without_shadows
from ..preprocessing.components import Components
from ..preprocessing.decode import Decoded
from ..preprocessing.morphology import grown, opened, stroke_width
from ..preprocessing.ruled_lines import without_printed_lines, without_tilted_rules
from ..preprocessing.sheets import sheets, without_border
from ..utils.geometry import Box
from .grouping import (
    LONE_GAP,
    WORD_GAP,
    cut_off,
    smaller_groups,
    tall_groups,
    typical_height,
    union,
    with_small,
    words,
)
from .non_text import foreign
from .reading_order import reading_order
from .tables import parted
from .touching_frames import without_frames

PAPER_SIDE = 256  # pixels: the paper is smooth, so it is estimated on an image reduced to this side
TALLEST, LOWEST = 40, 18  # pixels: heights of digits that are read without scaling
THINNEST = 0.09  # of the height: thinner strokes are thickened to it
FAINT = 0.7  # of the digits' strength: a fainter small mark belongs to the print behind them
CLEAR = 2.2  # times the variation of the paper, printed patterns included: ink is stronger
MOST_MARKS = 3000
WIDEST_STROKE = 10  # times the mean width of strokes: in shadows, wider marks are background
MOST_INK, NARROW_PART = 0.15, 10  # of an image is covered with ink; as `background.flattened` takes it
BROAD_PART, BROAD_SHARE = 8, 0.3  # strokes are narrower than 1/8 of the side; more broad ink than this is a shadow
MEAN_PART = 6  # of the shorter side: half of the square whose mean a pixel is compared with
SMALLEST_PHOTO = 128  # pixels of the longer side: in smaller images a digit's strokes may be as broad as shadows


@dataclass(frozen=True)
class NumberImage:
    """The ink of one number.

    Attributes
    ----------
    ink : ndarray of shape (h, w), float32, 0..1
    scale : size of ``ink``, down and across, relative to the image
    top, left : position of the corner of ``ink`` in the image, pixels
    line : index of the line, from 0
    """

    ink: np.ndarray
    scale: tuple[float, float]
    top: float
    left: float
    line: int

    def box(self, box) -> Box:
        """Convert a box of ``ink`` to pixels of the image."""
        top, left, bottom, right = (float(edge) / k for edge, k in zip(box, 2 * self.scale, strict=True))
        top, left = max(int(top + self.top), 0), max(int(left + self.left), 0)  # decoding may have added a margin
        return Box(top, left, max(round(bottom + self.top), top + 1), max(round(right + self.left), left + 1))

    def moved(self, window: tuple[slice, slice]) -> "NumberImage":
        """Return the number in an image of which ``window``, rows and columns, is the part it was found in."""
        return replace(self, top=self.top + window[0].start, left=self.left + window[1].start)

    def in_file(self, picture: Decoded) -> "NumberImage":
        """Return the number with its position in the file from which ``picture`` was decoded."""
        k = picture.scale
        down, across = self.scale
        return replace(
            self, scale=(down / k, across / k), top=self.top * k + picture.top, left=self.left * k + picture.left
        )


def find(grey: np.ndarray, invert: str = "auto", *, table: bool = False) -> list[NumberImage]:
    """Find the numbers of an image (H, W), float32 in 0..1, in reading order; an empty list if nothing is drawn.

    If sheets lie on a darker background and hold numbers, only those are found. In a ``table``, a number does not go on
    beyond a vertical rule.
    """
    page = without_border(grey)
    return [number.moved(page) for number in _find_on_page(np.ascontiguousarray(grey[page]), invert, table)]


def _find_on_page(grey: np.ndarray, invert: str, table: bool) -> list[NumberImage]:
    """Do what `find` does on an image without a border."""
    numbers = []
    for window, inside in sheets(grey) if invert != "no" else []:
        numbers += [number.moved(window) for number in _find(grey[window], invert, table, inside)]
    if not numbers:
        return _find(grey, invert, table)
    order = reading_order(number.box((0, 0, *number.ink.shape)) for number in numbers)
    return [replace(numbers[i], line=line) for line, row in enumerate(order) for i in row]


def _find(grey: np.ndarray, invert: str, table: bool, inside: np.ndarray | None = None) -> list[NumberImage]:
    """Do what `find` does on an image, or on its pixels ``inside``, (H, W) bool."""
    if inside is not None:
        grey = np.where(inside, grey, quantile(grey[inside], 0.5))
    ink, noise = ink_of(grey, invert)
    if inside is not None:
        ink = np.where(inside, ink, 0)
    level = threshold(ink, 0.3 * noise)
    if level is None or ink[ink > level].mean() < CLEAR * noise:
        return []
    inked = ink > max(level * 0.6, min(4 * noise, level))
    mask = without_printed_lines(without_tilted_rules(inked))
    marks = Components(mask)
    bare = without_frames(mask, marks)
    if bare is not mask:
        marks = Components(bare)
    kept = _marks(marks, ink > level)
    labels = marks.labels()
    kept = kept[~foreign(marks.boxes[kept], marks.areas[kept], labels, kept)]
    if not len(kept):
        return []
    groups = [kept[group] for group in _groups(ink, labels, kept, marks)]
    if table:
        groups = [part for group in groups for part in parted(marks.boxes, group, inked & ~bare)]
    lines = reading_order((union(marks.boxes[group]) for group in groups), [marks.boxes[group] for group in groups])
    return [
        _number(ink, labels, marks.boxes[groups[i]], groups[i], line) for line, row in enumerate(lines) for i in row
    ]


def ink_of(grey: np.ndarray, invert: str) -> tuple[np.ndarray, float]:
    """Return the amount of ink on each pixel, (H, W) about 0..1, and the variation of the bare paper."""
    k = min(PAPER_SIDE / max(grey.shape), 1)
    small = resized(grey, tuple(max(1, round(n * k)) for n in grey.shape))
    relief = small - paper(small)
    dark = _is_dark(small) if invert == "auto" else invert == "yes"
    bare = small - _background(small, relief, dark)
    ink = contrast(grey, resized(bare, grey.shape), dark)
    return np.clip(ink, 0, 1).astype(np.float32), noise_of(ink)


def _background(small: np.ndarray, relief: np.ndarray, dark: bool) -> np.ndarray:
    """Return the part of ``relief`` (H, W), image - paper, that is ink: in shadows, not much wider than strokes."""
    flat = without_shadows(relief, dark)
    mask = _inked(small, flat, dark)
    if mask is None:
        return flat
    shadow = _holds_shadow(mask)
    if not (shadow or is_uneven(relief)):
        return flat
    if shadow or mask.mean() >= MOST_INK:
        mask = _inked(small, flattened(relief, dark, NARROW_PART), dark)
        if mask is None:
            return flat
    part = max(small.shape) / (WIDEST_STROKE * max(stroke_width(mask.astype(np.float32)), 1))
    return flattened(relief, dark, round(part)) if part > 3 else flat


def _inked(small: np.ndarray, relief: np.ndarray, dark: bool) -> np.ndarray | None:
    """Find the ink of an image (H, W), of which ``relief`` is the part without paper: (H, W) bool; None without ink."""
    ink = contrast(small, small - relief, dark)
    level = threshold(ink, 0.3 * noise_of(ink))
    return None if level is None else ink > level


def _holds_shadow(mask: np.ndarray) -> bool:
    """Whether much of the apparent ink, (H, W) bool, is broader than strokes are."""
    if max(mask.shape) < SMALLEST_PHOTO:
        return False
    broad = opened(mask.astype(np.float32), 1 + 2 * (max(mask.shape) // (2 * BROAD_PART)))
    return float(broad.sum()) > BROAD_SHARE * mask.sum()


def _is_dark(grey: np.ndarray) -> bool:
    """Whether the ink is darker than the paper: the few pixels far from the mean around them are ink."""
    width = 1 + 2 * max(min(grey.shape) // MEAN_PART, 1)
    mean = grey.astype(np.float64)
    for axis in (0, 1):
        ends = [(width // 2, width // 2) if i == axis else (0, 0) for i in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(mean, ends, mode="edge"), width, axis)
        mean = windows.mean(axis=-1)
    return float(((grey - mean) ** 3).sum()) < 0


def resized(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize a plane (H, W) float32 to ``shape``; reduced by averaging."""
    if plane.shape == tuple(shape):
        return plane
    method = Image.Resampling.BOX if shape[0] < plane.shape[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(shape[::-1], method))


def _marks(marks: Components, strong: np.ndarray) -> np.ndarray:
    """Return the indices of the marks that are ink and large enough: they pass the level, and have a size."""
    if not len(marks.areas):
        return np.zeros(0, int)
    top, left, bottom, right = marks.boxes.T
    span = np.maximum(bottom - top, right - left)
    sums = np.pad(np.cumsum(np.cumsum(strong, 0), 1), ((1, 0), (1, 0)))
    n_strong = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    kept = np.flatnonzero((n_strong >= 3) & (marks.areas >= 4) & (span >= 3))
    return kept[np.argsort(-marks.areas[kept], kind="stable")][:MOST_MARKS]


def _groups(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, marks: Components) -> list[np.ndarray]:
    """Group the marks ``kept`` into numbers, as lists of positions in ``kept``; the others are left out."""
    boxes = marks.boxes[kept]
    typical = typical_height(boxes, marks.areas[kept])
    groups, strays = tall_groups(boxes, typical)
    strays = strays[_as_strong(ink, labels, kept, groups)[strays]]
    groups = with_small(boxes, groups, strays)
    strays = strays[~cut_off(boxes[strays], ink.shape)]  # halves of neighbouring writing
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
    part = np.clip(resized(part, shape), 0, 1)
    return NumberImage(_thickened(part, height * scale), exact, top, left, line)


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
