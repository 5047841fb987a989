"""Words, letters and specks are dropped; numbers, also a lone one, are kept."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lenet5.datasets.synthetic import digit_pages, digit_strings, strokes
from lenet5.ocr import reader

X, Y = strokes.draw(300, seed=6)
WORDS = ("which    came    before", "under    another    house", "many    have    been", "never    that    much") * 2


def printed(shape=(400, 420), lines=WORDS) -> np.ndarray:
    image = Image.new("L", shape[::-1], 245)
    for i, line in enumerate(lines):
        ImageDraw.Draw(image).text((20, 20 + 45 * i), line, fill=30, font=ImageFont.load_default(24))
    return np.asarray(image)


def test_of_a_few_printed_words_many_are_dropped():
    reading = reader.read(printed(), threads=1)
    assert len(reading.dropped) >= 8
    assert {item.reason for item in reading.dropped} <= {reader.NO_NUMBER, reader.NO_DIGIT}


def test_specks_are_no_numbers():
    rng = np.random.default_rng(0)
    page = np.full((200, 300), 240, np.uint8)
    for y, x, h, w in zip(*(rng.integers(a, b, 40) for a, b in ((5, 185), (5, 285), (2, 9), (2, 9))), strict=True):
        page[y : y + h, x : x + w] = 60
    reading = reader.read(page, threads=1)
    assert len(reading.dropped) > len(reading.numbers)


def test_numbers_beside_words_are_kept_and_the_words_have_a_box():
    (page,) = digit_pages.compose(X, Y, 1, kind="page", seed=1)
    words = printed((400, page.pixels.shape[1]))
    reading = reader.read(np.concatenate([page.pixels, words]), threads=1)
    lines = page.text.split("\n")
    found = reading.text.split("\n")[: len(lines)]
    assert [len(line.split()) for line in found] == [len(line.split()) for line in lines]
    below = [item for item in reading.dropped if item.box.top > len(page.pixels)]
    assert below
    document = json.loads(json.dumps(reader.document(reading)))
    left, top, width, height = document["dropped"][-1]["box"]
    assert (top, left) == below[-1].box[:2]
    assert min(width, height) > 0


@pytest.mark.parametrize("style", ["plain", "amounts"])
def test_a_lone_number_is_kept(style):
    for string in digit_strings.compose(X, Y, 3, style=style, seed=5):
        reading = reader.read(np.rint(255 * (1 - string.ink)).astype(np.uint8), threads=1)
        assert reading.numbers
        assert "dropped" not in reader.document(reading) or reading.dropped
