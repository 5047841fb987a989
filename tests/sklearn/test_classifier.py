"""LeNet5Classifier among scikit-learn's tools, and beside LeNet5."""

import doctest
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn.base", reason="scikit-learn is not installed: pip install 'lenet5-cpu[sklearn]'")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lenet5 import LeNet5, load
from lenet5.datasets.synthetic import strokes
from lenet5.sklearn import LeNet5Classifier

QUICK = {"epochs": 2, "random_state": 0}
NAMES = np.array(["nil", "one", "two", "drei", "vier", "fünf", "six", "sept", "huit", "neun"])


@pytest.fixture(scope="module")
def drawn():
    """Bytes (300, 28, 28) and their digits."""
    return strokes.draw(300, seed=5)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600], y[:600]


@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 784), (-1, 28, 28, 1)])
def test_bytes_give_the_weights_of_lenet5(drawn, shape):
    X, y = drawn
    ours = LeNet5Classifier(**QUICK).fit(X.reshape(shape), y)
    model = LeNet5(seed=0).fit(X, y, epochs=2)
    assert ours.model_.parameters.tobytes() == model.parameters.tobytes()
    assert (ours.predict(X.reshape(shape)) == model.predict(X)).all()
    assert ours.predict_proba(X.reshape(shape)).tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("scale", [1.0, 1 / 255, 1e6], ids=str)
def test_the_range_of_numbers_is_learnt(drawn, scale):
    X, y = drawn
    found = LeNet5Classifier(**QUICK).fit(X * scale - 3, y).predict_proba(X * scale - 3)
    assert np.allclose(found, LeNet5(seed=0).fit(X, y, epochs=2).predict_proba(X), atol=1e-3)


def test_numbers_beyond_those_of_training_are_full_ink_or_none(drawn):
    X, y = drawn
    classifier = LeNet5Classifier(**QUICK).fit(X / 255, y)
    wide = X / 255 + np.where(X == 255, 7, np.where(X == 0, -7, 0))
    assert (classifier.predict_proba(wide) == classifier.predict_proba(X / 255)).all()


@pytest.mark.parametrize(
    ("shape", "side", "size"),
    [((1,), 28, 32), ((5,), 27, 32), ((64,), 24, 32), ((28, 20), 28, 32), ((30, 30), 32, 32), ((40, 33, 3), 40, 40),
     ((41, 41, 1), 41, 42)],
)  # fmt: skip
def test_rows_become_images(shape, side, size):
    X = np.random.default_rng(0).random((20, *shape)) + 1
    classifier = LeNet5Classifier(**QUICK).fit(X, np.arange(20) % 2)
    images = classifier.layout_.images(X)
    assert classifier.model_.size == size
    assert images.shape[-2:] == ((28, 28) if side <= 28 else (size, size))
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert classifier.predict(X).shape == (20,)


def test_features_fill_a_square_row_by_row():
    layout = LeNet5Classifier(**QUICK).fit([[0.0, 1, 2, 3, 4]] * 2 + [[0.0] * 5] * 2, [0, 0, 1, 1]).layout_
    [image] = layout.images(np.array([[0.0, 1, 2, 3, 4]]))
    assert layout.side == 3
    assert not layout.are_pixels
    assert np.allclose(image[4::9, 4::9], [[0, 0.25, 0.5], [0.75, 1, 0], [0, 0, 0]])


@pytest.mark.parametrize("shape", [(20, 129, 5), (20, 129**2), (20, 8, 8, 2), (20, 8, 8, 3, 1)])
def test_arrays_that_are_no_images_are_refused(shape):
    with pytest.raises(ValueError, match="X"):
        LeNet5Classifier(**QUICK).fit(np.zeros(shape, np.uint8), np.arange(20) % 2)


def test_other_images_than_in_training_are_refused(drawn):
    X, y = drawn
    classifier = LeNet5Classifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="as in fit"):
        classifier.predict(X[:, :, :20])


def test_names_as_classes(drawn, tmp_path):
    X, y = drawn
    classifier = LeNet5Classifier(**QUICK).fit(X, NAMES[y])
    assert classifier.classes_.tolist() == sorted(NAMES)
    assert set(classifier.predict(X)) <= set(NAMES)
    classifier.model_.save(tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").predict(X).tolist() == classifier.predict(X).tolist()


@pytest.mark.slow
def test_grid_search_in_processes_over_a_pipeline(digits):
    pipeline = make_pipeline(StandardScaler(), LeNet5Classifier(random_state=0))
    grid = {"lenet5classifier__epochs": [1, 12]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(*digits)
    assert search.best_params_ == {"lenet5classifier__epochs": 12}
    again = GridSearchCV(pipeline, grid, cv=2).fit(*digits)
    assert (again.cv_results_["mean_test_score"] == search.cv_results_["mean_test_score"]).all()


def test_images_go_through_cross_validation(digits):
    X, y = digits
    rows = cross_val_score(LeNet5Classifier(**QUICK), X, y, cv=2)
    assert (cross_val_score(LeNet5Classifier(**QUICK), X.reshape(-1, 8, 8), y, cv=2) == rows).all()


def test_calibration(digits):
    X, y = digits
    calibrated = CalibratedClassifierCV(LeNet5Classifier(epochs=5, random_state=0), cv=2).fit(X, NAMES[y])
    assert calibrated.score(X, NAMES[y]) > 0.8
    assert np.allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_a_clone_is_not_fitted_and_a_pickle_is(drawn):
    X, y = drawn
    classifier = LeNet5Classifier(**QUICK, settings={"momentum": 0.8}).fit(X, y)
    again = clone(classifier)
    assert again.get_params() == classifier.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)
    copied = pickle.loads(pickle.dumps(classifier))
    assert copied.predict_proba(X).tobytes() == classifier.predict_proba(X).tobytes()
    assert copied.model_.training["config"]["momentum"] == 0.8


def test_weights_of_images_and_classes(drawn):
    X, y = drawn
    y = (y == 3).astype(int)
    balanced = LeNet5Classifier(**QUICK, class_weight="balanced").fit(X, y)
    assert balanced.model_.parameters.tobytes() == (
        LeNet5(labels=["0", "1"]).fit(X, y, epochs=2, class_weight="balanced").parameters.tobytes()
    )
    named = LeNet5Classifier(**QUICK, class_weight={0: 1, 1: 9}).fit(X, y)
    each = LeNet5Classifier(**QUICK).fit(X, y, sample_weight=np.where(y, 9, 1))
    assert named.model_.parameters.tobytes() == each.model_.parameters.tobytes()


def test_threads_change_no_weights(drawn):
    fits = [LeNet5Classifier(**QUICK, n_jobs=n).fit(*drawn).model_.parameters.tobytes() for n in (1, 2, -1)]
    assert len(set(fits)) == 1


def test_settings_that_there_are_not_are_refused(drawn):
    with pytest.raises(TypeError, match="no setting 'momentums'"):
        LeNet5Classifier(settings={"momentums": 1}).fit(*drawn)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "sklearn.md"


@pytest.mark.slow
@pytest.mark.skipif(not PAGE.exists(), reason="the documents are in the sources only")
def test_the_examples_of_the_page_give_what_they_show():
    for block in re.findall(r"```pycon\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S):
        example = doctest.DocTestParser().get_doctest(block, {}, PAGE.name, PAGE.name, 0)
        report = []
        assert not doctest.DocTestRunner().run(example, out=report.append).failed, "".join(report)
