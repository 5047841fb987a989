"""What is a digit and what is not: drawn rubbish, the second network's answers."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import negatives, strokes
from lenet5.datasets.synthetic.letters import MARKS
from lenet5.errors import ModelFileError
from lenet5.models import ood
from lenet5.nn import serialization


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


def test_the_detector_says_how_it_was_made():
    assert set(ood.shipped().training) >= {"command", "config", "data_sha256", "least_score"}


def test_a_detector_comes_back_from_its_file(tmp_path):
    detector = ood.Detector(ood.made(1, (2, 3, 8, 5)), {"least_score": -1.5})
    detector.network.parameters[:] = detector.network.parameters.astype(np.float16)
    detector.save(tmp_path / "detector.safetensors")
    again = ood.loaded(tmp_path / "detector.safetensors")
    assert again.least_score == -1.5
    X = strokes.draw(20, seed=0)[0]
    np.testing.assert_array_equal(again.probabilities(X), detector.probabilities(X))
    np.testing.assert_allclose(detector.probabilities(X).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "change", [{"classes": ["0", "1"]}, {"widths": [6, 16]}, {"widths": None}, {"widths": [7, 9, 9, 9]}]
)
def test_a_file_of_another_detector_is_refused(change, tmp_path):
    network = ood.made(1, (2, 3, 8, 5))
    tensors = {name: tensor.astype(np.float16) for name, tensor in network.state_dict().items()}
    info = {"classes": ood.CLASSES, "widths": (2, 3, 8, 5), "training": None} | change
    serialization.save(tmp_path / "other.safetensors", tensors, ood.KIND, info)
    with pytest.raises(ModelFileError, match="does not describe a detector"):
        ood.loaded(tmp_path / "other.safetensors")
