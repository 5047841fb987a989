"""Words, letters and specks are dropped; numbers, also a lone one, are kept."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import reader
from lenet5.ocr.dropped import are_numbers

X, Y = strokes.draw(300, seed=6)


def candidates(evidence, digits: int = 5) -> list:
    """Candidates of so many digits each, with this evidence for each digit."""
    path = [SimpleNamespace(label=1)] * digits
    return [SimpleNamespace(total=value * digits, path=path) for value in evidence]


def test_what_a_page_of_words_takes_for_a_number_is_dropped():
    rng = np.random.default_rng(0)
    words, numbers = rng.normal(9, 2, 400), rng.normal(18, 1, 20)
    kept = are_numbers(candidates([*words, *numbers]))
    assert kept[400:].all()
    assert kept[:400].mean() < 0.1


def test_on_a_page_of_numbers_a_bad_one_is_kept_and_what_is_hopeless_dropped():
    assert are_numbers(candidates([18.0] * 11 + [8.4, 1.0])).tolist() == [True] * 12 + [False]
    assert are_numbers(candidates([1.0])).tolist() == [True]
    assert are_numbers([]).tolist() == []


def test_specks_are_dropped_with_their_box():
    rng = np.random.default_rng(0)
    page = np.full((200, 300), 240, np.uint8)
    for y, x, h, w in zip(*(rng.integers(a, b, 40) for a, b in ((5, 185), (5, 285), (2, 9), (2, 9))), strict=True):
        page[y : y + h, x : x + w] = 60
    reading = reader.read(page, threads=1)
    assert reading.dropped
    document = json.loads(json.dumps(reader.document(reading)))
    left, top, width, height = document["dropped"][0]["box"]
    assert (top, left) == reading.dropped[0].box[:2]
    assert min(width, height) > 0
    assert document["dropped"][0]["reason"] in (reader.NO_NUMBER, reader.NO_DIGIT)


@pytest.mark.parametrize("style", ["plain", "amounts"])
def test_a_lone_number_is_kept(style):
    for string in digit_strings.compose(X, Y, 3, style=style, seed=5):
        reading = reader.read(np.rint(255 * (1 - string.ink)).astype(np.uint8), threads=1)
        assert reading.numbers
        assert "dropped" not in reader.document(reading) or reading.dropped
