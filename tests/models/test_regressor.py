"""Models of quantities: what they learn, keep in a file and refuse."""

import copy
from dataclasses import asdict

import numpy as np
import pytest

from lenet5 import Committee, LeNet5, Regressor, load
from lenet5.errors import DivergedError, ModelFileError
from lenet5.nn.targets import TargetScaling
from lenet5.training.regression import regression_config


def bars(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) uint8 of a bright bar, and its height in pixels."""
    rng = np.random.default_rng(seed)
    X, y = np.zeros((n, 28, 28), np.uint8), rng.integers(4, 24, n)
    for image, height in zip(X, y, strict=True):
        image[2 : 2 + height, 8:20] = 220
    return X, y * 1000.0 + 5e5


def hands(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) uint8 of a hand of a clock, and its angle in degrees."""
    angles = np.random.default_rng(seed).uniform(0, 360, n)
    row, column = np.mgrid[:28, :28] - 13.5
    along = np.stack([np.cos(np.radians(a)) * column + np.sin(np.radians(a)) * row for a in angles])
    across = np.stack([np.cos(np.radians(a)) * row - np.sin(np.radians(a)) * column for a in angles])
    return np.where((along > 0) & (along < 12) & (abs(across) < 2), 255, 0).astype(np.uint8), angles


@pytest.fixture(scope="module")
def model():
    return Regressor().fit(*bars(800), epochs=6, validation=200)


def test_it_learns_a_height_in_its_own_unit(model):
    X, y = bars(200, seed=1)
    assert model.score(X, y) > 0.99
    report, answers = model.evaluate(X, y)
    assert report["mae"] < 500
    assert answers.shape == (200, 1)
    np.testing.assert_array_equal(answers[:, 0], model.predict(X))
    ends = model.predict_interval(X, 0.95)
    assert ends.shape == (200, 2)
    assert 0.85 <= ((ends[:, 0] <= y) & (y <= ends[:, 1])).mean() <= 1
    assert report["interval"]["level"] == 0.9


def test_a_file_keeps_scaling_and_intervals(model, tmp_path):
    X, _ = bars(40, seed=2)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.info() == model.info()
    assert (again.scaling, again.intervals) == (model.scaling, model.intervals)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert repr(again) == "<Regressor modern: 1 target, 60,941 parameters>"


def test_a_narrow_one_keeps_its_widths_in_its_file(tmp_path):
    X, y = bars(40, seed=2)
    narrow = Regressor(widths=(2, 4, 10, 8)).fit(X, y, epochs=1)
    narrow.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.widths == (2, 4, 10, 8)
    np.testing.assert_array_equal(again.predict(X), narrow.predict(X))


def test_batches_are_learnt_as_their_images_together():
    X, y = bars(40)
    whole = Regressor().fit(X, y, epochs=1, validation_data=(X, y))
    parts = [(X[:16], y[:16]), (X[16:], y[16:])]
    np.testing.assert_array_equal(Regressor().fit(parts, epochs=1, validation_data=parts).parameters, whole.parameters)


def test_its_file_is_not_one_of_bare_weights(model, tmp_path):
    model.save(tmp_path / "m")
    with pytest.raises(ModelFileError, match="a regressor of lenet5, no bare weights; load it without a variant"):
        load(tmp_path / "m", variant="modern")


def test_it_teaches_no_classes():
    ten = Regressor()
    ten.take_scaling(TargetScaling((0.0,) * 10, (1.0,) * 10, None))
    X, _ = bars(40)
    with pytest.raises(ValueError, match="a teacher is a model of quantities"):
        LeNet5().fit(X, np.arange(40) % 10, teachers=[ten])


def test_one_image_has_the_answer_that_it_has_among_others(model):
    X, _ = bars(37, seed=3)
    frozen = copy.deepcopy(model).freeze()
    together = model.predict(X)
    assert [model.predict(X[k : k + 1])[0] for k in range(37)] == together.tolist()
    assert [frozen.predict(X[k : k + 1])[0] for k in range(37)] == together.tolist()
    np.testing.assert_array_equal(model.predict(X, threads=2), together)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_the_same_weights_for_any_number_of_threads(loss):
    X, y = bars(100)
    one, two = (Regressor().fit(X, y, epochs=2, loss=loss, threads=k) for k in (1, 2))
    assert one.parameters.tobytes() == two.parameters.tobytes()


def test_angles():
    model = Regressor(period=360).fit(*hands(2000), epochs=12, validation=300)
    X, y = hands(200, seed=1)
    report, answers = model.evaluate(X, y)
    assert report["mae"] < 12
    assert report["r2"] > 0.9
    assert ((answers >= 0) & (answers < 360)).all()


def test_several_targets():
    X, y = bars(600)
    model = Regressor().fit(X, np.stack([y, -y], axis=1), epochs=6, validation=100)
    assert model.n_targets == 2
    assert model.predict(X[:3]).shape == (3, 2)
    assert model.predict_interval(X[:3]).shape == (3, 2, 2)
    assert len(model.evaluate(X, np.stack([y, -y], axis=1))[0]["targets"]) == 2
    with pytest.raises(ValueError, match="y has 1 targets for each image, the model 2"):
        model.score(X, y)


@pytest.mark.parametrize("period", [None, 360])
def test_a_constant_target_has_an_r2_of_0(period):
    X, _ = bars(120)
    y = np.full(120, 0.1)
    model = Regressor(period=period).fit(X, y, epochs=3, validation=40)
    assert model.score(X, y) == 0
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("unit", [1e-300, 1e140])
def test_targets_of_any_unit_are_learnt(unit):
    X, y = bars(300)
    model = Regressor().fit(X, y / y.mean() * unit, epochs=4, validation=100)
    assert model.score(X, y / y.mean() * unit) > 0.5


def test_training_on_from_present_weights_keeps_the_scaling(model):
    X, y = bars(50)
    again = copy.deepcopy(model).fit(X, y + 7, epochs=1)
    assert again.scaling == model.scaling


def test_a_network_of_classes_is_a_beginning(model):
    network = LeNet5(seed=4)
    started = Regressor().fit(*bars(20), epochs=1, start_from=network, freeze="c1,c3", learning_rate=1e-4)
    np.testing.assert_array_equal(started.state_dict()["c3.weight"], network.state_dict()["c3.weight"])


@pytest.mark.parametrize(
    ("settings", "y", "message"),
    [
        ({}, [1, 2, np.nan, 4], r"y\[2\] is not a number from"),
        ({}, [1, 2, 3], r"y has shape \(3,\), expected 4 rows"),
        ({}, list("abcd"), "expected numbers"),
        ({}, [[1], [2], [3, 4], [5]], "rows of different lengths"),
        ({}, [1e300, -1e300, 1e300, 1], r"y\[0\] is not a number from -1e\+150 to 1e\+150"),
        ({"loss": "map"}, [1, 2, 3, 4], "loss is 'map', expected one of mse, mae, huber for quantities"),
        ({"class_weight": "balanced"}, [1, 2, 3, 4], "class_weight is about classes"),
        ({"optimizer": "sdlm"}, [1, 2, 3, 4], "sdlm"),
    ],
)
def test_what_does_not_fit_is_refused(settings, y, message):
    with pytest.raises(ValueError, match=message):
        Regressor().fit(np.zeros((4, 28, 28), np.uint8), y, epochs=1, **settings)


def test_defaults_are_those_of_quantities():
    network = Regressor().network
    found = regression_config(network, n_images=60_000)
    assert (found.loss, found.epochs, found.learning_rate, found.clip_norm) == ("huber", 30, 0.1, 1)
    assert regression_config(network, n_images=60_000, optimizer="adam").learning_rate == 0.002
    asked = {"loss": "mse", "epochs": 3, "learning_rate": 0.01, "clip_norm": 0.0, "augment": "shift"}
    told = asdict(regression_config(network, n_images=60_000, **asked))
    assert {name: told[name] for name in asked} == asked
    assert regression_config(network, n_images=20).epochs == 300


def test_classes_are_not_learnt_by_losses_of_quantities():
    with pytest.raises(ValueError, match="loss is 'huber', which is of quantities"):
        LeNet5().fit(np.zeros((4, 28, 28), np.uint8), [0, 1, 2, 3], epochs=1, loss="huber")


@pytest.mark.parametrize("period", [-1, 0, float("nan"), float("inf"), "x"])
def test_a_period_is_a_number_above_0(period):
    with pytest.raises(ValueError, match=f"period is {period!r}, expected a number above 0"):
        Regressor(period=period)


def test_no_intervals_without_validation():
    model = Regressor().fit(*bars(20), epochs=1)
    with pytest.raises(ValueError, match="it takes more validation images than 0"):
        model.predict_interval(bars(2)[0])


def test_too_high_a_rate_diverges():
    with pytest.raises(DivergedError):
        Regressor().fit(*bars(100), epochs=3, learning_rate=1e6, clip_norm=0)


def test_a_damaged_file_is_refused(model, tmp_path):
    from lenet5.nn import serialization

    info = model.info() | {"targets": {"mean": [0.0], "scale": [0.0], "period": None}}
    serialization.save(tmp_path / "m", model.state_dict(), "regressor", info)
    with pytest.raises(ModelFileError, match="does not describe a model"):
        load(tmp_path / "m")


def test_it_is_not_quantized(model):
    with pytest.raises(ValueError, match="a model of quantities has no form in 8 bits"):
        model.quantize(bars(2)[0])


@pytest.mark.parametrize("period", [None, 360])
def test_the_module_of_pytorch_gives_values(model, period):
    torch = pytest.importorskip("torch")
    asked = model if period is None else Regressor(seed=3, period=period)
    X, _ = bars(20, seed=4)
    with torch.no_grad():
        found = asked.to_torch()(torch.from_numpy(X[:, None].astype(np.float32) / 255)).numpy()
    assert found.shape == (20, 1)
    np.testing.assert_allclose(found[:, 0], asked.predict(X), rtol=1e-5, atol=1e-3)


def test_committees_are_of_classes():
    with pytest.raises(ValueError, match="a model of quantities has no classes"):
        Committee([Regressor(), Regressor()])
