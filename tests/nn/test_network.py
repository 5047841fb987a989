"""The network: its tensors, its scores and gradients against the reference, its promises, what it refuses."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import reference
from gradcheck import check_gradient

from lenet5 import _kernels
from lenet5.nn.architectures import modern
from lenet5.nn.arrays import check_labels, check_pictures
from lenet5.nn.layers import AvgPool2d, Conv2d, Linear, MaxPool2d, ReLU, Tanh
from lenet5.nn.losses import cross_entropy
from lenet5.nn.network import Network
from lenet5.ocr import networks

VARIANTS = [("relu", "max"), ("tanh", "avg"), ("relu", "avg"), ("tanh", "max")]
TENSORS = {
    "c1.weight": (6, 1, 5, 5), "c1.bias": (6,), "c3.weight": (16, 6, 5, 5), "c3.bias": (16,),
    "c5.weight": (120, 16, 5, 5), "c5.bias": (120,), "f6.weight": (84, 120), "f6.bias": (84,),
    "output.weight": (10, 84), "output.bias": (10,),
}  # fmt: skip


def pictures(n, height=28, width=28, seed=0):
    """Random uint8 pictures (n, height, width), two thirds of them background."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (n, height, width), dtype=np.uint8)
    return X * (rng.random(X.shape) < 1 / 3)


def with_biases(network, seed=1):
    """The network with biases that are not zero, so that nothing is hidden by zeros."""
    for name, tensor in network.state_dict().items():
        if name.endswith(".bias"):
            tensor[...] = np.random.default_rng(seed).normal(0, 0.1, tensor.shape)
    return network


@pytest.fixture(scope="module")
def network():
    return with_biases(Network(modern(), seed=5))


# ---- tensors -------------------------------------------------------------------------------------------------------


def test_names_and_shapes_of_the_tensors(network):
    assert {name: tensor.shape for name, tensor in network.state_dict().items()} == TENSORS


def test_number_of_parameters(network):
    assert network.n_parameters == sum(t.size for t in network.state_dict().values()) == 61_706
    assert len(network.parameters) % 16 == 0
    assert np.count_nonzero(network.parameters) <= 61_706


def test_every_tensor_begins_on_a_cache_line(network):
    for name, tensor in network.state_dict().items():
        assert tensor.ctypes.data % 64 == 0, name


def test_the_tensors_are_views_that_share_the_buffer():
    network = Network(modern())
    network.state_dict()["f6.bias"][3] = 7
    assert (network.parameters == 7).sum() == 1


def test_the_same_seed_gives_the_same_weights():
    a, b, c = (Network(modern(), seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(a.parameters, b.parameters)
    for name, tensor in c.state_dict().items():
        assert name.endswith(".bias") or (tensor != a.state_dict()[name]).all()


@pytest.mark.parametrize(("activation", "gain"), [("relu", 6), ("tanh", 3)])
def test_initial_weights_are_uniform_within_their_bounds(activation, gain):
    for name, tensor in Network(modern(activation), seed=0).state_dict().items():
        if name.endswith(".bias"):
            assert not tensor.any()
            continue
        bound = np.sqrt((3 if name == "output.weight" else gain) / np.prod(tensor.shape[1:]))
        assert np.abs(tensor).max() <= np.float32(bound)
        assert np.abs(tensor).max() >= 0.95 * bound
        assert abs(tensor.mean()) < 4 * bound / np.sqrt(3 * tensor.size)


def test_load_state_dict_copies(network):
    other = Network(modern(), seed=9)
    other.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(other.parameters, network.parameters)
    other.parameters[0] += 1
    assert other.parameters[0] != network.parameters[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"c1.bias": None}, r"'c1.bias' is missing"),
        ({"c2.bias": np.zeros(3)}, r"'c2.bias' is not one of this network"),
        ({"f6.bias": np.zeros(83)}, r"'f6.bias' has shape \(83,\), expected \(84,\)"),
        ({"f6.bias": np.full(84, np.nan)}, r"'f6.bias' holds numbers that are not finite"),
        ({"f6.bias": np.full(84, np.inf)}, r"'f6.bias' holds numbers that are not finite"),
    ],
)
def test_load_state_dict_refuses_and_changes_nothing(change, message):
    network = Network(modern())
    before = network.parameters.copy()
    tensors = {**Network(modern(), seed=1).state_dict(), **change}
    with pytest.raises(ValueError, match=message):
        network.load_state_dict({name: tensor for name, tensor in tensors.items() if tensor is not None})
    np.testing.assert_array_equal(network.parameters, before)


# ---- scores and gradients against the reference --------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "pool"), VARIANTS)
def test_logits_against_the_reference(activation, pool):
    network = with_biases(Network(modern(activation, pool), seed=1, background=-0.1, ink=1.175))
    X = pictures(5)
    seen = -0.1 + 1.275 * np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None] / 255
    expected = reference.modern(network.state_dict(), seen, activation, pool)
    np.testing.assert_allclose(network.logits(X), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.probabilities(X), reference.softmax(expected), rtol=1e-3, atol=1e-6)


def gradients_of(network, parameters, X, y):
    gradients = np.zeros_like(parameters)
    seen = network.pictures(X)
    loss = network.program(seen.shape).loss_and_gradients(parameters, seen, y, gradients)
    return loss, gradients


@pytest.mark.parametrize(("activation", "pool"), VARIANTS)
def test_gradients_of_the_whole_network_by_differences(activation, pool):
    network = with_biases(Network(modern(activation, pool), seed=2))
    X, y = pictures(7, seed=3), np.arange(7, dtype=np.uint8)
    parameters = network.parameters.astype(np.float64)
    loss, gradients = gradients_of(network, parameters, X, y)
    assert loss == pytest.approx(reference.cross_entropy(network.logits(X), y), rel=1e-5)
    views, numbers = network.state_dict(parameters), network.state_dict(gradients)
    for name, tensor in views.items():
        check_gradient(
            lambda: gradients_of(network, parameters, X, y)[0],
            tensor, numbers[name], name=name, n=8, step=1e-6, tolerance=1e-5, kinks=0.2,
        )  # fmt: skip


def other_orders():
    """Layers in orders that LeNet-5 does not have: activations after pooling, after each other, first, and last."""
    return {
        "pool, tanh": [Conv2d(1, 3, 5), MaxPool2d(2), Tanh(), Conv2d(3, 4, 14)],
        "pool, relu": [Conv2d(1, 3, 5), MaxPool2d(2), ReLU(), Conv2d(3, 4, 14)],
        "mean, tanh": [Conv2d(1, 3, 5), AvgPool2d(2), Tanh(), Conv2d(3, 4, 14)],
        "tanh, tanh": [Conv2d(1, 3, 5), Tanh(), Tanh(), Conv2d(3, 4, 28)],
        "tanh, relu": [Conv2d(1, 3, 5), Tanh(), ReLU(), MaxPool2d(3), Conv2d(3, 4, 9)],
        "relu, tanh": [Conv2d(1, 3, 5), ReLU(), Tanh(), Conv2d(3, 4, 28)],
        "first": [Tanh(), MaxPool2d(2), Conv2d(1, 3, 5), Conv2d(3, 4, 12)],
        "last": [Conv2d(1, 3, 5), AvgPool2d(2), Conv2d(3, 4, 14), Tanh()],
        "pool, pool": [Conv2d(1, 3, 5), MaxPool2d(2), AvgPool2d(3), Conv2d(3, 4, 4)],
        "one": [Conv2d(1, 4, 32)],
        "dense": [Conv2d(1, 7, 32), ReLU(), Linear(7, 5), Tanh(), Linear(5, 4)],
    }


@pytest.mark.parametrize("order", other_orders())
def test_gradients_of_layers_in_any_order(order):
    layers = {f"l{i}": layer for i, layer in enumerate(other_orders()[order])}
    network = with_biases(Network(layers, seed=3))
    X, y = pictures(5, 32, 32), np.arange(5, dtype=np.uint8) % 4
    parameters = network.parameters.astype(np.float64)
    numbers = network.state_dict(gradients_of(network, parameters, X, y)[1])
    for name, tensor in network.state_dict(parameters).items():
        check_gradient(
            lambda: gradients_of(network, parameters, X, y)[0],
            tensor, numbers[name], name=name, n=10, step=1e-6, tolerance=1e-5, kinks=0.4,
        )  # fmt: skip


def test_the_gradient_of_a_batch_is_the_mean_over_its_pictures(network):
    X, y = pictures(19), np.arange(19, dtype=np.uint8) % 10
    parameters = network.parameters.astype(np.float64)
    loss, gradients = gradients_of(network, parameters, X, y)
    alone = [gradients_of(network, parameters, X[i : i + 1], y[i : i + 1]) for i in range(19)]
    assert loss == pytest.approx(np.mean([one[0] for one in alone]), rel=1e-12)
    np.testing.assert_allclose(gradients, np.mean([one[1] for one in alone], axis=0), rtol=1e-9, atol=1e-12)


def test_gradients_are_added_to_what_is_there(network):
    X, y = pictures(3), np.array([1, 2, 3], np.uint8)
    _, once = gradients_of(network, network.parameters, X, y)
    twice = once.copy()
    seen = network.pictures(X)
    network.program(seen.shape).loss_and_gradients(network.parameters, seen, y, twice)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-7)


def test_gradients_of_no_picture(network):
    loss, gradients = gradients_of(network, network.parameters, pictures(0), np.zeros(0, np.uint8))
    assert loss == 0
    assert not gradients.any()


def test_cross_entropy_of_each_picture():
    logits = np.array([[0, 0], [np.log(3), 0], [1000, 0], [1000, 0]], np.float32)
    losses = cross_entropy(logits, np.array([0, 0, 0, 1]))
    assert losses.dtype == np.float64
    np.testing.assert_allclose(losses, [np.log(2), np.log(4 / 3), 0, 1000], rtol=1e-6)
    assert cross_entropy(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8)).shape == (0,)


# ---- one picture, one answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "pool"), VARIANTS)
def test_a_picture_alone_gets_the_bits_that_it_gets_in_any_batch(activation, pool):
    network = with_biases(Network(modern(activation, pool), seed=1))
    X = pictures(50)
    together = network.logits(X)
    for i in (0, 1, 15, 16, 17, 47, 49):
        np.testing.assert_array_equal(network.logits(X[i : i + 1])[0], together[i])
    np.testing.assert_array_equal(network.logits(X[::-1])[::-1], together)
    np.testing.assert_array_equal(network.logits(X[3:40]), together[3:40])


# ---- weights that stay ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (1, 32, 32), (32, 32)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_frozen_network_gives_one_picture_the_same_bits(shape, dtype):
    network = with_biases(Network(modern(), seed=2))
    X = pictures(40, *shape[-2:]).reshape(40, *shape)
    X = X if dtype is np.uint8 else (X / 255).astype(dtype)
    logits, probabilities = network.logits(X), network.probabilities(X)
    network.freeze()
    for i in (0, 0, 7, 39):  # the second time the weights are ready
        np.testing.assert_array_equal(network.logits(X[i : i + 1])[0], logits[i])
        for threads in (1, 2):
            np.testing.assert_array_equal(network.probabilities(X[i : i + 1], threads=threads)[0], probabilities[i])
        assert network.logits(X[i : i + 1]).dtype == np.float32
    np.testing.assert_array_equal(network.logits(X), logits)
    np.testing.assert_array_equal(network.logits(X[:0]), logits[:0])
    np.testing.assert_array_equal(network.logits(X[::-1][:1]), logits[39:])
    np.testing.assert_array_equal(network.logits(np.asfortranarray(X[3:4])), logits[3:4])


@pytest.mark.parametrize(("activation", "pool"), VARIANTS)
def test_a_frozen_network_of_any_layers_gives_the_same_bits(activation, pool):
    network, X = with_biases(Network(modern(activation, pool), seed=1)), pictures(17)
    expected = network.logits(X)
    network.freeze().logits(X[:1])
    np.testing.assert_array_equal(network.logits(X[:1]), expected[:1])
    np.testing.assert_array_equal(network.logits(X[16:]), expected[16:])


def test_a_frozen_network_takes_pictures_of_several_channels_and_sizes():
    layers = {"c1": Conv2d(3, 4, 5), "r1": ReLU(), "s2": MaxPool2d(2), "c3": Conv2d(4, 5, 14)}
    network = with_biases(Network(layers, seed=0))
    X, large = np.random.default_rng(0).random((2, 3, 32, 32), np.float32), np.zeros((1, 3, 40, 36), np.float32)
    expected, map_expected = network.logits(X), network.logits(large)
    network.freeze()
    for _ in range(2):
        np.testing.assert_array_equal(network.logits(X[1:]), expected[1:])
        np.testing.assert_array_equal(network.logits(large), map_expected)
        with pytest.raises(ValueError, match="shape"):
            network.logits(X[:1, :1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X + 2, "0..1"),
        (lambda X: X * np.float32(np.nan), "0..1"),
        (lambda X: X.astype(np.int32), "dtype"),
        (lambda X: X[..., :31], "shape"),
        (lambda X: X[:, :30, :30], "shape"),
        (lambda X: X[0], "shape"),
    ],
)
def test_a_frozen_network_refuses_what_others_refuse(change, message):
    network, X = Network(modern(), seed=1).freeze(), np.zeros((1, 32, 32), np.float32)
    network.logits(X)
    with pytest.raises(ValueError, match=message):
        network.logits(change(X))


def test_pictures_in_other_memory_get_the_same_bits_from_a_frozen_network():
    network, X = with_biases(Network(modern(), seed=1)), (pictures(1, 32, 32) / 255).astype(np.float32)
    expected = network.logits(X)
    network.freeze().logits(X)
    askew = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view(np.float32).reshape(X.shape)  # not aligned
    for other in (X.tolist(), askew, X.astype(">f4"), np.ma.array(X), X[:, ::-1][:, ::-1]):
        np.testing.assert_array_equal(network.logits(other), expected)


def test_frozen_weights_are_read_only_and_nobody_else_holds_them():
    network, X = with_biases(Network(modern(), seed=1)), pictures(1)
    before, expected = network.parameters, network.logits(X)
    assert not network.is_frozen
    assert network.freeze() is network
    assert network.is_frozen
    network.logits(X)
    before[:] = 0
    np.testing.assert_array_equal(network.logits(X), expected)
    for array in (network.parameters, network.state_dict()["c1.weight"]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        network.load_state_dict({name: tensor * 2 for name, tensor in network.state_dict().items()})
    held = network.parameters
    assert network.freeze().parameters is held
    network.thaw().parameters[:] = 0
    assert held.any()
    assert not network.logits(X).any()
    assert not network.thaw().is_frozen


def test_a_copy_of_a_frozen_network_can_be_changed():
    network, X = with_biases(Network(modern(), seed=1)).freeze(), pictures(1)
    expected = network.logits(X)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        np.testing.assert_array_equal(other.logits(X), expected)
        other.parameters[:] = 0
        assert not other.logits(X).any()
    np.testing.assert_array_equal(network.logits(X), expected)


def test_the_compiled_one_picture_checks_again():
    network = Network(modern(), seed=1)
    program = network.program((1, 32, 32))
    with pytest.raises(ValueError, match="read-only"):
        _kernels.Fixed(program, network.parameters, 0, 1)
    network.freeze()
    with pytest.raises(ValueError, match="expected"):
        _kernels.Fixed(program, network.parameters[:-16], 0, 1)
    with pytest.raises(ValueError, match="32 x 32"):
        _kernels.Fixed(network.program((1, 36, 36)), network.parameters, 0, 1)
    fixed = _kernels.Fixed(program, network.parameters, 0, 1)
    assert fixed("picture", False, 1.0) is None
    assert fixed(np.zeros((2, 32, 32), np.float32), False, 1.0) is None
    assert fixed(np.zeros((1, 32, 32), np.float32), False, 1.0).shape == (1, 10)


OTHER_WIDTHS = [
    (1, (12, 32, 160, 84)),
    (2, (12, 32, 160, 84)),
    (1, (6, 48, 30, 20)),
    (1, (32, 64, 9, 9)),
    (1, (7, 3, 5, 2)),
    (1, (4, 8, 30, 20)),
    (3, (4, 8, 30, 20)),
    (1, (4, 16, 9, 9)),
]


@pytest.mark.parametrize(("in_channels", "widths"), OTHER_WIDTHS)
def test_networks_of_other_widths_give_a_picture_the_same_bits_in_any_batch(in_channels, widths):
    network = with_biases(Network(networks.layers(widths, in_channels, 10), seed=3))
    X = np.random.default_rng(0).integers(0, 256, (50, in_channels, 28, 28), dtype=np.uint8)
    together = network.logits(X)
    for i in (0, 15, 16, 31, 32, 49):
        np.testing.assert_array_equal(network.logits(X[i : i + 1])[0], together[i])
    np.testing.assert_array_equal(network.logits(X[5:30]), together[5:30])
    network.freeze()
    for i in (0, 31):
        np.testing.assert_array_equal(network.logits(X[i : i + 1])[0], together[i])


def test_any_number_of_threads_gives_the_same_bits(network):
    X = pictures(2057)
    expected = network.logits(X, threads=1)
    for threads in (2, 3, 8, None):
        np.testing.assert_array_equal(network.logits(X, threads=threads), expected)
        np.testing.assert_array_equal(network.probabilities(X, threads=threads), network.probabilities(X, threads=1))


def test_four_python_threads_at_once_get_the_same_bits(network):
    X = pictures(700)
    expected, results = network.logits(X, threads=1), [None] * 4

    def predict(i):
        results[i] = Network.logits(network, X, threads=1 + i % 2)

    threads = [threading.Thread(target=predict, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_process_gets_the_same_bits(network):
    X = pictures(600)
    expected = network.logits(X, threads=2)  # threads have run before the fork, none is left
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(network.logits(X, threads=2), expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_uint8_and_float_are_the_same_picture(network):
    X = pictures(20)
    for as_float in (X / np.float32(255), X / 255):
        np.testing.assert_array_equal(network.logits(as_float), network.logits(X))


def test_28_and_32_are_the_same_picture(network):
    X = pictures(20)
    padded = np.pad(X, ((0, 0), (2, 2), (2, 2)))
    for same in (X[:, None], padded, padded[:, None]):
        np.testing.assert_array_equal(network.logits(same), network.logits(X))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_order_in_memory_does_not_matter(network, dtype):
    X = (pictures(20) / (255 if dtype == np.float32 else 1)).astype(dtype)
    expected = network.logits(X)
    read_only = X.copy()
    read_only.flags.writeable = False
    spread = np.zeros((40, 28, 56), dtype)
    spread[::2, :, ::2] = X
    reversed_twice = np.ascontiguousarray(X[:, ::-1, ::-1])[:, ::-1, ::-1]
    odd_address = np.zeros(X.nbytes + 1, np.uint8)[1:].view(dtype).reshape(X.shape)
    odd_address[...] = X
    for same in (np.asfortranarray(X), read_only, spread[::2, :, ::2], reversed_twice, odd_address, X.tolist()):
        if not isinstance(same, list) or dtype == np.float32:  # a list of whole numbers is int64
            np.testing.assert_array_equal(network.logits(same), expected)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8"])
def test_byte_order_does_not_matter(network, dtype):
    X = pictures(5) / np.float32(255)
    np.testing.assert_array_equal(network.logits(X.astype(dtype)), network.logits(X))


@pytest.mark.parametrize(("height", "width"), [(32, 60), (47, 33), (40, 44)])
def test_a_larger_picture_gets_the_answers_of_its_windows(network, height, width):
    X = pictures(3, height, width)
    field = network.logits(X)
    assert field.shape == (3, 10, (height - 32) // 4 + 1, (width - 32) // 4 + 1)
    for y, x in np.ndindex(field.shape[2:]):
        window = X[:, 4 * y : 4 * y + 32, 4 * x : 4 * x + 32]
        # Not the same bits: for 32 x 32 minimal filtering sums C3 in another order.
        np.testing.assert_allclose(field[:, :, y, x], network.logits(window), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(network.probabilities(X).sum(axis=1), 1, rtol=1e-6)


def test_a_larger_picture_gets_the_same_bits_for_any_number_of_threads(network):
    X = pictures(600, 32, 40)
    np.testing.assert_array_equal(network.logits(X, threads=2), network.logits(X, threads=1))


def test_predicting_writes_nothing_to_the_parameters(network):
    before = network.parameters.copy()
    network.probabilities(pictures(20))
    np.testing.assert_array_equal(network.parameters, before)


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 32, 32), (0, 1, 28, 28)])
def test_no_picture_gets_no_answer(network, shape):
    assert network.logits(np.zeros(shape, np.uint8)).shape == (0, 10)
    assert network.probabilities(np.zeros(shape, np.float32)).shape == (0, 10)


def test_no_large_picture_gets_no_map(network):
    assert network.probabilities(np.zeros((0, 32, 60), np.uint8)).shape == (0, 10, 1, 8)


def test_rgb_pictures():
    network = Network({"c1": Conv2d(3, 4, 32)}, seed=1)
    X = np.random.default_rng(0).random((5, 3, 32, 32)).astype(np.float32)
    expected = reference.conv2d(X, *network.state_dict().values())[:, :, 0, 0]
    np.testing.assert_allclose(network.logits(X), expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"\(5, 1, 32, 32\), expected .*\(N, 3, H, W\)"):
        network.logits(X[:, :1])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_gives_the_same_bits_and_is_independent(duplicate):
    network, X = Network(modern(), seed=1), pictures(5)
    expected = network.logits(X)
    other = duplicate(network)
    np.testing.assert_array_equal(other.logits(X), expected)
    other.parameters[:] = 0
    np.testing.assert_array_equal(network.logits(X), expected)


# ---- what is refused -----------------------------------------------------------------------------------------------


def test_a_nan_in_the_weights_shows():
    for name in TENSORS:
        network = Network(modern(), seed=1)
        network.state_dict()[name].flat[0] = np.nan
        assert np.isnan(network.logits(pictures(1) | 1)).any(), name


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.1, 1.1, 255])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_numbers_outside_0_1_are_refused(network, value, dtype):
    X = np.zeros((2, 28, 28), dtype)
    X[1, 27, 27] = value
    with pytest.raises(ValueError, match=r"X reaches from .* to .*, expected finite numbers in 0\.\.1"):
        network.logits(X)


@pytest.mark.parametrize("n", [1, 15, 33, 70])
def test_one_number_out_of_range_is_found_wherever_it_is(n):
    good = np.random.default_rng(n).random(n).astype(np.float32)
    assert _kernels.within(good, 0, 1)
    assert _kernels.within(good[:0], 0, 1)
    for i in range(n):
        for wrong in (1.001, -0.001, np.nan, np.inf, -np.inf):
            values = good.copy()
            values[i] = wrong
            assert not _kernels.within(values, 0, 1)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16, np.complex64, object, "U1", "M8[s]"])
def test_other_dtypes_are_refused(network, dtype):
    with pytest.raises(ValueError, match=r"X has dtype .*, expected uint8 \(0\.\.255\) or float32 \(0\.\.1\)"):
        network.logits(np.zeros((2, 28, 28), dtype))


@pytest.mark.parametrize(
    "shape", [(), (28,), (28, 28), (2, 27, 28), (2, 28, 40), (2, 31, 32), (2, 3, 28, 28), (2, 28, 28, 1), (1,) * 5]
)
def test_other_shapes_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"X has shape \(.*\), expected \(N, 28, 28\) or \(N, 1, H, W\)") as caught:
        network.logits(np.zeros(shape, np.uint8))
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_other_numbers_of_threads_are_refused(network, threads):
    with pytest.raises(ValueError, match=f"threads is {threads}, expected 1 to 256"):
        network.logits(pictures(1), threads=threads)


def test_pictures_that_need_no_change_are_not_copied():
    X = pictures(2, 32, 32)
    assert np.shares_memory(check_pictures(X), X)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">i4", np.float32])
def test_labels(dtype):
    y = check_labels(np.array([0, 9, 3], dtype), 3)
    assert y.dtype == np.uint8
    assert y.tolist() == [0, 9, 3]
    assert check_labels([], 0).shape == (0,)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], r"y has shape \(2,\), expected \(3,\)"),
        ([[0], [1], [2]], r"y has shape \(3, 1\), expected \(3,\)"),
        ([0, 1, 10], r"y reaches from 0 to 10, expected labels in 0\.\.9"),
        ([0, 1, -1], r"y reaches from -1 to 1, expected labels in 0\.\.9"),
        ([0, 1, 2**40], r"expected labels in 0\.\.9"),
        ([0, 1, 1.5], r"expected whole numbers 0\.\.9"),
        ([0, 1, np.nan], r"expected whole numbers 0\.\.9"),
        ([0, 1, np.inf], r"expected labels in 0\.\.9"),
        (["0", "1", "2"], r"expected whole numbers 0\.\.9"),
        ([True, False, True], r"y has dtype bool, expected whole numbers 0\.\.9"),
        ([0, 1, None], r"y has dtype object, expected whole numbers 0\.\.9"),
        ([0, 1, 1j], r"y has dtype complex128, expected whole numbers 0\.\.9"),
    ],
)
def test_other_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        check_labels(y, 3)


def test_more_classes_than_a_label_can_name_are_refused():
    with pytest.raises(ValueError, match="256"):
        check_labels(np.array([299]), 1, n_classes=300)


def test_the_compiled_functions_check_again(network):
    """A check that cannot be walked round: lengths and shapes are compared beside the pointers."""
    X, y = network.pictures(pictures(3)), np.zeros(3, np.uint8)
    program, parameters = network.program(X.shape), network.parameters
    with pytest.raises(ValueError, match="61680 parameters, expected 61760"):
        program.forward(parameters[:61_680], X, np.zeros((3, 10, 1, 1), np.float32), 0, 3)
    with pytest.raises(ValueError, match=r"\(3, 9, 1, 1\), expected \(3, 10, 1, 1\)"):
        program.forward(parameters, X, np.zeros((3, 9, 1, 1), np.float32), 0, 3)
    with pytest.raises(ValueError, match=r"1\.\.4 of 3"):
        program.forward(parameters, X, np.zeros((3, 10, 1, 1), np.float32), 1, 4)
    with pytest.raises(ValueError, match=r"\(1, 40, 40\), this program was made for \(1, 32, 32\)"):
        program.forward(parameters, network.pictures(pictures(3, 40, 40)), np.zeros((3, 10, 1, 1), np.float32), 0, 3)
    with pytest.raises(ValueError, match="2 labels for 3 images"):
        program.loss_and_gradients(parameters, X, y[:2], np.zeros_like(parameters))
    with pytest.raises(ValueError, match="labels must be below 10"):
        program.loss_and_gradients(parameters, X, y + np.uint8(10), np.zeros_like(parameters))
    field = network.pictures(pictures(3, 40, 40))
    with pytest.raises(ValueError, match="one position"):
        network.program(field.shape).loss_and_gradients(parameters, field, y, np.zeros_like(parameters))


@pytest.mark.parametrize(
    ("pixels", "padding"),
    [
        (np.zeros((2, 28, 28), np.uint8), 0),
        (np.zeros((2, 1, 28, 28), np.float64), 0),
        (np.zeros((2, 1, 28, 56), np.uint8)[..., ::2], 0),
        (np.zeros((2, 1, 28, 28), np.uint8), -1),
        (np.zeros(401, np.uint8)[1:].view(np.float32).reshape(1, 1, 10, 10), 0),
    ],
)
def test_compiled_pictures_check_again(pixels, padding):
    with pytest.raises(ValueError, match="expected"):
        _kernels.Pictures(pixels, padding)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"in_channels=5.*\(6, 28, 28\)"):
        Network({"a": Conv2d(1, 6, 5), "b": Conv2d(5, 2, 3)}).logits(pictures(1))


def test_a_large_picture_takes_memory_by_the_picture():
    """A lane group of 16 would take 1.8 GB for one picture of a million pixels; so it is computed by itself."""
    script = (
        "import numpy as np, resource; from lenet5 import LeNet5; model = LeNet5()\n"
        "X = np.random.default_rng(0).random((1, 1, 1000, 1000), dtype=np.float32)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; field = model.logits(X)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; print(field.shape, (after - before) // 1024)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    shape, megabytes = run.stdout.rsplit(maxsplit=1)
    assert shape == "(1, 10, 243, 243)"
    if sys.platform == "linux":  # elsewhere the unit is another
        assert int(megabytes) < 300


def test_none_is_no_picture(network):
    program = network.program((1, 32, 32))
    with pytest.raises(TypeError):
        _kernels.gather(None, np.zeros(1, np.int64))
    with pytest.raises(TypeError):
        program.forward(network.parameters, None, np.zeros((1, 10, 1, 1), np.float32), 0, 1)


class Preempted(dict):
    """Programs of which every look-up gives way to other threads, as it may where there is no global lock."""

    def __contains__(self, key):
        time.sleep(0)
        return super().__contains__(key)

    def __getitem__(self, key):
        time.sleep(0)
        return super().__getitem__(key)

    def get(self, key):
        time.sleep(0)
        return super().get(key)


class PreemptedNetwork(Network):
    """The same for what answers to one picture."""

    @property
    def _fixed(self):
        time.sleep(0)
        return self.__dict__["_fixed"]

    @_fixed.setter
    def _fixed(self, value):
        time.sleep(0)
        self.__dict__["_fixed"] = value


def hammer(work, n_threads=6):
    """Call ``work(thread)`` on several threads that are interrupted all the time; the exceptions that they raised."""
    errors, interval = [], sys.getswitchinterval()

    def guarded(thread):
        try:
            work(thread)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(k,)) for k in range(n_threads)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return errors


def test_threads_share_a_network_for_many_sizes():
    """More sizes than are kept: programs are forgotten while other threads look for theirs."""
    network = Network({"flat": Conv2d(1, 2, 1)}, seed=1)
    network._programs = Preempted()
    shapes = [(1, 32 + i, 32 + j) for i in range(6) for j in range(6)]

    def ask(thread):
        for k in np.random.default_rng(thread).integers(len(shapes), size=1000):
            assert network.program(shapes[k]).in_shape == shapes[k]

    assert hammer(ask) == []


def test_threads_ask_a_network_that_is_thawed_and_frozen():
    """Answers are right all the time, and what was made for earlier weights does not outlive them."""
    network, X = with_biases(PreemptedNetwork(modern(), seed=1)).freeze(), pictures(1)
    expected = network.logits(X)

    def work(thread):
        for _ in range(300):
            if thread:
                np.testing.assert_array_equal(network.logits(X), expected)
            else:
                network.thaw().freeze()

    assert hammer(work) == []
    changed = network.thaw().state_dict()["output.bias"]
    changed += 1
    np.testing.assert_allclose(network.logits(X), expected + 1, atol=1e-5)


@pytest.mark.parametrize("when", ["while it is made", "before it is kept"])
def test_what_was_made_for_thawed_weights_is_not_used(when, monkeypatch):
    """A thread thaws and trains while another one makes what answers to one picture."""
    network, X = with_biases(Network(modern(), seed=1)).freeze(), pictures(1)
    expected = network.logits(X)
    network.thaw().freeze()
    make = _kernels.Fixed

    def late(*given):
        made = make(*given) if when == "before it is kept" else None
        network.thaw().state_dict()["output.bias"][:] += 1
        return made or make(*given)

    monkeypatch.setattr(_kernels, "Fixed", late)
    network.logits(X)
    monkeypatch.undo()
    np.testing.assert_allclose(network.logits(X), expected + 1, atol=1e-5)


def test_read_only_weights_keep_their_former_names():
    network = Network(modern(), seed=1)
    assert network.make_read_only().is_read_only
    assert network.is_frozen
    assert not network.thaw().is_read_only
    assert network.freeze().is_read_only
    assert not network.make_writable().is_frozen
