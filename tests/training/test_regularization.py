"""What training adds to a network and to its batches: each against its definition, and gone when training is over."""

import numpy as np
import pytest
import reference
from gradcheck import check_gradient, with_biases
from pictures import strewn

from lenet5 import _kernels
from lenet5._kernels import CROSS_ENTROPY, RIGHT_SCORE, Loss
from lenet5.nn.architectures import modern
from lenet5.nn.layers import BatchNorm2d, Dropout
from lenet5.nn.network import Network
from lenet5.training.config import Config
from lenet5.training.regularization import EPSILON, fold, regularized_layers
from lenet5.training.trainer import Trainer
from lenet5.utils.threads import parallel

N = 37


@pytest.fixture(scope="module")
def data():
    return strewn(np.random.default_rng(0), N, 28, 28)


def network_of(*, activation="tanh", pool="avg", seed=1, fused=True, **aids):
    """A smooth network by default, with parameters that are nothing special."""
    network = with_biases(Network(regularized_layers(modern(activation, pool), **aids), seed=seed, fused=fused), seed)
    rng = np.random.default_rng(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor[...] = rng.uniform(-0.1, 0.1, tensor.shape)
        if name.endswith(("norm.weight", "running_var")):
            tensor[...] = rng.uniform(0.5, 1.5, tensor.shape)
    return network


def gradients_of(network, pictures, y, loss=None):
    """(mean loss, gradients, the function of the parameters) in float64."""
    parameters = network.parameters.astype(np.float64)
    gradients, program = np.zeros_like(parameters), network.program(pictures.shape)
    mean = program.loss_and_gradients(parameters, pictures, y, gradients, loss)
    nothing = np.zeros_like(parameters)
    return mean, gradients, parameters, lambda: program.loss_and_gradients(parameters, pictures, y, nothing, loss)


# ---- losses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "smoothing", "rubbish", "temperature"),
    [
        pytest.param(CROSS_ENTROPY, 0.1, -np.inf, 1, marks=pytest.mark.slow),
        pytest.param(CROSS_ENTROPY, 0.0, 0.7, 1, marks=pytest.mark.slow),
        pytest.param(CROSS_ENTROPY, 0.2, -3.0, 1, marks=pytest.mark.slow),
        (CROSS_ENTROPY, 0.2, -3.0, 2.5),
        pytest.param(CROSS_ENTROPY, 0.0, -np.inf, 0.3, marks=pytest.mark.slow),
        (RIGHT_SCORE, 0.0, -np.inf, 1),
    ],
)
def test_losses_by_their_definitions_and_their_gradients(data, kind, smoothing, rubbish, temperature):
    X, y = data
    network, loss = network_of(), Loss(kind, smoothing, rubbish, temperature=temperature)
    logits = network.logits(X).astype(np.float64) / temperature
    targets = np.eye(10)[y] * (1 - smoothing) + smoothing / 10
    total = np.log(np.exp(logits).sum(axis=1) + np.exp(rubbish / temperature)) if kind == CROSS_ENTROPY else 0
    expected = (total - (targets * logits).sum(axis=1)).mean() * temperature**2
    mean, gradients, parameters, function = gradients_of(network, network.pictures(X), y, loss)
    assert mean == pytest.approx(expected, rel=1e-5)
    check_gradient(function, parameters, gradients, n=40)


def test_a_score_that_is_no_number_shows_in_every_loss(data):
    X, y = data
    network = network_of()
    network.state_dict()["output.bias"][3] = np.nan
    for loss in (Loss(), Loss(CROSS_ENTROPY, 0.1, 0.0), Loss(RIGHT_SCORE)):
        assert not np.isfinite(gradients_of(network, network.pictures(X), y, loss)[0])


@pytest.mark.parametrize(
    "wrong", [{"kind": 7}, {"label_smoothing": -0.1}, {"label_smoothing": 1.1}, {"rubbish": np.nan}]
)
def test_losses_that_are_none(wrong):
    with pytest.raises(ValueError, match="expected a kind of loss"):
        Loss(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"teacher_weight": 1.1}, {"teacher_weight": np.nan}, {"temperature": 0}, {"temperature": np.inf}]
)
def test_lessons_that_are_none(wrong):
    with pytest.raises(ValueError, match="a number above 0"):
        Loss(**wrong)


# ---- batch normalisation -------------------------------------------------------------------------------------------


def test_where_the_layers_are():
    layers = regularized_layers(modern(), dropout=0.2, batch_norm=True)
    assert list(layers) == [
        "c1", "c1_norm", "c1_activation", "s2", "c3", "c3_norm", "c3_activation", "s4",
        "c5", "c5_norm", "c5_activation", "c5_dropout", "f6", "f6_norm", "f6_activation", "f6_dropout", "output",
    ]  # fmt: skip
    assert layers["c3_norm"] == BatchNorm2d(16)
    assert layers["f6_dropout"] == Dropout(0.2)
    assert regularized_layers(modern()) == modern()


@pytest.mark.parametrize("n", [5, 16, pytest.param(37, marks=pytest.mark.slow)])
def test_the_gradients_of_batch_normalisation(data, n):
    X, y = data[0][:n], data[1][:n]
    network = network_of(batch_norm=True)
    mean, gradients, parameters, function = gradients_of(network, network.pictures(X), y)
    assert np.isfinite(mean)
    tensors, slopes = network.state_dict(parameters), network.state_dict(gradients)
    for name in (
        "c1.weight",
        "c1_norm.weight",
        "c1_norm.bias",
        "c3.weight",
        "c3_norm.weight",
        "c5_norm.bias",
        "f6.weight",
    ):
        check_gradient(function, tensors[name], slopes[name], name=name, n=12, tolerance=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_folded_weights_do_what_the_layers_did(data, activation):
    """With the means and variances of 16 pictures in the place of the running ones, both give the same loss."""
    X, y = data[0][:16], data[1][:16]
    network = network_of(batch_norm=True, activation=activation, pool="max")
    pictures = network.pictures(X)
    mean, gradients, *_ = gradients_of(network, pictures, y)
    seen = network.state_dict(gradients)
    for name, tensor in network.state_dict().items():
        if name.rpartition(".")[2].startswith("running"):
            tensor[...] = seen[name]  # where the gradient would be, a group leaves what it has seen
    plain = Network(modern(activation, "max"), seed=None)
    fold(network, network.parameters, plain)
    assert reference.cross_entropy(plain.logits(X), y) == pytest.approx(mean, rel=1e-4)


def test_means_and_variances_of_the_first_layer(data):
    X, y = data[0][:16], data[1][:16]
    network = network_of(batch_norm=True)
    seen = network.state_dict(gradients_of(network, network.pictures(X), y)[1])
    tensors = network.state_dict()
    field = np.pad(X / 255.0, ((0, 0), (2, 2), (2, 2)))[:, None]
    sums = reference.conv2d(field, tensors["c1.weight"], tensors["c1.bias"])
    np.testing.assert_allclose(seen["c1_norm.running_mean"], sums.mean(axis=(0, 2, 3)), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(seen["c1_norm.running_var"], sums.var(axis=(0, 2, 3)), rtol=1e-6)
    assert EPSILON == 1e-5


# ---- training with all of it ---------------------------------------------------------------------------------------


def train(data, n_threads=1, **settings):
    X, y = data
    config = Config(**{"epochs": 2, "batch_size": 20, "validation": 5, **settings})
    trainer = Trainer(Network(modern()), X, y, config, n_threads)
    for _ in trainer.run():
        pass
    return trainer


AIDS = {
    "batch_norm": True,
    "dropout": 0.3,
    "mixup": 0.4,
    "adversarial": 0.05,
    "average": 0.9,
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
}


@pytest.mark.parametrize("name", [*AIDS, "all"])
def test_the_same_bits_for_any_number_of_threads_and_after_a_stop(data, name):
    settings = AIDS if name == "all" else {name: AIDS[name]}
    one, three = train(data, 1, **settings), train(data, 3, **settings)
    assert np.isfinite(one.best).all()
    np.testing.assert_array_equal(one.last, three.last)
    assert one.history[-1].validation_loss == three.history[-1].validation_loss
    assert not np.array_equal(one.last, train(data).last)
    config = Config(epochs=2, batch_size=20, validation=5, **settings)
    stopped = Trainer(Network(modern()), *data, config, 2)
    next(stopped.run())
    resumed = Trainer(Network(modern()), *data, config, 1)
    resumed.restore(*stopped.state())
    for _ in resumed.run():
        pass
    np.testing.assert_array_equal(resumed.last, one.last)
    np.testing.assert_array_equal(resumed.network.parameters, one.network.parameters)


def test_what_comes_out_is_the_plain_network():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 10, 64).astype(np.uint8)
    X = np.zeros((64, 28, 28), np.uint8)
    for i, label in enumerate(y):
        X[i, 4 + 2 * label : 6 + 2 * label, 5:23] = rng.integers(150, 255)
    trainer = train((X, y), epochs=40, batch_size=16, validation=0, augment="none", batch_norm=True, dropout=0.1)
    assert len(trainer.last) == len(Network(modern()).parameters)
    assert (trainer.network.logits(X).argmax(axis=1) == y).mean() > 0.95


def test_dropout_drops_its_share_and_keeps_the_mean(data):
    """At the output layer's gradient: it has no row for a unit that was left out of every picture of a batch."""
    X, y = data[0][:1], data[1][:1]
    zeros = []
    for seed in range(20):
        network = Network(regularized_layers(modern(), dropout=0.25), seed=1)
        training = _kernels.Training(
            network.program((1, 32, 32)), network.parameters, *np.zeros((2, len(network.parameters)), np.float32),
            _kernels.SGD, batch_size=1, n_threads=1, seed=seed,
        )  # fmt: skip
        active = network.state_dict()["output.weight"].copy()
        training.prepare(network.pictures(X), y, np.zeros(1, np.int64), np.ones(1), 0)
        parallel(training.run, 1)
        zeros.append((network.state_dict()["output.weight"] == active).all(axis=0).mean())
    plain = Network(modern(), seed=1)
    f6 = np.maximum(plain_f6(plain, X), 0)
    idle = (f6 == 0).mean()
    assert np.mean(zeros) == pytest.approx(idle + (1 - idle) * 0.25, abs=0.06)


def plain_f6(network, X):
    """What F6 sums up."""
    layers = {name: layer for name, layer in network.layers.items() if not name.startswith(("f6_", "output"))}
    front = Network(layers, seed=None)
    front.load_state_dict({name: t for name, t in network.state_dict().items() if not name.startswith("output")})
    return front.logits(X)


def test_mixing_by_its_definition(data):
    """One step on mixed pictures is one step on pictures and targets that were mixed before, by the same shares."""
    X, y = data[0][:16], data[1][:16]
    alpha, seed, epoch, rate = 0.6, 5, 3, 0.1
    network = network_of()
    before = network.state_dict(network.parameters.copy())
    shares = np.array([share(alpha, seed, epoch, i) for i in range(16)])
    assert shares.std() > 0.1
    mixed = shares[:, None, None] * X + (1 - shares)[:, None, None] * np.roll(X, -1, axis=0)
    logits = network.logits((mixed / 255).astype(np.float32)).astype(np.float64)
    targets = shares[:, None] * np.eye(10)[y] + (1 - shares)[:, None] * np.eye(10)[np.roll(y, -1)]
    training = _kernels.Training(
        network.program((1, 32, 32)), network.parameters, *np.zeros((2, len(network.parameters)), np.float32),
        _kernels.SGD, batch_size=16, n_threads=1, seed=seed, mixup=alpha,
    )  # fmt: skip
    training.prepare(network.pictures(X), y, np.arange(16), np.array([rate]), 0, None, epoch)
    parallel(training.run, 1)
    expected = -(targets * np.log(reference.softmax(logits))).sum(axis=1).sum()
    assert training.result[0] == pytest.approx(expected, rel=1e-4)
    slope = (reference.softmax(logits) - targets).mean(axis=0)
    np.testing.assert_allclose(before["output.bias"] - network.state_dict()["output.bias"], rate * slope, atol=1e-6)


def share(alpha, seed, epoch, picture):
    """Joehnk's method on the picture's words, two of each block."""
    for block in range(16):
        w = reference.words(seed, epoch, picture, 0x40000000 + block, 4) / 2**32
        x, y = w[0] ** (1 / alpha), w[1] ** (1 / alpha)
        if 0 < x + y <= 1:
            return x / (x + y)
    return 1.0


def test_steps_against_the_network_by_their_definition(data):
    """One step on such pictures is one on pictures of which every second one was moved before."""
    X, y = data
    distance = 0.1
    network = network_of(fused=False)
    pictures = network.pictures(X)
    program = network.program(pictures.shape)
    slope = program.input_gradient(network.parameters, pictures, y)
    field = np.pad(X / np.float32(255), ((0, 0), (2, 2), (2, 2)))[:, None]
    moved = field.copy()
    moved[1::2] = np.clip(field[1::2] + distance * np.sign(slope[1::2]), 0, 1)
    logits = network.logits(moved)
    training = _kernels.Training(
        program, network.parameters, *np.zeros((2, len(network.parameters)), np.float32), _kernels.SGD,
        batch_size=N, n_threads=1, adversarial=distance,
    )  # fmt: skip
    training.prepare(pictures, y, np.arange(N), np.zeros(1), 0)
    parallel(training.run, 1)
    assert training.result[0] / N == pytest.approx(reference.cross_entropy(logits, y), rel=1e-4)
    assert training.result[0] / N > reference.cross_entropy(network.logits(X), y) * 1.01


def test_the_gradient_of_the_pictures(data):
    X, y = data[0][:3], data[1][:3]
    network = network_of(fused=False)
    field = np.pad(X / np.float32(255), ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float64)
    parameters = network.parameters.astype(np.float64)
    slope = network.program((1, 32, 32)).input_gradient(parameters, network.pictures(X), y)
    assert slope.shape == field.shape
    for index in [(0, 0, 10, 10), (1, 0, 16, 20), (2, 0, 5, 25)]:
        losses = []
        for step in (0.5, -0.5):
            shifted = field.copy()
            shifted[index] = 0.5 + step * 0.02
            losses.append(-np.log(reference.softmax(reference.modern(network.state_dict(), shifted, "tanh", "avg")))[
                index[0], y[index[0]]])  # fmt: skip
        shifted = field.copy()
        shifted[index] = 0.5
        at = network.program((1, 32, 32)).input_gradient(
            parameters, network.pictures(shifted.astype(np.float32)), y)[index]  # fmt: skip
        assert at == pytest.approx((losses[0] - losses[1]) / 0.02, rel=1e-3, abs=1e-7)


def test_a_fused_first_layer_passes_no_gradient_to_the_pictures(data):
    network = Network(modern())
    pictures = network.pictures(data[0])
    program = network.program(pictures.shape)
    with pytest.raises(ValueError, match="fused"):
        program.input_gradient(network.parameters, pictures, data[1])
    moments = np.zeros((2, len(network.parameters)), np.float32)
    with pytest.raises(ValueError, match="fused"):
        _kernels.Training(
            program, network.parameters, *moments, _kernels.SGD, batch_size=1, n_threads=1, adversarial=0.1
        )


# ---- averages and early stopping -----------------------------------------------------------------------------------


def test_the_average_by_its_definition(data, monkeypatch):
    """In stretches of one step, so that each is seen."""
    monkeypatch.setattr("lenet5.training.trainer.PICTURES_PER_RUN", 1)
    config = Config(epochs=3, batch_size=16, validation=0, average=0.6)
    trainer = Trainer(Network(modern()), *data, config, 1)
    average, n = np.zeros(len(trainer.last)), 0

    def look(progress):
        nonlocal average, n
        stays = min(0.6, n / (n + 1))
        average, n = stays * average + (1 - stays) * trainer.state()[0]["parameters"], n + 1

    for _ in trainer.run(progress=look):
        np.testing.assert_allclose(trainer.last, average, rtol=1e-5, atol=1e-6)
    assert n == 9


def test_training_ends_when_nothing_gets_better(data, monkeypatch):
    accuracies = iter([0.5, 0.6, 0.55, 0.6, 0.58, 0.7, 0.1])
    monkeypatch.setattr(Trainer, "_validate", lambda self: (1.0, next(accuracies)))
    trainer = train(data, epochs=30, patience=3)
    assert len(trainer.history) == 5
    assert trainer.best_epoch == 2
    assert trainer.done
    assert not list(trainer.run())


def test_patience_needs_something_to_compare():
    with pytest.raises(ValueError, match="patience needs validation"):
        Config(patience=3, validation=0)
