"""Numbers in reading order, on lines that are level, rise, bow or run together: boxes alone."""

import numpy as np
import pytest

from lenet5.ocr.reading_order import levelled, reading_order
from lenet5.utils.geometry import Box

SHAPES = {
    "level": lambda x, y: 0 * x,
    "rising": lambda x, y: -0.15 * x,
    "falling": lambda x, y: 0.15 * x,
    "bowed": lambda x, y: 12 * (1 - (x / 300 - 1) ** 2),
    "in perspective": lambda x, y: 0.12 * x * (y / 200 - 0.5),
}


def page(shape, rows=5, columns=4, seed=0):
    """Numbers of 20 x 90 pixels, 26 apart, on lines of a shape: the boxes (5, 4) of the digits of each."""
    rng = np.random.default_rng(seed)
    numbers = []
    for y, x in np.ndindex(rows, columns):
        left = 150.0 * x + np.arange(0, 90, 18)
        top = 26.0 * y + SHAPES[shape](left, 26.0 * y) + rng.uniform(-2, 2, 5)
        numbers.append(np.stack([top, left, top + 20, left + 16], axis=1))
    return numbers


def around(digits):
    return Box(*digits[:, :2].min(axis=0), *digits[:, 2:].max(axis=0))


@pytest.mark.parametrize("shape", SHAPES)
def test_lines_of_any_shape(shape):
    numbers = page(shape)
    expected = np.arange(20).reshape(5, 4).tolist()
    assert reading_order(map(around, numbers), numbers) == expected
    shuffled = np.random.default_rng(1).permutation(20)
    order = reading_order((around(numbers[i]) for i in shuffled), [numbers[i] for i in shuffled])
    assert [[int(shuffled[i]) for i in line] for line in order] == expected


def test_the_digits_of_two_numbers_say_how_their_line_rises():
    digits = [np.array([[-0.15 * x, x, 20 - 0.15 * x, x + 14] for x in range(at, at + 80, 18)]) for at in (0, 250)]
    boxes = [around(number) for number in digits]
    assert reading_order(boxes) == [[1], [0]]
    assert reading_order(boxes, digits) == [[0, 1]]


def test_few_boxes():
    assert reading_order([]) == []
    assert reading_order([Box(0, 0, 9, 9)]) == [[0]]
    assert (levelled(np.array([[0.0, 0, 9, 9]])) == [[0, 0, 9, 9]]).all()


def test_digits_in_several_parts_do_not_say_how_lines_run():
    """A table of single digits, some of them with a stroke of its own above."""
    one = np.array([[0.0, 5, 4, 9], [4, 0, 12, 6]])  # its foot is to the left
    parts = [one + np.array([25 * y, 90 * x, 25 * y, 90 * x]) for y, x in np.ndindex(12, 4)]
    expected = np.arange(48).reshape(12, 4).tolist()
    assert reading_order(map(around, parts), parts) == expected
