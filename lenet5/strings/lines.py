"""Where the numbers of a picture are, and their ink: paper and rules taken away, marks grouped, in reading order."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..decode import Decoded
from ..ground import flattened
from ..ink import (
    Box,
    Components,
    contrast,
    is_uneven,
    noise_of,
    opened,
    otsu,
    paper,
    quantile,
    threshold,
    without_shadows,
)

SHEET_SIDE = 128  # pixels of the longer side of the picture on which a sheet is looked for
PAPER_SIDE = 256  # the paper is smooth: it is estimated on a picture reduced to this
TALLEST, LOWEST = 40, 18  # pixels of a number's digits as they are read; others are scaled
THINNEST = 0.09  # of the height: thinner strokes are thickened to it
WORD_GAP = 1.5  # of the height: a wider gap parts two numbers
FAINT = 0.7  # of the digits' strength: a small mark that is fainter is a scrap of what is printed behind them
CLEAR = 2.2  # ink is so many times stronger than the paper varies, printed patterns included
MOST_MARKS = 3000
WIDEST_STROKE = 10  # times the mean width of strokes: where shadows fall, what is wider is ground
MOST_INK, NARROW_PART = 0.15, 10  # of a picture is covered with ink; as `ground.flattened` takes it
SHORTEST_LINE, TIP = 16, 3  # pixels: of a line between two others, and how near its ends come to these
LEAST_TILT, MOST_TILT, TILT_STEP = 0.3, 10.0, 0.25  # degrees


@dataclass(frozen=True)
class Number:
    """The ink of one number: ink (h, w) float32 in 0..1 at ``scale`` times the size of the picture, where its corner
    lies at pixel (top, left); line: the number of its line, from 0."""

    ink: np.ndarray
    scale: float
    top: float
    left: float
    line: int

    def box(self, box) -> Box:
        """A box of ``ink`` in pixels of the picture."""
        top, left, bottom, right = (float(edge) / self.scale for edge in box)
        ends = int(top + self.top), int(left + self.left), round(bottom + self.top), round(right + self.left)
        return Box(*(max(edge, 0) for edge in ends))  # a margin may have been added in decoding

    def in_file(self, picture: Decoded) -> "Number":
        """The same number with its place in the file that ``picture``, in which it was found, was decoded from."""
        k = picture.scale
        return replace(self, scale=self.scale / k, top=self.top * k + picture.top, left=self.left * k + picture.left)


def find(grey: np.ndarray, invert: str = "auto") -> list[Number]:
    """The numbers of a picture (H, W), float32 in 0..1, in reading order; none where nothing is drawn.

    Where a sheet lies on a darker ground, those on the sheet, if there are any.
    """
    found = sheet(grey) if invert != "no" else None
    if found is not None:
        window, inside = found
        numbers = _find(grey[window], invert, inside)
        if numbers:
            top, left = (edge.start for edge in window)
            return [replace(number, top=number.top + top, left=number.left + left) for number in numbers]
    return _find(grey, invert)


def _find(grey: np.ndarray, invert: str, inside: np.ndarray | None = None) -> list[Number]:
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
    kept = _marks(marks, ink > level)
    if not len(kept):
        return []
    groups, strays = _groups(marks.boxes[kept])
    labels = marks.labels()
    strays = strays[_as_strong(ink, labels, kept, groups)[strays]]
    groups = _with_small(marks.boxes[kept], groups, strays)
    lines = _lines([_union(marks.boxes[kept[group]]) for group in groups])
    numbers = []
    for line, members in enumerate(lines):
        for i in members:
            numbers.append(_number(ink, labels, marks.boxes[kept[groups[i]]], kept[groups[i]], line))
    return numbers


def sheet(grey: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray] | None:
    """A sheet of paper on a darker ground that is seen on three of its sides or all: its rows and columns, and which
    pixels of these are on it, a little away from its edges. None where there is none."""
    k = min(SHEET_SIDE / max(grey.shape), 1)
    shape = tuple(max(1, round(n * k)) for n in grey.shape)
    if min(shape) < SHEET_SIDE // 8 or max(grey.shape) < 2 * SHEET_SIDE:  # no photograph
        return None
    small = resized(grey, shape)
    filled = -opened(-small, 1 + 2 * (max(shape) // 32))  # what is narrower is ink
    levels = np.sort(filled, axis=None).astype(np.float64)
    cut = otsu(levels)
    bright, dark = levels[cut + 1 :].mean(), levels[: cut + 1].mean()
    if dark > 0.75 * bright or bright - dark < 0.15:
        return None
    level = dark + (bright - dark) / 3  # light falls off towards a corner
    above = filled > level
    parts = Components(above)
    largest = int(parts.areas.argmax())
    top, left, bottom, right = parts.boxes[largest]
    on_sheet = parts.mask(np.arange(len(parts.areas)) == largest)[top:bottom, left:right]
    beyond = [above[:top], above[bottom:], above[:, :left], above[:, right:]]
    n_sides = sum(strip.size >= 0.02 * above.size and strip.mean() < 0.2 for strip in beyond)
    if n_sides < 3 or on_sheet.size < 0.04 * above.size:
        return None
    on_sheet = _between(on_sheet) | _between(on_sheet.T).T  # what is written near an edge is on it, too
    if _rectangularity(on_sheet) < 0.88 or (small[top:bottom, left:right] > level)[on_sheet].mean() < 0.7:
        return None  # bright writing
    on_sheet = ~_grown(np.pad(~on_sheet, 2, constant_values=True), 2)[2:-2, 2:-2]
    rows, columns = (slice(int(a / k), round(b / k)) for a, b in ((top, bottom), (left, right)))
    inside = resized(on_sheet.astype(np.float32), grey[rows, columns].shape) > 0.5
    return (rows, columns), inside


def _between(mask: np.ndarray) -> np.ndarray:
    """What lies in each row of a mask between its first and its last set pixel, both included."""
    return np.maximum.accumulate(mask, axis=1) & np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]


def _rectangularity(mask: np.ndarray) -> float:
    """The part that a mask fills of the smallest rectangle around it, which may be askew."""
    y, x = np.nonzero(mask)
    angles = np.radians(np.arange(-15, 16))[:, None]
    along, across = x * np.cos(angles) + y * np.sin(angles), y * np.cos(angles) - x * np.sin(angles)
    return len(y) / float(((np.ptp(along, axis=1) + 1) * (np.ptp(across, axis=1) + 1)).min())


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
    if not is_uneven(relief):
        return flat
    for first in (flat, flattened(relief, dark, NARROW_PART)):
        ink = contrast(small, small - first, dark)
        level = threshold(ink, 0.3 * noise_of(ink))
        if level is None:
            return flat
        mask = ink > level
        if mask.mean() < MOST_INK:  # else a part of it is a shadow
            break
    part = max(small.shape) / (WIDEST_STROKE * max(stroke_width(mask.astype(np.float32)), 1))
    return flattened(relief, dark, round(part)) if part > 3 else flat


def _is_dark(grey: np.ndarray) -> bool:
    """Tell whether the ink is darker than the paper: few pixels that differ much from the mean around them are ink."""
    width = 1 + 2 * max(min(grey.shape) // 4, 1)
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


def without_rules(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W) without the lines of ruled or squared paper, forms and tables, but where a stroke crosses them.

    They are straight, long and of one width. One that goes up from a line to another need not be long.
    """
    height, width = mask.shape
    widest = max(3, min(height, width) // 16)
    across = _straight(mask, max(width // 4, 0.8 * min(height, width), 24))
    mask, lines = _without_lines(mask, across, widest), across
    down = _straight(mask.T, max(0.9 * height, 24))
    if lines.any():
        down |= _joining(mask.T | lines.T, lines.T)
    return _without_lines(mask.T, down, widest).T


def _straight(mask: np.ndarray, longest: float) -> np.ndarray:
    """Which pixels of a mask are on runs along the rows of at least ``longest``; a run may go over to the next row."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    found = _runs(thick, axis=1) >= longest
    found[:-1] |= found[1:]
    return found & mask


def _joining(mask: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Which pixels of a mask are on runs along the rows from one of the ``lines`` that cross them to another."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    row, start, stop = _edges(thick)
    crossed = np.pad(np.cumsum(lines, axis=1), ((0, 0), (1, 0)))

    def n_on_lines(first, last):
        return crossed[row, last] - crossed[row, first]

    size = stop - start
    ends = n_on_lines(start, np.minimum(start + TIP, stop)), n_on_lines(np.maximum(stop - TIP, start), stop)
    kept = (np.minimum(*ends) > 0) & (size >= SHORTEST_LINE) & (2 * n_on_lines(start, stop) < size)
    found = np.zeros(mask.shape, bool)
    for r, a, b in zip(row[kept], start[kept], stop[kept], strict=True):
        found[r, a:b] = True
    found[:-1] |= found[1:]
    return found & mask & ~lines


def without_tilted_rules(mask: np.ndarray) -> np.ndarray:
    """The same where a page was photographed askew: the mask is turned by the angle at which most of it is in line."""
    angle = _tilt(mask)
    if abs(angle) < LEAST_TILT:
        return mask
    turned = _turned(mask, angle)
    lines = _turned(turned & ~without_rules(turned), -angle)
    top, left = ((n - m) // 2 for n, m in zip(lines.shape, mask.shape, strict=True))
    lines = lines[top : top + mask.shape[0], left : left + mask.shape[1]]
    return mask & ~_grown(lines, 1) if lines.any() else mask


def _tilt(mask: np.ndarray) -> float:
    """The angle in degrees, counterclockwise, by which a mask must be turned so that its rows differ most."""
    y, x = np.nonzero(mask)
    step = 1 + len(y) // 8192
    y, x = y[::step].astype(np.float32), x[::step].astype(np.float32)
    if not len(y):
        return 0.0
    angles = np.arange(-MOST_TILT, MOST_TILT + 1e-6, TILT_STEP)
    sharpness = []
    for slope in np.tan(np.radians(angles)):
        rows = np.bincount(np.rint(y - slope * x - (y - slope * x).min()).astype(int))
        sharpness.append(float((rows.astype(np.float64) ** 2).sum()))
    return float(angles[int(np.argmax(sharpness))])


def _turned(mask: np.ndarray, angle: float) -> np.ndarray:
    return np.asarray(Image.fromarray(mask).rotate(angle, expand=True)) > 0


def _without_lines(mask: np.ndarray, lines: np.ndarray, widest: int) -> np.ndarray:
    """A mask without ``lines`` along its rows, but where something thicker than they are crosses them."""
    if not lines.any():
        return mask
    thick = _runs(mask, axis=0)
    limit = min(max(3, 1.6 * float(quantile(thick[lines], 0.5))), widest)
    return mask & ~(lines & (thick <= limit))


def _edges(plane: np.ndarray) -> tuple[np.ndarray, ...]:
    """Row, start and stop of the runs of set pixels along the rows of a mask."""
    steps = np.diff(np.pad(plane.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(steps == 1)
    return row, start, np.nonzero(steps == -1)[1]


def _runs(mask: np.ndarray, axis: int) -> np.ndarray:
    """The length of the run of set pixels along ``axis`` that each pixel is in, 0 for none."""
    plane = mask if axis == 1 else mask.T
    row, start, stop = _edges(plane)
    lengths = np.zeros((plane.shape[0], plane.shape[1] + 1), int)
    lengths[row, start] += stop - start
    lengths[row, stop] -= stop - start
    lengths = np.cumsum(lengths, axis=1)[:, :-1]
    return lengths if axis == 1 else lengths.T


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


def _groups(boxes: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Tall marks that follow each other on a line, as lists of their numbers; and the marks that are small."""
    top, left, bottom, right = boxes.T
    height = bottom - top
    order = np.argsort(height)
    weights = np.cumsum((height * np.minimum(right - left, 2 * height))[order])
    typical = height[order][np.searchsorted(weights, weights[-1] / 2)]  # half of the ink is in marks up to this tall
    tall = np.flatnonzero(height >= 0.4 * typical)
    common = np.minimum.outer(bottom[tall], bottom[tall]) - np.maximum.outer(top[tall], top[tall])
    gap = np.maximum.outer(left[tall], left[tall]) - np.minimum.outer(right[tall], right[tall])
    lower, higher = (better.outer(height[tall], height[tall]) for better in (np.minimum, np.maximum))
    joined = (common >= 0.4 * lower) & (gap <= WORD_GAP * np.minimum(higher, 2 * lower))
    label = np.arange(len(tall))
    while True:
        spread = np.where(joined, label[None], len(tall)).min(axis=1)
        if (spread == label).all():
            break
        label = spread
    groups = [tall[label == name] for name in np.unique(label)]
    return groups, np.setdiff1d(np.arange(len(boxes)), tall)


def _as_strong(ink: np.ndarray, labels: np.ndarray, kept: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Which of the marks ``kept`` are drawn about as strongly as those in ``groups`` are on the average: (n,) bool."""
    inside = labels >= 0
    own, levels, n = labels[inside], ink[inside], int(labels.max()) + 1
    sums = np.bincount(own, levels, n)
    strength = (np.bincount(own, levels**2, n) / np.maximum(sums, 1e-9))[kept]  # the strong pixels count more
    tall = np.concatenate(groups)
    return strength >= FAINT * np.average(strength[tall], weights=sums[kept[tall]])


def _with_small(boxes: np.ndarray, groups: list[np.ndarray], small: np.ndarray) -> list[np.ndarray]:
    """Give each small mark, a dot or the bar of a 5, to the group that it lies in or near; the others are dirt."""
    groups = [list(group) for group in groups]
    for i in small[np.argsort(boxes[small, 1], kind="stable")]:
        top, left, bottom, right = boxes[i]
        nearest, least = None, np.inf
        for group in groups:
            t, x, b, r = _union(boxes[group])
            reach = 0.7 * (b - t)
            aside = max(x - right, left - r, 0)
            above = max(t - bottom, top - b, 0)
            if aside <= reach and above <= 0.3 * reach and max(bottom - top, right - left) >= 0.06 * (b - t):
                distance = aside + 2 * above
                if distance < least:
                    nearest, least = group, distance
        if nearest is not None:
            nearest.append(i)
    return [np.array(group) for group in groups]


def _union(boxes: np.ndarray) -> Box:
    return Box(*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist())


def _lines(boxes: list[Box]) -> list[list[int]]:
    """Numbers in reading order: line by line from the top, in each from the left."""
    lines: list[list[int]] = []
    for i in sorted(range(len(boxes)), key=lambda i: boxes[i].top + boxes[i].bottom):
        for line in lines:
            last = boxes[line[-1]]
            common = min(last.bottom, boxes[i].bottom) - max(last.top, boxes[i].top)
            if common >= 0.5 * min(last.bottom - last.top, boxes[i].bottom - boxes[i].top):
                line.append(i)
                break
        else:
            lines.append([i])
    return [sorted(line, key=lambda i: boxes[i].left) for line in lines]


def _number(ink: np.ndarray, labels: np.ndarray, boxes: np.ndarray, marks: np.ndarray, line: int) -> Number:
    """Cut a number out: its own marks with their soft edges, contrast evened out, scaled, strokes not too thin."""
    box = _union(boxes)
    margin = 3
    top, left = max(box.top - margin, 0), max(box.left - margin, 0)
    window = np.s_[top : box.bottom + margin, left : box.right + margin]
    own = np.isin(labels[window], marks)
    part = np.where(_grown(own, 2), ink[window], 0)
    part = evened(part, float(quantile(part[own], 0.7)))
    heights = np.sort(boxes[:, 2] - boxes[:, 0])
    tall = heights[heights >= 0.5 * heights[-1]]
    height = float(tall[len(tall) // 2])
    scale = min(TALLEST / height, 1.0) if height >= LOWEST else 1.5 * LOWEST / height
    shape = tuple(max(1, round(n * scale)) for n in part.shape)
    part = np.clip(resized(part, shape), 0, 1)
    return Number(_thickened(part, height * scale), scale, top, left, line)


def evened(ink: np.ndarray, full: float) -> np.ndarray:
    """Stretch the contrast of ink whose strokes are ``full`` strong: paper becomes 0, the middle of a stroke 1."""
    return np.clip((ink - 0.15 * full) / (0.8 * full), 0, 1).astype(np.float32)


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (H, W) widened by ``radius`` pixels."""
    for _ in range(radius):
        padded = np.pad(mask, 1)
        rows = padded[:-2] | padded[1:-1] | padded[2:]
        mask = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return mask


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


def stroke_width(ink: np.ndarray) -> float:
    """The mean width of the strokes of ``ink`` (H, W) in 0..1, in pixels: twice area over outline."""
    padded = np.pad(ink, 1)
    dy, dx = np.diff(padded, axis=0)[:, 1:], np.diff(padded, axis=1)[1:]
    return 2 * float(ink.sum()) / float(np.hypot(dy, dx).sum() or 1)
