"""Composed pages of each kind are read, but for a few digits that are mistaken for others."""

import pytest

from lenet5.datasets.synthetic import digit_pages, strokes
from lenet5.ocr import reader
from lenet5.ocr.evaluation import changes, digits_of

X, Y = strokes.draw(300, seed=6)


@pytest.mark.parametrize("kind", digit_pages.KINDS)
def test_pages_of_each_kind_are_read(kind):
    (page,) = digit_pages.compose(X, Y, 1, kind=kind, seed=3)
    text = reader.read(page.pixels, threads=1).text
    assert [len(line.split()) for line in text.split("\n")] == [len(line.split()) for line in page.text.split("\n")]
    assert changes(digits_of(text), digits_of(page.text)) <= 0.1 * len(digits_of(page.text))
