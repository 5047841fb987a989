"""The lines of ruled and squared paper, of forms and tables: straight, long and of one width, and no ink of digits."""

import numpy as np
from PIL import Image

from .binarization import quantile
from .combs import without_combs
from .morphology import grown, run_ends, run_lengths

SHORTEST_LINE, TIP = 16, 3  # pixels: of a line between two others, and how near its ends come to these
SHORTEST_COMB = 24  # pixels: three fields of the least width
HOLE, PAGE = 3, 256  # pixels: where a long line is broken; of a page's lesser side at least
THINNEST_ONE = 20  # a line as high as the image is a 1 if it is thicker than such a part of its height
#: Pixels: a broken line is at most as thick, and its gaps are at most as long. Digits on a page have wider ones.
THIN, GAP = 3, 7
#: Pixels within which nothing else stands above or below a broken line, and the least fraction of its length where that
#: is so. The least fraction of that where it is drawn, with its gaps and without. Of 150 strings of MNIST's digits, two
#: look like such a line.
AWAY, FREE, SEEN, DENSE = 10, 0.3, 0.9, 0.15
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


def without_printed_lines(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W) without the lines of paper and forms: comb fields, long ones, and broken ones, in this order."""
    bare = without_combs(mask, _straight(mask, SHORTEST_COMB))
    return without_broken_rules(without_rules(bare), bare)


def without_broken_rules(mask: np.ndarray, ink: np.ndarray | None = None) -> np.ndarray:
    """A mask (H, W) without dashed, dotted and broken lines of paper; ``ink`` is the one before others were removed."""
    ink = mask if ink is None else ink
    across = _broken(ink, ink)
    down = _broken((ink & ~across).T, ink.T).T
    return mask & ~(across | down)


def without_tilted_rules(mask: np.ndarray) -> np.ndarray:
    """The same where a page was photographed askew: the mask is turned by the angle at which most of it is in line."""
    angle = _tilt(mask)
    if abs(angle) < LEAST_TILT:
        return mask
    turned = _turned(mask, angle)
    lines = _turned(turned & ~without_printed_lines(turned), -angle)
    top, left = ((n - m) // 2 for n, m in zip(lines.shape, mask.shape, strict=True))
    lines = lines[top : top + mask.shape[0], left : left + mask.shape[1]]
    return mask & ~grown(lines, 1) if lines.any() else mask


def _straight(mask: np.ndarray, longest: float) -> np.ndarray:
    """Which pixels of a mask are on runs along the rows of at least ``longest``; a run may go over to the next row."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    found = run_lengths(thick, axis=1) >= longest
    found[:-1] |= found[1:]
    return found & mask


def _broken(mask: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Which pixels of a mask are on thin lines along its rows that go on, with gaps, over most of its width.

    Such a line is seen where nothing is written: along it there is free paper, and on nearly all of that is the line.
    ``ink`` is the mask before other lines were taken away, which leave gaps where they cross.
    """
    height, width = mask.shape
    thin, thick = mask & (run_lengths(mask, axis=0) <= THIN), _thick(ink)
    row, start, stop = run_ends(_closed(thick, GAP))
    long = stop - start >= max(width * 2 / 3, 0.9 * min(height, width))
    found = np.zeros(mask.shape, bool)
    for r, a, b in zip(row[long], start[long], stop[long], strict=True):
        near = slice(max(r - 1, 0), r + 2)
        free = ~_beside(ink, r)[a:b]
        drawn = np.asarray(thin[near, a:b].any(axis=0))
        seen = _closed((drawn | (free & thick[r, a:b]))[None], GAP)[0]
        if free.mean() >= FREE and seen[free].mean() > SEEN and drawn[free].mean() > DENSE:
            found[near, a:b] |= thin[near, a:b]
    return found


def _beside(ink: np.ndarray, row: int) -> np.ndarray:
    """Whether something is drawn above or below each pixel of a row, but not on it: (W,) bool."""
    above, below = ink[max(row - AWAY, 0) : max(row - THIN + 1, 0)], ink[row + THIN : row + AWAY + 1]
    return np.logical_or(above.any(axis=0), below.any(axis=0))


def _thick(mask: np.ndarray) -> np.ndarray:
    """A mask of which each row also has what is set in the rows beside it."""
    thick = mask.copy()
    thick[1:] |= mask[:-1]
    thick[:-1] |= mask[1:]
    return thick


def _closed(mask: np.ndarray, gap: int) -> np.ndarray:
    """A mask with gaps of up to ``gap`` pixels along the rows filled."""
    row, start, stop = run_ends(mask)
    closed = mask.copy()
    narrow = (row[1:] == row[:-1]) & (start[1:] - stop[:-1] <= gap)
    for r, a, b in zip(row[1:][narrow], stop[:-1][narrow], start[1:][narrow], strict=True):
        closed[r, a:b] = True
    return closed


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
    row, start, stop = run_ends(thick)
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
    thick = run_lengths(mask, axis=0)
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
