"""LeNet5 as people use it: the names and meanings of scikit-learn, and the model that ships."""

import copy
import pickle
from importlib import resources

import numpy as np
import pytest

import lenet5
from lenet5 import LeNet5, load, pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.errors import DivergedError
from lenet5.evaluation.calibration import Calibration
from lenet5.models.base import Classifier
from lenet5.nn.losses import cross_entropy


@pytest.fixture(scope="module")
def data():
    return strokes.draw(1200, seed=3)


@pytest.fixture(scope="module")
def model(data):
    return LeNet5(seed=1).fit(*data, epochs=4)


def test_the_public_names():
    assert set(lenet5.__all__) == {
        "Cascade", "Committee", "LeNet5", "MultiTask", "Regressor", "datasets", "export", "from_torch", "load",
        "pretrained", "read_image",
    }  # fmt: skip
    assert all(getattr(lenet5, name) for name in lenet5.__all__)
    assert set(lenet5.__all__) <= set(dir(lenet5))
    with pytest.raises(AttributeError, match="LeNet6"):
        lenet5.LeNet6  # noqa: B018


def test_shapes_and_dtypes_of_answers(model, data):
    X, y = data
    probabilities = model.predict_proba(X)
    assert (probabilities.shape, probabilities.dtype) == ((1200, 10), np.float32)
    assert (model.predict(X).shape, model.predict(X).dtype) == ((1200,), np.int64)
    assert isinstance(model.score(X, y), float)


def test_the_answers_agree_with_each_other(model, data):
    X, y = data
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities >= 0).all()
    np.testing.assert_array_equal(probabilities.argmax(axis=1), model.predict(X))
    assert model.score(X, y) == (model.predict(X) == y).mean() > 0.8


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_labels_of_any_whole_type(model, data, dtype):
    X, y = data
    assert model.score(X, y.astype(dtype)) == model.score(X, list(map(int, y)))


def test_no_pictures(model):
    none = np.zeros((0, 28, 28), np.uint8)
    assert model.predict(none).shape == (0,)
    assert model.predict_proba(none).shape == (0, 10)
    assert np.isnan(model.score(none, []))
    report, probabilities = model.evaluate(none, [])
    assert (report["accuracy"], report["loss"], report["n"], report["errors"]) == (None, None, 0, 0)
    assert probabilities.shape == (0, 10)


@pytest.mark.parametrize(("height", "width", "grid"), [(32, 32, ()), (36, 32, (2, 1)), (40, 60, (3, 8)), (35, 34, ())])
def test_larger_pictures_give_maps(model, height, width, grid):
    X = np.zeros((2, 1, height, width), np.uint8)
    assert model.predict(X).shape == (2, *grid)
    assert model.predict_proba(X).shape == (2, 10, *grid)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-5)


def test_a_map_has_the_answers_of_its_windows(model, data):
    X = np.zeros((1, 1, 32, 64), np.uint8)
    X[0, 0, 2:30, 2:30], X[0, 0, 2:30, 34:62] = data[0][:2]
    for column, window in ((8, X[..., 32:]), (0, X[..., :32])):
        np.testing.assert_allclose(model.logits(X)[0, :, 0, column], model.logits(window)[0], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("size", [(36, 32), (40, 40)])
def test_maps_have_no_score(model, size):
    X = np.zeros((3, *size), np.uint8)
    for call in (model.score, model.evaluate):
        with pytest.raises(ValueError, match="one answer each"):
            call(X, [0, 1, 2])


@pytest.mark.parametrize("X", [np.zeros((28, 28)), np.zeros((1, 27, 27)), np.zeros((1, 28, 28), int), [None], None])
def test_what_are_no_pictures(model, X):
    for call in (model.predict, model.predict_proba):
        with pytest.raises(ValueError, match=r"^X has "):
            call(X)


@pytest.mark.parametrize("y", [[0], [0, 1, 2], [[0, 1]], [0, 10], [0, -1], ["a", "b"], [0.5, 1], None])
def test_what_are_no_labels(model, y):
    for call in (model.score, model.evaluate):
        with pytest.raises(ValueError, match=r"^y "):
            call(np.zeros((2, 28, 28), np.uint8), y)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_the_answers_do_not_depend_on_threads(model, data, threads):
    np.testing.assert_array_equal(model.predict_proba(data[0], threads), model.predict_proba(data[0], 1))


def test_predicting_changes_nothing(model, data):
    before = model.parameters.copy()
    model.predict(data[0])
    model.evaluate(*data)
    np.testing.assert_array_equal(model.parameters, before)


def test_evaluate_agrees_with_score_and_loss(model, data):
    X, y = data
    report, probabilities = model.evaluate(X, y)
    assert report["accuracy"] == model.score(X, y)
    assert report["loss"] == cross_entropy(model.logits(X), y).mean()
    np.testing.assert_array_equal(probabilities, model.predict_proba(X))


def test_scores_that_are_not_finite_are_said_so():
    model = LeNet5()
    for name, tensor in model.state_dict().items():
        if name.endswith("weight"):
            tensor *= np.float32(1e12)
    with pytest.raises(DivergedError, match="not finite"):
        model.evaluate(np.full((2, 28, 28), 255, np.uint8), [0, 1])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"variant": "1889"}, "variant"), ({"activation": "gelu"}, "activation"), ({"pool": "mean"}, "pool"),
        ({"labels": []}, "labels"), ({"labels": ["a"]}, "labels"), ({"labels": range(257)}, "labels"),
        ({"labels": ["a", "b\n"]}, "label"), ({"labels": ["a", ""]}, "label"), ({"labels": ["a", "b" * 101]}, "label"),
    ],
)  # fmt: skip
def test_wrong_arguments(settings, match):
    with pytest.raises(ValueError, match=match):
        LeNet5(**settings)


@pytest.mark.parametrize("n", [2, 3, 256])
def test_any_number_of_classes(n, tmp_path):
    X, y = np.random.default_rng(0).integers(0, 255, (n, 28, 28), dtype=np.uint8), np.arange(n)
    model = LeNet5(labels=range(n)).fit(X, y, epochs=1)
    assert model.predict_proba(X).shape == (n, n)
    model.save(tmp_path / "m")
    assert load(tmp_path / "m").labels == tuple(str(k) for k in range(n))


def test_save_and_load_give_the_same_answers(model, data, tmp_path):
    model.save(tmp_path / "m.safetensors")
    for path in (tmp_path / "m.safetensors", str(tmp_path / "m.safetensors")):
        np.testing.assert_array_equal(load(path).predict_proba(data[0]), model.predict_proba(data[0]))


SHIPS = (resources.files("lenet5") / "weights" / "mnist.safetensors").is_file()
needs_weights = pytest.mark.skipif(not SHIPS, reason="lenet5/weights/mnist.safetensors is not built yet")


@needs_weights
def test_the_model_that_ships():
    model = pretrained()
    assert model.labels == tuple("0123456789")
    assert model.training["dataset"] == "mnist"
    assert model.training["metrics"]["test_accuracy"] > 0.99
    assert model.calibration.n >= 1000
    assert 0.5 < model.temperature < 2
    assert 0 < model.calibration.confidence_for(0.001) < 1


def test_fit_forgets_how_it_was_trained_before(data):
    X, y = data
    model = LeNet5(seed=0)
    model.training = {"dataset": "mnist", "metrics": {"test_accuracy": 0.99}}
    model.fit(X[:20], y[:20], epochs=1, seed=3)
    assert model.training["command"] == "LeNet5.fit"
    assert model.training["config"]["seed"] == 3
    assert "metrics" not in model.training


def test_fit_does_not_know_a_setting(data):
    with pytest.raises(TypeError, match="no setting 'epoch'; there are epochs"):
        LeNet5().fit(*data, epoch=3)


def test_weights_that_grew_too_large_are_said_by_fit(data):
    with pytest.raises(DivergedError):
        LeNet5(seed=0).fit(*data, epochs=2, learning_rate=1e4)


def test_a_model_that_was_loaded_is_read_only_until_it_is_trained_on(tmp_path):
    LeNet5(seed=4).save(tmp_path / "m.safetensors")
    X, y = strokes.draw(64, seed=1)
    loaded, made = load(tmp_path / "m.safetensors"), LeNet5(seed=4)
    assert loaded.is_frozen
    assert not made.is_frozen
    with pytest.raises(ValueError, match="read-only"):
        loaded.state_dict()["c1.bias"][0] = 1
    np.testing.assert_array_equal(loaded.predict_proba(X[:1]), made.predict_proba(X)[:1])
    for model in (loaded, made):
        model.fit(X, y, epochs=1, seed=2)
    assert not loaded.is_frozen
    np.testing.assert_array_equal(loaded.parameters, made.parameters)
    np.testing.assert_array_equal(loaded.predict_proba(X[:1]), made.predict_proba(X)[:1])


# ---- what a model says of itself, and of its training ---------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_answers_alike_and_is_thawed_alone(data, duplicate):
    model = LeNet5(seed=3).freeze()
    model.calibration = Calibration(temperature=2.0)
    model.training = {"command": "a test"}
    other = duplicate(model)
    np.testing.assert_array_equal(other.predict_proba(data[0][:5]), model.predict_proba(data[0][:5]))
    assert (other.labels, other.training, repr(other)) == (model.labels, model.training, repr(model))
    other.thaw().parameters[:] = 0
    assert model.is_frozen
    assert not other.is_frozen
    assert model.parameters.any()


def test_a_model_is_a_classifier_that_has_a_network(data):
    model = LeNet5("1998", seed=3)
    assert isinstance(model, Classifier)
    assert model.network.layers is model.layers
    assert (model.n_parameters, model.n_classes, model.in_channels) == (60_000, 10, 1)
    np.testing.assert_array_equal(model.network.logits(data[0][:3]), model.logits(data[0][:3]))
    model.calibration = Calibration(temperature=3.0)  # of the answers; the network knows nothing of it
    sharp, calibrated = (part(data[0][:3]) for part in (model.network.probabilities, model.predict_proba))
    assert (calibrated.max(axis=1) < sharp.max(axis=1)).all()


def test_a_model_in_a_line_and_in_a_table():
    assert repr(LeNet5("lenet1")).startswith("<LeNet5 lenet1: 10 classes, ")
    assert repr(LeNet5()).endswith("61,706 parameters, not trained, or unknown how>")
    shipped = lenet5.pretrained()
    assert "on mnist, test accuracy 99." in repr(shipped)
    assert repr(lenet5.Committee([shipped, LeNet5()])).startswith("<Committee of 2: 10 classes, ")
    assert repr(lenet5.Cascade(shipped, shipped, 0.5)).startswith("<Cascade up to confidence 0.5: 10 classes, ")
    assert "<td>61,706 parameters</td>" in shipped._repr_html_()


@pytest.mark.parametrize(
    "training", [{}, {"command": 3}, {"metrics": [], "dataset": "<b>\n" * 99}, {"metrics": {"test_accuracy": "<i>"}}]
)
def test_whatever_a_file_says_of_its_training(training):
    model = LeNet5()
    model.training = training
    assert "\n" not in repr(model)
    assert len(repr(model)) < 400
    assert "<b>" not in model._repr_html_()


def test_the_summary_is_rows_and_prints_as_a_table():
    rows = LeNet5().summary()
    assert [row.name for row in rows] == ["c1", "s2", "c3", "s4", "c5", "f6", "output"]
    lines = str(rows).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "connections", "multiply-adds"]
    assert lines[-1].split()[:2] == ["total", "61,706"]


def test_fit_tells_of_each_epoch(data, capsys):
    X, y = data
    told = []
    model = LeNet5(seed=1)
    assert not hasattr(model, "history_")
    quiet = LeNet5(seed=1).fit(X, y, epochs=2, threads=1)
    assert capsys.readouterr().out == ""
    model.fit(X, y, epochs=2, threads=1, callback=told.append, verbose=True)
    assert [epoch.epoch for epoch in told] == [1, 2]
    assert model.history_ == told
    np.testing.assert_array_equal(model.parameters, quiet.parameters)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:15] for line in lines] == ["epoch 1/2  loss", "epoch 2/2  loss"]


def test_fit_with_validation_data_of_ones_own(data):
    X, y = data
    held = X[:100], y[:100]
    model = LeNet5(seed=1).fit(X[100:], y[100:], epochs=2, threads=1, validation_data=held)
    alone = LeNet5(seed=1).fit(X[100:], y[100:], epochs=2, threads=1)
    assert model.calibration.n == 100
    assert all(epoch.validation_accuracy is not None for epoch in model.history_)
    assert model.history_[-1].train_loss == alone.history_[-1].train_loss
    with pytest.raises(ValueError, match="validation is 0"):
        LeNet5().fit(X, y, validation=50, validation_data=held)
    with pytest.raises(ValueError, match="holds no images"):
        LeNet5().fit(X, y, validation_data=(X[:0], y[:0]))
    with pytest.raises(ValueError, match=r"^y "):
        LeNet5().fit(X, y, validation_data=(X[:2], y[:1]))
