"""Lines that digits touch: frames around and lines under them come off, strokes stay."""

import numpy as np
import pytest

from lenet5.ocr import touching_frames
from lenet5.preprocessing.components import Components


def drawn(*strokes, shape=(60, 160)):
    mask = np.zeros(shape, bool)
    for top, bottom, left, right in strokes:
        mask[top:bottom, left:right] = True
    return mask


ONES = [(8, 44, left, left + 6) for left in range(20, 140, 24)]


def stripped(mask):
    return touching_frames.without_frames(mask, Components(mask))


def test_a_line_under_a_number_comes_off():
    digits = drawn(*ONES)
    left = stripped(digits | drawn((42, 46, 6, 150)))
    assert (left & ~digits).sum() <= 5 * 2 * 6  # but where a stroke goes into it
    assert left[8:42].sum() == digits[8:42].sum()


def test_a_frame_that_a_digit_touches_comes_off():
    digit = drawn((8, 52, 40, 48))
    frame = drawn((5, 8, 10, 80), (49, 52, 10, 80), (5, 52, 10, 13), (5, 52, 77, 80))
    left = stripped(digit | frame)
    assert (left & ~digit).sum() <= 2 * 3 * 8  # but where a stroke goes into it
    assert left[8:49].sum() == digit[8:49].sum()


@pytest.mark.parametrize(
    "strokes",
    [
        [(5, 8, 10, 50), (49, 52, 10, 50), (5, 52, 10, 14), (5, 52, 46, 50)],  # an angular 0
        [(5, 9, 10, 30), (5, 30, 26, 30), (26, 30, 10, 30), (26, 52, 10, 14), (48, 52, 10, 60)],  # a 2 with a long foot
        [(20, 26, 10, 130)],  # a dash
    ],
)
def test_marks_that_are_all_line_stay(strokes):
    mask = drawn(*strokes)
    assert stripped(mask) is mask


def test_a_box_drawn_wide_around_a_number_stays_whole():
    """It is taken for a ring later."""
    mask = drawn((2, 6, 2, 158), (54, 58, 2, 158), (2, 58, 2, 6), (2, 58, 154, 158))
    assert stripped(mask) is mask
