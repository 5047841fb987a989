"""The Gauss-Newton diagonal against explicit second derivatives, on small networks in float64."""

import numpy as np
import pytest
import reference
from reference import pictures, seen

from lenet5 import LeNet5, _kernels
from lenet5.nn.layers import RBF, AvgPool2d, Conv2d, Linear, MaxPool2d, ReLU, ScaledTanh, SubSample2d, Tanh
from lenet5.nn.network import Network
from lenet5.training import curvature
from lenet5.training.config import Config
from lenet5.training.defaults import config_for
from lenet5.training.sampler import Order
from lenet5.training.trainer import Trainer

CENTRES = ((1, -1, 1, 1), (-1, -1, 1, -1), (1, 1, -1, -1))
SMALL = {
    "c1": Conv2d(1, 2, 9), "c1_activation": Tanh(), "s2": SubSample2d(2, 4), "s2_activation": ScaledTanh(),
    "c3": Conv2d(4, 3, 5, ((0, 1), (1, 2, 3), (0, 3))), "c3_activation": Tanh(), "s4": AvgPool2d(2),
    "c5": Conv2d(3, 4, 4), "f6": Linear(4, 4), "f6_activation": ScaledTanh(), "output": RBF(CENTRES),
}  # fmt: skip
POOLED = {
    "c1": Conv2d(1, 3, 9), "s2": MaxPool2d(4), "c1_activation": ReLU(), "c3": Conv2d(3, 4, 6), "output": Linear(4, 3),
}  # fmt: skip


def scores(network, tensors, X):
    return reference.network(network.layers, tensors, seen(network, X))[:, :, 0, 0]


def losses(network, tensors, X, y, loss, rubbish):
    """Of each picture."""
    z = scores(network, tensors, X)
    right = -z[np.arange(len(y)), y]
    return right if loss == "mse" else right + np.log(np.exp(z).sum(axis=1) + np.exp(rubbish))


@pytest.fixture
def data():
    return pictures(3, seed=1), np.array([0, 2, 1])


def second_derivative(function, x, index, step=1e-3):
    value, results = np.copy(x[index]), []
    for shift in (-step, 0, step):
        x[index] = value + shift
        results.append(function())
    x[index] = value
    return (results[0] - 2 * results[1] + results[2]) / step**2


@pytest.mark.parametrize(("loss", "rubbish"), [("mse", -np.inf), ("cross-entropy", -np.inf), ("cross-entropy", -3.0)])
def test_the_last_weights_have_the_second_derivative_itself(data, loss, rubbish):
    """Without an activation behind them nothing is left out: neither for a linear head nor for distances."""
    X, y = data
    for head in ({"output": Linear(2, 3)}, {"f6": Linear(2, 4), "output": RBF(CENTRES)}):
        network = Network({"c1": Conv2d(1, 2, 32), "c1_activation": Tanh(), **head}, seed=4)
        tensors = {name: tensor.astype(np.float64) for name, tensor in network.state_dict().items()}
        h = network.state_dict(curvature.diagonal(network, X, y, loss=loss, rubbish=rubbish))
        name = list(tensors)[-2]
        for index in np.ndindex(tensors[name].shape):
            expected = second_derivative(
                lambda t=tensors, n=network: losses(n, t, X, y, loss, rubbish).mean(), tensors[name], index
            )
            assert h[name][index] == pytest.approx(expected, rel=1e-4, abs=1e-6), index


def test_two_layers_deep_it_is_the_diagonal_of_the_gauss_newton_matrix(data):
    """J^T H J with J by differences: mean over pictures of the sum over features of 2 (dx / dw)^2."""
    X, y = data
    layers = {"c1": Conv2d(1, 2, 32), "c1_activation": Tanh(), "f6": Linear(2, 4), "f6_activation": ScaledTanh()}
    network = Network({**layers, "output": RBF(CENTRES)}, seed=4)
    tensors = {name: tensor.astype(np.float64) for name, tensor in network.state_dict().items()}
    h = network.state_dict(curvature.diagonal(network, X, y, loss="mse"))
    places = [("c1.weight", (0, 0, 9, 12)), ("c1.weight", (1, 0, 20, 17)), ("c1.bias", (1,)), ("f6.weight", (2, 1))]
    for name, index in [*places, ("f6.bias", (3,))]:
        value, features = tensors[name][index], []
        for shift in (1e-5, -1e-5):
            tensors[name][index] = value + shift
            features.append(reference.network(layers, tensors, seen(network, X))[:, :, 0, 0])
        tensors[name][index] = value
        slopes = (features[0] - features[1]) / 2e-5
        assert h[name][index] == pytest.approx((2 * slopes**2).sum(axis=1).mean(), rel=1e-5), (name, index)


def step_back(layer, w, X, Y, h):
    """(h of X, of weights, of biases), use by use: each connection of each unit by itself, as P98 equation 31 to 33."""
    hX, hw, hb = np.zeros_like(X), None if w is None else np.zeros(w.shape), 0.0
    slope = 1e-6
    for n, o, y, x in np.ndindex(Y.shape):
        if isinstance(layer, Conv2d):
            k = layer.kernel_size
            dense = w.reshape(len(Y[0]), -1, k, k) if layer.table is None else None
            row = layer.table[o] if layer.table else range(layer.in_channels)
            first = sum(map(len, layer.table[:o])) if layer.table else 0
            for at, c in enumerate(row):
                kernel = dense[o, c] if layer.table is None else w[first + at]
                window = np.s_[n, c, y : y + k, x : x + k]
                hX[window] += kernel**2 * h[n, o, y, x]
                to = hw.reshape(dense.shape)[o, c] if layer.table is None else hw[first + at]
                to += X[window] ** 2 * h[n, o, y, x]
        elif isinstance(layer, SubSample2d | AvgPool2d):
            k = layer.kernel_size
            c = o // (Y.shape[1] // X.shape[1])
            window = np.s_[n, c, y * k : (y + 1) * k, x * k : (x + 1) * k]
            if isinstance(layer, MaxPool2d):
                first = np.unravel_index(np.argmax(X[window]), (k, k))
                hX[window][first] += h[n, o, y, x]
            else:
                hX[window] += (1 if w is None else w[o] ** 2) * h[n, o, y, x] / k**4
            if w is not None:
                hw[o] += X[window].mean() ** 2 * h[n, o, y, x]
        else:
            value = {"Tanh": np.tanh, "ScaledTanh": reference.scaled_tanh, "ReLU": reference.relu}[type(layer).__name__]
            at = X[n, o, y, x]
            slope = (value(at + 1e-6) - value(at - 1e-6)) / 2e-6
            hX[n, o, y, x] = slope**2 * h[n, o, y, x]
    if w is not None:
        hb = h.sum(axis=(0, 2, 3))
    return hX, hw, hb


@pytest.mark.parametrize(
    ("layers", "loss"), [(SMALL, "mse"), (SMALL, "cross-entropy"), (POOLED, "cross-entropy")], ids=["mse", "map", "max"]
)
def test_layer_by_layer_against_the_sums_over_all_uses(layers, loss):
    X, y = pictures(2, seed=2), np.array([1, 2])
    network = Network(layers, seed=1)
    tensors = {name: tensor.astype(np.float64) for name, tensor in network.state_dict().items()}
    items, values = list(network.layers.items()), [seen(network, X)]
    for name, layer in items:
        values.append(reference.network({name: layer}, tensors, values[-1]))
    p = reference.softmax(values[-1][:, :, 0, 0])
    if isinstance(items[-1][1], RBF):  # along each feature: second differences of the loss of the distances
        name, head = items.pop()
        features = values[-2]

        def of_features():
            z = reference.rbf(features, head.centres)[:, :, 0, 0]
            right = -z[np.arange(2), y]
            return right if loss == "mse" else right + np.log(np.exp(z).sum(axis=1))

        h = np.zeros_like(features)
        for j in range(features.shape[1]):
            every = np.s_[:, j, 0, 0]
            h[every] = second_derivative(of_features, features, every)
    else:
        h = (p * (1 - p))[:, :, None, None]
    actual = network.state_dict(curvature.diagonal(network, X, y, loss=loss))
    for (name, layer), X_in, Y in list(zip(items, values, values[1:], strict=False))[::-1]:
        h, hw, hb = step_back(layer, tensors.get(f"{name}.weight"), X_in, Y, h)
        if hw is not None:
            np.testing.assert_allclose(actual[f"{name}.weight"], hw / 2, rtol=1e-4, atol=1e-5 * hw.max(), err_msg=name)
            np.testing.assert_allclose(actual[f"{name}.bias"], hb / 2, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("name", ["modern", "1998", "lenet1", "lenet4"])
def test_every_network_has_one(name):
    model = LeNet5(name, seed=1).network
    X, y = pictures(20), np.arange(20) % 10
    h = curvature.diagonal(model, X, y, rubbish=-10.0)
    assert h.shape == model.parameters.shape
    assert h.min() >= 0
    assert np.isfinite(h).all()
    assert all((tensor > 0).any() for tensor in model.state_dict(h).values())
    rates = curvature.rates(h)
    assert rates.dtype == np.float32
    assert rates.max() <= np.float32(1 / curvature.MU)
    np.testing.assert_allclose(curvature.diagonal(model, X[:0], y[:0]), 0)


def test_minus_the_right_score_of_linear_units_is_flat():
    h = curvature.diagonal(LeNet5().network, pictures(2), np.array([1, 2]), loss="mse")
    assert not h.any()


def test_maps_have_none():
    with pytest.raises(ValueError, match=r"maps of shape \(2, 2\)"):
        curvature.diagonal(LeNet5().network, pictures(1, 36, 36), np.array([1]))


def test_scores_far_apart_overflow_nothing():
    model = LeNet5("1998", seed=1).network
    model.state_dict()["f6.bias"][...] = 1000
    with np.errstate(all="raise", under="ignore"):
        h = curvature.diagonal(model, pictures(2), np.array([1, 2]), rubbish=-100.0)
    assert np.isfinite(h).all()
    assert _kernels.ISA


# ---- in training ---------------------------------------------------------------------------------------------------


def test_the_paper_s_optimiser_takes_the_curvature_before_each_pass():
    """Two passes by hand: p -= rate / (mu + h) * gradient, one picture after the other."""
    X, y = pictures(40, seed=6), np.arange(40) % 10
    one_by_one = {"epochs": 2, "batch_size": 1, "weight_decay": 0.0, "validation": 0, "augment": "none", "seed": 3}
    config = Config(optimizer="sdlm", schedule="paper", loss="mse", **one_by_one)
    trained, own = LeNet5("1998", seed=1).network, LeNet5("1998", seed=1).network
    trainer = Trainer(trained, X, y, config, threads=1)
    order = Order(40, 0, config.seed)
    for _ in trainer.run():
        pass
    for epoch in range(2):
        numbers = order.numbers(epoch, 0, 40)
        some = np.sort(numbers)
        rates = config.learning_rate * curvature.rates(curvature.diagonal(own, X[some], y[some], loss="mse"))
        for k in numbers:
            gradient = np.zeros_like(own.parameters)
            shown = own.pictures(X[k : k + 1])
            loss = _kernels.Loss(_kernels.RIGHT_SCORE)
            own.program(shown.shape).loss_and_gradients(own.parameters, shown, np.uint8(y[k : k + 1]), gradient, loss)
            own.parameters -= rates * gradient
    np.testing.assert_allclose(trained.parameters, own.parameters, rtol=1e-3, atol=1e-5)
    assert np.abs(trained.parameters - LeNet5("1998", seed=1).parameters).max() > 1e-3


def test_the_paper_s_optimiser_resumes_within_a_pass_and_does_not_depend_on_threads():
    X, y = pictures(300, seed=7), np.arange(300) % 10
    config = Config(epochs=2, batch_size=64, optimizer="sdlm", loss="map", weight_decay=0.0, validation=0, seed=3)
    whole = LeNet5("lenet1", seed=1).network
    for _ in Trainer(whole, X, y, config, threads=2).run():
        pass
    first = Trainer(LeNet5("lenet1", seed=1).network, X, y, config, threads=1)
    first.run().__next__()
    resumed = LeNet5("lenet1", seed=5).network
    second = Trainer(resumed, X, y, config, threads=1)
    second.restore(*first.state())
    for _ in second.run():
        pass
    np.testing.assert_array_equal(resumed.parameters, whole.parameters)


def test_it_goes_without_dropout_and_normalisation():
    for settings in ({"dropout": 0.5}, {"batch_norm": True}):
        with pytest.raises(ValueError, match="sdlm takes the curvature of the network as it is"):
            Config(optimizer="sdlm", **settings)


def test_learning_rates_that_suit_distances():
    assert config_for(LeNet5().network).learning_rate == 0.05
    assert config_for(LeNet5("1998").network).learning_rate == pytest.approx(0.005)
    assert config_for(LeNet5("1998").network, learning_rate=0.3).learning_rate == 0.3
    assert config_for(LeNet5("lenet1").network).learning_rate == 0.05
    assert config_for(LeNet5("1998").network, optimizer="sdlm").learning_rate == 5e-5
