"""A sheet, note or card that lies in a picture and carries the digit, however it is turned or seen."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..utils.geometry import Box, box_of
from .binarization import otsu, quantile
from .components import Components
from .morphology import grown, slide

SIDE = 128  # pixels, the longer side of the picture on which a sheet is looked for
LEAST = 48  # pixels of the shorter side of a picture that may show one
SMALLEST = 12  # pixels of its shorter side, of those SIDE
CONTRAST = 0.08  # between sheet and surroundings at least
LONGEST = 2.3  # of its shorter side
FULL = 0.75  # part of its hull that it covers at least, for fingers on it and torn edges
EVEN = 0.95  # part of its hull from which it has no bays
AWAY = 2  # pixels, of those SIDE, from its edge that do not count
SOLID = 0.7  # part of its hull that a counter fills, and no digit but a 1
ROUND = 12.2  # between a rectangle and an ellipse, see `_roundness`
LARGE = 0.2  # of the picture
DRAWN = 0.02  # levels that nine tenths of the surroundings differ by at most, where nobody took a photo


class Sheet(NamedTuple):
    """A sheet in a picture: the ``pixels`` on it, away from its edge, (H, W) bool; whether its outline is ``even``."""

    pixels: np.ndarray
    even: bool


def find_sheet(grey: np.ndarray) -> Sheet | None:
    """Find a sheet in a picture (H, W); None without.

    It is brighter or darker than what surrounds it, and touches two edges of the picture at most.
    """
    if min(grey.shape) < LEAST:
        return None
    k = min(SIDE / max(grey.shape), 1)
    size = [max(1, round(n * k)) for n in grey.shape[::-1]]
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    for level in _levels(small):
        found = map(_shape, (small > level, small <= level))
        shapes = [shape for shape in found if shape is not None and _is_sheet(shape, small)]
        if shapes:
            shape = max(shapes, key=np.count_nonzero)
            inner = shape & ~grown(~np.pad(shape, AWAY), AWAY)[AWAY:-AWAY, AWAY:-AWAY]
            pixels = np.asarray(Image.fromarray(inner.astype(np.uint8)).resize(grey.shape[::-1])) > 0
            return Sheet(pixels, _fullness(shape) > EVEN) if pixels.any() else None
    return None


def _levels(small: np.ndarray) -> Iterator[float]:
    """What may part sheet and surroundings: Otsu's level, and that of the greater part, where the lesser is ink."""
    levels = np.sort(small, axis=None)[:: max(1, small.size // 4096)].astype(np.float64)
    for _ in range(2):
        if levels[-1] - levels[0] < CONTRAST:
            return
        cut = otsu(levels)
        dark, bright = levels[: cut + 1], levels[cut + 1 :]
        if bright.mean() - dark.mean() >= CONTRAST:
            yield (dark[-1] + bright[0]) / 2
        levels = max(dark, bright, key=len)


def _shape(mask: np.ndarray) -> np.ndarray | None:
    """The largest part of a mask (H, W) bool that is as a sheet is, ink and all, (H, W) bool; None without."""
    parts = Components(grown(~grown(~mask, 1), 1))  # without what is thin and touches it
    top, left, bottom, right = parts.boxes.T
    height, width = bottom - top, right - left
    short, long = np.minimum(height, width), np.maximum(height, width)
    edges = np.sum([top == 0, left == 0, bottom == len(mask), right == mask.shape[1]], axis=0)
    areas = np.where((short >= SMALLEST) & (long <= LONGEST * short) & (edges <= 2), parts.areas, 0)
    if not areas.any():
        return None
    k = int(areas.argmax())
    part = parts.mask(np.arange(len(areas)) == k)
    shape = between(part) & between(part.T).T
    return shape if areas[k] > 0.7 * np.count_nonzero(shape) else None


def _is_sheet(shape: np.ndarray, small: np.ndarray) -> bool:
    """Tell whether a shape (H, W) bool in a picture is a sheet: of another brightness, and without bays.

    What is round is a bold 0 rather. A large bright one in a photo, with a sharp outline, may have bays: fingers and
    torn edges. Where nothing but one even colour is around, nobody took a photo.
    """
    around = small[~shape]
    step = float(quantile(small[shape], 0.5) - quantile(around, 0.5))
    full = _fullness(shape)
    if full > EVEN:
        return abs(step) > CONTRAST / 2 and _roundness(shape) < ROUND
    is_drawn = float(quantile(around, 0.9) - quantile(around, 0.1)) < DRAWN
    if is_drawn or full < FULL or shape.mean() < LARGE or max(small.shape) < SIDE:
        return False
    near = np.pad(small, 2, mode="edge")
    high, low = (slide(slide(near, 5, 0, extreme), 5, 1, extreme) for extreme in (np.maximum, np.minimum))
    return step > CONTRAST and float(quantile((high - low)[shape & grown(~shape, 1)], 0.25)) > step / 2


def _fullness(mask: np.ndarray) -> float:
    """The part of its hull that a mask covers."""
    return np.count_nonzero(mask) / np.count_nonzero(hull(mask))


def between(mask: np.ndarray) -> np.ndarray:
    """What lies in each row of a mask between its first and its last set pixel, both included."""
    return np.maximum.accumulate(mask, axis=1) & np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]


def hull(mask: np.ndarray) -> np.ndarray:
    """Draw the convex hull of the set pixels of a mask (H, W) that has one: (H, W) bool."""
    rows = np.flatnonzero(mask.any(1))
    first, last = mask.argmax(1)[rows], mask.shape[1] - 1 - mask[:, ::-1].argmax(1)[rows]
    y, x = np.arange(rows[0], rows[-1] + 1), np.arange(mask.shape[1])
    left, right = -_above(rows, -first, y), _above(rows, last, y)
    whole = np.zeros_like(mask)
    whole[y] = (x >= np.floor(left)[:, None]) & (x <= np.ceil(right)[:, None])
    return whole


def _above(y: np.ndarray, x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The least concave curve above points (y, x), n each, read at ``at``."""
    curve: list[tuple[int, int]] = []
    for point in zip(y.tolist(), x.tolist(), strict=True):
        while len(curve) > 1 and _turns_up(curve[-2], curve[-1], point):
            curve.pop()
        curve.append(point)
    ys, xs = zip(*curve, strict=True)
    return np.interp(at, ys, xs)


def _turns_up(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])


def is_counter(grey: np.ndarray, on: Sheet, mark: np.ndarray) -> bool:
    """Tell whether a mark (H, W) bool on a sheet is the page seen through a bold digit, as in a 0, 6, 8 or 9.

    A page looks the same there and outside, or nearly so in a shadow. Of digits that stand on a sheet only a 1 is as
    solid as a counter, and it is long. The outlines of most digits have bays.
    """
    ground, ink, outside = (float(quantile(grey[pixels], 0.5)) for pixels in (on.pixels, mark, ~on.pixels))
    differs = abs(ink - outside) / max(abs(ground - outside), 1e-6)
    is_solid = _fullness(mark) > SOLID
    if not on.even:
        return differs < (0.5 if is_solid else 0.12)
    box = box_of(mark)
    is_long = max(box.bottom - box.top, box.right - box.left) > 2 * min(box.bottom - box.top, box.right - box.left)
    return is_solid and not is_long and differs < 0.15


def _roundness(mask: np.ndarray) -> float:
    """A mask's area over that of its spread: 4 pi for an ellipse, 12 for a rectangle however it lies."""
    y, x = np.nonzero(mask[:: 1 + len(mask) // 256, :: 1 + len(mask) // 256])
    return len(y) / float(np.sqrt(np.linalg.det(np.cov(y, x))))


def alone(grey: np.ndarray, on_sheet: np.ndarray) -> tuple[Box, np.ndarray]:
    """Cut a sheet out of a picture (H, W): its box and the pixels there, beside it those next to them in their row."""
    box = box_of(on_sheet)
    window = np.s_[box.top : box.bottom, box.left : box.right]
    on_sheet, part = on_sheet[window], grey[window].copy()
    rows = np.flatnonzero(on_sheet.any(1))
    first, last = on_sheet.argmax(1), on_sheet.shape[1] - 1 - on_sheet[:, ::-1].argmax(1)
    column = np.clip(np.arange(on_sheet.shape[1]), first[:, None], last[:, None])
    part[rows] = np.take_along_axis(part, column, 1)[rows]
    return box, part
