"""Composed strings that are read: the counts, the lines for people, the strings that were misread."""

import numpy as np

from lenet5 import pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.recipes.composed import evaluate_strings


def test_strings_are_composed_read_and_counted():
    X, y = strokes.draw(200, seed=4)
    found = evaluate_strings(pretrained(), "strokes", X, y, style="apart", n=6)
    assert found.as_dict() | {"dataset": "strokes", "style": "apart", "n": 6} == found.as_dict()
    assert found.counts["errors"] == len(found.misread) < 6
    assert found.lines()[0] == f"strokes, 6 apart strings composed of test images, {found.counts['n_digits']} digits"
    assert all(isinstance(image, np.ndarray) and right != read for image, right, read in found.misread)
    assert found.draw().width > 1000
