"""What the networks of numbers are trained on: which runs of pieces are characters."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr.networks import CLASSES, RUBBISH
from lenet5.ocr.oversegmentation import cut, hypotheses
from lenet5.recipes import segments
from lenet5.utils.geometry import box_of

X, Y = strokes.draw(300, seed=2)


def test_truth_finds_each_character_and_calls_halves_rubbish():
    style = digit_strings.Style(length=(3, 3), gap=(3, 3))
    for string in digit_strings.compose(X, Y, 10, style=style, seed=8):
        pieces = cut(string.ink)
        runs = hypotheses(pieces, 6, 1.7)
        labels = segments.truth(string, pieces, runs)
        found = {CLASSES[k] for k in labels if k not in (-1, RUBBISH)}
        assert found == set(string.text)
        wide = runs.boxes[:, 3] - runs.boxes[:, 1] > 1.4 * max(box.right - box.left for box in string.boxes)
        assert np.isin(labels[wide], (RUBBISH, -1)).all()


@pytest.mark.parametrize("apart", [27, 29, 31, 34])
def test_truth_finds_both_of_two_zeros_that_share_a_part(apart):
    y, x = np.mgrid[:50, :90]
    rings = [np.clip(3 - abs(np.hypot(x - cx, y - 25) - 16), 0, 1).astype(np.float32) for cx in (30, 30 + apart)]
    boxes = [box_of(ring > 0.02) for ring in rings]
    string = digit_strings.Composed(np.maximum(*rings), "00", rings, boxes)
    pieces = cut(string.ink)
    runs = hypotheses(pieces)
    labels = segments.truth(string, pieces, runs)
    zeros = np.flatnonzero(labels == 0)
    assert any(runs.stop[a] <= runs.first[b] for a in zeros for b in zeros)  # one way has both
    both = (runs.first == 0) & (runs.stop == len(pieces))
    assert (labels[both] == RUBBISH).all()


def test_truth_has_each_digit_of_amounts_or_nothing_but_never_rubbish_in_its_place():
    """Joined noughts: the segment with most of a digit's ink is no rubbish."""
    n = n_found = 0
    for string in digit_strings.compose(X, Y, 25, style="amounts", seed=2):
        string = segments.as_found(string, np.random.default_rng(0), 1.0)
        pieces = cut(string.ink)
        runs = hypotheses(pieces)
        labels = segments.truth(string, pieces, runs)
        of_runs = [
            np.isin(pieces.labels, range(*ends)) * pieces.ink for ends in zip(runs.first, runs.stop, strict=True)
        ]
        for character, layer in zip(string.text, string.layers, strict=True):
            shares = [np.minimum(layer, ink).sum() / np.maximum(layer, ink).sum() for ink in of_runs]
            best = labels[int(np.argmax(shares))]
            n, n_found = n + 1, n_found + (best == CLASSES.index(character))
            assert best != RUBBISH or max(shares) < 0.7
    assert n_found > 0.9 * n


@pytest.mark.parametrize("even", [0.0, 1.0])
def test_truth_finds_faint_characters_whether_or_not_they_are_evened_out(even):
    style = digit_strings.Style(length=(3, 3), gap=(3, 3), strength=(0.5, 0.6))
    for string in digit_strings.compose(X, Y, 10, style=style, seed=8):
        found = segments.as_found(string, np.random.default_rng(0), even)
        assert (found.ink.max() > 0.9) == bool(even)
        pieces = cut(found.ink)
        labels = segments.truth(found, pieces, hypotheses(pieces, 6, 1.7))
        assert {CLASSES[k] for k in labels if k not in (-1, RUBBISH)} == set(string.text)


def test_examples_have_characters_and_rubbish():
    pictures, labels = segments.examples(digit_strings.compose(X, Y, 20, style="varied", seed=1), rubbish=0.5)
    assert pictures.shape == (len(labels), 2, 28, 28)
    assert pictures.dtype == labels.dtype == np.uint8
    n_rubbish = (labels == RUBBISH).sum()
    assert 0.2 * len(labels) < n_rubbish < 0.5 * len(labels)
    own, line = pictures[:, 0].astype(int), pictures[:, 1].astype(int)
    assert (own <= line).all()
