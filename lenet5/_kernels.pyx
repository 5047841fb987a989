"""Every compiled entry point: layers over image lanes, the whole network, a thread's share of training.

Three tiers: the modules above explain and check dtypes; the ``def`` functions here compare shapes and allocate; the C
functions behind them (kernels/) only compute, without the GIL. Lane arrays are (B, C, H, W, 16):
16 pictures side by side in the innermost axis.
"""

import math
import os

import numpy as np

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from .kernels.kernels cimport (
    FIELD_SIDE, LANES, LOSS_CROSS_ENTROPY, LOSS_RIGHT_SCORE, OP_AVG_POOL2D, OP_BATCH_NORM, OP_CONV2D, OP_CONV_POOL,
    OP_DROPOUT, OP_MAX_POOL2D, OP_RBF, OP_RELU, OP_SCALED_TANH, OP_SIGMOID, OP_SUBSAMPLE, OP_TABLE_CONV2D, OP_TANH,
    OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_RMSPROP, OPTIMIZER_SDLM, OPTIMIZER_SGD, PICTURE_SIDE,
    lenet5_augmentation, lenet5_has_winograd, lenet5_isa, lenet5_loss, lenet5_loss_kind, lenet5_n_kept,
    lenet5_n_biases, lenet5_n_extra, lenet5_n_prepared, lenet5_n_ready, lenet5_n_scratch, lenet5_n_single,
    lenet5_n_weights, lenet5_net, lenet5_op, lenet5_op_kind,
    lenet5_optimizer, lenet5_optimizer_kind, lenet5_perturbation, lenet5_pictures, lenet5_teacher_f32, lenet5_team,
    lenet5_team_destroy, lenet5_team_init, lenet5_team_reset, lenet5_training_f32)

ctypedef fused real:
    float
    double


cdef extern from *:
    """
    #include "program.h"
    /* The tables that this processor can run, widest first. */
    static int lenet5_supported(const lenet5_isa **tables) {
        int n = 0;
    #if defined(__x86_64__)
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
            tables[n++] = &lenet5_avx512;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            tables[n++] = &lenet5_avx2;
    #endif
        tables[n++] = &lenet5_baseline;
        return n;
    }
    """
    int lenet5_supported(const lenet5_isa **tables)


# ---- the instruction set, chosen once ------------------------------------------------------------------------

cdef const lenet5_isa *_isa


def _choose(wanted):
    """The names of what this processor can run, and the choice: the widest, or ``wanted``."""
    global _isa
    cdef const lenet5_isa *tables[3]
    cdef int n = lenet5_supported(tables)
    names = tuple(tables[i].name.decode() for i in range(n))
    if wanted and wanted not in names:
        raise ValueError(f"LENET5_ISA is {wanted!r}; this processor offers {', '.join(names)}")
    _isa = tables[names.index(wanted) if wanted else 0]
    return names, _isa.name.decode()


cdef extern from *:
    """
    #ifdef __clang__
    #define LENET5_COMPILER "clang " __clang_version__
    #else
    #define LENET5_COMPILER "GCC " __VERSION__
    #endif
    """
    const char *LENET5_COMPILER

#: What compiled the kernels.
COMPILER = LENET5_COMPILER.decode()
#: Names of the instruction sets that this processor can run, widest first, and of the one in use.
ISAS, ISA = _choose(os.environ.get("LENET5_ISA", ""))
N_LANES = LANES
CONV2D, AVG_POOL2D, MAX_POOL2D, RELU, TANH = OP_CONV2D, OP_AVG_POOL2D, OP_MAX_POOL2D, OP_RELU, OP_TANH
CONV_POOL, TABLE_CONV2D, SUBSAMPLE, RBF = OP_CONV_POOL, OP_TABLE_CONV2D, OP_SUBSAMPLE, OP_RBF
SCALED_TANH, SIGMOID = OP_SCALED_TANH, OP_SIGMOID
ACTIVATIONS = (RELU, TANH, SCALED_TANH, SIGMOID)
BATCH_NORM, DROPOUT = OP_BATCH_NORM, OP_DROPOUT
SGD, ADAM, ADAMW = OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW
RMSPROP, SDLM = OPTIMIZER_RMSPROP, OPTIMIZER_SDLM
CROSS_ENTROPY, RIGHT_SCORE = LOSS_CROSS_ENTROPY, LOSS_RIGHT_SCORE


cdef enum:
    MOST_SIDE = 1 << 24
    MOST_VALUES = 1 << 30
#: Of a program's parameters and activations: with all that lies beside them, far below 2^63.
cdef int64_t MOST_ELEMENTS = 1LL << 48


cdef int _check_axes(str name, const Py_ssize_t *axes, int n) except -1:
    """ValueError unless n axes, all but that of the batch, are 1 to MOST_SIDE long, and MOST_VALUES together.

    The kernels count values of a picture and weights in an int, and divide by axes. With 16 lanes, and times a side or
    two, such numbers stay far below 2^63.
    """
    cdef int64_t values = 1
    cdef int i
    for i in range(n):
        values = values * axes[i] if 1 <= axes[i] <= MOST_SIDE else 0
        if not 1 <= values <= MOST_VALUES:
            raise ValueError(f"{name} has axes of {tuple(axes[i] for i in range(n))}, expected 1 to {MOST_SIDE:,} each "
                             f"and up to {MOST_VALUES:,} values")
    return 0


cdef inline Py_ssize_t _ceil_div(Py_ssize_t n, Py_ssize_t d) noexcept nogil:
    return (n + d - 1) // d


def aligned_zeros(shape, dtype):
    """Zeros that start on a cache line, so that no vector straddles two."""
    shape = shape if isinstance(shape, tuple) else (shape,)
    if min(shape) < 0:
        raise ValueError(f"shape is {shape}, expected no axis below 0")
    cdef object size = math.prod(shape) * np.dtype(dtype).itemsize
    buffer = np.zeros(size + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    return buffer[start:start + size].view(dtype).reshape(shape)


# ---- layers, each forward beside its backward ------------------------------------------------------------------

def to_lanes(real[:, :, :, ::1] X not None):
    """(N, C, H, W) to lanes (B, C, H, W, 16), B = ceil(N / 16); missing pictures are zero."""
    _check_axes("X", &X.shape[1], 3)
    cdef object N = X.shape[0], B = _ceil_div(X.shape[0], LANES), rest = np.asarray(X).shape[1:]
    padded = np.zeros((B * LANES, *rest), np.asarray(X).dtype)
    padded[:N] = X
    return np.ascontiguousarray(np.moveaxis(padded.reshape(B, LANES, *rest), 1, -1))


def from_lanes(real[:, :, :, :, ::1] X not None, N):
    """The first N pictures of lanes (B, C, H, W, 16) as (N, C, H, W)."""
    _check_lanes(X, "X")
    array = np.moveaxis(np.asarray(X), -1, 1)
    return np.ascontiguousarray(array.reshape(-1, *array.shape[2:])[:N])


cdef int _check_lanes(real[:, :, :, :, ::1] X, str name) except -1:
    if X.shape[4] != LANES:
        raise ValueError(f"{name} has {X.shape[4]} lanes, expected {LANES}: shape {np.asarray(X).shape}")
    return _check_axes(name, &X.shape[1], 3)


cdef int _fit_output(lenet5_op *op) except -1:
    """Set the height and width of a step's output; ValueError where its kind, channels, kernel and input do not fit."""
    cdef int C = op.in_channels, H = op.in_height, W = op.in_width, K = op.kernel_size, n_out = op.out_channels
    cdef bint fits = n_out == C
    op.out_height, op.out_width = H, W
    if op.kind in (OP_CONV2D, OP_TABLE_CONV2D, OP_CONV_POOL):
        fits = 1 <= K <= min(H, W)
        op.out_height, op.out_width = H - K + 1, W - K + 1
        if op.kind == OP_CONV_POOL:
            fits = C == 1 and K == 5 and min(H, W) >= 6
            op.out_height, op.out_width = (H - 4) // 2, (W - 4) // 2
    elif op.kind in (OP_AVG_POOL2D, OP_MAX_POOL2D, OP_SUBSAMPLE):
        fits = 1 <= K <= min(H, W) and (n_out == C or (op.kind == OP_SUBSAMPLE and n_out % C == 0))
        op.out_height, op.out_width = H // max(K, 1), W // max(K, 1)
    elif op.kind == OP_RBF:
        fits = True
    elif op.kind not in (*ACTIVATIONS, OP_BATCH_NORM, OP_DROPOUT):
        fits = False
    cdef Py_ssize_t[3] output = [n_out, op.out_height, op.out_width]
    if not fits:
        raise ValueError(f"a step of kind {<int>op.kind} does not take {C} x {H} x {W} to {n_out} channels with a "
                         f"kernel of {K}")
    return _check_axes("the output", output, 3)


cdef int _conv2d_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, :, ::1] W) except -1:
    """The program step of a convolution, after a check that the shapes agree."""
    _check_axes("W", W.shape, 4)
    _check_lanes(X, "X")
    if W.shape[1] != X.shape[1] or W.shape[2] != W.shape[3]:
        raise ValueError(f"W has shape {np.asarray(W).shape}, expected (O, {X.shape[1]}, K, K) for X of shape "
                         f"{np.asarray(X).shape}")
    if X.shape[2] < W.shape[2] or X.shape[3] < W.shape[3]:
        raise ValueError(f"X of shape {np.asarray(X).shape} is smaller than the kernel of W, {np.asarray(W).shape}")
    op.kind = OP_CONV2D
    op.in_channels, op.in_height, op.in_width = X.shape[1], X.shape[2], X.shape[3]
    op.kernel_size = W.shape[2]
    op.out_channels = W.shape[0]
    return _fit_output(op)


cdef int _check_gradient(const lenet5_op *op, real[:, :, :, :, ::1] dY, Py_ssize_t B) except -1:
    expected = (B, op.out_channels, op.out_height, op.out_width, LANES)
    if np.asarray(dY).shape != expected:
        raise ValueError(f"dY has shape {np.asarray(dY).shape}, expected {expected}")
    return 0


def conv2d_forward(real[:, :, :, :, ::1] X not None, real[:, :, :, ::1] W not None, real[::1] b not None):
    """Y (B, O, H-K+1, W-K+1, 16) = X (B, C, H, W, 16) * W (O, C, K, K) + b (O); valid, stride 1, no flip."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv2d_op(&op, X, W)
    if b.shape[0] != W.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({W.shape[0]},)")
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES), dtype)
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        if real is float:
            _isa.f32.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0], &Y[i, 0, 0, 0, 0],
                                        &scratch[0])
            else:
                _isa.f64.conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0], &Y[i, 0, 0, 0, 0],
                                        &scratch[0])
    return np.asarray(Y)


def conv2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                    real[:, :, :, ::1] W not None):
    """Gradients dX, dW, db of a convolution, from dY and what its forward was given."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv2d_op(&op, X, W)
    _check_gradient(&op, dY, B)
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[:, :, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(W.shape[0], dtype)
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype), dU = np.zeros_like(U)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        if real is float:
            _isa.f32.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv2d_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &U[0],
                                         &dX[i, 0, 0, 0, 0], &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
            else:
                _isa.f64.conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &U[0],
                                         &dX[i, 0, 0, 0, 0], &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
        if real is float:
            _isa.f32.conv2d_finish(&op, &dU[0], &dW[0, 0, 0, 0])
        else:
            _isa.f64.conv2d_finish(&op, &dU[0], &dW[0, 0, 0, 0])
    return np.asarray(dX), np.asarray(dW), np.asarray(db)


cdef int _conv_pool_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, :, ::1] W) except -1:
    _conv2d_op(op, X, W)
    if X.shape[1] != 1 or W.shape[2] != 5 or min(op.out_height, op.out_width) < 2:
        raise ValueError(f"X has shape {np.asarray(X).shape} and W {np.asarray(W).shape}, expected one channel, "
                         "kernels of 5 x 5 and pictures of at least 6 x 6")
    op.kind = OP_CONV_POOL
    return _fit_output(op)


def conv_pool_forward(real[:, :, :, :, ::1] X not None, real[:, :, :, ::1] W not None, real[::1] b not None):
    """ReLU of the maxima over 2 x 2 of a convolution of X (B, 1, H, W, 16) with W (O, 1, 5, 5) and b (O).

    Y (B, 2, O, (H-4)//2, (W-4)//2, 16): the values, and where they came from (as integers of the same size).
    """
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv_pool_op(&op, X, W)
    if b.shape[0] != W.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({W.shape[0]},)")
    Y_array = np.empty((B, 2, op.out_channels, op.out_height, op.out_width, LANES), np.asarray(X).dtype)
    cdef real[:, :, :, :, :, ::1] Y = Y_array
    cdef real[::1] U = aligned_zeros(max(1, lenet5_n_prepared(&op)), Y_array.dtype)
    with nogil:
        if real is float:
            _isa.f32.conv_pool_prepare(&op, &W[0, 0, 0, 0], &U[0])
        else:
            _isa.f64.conv_pool_prepare(&op, &W[0, 0, 0, 0], &U[0])
        for i in range(B):
            if real is float:
                _isa.f32.conv_pool_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0],
                                           &Y[i, 0, 0, 0, 0, 0], True)
            else:
                _isa.f64.conv_pool_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0, 0], &b[0], &U[0],
                                           &Y[i, 0, 0, 0, 0, 0], True)
    return Y_array


def conv_pool_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                       real[:, :, :, :, :, ::1] Y not None, real[:, :, :, ::1] W not None):
    """Gradients dW, db of :func:`conv_pool_forward`, from dY (B, O, (H-4)//2, (W-4)//2, 16); X is a picture."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _conv_pool_op(&op, X, W)
    _check_gradient(&op, dY, B)
    if np.asarray(Y).shape != (B, 2, *np.asarray(dY).shape[1:]):
        raise ValueError(f"Y has shape {np.asarray(Y).shape}, expected two for each of dY, {np.asarray(dY).shape}")
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(W.shape[0], dtype)
    cdef real[::1] scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    cdef real[::1] dU = aligned_zeros(max(1, lenet5_n_prepared(&op)), dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.conv_pool_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                            &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
            else:
                _isa.f64.conv_pool_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                            &dW[0, 0, 0, 0], &db[0], &dU[0], i > 0, &scratch[0])
        if real is float:
            _isa.f32.conv_pool_finish(&op, &dU[0], &dW[0, 0, 0, 0])
        else:
            _isa.f64.conv_pool_finish(&op, &dU[0], &dW[0, 0, 0, 0])
    return np.asarray(dW), np.asarray(db)


cdef int _pool_op(lenet5_op *op, real[:, :, :, :, ::1] X, int kernel_size) except -1:
    _check_lanes(X, "X")
    if not 1 <= kernel_size <= min(X.shape[2], X.shape[3]):
        raise ValueError(f"kernel_size is {kernel_size}, expected 1..{min(X.shape[2], X.shape[3])} for X of shape "
                         f"{np.asarray(X).shape}")
    op.kind = OP_MAX_POOL2D
    op.in_channels = op.out_channels = X.shape[1]
    op.in_height, op.in_width = X.shape[2], X.shape[3]
    op.kernel_size = kernel_size
    return _fit_output(op)


def pool2d_forward(real[:, :, :, :, ::1] X not None, int kernel_size, bint use_max):
    """Y (B, C, H//K, W//K, 16): mean or maximum over windows of K x K, stride K."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _pool_op(&op, X, kernel_size)
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                (_isa.f32.max_pool2d_forward if use_max else _isa.f32.avg_pool2d_forward)(
                    &op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
            else:
                (_isa.f64.max_pool2d_forward if use_max else _isa.f64.avg_pool2d_forward)(
                    &op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def pool2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                    real[:, :, :, :, ::1] Y not None, int kernel_size, bint use_max):
    """dX of a pooling layer; of equal maxima in a window the first one gets the gradient."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _pool_op(&op, X, kernel_size)
    _check_gradient(&op, dY, B)
    _check_gradient(&op, Y, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    with nogil:
        for i in range(B):
            if real is float:
                if use_max:
                    _isa.f32.max_pool2d_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                                 &dX[i, 0, 0, 0, 0])
                else:
                    _isa.f32.avg_pool2d_backward(&op, &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
            else:
                if use_max:
                    _isa.f64.max_pool2d_backward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0],
                                                 &dX[i, 0, 0, 0, 0])
                else:
                    _isa.f64.avg_pool2d_backward(&op, &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
    return np.asarray(dX)


cdef int _n_pairs(const int32_t[:, ::1] kernels) except -1:
    """How many kernels a table numbers; ValueError where it does not number them row by row."""
    cdef Py_ssize_t o, c
    cdef int n_pairs = 0
    for o in range(kernels.shape[0]):
        for c in range(kernels.shape[1]):
            if kernels[o, c] != -1:
                if kernels[o, c] != n_pairs:
                    raise ValueError(f"kernels has {kernels[o, c]} at {(o, c)}, expected {n_pairs} or -1")
                n_pairs += 1
    if n_pairs == 0:
        raise ValueError("kernels connects no channels, expected one pair or more")
    return n_pairs


cdef int _table_op(lenet5_op *op, real[:, :, :, :, ::1] X, real[:, :, ::1] W,
                   const int32_t[:, ::1] kernels) except -1:
    """The program step of a convolution with a table, after a check that shapes and table agree."""
    cdef int n_pairs
    _check_lanes(X, "X")
    _check_axes("W", W.shape, 3)
    _check_axes("kernels", kernels.shape, 2)
    if W.shape[1] != W.shape[2] or min(X.shape[2], X.shape[3]) < W.shape[1]:
        raise ValueError(f"W has shape {np.asarray(W).shape}, expected (pairs, K, K) for X of shape "
                         f"{np.asarray(X).shape}")
    n_pairs = _n_pairs(kernels)
    if kernels.shape[1] != X.shape[1] or W.shape[0] != n_pairs:
        raise ValueError(f"W has shape {np.asarray(W).shape}, X has {np.asarray(X).shape}, for a table of {n_pairs} "
                         f"pairs and {kernels.shape[1]} channels")
    op.kind = OP_TABLE_CONV2D
    op.in_channels, op.in_height, op.in_width = X.shape[1], X.shape[2], X.shape[3]
    op.kernel_size, op.out_channels = W.shape[1], kernels.shape[0]
    op.constants, op.n_pairs = &kernels[0, 0], n_pairs
    return _fit_output(op)


def table_conv2d_forward(real[:, :, :, :, ::1] X not None, real[:, :, ::1] W not None, real[::1] b not None,
                         const int32_t[:, ::1] kernels not None):
    """Y (B, O, H-K+1, W-K+1, 16) = X (B, C, H, W, 16) * W (pairs, K, K) + b (O): the convolution of conv2d_forward in
    which output channel o sees input channel c through kernel ``kernels[o, c]``, or not at all where that is -1."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _table_op(&op, X, W, kernels)
    if b.shape[0] != op.out_channels:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({op.out_channels},)")
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.table_conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0], &b[0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.table_conv2d_forward(&op, &X[i, 0, 0, 0, 0], &W[0, 0, 0], &b[0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def table_conv2d_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                          real[:, :, ::1] W not None, const int32_t[:, ::1] kernels not None):
    """Gradients dX, dW, db of a convolution with a table, from dY and what its forward was given."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _table_op(&op, X, W, kernels)
    _check_gradient(&op, dY, B)
    dtype = np.asarray(X).dtype
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[:, :, ::1] dW = np.zeros_like(W)
    cdef real[::1] db = np.zeros(op.out_channels, dtype), scratch = aligned_zeros(lenet5_n_scratch(&op), dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.table_conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0],
                                               &dX[i, 0, 0, 0, 0], &dW[0, 0, 0], &db[0], i > 0, &scratch[0])
            else:
                _isa.f64.table_conv2d_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &W[0, 0, 0],
                                               &dX[i, 0, 0, 0, 0], &dW[0, 0, 0], &db[0], i > 0, &scratch[0])
    return np.asarray(dX), np.asarray(dW), np.asarray(db)


cdef int _subsample_op(lenet5_op *op, real[:, :, :, :, ::1] X, int kernel_size, real[::1] w) except -1:
    _pool_op(op, X, kernel_size)
    _check_axes("w", w.shape, 1)
    if w.shape[0] % X.shape[1]:
        raise ValueError(f"w has shape ({w.shape[0]},), expected a multiple of the {X.shape[1]} channels of X")
    op.kind, op.out_channels = OP_SUBSAMPLE, w.shape[0]
    return _fit_output(op)


def subsample_forward(real[:, :, :, :, ::1] X not None, int kernel_size, real[::1] w not None, real[::1] b not None):
    """Y (B, O, H//K, W//K, 16): means over windows of X (B, C, H, W, 16), times w (O), plus b (O).

    O is a multiple of C: neighbouring output channels share an input channel.
    """
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _subsample_op(&op, X, kernel_size, w)
    if b.shape[0] != w.shape[0]:
        raise ValueError(f"b has shape ({b.shape[0]},), expected ({w.shape[0]},)")
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, op.out_height, op.out_width, LANES),
                                            np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.subsample_forward(&op, &X[i, 0, 0, 0, 0], &w[0], &b[0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.subsample_forward(&op, &X[i, 0, 0, 0, 0], &w[0], &b[0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def subsample_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None, int kernel_size,
                       real[::1] w not None):
    """Gradients dX, dw, db of trainable sub-sampling."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _subsample_op(&op, X, kernel_size, w)
    _check_gradient(&op, dY, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    cdef real[::1] dw = np.zeros_like(w), db = np.zeros_like(w)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.subsample_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &w[0], &dX[i, 0, 0, 0, 0],
                                            &dw[0], &db[0], i > 0)
            else:
                _isa.f64.subsample_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &w[0], &dX[i, 0, 0, 0, 0],
                                            &dw[0], &db[0], i > 0)
    return np.asarray(dX), np.asarray(dw), np.asarray(db)


cdef int _rbf_op(lenet5_op *op, real[:, :, :, :, ::1] X, const int32_t[:, ::1] centres) except -1:
    _check_lanes(X, "X")
    _check_axes("centres", centres.shape, 2)
    if centres.shape[1] != X.shape[1]:
        raise ValueError(f"centres have shape {np.asarray(centres).shape}, expected (O, {X.shape[1]})")
    op.kind = OP_RBF
    op.in_channels, op.out_channels, op.constants = X.shape[1], centres.shape[0], &centres[0, 0]
    op.in_height, op.in_width = X.shape[2], X.shape[3]
    return _fit_output(op)


def rbf_forward(real[:, :, :, :, ::1] X not None, const int32_t[:, ::1] centres not None):
    """Y (B, O, H, W, 16): minus the squared distances of X (B, C, H, W, 16) to centres (O, C), position by position."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _rbf_op(&op, X, centres)
    cdef real[:, :, :, :, ::1] Y = np.empty((B, op.out_channels, X.shape[2], X.shape[3], LANES), np.asarray(X).dtype)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.rbf_forward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
            else:
                _isa.f64.rbf_forward(&op, &X[i, 0, 0, 0, 0], &Y[i, 0, 0, 0, 0])
    return np.asarray(Y)


def rbf_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] X not None,
                 const int32_t[:, ::1] centres not None):
    """dX of :func:`rbf_forward`."""
    cdef lenet5_op op
    cdef Py_ssize_t i, B = X.shape[0]
    _rbf_op(&op, X, centres)
    _check_gradient(&op, dY, B)
    cdef real[:, :, :, :, ::1] dX = np.empty_like(X)
    with nogil:
        for i in range(B):
            if real is float:
                _isa.f32.rbf_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
            else:
                _isa.f64.rbf_backward(&op, &X[i, 0, 0, 0, 0], &dY[i, 0, 0, 0, 0], &dX[i, 0, 0, 0, 0])
    return np.asarray(dX)


cdef int _check_activation(int kind) except -1:
    if kind not in ACTIVATIONS:
        raise ValueError(f"kind is {kind}, expected one of {', '.join(map(str, ACTIVATIONS))}")
    return 0


def activation_forward(real[:, :, :, :, ::1] X not None, int kind):
    """One of ``ACTIVATIONS`` of every element."""
    _check_lanes(X, "X")
    _check_activation(kind)
    cdef real[:, :, :, :, ::1] Y = np.empty_like(X)
    cdef int64_t n = np.asarray(X).size
    if n:
        with nogil:
            if real is float:
                _isa.f32.activation_forward(<lenet5_op_kind>kind, n, &X[0, 0, 0, 0, 0], &Y[0, 0, 0, 0, 0])
            else:
                _isa.f64.activation_forward(<lenet5_op_kind>kind, n, &X[0, 0, 0, 0, 0], &Y[0, 0, 0, 0, 0])
    return np.asarray(Y)


def activation_backward(real[:, :, :, :, ::1] dY not None, real[:, :, :, :, ::1] Y not None, int kind):
    """dX from dY and the activation's output Y."""
    _check_lanes(Y, "Y")
    _check_activation(kind)
    if np.asarray(dY).shape != np.asarray(Y).shape:
        raise ValueError(f"dY has shape {np.asarray(dY).shape}, expected that of Y, {np.asarray(Y).shape}")
    cdef real[:, :, :, :, ::1] dX = np.empty_like(Y)
    cdef int64_t n = np.asarray(Y).size
    if n:
        with nogil:
            if real is float:
                _isa.f32.activation_backward(<lenet5_op_kind>kind, n, &Y[0, 0, 0, 0, 0], &dY[0, 0, 0, 0, 0],
                                             &dX[0, 0, 0, 0, 0])
            else:
                _isa.f64.activation_backward(<lenet5_op_kind>kind, n, &Y[0, 0, 0, 0, 0], &dY[0, 0, 0, 0, 0],
                                             &dX[0, 0, 0, 0, 0])
    return np.asarray(dX)


def softmax(real[:, :, ::1] logits not None):
    """Probabilities (N, classes, positions) over the axis of classes; N and positions may be 0."""
    _check_axes("logits", &logits.shape[1], 1)
    cdef real[:, :, ::1] probabilities = np.empty_like(logits)
    cdef int64_t n = logits.shape[0], positions = logits.shape[2]
    cdef int classes = logits.shape[1]
    if n and positions:
        with nogil:
            if real is float:
                _isa.f32.softmax(n, classes, positions, &logits[0, 0, 0], &probabilities[0, 0, 0])
            else:
                _isa.f64.softmax(n, classes, positions, &logits[0, 0, 0], &probabilities[0, 0, 0])
    return np.asarray(probabilities)


# Up to so many pictures are quicker one by one than as a lane group (measured: 12 against 60 us).
cdef enum: FEW = 4

# ---- the whole network -----------------------------------------------------------------------------------------

cdef class Pictures:
    """Pictures in memory, as the kernels read them.

    pixels : ndarray of shape (N, C, H, W), contiguous, uint8 (0..255) or float32 (0..1)
    padding : rows and columns of background that are added on each side
    background, ink : the values that the network sees for 0 and for full ink
    """
    cdef lenet5_pictures c
    cdef Py_buffer buffer
    cdef bint has_buffer
    cdef readonly Py_ssize_t n
    cdef readonly tuple shape

    def __cinit__(self, pixels, int padding=0, float background=0, float ink=1):
        if not isinstance(pixels, np.ndarray):
            raise TypeError(f"pixels are {type(pixels).__name__}, expected an array")
        dtype, shape, flags = pixels.dtype, pixels.shape, pixels.flags
        if (dtype != np.uint8 and dtype != np.float32) or len(shape) != 4 or not (
                flags.c_contiguous and flags.aligned and dtype.isnative):
            raise ValueError(f"pixels are {dtype} of shape {shape}, expected contiguous aligned uint8 or float32 of "
                             "shape (N, C, H, W)")
        if not 0 <= padding <= MOST_SIDE:
            raise ValueError(f"padding is {padding}, expected 0 to {MOST_SIDE:,}")
        cdef Py_ssize_t[3] axes = shape[1:]
        _check_axes("pixels", axes, 3)
        axes[1] += 2 * padding
        axes[2] += 2 * padding
        _check_axes("pixels with their padding", axes, 3)
        PyObject_GetBuffer(pixels, &self.buffer, PyBUF_SIMPLE)
        self.has_buffer = True
        self.c.pixels = self.buffer.buf
        self.c.is_uint8 = dtype.itemsize == 1
        self.n, self.c.channels, self.c.height, self.c.width = shape
        self.c.padding, self.c.background, self.c.ink = padding, background, ink
        self.shape = (self.c.channels, self.c.height + 2 * padding, self.c.width + 2 * padding)

    def __dealloc__(self):
        if self.has_buffer:
            PyBuffer_Release(&self.buffer)


cdef class Augmentation:
    """Random distortions of pictures, a function of (seed, epoch, number of the picture), as the kernels read them.

    augment.py makes them and says what the ranges mean; 0 stands for none. ``rotation`` is in radians; knots of the
    elastic distortion are ``knot_spacing`` pixels apart and move up to ``knot_range`` pixels.
    """
    cdef lenet5_augmentation c

    def __cinit__(self, seed, epoch, *, float rotation=0, float scale=0, float shear=0, float shift=0, int crop=0,
                  float flip_probability=0,
                  float knot_spacing=8, float knot_range=0, int cutout_side=1, float cutout_probability=0,
                  float inversion_probability=0, float photo_pen=0, float photo_blur=0, float photo_uneven=0,
                  float photo_grain=0, float photo_clutter=0, float photo_jpeg=0):
        # So that every coordinate is a small number, and every square and knot has its place.
        if not (0 <= rotation <= 4 and 0 <= scale < 1 and 0 <= shear <= 10 and 0 <= shift <= 100 and
                0 <= crop <= 100 and 0 <= flip_probability <= 1 and 3 <= knot_spacing <= 1000 and
                0 <= knot_range <= 1000 and 1 <= cutout_side <= FIELD_SIDE and
                0 <= cutout_probability <= 1 and 0 <= inversion_probability <= 1 and 0 <= photo_pen <= 1 and
                0 <= photo_blur <= 1 and 0 <= photo_uneven <= 1 and 0 <= photo_grain <= 1 and
                0 <= photo_clutter <= 1 and 0 <= photo_jpeg <= 1):
            raise ValueError(f"a range of distortions is out of bounds: {rotation=}, {scale=}, {shear=}, {shift=}, "
                             f"{crop=}, {flip_probability=}, "
                             f"{knot_spacing=}, {knot_range=}, {cutout_side=}, {cutout_probability=}, "
                             f"{inversion_probability=}, {photo_pen=}, {photo_blur=}, {photo_uneven=}, {photo_grain=}, "
                             f"{photo_clutter=}, {photo_jpeg=}")
        self.c = lenet5_augmentation(<uint64_t>(seed % 2**64), <uint32_t>(epoch % 2**32), rotation, scale, shear, shift,
                                     crop, flip_probability, knot_spacing, knot_range, cutout_side,
                                     cutout_probability, inversion_probability, photo_pen, photo_blur, photo_uneven,
                                     photo_grain,
                                     photo_clutter, photo_jpeg)

    cdef int check(self, Pictures pictures) except -1:
        cdef int height = pictures.c.height, width = pictures.c.width
        if max(height, width) > PICTURE_SIDE or max(height, width) + 2 * pictures.c.padding > FIELD_SIDE:
            raise ValueError(f"pictures of {height} x {width} and padding of {pictures.c.padding} cannot be distorted, "
                             f"only up to {PICTURE_SIDE} x {PICTURE_SIDE}, {FIELD_SIDE} x {FIELD_SIDE} with padding")
        return 0


def within(const float[::1] values not None, float low, float high):
    """Whether every value is a number in low..high."""
    cdef bint inside
    with nogil:
        inside = values.shape[0] == 0 or _isa.f32.within(values.shape[0], &values[0], low, high)
    return inside


cdef class Loss:
    """What is minimised: CROSS_ENTROPY of the softmax, or RIGHT_SCORE, minus the score of the right class.

    label_smoothing : 0 to 1, the part of each target that goes to all classes alike
    rubbish : score of one more class in the softmax, which is never right; -inf: none
    teacher_weight : 0..1, part of each target that is what the teachers of a `Training` answer
    temperature : of all softmaxes; the loss is multiplied by its square
    """
    cdef lenet5_loss c

    def __cinit__(self, int kind=LOSS_CROSS_ENTROPY, double label_smoothing=0, double rubbish=-np.inf, *,
                  double teacher_weight=0, double temperature=1):
        if not (kind in (LOSS_CROSS_ENTROPY, LOSS_RIGHT_SCORE) and 0 <= label_smoothing <= 1 and rubbish < np.inf):
            raise ValueError(f"{kind=}, {label_smoothing=}, {rubbish=}: expected a kind of loss, 0..1, a number, -inf")
        if not (0 <= teacher_weight <= 1 and 0 < temperature < np.inf):
            raise ValueError(f"{teacher_weight=}, {temperature=}: expected 0..1, a number above 0")
        self.c = lenet5_loss(<lenet5_loss_kind>kind, label_smoothing, teacher_weight, temperature, rubbish)


#: What :meth:`Program.repeat` can run of a step.
PARTS = ("forward", "backward_input", "backward_weights", "backward")


cdef int64_t _n_values(int channels, int height, int width) noexcept:
    return <int64_t>channels * height * width * LANES


def n_extra(int kind, int channels, int height, int width):
    """Elements that a step keeps behind its output (channels, height, width) for the way back."""
    cdef Py_ssize_t[3] output = [channels, height, width]
    _check_axes("the output", output, 3)
    cdef lenet5_op op
    op.kind, op.out_channels, op.out_height, op.out_width = <lenet5_op_kind>kind, channels, height, width
    return lenet5_n_extra(&op)


cdef int _check_place(str name, int64_t at, int64_t n, int64_t size) except -1:
    """ValueError unless n elements from ``at`` on, where a vector begins, lie in a buffer of this size."""
    if at < 0 or at % LANES or at > size - n:
        raise ValueError(f"{name} of {n} elements at {at}, expected a multiple of {LANES} within the {size} there are")
    return 0


cdef int _check_temperature(double temperature) except -1:
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}, expected a number above 0")
    return 0


cdef class Program:
    """The steps of a network for inputs of one size.

    steps : list of tuples in the order of lenet5_op's fields; the last is the step's constants, int32 (O, C), or None
    n_parameters : length of the parameter buffer, a multiple of 16; behind weights lie 16 elements or more, as biases
    n_activations : elements that the activations of one lane group need, a multiple of 16; the input is at 0, and each
        output behind all before it or, of an activation, in the place of its input
    """
    cdef lenet5_op[32] ops, predicting_ops
    cdef lenet5_net c, predicting
    cdef readonly tuple in_shape, out_shape
    cdef list arenas, constants

    def __cinit__(self, list steps not None, int64_t n_parameters, int64_t n_activations):
        if not 0 < len(steps) <= 32:
            raise ValueError(f"a program has 1 to 32 steps, not {len(steps)}")
        for name, n in (("n_parameters", n_parameters), ("n_activations", n_activations)):
            if n % LANES or not 0 <= n <= MOST_ELEMENTS:
                raise ValueError(f"{name} is {n}, expected a multiple of {LANES} up to {MOST_ELEMENTS:,}")
        cdef int i
        cdef int64_t end = 0
        cdef const int32_t[:, ::1] constants
        self.constants = []  # copies, which nobody changes after they were checked
        for i, step in enumerate(steps):
            if len(step) != 14:
                raise ValueError(f"step {i} has {len(step)} fields, expected 14")
            (self.ops[i].kind, self.ops[i].in_channels, self.ops[i].in_height, self.ops[i].in_width,
             self.ops[i].out_channels, self.ops[i].out_height, self.ops[i].out_width, self.ops[i].kernel_size,
             self.ops[i].weight, self.ops[i].bias, self.ops[i].input, self.ops[i].output,
             self.ops[i].probability) = step[:13]
            self._check_shape(i)
            if step[13] is not None:
                constants = np.array(step[13], order="C")
                if (constants.shape[0], constants.shape[1]) != (step[4], step[1]):
                    raise ValueError(f"step {i} has constants of shape {step[13].shape}, expected {(step[4], step[1])}")
                self.constants.append(constants)
                self.ops[i].constants = &constants[0, 0]
                if self.ops[i].kind == OP_TABLE_CONV2D:
                    self.ops[i].n_pairs = _n_pairs(constants)
            elif self.ops[i].kind in (OP_TABLE_CONV2D, OP_RBF):
                raise ValueError(f"step {i} needs constants")
            end = self._check_places(i, n_parameters, n_activations, end)
        self.c.ops = self.ops
        self.c.n_ops = len(steps)
        self.c.n_parameters, self.c.n_activations = n_parameters, n_activations
        self.c.n_scratch, self.c.n_prepared, self.c.n_ready, self.c.n_kept = LANES, 0, 0, 0
        for i in range(len(steps)):
            self.ops[i].prepared = self.c.n_prepared
            self.c.n_prepared += lenet5_n_prepared(&self.ops[i])
            self.ops[i].ready = self.c.n_ready
            self.c.n_ready += lenet5_n_ready(&self.ops[i])
            self.ops[i].kept = self.c.n_kept
            self.c.n_kept += lenet5_n_kept(&self.ops[i])
            self.c.n_scratch = max(self.c.n_scratch, lenet5_n_scratch(&self.ops[i]))
        self._arrange_prediction()
        self.arenas = []
        self.in_shape, self.out_shape = tuple(steps[0][1:4]), tuple(steps[len(steps) - 1][4:7])

    cdef int _check_shape(self, int i) except -1:
        """ValueError unless a step takes what the one before it gives, to what it says, with a kernel that is there."""
        cdef const lenet5_op *op = &self.ops[i]
        cdef const lenet5_op *before = op - (i > 0)
        cdef Py_ssize_t[3] axes = [op.in_channels, op.in_height, op.in_width]
        cdef Py_ssize_t[4] weights = [op.out_channels, op.in_channels, op.kernel_size, op.kernel_size]
        _check_axes(f"the input of step {i}", axes, 3)
        _check_axes(f"the kernel of step {i}", weights, 4)
        cdef lenet5_op fitted = op[0]
        _fit_output(&fitted)
        if (fitted.out_height, fitted.out_width) != (op.out_height, op.out_width):
            raise ValueError(f"step {i} gives {op.out_height} x {op.out_width}, expected {fitted.out_height} x "
                             f"{fitted.out_width}")
        if i and (before.out_channels, before.out_height, before.out_width) != (op.in_channels, op.in_height,
                                                                                op.in_width):
            raise ValueError(f"step {i} takes another input than the output of the step before it")
        if not 0 <= op.probability < 1:
            raise ValueError(f"step {i} has a probability of {op.probability}, expected 0 to below 1")
        return 0

    cdef int64_t _check_places(self, int i, int64_t n_parameters, int64_t n_activations, int64_t end) except -1:
        """ValueError unless all that a step reads and writes lies in its buffer. Activations up to ``end`` are taken;
        the new end."""
        cdef const lenet5_op *op = &self.ops[i]
        cdef int64_t n_weights = lenet5_n_weights(op), n_biases = _ceil_div(lenet5_n_biases(op), LANES) * LANES
        cdef int64_t n = _n_values(op.out_channels, op.out_height, op.out_width) + lenet5_n_extra(op)
        if op.input != (self.ops[i - 1].output if i else 0):
            raise ValueError(f"step {i} has its input at {op.input}, expected the output of the step before it, or 0")
        end = max(end, _n_values(op.in_channels, op.in_height, op.in_width))
        if op.output < end and not (op.output == op.input and op.kind in ACTIVATIONS):
            raise ValueError(f"step {i} has its output at {op.output}, expected it behind the {end} before it")
        _check_place(f"the output of step {i}", op.output, n, n_activations)
        end = max(end, op.output + n)
        if n_weights:  # dense kernels read whole vectors, up to LANES - 1 elements behind the weights
            _check_place(f"the weights of step {i}", op.weight, n_weights + LANES, n_parameters)
            # behind the biases of a normalisation, its running means and variances
            _check_place(f"the biases of step {i}", op.bias, n_biases * (3 if op.kind == OP_BATCH_NORM else 1),
                         n_parameters)
        return end

    cdef void _arrange_prediction(self) noexcept:
        """The same steps for prediction of lane groups, where no output is wanted any more when the next one is there:
        two places take turns."""
        cdef int64_t[2] most = [0, 0]
        cdef int64_t n
        cdef int i, place = 0
        cdef lenet5_op *op
        most[0] = _n_values(self.ops[0].in_channels, self.ops[0].in_height, self.ops[0].in_width)
        for i in range(self.c.n_ops):  # the offsets count places at first
            op = &self.predicting_ops[i]
            op[0] = self.ops[i]
            op.input = place
            if self.ops[i].input != self.ops[i].output:
                place = 1 - place
            op.output = place
            n = _n_values(op.out_channels, op.out_height, op.out_width)
            if not (op.kind == OP_CONV_POOL and lenet5_has_winograd(op)):  # that keeps nothing where none goes back
                n += lenet5_n_extra(op)
            most[place] = max(most[place], n)
        for i in range(self.c.n_ops):
            self.predicting_ops[i].input *= most[0]
            self.predicting_ops[i].output *= most[0]
        self.predicting = self.c
        self.predicting.ops, self.predicting.n_activations = self.predicting_ops, most[0] + most[1]

    cdef int check(self, Pictures pictures, Py_ssize_t n_parameters) except -1:
        if pictures.shape != self.in_shape:
            raise ValueError(f"pictures have shape {pictures.shape}, this program was made for {self.in_shape}")
        if n_parameters != self.c.n_parameters:
            raise ValueError(f"{n_parameters} parameters, expected {self.c.n_parameters}")
        return 0

    def forward(self, const real[::1] parameters not None, Pictures pictures not None,
                real[:, :, :, ::1] scores not None, Py_ssize_t first, Py_ssize_t last, bint probabilities=False,
                double temperature=1):
        """Write the logits, or the softmax of logits / temperature, of pictures [first, last) to these rows of
        ``scores`` (N, O, OH, OW)."""
        self.check(pictures, parameters.shape[0])
        _check_temperature(temperature)
        cdef int classes = self.ops[self.c.n_ops - 1].out_channels
        cdef Py_ssize_t positions = self.ops[self.c.n_ops - 1].out_height * self.ops[self.c.n_ops - 1].out_width
        if (scores.shape[0] != pictures.n or (scores.shape[1], scores.shape[2], scores.shape[3]) != self.out_shape
                or not 0 <= first <= last <= pictures.n):
            raise ValueError(f"scores have shape {np.asarray(scores).shape}, expected {(pictures.n, *self.out_shape)}; "
                             f"pictures {first}..{last} of {pictures.n}")
        if first == last:
            return
        # One by one where a picture is large, and for the few that are left over after the whole lane groups.
        cdef Py_ssize_t n_groups = 0 if positions > 1 else (last - first) // LANES
        cdef Py_ssize_t n_rest = last - first - n_groups * LANES
        if positions == 1 and n_rest > FEW:
            n_groups, n_rest = n_groups + 1, 0
        cdef Py_ssize_t n_lanes = 2 * self.predicting.n_activations + self.c.n_scratch if positions == 1 else 0
        cdef Py_ssize_t n_single = (self.c.n_activations + self.c.n_scratch) // LANES + 64
        arena_array = self._borrow(n_lanes + self.c.n_prepared + n_single + self.c.n_ready,
                                   np.float32 if real is float else np.float64)
        cdef real[::1] arena = arena_array
        cdef real *groups[2]
        groups[0], groups[1] = &arena[0], &arena[0] + self.predicting.n_activations
        cdef real *scratch = groups[1] + self.predicting.n_activations
        cdef real *prepared = &arena[0] + n_lanes
        cdef real *single = prepared + self.c.n_prepared
        cdef real *ready = single + n_single
        cdef const real *Z
        cdef Py_ssize_t pair, group, start, lane, k
        cdef int n_valid
        cdef real sharpness = <real>(1 / temperature)
        cdef real *out = &scores[0, 0, 0, 0]
        with nogil:
            if n_groups:
                if real is float:
                    _isa.f32.net_prepare(&self.c, &parameters[0], prepared)
                else:
                    _isa.f64.net_prepare(&self.c, &parameters[0], prepared)
            if n_rest:
                if real is float:
                    _isa.f32.single_prepare(&self.c, &parameters[0], ready, False)
                else:
                    _isa.f64.single_prepare(&self.c, &parameters[0], ready, False)
            for pair in range(0, n_groups, 2):
                start = first + pair * LANES
                n_valid = <int>min(last - n_rest - start, <Py_ssize_t>(2 * LANES))
                if real is float:
                    _isa.f32.net_predict(&self.predicting, &parameters[0], prepared, &pictures.c, start, n_valid,
                                         groups[0], groups[1], scratch)
                else:
                    _isa.f64.net_predict(&self.predicting, &parameters[0], prepared, &pictures.c, start, n_valid,
                                         groups[0], groups[1], scratch)
                for group in range(pair, min(pair + 2, n_groups)):
                    Z = groups[group - pair] + self.predicting_ops[self.c.n_ops - 1].output
                    start = first + group * LANES
                    for lane in range(min(last - start, <Py_ssize_t>LANES)):
                        for k in range(classes):
                            out[(start + lane) * classes + k] = Z[k * LANES + lane]
            for start in range(last - n_rest, last):
                if real is float:
                    _isa.f32.net_forward_single(&self.c, &parameters[0], ready, False, &pictures.c, start, single,
                                                out + start * classes * positions)
                else:
                    _isa.f64.net_forward_single(&self.c, &parameters[0], ready, False, &pictures.c, start, single,
                                                out + start * classes * positions)
            if probabilities:
                out += first * classes * positions
                if sharpness != 1:
                    for k in range((last - first) * classes * positions):
                        out[k] *= sharpness
                if real is float:
                    _isa.f32.softmax(last - first, classes, positions, out, out)
                else:
                    _isa.f64.softmax(last - first, classes, positions, out, out)
        if positions == 1:  # work space for a large picture is not kept
            self.arenas.append(arena_array)

    def _borrow(self, n, dtype):
        """Work space: one that an earlier call has given back, or a new one. Each thread has its own."""
        while True:
            try:
                arena = self.arenas.pop()
            except IndexError:
                return aligned_zeros(n, dtype)
            if arena.dtype == dtype:
                return arena

    def loss_and_gradients(self, const real[::1] parameters not None, Pictures pictures not None,
                           const uint8_t[::1] labels not None, real[::1] gradients not None, Loss loss=None):
        """Mean loss (cross-entropy) over all pictures; its gradient is added to ``gradients``. No unit is dropped."""
        if gradients.shape[0] != parameters.shape[0]:
            raise ValueError(f"{gradients.shape[0]} gradients for {parameters.shape[0]} parameters")
        return self._differentiate(parameters, pictures, labels, gradients, None, loss or Loss())

    def input_gradient(self, const real[::1] parameters not None, Pictures pictures not None,
                       const uint8_t[::1] labels not None, Loss loss=None):
        """The gradient of each picture's loss for what the network sees of it: (N, C, H, W), with the padding.

        ValueError for a program whose first layer is fused: it passes none on.
        """
        if self.ops[0].kind == OP_CONV_POOL:
            raise ValueError("the first layer of this program is fused and passes no gradient to the pictures")
        dX = np.empty((_ceil_div(pictures.n, LANES), *self.in_shape, LANES), np.asarray(parameters).dtype)
        cdef real[::1] none = None
        cdef real[:, :, :, :, ::1] lanes = dX
        self._differentiate(parameters, pictures, labels, none, dX, loss or Loss())
        return from_lanes(lanes, pictures.n)

    cdef double _differentiate(self, const real[::1] parameters, Pictures pictures, const uint8_t[::1] labels,
                               real[::1] gradients, object pictures_gradient, Loss loss_kind) except? -1:
        """Mean loss; gradients of parameters (added), or where there are none those of the pictures, unscaled."""
        self.check(pictures, parameters.shape[0])
        cdef int classes = self.out_shape[0]
        cdef Py_ssize_t group, start, n_valid, N = pictures.n
        if labels.shape[0] != N:
            raise ValueError(f"{labels.shape[0]} labels for {N} pictures")
        if self.out_shape[1:] != (1, 1):
            raise ValueError(f"the output {self.out_shape} is a map, a loss needs one position")
        if labels.shape[0] and np.max(labels) >= self.out_shape[0]:
            raise ValueError(f"labels must be below {self.out_shape[0]}, the largest is {np.max(labels)}")
        dtype = np.asarray(parameters).dtype
        cdef real[::1] A = aligned_zeros(self.c.n_activations, dtype), dA = aligned_zeros(self.c.n_activations, dtype)
        cdef real[::1] scratch = aligned_zeros(self.c.n_scratch, dtype), targets = aligned_zeros(classes * LANES, dtype)
        cdef real[::1] U = aligned_zeros(max(1, self.c.n_prepared), dtype), dU = np.zeros_like(U)
        cdef int64_t n_correct = 0, output = self.ops[self.c.n_ops - 1].output
        cdef real *to = NULL if gradients is None else &gradients[0]
        cdef double loss = 0, scale = 1.0 / N if to != NULL and N else 1.0
        cdef const lenet5_loss *kind = &loss_kind.c
        for group in range(_ceil_div(N, LANES)):
            start = group * LANES
            n_valid = min(N - start, <Py_ssize_t>LANES)
            with nogil:
                if real is float:
                    if group == 0:
                        _isa.f32.net_prepare(&self.c, &parameters[0], &U[0])
                    _isa.f32.gather(&pictures.c, NULL, start, n_valid, NULL, &A[0])
                    _isa.f32.draw_dropout(&self.c, NULL, NULL, n_valid, &A[0])
                    _isa.f32.net_forward(&self.c, &parameters[0], &U[0], &A[0], n_valid, &scratch[0])
                    _isa.f32.targets_of_labels(kind, classes, &labels[start], n_valid, &targets[0])
                    loss += _isa.f32.loss(kind, classes, &A[output], &targets[0], &labels[start], n_valid, <float>scale,
                                          &dA[output], &n_correct)
                    _isa.f32.net_backward(&self.c, &parameters[0], &U[0], &A[0], &dA[0], to, &dU[0], True,
                                          NULL, n_valid, &scratch[0])
                else:
                    if group == 0:
                        _isa.f64.net_prepare(&self.c, &parameters[0], &U[0])
                    _isa.f64.gather(&pictures.c, NULL, start, n_valid, NULL, &A[0])
                    _isa.f64.draw_dropout(&self.c, NULL, NULL, n_valid, &A[0])
                    _isa.f64.net_forward(&self.c, &parameters[0], &U[0], &A[0], n_valid, &scratch[0])
                    _isa.f64.targets_of_labels(kind, classes, &labels[start], n_valid, &targets[0])
                    loss += _isa.f64.loss(kind, classes, &A[output], &targets[0], &labels[start], n_valid, scale,
                                          &dA[output], &n_correct)
                    _isa.f64.net_backward(&self.c, &parameters[0], &U[0], &A[0], &dA[0], to, &dU[0], True,
                                          NULL, n_valid, &scratch[0])
            if pictures_gradient is not None:
                size = pictures_gradient[group].size
                pictures_gradient[group] = np.asarray(dA)[:size].reshape(pictures_gradient[group].shape)
        if to != NULL:
            if real is float:
                _isa.f32.net_finish(&self.c, &dU[0], to)
            else:
                _isa.f64.net_finish(&self.c, &dU[0], to)
        return loss / N if N else 0.0

    def repeat(self, const float[::1] parameters not None, Pictures pictures not None, int step, str part, int n):
        """Run one step's "forward", "backward_input", "backward_weights" or "backward" (both) n times on one lane
        group, for timing. The weights of dense layers are trained on four groups at a time, n // 4 times."""
        self.check(pictures, parameters.shape[0])
        if not 0 <= step < self.c.n_ops or part not in PARTS:
            raise ValueError(f"step {step} of {self.c.n_ops}, part {part!r}")
        cdef float[::1] A = aligned_zeros(self.c.n_activations, np.float32)
        cdef float[::1] dA = aligned_zeros(self.c.n_activations, np.float32)
        cdef float[::1] gradients = aligned_zeros(self.c.n_parameters, np.float32)
        cdef float[::1] scratch = aligned_zeros(self.c.n_scratch, np.float32)
        cdef float[::1] U = aligned_zeros(max(1, self.c.n_prepared), np.float32), dU = np.zeros_like(U)
        cdef int which = PARTS.index(part)
        cdef lenet5_net one = self.c
        cdef const lenet5_op *op = &self.ops[step]
        cdef int _
        one.ops, one.n_ops = op, 1
        _isa.f32.gather(&pictures.c, NULL, 0, <int>min(pictures.n, <Py_ssize_t>LANES), NULL, &A[0])
        _isa.f32.net_prepare(&self.c, &parameters[0], &U[0])
        _isa.f32.net_forward(&self.c, &parameters[0], &U[0], &A[0], LANES, &scratch[0])
        if part == "backward_weights" and lenet5_n_kept(op):
            self._repeat_dense(op, n // 4)
            return
        cdef float *dX = &dA[op.input] if which != 2 else NULL
        cdef float *dW = &gradients[op.weight] if which != 1 else NULL
        with nogil:
            for _ in range(n):
                if which == 0:
                    _isa.f32.net_forward(&one, &parameters[0], &U[0], &A[0], LANES, &scratch[0])
                elif op.kind == OP_CONV2D:
                    _isa.f32.conv2d_backward(op, &A[op.input], &dA[op.output], &parameters[op.weight],
                                             &U[0] + op.prepared, dX, dW, &gradients[op.bias] if dW else NULL,
                                             &dU[0] + op.prepared if dW else NULL, False, &scratch[0])
                else:
                    _isa.f32.net_backward(&one, &parameters[0], &U[0], &A[0], &dA[0], &gradients[0], &dU[0], False,
                                          NULL, LANES, &scratch[0])

    cdef void _repeat_dense(self, const lenet5_op *op, int n):
        """A batch of four groups, of zeros, n times: the gradient of the weights of a dense layer, and their update."""
        cdef lenet5_training_f32 t
        cdef float[:, ::1] memory = aligned_zeros((4, self.c.n_parameters + self.c.n_prepared), np.float32)
        cdef float[::1] kept = aligned_zeros(4 * self.c.n_kept, np.float32)
        cdef double[::1] learning_rates = np.zeros(1)
        cdef int _
        t.net, t.kept, t.n_threads, t.first_step = &self.c, &kept[0], 1, 0
        t.parameters, t.gradients = &memory[0, 0], &memory[1, 0]
        t.moment1, t.moment2 = &memory[2, 0], &memory[3, 0]
        t.learning_rates = &learning_rates[0]
        t.optimizer = lenet5_optimizer(OPTIMIZER_SGD, True, 0.9, 0.9, 0.999, 1e-8, 1e-4, 0, 0)
        with nogil:
            for _ in range(n):
                _isa.train_dense_alone(&t, op, 4)


def fma_peak(int64_t n):
    """n rounds of independent float32 multiply-adds in registers: the operations done, to be divided by the time."""
    cdef float out
    cdef double operations
    with nogil:
        operations = _isa.f32.fma_peak(n, &out)
    return operations


def gather(Pictures pictures not None, int64_t[::1] index not None, Augmentation augmentation=None):
    """The pictures with these numbers as the network gets them, distorted or not, float32 (n, C, H, W)."""
    cdef Py_ssize_t group, start, n_valid, n = index.shape[0]
    if n and (np.min(index) < 0 or np.max(index) >= pictures.n):
        raise ValueError(f"index must be in 0..{pictures.n - 1}")
    if augmentation is not None:
        augmentation.check(pictures)
    cdef float[:, :, :, :, ::1] X = np.empty((_ceil_div(n, LANES), *pictures.shape, LANES), np.float32)
    for group in range(_ceil_div(n, LANES)):
        start = group * LANES
        n_valid = min(n - start, <Py_ssize_t>LANES)
        _isa.f32.gather(&pictures.c, &index[start], 0, n_valid, NULL if augmentation is None else &augmentation.c,
                        &X[group, 0, 0, 0, 0])
    return from_lanes(X, n)


# ---- one picture -----------------------------------------------------------------------------------------------

cdef class Fixed:
    """A program with weights that stay as they are: ready to answer one picture a call, in a third of the time.

    program : of pictures (C, 32, 32) with one answer each
    parameters : float32, read-only: nobody may change them while this lives
    background, ink : as of `Pictures`
    """
    cdef Program program
    cdef object parameters_array, ready_array
    cdef const float *parameters
    cdef const float *ready
    cdef float background, ink
    cdef Py_ssize_t n_single

    def __cinit__(self, Program program not None, parameters, float background, float ink):
        if not isinstance(parameters, np.ndarray):
            raise TypeError(f"parameters are {type(parameters).__name__}, expected an array")
        cdef const float[::1] given = parameters
        if given.shape[0] != program.c.n_parameters or parameters.flags.writeable:
            raise ValueError(f"{given.shape[0]} parameters, expected {program.c.n_parameters}, read-only")
        if program.in_shape[1:] != (32, 32) or program.out_shape[1:] != (1, 1):
            raise ValueError(f"a program of {program.in_shape} to {program.out_shape}, expected 32 x 32, one answer")
        cdef float[::1] ready = aligned_zeros(max(1, program.c.n_ready), np.float32)
        _isa.f32.single_prepare(&program.c, &given[0], &ready[0], True)
        self.program, self.parameters_array, self.ready_array = program, parameters, ready
        self.parameters, self.ready, self.background, self.ink = &given[0], &ready[0], background, ink
        self.n_single = (program.c.n_activations + program.c.n_scratch) // LANES + 64

    def __call__(self, X, bint probabilities, double temperature):
        """Logits, or the softmax of logits / temperature, (1, classes) float32.

        None where X is not one picture, uint8 or float32 in 0..1, (1, C, 32, 32) or (1, C, 28, 28) or, of one channel,
        without C, contiguous: then look closer.
        """
        _check_temperature(temperature)
        if type(X) is not np.ndarray:
            return None
        cdef Py_buffer given, answer
        try:
            PyObject_GetBuffer(X, &given, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        except (ValueError, BufferError):  # not contiguous, or of no plain type
            return None
        cdef lenet5_pictures pictures
        cdef bint taken = False
        try:
            taken = self._takes(&given, &pictures)
            if not taken:
                return None
            scores = np.empty((1, self.program.ops[self.program.c.n_ops - 1].out_channels), np.float32)
            PyObject_GetBuffer(scores, &answer, PyBUF_WRITABLE)
            try:
                self._answer(&pictures, <float *>answer.buf, probabilities, temperature)
            finally:
                PyBuffer_Release(&answer)
            return scores
        finally:
            PyBuffer_Release(&given)

    cdef bint _takes(self, const Py_buffer *X, lenet5_pictures *pictures) noexcept:
        """Whether it is one picture that is taken, and how."""
        cdef int n = X.ndim, channels = self.program.ops[0].in_channels
        if not ((n == 4 and X.shape[0] == 1 and X.shape[1] == channels) or (n == 3 and X.shape[0] == 1 == channels)):
            return False
        cdef Py_ssize_t side = X.shape[n - 1]
        cdef bint is_uint8 = X.format[0] == b"B", is_float = X.format[0] == b"f"
        if X.shape[n - 2] != side or (side != 28 and side != 32) or X.format[1] or not (is_uint8 or is_float):
            return False
        if is_float:
            if <size_t>X.buf % 4:
                return False
            if not _isa.f32.within(channels * side * side, <const float *>X.buf, -1e-3, 1 + 1e-3):
                return False
        pictures[0] = lenet5_pictures(X.buf, is_uint8, channels, <int>side, <int>side, 16 - <int>side // 2,
                                      self.background, self.ink)
        return True

    cdef int _answer(self, const lenet5_pictures *pictures, float *scores, bint probabilities,
                     double temperature) except -1:
        cdef float *single = <float *>malloc(self.n_single * sizeof(float) + 64)
        cdef int n = self.program.ops[self.program.c.n_ops - 1].out_channels, k
        cdef float sharpness = <float>(1 / temperature)
        if single == NULL:
            raise MemoryError("no memory for one picture")
        with nogil:
            _isa.f32.net_forward_single(&self.program.c, self.parameters, self.ready, True, pictures, 0,
                                        <float *>((<size_t>single + 63) // 64 * 64), scores)
            if probabilities:
                for k in range(n):
                    scores[k] *= sharpness
                _isa.f32.softmax(1, n, 1, scores, scores)
            free(single)
        return 0


# ---- training --------------------------------------------------------------------------------------------------

cdef class Training:
    """Steps of an optimiser over float32 parameters, on ``n_threads`` threads that all call :meth:`run`.

    The weights after a run are the same bits for any number of threads (net/training.h says how).
    """
    cdef lenet5_training_f32 c
    cdef lenet5_team team
    cdef Program program
    cdef Pictures pictures
    cdef lenet5_teacher_f32[64] teachers
    cdef list arrays, run_arrays
    cdef int n_threads
    cdef bint has_team

    def __cinit__(self, Program program not None, float[::1] parameters not None, float[::1] moment1 not None,
                  float[::1] moment2 not None, int kind, *, int batch_size, int n_threads, double momentum=0.9,
                  bint nesterov=False, double beta1=0.9, double beta2=0.999, double epsilon=1e-8,
                  double weight_decay=0.0, double l1=0.0, double clip_norm=0.0, Loss loss=None, seed=0,
                  double mixup=0.0, double adversarial=0.0, list teachers=None):
        cdef Py_ssize_t n = program.c.n_parameters
        if not n == parameters.shape[0] == moment1.shape[0] == moment2.shape[0]:
            raise ValueError(f"parameters and moments have {parameters.shape[0]}, {moment1.shape[0]} and "
                             f"{moment2.shape[0]} elements, expected {n}")
        if not 0 <= kind <= <int>OPTIMIZER_SDLM:
            raise ValueError(f"kind is {kind}, expected one of SGD, ADAM, ADAMW, RMSPROP, SDLM: {OPTIMIZER_SGD} to "
                             f"{OPTIMIZER_SDLM}")
        if not (0 <= mixup <= 1 and 0 <= adversarial <= 1 and l1 >= 0 and clip_norm >= 0):
            raise ValueError(f"{mixup=}, {adversarial=}: expected 0..1; {l1=}, {clip_norm=}: expected at least 0")
        if adversarial and program.ops[0].kind == OP_CONV_POOL:
            raise ValueError("the first layer of this program is fused and passes no gradient to the pictures")
        if batch_size < 1 or n_threads < 1:
            raise ValueError(f"batch_size is {batch_size}, n_threads is {n_threads}, expected at least 1")
        cdef Py_ssize_t n_groups = _ceil_div(batch_size, LANES)
        self.program = program
        self.c.net = &program.c
        self.c.n_slices = <int>min(n_groups, 8)
        self.n_threads = self.c.n_threads = n_threads
        self.c.batch_size = batch_size
        cdef int64_t n_arena = (2 * program.c.n_activations + program.c.n_scratch + program.c.n_prepared
                                + <int64_t>program.out_shape[0] * LANES)
        if batch_size == 1:  # one thread uses it
            n_arena = max(n_arena, program.c.n_activations + lenet5_n_single(&program.c))
        cdef float[:, ::1] arenas = aligned_zeros((n_threads, n_arena), np.float32)
        cdef float[::1] gradients = aligned_zeros(self.c.n_slices * (n + program.c.n_prepared), np.float32)
        cdef float[::1] kept = aligned_zeros(max(1, self.c.n_slices * program.c.n_kept), np.float32)
        cdef double[::1] losses = np.zeros(self.c.n_slices)
        cdef int64_t[::1] corrects = np.zeros(self.c.n_slices, np.int64)
        self.arrays = [parameters, moment1, moment2, arenas, gradients, kept, losses, corrects]
        self.c.parameters, self.c.moment1, self.c.moment2 = &parameters[0], &moment1[0], &moment2[0]
        self.c.arenas, self.c.gradients, self.c.kept = &arenas[0, 0], &gradients[0], &kept[0]
        self.c.slice_losses, self.c.slice_corrects = &losses[0], &corrects[0]
        self.c.optimizer = lenet5_optimizer(<lenet5_optimizer_kind>kind, nesterov, momentum, beta1, beta2,
                                            epsilon, weight_decay, l1, clip_norm)
        cdef Loss minimised = Loss() if loss is None else loss
        self.c.loss = minimised.c
        self._hire(teachers or [])
        self.c.perturbation = lenet5_perturbation(<uint64_t>(seed % 2**64), 0, mixup, adversarial)
        if lenet5_team_init(&self.team, n_threads) != 0:
            raise MemoryError("no lock for the training threads")
        self.has_team = True
        self.c.team = &self.team

    def __dealloc__(self):
        if self.has_team:
            lenet5_team_destroy(&self.team)

    def _hire(self, list teachers):
        cdef Program teacher
        cdef const float[::1] parameters
        cdef float[::1] prepared
        if len(teachers) > 64:
            raise ValueError(f"{len(teachers)} teachers, expected up to 64")
        for i, (teacher, parameters) in enumerate(teachers):
            if teacher is None or parameters is None:
                raise TypeError(f"teacher {i} is None, or its parameters are")
            if (teacher.in_shape, teacher.out_shape) != (self.program.in_shape, self.program.out_shape):
                raise ValueError(f"teacher {i} takes {teacher.in_shape} and answers {teacher.out_shape}, not "
                                 f"{self.program.in_shape} and {self.program.out_shape}")
            if parameters.shape[0] != teacher.c.n_parameters:
                raise ValueError(f"teacher {i} has {parameters.shape[0]} parameters, expected {teacher.c.n_parameters}")
            prepared = aligned_zeros(max(1, teacher.c.n_prepared), np.float32)
            _isa.f32.net_prepare(&teacher.c, &parameters[0], &prepared[0])
            self.teachers[i] = lenet5_teacher_f32(&teacher.c, &parameters[0], &prepared[0])
            self.c.n_teacher_arena = max(self.c.n_teacher_arena, teacher.c.n_activations + teacher.c.n_scratch)
            self.arrays += [teacher, parameters, prepared]
        cdef float[:, ::1] arenas = aligned_zeros((self.c.n_threads, max(1, self.c.n_teacher_arena)), np.float32)
        self.arrays.append(arenas)
        self.c.teachers, self.c.n_teachers, self.c.teacher_arenas = self.teachers, len(teachers), &arenas[0, 0]

    def limit(self, int n_threads):
        """Run on so many threads from now on, at most those that there is memory for."""
        if not 1 <= n_threads <= self.n_threads:
            raise ValueError(f"n_threads is {n_threads}, expected 1 to {self.n_threads}")
        self.c.n_threads = self.team.n_threads = n_threads

    def prepare(self, Pictures pictures not None, const uint8_t[::1] labels not None,
                const int64_t[::1] order not None, double[::1] learning_rates not None, int64_t first_step,
                Augmentation augmentation=None, epoch=0):
        """Say what the next run trains on: the pictures ``order`` in batches, one learning rate for each.

        ``epoch`` is for what is drawn beside the augmentation: dropout and shares of mixed pictures.
        """
        cdef Py_ssize_t n = order.shape[0]
        self.program.check(pictures, self.program.c.n_parameters)
        if labels.shape[0] != pictures.n or n < 1 or np.min(order) < 0 or np.max(order) >= pictures.n:
            raise ValueError(f"{labels.shape[0]} labels for {pictures.n} pictures, or an order that leaves them")
        largest = np.asarray(labels)[np.asarray(order)].max()
        if self.program.out_shape[1:] != (1, 1):
            raise ValueError(f"pictures of {pictures.shape} give a map of {self.program.out_shape[1:]} answers, "
                             "training needs one")
        if largest >= self.program.out_shape[0]:
            raise ValueError(f"labels must be below {self.program.out_shape[0]}, the largest is {largest}")
        if learning_rates.shape[0] != _ceil_div(n, self.c.batch_size):
            raise ValueError(f"{learning_rates.shape[0]} learning rates for {_ceil_div(n, self.c.batch_size)} steps")
        if augmentation is not None:
            augmentation.check(pictures)
        self.pictures = pictures
        self.run_arrays = [labels, order, learning_rates, augmentation]
        self.c.pictures, self.c.labels, self.c.order = &pictures.c, &labels[0], &order[0]
        self.c.augmentation = NULL if augmentation is None else &augmentation.c
        self.c.n_positions, self.c.n_steps, self.c.first_step = n, learning_rates.shape[0], first_step
        self.c.learning_rates = &learning_rates[0]
        self.c.perturbation.epoch = <uint32_t>(epoch % 2**32)
        self.c.loss_sum, self.c.n_correct, self.c.steps_done, self.c.diverged = 0, 0, 0, 0
        lenet5_team_reset(&self.team)

    def run(self, int thread):
        """Thread ``thread``'s share; returns when all steps are done or a loss is not finite."""
        if self.pictures is None or not 0 <= thread < self.c.n_threads:
            raise ValueError(f"thread {thread} of {self.c.n_threads}, or run() before prepare()")
        with nogil:
            _isa.train(&self.c, thread)

    @property
    def result(self):
        """(sum of losses, right answers, steps done, diverged) of the last run."""
        return self.c.loss_sum, self.c.n_correct, self.c.steps_done, bool(self.c.diverged)


# ---- strokes ---------------------------------------------------------------------------------------------------

cdef extern from "strokes.h" nogil:
    enum: STROKES_SIDE, STROKES_POINTS, PEN_NUMBERS
    void strokes_draw(const float *control, const uint8_t *kind, int n, const float *pen, uint8_t *picture) noexcept


def draw_strokes(const float[:, :, ::1] control not None, const uint8_t[:, ::1] kind not None,
                 const float[:, ::1] pen not None, uint8_t[:, :, ::1] out not None):
    """Draw digits: control points (N, P, 2), their kinds (N, P) and pens (N, 17) to pictures (N, 28, 28)."""
    cdef Py_ssize_t i, n = control.shape[0], points = control.shape[1]
    given = f"control points of shape {(n, points, control.shape[2])}"
    if control.shape[2] != 2 or not 1 <= points <= STROKES_POINTS:
        raise ValueError(f"{given}, not {(n, STROKES_POINTS, 2)} or fewer points")
    if kind.shape[0] != n or kind.shape[1] != points:
        raise ValueError(f"{given} with kinds of shape {(kind.shape[0], kind.shape[1])}")
    if pen.shape[0] != n or pen.shape[1] != PEN_NUMBERS:
        raise ValueError(f"{given} with pens of shape {(pen.shape[0], pen.shape[1])}, not {(n, PEN_NUMBERS)}")
    if out.shape[0] != n or out.shape[1] != STROKES_SIDE or out.shape[2] != STROKES_SIDE:
        raise ValueError(f"{given} with pictures of shape {(out.shape[0], out.shape[1], out.shape[2])}")
    with nogil:
        for i in range(n):
            strokes_draw(&control[i, 0, 0], &kind[i, 0], <int>points, &pen[i, 0], &out[i, 0, 0])
