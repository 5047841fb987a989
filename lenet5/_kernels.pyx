"""All compiled entry points: layers over image lanes, the whole network, a thread's share of training.

Three tiers: the modules above explain and check dtypes; the ``def`` functions here compare shapes and allocate; the C
functions behind them (kernels/) only compute, without the GIL. Lane arrays are (B, C, H, W, 16):
16 images side by side in the innermost axis.
"""

import math
import os

import numpy as np

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from .kernels.kernels cimport (
    FCN_CHANNELS, FCN_CONV2D, FCN_DILATION, FCN_KERNEL, FCN_MAX_POOL2D, FCN_SCALE, FCN_SIDE, FCN_STEPS, FIELD_SIDE,
    INT8_SPARE, INT8_STEPS, LANES, LOSS_ABSOLUTE, LOSS_CROSS_ENTROPY, LOSS_HUBER, LOSS_RIGHT_SCORE, LOSS_SQUARED,
    N_OPS, OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_RMSPROP, OPTIMIZER_SDLM, OPTIMIZER_SGD, OP_AVG_POOL2D,
    OP_BATCH_NORM, OP_CONV2D, OP_CONV_POOL,
    OP_DROPOUT, OP_MAX_POOL2D, OP_RBF, OP_RELU, OP_SCALED_TANH, OP_SIGMOID, OP_SUBSAMPLE, OP_TABLE_CONV2D, OP_TANH,
    PICTURE_SIDE, lenet5_augmentation, lenet5_fcn, lenet5_fcn_first, lenet5_fcn_n_arena, lenet5_fcn_n_packed,
    lenet5_fcn_step, lenet5_fcn_tensor, lenet5_has_winograd, lenet5_int8_kernels, lenet5_int8_n_arena,
    lenet5_int8_n_packed, lenet5_int8_net, lenet5_int8_step, lenet5_is_activation, lenet5_isa, lenet5_loss,
    lenet5_loss_kind, lenet5_n_biases, lenet5_n_extra, lenet5_n_kept, lenet5_n_prepared, lenet5_n_ready,
    lenet5_n_scratch, lenet5_n_single, lenet5_n_weights, lenet5_net, lenet5_op, lenet5_op_kind, lenet5_op_name,
    lenet5_optimizer, lenet5_optimizer_kind, lenet5_perturbation, lenet5_pictures, lenet5_teacher_f32, lenet5_team,
    lenet5_team_destroy, lenet5_team_init, lenet5_team_reset, lenet5_training_f32)

ctypedef fused real:
    float
    double


cdef extern from *:
    """
    #include "int8.h"
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
    """Return the instruction sets this processor can run, and the choice: the widest, or ``wanted``."""
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

#: The compiler of the kernels.
COMPILER = LENET5_COMPILER.decode()
#: Names of the instruction sets that this processor can run, widest first, and of the one in use.
ISAS, ISA = _choose(os.environ.get("LENET5_ISA", ""))
N_LANES = LANES
#: The number of each operation by its name, as kernels/program.h lists them; and those of single elements.
OPS = {lenet5_op_name(kind).decode(): kind for kind in range(N_OPS)}
ACTIVATIONS = tuple(kind for kind in range(N_OPS) if lenet5_is_activation(kind))
CONV2D, AVG_POOL2D, MAX_POOL2D, RELU, TANH = OP_CONV2D, OP_AVG_POOL2D, OP_MAX_POOL2D, OP_RELU, OP_TANH
CONV_POOL, TABLE_CONV2D, SUBSAMPLE, RBF = OP_CONV_POOL, OP_TABLE_CONV2D, OP_SUBSAMPLE, OP_RBF
SCALED_TANH, SIGMOID = OP_SCALED_TANH, OP_SIGMOID
BATCH_NORM, DROPOUT = OP_BATCH_NORM, OP_DROPOUT
SGD, ADAM, ADAMW = OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW
RMSPROP, SDLM = OPTIMIZER_RMSPROP, OPTIMIZER_SDLM
SAME_CONV2D, SAME_MAX_POOL2D = FCN_CONV2D, FCN_MAX_POOL2D
CROSS_ENTROPY, RIGHT_SCORE = LOSS_CROSS_ENTROPY, LOSS_RIGHT_SCORE
SQUARED, ABSOLUTE, HUBER = LOSS_SQUARED, LOSS_ABSOLUTE, LOSS_HUBER


def fma_peak(int64_t n):
    """n rounds of independent float32 multiply-adds in registers: the operations done, to be divided by the time."""
    cdef float out
    cdef double operations
    with nogil:
        operations = _isa.f32.fma_peak(n, &out)
    return operations


include "kernels/cython/arrays.pxi"
include "kernels/cython/convolutions.pxi"
include "kernels/cython/layers.pxi"
include "kernels/cython/inputs.pxi"
include "kernels/cython/program.pxi"
include "kernels/cython/batch1.pxi"
include "kernels/cython/training.pxi"
include "kernels/cython/strokes.pxi"
include "kernels/cython/fcn.pxi"
include "kernels/cython/int8.pxi"
