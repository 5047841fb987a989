"""Kernels of whole numbers: every instruction set gives exactly the numbers of the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import integer_layer

from lenet5 import _kernels, datasets, pretrained
from lenet5.nn.integer import IntegerNetwork

ISAS = _kernels.INT8_ISAS
#: (in_shape, [(out_channels, kernel_size, pool)]): LeNet-5, and shapes without code of their own.
LENET5 = (1, 32, 32), [(6, 5, 2), (16, 5, 2), (120, 5, 1), (84, 1, 1), (10, 1, 1)]
SHAPES = [
    LENET5,
    ((1, 32, 32), [(6, 5, 2), (32, 5, 2), (10, 5, 1)]),
    ((1, 45, 37), LENET5[1]),
    ((3, 20, 11), [(7, 3, 2), (33, 4, 1), (5, 1, 1)]),
    ((2, 9, 9), [(70, 2, 1), (17, 8, 1), (3, 1, 1)]),
    ((5, 1, 1), [(65, 1, 1), (2, 1, 1)]),
    ((1, 6, 6), [(4, 6, 1)]),
    ((4, 5, 8), [(3, 2, 1)]),
]


def layers_for(in_shape, kinds, rng, largest=False):
    """Random layers, as `IntegerProgram` takes them; ``largest``: of the largest weights, of either sign by channel."""
    layers, channels = [], in_shape[0]
    for i, (out, size, pool) in enumerate(kinds):
        weight = rng.integers(-127, 128, (out, channels, size, size), np.int8)
        if largest:
            weight[:] = (127 * rng.choice([-1, 1], out))[:, None, None, None]
        bias = rng.integers(-(2**20), 2**20, out, np.int32)
        reach = np.abs(weight.astype(float)).sum(axis=(1, 2, 3)).max() * 255
        multiplier = np.maximum(rng.random(out) * 4 * 2**23 * 255 / reach, 1).astype(np.int32)
        layers.append((weight, bias, None if i + 1 == len(kinds) else multiplier, pool))
        channels = out
    return layers


def expected(layers, X):
    for layer in layers:
        X = integer_layer(X, *layer)
    return X


def scores(in_shape, layers, X, isa, padding=0, first=0, last=None):
    program = _kernels.IntegerProgram(in_shape, layers, isa)
    found = np.full((len(X), *program.out_shape), -1, np.int32)
    program.forward(_kernels.Pictures(X, padding), found, first, len(X) if last is None else last)
    return found


def images(rng, n, shape):
    """Noise, and at the end one image of full ink."""
    X = rng.integers(0, 256, (n, *shape), np.uint8)
    X[-1:] = 255
    return X


def test_the_widest_are_first():
    assert ISAS[-2:] == ("baseline", "emulated")
    assert [_kernels.int8_group(isa) for isa in ISAS] == [4 if isa in ("avx512vnni", "emulated") else 2 for isa in ISAS]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("n", [0, 1, 3, 100])
def test_one_instruction(isa, n):
    """With all extremes: a sum of two products does not saturate."""
    rng, group = np.random.default_rng(n), _kernels.int8_group(isa)
    types = (np.uint8, np.int8) if group == 4 else (np.int16, np.int16)
    x = rng.choice([0, 1, 127, 128, 254, 255], (n, group)).astype(types[0])
    w = rng.choice([-127, -1, 0, 1, 126, 127], (n, 16, group)).astype(types[1])
    np.testing.assert_array_equal(
        _kernels.int8_dot(x, w, isa), np.einsum("nk,nlk->l", x.astype(np.int64), w.astype(np.int64))
    )


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("in_shape", "kinds"), SHAPES)
@pytest.mark.parametrize("largest", [False, True])
def test_networks(isa, in_shape, kinds, largest):
    rng = np.random.default_rng(len(kinds))
    layers, X = layers_for(in_shape, kinds, rng, largest), images(rng, 15, in_shape)
    np.testing.assert_array_equal(scores(in_shape, layers, X, isa), expected(layers, X))


@pytest.mark.parametrize("isa", ISAS)
@given(data=st.data())
@settings(max_examples=25)
def test_networks_of_any_shape(isa, data):
    number = st.integers(1, 6)
    side, channels = data.draw(st.integers(4, 16)), data.draw(st.integers(1, 20))
    kinds, left = [], side
    for _ in range(data.draw(st.integers(0, 3))):
        size, pool = min(data.draw(number), left), data.draw(st.integers(1, 2))
        if (left - size + 1) // pool < 1:
            break
        left = (left - size + 1) // pool
        kinds.append((data.draw(st.integers(1, 40)), size, pool))
    kinds.append((data.draw(number), min(data.draw(number), left), 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    in_shape = (channels, side, side + data.draw(st.integers(0, 3)))
    layers, X = layers_for(in_shape, kinds, rng), images(rng, data.draw(number), in_shape)
    np.testing.assert_array_equal(scores(in_shape, layers, X, isa), expected(layers, X))


@pytest.mark.parametrize("isa", ISAS)
def test_borders_and_floats(isa):
    rng = np.random.default_rng(7)
    layers, X = layers_for(*LENET5, rng), images(rng, 14, (1, 28, 28))
    padded = np.pad(X, ((0, 0), (0, 0), (2, 2), (2, 2)))
    wanted = expected(layers, padded)
    program = _kernels.IntegerProgram(LENET5[0], layers, isa)
    found = np.zeros((14, 10, 1, 1), np.int32)
    for pixels, padding in ((X, 2), (padded, 0), (X, 2), (X / np.float32(255), 2)):  # a used border is 0 again
        found[:] = 0
        program.forward(_kernels.Pictures(pixels, padding), found, 0, 14)
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("isa", ISAS)
def test_only_the_images_asked_for_are_answered(isa):
    rng = np.random.default_rng(3)
    layers, X = layers_for(*LENET5, rng), images(rng, 40, (1, 32, 32))
    found, wanted = scores(LENET5[0], layers, X, isa, first=5, last=33), expected(layers, X)
    np.testing.assert_array_equal(found[5:33], wanted[5:33])
    assert (found[:5] == -1).all()
    assert (found[33:] == -1).all()


@pytest.mark.parametrize("isa", ISAS)
def test_one_image_alone(isa):
    rng = np.random.default_rng(4)
    layers, X = layers_for(*LENET5, rng), images(rng, 9, (1, 28, 28))
    program = _kernels.IntegerProgram(LENET5[0], layers, isa)
    wanted = scores(LENET5[0], layers, X, isa, padding=2)[:, :, 0, 0].astype(np.float32) * np.float32(0.001)
    for i in range(9):
        np.testing.assert_array_equal(program.answer_one(X[i], 0.001, False, 1.0)[0], wanted[i])
        assert program.answer_one(X[i : i + 1], 1e-6, True, 2.0).sum() == pytest.approx(1)
    assert program.answer_one(X[:2], 1.0, False, 1.0) is None
    assert program.answer_one(X[0, :, :20], 1.0, False, 1.0) is None
    assert program.answer_one(X[0].tolist(), 1.0, False, 1.0) is None


@pytest.mark.parametrize(("in_shape", "change", "message"), [
    ((1, 32, 32), {0: np.zeros((6, 2, 5, 5), np.int8)}, "does not take"),
    ((1, 32, 32), {0: np.zeros((6, 1, 5, 4), np.int8)}, "does not take"),
    ((1, 4, 32), {}, "does not take"), ((0, 32, 32), {}, "axes"), ((1, 1 << 25, 1), {}, "axes"),
    ((1, 32, 32), {1: np.zeros(5, np.int32)}, "biases or multipliers"),
    ((1, 32, 32), {2: np.zeros(6, np.int32)}, "biases or multipliers"),
    ((1, 32, 32), {2: None}, "no multipliers"), ((1, 32, 32), {3: 3}, "pooled by 3"),
])  # fmt: skip
def test_programs_that_cannot_be_are_refused(in_shape, change, message):
    layers = layers_for(*LENET5, np.random.default_rng(0))
    layers[0] = tuple(change.get(i, part) for i, part in enumerate(layers[0]))
    with pytest.raises(ValueError, match=message):
        _kernels.IntegerProgram(in_shape, layers)


def test_other_refusals():
    layers = layers_for(*LENET5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected 1 to"):
        _kernels.IntegerProgram((1, 32, 32), [])
    with pytest.raises(ValueError, match="'mmx', expected one of"):
        _kernels.IntegerProgram((1, 32, 32), layers, "mmx")
    with pytest.raises(ValueError, match="Buffer dtype"):
        _kernels.IntegerProgram((1, 32, 32), [(layers[0][0].astype(np.int16), *layers[0][1:]), *layers[1:]])
    program, X = _kernels.IntegerProgram((1, 32, 32), layers), np.zeros((2, 1, 32, 32), np.uint8)
    for shape, first, last in (
        ((2, 10, 1, 2), 0, 2),
        ((3, 10, 1, 1), 0, 2),
        ((2, 10, 1, 1), 1, 3),
        ((2, 10, 1, 1), 2, 1),
    ):
        with pytest.raises(ValueError, match="scores have shape"):
            program.forward(_kernels.Pictures(X), np.zeros(shape, np.int32), first, last)
    with pytest.raises(ValueError, match="images have shape"):
        program.forward(_kernels.Pictures(np.zeros((2, 1, 31, 32), np.uint8)), np.zeros((2, 10, 1, 1), np.int32), 0, 2)
    with pytest.raises(ValueError, match="temperature"):
        program.answer_one(X[:1], 1.0, True, 0.0)
    with pytest.raises(ValueError, match="x is float64"):
        _kernels.int8_dot(np.zeros((1, 3)), np.zeros((1, 16, 3)))


@pytest.mark.mnist
@pytest.mark.slow
def test_all_scores_of_all_test_images_are_the_same_on_every_instruction_set(mnist_dir):
    (X, _), (X_test, _) = datasets.load("mnist", mnist_dir)
    network = pretrained().quantize(X[:1000]).network
    wanted = network.scores(X_test)
    for isa in ISAS:
        again = IntegerNetwork(network.shape, network.layers, network.scale, isa)
        np.testing.assert_array_equal(again.scores(X_test), wanted)
