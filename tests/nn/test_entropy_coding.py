"""Tensors as few bytes, and back without loss; whatever the bytes are, there is a tensor or a ValueError."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet5.nn.entropy_coding import LONGEST_RUN, decode, encode

VALUES = np.array([0, 0, 0, -0.5, 0.25, 1.5], np.float32)


def sparse(*shape, seed=0, density=0.1):
    rng = np.random.default_rng(seed)
    return (rng.choice(VALUES[3:], shape) * (rng.random(shape) < density)).astype(np.float32)


def shapes(tensors):
    return {name: tensor.shape for name, tensor in tensors.items()}


def assert_kept(tensors):
    found = decode(encode(tensors), shapes(tensors))
    assert list(found) == list(tensors)
    for name, tensor in tensors.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], tensor)


@given(st.lists(st.lists(st.sampled_from(VALUES.tolist()), min_size=1, max_size=40), min_size=1, max_size=4))
def test_nothing_is_lost(lists):
    assert_kept({str(k): np.array(values, np.float32) for k, values in enumerate(lists)})


@pytest.mark.parametrize("n", [LONGEST_RUN - 1, LONGEST_RUN, LONGEST_RUN + 1, 3 * LONGEST_RUN])
def test_long_runs_of_zeros(n):
    assert_kept({"a": np.array([0] * n + [0.5] + [0] * n, np.float32), "b": np.array([1, 0], np.float32)})


def test_all_zeros():
    assert_kept({"a": np.zeros((3, 5), np.float32), "b": np.zeros(2, np.float32)})


def test_it_takes_little_more_than_the_entropy():
    tensor = sparse(60_000)
    p = np.array([0.9, *[0.1 / 3] * 3])
    entropy = -(p * np.log2(p)).sum() * tensor.size / 8
    assert len(encode({"a": tensor})) < 1.03 * entropy


def test_too_many_values_or_too_fine_ones_are_refused():
    with pytest.raises(ValueError, match="a has 300 values, expected at most 255"):
        encode({"a": np.arange(1, 301, dtype=np.float32)})
    with pytest.raises(ValueError, match="that float16 holds"):
        encode({"a": np.array([0.1], np.float32)})
    with pytest.raises(ValueError, match="that float16 holds"):
        encode({"a": np.array([np.nan], np.float32)})


def test_damaged_data_are_refused_or_give_tensors():
    tensors = {"a": sparse(40, 30), "b": sparse(16)}
    data, rng = bytearray(encode(tensors)), np.random.default_rng(1)
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            found = decode(bytes(damaged), shapes(tensors))
        except ValueError:
            continue
        assert shapes(found) == shapes(tensors)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="its"):
            decode(bytes(data[:end]), shapes(tensors))
    with pytest.raises(ValueError, match="its codes are damaged"):
        decode(bytes(data) + b"x", shapes(tensors))


def test_other_shapes_are_refused():
    data = encode({"a": sparse(40, 30)})
    for shape in ((40, 3), (4,), (1000,)):
        with pytest.raises(ValueError, match="more than the network has weights"):
            decode(data, {"a": shape})


def test_networks_that_would_take_long_are_refused():
    with pytest.raises(ValueError, match=r"2,000,000 weights, expected at most 1,048,576"):
        encode({"a": np.zeros(2_000_000, np.float32)})
    with pytest.raises(ValueError, match="weights"):
        decode(encode({"a": np.zeros(2, np.float32)}), {"a": (2000, 2000)})


def test_values_that_are_in_no_codebook():
    data = bytearray(encode({"a": np.zeros(5, np.float32)}))
    data[1] = 1
    with pytest.raises(ValueError, match="no values"):
        decode(bytes(data), {"a": (5,)})


def test_many_symbols_take_several_blocks():
    assert_kept({"a": sparse(30_000, density=0.9), "b": sparse(30_000, seed=1, density=0.01)})
