"""What compression asks of the weights: as few as asked for, and as few values."""

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.compress.constraints import Compression, k_means, largest, nearest


def n_left(tensors):
    return sum(int((t != 0).sum()) for name, t in tensors.items() if name.endswith(".weight"))


def test_more_and_more_weights_are_pruned():
    model, left = LeNet5(seed=0), []
    constraint = Compression(5000, 0, 1000)
    for step in range(0, 1000, 50):
        constraint.project(model.network, model.parameters, step)
        left.append(n_left(model.state_dict()))
    assert left[0] == 61_470
    assert left == sorted(left, reverse=True)
    assert left[10:] == [5000] * 10


def test_pruned_weights_stay_pruned():
    model = LeNet5(seed=0)
    constraint = Compression(5000, 0, 100)
    for step in (0, 60):
        constraint.project(model.network, model.parameters, step)
    are_zero = model.parameters == 0
    model.parameters[:] += 1
    constraint.project(model.network, model.parameters, 99)
    biases = np.concatenate([t for name, t in model.state_dict().items() if name.endswith(".bias")])
    assert (biases == 1).all()
    assert (model.parameters == 0).sum() >= are_zero.sum() - 400  # padding and biases, which are not pruned


def test_values_are_shared_at_the_end_only():
    model = LeNet5(seed=0)
    constraint = Compression(5000, 4, 100)
    for step in (0, 40):
        constraint.project(model.network, model.parameters, step)
        before = model.parameters.copy()
        constraint.round(model.network, model.parameters, step)
        np.testing.assert_array_equal(model.parameters, before)
    constraint.project(model.network, model.parameters, 99)
    constraint.round(model.network, model.parameters, 99)
    for name, tensor in model.state_dict().items():
        values = np.unique(tensor[tensor != 0])
        assert len(values) <= 4, name
        np.testing.assert_array_equal(values.astype(np.float16), values)
    assert n_left(model.state_dict()) <= 5000


def test_near_the_end_a_weight_keeps_the_number_of_its_value():
    """What moves then is the value, with the mean of the weights that share it."""
    model, rng = LeNet5(seed=0), np.random.default_rng(0)
    constraint = Compression(60_000, 4, 100)
    constraint.settle(model.network, model.parameters, 70)
    weight = model.state_dict()["f6.weight"]
    before = weight.copy()
    moved = weight + rng.normal(0, np.abs(weight).max(), weight.shape).astype(np.float32)
    weight[...] = np.where(before != 0, moved, 0)
    constraint.settle(model.network, model.parameters, 80)
    for value in np.unique(before[before != 0]):
        shared = np.unique(weight[before == value])
        assert len(shared) == 1
        np.testing.assert_allclose(shared, moved[before == value].mean(), rtol=1e-3, atol=1e-4)


def test_short_trainings_are_pruned_too():
    model = LeNet5(seed=0)
    constraint = Compression(100, 2, 3)
    for step in range(3):
        constraint.project(model.network, model.parameters, step)
        constraint.round(model.network, model.parameters, step)
    assert n_left(model.state_dict()) == 100


def test_no_layer_is_emptied():
    weights = {"a": np.full(10, 1e-6, np.float32), "b": np.arange(1, 1001, dtype=np.float32)}
    masks = largest(weights, 20)
    assert sum(int(mask.sum()) for mask in masks.values()) >= 20
    assert masks["a"].any()
    assert masks["b"][-1] == 1


def test_largest_of_equals_are_all_kept():
    assert largest({"a": np.ones(5, np.float32)}, 5)["a"].all()


def test_k_means_finds_clusters():
    rng = np.random.default_rng(0)
    values = np.concatenate([c + rng.normal(size=100) * 0.01 for c in (-1, 0.5, 2)]).astype(np.float32)
    codebook = k_means(values, np.linspace(-1, 2, 3), 10)
    np.testing.assert_allclose(codebook, [-1, 0.5, 2], atol=0.01)
    assert codebook[nearest(np.array([-3, 0.4, 9]), codebook)] == pytest.approx([-1, 0.5, 2], abs=0.01)


def test_a_cluster_without_values_stays():
    np.testing.assert_allclose(k_means(np.ones(3, np.float32), np.array([0.0, 1.0]), 5), [0, 1])
