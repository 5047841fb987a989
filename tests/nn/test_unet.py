"""The U-Net: its parameters, its probabilities beside the reference, threads that share it."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reference

from lenet5.nn.unet import UNet, grey_planes

SIZES = [((16, 32, 32, 48), (32, 16, 16)), ((12, 20, 32, 48), (32, 20, 12)), ((5, 7), (3,)), ((6,), ())]


def random_tensors(net, seed=0):
    """As large as keeps activations near 1."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, np.sqrt(2 / np.prod(tensor.shape[1:])) if tensor.ndim > 1 else 0.1, tensor.shape)
        for name, tensor in net.state_dict().items()
    }


def trained(*args, seed=0, **kwargs):
    net = UNet(*args, **kwargs)
    net.load_state_dict(random_tensors(net, seed))
    return net


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize(("encoder", "decoder"), SIZES)
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities(encoder, decoder, n_classes):
    net = trained(encoder, decoder, n_classes=n_classes)
    for size in ((16, 16), (48, 32), (16, 80)):
        planes = noise(1, 3, *size)
        actual = net.probabilities(planes)
        assert actual.dtype == np.float32
        assert actual.shape == (n_classes, size[0] // 2, size[1] // 2)
        np.testing.assert_allclose(actual.sum(axis=0), 1, rtol=1e-6)
        np.testing.assert_allclose(actual, reference.unet(net.state_dict(), planes), rtol=0, atol=2e-5)


def test_the_size_that_is_trained():
    net = trained()
    planes = noise(2, 3, 128, 96)
    np.testing.assert_allclose(net.probabilities(planes), reference.unet(net.state_dict(), planes), rtol=0, atol=5e-5)


def test_tensors_by_name():
    net = UNet()
    shapes = {name: tensor.shape for name, tensor in net.state_dict().items()}
    names = ["stem", "d1a", "d1b", "d2a", "d2b", "d3a", "d3b", "u2", "u1", "u0", "out"]
    assert list(shapes) == [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]
    assert shapes["stem.weight"] == (16, 3, 5, 5)
    assert shapes["u2.weight"] == (32, 80, 3, 3)
    assert shapes["u1.weight"] == (16, 64, 3, 3)
    assert shapes["out.weight"] == (3, 16, 1, 1)
    assert net.n_parameters == 105_235


def test_without_weights_all_classes_are_alike():
    np.testing.assert_array_equal(UNet().probabilities(noise(3, 3, 16, 32)), np.full((3, 8, 16), np.float32(1 / 3)))


def test_grey():
    net, image = trained(), np.random.default_rng(4).random((50, 31), np.float32)
    np.testing.assert_array_equal(net.probabilities_of_grey(image), net.probabilities(grey_planes(image)))
    assert net.probabilities_of_grey(image[:, ::2]).shape == (3, 32, 8)


def test_tensors_are_read_only_and_taken_whole():
    net, other = trained(seed=1), trained(seed=2)
    planes = noise(5, 3, 16, 16)
    with pytest.raises(ValueError, match="read-only"):
        net.state_dict()["out.bias"][0] = 1
    given = dict(other.state_dict())
    net.load_state_dict(given)
    np.testing.assert_array_equal(net.probabilities(planes), other.probabilities(planes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"u9.weight": np.zeros(1)}, "tensor 'u9.weight' is not one of this network"),
        ({"u0.bias": None}, "tensor 'u0.bias' is missing"),
        ({"u0.bias": np.zeros(17)}, r"tensor 'u0.bias' has shape \(17,\), expected \(16,\)"),
        ({"u0.bias": np.full(16, np.nan)}, "tensor 'u0.bias' holds numbers that are not finite"),
    ],
)
def test_tensors_that_do_not_fit_change_nothing(change, message):
    net = trained()
    before = net.state_dict()
    tensors = {name: tensor for name, tensor in (random_tensors(net, 9) | change).items() if tensor is not None}
    with pytest.raises(ValueError, match=message):
        net.load_state_dict(tensors)
    assert all(tensor is before[name] for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("shape", [(3, 16, 24), (3, 0, 16), (1, 16, 16), (16, 16)])
def test_planes_of_other_shapes(shape):
    with pytest.raises(ValueError, match=r"planes have shape|wrong number of dimensions"):
        UNet().probabilities(np.zeros(shape, np.float32))


@pytest.mark.parametrize(("encoder", "decoder"), [((4, 4), ()), ((), ()), ((4, 0), (4,)), ((4, 4), (0,))])
def test_sizes_that_there_are_not(encoder, decoder):
    with pytest.raises(ValueError, match="expected a decoder one shorter"):
        UNet(encoder, decoder)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies(copied):
    net, planes = trained(), noise(6, 3, 16, 16)
    np.testing.assert_array_equal(copied(net).probabilities(planes), net.probabilities(planes))


def test_threads_share_a_network():
    net = trained()
    planes = [noise(i, 3, 16 * (1 + i % 3), 16 * (1 + i % 4)) for i in range(24)]
    expected = [net.probabilities(one) for one in planes]
    with ThreadPoolExecutor(4) as pool:
        for actual, one in zip(pool.map(net.probabilities, planes), expected, strict=True):
            np.testing.assert_array_equal(actual, one)
