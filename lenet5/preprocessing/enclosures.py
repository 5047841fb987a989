"""What is drawn round a digit or below it and is none of it: rings, boxes, frames, underlines.

On the reduced picture, as in binarization.py. A digit's own loop holds paper, or the dot or stroke of a crossed zero;
what holds a mark as high as a digit in it is a ring.
"""

import numpy as np

from .binarization import marks_of, threshold
from .components import Components
from .morphology import grown

NESTED = 4  # at most: a ring drawn twice round an underlined digit, on a page with a border
LEAST_SPAN = 24  # pixels; smaller marks are no frames
TRIED = 8  # of the largest marks
HOLLOW = 0.4  # of a frame's box at most is its own ink
TALL = 0.4  # of a ring's height is the mark in it at least; the dot of a zero is less
TALL_IN_FRAME = 0.25  # of a frame's: four straight sides are no zero
RIM = 0.1  # of a frame's box that its sides lie in
FLAT = 0.2  # of an underline's length is its height at most
SLASH = 0.85  # correlation of rows and columns from which a mark is a straight stroke


def without_frames(ink: np.ndarray, level: float, noise: float) -> tuple[np.ndarray, float, Components]:
    """Take out rings and frames with all that is outside of them, and lines below the digit.

    Takes contrast (H, W), its threshold and noise as `binarization.digit_mask` does; gives the contrast that is left,
    its threshold and its marks. Without a frame, and with nothing in it, that is all there was.
    """
    marks = marks_of(ink, level, noise)
    for _ in range(NESTED):
        kept = _inside(marks)
        kept = _not_underlines(marks) if kept is None else kept
        if kept is None:
            break
        rest = np.where(kept, ink, 0)
        found = threshold(rest, noise)
        if found is None:
            break
        ink, level = rest, found
        marks = marks_of(ink, level, noise)
    return ink, level, marks


def _inside(marks: Components) -> np.ndarray | None:
    """The pixels (H, W) bool that lie in one of the largest marks if it is a frame; None without."""
    top, left, bottom, right = marks.boxes.T
    height, width = bottom - top, right - left
    hollow = (np.minimum(height, width) >= LEAST_SPAN) & (marks.areas < HOLLOW * height * width)
    order = np.argsort(-height * width, kind="stable")
    for k in order[hollow[order]][:TRIED]:
        inner = (top > top[k]) & (left > left[k]) & (bottom < bottom[k]) & (right < right[k])
        inner &= (height > TALL_IN_FRAME * height[k]) & (marks.areas > 0.05 * marks.areas[k])
        if inner.any() and (hole := _hole(marks, k, inner)) is not None:
            return hole
    return None


def _hole(marks: Components, k: int, inner: np.ndarray) -> np.ndarray | None:
    """What mark ``k`` encloses, (H, W) bool, if it is a frame round the marks ``inner`` (n,) bool, or a ring."""
    top, left, bottom, right = marks.boxes[k]
    window = np.s_[top:bottom, left:right]
    line = marks.mask(np.arange(len(inner)) == k)[window]
    if _is_frame(line):
        within = np.ones_like(line)
    else:
        inner = inner & (marks.boxes[:, 2] - marks.boxes[:, 0] > TALL * len(line))
        held, within = marks.mask(inner)[window], enclosed(line)
        if within.mean() < 0.5 or not held.any() or (held & within).sum() < 0.8 * held.sum() or _is_slash(held, line):
            return None
    hole = np.zeros(marks.shape, bool)
    hole[window] = within & ~grown(line, 2)
    return hole


def _is_frame(line: np.ndarray) -> bool:
    """Tell whether a mark (H, W) bool lies along at least three sides of its box, and nowhere else."""
    rim = max(2, round(RIM * min(line.shape)))
    sides = line[:rim].any(0), line[-rim:].any(0), line[:, :rim].any(1), line[:, -rim:].any(1)
    return sum(side.mean() > 0.5 for side in sides) >= 3 and line[rim:-rim, rim:-rim].sum() < 0.04 * line.sum()


def enclosed(line: np.ndarray) -> np.ndarray:
    """Find the pixels that have some of ``line`` (H, W) bool on at least three sides: (H, W) bool."""
    sides = [np.maximum.accumulate(line[::a, ::b], axis)[::a, ::b] for axis, a, b in
             [(0, 1, 1), (0, -1, 1), (1, 1, 1), (1, 1, -1)]]  # fmt: skip
    return (np.sum(sides, axis=0) >= 3) & ~line


def _not_underlines(marks: Components) -> np.ndarray | None:
    """The pixels (H, W) bool that are on no line drawn below a digit; None where there is no such line.

    Some way below, and beyond the digit on both sides: the foot of a 2 that was drawn apart, or that a printed line
    has cut off, is neither.
    """
    top, left, bottom, right = marks.boxes.T
    height, width = bottom - top, right - left
    lines = np.flatnonzero((width >= LEAST_SPAN // 2) & (height <= FLAT * width))
    if not lines.size:
        return None
    above = (height > 0.45 * width[lines, None]) & (marks.areas > 0.25 * marks.areas[lines, None])
    above &= (left > left[lines, None] + 1) & (right < right[lines, None] - 1)
    gap = (top[lines, None] - bottom) / height
    is_below = (above & (gap > 0.06) & (gap < 0.6)).any(1)
    if not is_below.any():
        return None
    return ~grown(marks.mask(np.isin(np.arange(len(top)), lines[is_below])), 2)


def _is_slash(mark: np.ndarray, ring: np.ndarray) -> bool:
    """Tell whether ``mark`` is the leaning stroke through a zero that is narrow as zeros are, not a 1 in a ring."""
    y, x = np.nonzero(mark)
    leans = np.ptp(x) > 0.4 * np.ptp(y)
    return ring.shape[1] < 0.9 * ring.shape[0] and bool(leans) and bool(abs(np.corrcoef(y, x)[0, 1]) > SLASH)
