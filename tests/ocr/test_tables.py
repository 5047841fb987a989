"""Tables: rows and columns of what was read, also on a page askew, and cells parted by rules."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import reader
from lenet5.ocr.tables import cells, parted
from lenet5.utils.geometry import Box

ROWS, COLUMNS, STEP = 4, 3, 8  # STEP: pixels beside a number in its cell; digits of one number are as far apart


def table(tilt: float = 0.0) -> tuple[np.ndarray, list[list[str]]]:
    """A ruled table (H, W) uint8, dark on light, and its texts; next to the rules there is little room."""
    digits = strokes.draw(400, seed=3)
    strings = list(digit_strings.compose(*digits, ROWS * COLUMNS, style="apart", seed=7))
    inks = [Image.fromarray(np.rint(255 * string.ink).astype(np.uint8)) for string in strings]
    width, height = (max(ink.size[axis] for ink in inks) + STEP // 2 for axis in (0, 1))
    page = Image.new("L", (COLUMNS * width + 41, ROWS * height + 41))
    for i, ink in enumerate(inks):
        page.paste(ink, (22 + i % COLUMNS * width, 22 + i // COLUMNS * height))
    draw = ImageDraw.Draw(page)
    right, bottom = 20 + COLUMNS * width, 20 + ROWS * height
    for row in range(ROWS + 1):
        draw.line((20, 20 + row * height, right, 20 + row * height), fill=200, width=2)
    for column in range(COLUMNS + 1):
        draw.line((20 + column * width, 20, 20 + column * width, bottom), fill=200, width=2)
    page = page.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
    texts = [[string.digits for string in strings[row * COLUMNS : (row + 1) * COLUMNS]] for row in range(ROWS)]
    return 235 - (np.asarray(page) * 0.8).astype(np.uint8), texts


@pytest.mark.parametrize("tilt", [0.0, -2.0])
def test_the_cells_of_a_ruled_table(tilt):
    page, texts = table(tilt)
    found = reader.read(page, table=True).table
    assert [len(row) for row in found] == [COLUMNS] * ROWS
    right = [a == b for row, wanted in zip(found, texts, strict=True) for a, b in zip(row, wanted, strict=True)]
    assert sum(right) >= len(right) - 1


def number(text: str, line: int, top: int, left: int, right: int) -> reader.Number:
    return reader.Number(text, 1.0, Box(top, left, top + 20, right), line, [])


def test_empty_cells_and_several_numbers_in_one():
    numbers = [number("1", 0, 0, 10, 20), number("22", 0, 0, 100, 130), number("3", 1, 40, 98, 110),
               number("4", 1, 40, 115, 125), number("5", 1, 40, 200, 210)]  # fmt: skip
    assert cells(numbers) == [["1", "22", ""], ["", "3 4", "5"]]
    assert cells([]) == []


def test_columns_of_a_page_askew():
    numbers = [number(f"{row}{k}", row, 100 * row + 10 * k, 150 * k - 10 * row, 150 * k - 10 * row + 30)
               for row in range(8) for k in range(3)]  # fmt: skip
    assert cells(numbers) == [[f"{row}{k}" for k in range(3)] for row in range(8)]


def test_only_a_rule_as_high_as_the_marks_parts_them():
    boxes = np.array([[10, 0, 30, 10], [10, 20, 30, 30], [10, 40, 30, 50]])
    rules = np.zeros((40, 60), bool)
    rules[:, 15] = True  # upright
    rules[20, :] = True  # level
    assert [part.tolist() for part in parted(boxes, np.arange(3), rules)] == [[0], [1, 2]]
