"""The lines of ruled and squared paper, of forms and tables: straight, long and of one width, and no ink of digits."""

import numpy as np
from PIL import Image

from .binarization import quantile
from .morphology import grown

SHORTEST_LINE, TIP = 16, 3  # pixels: of a line between two others, and how near its ends come to these
HOLE, PAGE = 3, 256  # pixels: where a long line is broken; of a page's lesser side at least
THINNEST_ONE = 20  # a line as high as the image is a 1 if it is thicker than such a part of its height
LEAST_TILT, MOST_TILT, TILT_STEP = 0.3, 10.0, 0.25  # degrees


def without_rules(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W) without the lines of ruled or squared paper, forms and tables, but where a stroke crosses them.

    They are straight, long and of one width. One that goes up from a line to another need not be long.
    """
    height, width = mask.shape
    widest = max(3, min(height, width) // 16)
    across = _straight(mask, max(width // 4, 0.8 * min(height, width), 24))
    mask = _without_lines(mask, across, widest)
    down = _straight(_filled(mask.T), max(0.9 * height, 24))  # whole, before what joins two lines goes
    if across.any():
        mask = _without_lines(mask.T, _joining(mask.T | across.T, across.T), widest).T
    return _without_lines(mask.T, down & mask.T, min(widest, height // THINNEST_ONE)).T


def without_tilted_rules(mask: np.ndarray) -> np.ndarray:
    """The same where a page was photographed askew: the mask is turned by the angle at which most of it is in line."""
    angle = _tilt(mask)
    if abs(angle) < LEAST_TILT:
        return mask
    turned = _turned(mask, angle)
    lines = _turned(turned & ~without_rules(turned), -angle)
    top, left = ((n - m) // 2 for n, m in zip(lines.shape, mask.shape, strict=True))
    lines = lines[top : top + mask.shape[0], left : left + mask.shape[1]]
    return mask & ~grown(lines, 1) if lines.any() else mask


def _straight(mask: np.ndarray, longest: float) -> np.ndarray:
    """Which pixels of a mask are on runs along the rows of at least ``longest``; a run may go over to the next row."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    found = _runs(thick, axis=1) >= longest
    found[:-1] |= found[1:]
    return found & mask


def _filled(mask: np.ndarray) -> np.ndarray:
    """A mask with holes of up to ``HOLE`` pixels along the rows filled; a strip, where they part digits, as it is."""
    if min(mask.shape) < PAGE:
        return mask
    wide = np.pad(mask, ((0, 0), (0, HOLE)))
    for _ in range(HOLE):  # grown to the right, and shrunk from there
        wide[:, 1:] |= wide[:, :-1]
    for _ in range(HOLE):
        wide[:, :-1] &= wide[:, 1:]
    return wide[:, :-HOLE]


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


def _without_lines(mask: np.ndarray, lines: np.ndarray, widest: int) -> np.ndarray:
    """A mask without ``lines`` along its rows, but where something thicker than they are crosses them."""
    if not lines.any():
        return mask
    thick = _runs(mask, axis=0)
    limit = min(max(3, 1.6 * float(quantile(thick[lines], 0.5))), widest)
    return mask & ~(lines & (thick <= limit))


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
