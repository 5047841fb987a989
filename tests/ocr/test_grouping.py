"""Which marks make up numbers, and which are none: boxes alone, no pictures."""

import numpy as np
import pytest

from lenet5.ocr import grouping, non_text
from lenet5.preprocessing.components import Components


def boxes(*places):
    """Boxes (n, 4) of marks given as (top, left, height, width)."""
    top, left, height, width = np.array(places).T
    return np.stack([top, left, top + height, left + width], axis=1)


def digits(top, left, n, height=20):
    """Places of digits in a row, a tenth of their height apart."""
    width = int(0.6 * height)
    return [(top, left + i * (width + height // 10), height, width) for i in range(n)]


def ink(marks, fill=0.4):
    """How many pixels marks have that fill such a part of their boxes."""
    return np.maximum((fill * np.prod(marks[:, 2:] - marks[:, :2], axis=1)).astype(int), 4)


def test_the_typical_height_is_that_of_most_ink():
    marks = boxes(*digits(0, 0, 20), *[(40, 4 * i, 2, 2) for i in range(30)], (0, 400, 300, 300))
    areas = ink(marks)
    areas[-1] = 900  # a ring
    assert grouping.typical_height(marks, areas) == 20
    areas[-1] = 60_000  # a large digit
    assert grouping.typical_height(marks, areas) == 300


def test_marks_on_a_line_follow_each_other_unless_they_are_far_apart_or_of_other_heights():
    marks = boxes(*digits(10, 10, 3), *digits(10, 100, 2), *digits(60, 10, 2), (0, 50, 100, 4))
    found = grouping.following(marks, np.arange(len(marks)))
    assert [group.tolist() for group in found] == [[0, 1, 2], [3, 4], [5, 6], [7]]
    assert grouping.following(marks, np.zeros(0, int)) == []


def test_numbers_much_smaller_than_others_are_numbers_where_two_digits_or_more_are_alike():
    specks = [(200, 4 * i, 3, 3) for i in range(9)]
    marks = boxes(*digits(0, 0, 4, 60), *digits(100, 0, 2, 15), (150, 0, 15, 9), *specks)
    typical = grouping.typical_height(marks, ink(marks))
    tall, small = grouping.tall_groups(marks, typical)
    assert [group.tolist() for group in tall] == [[0, 1, 2, 3]]
    assert [group.tolist() for group in grouping.smaller_groups(marks, small, typical)] == [[4, 5]]


def test_marks_at_the_edge_are_cut_off():
    marks = boxes((0, 40, 9, 9), (40, 1, 9, 9), (40, 40, 9, 9), (90, 40, 9, 9), (40, 90, 9, 9))
    assert grouping.cut_off(marks, (100, 100)).tolist() == [True, True, False, True, True]


def test_what_is_far_larger_than_a_page_of_digits_is_none():
    page = [place for top in (20, 60, 100) for place in digits(top, 20, 10)]
    ring, pen, digit = (20, 200, 120, 120), (80, 170, 119, 20), (20, 170, 90, 50)
    marks = boxes(*page, ring, pen)
    areas = ink(marks)
    areas[-2] = 1100
    assert non_text.oversized(marks, areas, (200, 400)).tolist() == [False] * 30 + [True, True]
    alone, two = boxes(*page, digit), boxes(*page, digit, digit)
    assert non_text.oversized(alone, ink(alone), (200, 400)).nonzero()[0].tolist() == [30]
    assert not non_text.oversized(two, ink(two), (200, 400)).any()  # digits written large


def test_a_digit_among_specks_is_no_large_mark():
    marks = boxes(*[(5 * i, 100, 5, 5) for i in range(20)], (10, 10, 60, 40))
    assert not non_text.oversized(marks, ink(marks), (80, 120)).any()
    few = boxes(*digits(10, 60, 4, 15), (10, 10, 60, 40))
    assert not non_text.oversized(few, ink(few), (80, 120)).any()


def row(gaps, height=20):
    """Boxes of digits on a line, ``gaps`` heights apart."""
    lefts = np.cumsum([0, *(12 + np.array(gaps) * height)])
    return boxes(*[(0, left, height, 12) for left in lefts])


def parts(marks, least=grouping.WORD_GAP):
    return [word.tolist() for word in grouping.words(marks, np.arange(len(marks)), least)]


def test_words_part_where_gaps_are_far_wider_than_the_others():
    assert parts(row([0.1, 0.2, 1.0, 0.1])) == [[0, 1, 2], [3, 4]]
    assert parts(row([0.1, 0.9, 0.9, 0.2])) == [[0, 1], [2], [3, 4]]
    assert parts(row([0.1, 0.2, 0.9, 0.1]), grouping.LONE_GAP) == [[0, 1, 2, 3, 4]]


def test_digits_that_are_written_far_apart_are_one_number():
    for gaps in ([0.9], [0.9, 1.1, 0.8], [0.6, 0.5, 1.0], []):
        assert parts(row(gaps)) == [list(range(len(gaps) + 1))]


def test_a_dash_fills_a_gap():
    digits, dash = row([0.1, 1.0, 0.1]), boxes((9, 32, 3, 8))
    assert len(parts(digits)) == 2
    assert len(parts(np.concatenate([digits, dash]))) == 1


def test_a_dot_alone_is_no_word():
    assert parts(np.concatenate([row([0.1, 0.1]), boxes((15, 90, 3, 3))])) == [[0, 1, 2]]


@pytest.mark.parametrize(("gap", "is_ring"), [(0, True), (9, True), (30, False)])
def test_a_ring_surrounds_a_mark_also_where_it_is_not_quite_closed(gap, is_ring):
    mask = np.zeros((60, 80), bool)
    mask[[5, 50], 10:70] = mask[5:51, [10, 69]] = True
    mask[20:40, 30:50] = True
    mask[20 : 20 + gap, 60:] = False
    marks = Components(mask)
    found = non_text.rings(marks.boxes, marks.areas, marks.labels(), np.arange(len(marks.areas)))
    assert marks.boxes[found].tolist() == ([[5, 10, 51, 70]] if is_ring else [])


def test_a_nought_with_a_dot_in_it_is_no_ring():
    mask = np.zeros((60, 80), bool)
    mask[[5, 50], 20:50] = mask[5:51, [20, 49]] = True
    mask[25:30, 30:36] = True
    marks = Components(mask)
    assert not non_text.rings(marks.boxes, marks.areas, marks.labels(), np.arange(2)).any()


def test_what_is_long_and_flat_beside_digits_is_an_underline():
    marks = boxes(*digits(10, 10, 5), (36, 8, 5, 72), (20, 90, 3, 12))
    assert non_text.underlines(marks, ink(marks)).tolist() == [False] * 5 + [True, False]
    assert non_text.underlines(marks[:0], ink(marks[:0])).tolist() == []
