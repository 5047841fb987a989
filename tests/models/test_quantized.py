"""Models in 8 bits: they answer as the models do that they were made of, travel in a file, and are not trained."""

import copy
import json
import pickle

import numpy as np
import pytest
from commandline import model_path

from lenet5 import Cascade, Committee, LeNet5, load
from lenet5.compress.quantize import quantize
from lenet5.datasets import Loaded
from lenet5.datasets.synthetic import strokes
from lenet5.errors import ModelFileError
from lenet5.nn import serialization


@pytest.fixture(scope="module")
def data():
    return strokes.draw(600, seed=5)


@pytest.fixture(scope="module")
def model():
    return load(model_path())


@pytest.fixture(scope="module")
def small(model, data):
    return model.quantize(data[0][:300])


def test_it_answers_as_the_model_does(model, small, data):
    X, y = data
    assert (small.predict(X) == model.predict(X)).mean() > 0.98
    assert abs(small.score(X, y) - model.score(X, y)) < 0.01
    assert np.abs(small.predict_proba(X) - model.predict_proba(X)).mean() < 0.01
    assert small.evaluate(X, y)[0]["n"] == 600
    assert small.scores(X).dtype == np.int32
    assert (small.labels, small.preparation, small.macs) == (model.labels, model.preparation, 416_520)


def test_the_calibration_travels_along(model, data):
    calibrated = copy.copy(model).calibrate(*data)
    assert calibrated.temperature != 1
    assert calibrated.quantize(data[0]).calibration == calibrated.calibration


def test_the_model_stays_as_it_is(model, data):
    before = model.parameters.copy()
    small = model.quantize(data[0])
    np.testing.assert_array_equal(model.parameters, before)
    assert small.shape is not model


def test_one_image_is_answered_with_its_reason(small):
    answers = small.recognize(["examples/seven.jpg", strokes.draw(1, seed=0)[0][0]])
    assert len(answers) == 2
    assert small.predict("examples/seven.jpg").shape == (1,)


def test_it_is_not_trained_on(small, data):
    with pytest.raises(ValueError, match="train the float32 model"):
        small.fit(*data)


def test_with_others(model, small, data):
    X, y = data
    assert Committee([model, small]).score(X, y) > 0.9
    assert Cascade(small, model, 0.9).score(X, y) > 0.9
    with pytest.raises(TypeError, match="committee can be saved"):
        Committee([small]).save("nowhere")


def test_copies(small, data):
    for other in (copy.deepcopy(small), pickle.loads(pickle.dumps(small))):
        np.testing.assert_array_equal(other.scores(data[0]), small.scores(data[0]))
    assert "8 bits" in repr(small)


@pytest.mark.parametrize("settings", [
    {"size": 64}, {"size": 48, "in_channels": 3, "labels": ["apple", "pear"]}, {"labels": ["no", "yes"]},
    {"variant": "lenet1", "activation": "relu", "pool": "max", "head": "softmax"},
])  # fmt: skip
def test_other_sizes_colours_and_classes(settings, tmp_path):
    model = LeNet5(seed=2, **settings)
    side = 28 if model.size == 32 else model.size
    X = np.random.default_rng(0).integers(0, 256, (40, model.in_channels, side, side), np.uint8)
    small = model.quantize(X)
    assert np.abs(small.logits(X) - model.logits(X)).max() < 0.05 * np.abs(model.logits(X)).max()
    small.save(tmp_path / "q.safetensors")
    again = load(tmp_path / "q.safetensors")
    np.testing.assert_array_equal(again.scores(X), small.scores(X))
    np.testing.assert_array_equal(again.scores(X[:1]), small.scores(X)[:1])
    assert (again.size, again.preparation, again.labels) == (model.size, model.preparation, model.labels)


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(small, tmp_path):
    small.save(tmp_path / "q.safetensors")
    return tmp_path / "q.safetensors"


def test_a_file_is_small_and_gives_the_same_answers(small, path, data):
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert small.n_bytes == path.stat().st_size - 8 - header == 63_318
    assert header <= 3000
    again = load(path)
    np.testing.assert_array_equal(again.scores(data[0]), small.scores(data[0]))
    assert again.info() == small.info()
    again.save(path.with_name("again"))
    assert path.with_name("again").read_bytes() == path.read_bytes()


def changed(path, tensors=(), **document):
    """The file once more, with other tensors and another document."""
    stored, info = serialization.load(path, "quantized", dtype=(np.int8, np.int32, np.float32))
    serialization.save(path, {k: t for k, t in {**stored, **dict(tensors)}.items() if t is not None}, "quantized",
                       info | document)  # fmt: skip


@pytest.mark.parametrize(("tensors", "document", "message"), [
    ({"c1.bias": None}, {}, "'c1.bias' is missing"),
    ({"c1.multiplier": None}, {}, "c1 has no multipliers"),
    ({"other": np.zeros(1, np.int8)}, {}, "'other' is not one of this network"),
    ({"c1.weight": np.zeros((6, 1, 5, 5), np.float32)}, {}, "float32, expected int8 or int32"),
    ({"c1.weight": np.zeros((6, 1, 3, 3), np.int8)}, {}, "c1 has weights of shape"),
    ({"c1.weight": np.zeros((6, 25), np.int8)}, {}, r"shape \(6, 25\)"),
    ({"f6.weight": np.zeros((0, 120), np.int8)}, {}, r"shape \(0, 120\)"),
    ({"c1.weight": np.zeros((6, 1, 5, 5), np.int32)}, {}, "int8"),
    ({"c1.bias": np.full(6, -2**31, np.int32)}, {}, "sum may not be below"),
    ({}, {"scale": "x"}, "scale"), ({}, {"scale": 1e38}, "scale"), ({}, {"pool": "avg"}, "s2"),
    ({}, {"labels": list("abc")}, "output has weights"), ({}, {"variant": "lenet9"}, "lenet9"),
])  # fmt: skip
def test_malformed_files_are_one_line(path, tensors, document, message):
    changed(path, tensors, **document)
    with pytest.raises(ModelFileError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)


def test_a_float_model_has_no_whole_numbers(tmp_path):
    model = LeNet5()
    tensors = {name: tensor.astype(np.int8) for name, tensor in model.state_dict().items()}
    serialization.save(tmp_path / "m", tensors, "model", model.info())
    with pytest.raises(ModelFileError, match="is int8, expected float32"):
        load(tmp_path / "m")


# ---- with training images --------------------------------------------------------------------------------------------


def test_the_report(model, data):
    report = quantize(model, Loaded("mine", data, data, tuple("0123456789")), n_calibration=100)
    assert (report.n_calibration, report.n_validation, report.held_out) == (100, 60, False)
    assert json.loads(json.dumps(report.as_dict()))["bytes_after"] == 63_318
    assert "may have been trained" in report.lines()[0]


def test_the_report_knows_the_validation_images_of_the_training(data):
    loaded = Loaded("mine", data, data, tuple("0123456789"))
    model = LeNet5().fit(*data, epochs=1, validation=50)
    model.training |= {"data_sha256": loaded.sha256}
    report = quantize(model, loaded)
    assert (report.n_calibration, report.n_validation, report.held_out) == (550, 50, True)


def test_what_cannot_be_quantized(model, small, data):
    loaded = Loaded("mine", data, data, tuple("0123456789"))
    for other, message in (
        (small, "already"),
        (Committee([model, model]), "committee"),
        (LeNet5("1998"), "ScaledTanh"),
    ):
        with pytest.raises(ValueError, match=message):
            quantize(other, loaded)
