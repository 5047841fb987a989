"""What is drawn round a digit is told from the digit: rings, boxes, frames; and zeros from rings."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lenet5.preprocessing import binarization, enclosures

LEVEL, NOISE = 0.5, 0.01


def page(draw) -> np.ndarray:
    """Contrast (200, 200) of what ``draw`` draws."""
    picture = Image.new("L", (200, 200))
    draw(ImageDraw.Draw(picture))
    return np.asarray(picture, np.float32) / 255


def seven(d, at=(85, 75), size=45, width=6):
    x, y = at
    d.line([(x, y), (x + 0.6 * size, y), (x + 0.2 * size, y + size)], 255, width)


def left(plane: np.ndarray) -> np.ndarray:
    return enclosures.without_frames(plane, LEVEL, NOISE)[0]


def ring(d, *box):
    d.ellipse(box, outline=255, width=4)


ROUND = {
    "ring": lambda d: ring(d, 60, 55, 140, 145),
    "two rings": lambda d: (ring(d, 60, 55, 140, 145), ring(d, 45, 50, 150, 152)),
    "ring with a gap": lambda d: d.arc((60, 55, 140, 145), 20, 355, 255, 4),
    "box": lambda d: d.rectangle((60, 60, 140, 140), outline=255, width=3),
    "box askew": lambda d: d.polygon([(60, 55), (140, 65), (135, 145), (55, 140)], outline=255, width=3),
    "row of boxes": lambda d: [d.rectangle((x, 60, x + 60, 140), outline=255, width=3) for x in (10, 70, 130)],
    "frame of the page": lambda d: d.rectangle((8, 8, 190, 190), outline=255, width=2),
    "three sides of a frame": lambda d: d.line([(180, 20), (20, 20), (20, 180), (180, 180)], 255, 3),
    "underline": lambda d: d.line((60, 130, 140, 134), 255, 4),
    "two underlines": lambda d: [d.line((60, y, 140, y), 255, 4) for y in (130, 142)],
    "underline in a box": lambda d: (d.rectangle((40, 50, 150, 150), outline=255), d.line((70, 130, 130, 130), 255, 3)),
    "frame and ring": lambda d: (d.rectangle((8, 8, 190, 190), outline=255), ring(d, 60, 55, 140, 145)),
}


@pytest.mark.parametrize("name", ROUND)
def test_a_digit_is_left_alone_of_what_is_round_it(name):
    alone, both = page(seven), page(lambda d: (ROUND[name](d), seven(d)))
    kept, level, marks = enclosures.without_frames(both, LEVEL, NOISE)
    np.testing.assert_array_equal(kept > 0, alone > 0)
    assert 0 < level < 1
    assert marks.areas.tolist() == [np.count_nonzero(alone)]


@pytest.mark.parametrize("name", ROUND)
def test_round_nothing_a_line_is_a_mark(name):
    empty = page(ROUND[name])
    if name not in ("frame and ring", "underline in a box"):  # of which what is within is left
        np.testing.assert_array_equal(left(empty), empty)


DIGITS = {
    "0": lambda d: d.ellipse((60, 30, 140, 170), outline=255, width=8),
    "thick 0": lambda d: d.ellipse((60, 30, 140, 170), outline=255, width=30),
    "0 with a dot": lambda d: (d.ellipse((60, 30, 140, 170), outline=255, width=8), d.ellipse((93, 85, 107, 115), 255)),
    "0 with a slash": lambda d: (ring(d, 65, 30, 135, 170), d.line((82, 130, 118, 70), 255, 6)),
    "8": lambda d: (ring(d, 70, 20, 130, 90), ring(d, 60, 87, 140, 180)),
    "5 in two strokes": lambda d: (d.arc((60, 80, 140, 180), 250, 150, 255, 8), d.line((85, 30, 140, 30), 255, 8)),
    "4, open": lambda d: (d.line([(60, 30), (60, 110), (150, 110)], 255, 8), d.line((110, 40, 110, 100), 255, 6)),
    "2, its foot apart": lambda d: (d.arc((70, 40, 130, 100), 180, 70, 255, 8), d.line((70, 104, 140, 104), 255, 6)),
    "1 on its foot": lambda d: (d.line((100, 40, 100, 150), 255, 8), d.line((80, 154, 120, 154), 255, 6)),
    "7": lambda d: d.line([(60, 30), (140, 30), (140, 170)], 255, 8),
}  # fmt: skip


@pytest.mark.parametrize("name", DIGITS)
def test_a_digit_is_no_frame(name):
    plane = page(DIGITS[name])
    np.testing.assert_array_equal(left(plane), plane)


def test_faint_ink_within_a_dark_box_has_a_threshold_of_its_own():
    plane = np.maximum(page(ROUND["box"]), 0.3 * page(seven))
    level = enclosures.without_frames(plane, 0.4, NOISE)[1]
    assert binarization.threshold(plane, NOISE) > 0.25
    assert level < 0.2


def test_enclosed_has_the_line_on_three_sides_at_least():
    line, wanted = (
        [[c == sign for c in row] for row in ["#####", "#ooo#", "#oooo", "#####", "#...."]] for sign in "#o"
    )
    np.testing.assert_array_equal(enclosures.enclosed(np.array(line)), wanted)
    assert not enclosures.enclosed(np.eye(5, dtype=bool)).any()
