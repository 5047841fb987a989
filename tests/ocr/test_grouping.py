"""Which marks make up numbers, and which are none: boxes alone, no pictures."""

import numpy as np

from lenet5.ocr import grouping


def boxes(*places):
    """Boxes (n, 4) of marks given as (top, left, height, width)."""
    top, left, height, width = np.array(places).T
    return np.stack([top, left, top + height, left + width], axis=1)


def digits(top, left, n, height=20):
    """Places of digits in a row, a tenth of their height apart."""
    width = int(0.6 * height)
    return [(top, left + i * (width + height // 10), height, width) for i in range(n)]


def test_the_typical_height_is_that_of_most_ink():
    marks = boxes(*digits(0, 0, 20), *[(40, 4 * i, 2, 2) for i in range(30)])
    assert grouping.typical_height(marks) == 20
    assert grouping.typical_height(np.concatenate([marks, boxes((0, 400, 300, 300))])) == 300  # a large digit


def test_marks_on_a_line_follow_each_other_unless_they_are_far_apart_or_of_other_heights():
    marks = boxes(*digits(10, 10, 3), *digits(10, 100, 2), *digits(60, 10, 2), (0, 50, 100, 4))
    found = grouping.following(marks, np.arange(len(marks)))
    assert [group.tolist() for group in found] == [[0, 1, 2], [3, 4], [5, 6], [7]]
    assert grouping.following(marks, np.zeros(0, int)) == []


def test_numbers_much_smaller_than_others_are_numbers_where_two_digits_or_more_are_alike():
    specks = [(200, 4 * i, 3, 3) for i in range(9)]
    marks = boxes(*digits(0, 0, 4, 60), *digits(100, 0, 2, 15), (150, 0, 15, 9), *specks)
    typical = grouping.typical_height(marks)
    tall, small = grouping.tall_groups(marks, typical)
    assert [group.tolist() for group in tall] == [[0, 1, 2, 3]]
    assert [group.tolist() for group in grouping.smaller_groups(marks, small, typical)] == [[4, 5]]


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
