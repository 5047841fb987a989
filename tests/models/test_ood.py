"""What is a digit and what is not: drawn rubbish, the second network's answers."""

import numpy as np
import pytest

from lenet5 import datasets, pretrained
from lenet5.datasets.synthetic import negatives, strokes
from lenet5.datasets.synthetic.letters import MARKS
from lenet5.models import ood
from lenet5.preprocessing.normalization import prepare


def field(X: np.ndarray) -> np.ndarray:
    return np.pad(X / np.float32(255), ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32)


def test_marks_fit_the_pen():
    for text in MARKS:
        points, kinds = strokes._strokes(text)
        assert 2 <= len(points) <= strokes.POINTS, text
        assert kinds[0] & strokes.DRAWN == 0


@pytest.mark.parametrize("draw", [negatives.letters, negatives.scribbles, negatives.several, negatives.shapes])
def test_drawn_rubbish_is_prepared_as_digits_are(draw):
    X = draw(60, np.random.default_rng(0))
    assert X.shape == (60, 28, 28)
    assert X.dtype == np.uint8
    rows, columns = X.max(axis=2) > 0, X.max(axis=1) > 0
    assert max(rows.sum(axis=1).max(), columns.sum(axis=1).max()) <= 22
    assert (X.max(axis=(1, 2)) > 0).mean() > 0.95
    assert len({picture.tobytes() for picture in X}) > 50


def test_rubbish_is_a_function_of_its_seed():
    X, is_several = negatives.draw(240, seed=3)
    same, _ = negatives.draw(240, seed=3)
    np.testing.assert_array_equal(X, same)
    assert (negatives.draw(240, seed=4)[0] != X).any()
    assert is_several.sum() == 20


def test_most_rubbish_is_refused_and_hardly_a_digit():
    X, is_several = negatives.draw(600, seed=77)
    accepted, several = ood.decide(field(X))
    assert accepted.mean() < 0.05
    assert several[is_several].mean() > 0.85
    assert several[~is_several].mean() < 0.05
    accepted, several = ood.decide(field(strokes.draw(1000, seed=78)[0]))
    assert accepted.mean() > 0.98
    assert not (accepted & several).any()


@pytest.mark.parametrize("n", range(2, 8))
def test_digits_in_a_row_are_several(n):
    """However many: the whole row is taken for the digit, as its marks are near each other."""
    X, _ = strokes.draw(40 * n, seed=79)
    rows = [np.concatenate(digits, axis=1) for digits in X[:, :, 4:24].reshape(40, n, 28, 20)]
    prepared = [prepare(255 - np.pad(row, 12)) for row in rows]
    _, several = ood.decide(np.stack([found.input for found in prepared]))
    hinted = several | [found.beside > 0 for found in prepared]
    assert hinted.mean() > 0.85


@pytest.mark.mnist
def test_hardly_a_validation_picture_of_mnist_is_refused(mnist_dir):
    (X, _), _ = datasets.load("mnist", mnist_dir)
    held = np.random.default_rng(0).permutation(len(X))[:5000]
    assert ood.decide(field(X[held]))[0].mean() > 0.99


def test_the_score_is_that_of_one_digit_against_the_rest():
    probabilities = np.zeros((3, 12))
    probabilities[0, 3], probabilities[1, ood.NOTHING], probabilities[2, [4, 7, ood.SEVERAL]] = (
        1,
        1,
        (0.25, 0.25, 0.5),
    )
    scores = ood.score(probabilities)
    assert scores[0] > 20
    assert scores[1] < -20
    assert scores[2] == pytest.approx(0)


def test_the_judge_says_how_it_was_made():
    network, info = ood.network()
    assert info["labels"] == [*pretrained().labels, "nothing", "several"]
    assert network.n_classes == len(info["labels"])
    assert set(info["training"]) >= {"command", "config", "data_sha256", "least_score"}
