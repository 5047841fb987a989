"""Networks in whole numbers: the arithmetic of docs/quantization.md, and what float32 becomes."""

from dataclasses import replace

import numpy as np
import pytest
from reference import integer_layer, integer_scores

from lenet5 import LeNet5, _kernels
from lenet5.nn import integer, quantization
from lenet5.nn.integer import IntegerLayer, IntegerNetwork, blocks
from lenet5.nn.layers import Conv2d, Linear, MaxPool2d, ReLU
from lenet5.nn.network import Network

ALTERNATIVES = {"activation": "relu", "pool": "max", "head": "softmax"}


def quantized(network, n=40, seed=0):
    """The network in whole numbers, calibrated on noise."""
    shape = Network(network.layers, seed=None, background=network.background, ink=network.ink, margin=network.margin)
    return quantization.quantize(network, shape, images(n, network.in_channels, seed))


def images(n, channels=1, seed=0, side=32):
    return np.random.default_rng(seed).integers(0, 256, (n, channels, side, side), np.uint8)


@pytest.fixture(scope="module")
def network():
    return quantized(LeNet5(seed=3).network)


# ---- the arithmetic --------------------------------------------------------------------------------------------------


def test_one_sum_by_hand():
    """(3 * 10 - 2 * 20 + 25) * 0.1 = 1.5, and halves go up; the bias alone is 2.5."""
    layer = IntegerLayer(np.array([[3, -2]], np.int8)[:, :, None, None], np.array([25], np.int32), None)
    tenth = replace(layer, multiplier=np.array([2**23 // 10], np.int32))
    half = replace(layer, multiplier=np.array([2**22], np.int32))
    X = np.array([[10, 20], [0, 0]])[:, :, None, None]
    assert integer_layer(X, layer.weight, layer.bias).ravel().tolist() == [15, 25]
    assert integer_layer(X, layer.weight, layer.bias, tenth.multiplier).ravel().tolist() == [1, 2]
    assert integer_layer(X, layer.weight, layer.bias, half.multiplier).ravel().tolist() == [8, 13]


def test_scores_are_those_of_the_definition(network):
    X = images(20, seed=1)
    scores = network.scores(X)
    assert (scores.dtype, scores.shape) == (np.int32, (20, 10))
    np.testing.assert_array_equal(scores, integer_scores(network, X)[:, :, 0, 0])


def test_images_of_28_x_28_have_a_border_without_ink(network):
    X = images(5, seed=2, side=28)
    np.testing.assert_array_equal(network.scores(X[:, 0]), network.scores(np.pad(X, ((0, 0), (0, 0), (2, 2), (2, 2)))))


def test_larger_images_give_maps(network):
    X = images(2, seed=3, side=45)[:, :, :, :40]
    scores = network.scores(X)
    assert scores.shape == (2, 10, 4, 3)
    np.testing.assert_array_equal(scores, integer_scores(network, X))
    np.testing.assert_array_equal(scores[:, :, 1, 2], network.scores(np.ascontiguousarray(X[:, :, 4:36, 8:])))


def test_an_answer_does_not_depend_on_the_batch_or_the_threads(network):
    X = images(40, seed=4)
    scores = network.scores(X, threads=1)
    np.testing.assert_array_equal(scores, network.scores(X, threads=3))
    np.testing.assert_array_equal(scores, np.concatenate([network.scores(X[i : i + 1]) for i in range(40)]))
    np.testing.assert_array_equal(scores[3:22], network.scores(X[3:22]))
    assert network.scores(X[:0]).shape == (0, 10)


def test_fractions_become_the_nearest_bytes(network):
    X = images(6, seed=5)
    np.testing.assert_array_equal(network.scores(X / np.float32(255)), network.scores(X))
    np.testing.assert_array_equal(network.scores(X / 255), network.scores(X))
    fractions = np.random.default_rng(5).random(X.shape, np.float32)
    fractions.flat[:6] = -1e-3, 1 + 1e-3, 0.5, 0.1 / 255, np.float32(0.5 / 255), np.nextafter(np.float32(0.5 / 255), 1)
    nearest = np.clip(np.rint(fractions.astype(np.float64) * 255), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(network.scores(fractions), network.scores(nearest))
    assert nearest.flat[:4].tolist() == [0, 255, 128, 0]


def test_the_order_of_logits_is_that_of_the_scores(network):
    X = images(100, seed=6)
    scores, logits = network.scores(X), network.logits(X)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(scores.argsort(axis=1, kind="stable"), logits.argsort(axis=1, kind="stable"))


# ---- quantization ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [
    {}, {"c3": "table"}, {"variant": "lenet1", **ALTERNATIVES}, {"labels": ["a", "b", "c"]},
])  # fmt: skip
def test_logits_are_close_to_those_in_float32(settings):
    model = LeNet5(seed=1, **settings)
    X = images(50, seed=0)
    given, rounded = model.logits(X), quantized(model.network).logits(X)
    assert given.shape == rounded.shape
    assert np.abs(rounded - given).max() < 0.05 * np.abs(given).max()


def test_colour_and_other_layers():
    layers = {
        "a": Conv2d(3, 7, 3),
        "a1": MaxPool2d(2),
        "a2": ReLU(),
        "b": Conv2d(7, 5, 15),
        "b1": ReLU(),
        "c": Linear(5, 4),
    }
    network = Network(layers, seed=0)
    X = images(12, 3)
    rounded = quantized(network)
    np.testing.assert_array_equal(rounded.scores(X), integer_scores(rounded, X)[:, :, 0, 0])
    assert np.abs(rounded.logits(X) - network.logits(X)).max() < 0.05 * np.abs(network.logits(X)).max()


def test_weights_use_their_range(network):
    for name, layer in network.layers.items():
        largest = np.abs(layer.weight.astype(int)).max(axis=(1, 2, 3))
        assert largest.max() == 127
        assert name == "output" or largest.min() >= 125


def test_a_channel_without_weights_gives_its_bias():
    model = LeNet5(seed=1)
    tensors = model.state_dict()
    tensors["c3.weight"][4], tensors["c3.bias"][4] = 0, 0.5
    tensors["f6.weight"][:], tensors["f6.bias"][:] = 0, -1
    X = images(30)
    rounded = quantized(model.network)
    np.testing.assert_allclose(rounded.logits(X), np.tile(tensors["output.bias"], (30, 1)), atol=1e-6)


@pytest.mark.parametrize(("settings", "named"), [
    ({"activation": "tanh"}, "c1_activation"), ({"pool": "avg"}, "s2"), ({"head": "rbf"}, "output"),
    ({"variant": "1998"}, "c1_activation"), ({"variant": "lenet4", "activation": "relu"}, "s2"),
])  # fmt: skip
def test_other_layers_are_refused_by_name(settings, named):
    with pytest.raises(ValueError, match=rf"layer {named} \(\w+\) does not become whole numbers"):
        list(blocks(LeNet5(seed=None, **settings).network))


def test_it_needs_images(network):
    with pytest.raises(ValueError, match="no calibration images"):
        quantized(network.shape, 0)


# ---- what may not be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "message"), [
    ({"weight": np.full((1, 1, 1, 1), -128, np.int8)}, "weight is -128"),
    ({"weight": np.zeros((1, 1, 1, 1), np.int16)}, "int8 weights"),
    ({"bias": np.zeros(1, np.int64)}, "int32"), ({"bias": np.zeros(2, np.int32)}, r"shape \(1,\)"),
    ({"bias": np.array([-(2**31)], np.int32)}, "sum may not be below"),
    ({"multiplier": np.zeros(1, np.int32)}, "multiplier"), ({"multiplier": np.int32([2**30 + 1])}, "multiplier"),
])  # fmt: skip
def test_layers_of_other_numbers_are_refused(change, message):
    good = {"weight": np.ones((1, 1, 1, 1), np.int8), "bias": np.zeros(1, np.int32), "multiplier": np.ones(1, np.int32)}
    IntegerLayer(**good)
    with pytest.raises(ValueError, match=message):
        IntegerLayer(**good | change)


@pytest.mark.parametrize("change", [
    {"layers": {}}, {"scale": 1}, {"scale": float("nan")}, {"scale": -1.0}, {"scale": 1e30},
])  # fmt: skip
def test_networks_that_do_not_fit_together_are_refused(network, change):
    given = {"shape": network.shape, "layers": network.layers, "scale": network.scale}
    IntegerNetwork(**given)
    with pytest.raises(ValueError, match="expected"):
        IntegerNetwork(**given | change)


def test_layers_of_another_shape_are_refused(network):
    first = network.layers["c1"]
    for layer, message in (
        (replace(first, weight=first.weight[:, :, :4, :4]), "shape"),
        (replace(first, multiplier=None), "no multipliers"),
    ):
        with pytest.raises(ValueError, match=message):
            IntegerNetwork(network.shape, {**network.layers, "c1": layer}, network.scale)


@pytest.mark.parametrize("isa", _kernels.INT8_ISAS)
@pytest.mark.parametrize("widths", [(4, 10, 20, 12), (2, 16, 9, 5), (6, 3, 8, 7), (7, 20, 8, 8)])
def test_channels_of_zeros_change_no_score(isa, widths, monkeypatch):
    """Narrow layers are filled up with them; its own numbers stay as they are, and so does what a file holds."""
    X = images(30, side=28)
    usual = LeNet5(seed=1, widths=widths).quantize(X).network
    filled = IntegerNetwork(usual.shape, usual.layers, usual.scale, isa).scores(X)
    monkeypatch.setattr(integer, "OWN_CHANNELS", ())
    plain = IntegerNetwork(usual.shape, usual.layers, usual.scale, isa)
    np.testing.assert_array_equal(plain.scores(X), filled)
    assert len(plain.layers["c1"].weight) == widths[0]
