"""The losses of quantities: their values by NumPy, their gradients by differences, and training on them."""

import numpy as np
import pytest
from gradcheck import check_gradient, with_biases
from pictures import strewn

from lenet5 import _kernels
from lenet5._kernels import ABSOLUTE, HUBER, SQUARED, Loss
from lenet5.nn.architectures import modern
from lenet5.nn.losses import cross_entropy
from lenet5.nn.network import Network
from lenet5.utils.threads import parallel

COSTS = {
    SQUARED: np.square,
    ABSOLUTE: np.abs,
    HUBER: lambda error: np.where(np.abs(error) <= 1, error**2 / 2, np.abs(error) - 0.5),
}


def network_of(outputs, seed=3):
    return with_biases(Network(modern(n_classes=outputs), seed=seed), seed)


def data_of(n, outputs):
    rng = np.random.default_rng(n + outputs)
    return strewn(rng, n, 28, 28)[0], rng.normal(0, 2, (n, outputs)).astype(np.float32)


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize(("n", "outputs"), [(1, 1), (19, 3)])
def test_the_loss_is_the_mean_of_what_errors_cost(kind, n, outputs):
    network, (X, y) = network_of(outputs), data_of(n, outputs)
    pictures = network.pictures(X)
    loss = network.program(pictures.shape).loss_and_gradients(
        network.parameters, pictures, y, np.zeros_like(network.parameters), Loss(kind)
    )
    assert loss == pytest.approx(COSTS[kind](network.logits(X).astype(np.float64) - y).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", COSTS)
def test_gradients_are_those_of_differences(kind):
    network, (X, y) = network_of(3), data_of(5, 3)
    pictures, values = network.pictures(X), y.astype(np.float64)
    program = network.program(pictures.shape)
    parameters = network.parameters.astype(np.float64)
    gradients, unused = np.zeros_like(parameters), np.zeros_like(parameters)
    program.loss_and_gradients(parameters, pictures, values, gradients, Loss(kind))

    def loss():
        return program.loss_and_gradients(parameters, pictures, values, unused, Loss(kind))

    check_gradient(loss, parameters, gradients, name="parameters", n=300)


def trained(kind, *, batch_size, n_threads, outputs=2, n=75, weights=None):
    network, (X, y) = network_of(outputs), data_of(n, outputs)
    pictures = network.pictures(X)
    moments = [np.zeros_like(network.parameters) for _ in range(2)]
    training = _kernels.Training(network.program(pictures.shape), network.parameters, *moments, _kernels.SGD,
                                 batch_size=batch_size, n_threads=n_threads, loss=Loss(kind))  # fmt: skip
    rates = np.full(-(-n // batch_size), 0.002)
    training.prepare(pictures, y, np.arange(n), rates, 0, weights=weights)
    parallel(training.run, n_threads)
    return network.parameters, training.result


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("batch_size", [1, 37])
def test_the_weights_are_the_same_bits_for_any_number_of_threads(kind, batch_size):
    (one, result), (several, others) = (trained(kind, batch_size=batch_size, n_threads=k) for k in (1, 3))
    assert one.tobytes() == several.tobytes()
    assert result == others
    assert np.isfinite(result[0])
    assert result[1:] == (0, -(-75 // batch_size), False)


def test_a_step_follows_the_gradient_and_a_weight_of_0_leaves_an_image_out():
    """One update on three images, of which the last does not count, against that on the first two by hand."""
    X, y = data_of(3, 2)
    network = network_of(2)
    gradients = np.zeros_like(network.parameters)
    pictures = network.pictures(X[:2])
    network.program(pictures.shape).loss_and_gradients(network.parameters, pictures, y[:2], gradients, Loss(HUBER))
    expected = network.parameters - np.float32(0.002) * gradients
    weights = np.array([1.5, 1.5, 0], np.float32)
    found, _ = trained(HUBER, batch_size=3, n_threads=1, n=3, weights=weights)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_targets_of_another_shape_or_type_are_refused():
    network, (X, y) = network_of(2), data_of(4, 2)
    pictures = network.pictures(X)
    program, nothing = network.program(pictures.shape), np.zeros_like(network.parameters)
    for targets, fault in ((y[:, :1], r"shape \(4, 1\), expected \(4, 2\)"), (y[:3], "3 labels for 4 images"),
                           (y[:, 0], "expected"), (np.zeros((4, 2), np.uint8), "mismatch")):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=fault):
            program.loss_and_gradients(network.parameters, pictures, targets.copy(), nothing, Loss(HUBER))


def both_of(network, X, y, n_values, **how):
    """A loss of classes and of the last outputs, with its images and targets."""
    labels = np.arange(len(X), dtype=np.uint8) % (network.n_classes - n_values)
    return network.pictures(X), labels, Loss(_kernels.CROSS_ENTROPY, n_values=n_values, **how)


@pytest.mark.parametrize("kind", COSTS)
def test_a_loss_of_both_is_the_sum_and_has_its_gradient(kind):
    network, (X, y) = network_of(7), data_of(5, 2)
    shifts = np.array([-3.0, 0.5, 2.0, 0.0, -1.0])
    pictures, labels, loss = both_of(network, X, y, 2, value_kind=kind, value_weight=0.7, shifts=shifts)
    program, parameters = network.program(pictures.shape), network.parameters.astype(np.float64)
    gradients, unused, targets = np.zeros_like(parameters), np.zeros_like(parameters), (labels, y.astype(np.float64))
    mean = program.loss_and_gradients(parameters, pictures, targets, gradients, loss)
    outputs = network.logits(X).astype(np.float64)
    expected = cross_entropy(outputs[:, :5] + shifts, labels).mean() + 0.7 * COSTS[kind](outputs[:, 5:] - y).mean()
    assert mean == pytest.approx(expected, rel=1e-5)

    def again():
        return program.loss_and_gradients(parameters, pictures, targets, unused, loss)

    check_gradient(again, parameters, gradients, name="parameters", n=300)


@pytest.mark.parametrize("batch_size", [1, 37])
def test_training_on_both_has_the_same_bits_for_any_number_of_threads(batch_size):
    found = []
    for n_threads in (1, 3):
        network, (X, y) = network_of(6), data_of(75, 2)
        pictures, labels, loss = both_of(network, X, y, 2, value_kind=HUBER)
        moments = [np.zeros_like(network.parameters) for _ in range(2)]
        training = _kernels.Training(network.program(pictures.shape), network.parameters, *moments, _kernels.SGD,
                                     batch_size=batch_size, n_threads=n_threads, loss=loss)  # fmt: skip
        training.prepare(pictures, (labels, y), np.arange(75), np.full(-(-75 // batch_size), 0.002), 0)
        parallel(training.run, n_threads)
        found.append((network.parameters.tobytes(), training.result))
    assert found[0] == found[1]
    assert 0 < found[0][1][1] < 75  # the scores of the classes alone decide what is right


def test_losses_of_both_that_cannot_be():
    network, (X, y) = network_of(4), data_of(4, 2)
    pictures, labels, loss = both_of(network, X, y, 2)
    program, nothing = network.program(pictures.shape), np.zeros_like(network.parameters)
    for targets, fault in (((labels, y[:, :1]), "expected"), ((labels[:3], y), "3 labels for 4"),
                           ((labels, y[:3]), "3 labels"), ((labels + 1, y), "below 2")):  # fmt: skip
        with pytest.raises(ValueError, match=fault):
            program.loss_and_gradients(network.parameters, pictures, targets, nothing, loss)
    for how, fault in (({"n_values": 4}, "some for classes"), ({"shifts": np.zeros(3)}, "3 shifts for 4 classes")):
        with pytest.raises(ValueError, match=fault):
            program.loss_and_gradients(network.parameters, pictures, (labels, y), nothing, Loss(**how))
    for how in ({"n_values": -1}, {"value_weight": np.nan}, {"value_kind": 0}, {"n_values": 1, "kind": HUBER},
                {"n_values": 1, "teacher_weight": 0.5}, {"shifts": np.array([np.nan, 0])}):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected|not finite"):
            Loss(**how)
