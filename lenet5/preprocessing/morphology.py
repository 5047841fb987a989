"""Morphology of planes (H, W) in NumPy: widened masks, openings, extremes in windows, the width of strokes."""

import numpy as np


def framed(plane: np.ndarray, margin: int) -> np.ndarray:
    """A plane (H, W) with ``margin`` zeros on each side; `np.pad` takes ten times as long."""
    out = np.zeros((plane.shape[0] + 2 * margin, plane.shape[1] + 2 * margin), plane.dtype)
    out[margin : out.shape[0] - margin, margin : out.shape[1] - margin] = plane
    return out


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """A mask (H, W) widened by ``radius`` pixels."""
    for _ in range(radius):
        padded = framed(mask, 1)
        rows = padded[:-2] | padded[1:-1] | padded[2:]
        mask = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return mask


def opened(plane: np.ndarray, width: int) -> np.ndarray:
    """Cut off every peak that is narrower than ``width`` pixels: least, then greatest values in a square.

    A square may lie outside of the image by a quarter of its width, so that the background's corners there are kept.
    """
    beyond = width // 4
    for extreme, outside, pad in (
        (np.minimum, np.inf, width // 2 + beyond),
        (np.maximum, -np.inf, width // 2 - beyond),
    ):
        plane = np.pad(plane, pad, constant_values=outside)
        for axis in (0, 1):
            plane = slide(plane, width, axis, extreme)
    return plane


def slide(plane: np.ndarray, width: int, axis: int, extreme: np.ufunc) -> np.ndarray:
    """Take the least or greatest value in each window of ``width`` pixels along ``axis``: ``width`` − 1 fewer.

    Windows of 1, 2, 4, … pixels, each from two of those before, until two of them cover ``width``.
    """
    plane = np.moveaxis(plane, axis, 0)
    size = 1
    while 2 * size <= width:
        plane = extreme(plane[:-size], plane[size:])
        size *= 2
    if size < width:
        plane = extreme(plane[: len(plane) - width + size], plane[width - size :])
    return np.moveaxis(plane, 0, axis)


def between(mask: np.ndarray) -> np.ndarray:
    """What lies in each row of a mask between its first and its last set pixel, both included."""
    return np.maximum.accumulate(mask, axis=1) & np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]


def stroke_width(ink: np.ndarray) -> float:
    """Measure the mean width of the strokes of ``ink`` (H, W) in 0..1, in pixels: twice area over outline."""
    padded = framed(ink, 1)
    dy, dx = np.diff(padded, axis=0)[:, 1:], np.diff(padded, axis=1)[1:]
    return 2 * float(ink.sum()) / float(np.hypot(dy, dx).sum() or 1)


def run_ends(plane: np.ndarray) -> tuple[np.ndarray, ...]:
    """Row, start and stop of the runs of set pixels along the rows of a mask."""
    steps = np.diff(np.pad(plane.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(steps == 1)
    return row, start, np.nonzero(steps == -1)[1]


def run_lengths(mask: np.ndarray, axis: int) -> np.ndarray:
    """The length of the run of set pixels along ``axis`` that each pixel is in, 0 for none."""
    plane = mask if axis == 1 else mask.T
    row, start, stop = run_ends(plane)
    lengths = np.zeros((plane.shape[0], plane.shape[1] + 1), int)
    lengths[row, start] += stop - start
    lengths[row, stop] -= stop - start
    lengths = np.cumsum(lengths, axis=1)[:, :-1]
    return lengths if axis == 1 else lengths.T
