"""LeNet5Regressor among scikit-learn's tools, and beside Regressor."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base", reason="scikit-learn is not installed: pip install 'lenet5-cpu[sklearn]'")

from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from lenet5 import Regressor, load
from lenet5.sklearn import LeNet5Regressor

QUICK = {"epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def bars():
    """Bytes (300, 28, 28) of a bright bar, and its height."""
    X, heights = np.zeros((300, 28, 28), np.uint8), np.random.default_rng(0).integers(4, 24, 300)
    for image, height in zip(X, heights, strict=True):
        image[2 : 2 + height, 8:20] = 220
    X[:, 0, 0], X[:, 27, 27] = 0, 255
    return X, heights * 10.0


@pytest.mark.parametrize("shape", [(-1, 28, 28), (-1, 784), (-1, 28, 28, 1)])
def test_bytes_give_the_weights_of_regressor(bars, shape):
    X, y = bars
    ours = LeNet5Regressor(**QUICK).fit(X.reshape(shape), y)
    model = Regressor(seed=0).fit(X, y, epochs=2)
    assert ours.model_.parameters.tobytes() == model.parameters.tobytes()
    assert ours.predict(X.reshape(shape)).tobytes() == model.predict(X).tobytes()


def test_its_score_is_r2(bars, tmp_path):
    X, y = bars
    regressor = LeNet5Regressor(random_state=0, epochs=10).fit(X, y)
    weights = np.random.default_rng(0).random(len(y))
    assert regressor.score(X, y) == r2_score(y, regressor.predict(X)) > 0.9
    assert regressor.score(X, y, weights) == r2_score(y, regressor.predict(X), sample_weight=weights)
    regressor.model_.save(tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").predict(X).tobytes() == regressor.predict(X).tobytes()


def test_several_targets_and_their_intervals(bars):
    X, y = bars
    regressor = LeNet5Regressor(**QUICK, validation=60, loss="mse").fit(X, np.stack([y, -y], axis=1))
    assert regressor.predict(X).shape == (300, 2)
    ends = regressor.predict_interval(X, 0.8)
    assert ends.shape == (300, 2, 2)
    assert (ends[..., 0] <= ends[..., 1]).all()
    assert regressor.model_.training["config"]["loss"] == "mse"


def test_errors_of_angles_go_the_shorter_way_round(bars):
    X, y = bars
    angles = (y * 1.5 + 180) % 360
    regressor = LeNet5Regressor(random_state=0, epochs=20, period=360).fit(X, angles)
    assert regressor.score(X, angles) == regressor.model_.score(X, angles) > 0.9
    assert regressor.score(X, angles + 360) == pytest.approx(regressor.score(X, angles))
    with pytest.raises(ValueError, match="sample_weight is not taken by the score of angles"):
        regressor.score(X, angles, np.ones(300))


def test_grid_search_and_transformed_targets(bars):
    X, y = bars
    search = GridSearchCV(LeNet5Regressor(random_state=0), {"epochs": [1, 6]}, cv=2).fit(X, y)
    assert search.best_params_ == {"epochs": 6}
    logarithmic = TransformedTargetRegressor(
        LeNet5Regressor(random_state=0, epochs=6), func=np.log, inverse_func=np.exp
    )
    assert logarithmic.fit(X, y).score(X, y) > 0.8


def test_clone_and_pickle(bars):
    X, y = bars
    regressor = LeNet5Regressor(**QUICK, settings={"momentum": 0.8}).fit(X, y)
    again = clone(regressor)
    assert again.get_params() == regressor.get_params()
    with pytest.raises(NotFittedError):
        again.predict(X)
    assert pickle.loads(pickle.dumps(regressor)).predict(X).tobytes() == regressor.predict(X).tobytes()


def test_sample_weight_counts(bars):
    X, y = bars
    wrong = np.where(np.arange(300) % 3, y, 1000.0)
    weights = np.where(np.arange(300) % 3, 1, 1e-6)
    given = LeNet5Regressor(random_state=0, epochs=10)
    assert given.fit(X, wrong, sample_weight=weights).score(X, y) > given.fit(X, wrong).score(X, y) + 0.5
