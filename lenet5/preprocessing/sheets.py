"""The sheets of paper in an image, where they lie on something darker, or a scan shows more than the page."""

import numpy as np

from .binarization import otsu, quantile
from .components import Components
from .morphology import between, grown, opened
from .scaling import resized

SHEET_SIDE = 128  # pixels of the longer side of the image on which a sheet is looked for
SMALLEST_SHEET, LEAST_ALONE = 0.02, 0.04  # of the image: one of several, and the box of one alone
FINGER = 18  # what is narrower than such a part of the image lies over a sheet's edge, and is not a sheet
STRAIGHT, STRAIGHTER = 0.88, 0.93  # of a rectangle a sheet fills, and what is left of it without a finger
MOST_BRIGHT = 0.75  # of what is bright is on the sheets, where fingers were taken off
BORDER, FULL = 0.35, 0.95  # this far from the page's brightness is a scan's border, on this much of a row or column
WIDEST_BORDER, SOFT_EDGE = 5, 2  # a border is at most such a part of the image wide; pixels that go with it

Sheet = tuple[tuple[slice, slice], np.ndarray]  # its rows and columns, and which pixels there are on it


def sheets(grey: np.ndarray) -> list[Sheet]:
    """The sheets of paper on a darker background that is seen on three or all sides of them all. Each is its rows and
    columns, and which pixels there are on it, a little away from its edges. Empty where there are none.

    What lies over the edge of one, a finger or a pen, is taken off where the sheets are not straight otherwise.
    """
    k = min(SHEET_SIDE / max(grey.shape), 1)
    shape = tuple(max(1, round(n * k)) for n in grey.shape)
    if min(shape) < SHEET_SIDE // 8 or max(grey.shape) < 2 * SHEET_SIDE:  # no photograph
        return []
    small = resized(grey, shape)
    filled = -opened(-small, 1 + 2 * (max(shape) // 32))  # what is narrower is ink
    levels = np.sort(filled, axis=None).astype(np.float64)
    cut = otsu(levels)
    bright, dark = levels[cut + 1 :].mean(), levels[: cut + 1].mean()
    if dark > 0.75 * bright or bright - dark < 0.15:
        return []
    level = dark + (bright - dark) / 3  # light falls off towards a corner
    above = filled > level
    bright = small > level
    found = _rectangles(_apart(above, bright), bright)
    if len(found) < 2:
        found = _rectangles(above, bright)
    if not found:
        core = opened(above.astype(np.float32), 1 + 2 * (max(shape) // FINGER)) > 0.5
        found = _rectangles(core, bright, STRAIGHTER)
        if sum(on_sheet.sum() for _, on_sheet in found) < MOST_BRIGHT * above.sum():
            found = []  # bright digits
    return [sheet for box, on_sheet in found if (sheet := _enlarged(box, on_sheet, grey, k))]


def _apart(above: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Sheets ``above`` the background (H, W) bool, in which gaps were filled as ink was. Left out are the gaps that are
    not ``bright`` and hang together with the background."""
    dark = Components(~bright)
    labels = dark.labels()
    ground = np.zeros(len(dark.areas) + 1, bool)
    ground[labels[~above]] = True
    ground[-1] = False  # what is bright
    return above & ~ground[labels]


def _rectangles(above: np.ndarray, bright: np.ndarray, least: float = STRAIGHT) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parts of ``above`` (H, W) bool that are sheets: the box of each and which pixels of it are on the sheet."""
    parts = Components(above)
    if not len(parts.areas):
        return []
    found = []
    for i in np.flatnonzero(parts.areas >= max(SMALLEST_SHEET * above.size, parts.areas.max() / 4)):
        top, left, bottom, right = parts.boxes[i]
        on_sheet = parts.mask(np.arange(len(parts.areas)) == i)[top:bottom, left:right]
        on_sheet = between(on_sheet) | between(on_sheet.T).T  # what is written near an edge is on it, too
        written = bright[top:bottom, left:right][on_sheet].mean() < 0.7  # bright writing, no sheet
        if not written and _rectangularity(on_sheet) >= least:
            found.append((parts.boxes[i], on_sheet))
        elif parts.areas[i] == parts.areas.max():
            return []
    if not found:
        return []
    boxes = np.array([box for box, _ in found])
    (top, left), (bottom, right) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    beyond = [above[:top], above[bottom:], above[:, :left], above[:, right:]]
    n_sides = sum(strip.size >= 0.02 * above.size and strip.mean() < 0.2 for strip in beyond)
    large_enough = len(found) > 1 or found[0][1].size >= LEAST_ALONE * above.size
    return found if n_sides >= 3 and large_enough else []


def _enlarged(box: np.ndarray, on_sheet: np.ndarray, grey: np.ndarray, k: float) -> Sheet | None:
    """A sheet found in ``grey`` (H, W) reduced ``k`` times, a little away from its edges; None if none is left."""
    top, left, bottom, right = box
    on_sheet = ~grown(np.pad(~on_sheet, 2, constant_values=True), 2)[2:-2, 2:-2]
    rows, columns = (slice(int(a / k), round(b / k)) for a, b in ((top, bottom), (left, right)))
    inside = resized(on_sheet.astype(np.float32), grey[rows, columns].shape) > 0.5
    return ((rows, columns), inside) if inside.any() else None


def without_border(grey: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of an image (H, W) float32 but for the black, or white, border that a scanner leaves."""
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


def _rectangularity(mask: np.ndarray) -> float:
    """The part that a mask fills of the smallest rectangle around it, which may be askew."""
    y, x = np.nonzero(mask)
    angles = np.radians(np.arange(-15, 16))[:, None]
    along, across = x * np.cos(angles) + y * np.sin(angles), y * np.cos(angles) - x * np.sin(angles)
    return len(y) / float(((np.ptp(along, axis=1) + 1) * (np.ptp(across, axis=1) + 1)).min())
