"""The kernels of the 1998 network against the reference, both types; on every instruction set in test_isa.py."""

import numpy as np
import pytest
import reference
from gradcheck import check_gradient
from hypothesis import given
from hypothesis import strategies as st
from test_kernels import DTYPES, SETTINGS, activate, activate_back, assert_sum, normal

from lenet5 import _kernels
from lenet5._kernels import SCALED_TANH, SIGMOID, from_lanes, to_lanes
from lenet5.nn.architectures import C3_TABLE, LENET1_TABLE, LENET4_C5_TABLE
from lenet5.nn.layers import Conv2d

SQUASH = {SCALED_TANH: reference.scaled_tanh, SIGMOID: reference.sigmoid}
# N, height, width, kernel size, input channels, table
TABLES = [
    (3, 14, 14, 5, 6, C3_TABLE),
    (17, 12, 12, 5, 4, LENET1_TABLE),
    (2, 5, 5, 5, 16, LENET4_C5_TABLE),
    (1, 9, 23, 3, 2, ((1,), (0,), (0, 1))),
    (2, 1, 1, 1, 3, ((0, 2), (1,))),
]


@st.composite
def tables(draw):
    """Any connection table with its pictures: as those of TABLES."""
    channels, k = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    row = st.sets(st.integers(0, channels - 1), min_size=1).map(lambda c: tuple(sorted(c)))
    table = tuple(draw(st.lists(row, min_size=1, max_size=9)))
    return draw(st.integers(1, 3)), draw(st.integers(k, 20)), draw(st.integers(k, 24)), k, channels, table


def table_arrays(case, dtype):
    n, height, width, k, channels, table = case
    n_pairs = sum(map(len, table))
    kernels = Conv2d(channels, len(table), k, table).constants()
    return (
        normal(1, dtype, n, channels, height, width), normal(2, dtype, n_pairs, k, k), normal(3, dtype, len(table)),
        normal(4, dtype, n, len(table), height - k + 1, width - k + 1), kernels,
    )  # fmt: skip


def table_backward(dY, X, W, kernels):
    dX, dW, db = _kernels.table_conv2d_backward(to_lanes(dY), to_lanes(X), W, kernels)
    return from_lanes(dX, len(X)), dW, db


def check_table(case, dtype):
    X, W, b, dY, kernels = table_arrays(case, dtype)
    table, dense = case[-1], reference.spread(W, case[-1], case[-2])
    actual = from_lanes(_kernels.table_conv2d_forward(to_lanes(X), W, b, kernels), len(X))
    magnitude = reference.conv2d(abs(X), abs(dense), abs(b))
    assert_sum(actual, reference.conv2d(X, dense, b), magnitude, dense[0].size + 1, dtype)
    expected, magnitudes = (
        reference.conv2d_gradients(*arrays) for arrays in ((dY, X, dense), (abs(dY), abs(X), abs(dense)))
    )
    terms = (dense[:, 0].size, dY[:, 0].size, dY[:, 0].size)
    for actual, value, magnitude, n, part in zip(
        table_backward(dY, X, W, kernels), expected, magnitudes, terms, "XWb", strict=True
    ):
        if part == "W":
            value, magnitude = (reference.gathered(a, table) for a in (value, magnitude))
        assert_sum(actual, value, magnitude, n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", TABLES)
def test_table(case, dtype):
    check_table(case, dtype)


@SETTINGS
@given(tables(), st.sampled_from(DTYPES))
def test_any_table(case, dtype):
    check_table(case, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_full_table_gives_the_bits_of_a_dense_convolution(dtype):
    X, W, b = normal(1, dtype, 3, 4, 9, 12), normal(2, dtype, 5, 4, 3, 3), normal(3, dtype, 5)
    kernels = np.arange(20, dtype=np.int32).reshape(5, 4)
    actual = _kernels.table_conv2d_forward(to_lanes(X), W.reshape(20, 3, 3), b, kernels)
    np.testing.assert_array_equal(actual, _kernels.conv2d_forward(to_lanes(X), W, b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "k", "n_each"), [((17, 6, 28, 28), 2, 1), ((2, 4, 9, 7), 2, 2), ((1, 2, 7, 8), 3, 3)]
)
def test_subsample(shape, k, n_each, dtype):
    X, w, b = normal(1, dtype, *shape), normal(2, dtype, n_each * shape[1]), normal(3, dtype, n_each * shape[1])
    Y = from_lanes(_kernels.subsample_forward(to_lanes(X), k, w, b), len(X))
    assert_sum(Y, reference.subsample2d(X, k, w, b), reference.subsample2d(abs(X), k, abs(w), abs(b)), k * k + 2, dtype)
    dY = normal(4, dtype, *Y.shape)
    dX, dw, db = _kernels.subsample_backward(to_lanes(dY), to_lanes(X), k, w)
    shares = (dY * w[:, None, None]).reshape(len(X), shape[1], n_each, *Y.shape[2:]).astype(np.float64)
    expected, magnitude = (reference.pool2d_gradient(a.sum(axis=2), X, k, False) for a in (shares, abs(shares)))
    assert_sum(from_lanes(dX, len(X)), expected, magnitude, n_each + 2, dtype)
    means, magnitude = (np.repeat(reference.avg_pool2d(a, k), n_each, axis=1) for a in (X, abs(X)))
    n = dY[:, 0].size
    assert_sum(dw, (dY * means).sum(axis=(0, 2, 3)), (abs(dY) * magnitude).sum(axis=(0, 2, 3)), n + k * k, dtype)
    assert_sum(db, dY.sum(axis=(0, 2, 3), dtype=np.float64), abs(dY).sum(axis=(0, 2, 3)), n, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "features", "classes", "side"), [(17, 84, 10, 1), (2, 10, 10, 3), (1, 1, 1, 1)])
def test_rbf(n, features, classes, side, dtype):
    X = normal(1, dtype, n, features, side, side)
    centres = np.sign(normal(2, np.float64, classes, features)).astype(np.int32)
    Y = from_lanes(_kernels.rbf_forward(to_lanes(X), centres), n)
    expected = reference.rbf(X, centres)
    assert_sum(Y, expected, abs(expected), features + 2, dtype)
    dY = normal(3, dtype, *Y.shape)
    dX = from_lanes(_kernels.rbf_backward(to_lanes(dY), to_lanes(X), centres), n)
    parts = -2 * dY[:, :, None] * (X[:, None] - centres[None, :, :, None, None]).astype(np.float64)
    assert_sum(dX, parts.sum(axis=1), abs(parts).sum(axis=1), classes + 3, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", SQUASH)
def test_squash(kind, dtype):
    X, dY = 3 * normal(1, dtype, 17, 3, 5, 7), normal(2, dtype, 17, 3, 5, 7)
    X[0, 0, 0, :5] = 0, 100, -100, 1e-30, np.nan
    with np.errstate(over="ignore"):
        expected = SQUASH[kind](X)
    Y, eps = activate(X, kind), np.finfo(dtype).eps
    np.testing.assert_allclose(Y, expected, rtol=4 * eps, atol=2 * eps)
    slope = expected * (1 - expected) if kind == SIGMOID else 1.7159 * 2 / 3 * (1 - (expected / 1.7159) ** 2)
    np.testing.assert_allclose(activate_back(dY, Y, kind), dY * slope, rtol=0, atol=30 * eps)


def test_the_squash_of_the_paper_meets_the_diagonal_at_one():
    X = np.array([1, -1, 0], np.float64).reshape(1, 1, 1, 3)
    np.testing.assert_allclose(activate(X, SCALED_TANH)[0, 0, 0], [1, -1, 0], atol=1e-4)


# ---- gradients by differences, float64 ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", TABLES[1:4])
def test_table_gradients_by_differences(case):
    X, W, b, dY, kernels = table_arrays((2, *case[1:]), np.float64)
    dX, dW, db = table_backward(dY, X, W, kernels)

    def loss():
        return float((from_lanes(_kernels.table_conv2d_forward(to_lanes(X), W, b, kernels), len(X)) * dY).sum())

    for x, gradient, name in ((X, dX, "X"), (W, dW, "W"), (b, db, "b")):
        check_gradient(loss, x, gradient, name=name, n=30)


def test_subsample_and_rbf_gradients_by_differences():
    X, w, b = normal(1, np.float64, 3, 2, 6, 4), normal(2, np.float64, 4), normal(3, np.float64, 4)
    centres, dY = np.array([[1, -1, 1, 1], [-1, -1, 1, -1]], np.int32), normal(4, np.float64, 3, 2, 3, 2)

    def features():
        return _kernels.subsample_forward(to_lanes(X), 2, w, b)

    def loss():
        return float((from_lanes(_kernels.rbf_forward(features(), centres), 3) * dY).sum())

    dF = _kernels.rbf_backward(to_lanes(dY), features(), centres)
    dX, dw, db = _kernels.subsample_backward(dF, to_lanes(X), 2, w)
    for x, gradient, name in ((X, from_lanes(dX, 3), "X"), (w, dw, "w"), (b, db, "b")):
        check_gradient(loss, x, gradient, name=name)


# ---- what is refused ---------------------------------------------------------------------------------------------

X6 = np.zeros((1, 2, 6, 6, 16), np.float32)
W2 = np.zeros((2, 3, 3), np.float32)
B2 = np.zeros(2, np.float32)
PAIRS = np.array([[0, -1], [-1, 1]], np.int32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: _kernels.table_conv2d_forward(X6, W2, B2[:1], PAIRS), r"b has shape \(1,\), expected \(2,\)"),
        (lambda: _kernels.table_conv2d_forward(X6, W2[:1], B2, PAIRS), r"a table of 2 pairs"),
        (lambda: _kernels.table_conv2d_forward(X6, W2, B2, PAIRS[:, :1].copy()), r"expected 1 or -1|pairs"),
        (lambda: _kernels.table_conv2d_forward(X6, W2, B2, PAIRS * 2), r"expected 1 or -1|expected 0 or -1"),
        (lambda: _kernels.table_conv2d_forward(X6[:, :, :2].copy(), W2, B2, PAIRS), r"expected \(pairs, K, K\)"),
        (lambda: _kernels.subsample_forward(X6, 2, np.zeros(3, np.float32), B2), r"expected a multiple of the 2"),
        (lambda: _kernels.subsample_forward(X6, 2, B2, B2[:1]), r"b has shape \(1,\)"),
        (lambda: _kernels.subsample_forward(X6, 7, B2, B2), r"kernel_size is 7"),
        (lambda: _kernels.rbf_forward(X6, np.zeros((3, 5), np.int32)), r"expected \(O, 2\)"),
        (lambda: _kernels.rbf_backward(X6, X6, np.zeros((3, 2), np.int32)), r"dY has shape"),
        (lambda: _kernels.activation_forward(X6, _kernels.CONV2D), r"kind is 0, expected one of"),
        (
            lambda: _kernels.Program([(_kernels.RBF, 2, 1, 1, 3, 1, 1, 1, 0, 0, 0, 32, 0.0, None)], 0, 96),
            r"needs constants",
        ),
        (
            lambda: _kernels.Program([(_kernels.RBF, 2, 1, 1, 3, 1, 1, 1, 0, 0, 0, 32, 0.0, PAIRS)], 0, 96),
            r"constants of shape \(2, 2\), expected \(3, 2\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
