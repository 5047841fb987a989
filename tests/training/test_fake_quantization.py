"""Training for 8 bits: what it ends with loses nothing when it becomes whole numbers."""

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes
from lenet5.training.config import Config
from lenet5.training.fake_quantization import FakeQuantization
from lenet5.training.trainer import Trainer


@pytest.fixture(scope="module")
def data():
    return strokes.draw(500, seed=5)


def whole_numbers(model, X):
    """The weights in 8 bits, and the float32 ones in their units."""
    small, tensors = model.quantize(X), model.state_dict()
    for name, layer in small.network.layers.items():
        weight = tensors[f"{name}.weight"].reshape(layer.weight.shape)
        unit = np.abs(weight).max(axis=None if layer.multiplier is None else (1, 2, 3), keepdims=True) / 127
        yield layer.weight, weight / unit


def test_weights_lie_on_the_grid_of_8_bits(data):
    X, y = data
    model = LeNet5(seed=0).fit(X, y, epochs=3, quantize=True, threads=1)
    for whole, weight in whole_numbers(model, X):
        assert len(np.unique(whole)) > 20
        np.testing.assert_allclose(weight, np.rint(weight), atol=1e-3)
        np.testing.assert_array_equal(np.rint(weight), whole)
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("settings", [{"batch_norm": True}, {"average": 0.9}, {"dropout": 0.1, "optimizer": "adam"}])
def test_with_other_aids(data, settings):
    X, y = data
    model = LeNet5(seed=0, c3="table", pool="max", activation="relu", head="softmax").fit(
        X, y, epochs=1, quantize=True, threads=1, **settings
    )
    found = FakeQuantization(model.network, 0)
    before = model.parameters.copy()
    found.round(model.network, model.parameters, 0)
    np.testing.assert_allclose(model.parameters, before, rtol=1e-5, atol=1e-9)


def test_frozen_layers_keep_their_bytes(data):
    model = LeNet5(seed=0)
    before = model.state_dict()["c1.weight"].copy()
    model.fit(*data, epochs=1, quantize=True, freeze="c1")
    np.testing.assert_array_equal(model.state_dict()["c1.weight"], before)


def test_threads_and_a_resume_change_nothing(data):
    config = Config(epochs=3, quantize=True, validation=100)

    def trainer(threads):
        return Trainer(LeNet5(seed=0).network, *data, config, threads)

    whole, parts, rest = trainer(1), trainer(2), trainer(1)
    list(whole.run())
    next(parts.run())
    tensors, document = parts.state()
    rest.restore(tensors, document)
    list(rest.run())
    np.testing.assert_array_equal(whole.last, rest.last)
    np.testing.assert_array_equal(whole.best, rest.best)


def test_most_of_the_training_is_that_of_float32(data):
    """Gradients are taken at rounded weights in the last quarter only; what predicts is rounded after each epoch."""
    aware, plain = (
        Trainer(LeNet5(seed=0).network, *data, Config(epochs=4, quantize=quantize, validation=0), 1)
        for quantize in (True, False)
    )
    same = []
    for _ in zip(aware.run(), plain.run(), strict=True):
        first, second = (trainer.state()[0] for trainer in (aware, plain))
        same.append(np.array_equal(first["parameters"], second["parameters"]))
        assert not np.array_equal(first["last"], second["last"])
    assert same == [True, True, True, False]


def test_rounding_is_that_of_each_output_channel():
    model = LeNet5(seed=0, c3="table", pool="max", activation="relu", head="softmax")
    layer, network = model.layers["c3"], model.network
    before = model.state_dict()["c3.weight"].copy()
    FakeQuantization(network, 0).settle(network, model.parameters, 0)
    after, at = model.state_dict()["c3.weight"], 0
    for row in layer.table:
        own = slice(at, at + len(row))
        unit = np.abs(before[own]).max() / 127
        np.testing.assert_allclose(after[own], np.rint(before[own] / unit) * unit, rtol=1e-5)
        at += len(row)


def test_channels_of_zeros_stay():
    model = LeNet5(seed=0)
    model.state_dict()["c1.weight"][2] = 0
    FakeQuantization(model.network, 0).settle(model.network, model.parameters, 0)
    assert not model.state_dict()["c1.weight"][2].any()
    assert np.isfinite(model.parameters).all()


def test_other_networks_are_refused(data):
    with pytest.raises(ValueError, match="c1_activation"):
        LeNet5("1998").fit(*data, epochs=1, quantize=True)
    with pytest.raises(ValueError, match="sdlm"):
        Config(optimizer="sdlm", quantize=True)
