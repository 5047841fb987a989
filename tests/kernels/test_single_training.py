"""Training by one picture at a time, which has kernels of its own: the steps of plain NumPy on gradients in float64."""

import numpy as np
import pytest
from pictures import strewn
from test_training_kernel import ADAMW, OPTIMIZERS, SDLM, SGD, Run, reference_run

from lenet5 import LeNet5, _kernels
from lenet5._kernels import Loss
from lenet5.nn.layers import RBF, AvgPool2d, Conv2d, MaxPool2d, ReLU, ScaledTanh, Sigmoid, SubSample2d, Tanh
from lenet5.nn.network import Network
from lenet5.training.augment import chosen, for_epoch

N_STEPS = 12


def sparse(out_channels, in_channels):
    """A connection table in which each output sees some channels."""
    return tuple(tuple(c for c in range(in_channels) if (o + c) % 3) for o in range(out_channels))


def named(variant, **choices):
    return lambda: LeNet5(variant, seed=3, initializer="he", **choices).network


def made(**layers):
    return lambda: Network(layers, seed=3, background=-0.1, ink=1.175)


# By name: the network, and channels and side of its pictures.
NETWORKS = {
    "1998": (named("1998"), 1, 28),
    "1998, softmax, largest, dense": (named("1998", pool="max", c3="dense", head="softmax"), 1, 28),
    "lenet1": (named("lenet1"), 1, 28),
    "lenet4": (named("lenet4"), 1, 28),
    "modern, averages": (named("modern", pool="avg"), 1, 28),
    "modern, sigmoid": (named("modern", activation="sigmoid", pool="trainable"), 1, 28),
    "windows of 3": (made(c=Conv2d(3, 7, 3), a=Sigmoid(), p=SubSample2d(7, 14, 3), o=Conv2d(14, 10, 10)), 3, 32),
    "largest of 9": (made(c=Conv2d(1, 5, 4), a=Tanh(), p=MaxPool2d(3), o=Conv2d(5, 11, 9)), 1, 32),
    "kernels of 7 and 1": (
        made(c=Conv2d(2, 4, 7), a=ScaledTanh(), d=Conv2d(4, 6, 1), p=AvgPool2d(2), o=Conv2d(6, 17, 13)), 2, 32,
    ),
    "a table of kernels of 6": (
        made(c=Conv2d(1, 5, 3), a=Tanh(), d=Conv2d(5, 9, 6, table=sparse(9, 5)), b=ReLU(), o=Conv2d(9, 10, 25)), 1, 32,
    ),
    "one layer": (made(o=Conv2d(1, 10, 32)), 1, 32),
    "averages first": (made(p=AvgPool2d(2), o=Conv2d(1, 10, 16)), 1, 32),
    "the largest first": (made(p=MaxPool2d(2), o=Conv2d(1, 10, 16)), 1, 32),
    "sub-sampling first": (made(p=SubSample2d(1, 1), o=Conv2d(1, 10, 16)), 1, 32),
    "an activation first": (made(a=Tanh(), o=Conv2d(1, 10, 32)), 1, 32),
    "distances of maps": (
        made(c=Conv2d(1, 2, 5), a=Tanh(), r=RBF(((1, -1), (1, 1), (-1, 1))), o=Conv2d(3, 10, 28)), 1, 32,
    ),
}  # fmt: skip


def data_for(channels, side, n=N_STEPS):
    rng = np.random.default_rng(0)
    return *strewn(rng, n, channels, side, side), rng.permutation(n)


def check(network, data, kind=SGD, rates=None, **settings):
    rates = np.linspace(0.001, 0.003, N_STEPS) if rates is None else rates
    before = network.parameters.copy()
    expected, loss = reference_run(data, kind, settings, rates, 1, network)
    run = Run(data, kind, batch_size=1, n_threads=2, network=network, **settings)
    loss_sum, n_correct, steps_done, diverged = run.go(rates)
    moved = np.abs(expected - before).max()
    assert moved > 1e-3
    np.testing.assert_allclose(run.weights, expected, rtol=1e-4, atol=1e-3 * moved)
    assert loss_sum == pytest.approx(loss, rel=1e-4)
    assert 0 <= n_correct <= N_STEPS
    assert (steps_done, diverged) == (N_STEPS, False)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_against_numpy(name):
    build, *shape = NETWORKS[name]
    check(build(), data_for(*shape), momentum=0.5)


@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if "clipped" not in name])
def test_optimisers_against_numpy(optimizer):
    kind, settings = OPTIMIZERS[optimizer]
    check(LeNet5("lenet1", seed=3, initializer="he").network, data_for(1, 28), kind, **settings)


def pair_of_runs(build, data, **settings):
    """One picture at a time; and the same by lane groups, which a norm that is never reached asks for."""
    alone = Run(data, SGD, batch_size=1, network=build(), **settings)
    return alone, Run(data, SGD, batch_size=1, network=build(), clip_norm=1e30, **settings)


@pytest.mark.parametrize(
    "loss",
    [Loss(_kernels.RIGHT_SCORE), Loss(rubbish=-3.0), Loss(label_smoothing=0.1)],
    ids=["eq. 8", "eq. 9", "smoothed"],
)
def test_losses_and_distortions_are_those_of_lane_groups(loss):
    data = data_for(1, 28)
    augmentation = for_epoch(chosen("affine"), seed=1, epoch=2)
    alone, grouped = pair_of_runs(named("1998"), data, loss=loss, momentum=0.5)
    before = alone.weights.copy()
    results = [run.go(0.001, augmentation) for run in (alone, grouped)]
    moved = np.abs(alone.weights - before).max()
    assert moved > 1e-3
    np.testing.assert_allclose(alone.weights, grouped.weights, rtol=1e-4, atol=1e-3 * moved)
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_sdlm_gives_each_weight_a_rate_of_its_own():
    """The step of plain SGD, times the second moment of each weight; the first moment is left alone."""
    data, build = data_for(1, 28, 1), named("lenet4")
    plain, own = (Run(data, kind, batch_size=1, network=build(), momentum=0.0) for kind in (SGD, SDLM))
    before = plain.weights.copy()
    own.moments[1][:] = np.random.default_rng(5).uniform(0, 3, len(before))
    plain.go(0.01)
    own.go(0.01)
    np.testing.assert_allclose(own.weights - before, (plain.weights - before) * own.moments[1], rtol=1e-3, atol=2e-7)
    assert not own.moments[0].any()


def test_the_padding_of_the_parameters_stays_zero():
    network = LeNet5("1998", seed=3, initializer="he").network
    run = Run(data_for(1, 28), ADAMW, batch_size=1, network=network, weight_decay=0.1)
    run.go()
    padding = np.ones(len(run.weights), bool)
    for tensor in network.state_dict().values():
        at = (tensor.ctypes.data - run.weights.ctypes.data) // 4
        padding[at : at + tensor.size] = False
    assert padding.sum() == len(run.weights) - 60_000
    assert not run.weights[padding].any()


def test_a_loss_that_is_not_finite_stops_before_the_update():
    network = LeNet5("1998", seed=3, initializer="he").network
    network.parameters[7] = np.nan
    run = Run(data_for(1, 28), SGD, batch_size=1, network=network)
    before = run.weights.copy()
    assert run.go() == (0.0, 0, 0, True)
    np.testing.assert_array_equal(run.weights, before)
