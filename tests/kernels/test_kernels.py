"""Every layer kernel against the NumPy reference, both element types; test_isa.py runs it on every instruction set."""

import os

import numpy as np
import pytest
import reference
from gradcheck import check_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5 import _kernels
from lenet5._kernels import RELU, TANH, from_lanes, to_lanes

DTYPES = [np.float32, np.float64]
CHILD = "LENET5_TEST_ONE_ISA"  # set in the processes that test_isa.py starts
SETTINGS = settings(deadline=None, max_examples=25 if CHILD in os.environ else 80)

# (N, C, H, W, O, K): LeNet-5's own layers, which have code of their own; the same with one size changed; edges.
C3 = (3, 6, 14, 14, 16, 5)
HOT = [
    (3, 1, 32, 32, 6, 5),
    C3,
    (17, 16, 5, 5, 120, 5),
    (17, 120, 1, 1, 84, 1),
    (33, 84, 1, 1, 10, 1),
]
SHAPES = [
    *HOT,
    (2, 1, 32, 33, 6, 5),
    (2, 1, 32, 32, 7, 5),
    (2, 1, 32, 32, 6, 3),
    (2, 6, 14, 14, 16, 3),
    (2, 6, 14, 13, 16, 5),
    # C3 with more maps, or fewer, which is filtered minimally too, and what just is not
    (17, 4, 14, 14, 8, 5),
    (2, 4, 14, 14, 16, 5),
    (17, 12, 14, 14, 32, 5),
    (2, 8, 14, 14, 16, 5),
    (2, 32, 14, 14, 64, 5),
    (2, 7, 14, 14, 16, 5),
    (2, 6, 14, 14, 24, 5),
    (1, 34, 14, 14, 16, 5),
    (2, 16, 6, 5, 120, 5),
    (16, 3, 7, 7, 25, 7),
    (1, 1, 1, 1, 1, 1),
    (15, 9, 2, 40, 5, 2),
    # blocks of registers and what is left of them, in each direction; kernels of one pixel; few pixels; long rows
    (2, 5, 9, 9, 13, 1),
    (17, 6, 5, 8, 33, 1),
    (2, 2, 3, 3, 2, 1),
    (2, 7, 12, 9, 20, 4),
    (2, 3, 11, 12, 17, 9),
    (18, 4, 4, 5, 33, 3),
    (1, 2, 7, 71, 3, 5),
    (1, 1, 60, 6, 12, 6),
]

shapes = st.tuples(
    st.integers(1, 18), st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.integers(1, 8)
).filter(lambda s: min(s[2], s[3]) >= s[5] and s[0] * s[1] * s[2] * s[3] <= 30_000)


def normal(seed, dtype, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def conv_arrays(shape, dtype):
    n, c, h, w, o, k = shape
    return (
        normal(1, dtype, n, c, h, w),
        normal(2, dtype, o, c, k, k),
        normal(3, dtype, o),
        normal(4, dtype, n, o, h - k + 1, w - k + 1),
    )


def forward(X, W, b):
    return from_lanes(_kernels.conv2d_forward(to_lanes(X), W, b), len(X))


def backward(dY, X, W):
    dX, dW, db = _kernels.conv2d_backward(to_lanes(dY), to_lanes(X), W)
    return from_lanes(dX, len(X)), dW, db


def pool(X, k, use_max):
    return from_lanes(_kernels.pool2d_forward(to_lanes(X), k, use_max), len(X))


def pool_back(dY, X, k, use_max):
    Y = _kernels.pool2d_forward(to_lanes(X), k, use_max)
    return from_lanes(_kernels.pool2d_backward(to_lanes(dY), to_lanes(X), Y, k, use_max), len(X))


def activate(X, kind):
    return from_lanes(_kernels.activation_forward(to_lanes(X), kind), len(X))


def activate_back(dY, Y, kind):
    return from_lanes(_kernels.activation_backward(to_lanes(dY), to_lanes(Y), kind), len(Y))


def assert_sum(actual, expected, magnitude, n_terms, dtype):
    """``actual`` is ``expected`` up to the worst rounding of a sum of n_terms products of this total magnitude."""
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    bound = 2 * (n_terms + 2) * np.finfo(dtype).eps * magnitude + np.finfo(dtype).tiny
    wrong = np.argwhere(~(np.abs(actual - expected) <= bound))
    assert not len(wrong), f"{len(wrong)} differ, first at {tuple(wrong[0])}: {actual[tuple(wrong[0])]}"


def check_forward(shape, dtype):
    X, W, b, _ = conv_arrays(shape, dtype)
    magnitude = reference.conv2d(abs(X), abs(W), abs(b))
    assert_sum(forward(X, W, b), reference.conv2d(X, W, b), magnitude, W[0].size + 1, dtype)


def check_backward(shape, dtype):
    X, W, _, dY = conv_arrays(shape, dtype)
    terms = (W[:, 0].size, dY[:, 0].size, dY[:, 0].size)
    results, expected = backward(dY, X, W), reference.conv2d_gradients(dY, X, W)
    magnitudes = reference.conv2d_gradients(abs(dY), abs(X), abs(W))
    for values in zip(results, expected, magnitudes, terms, strict=True):
        assert_sum(*values, dtype)


def check_pool(shape, k, use_max, dtype):
    X = normal(1, dtype, *shape)
    dY = normal(2, dtype, *shape[:2], shape[2] // k, shape[3] // k)
    if use_max:
        np.testing.assert_array_equal(pool(X, k, True), reference.max_pool2d(X, k))
    else:
        assert_sum(pool(X, k, False), reference.avg_pool2d(X, k), reference.avg_pool2d(abs(X), k), k * k, dtype)
    expected = reference.pool2d_gradient(dY, X, k, use_max)
    assert_sum(pool_back(dY, X, k, use_max), expected, abs(expected), 2, dtype)


def check_conv_pool(shape, dtype):
    """The first layer in one step is a convolution, max-pooling and a ReLU, and its gradients are theirs."""
    n, c, h, w, o, _ = shape
    X, W, b, _ = conv_arrays((n, c, h, w, o, 5), dtype)
    Y = _kernels.conv_pool_forward(to_lanes(X), W, b)
    values, routes = from_lanes(Y[:, 0].copy(), n), from_lanes(Y[:, 1].copy(), n).view(f"i{Y.itemsize}")
    windows = reference.pool_windows(reference.conv2d(X, W, b), 2)
    magnitudes = reference.max_pool2d(reference.conv2d(abs(X), abs(W), abs(b)), 2)
    assert_sum(values, np.maximum(windows.max(axis=-1), 0), magnitudes, 25 * c + 1, dtype)
    np.testing.assert_array_equal(values > 0, routes < 4)
    assert ((routes >= 0) & (routes < 8)).all()
    # Where two pixels are equal but for rounding either may have given the value: the gradient goes where it says.
    source = np.eye(4)[routes % 4] * (routes < 4)[..., None]
    assert (values - (windows * source).sum(axis=-1) <= 100 * np.finfo(dtype).eps * magnitudes).all()
    dY = normal(4, dtype, *values.shape)
    height, width = values.shape[2:]
    dC = np.zeros((n, o, h - 4, w - 4))
    spread = (dY[..., None] * source).reshape(n, o, height, width, 2, 2).swapaxes(3, 4)
    dC[:, :, : 2 * height, : 2 * width] = spread.reshape(n, o, 2 * height, 2 * width)
    results = _kernels.conv_pool_backward(to_lanes(dY), to_lanes(X), Y, W)
    expected = reference.conv2d_gradients(dC, X, W)[1:]
    magnitudes = reference.conv2d_gradients(abs(dC), abs(X), abs(W))[1:]
    for values in zip(results, expected, magnitudes, strict=True):
        assert_sum(*values, dC[:, 0].size, dtype)


# ---- against the reference -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_conv2d_forward(shape, dtype):
    check_forward(shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_conv2d_backward(shape, dtype):
    check_backward(shape, dtype)


@SETTINGS
@given(shapes, st.sampled_from(DTYPES))
def test_conv2d_forward_of_any_shape(shape, dtype):
    check_forward(shape, dtype)


@SETTINGS
@given(shapes, st.sampled_from(DTYPES))
def test_conv2d_backward_of_any_shape(shape, dtype):
    check_backward(shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [(17, 1, 32, 32, 6, 5), (3, 1, 33, 31, 6, 5), (2, 1, 6, 6, 1, 5), (1, 1, 7, 40, 5, 5), (17, 3, 32, 32, 6, 5),
     (2, 3, 36, 36, 6, 5), (3, 2, 32, 32, 6, 5), (2, 3, 68, 68, 6, 5), (16, 3, 32, 32, 4, 5),
     (17, 1, 32, 32, 4, 5), (3, 1, 32, 32, 5, 5)],
)  # fmt: skip
def test_conv_pool(shape, dtype):
    check_conv_pool(shape, dtype)


def test_conv_pool_of_equal_pixels_takes_the_first():
    X, W, b = np.zeros((1, 1, 7, 8), np.float32), np.zeros((2, 1, 5, 5), np.float32), np.float32([1, -1])
    Y = from_lanes(_kernels.conv_pool_forward(to_lanes(X), W, b)[:, 1].copy(), 1).view(np.int32)
    np.testing.assert_array_equal(Y[0, 0], 0)
    assert (Y[0, 1] >= 4).all()


@SETTINGS
@given(shapes.filter(lambda s: min(s[2], s[3]) >= 6), st.sampled_from(DTYPES))
def test_conv_pool_of_any_shape(shape, dtype):
    check_conv_pool(shape, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("use_max", [False, True])
@pytest.mark.parametrize("shape", [(17, 6, 28, 28), (2, 16, 10, 10), (1, 1, 5, 7)])
def test_pool2d(shape, use_max, dtype):
    check_pool(shape, 2, use_max, dtype)


@SETTINGS
@given(shapes, st.booleans(), st.sampled_from(DTYPES))
def test_pool2d_of_any_shape(shape, use_max, dtype):
    n, c, h, w, _, k = shape
    check_pool((min(n, 3), c, h, w), k, use_max, dtype)


def test_max_pool2d_of_equal_pixels_gives_the_gradient_to_the_first():
    X = np.zeros((2, 1, 4, 5), np.float32)
    dX = pool_back(np.ones((2, 1, 2, 2), np.float32), X, 2, True)
    expected = np.zeros((4, 5), np.float32)
    expected[:3:2, :3:2] = 1
    np.testing.assert_array_equal(dX[1, 0], expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu(dtype):
    X, dY = normal(1, dtype, 17, 3, 5, 7), normal(2, dtype, 17, 3, 5, 7)
    X[0, 0, 0, :2] = 0, -0.0
    Y = activate(X, RELU)
    np.testing.assert_array_equal(Y, reference.relu(X))
    np.testing.assert_array_equal(activate_back(dY, Y, RELU), np.where(X > 0, dY, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_tanh(dtype):
    X, dY = 3 * normal(1, dtype, 17, 3, 5, 7), normal(2, dtype, 17, 3, 5, 7)
    X[0, 0, 0, :4] = 0, 100, -100, 1e-30
    Y, eps = activate(X, TANH), np.finfo(dtype).eps
    np.testing.assert_allclose(Y, np.tanh(X.astype(np.float64)), rtol=4 * eps)
    np.testing.assert_allclose(activate_back(dY, Y, TANH), dY * (1 - Y.astype(np.float64) ** 2), rtol=0, atol=4 * eps)


def test_tanh_of_float32_over_its_whole_range():
    """Every power of two, the places where the formula changes, and what lies beyond."""
    ends = [0.625, 9, np.inf, np.finfo(np.float32).tiny, np.finfo(np.float32).max, 1e-45]
    steps = [
        np.linspace(0, 12, 200_001),
        2.0 ** np.arange(-149, 128),
        np.nextafter(np.float32(ends), np.float32(0)),
        ends,
    ]
    X = np.concatenate(steps).astype(np.float32)
    X = np.concatenate([X, -X, np.zeros(-2 * len(X) % 1000, np.float32)]).reshape(-1, 1, 10, 100)
    Y = activate(X, TANH)
    np.testing.assert_allclose(Y, np.tanh(X.astype(np.float64)), rtol=4 * np.finfo(np.float32).eps, atol=1e-44)
    assert np.abs(Y).max() <= 1
    np.testing.assert_array_equal(activate(-X, TANH), -Y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 10, 1), (2, 7, 12), (1, 1, 1), (0, 10, 1), (2, 10, 0)])
def test_softmax(shape, dtype):
    logits = 5 * normal(1, dtype, *shape)
    probabilities = _kernels.softmax(logits)
    expected = reference.softmax(logits.astype(np.float64)) if logits.size else logits
    np.testing.assert_allclose(probabilities, expected, rtol=10 * np.finfo(dtype).eps)
    assert probabilities.shape == shape


def test_softmax_of_huge_scores():
    logits = np.array([[[1e30], [-1e30], [1e30]]], np.float32)
    np.testing.assert_array_equal(_kernels.softmax(logits)[0, :, 0], [0.5, 0, 0.5])


def test_lanes_there_and_back():
    for n in (0, 1, 15, 16, 17, 40):
        X = normal(n, np.float32, n, 2, 3, 4)
        lanes = to_lanes(X)
        assert lanes.shape == (-(-n // 16), 2, 3, 4, 16)
        np.testing.assert_array_equal(from_lanes(lanes, n), X)
        np.testing.assert_array_equal(from_lanes(lanes, 16 * len(lanes))[n:], 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_empty_batch(dtype):
    X, W, b, dY = conv_arrays((0, 2, 6, 5, 3, 3), dtype)
    assert forward(X, W, b).shape == dY.shape
    dX, dW, db = backward(dY, X, W)
    assert dX.shape == X.shape
    assert not dW.any()
    assert not db.any()
    for use_max in (False, True):
        assert pool(X, 2, use_max).shape == (0, 2, 3, 2)
        assert pool_back(np.zeros((0, 2, 3, 2), dtype), X, 2, use_max).shape == X.shape
    for kind in (RELU, TANH):
        assert activate(X, kind).shape == activate_back(X, X, kind).shape == X.shape


# ---- the same bits on every path ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [shape for shape in HOT if shape != C3])
def test_one_channel_alone_gives_the_bits_of_all(shape):
    """LeNet-5's shapes have code of their own; one output channel by itself takes the general code.

    All but C3: minimal filtering sums in another order.
    """
    X, W, b, _ = conv_arrays(shape, np.float32)
    together = forward(X, W, b)
    for o in range(0, len(W), 5):
        np.testing.assert_array_equal(forward(X, W[o : o + 1].copy(), b[o : o + 1].copy())[:, 0], together[:, o])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_window_alone_gives_the_bits_of_the_field(dtype):
    X, W, b, _ = conv_arrays((2, 3, 9, 11, 6, 4), dtype)
    field = forward(X, W, b)
    for y, x in np.ndindex(field.shape[2:]):
        window = np.ascontiguousarray(X[:, :, y : y + 4, x : x + 4])
        np.testing.assert_array_equal(forward(window, W, b)[:, :, 0, 0], field[:, :, y, x])


def test_a_lane_does_not_see_the_others():
    X, W, b, _ = conv_arrays((40, 2, 8, 8, 3, 3), np.float32)
    together = forward(X, W, b)
    for n in (0, 15, 16, 39):
        np.testing.assert_array_equal(forward(X[n : n + 1], W, b)[0], together[n])


# ---- gradients by differences, float64 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(2, 2, 5, 6, 3, 3), (1, 1, 32, 32, 6, 5), (1, 6, 14, 14, 16, 5), (3, 4, 3, 3, 13, 3)]
)
def test_conv2d_gradients_by_differences(shape):
    X, W, b, dY = conv_arrays(shape, np.float64)
    dX, dW, db = backward(dY, X, W)
    for name, x, gradient in (("X", X, dX), ("W", W, dW), ("b", b, db)):
        check_gradient(lambda: float((forward(X, W, b) * dY).sum()), x, gradient, name=name, n=60, step=1e-3)


@pytest.mark.parametrize("use_max", [False, True])
def test_pool2d_gradients_by_differences(use_max):
    X, dY = normal(1, np.float64, 2, 2, 7, 6), normal(2, np.float64, 2, 2, 3, 3)
    gradient = pool_back(dY, X, 2, use_max)
    check_gradient(lambda: float((pool(X, 2, use_max) * dY).sum()), X, gradient, name="X")


@pytest.mark.parametrize("kind", [RELU, TANH])
def test_activation_gradients_by_differences(kind):
    X, dY = normal(1, np.float64, 2, 2, 5, 5), normal(2, np.float64, 2, 2, 5, 5)
    gradient = activate_back(dY, activate(X, kind), kind)
    check_gradient(lambda: float((activate(X, kind) * dY).sum()), X, gradient, name="X", step=1e-4)


def test_the_gradient_checker_finds_a_wrong_gradient():
    x = np.array([1.0, 2.0, 3.0])
    check_gradient(lambda: float((x**2).sum()), x, 2 * x)
    wrong = 2 * x
    wrong[1] += 1e-4
    with pytest.raises(AssertionError, match=r"at \(1,\)"):
        check_gradient(lambda: float((x**2).sum()), x, wrong)


def test_the_gradient_checker_leaves_a_kink_out():
    x = np.array([1e-6, *range(1, 20)])
    check_gradient(lambda: float(np.maximum(x, 0).sum()), x, np.ones(20))


# ---- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_worked_by_hand(dtype):
    """A 3 x 3 picture, one 2 x 2 kernel: Y = 1 1 - 2 5 + bias 10 and so on; ReLU; the mean of the four."""
    X = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], dtype)[None, None]
    W, b = np.array([[1, 0], [0, -2]], dtype)[None, None], np.array([10], dtype)
    Y = forward(X, W, b)
    np.testing.assert_array_equal(Y[0, 0], [[1, 0], [-2, -3]])
    R = activate(Y, RELU)
    np.testing.assert_array_equal(R[0, 0], [[1, 0], [0, 0]])
    assert pool(R, 2, False)[0, 0, 0, 0] == 0.25
    assert pool(R, 2, True)[0, 0, 0, 0] == 1
    dY = activate_back(pool_back(np.ones((1, 1, 1, 1), dtype), R, 2, False), R, RELU)
    np.testing.assert_array_equal(dY[0, 0], [[0.25, 0], [0, 0]])
    dX, dW, db = backward(dY, X, W)
    np.testing.assert_array_equal(dX[0, 0], [[0.25, 0, 0], [0, -0.5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(dW[0, 0], [[0.25, 0.5], [1, 1.25]])
    assert db == 0.25


# ---- NaN is never hidden -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("use_max", [False, True])
def test_pool2d_keeps_a_nan_wherever_it_stands(use_max, at, dtype):
    X = normal(1, dtype, 1, 1, 2, 2)
    X[0, 0, at // 2, at % 2] = np.nan
    assert np.isnan(pool(X, 2, use_max)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [RELU, TANH])
def test_activations_keep_a_nan(kind, dtype):
    X = normal(1, dtype, 1, 1, 2, 2)
    X[0, 0, 1, 0] = np.nan
    np.testing.assert_array_equal(np.isnan(activate(X, kind)), np.isnan(X))


@pytest.mark.parametrize(("channels", "out_channels"), [(1, 6), (3, 6), (1, 4), (3, 4)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_conv_pool_keeps_a_nan(dtype, channels, out_channels):
    X, W, b, _ = conv_arrays((2, channels, 32, 32, out_channels, 5), dtype)
    X[1, -1, 9, 12] = np.nan
    Y = from_lanes(_kernels.conv_pool_forward(to_lanes(X), W, b)[:, 0].copy(), 2)
    assert np.isfinite(Y[0]).all()
    assert np.isnan(Y[1]).all()  # maxima hide a NaN: one anywhere in the picture is one everywhere
    W[2, 0, 0, 0] = np.nan
    assert np.isnan(_kernels.conv_pool_forward(to_lanes(X), W, b)[0, 0, 2, ..., 0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_conv2d_keeps_a_nan(dtype):
    X, W, b, _ = conv_arrays((2, 2, 5, 5, 3, 3), dtype)
    X[1, 1, 2, 2] = np.nan
    Y = forward(X, W, b)
    assert np.isfinite(Y[0]).all()
    assert np.isnan(Y[1]).all()
    W[2, 0, 0, 0] = np.nan
    assert np.isnan(forward(X, W, b)[0, 2]).all()


@pytest.mark.parametrize("at", range(3))
def test_softmax_keeps_a_nan(at):
    logits = np.zeros((1, 3, 1), np.float32)
    logits[0, at] = np.nan
    assert np.isnan(_kernels.softmax(logits)).all()


# ---- what is refused -----------------------------------------------------------------------------------------------


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: _kernels.conv2d_forward(zeros(1, 2, 5, 5, 16), zeros(3, 1, 3, 3), zeros(3)),
            r"\(3, 1, 3, 3\).*\(O, 2, K, K\)",
        ),
        (
            lambda: _kernels.conv2d_forward(zeros(1, 2, 5, 5, 16), zeros(3, 2, 3, 2), zeros(3)),
            r"\(3, 2, 3, 2\).*\(O, 2, K, K\)",
        ),
        (
            lambda: _kernels.conv2d_forward(zeros(1, 2, 5, 5, 16), zeros(3, 2, 3, 3), zeros(4)),
            r"\(4,\), expected \(3,\)",
        ),
        (
            lambda: _kernels.conv2d_forward(zeros(1, 2, 2, 5, 16), zeros(3, 2, 3, 3), zeros(3)),
            r"\(1, 2, 2, 5, 16\) is smaller",
        ),
        (lambda: _kernels.conv2d_forward(zeros(1, 2, 5, 5, 8), zeros(3, 2, 3, 3), zeros(3)), r"8 lanes, expected 16"),
        (lambda: _kernels.conv2d_forward(zeros(1, 2, 5, 5, 16), zeros(0, 2, 3, 3), zeros(0)), r"\(0, 2, 3, 3\)"),
        (
            lambda: _kernels.conv2d_backward(zeros(1, 3, 3, 3, 16), zeros(1, 0, 5, 5, 16), zeros(3, 0, 3, 3)),
            r"\(3, 0, 3, 3\)",
        ),
        (
            lambda: _kernels.conv2d_backward(zeros(1, 3, 3, 4, 16), zeros(1, 2, 5, 5, 16), zeros(3, 2, 3, 3)),
            r"\(1, 3, 3, 4, 16\), expected \(1, 3, 3, 3, 16\)",
        ),
        (
            lambda: _kernels.conv2d_backward(zeros(2, 3, 3, 3, 16), zeros(1, 2, 5, 5, 16), zeros(3, 2, 3, 3)),
            r"\(2, 3, 3, 3, 16\), expected \(1, 3, 3, 3, 16\)",
        ),
        (
            lambda: _kernels.conv_pool_forward(zeros(1, 2, 8, 8, 16), zeros(3, 2, 3, 3), zeros(3)),
            r"\(1, 2, 8, 8, 16\).*kernels of 5 x 5",
        ),
        (
            lambda: _kernels.conv_pool_forward(zeros(1, 1, 5, 8, 16), zeros(3, 1, 5, 5), zeros(3)),
            r"\(1, 1, 5, 8, 16\).*at least 6 x 6",
        ),
        (
            lambda: _kernels.conv_pool_backward(
                zeros(1, 3, 2, 2, 16), zeros(1, 1, 8, 8, 16), zeros(1, 2, 3, 2, 1, 16), zeros(3, 1, 5, 5)
            ),
            r"\(1, 2, 3, 2, 1, 16\), expected two",
        ),
        (lambda: _kernels.pool2d_forward(zeros(1, 2, 5, 3, 16), 4, True), r"kernel_size is 4, expected 1..3"),
        (lambda: _kernels.pool2d_forward(zeros(1, 2, 5, 3, 16), 0, True), r"kernel_size is 0, expected 1..3"),
        (
            lambda: _kernels.pool2d_backward(
                zeros(1, 2, 2, 2, 16), zeros(1, 2, 5, 3, 16), zeros(1, 2, 2, 1, 16), 2, True
            ),
            r"\(1, 2, 2, 2, 16\), expected \(1, 2, 2, 1, 16\)",
        ),
        (lambda: _kernels.activation_forward(zeros(1, 2, 5, 5, 8), RELU), r"8 lanes, expected 16"),
        (
            lambda: _kernels.activation_backward(zeros(1, 2, 5, 5, 16), zeros(1, 2, 5, 4, 16), RELU),
            r"\(1, 2, 5, 5, 16\)",
        ),
    ],
)
def test_shapes_that_disagree_are_refused_with_both_in_the_message(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_element_types_are_not_mixed():
    with pytest.raises((TypeError, ValueError)):
        _kernels.conv2d_forward(zeros(1, 2, 5, 5, 16), zeros(3, 2, 3, 3, dtype=np.float64), zeros(3))
    with pytest.raises((TypeError, ValueError)):
        to_lanes(zeros(1, 2, 5, 5, dtype=np.int32))


def test_a_view_that_is_not_contiguous_is_refused():
    with pytest.raises(ValueError, match="contiguous"):
        _kernels.activation_forward(zeros(2, 2, 5, 10, 16)[:, :, :, ::2], RELU)
