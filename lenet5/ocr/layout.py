"""Where the numbers of a picture are, and their ink: paper and rules taken away, marks grouped, in reading order."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..preprocessing.background import flattened
from ..preprocessing.binarization import contrast, is_uneven, noise_of, paper, quantile, threshold, without_shadows
from ..preprocessing.components import Components
from ..preprocessing.decode import Decoded
from ..preprocessing.localization import stroke_width
from ..preprocessing.morphology import grown, opened
from ..preprocessing.ruled_lines import without_rules, without_tilted_rules
from ..preprocessing.sheets import sheets, without_border
from ..utils.geometry import Box
from .grouping import (
    LONE_GAP,
    WORD_GAP,
    cut_off,
    reading_order,
    smaller_groups,
    tall_groups,
    typical_height,
    union,
    with_small,
    words,
)
from .non_text import foreign
from .touching_frames import without_frames

PAPER_SIDE = 256  # the paper is smooth: it is estimated on a picture reduced to this
TALLEST, LOWEST = 40, 18  # pixels of a number's digits as they are read; others are scaled
THINNEST = 0.09  # of the height: thinner strokes are thickened to it
FAINT = 0.7  # of the digits' strength: a small mark that is fainter is a scrap of what is printed behind them
CLEAR = 2.2  # ink is so many times stronger than the paper varies, printed patterns included
MOST_MARKS = 3000
WIDEST_STROKE = 10  # times the mean width of strokes: where shadows fall, what is wider is ground
MOST_INK, NARROW_PART = 0.15, 10  # of a picture is covered with ink; as `background.flattened` takes it
BROAD_PART, BROAD_SHARE = 8, 0.3  # no stroke is as broad as such a part of the picture, so much of the ink at least
MEAN_PART = 6  # of the picture's lesser side: half of the square around a pixel whose mean it is compared with
SMALLEST_PHOTO = 128  # pixels of its longer side: in a smaller picture a digit's strokes may be as broad


@dataclass(frozen=True)
class NumberImage:
    """The ink of one number: ink (h, w) float32 in 0..1 at ``scale``, down and across, times the size of the picture,
    its corner at pixel (top, left) there; line: the number of its line, from 0."""

    ink: np.ndarray
    scale: tuple[float, float]
    top: float
    left: float
    line: int

    def box(self, box) -> Box:
        """A box of ``ink`` in pixels of the picture."""
        top, left, bottom, right = (float(edge) / k for edge, k in zip(box, 2 * self.scale, strict=True))
        top, left = max(int(top + self.top), 0), max(int(left + self.left), 0)  # decoding may have added a margin
        return Box(top, left, max(round(bottom + self.top), top + 1), max(round(right + self.left), left + 1))

    def moved(self, window: tuple[slice, slice]) -> "NumberImage":
        """The same number in a picture of which ``window``, rows and columns, is what it was found in."""
        return replace(self, top=self.top + window[0].start, left=self.left + window[1].start)

    def in_file(self, picture: Decoded) -> "NumberImage":
        """The same number with its place in the file that ``picture``, in which it was found, was decoded from."""
        k = picture.scale
        down, across = self.scale
        return replace(
            self, scale=(down / k, across / k), top=self.top * k + picture.top, left=self.left * k + picture.left
        )


def find(grey: np.ndarray, invert: str = "auto") -> list[NumberImage]:
    """The numbers of a picture (H, W), float32 in 0..1, in reading order; none where nothing is drawn.

    Where sheets lie on a darker ground, those on the sheets, if there are any.
    """
    page = without_border(grey)
    return [number.moved(page) for number in _find_on_page(np.ascontiguousarray(grey[page]), invert)]


def _find_on_page(grey: np.ndarray, invert: str) -> list[NumberImage]:
    """As `find`, on a picture without a border."""
    numbers = []
    for window, inside in sheets(grey) if invert != "no" else []:
        numbers += [number.moved(window) for number in _find(grey[window], invert, inside)]
    if not numbers:
        return _find(grey, invert)
    order = reading_order(number.box((0, 0, *number.ink.shape)) for number in numbers)
    return [replace(numbers[i], line=line) for line, row in enumerate(order) for i in row]


def _find(grey: np.ndarray, invert: str, inside: np.ndarray | None = None) -> list[NumberImage]:
    """As `find`, on all of a picture, or on its pixels ``inside``, (H, W) bool."""
    if inside is not None:
        grey = np.where(inside, grey, quantile(grey[inside], 0.5))
    ink, noise = ink_of(grey, invert)
    if inside is not None:
        ink = np.where(inside, ink, 0)
    level = threshold(ink, 0.3 * noise)
    if level is None or ink[ink > level].mean() < CLEAR * noise:
        return []
    mask = without_rules(without_tilted_rules(ink > max(level * 0.6, min(4 * noise, level))))
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
    lines = reading_order(union(marks.boxes[group]) for group in groups)
    return [
        _number(ink, labels, marks.boxes[groups[i]], groups[i], line) for line, row in enumerate(lines) for i in row
    ]


def ink_of(grey: np.ndarray, invert: str) -> tuple[np.ndarray, float]:
    """How much ink is on each pixel, (H, W) about 0..1, and how much the bare paper varies."""
    k = min(PAPER_SIDE / max(grey.shape), 1)
    small = resized(grey, tuple(max(1, round(n * k)) for n in grey.shape))
    relief = small - paper(small)
    dark = _is_dark(small) if invert == "auto" else invert == "yes"
    bare = small - _ground(small, relief, dark)
    ink = contrast(grey, resized(bare, grey.shape), dark)
    return np.clip(ink, 0, 1).astype(np.float32), noise_of(ink)


def _ground(small: np.ndarray, relief: np.ndarray, dark: bool) -> np.ndarray:
    """What of ``relief`` (H, W), picture - paper, is ink: in shadows, what is not much wider than strokes are."""
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
    """Which pixels of a picture (H, W) are ink, (H, W) bool, if that is what ``relief`` says; None where none is."""
    ink = contrast(small, small - relief, dark)
    level = threshold(ink, 0.3 * noise_of(ink))
    return None if level is None else ink > level


def _holds_shadow(mask: np.ndarray) -> bool:
    """Tell whether much of what is taken for ink, (H, W) bool, is broader than strokes are."""
    if max(mask.shape) < SMALLEST_PHOTO:
        return False
    broad = opened(mask.astype(np.float32), 1 + 2 * (max(mask.shape) // (2 * BROAD_PART)))
    return float(broad.sum()) > BROAD_SHARE * mask.sum()


def _is_dark(grey: np.ndarray) -> bool:
    """Tell whether the ink is darker than the paper: few pixels that differ much from the mean around them are ink."""
    width = 1 + 2 * max(min(grey.shape) // MEAN_PART, 1)
    mean = grey.astype(np.float64)
    for axis in (0, 1):
        ends = [(width // 2, width // 2) if i == axis else (0, 0) for i in (0, 1)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(mean, ends, mode="edge"), width, axis)
        mean = windows.mean(axis=-1)
    return float(((grey - mean) ** 3).sum()) < 0


def resized(plane: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A plane (H, W) float32 brought to ``shape``: averaged where it gets smaller."""
    if plane.shape == tuple(shape):
        return plane
    method = Image.Resampling.BOX if shape[0] < plane.shape[0] else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(shape[::-1], method))


def _marks(marks: Components, strong: np.ndarray) -> np.ndarray:
    """The numbers of the marks that are ink and no specks: they pass the level, and have a size."""
    if not len(marks.areas):
        return np.zeros(0, int)
    top, left, bottom, right = marks.boxes.T
    span = np.maximum(bottom - top, right - left)
    sums = np.pad(np.cumsum(np.cumsum(strong, 0), 1), ((1, 0), (1, 0)))
    n_strong = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    kept = np.flatnonzero((n_strong >= 3) & (marks.areas >= 4) & (span >= 3))
    return kept[np.argsort(-marks.areas[kept], kind="stable")][:MOST_MARKS]


def _groups(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, marks: Components) -> list[np.ndarray]:
    """The marks ``kept`` of each number, as lists of their places in it; dirt is in none."""
    boxes = marks.boxes[kept]
    typical = typical_height(boxes, marks.areas[kept])
    groups, strays = tall_groups(boxes, typical)
    strays = strays[_as_strong(ink, labels, kept, groups)[strays]]
    groups = with_small(boxes, groups, strays)
    strays = strays[~cut_off(boxes[strays], ink.shape)]  # halves of what is beside
    left = np.setdiff1d(strays, np.concatenate(groups))
    groups += smaller_groups(boxes, left, typical)
    least = WORD_GAP if len(groups) > 1 else LONE_GAP
    return [word for group in groups for word in words(boxes, group, least)]


def _as_strong(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Which of the marks ``kept`` are drawn about as strongly as those in ``groups`` are on the average: (n,) bool."""
    inside = labels >= 0
    own, levels, n = labels[inside], ink[inside], int(labels.max()) + 1
    sums = np.bincount(own, levels, n)
    strength = (np.bincount(own, levels**2, n) / np.maximum(sums, 1e-9))[kept]  # the strong pixels count more
    tall = np.concatenate(groups)
    return strength >= FAINT * np.average(strength[tall], weights=sums[kept[tall]])


def _number(ink: np.ndarray, labels: np.ndarray, boxes: np.ndarray, marks: np.ndarray, line: int) -> NumberImage:
    """Cut a number out: its own marks with their soft edges, contrast evened out, scaled, strokes not too thin."""
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
    """Stretch the contrast of ink whose strokes are ``full`` strong: paper becomes 0, the middle of a stroke 1."""
    return np.clip((ink - 0.15 * full) / (0.8 * full), 0, 1).astype(np.float32)


def _thickened(ink: np.ndarray, height: float) -> np.ndarray:
    """Widen strokes that are thinner than the network knows them, as a broader pen would."""
    missing = (THINNEST * height - stroke_width(ink)) / 2
    while missing > 0.2:
        part = min(missing, 1.0)
        padded = np.pad(ink, 1)
        views = [padded[1 + y : 1 + y + ink.shape[0], 1 + x : 1 + x + ink.shape[1]] for y, x in _CROSS]
        ink = (1 - part) * ink + part * np.maximum.reduce(views)
        missing -= part
    return ink


_CROSS = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
