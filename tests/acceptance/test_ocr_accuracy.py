"""Numbers of four digits as the networks that ship read them."""

import pytest

from lenet5 import pretrained
from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import evaluation

pytestmark = pytest.mark.slow


def test_most_strings_are_read():
    model = pretrained()
    style = digit_strings.Style(length=(4, 4), gap=(1, 4))
    strings = digit_strings.compose(*strokes.draw(400, seed=12), 40, style=style, seed=0)
    report = evaluation.evaluation((str(model.read(picture)), right) for picture, right in evaluation.pictures(strings))
    assert report["accuracy"] >= 0.85
    assert report["digit_accuracy"] >= 0.96
