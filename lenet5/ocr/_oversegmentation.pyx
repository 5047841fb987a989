"""Compiled loops that cut lines into pieces: shapes are checked here, oversegment.h computes without the GIL."""

import numpy as np

from libc.stdint cimport INT32_MAX, int8_t, int32_t, int64_t, uint8_t


cdef extern from "oversegment.h" nogil:
    enum: PIECES_FIELD
    ctypedef struct pieces_cuts:
        float diagonal
        float enclosed
        int reach
        int most
    ctypedef struct pieces_line:
        const uint8_t *levels
        const int32_t *labels
        int height
        int width
        double least
    void pieces_seams(const float *, int, int, float, int, float *, int8_t *) noexcept
    int pieces_split(const float *, const int64_t *, int32_t *, int64_t, int64_t, const int64_t *, const pieces_cuts *,
                     int) noexcept
    void pieces_soften(const float *, const int32_t *, int, int, float, int32_t *) noexcept
    int pieces_picture(const pieces_line *, int, int, const int64_t *, uint8_t *) noexcept


cdef enum:
    MOST_SIDE = 1 << 24


cdef int _check_sides(Py_ssize_t height, Py_ssize_t width) except -1:
    """ValueError if a line has more rows or columns than an int can count, with a margin."""
    if height > MOST_SIDE or width > MOST_SIDE:
        raise ValueError(f"a line of shape {(height, width)}, expected sides of up to {MOST_SIDE:,}")
    return 0


def seams(const float[:, ::1] ink not None, float diagonal):
    """Find the paths of least ink to each pixel of ink (h, w), from the top and from the bottom.

    Returns
    -------
    costs : ndarray of shape (2, h, w), float32
    steps : ndarray of shape (2, h, w), int8
        -1, 0 or 1: where the path comes from, one row nearer to its start.
    """
    cdef Py_ssize_t h = ink.shape[0], w = ink.shape[1]
    _check_sides(h, w)
    costs, steps = np.empty((2, h, w), np.float32), np.empty((2, h, w), np.int8)
    cdef float[:, :, ::1] cost = costs
    cdef int8_t[:, :, ::1] step = steps
    if h and w:
        with nogil:
            pieces_seams(&ink[0, 0], <int>h, <int>w, diagonal, 1, &cost[0, 0, 0], &step[0, 0, 0])
            pieces_seams(&ink[0, 0], <int>h, <int>w, diagonal, -1, &cost[1, 0, 0], &step[1, 0, 0])
    return costs, steps


def split(const float[:, ::1] ink not None, const int64_t[:, ::1] labels not None, int64_t mark,
          const int64_t[::1] box not None, int32_t[:, ::1] parts not None, int n, *, int most, int reach,
          float diagonal, float enclosed):
    """Cut a mark of ``labels`` (H, W), which lies in ``box``, by the ink (H, W), and return the next free number.

    Its pieces are numbered n, n + 1, ... in ``parts`` (H, W), in place. For most, reach, diagonal and enclosed see
    `pieces_cuts`.
    """
    cdef Py_ssize_t height = ink.shape[0], width = ink.shape[1]
    _check_sides(height, width)
    if not 0 <= n <= INT32_MAX - 1 - height * width or not 0 <= reach <= MOST_SIDE:
        raise ValueError(f"{n=}, {reach=}: expected a number that the parts can be counted from, 0 to {MOST_SIDE:,}")
    if not (labels.shape[0] == parts.shape[0] == height and labels.shape[1] == parts.shape[1] == width):
        raise ValueError(f"ink of shape {(height, width)}, and labels or parts of another one")
    if box.shape[0] != 4 or not (0 <= box[0] < box[2] <= height and 0 <= box[1] < box[3] <= width):
        raise ValueError(f"box {tuple(box)} does not lie in a line of shape {(height, width)}")
    cdef pieces_cuts cuts = pieces_cuts(diagonal, enclosed, reach, most)
    with nogil:
        n = pieces_split(&ink[0, 0], &labels[0, 0], &parts[0, 0], width, mark, &box[0], &cuts, n)
    if n < 0:
        raise MemoryError
    return n


def soften(const float[:, ::1] ink not None, const int32_t[:, ::1] labels not None, float soft):
    """Spread labels (H, W) int32 by a pixel, over ink (H, W) of more than ``soft``."""
    cdef Py_ssize_t height = ink.shape[0], width = ink.shape[1]
    _check_sides(height, width)
    if labels.shape[0] != height or labels.shape[1] != width:
        raise ValueError(f"ink of shape {(height, width)} with labels of shape {(labels.shape[0], labels.shape[1])}")
    out = np.empty((height, width), np.int32)
    cdef int32_t[:, ::1] spread = out
    if height and width:
        with nogil:
            pieces_soften(&ink[0, 0], &labels[0, 0], <int>height, <int>width, soft, &spread[0, 0])
    return out


def pictures(const uint8_t[:, ::1] levels not None, const int32_t[:, ::1] labels not None,
             const int64_t[::1] first not None, const int64_t[::1] stop not None,
             const int64_t[:, ::1] boxes not None, double least):
    """Draw segments first..stop (n,) of pieces with boxes (n, 4) for the network, (n, 2, 28, 28) uint8.

    levels (H, W): the line's ink; labels (H, W): the piece of each pixel; least: see `pieces_line`.
    """
    cdef Py_ssize_t i, n = first.shape[0], height = levels.shape[0], width = levels.shape[1]
    cdef bint failed = False
    _check_sides(height, width)
    if labels.shape[0] != height or labels.shape[1] != width:
        raise ValueError(f"levels of shape {(height, width)} with labels of shape {(labels.shape[0], labels.shape[1])}")
    if stop.shape[0] != n or boxes.shape[0] != n or boxes.shape[1] != 4:
        raise ValueError(f"{n} runs with {stop.shape[0]} ends and boxes of shape {(boxes.shape[0], boxes.shape[1])}")
    if not 0 < least <= MOST_SIDE:
        raise ValueError(f"least is {least}, expected a number above 0, up to {MOST_SIDE:,}")
    for i in range(n):
        if not (0 <= boxes[i, 0] < boxes[i, 2] <= height and 0 <= boxes[i, 1] < boxes[i, 3] <= width):
            raise ValueError(f"box {tuple(boxes[i])} does not lie in a line of shape {(height, width)}")
    out = np.zeros((n, 2, PIECES_FIELD, PIECES_FIELD), np.uint8)
    cdef uint8_t[:, :, :, ::1] pixels = out
    if not n:
        return out
    cdef pieces_line line = pieces_line(&levels[0, 0], &labels[0, 0], <int>height, <int>width, least)
    with nogil:
        for i in range(n):
            if pieces_picture(&line, <int>first[i], <int>stop[i], &boxes[i, 0], &pixels[i, 0, 0, 0]):
                failed = True
                break
    if failed:
        raise MemoryError
    return out
