"""A page is read whichever way up it is, and its boxes are where the numbers are in the file."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import orientation, reader
from lenet5.ocr.layout import NumberImage, Part
from lenet5.ocr.lines import PageLines
from lenet5.ocr.orientation import back
from lenet5.utils.geometry import Box


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    """Twelve numbers of five digits in four lines, dark on light, (H, W) uint8."""
    strings = digit_strings.compose(*strokes.draw(300, seed=3), 12, style="apart", seed=5)
    pictures = [np.rint(255 * string.ink).astype(np.uint8) for string in strings]
    height, width = (max(picture.shape[axis] for picture in pictures) + 30 for axis in (0, 1))
    page = np.zeros((4 * height, 3 * width), np.uint8)
    for i, picture in enumerate(pictures):
        top, left = 15 + i // 3 * height, 15 + i % 3 * width
        page[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return 255 - page


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_is_read_as_the_upright_one(page, quarters):
    upright = reader.read(page)
    turned = reader.read(np.ascontiguousarray(np.rot90(page, -quarters)))
    assert (upright.turn, turned.turn) == (0, 90 * quarters)
    assert turned.text == upright.text
    assert len(upright.numbers) == 12


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_boxes_are_where_the_ink_is_in_the_file(page, quarters):
    file = np.ascontiguousarray(np.rot90(page, -quarters))
    for number in reader.read(file).numbers:
        top, left, bottom, right = number.box
        inside = file[top:bottom, left:right] < 128
        assert all(inside[edge].any() for edge in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_back_is_the_inverse_of_a_turn(quarters):
    plane = np.zeros((7, 11), bool)
    plane[2:4, 5:9] = True
    y, x = np.nonzero(np.rot90(plane, quarters))
    assert back(Box(y.min(), x.min(), y.max() + 1, x.max() + 1), quarters, plane.shape) == (2, 5, 4, 9)


def test_what_holds_few_digits_is_not_turned():
    style = replace(digit_strings.STYLES["apart"], length=(1, 2))
    for string in digit_strings.compose(*strokes.draw(300, seed=3), 10, style=style, seed=6):
        picture = np.rint(255 * (1 - string.ink[::-1, ::-1])).astype(np.uint8)
        assert reader.read(np.ascontiguousarray(picture)).turn == 0
    assert reader.read(np.full((200, 300), 255, np.uint8)).turn == 0


@pytest.mark.parametrize(("is_number", "quarters"), [(True, 2), (False, 0)])
def test_a_page_without_numbers_is_upright(monkeypatch, is_number, quarters):
    """Words may be read with more certainty upside down, but they are no numbers there either."""
    number = SimpleNamespace(number=NumberImage(np.ones((4, 4)), Part(), 0))
    page = np.zeros((8, 8), np.float32)
    page[0, 0] = 1
    monkeypatch.setattr(orientation, "sureness", lambda lines: -0.1 * len(lines))
    monkeypatch.setattr(orientation, "evidence", lambda lines: -100.0 * len(lines))
    monkeypatch.setattr(orientation, "are_numbers", lambda lines: np.array([is_number] * len(lines)))
    found = orientation.found(page, lambda grey, most: PageLines([number] * (1 if grey[-1, -1] else 3), []))
    assert found.quarters == quarters
