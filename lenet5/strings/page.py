"""The sheet of paper in a picture, where it lies on something darker, or a scan shows more than it."""

import numpy as np

from ..find import resized
from ..ink import Components, grown, opened, otsu, quantile

SHEET_SIDE = 128  # pixels of the longer side of the picture on which a sheet is looked for
BORDER, FULL = 0.35, 0.95  # so far from the page's brightness is a scan's border, on so much of a row or column
WIDEST_BORDER, SOFT_EDGE = 5, 2  # a border is no wider than such a part of the picture; pixels that go with it


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
    on_sheet = ~grown(np.pad(~on_sheet, 2, constant_values=True), 2)[2:-2, 2:-2]
    rows, columns = (slice(int(a / k), round(b / k)) for a, b in ((top, bottom), (left, right)))
    inside = resized(on_sheet.astype(np.float32), grey[rows, columns].shape) > 0.5
    return ((rows, columns), inside) if inside.any() else None


def without_border(grey: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of a picture (H, W) float32 but for the black, or white, border that a scanner leaves."""
    if max(grey.shape) < 2 * SHEET_SIDE:  # no scan of a page; a 1 may fill the edge of a strip
        return slice(0, grey.shape[0]), slice(0, grey.shape[1])
    beside = abs(grey - quantile(grey, 0.5)) > BORDER
    return _inner(beside.mean(axis=1) > FULL), _inner(beside.mean(axis=0) > FULL)


def _inner(border: np.ndarray) -> slice:
    """What of a row (n,) bool is left without those at both ends that are set, and the next few."""
    most = len(border) // WIDEST_BORDER

    def width(end: np.ndarray) -> int:
        clear = np.flatnonzero(~end)
        n = int(clear[0]) if len(clear) else 0
        return n + SOFT_EDGE if 0 < n <= most else 0

    return slice(width(border), len(border) - width(border[::-1]))


def _between(mask: np.ndarray) -> np.ndarray:
    """What lies in each row of a mask between its first and its last set pixel, both included."""
    return np.maximum.accumulate(mask, axis=1) & np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]


def _rectangularity(mask: np.ndarray) -> float:
    """The part that a mask fills of the smallest rectangle around it, which may be askew."""
    y, x = np.nonzero(mask)
    angles = np.radians(np.arange(-15, 16))[:, None]
    along, across = x * np.cos(angles) + y * np.sin(angles), y * np.cos(angles) - x * np.sin(angles)
    return len(y) / float(((np.ptp(along, axis=1) + 1) * (np.ptp(across, axis=1) + 1)).min())
