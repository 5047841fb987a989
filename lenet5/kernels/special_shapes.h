/* Shapes with code of their own; all others take the general code of their operation, which gives equally good answers.
 *
 * They stand here because a shape must be a constant to be compiled in, and because memory is counted by it (program.h).
 */
#ifndef LENET5_SPECIAL_SHAPES_H
#define LENET5_SPECIAL_SHAPES_H

/* Minimal filtering, which needs transformed kernels: C1 of LeNet-5 with its pooling (ops/conv_pool_relu.h), and C3 of
 * LeNet-5 or with more maps (ops/conv2d_winograd.h); many more maps would not fit the second cache. Both also with
 * fewer maps, for LeNet-5 with half of its multiply-adds.
 *
 * DO(kind, side of the input, in_channels from, to, in steps of, out_channels from, to, in steps of); TAPS x TAPS */
#define MINIMAL_FILTERING(DO)                                                                                              \
    DO(OP_CONV_POOL, C1_SIDE, 1, C1_COLOURS, 2, C1_FEWER, C1_CHANNELS, 2) /* C1 */                                         \
    DO(OP_CONV2D, C3_SIDE, C1_FEWER, C1_FEWER, 2, 8, 8, 8)                /* C3 */                                         \
    DO(OP_CONV2D, C3_SIDE, 6, C3_MOST_CHANNELS, 2, 16, 64, 16)

#define TAPS 5

/* C1: tiles of 4 columns of outputs, 8 multiplications for 4 outputs of 5 taps */
#define C1_SIDE 32
#define C1_CHANNELS 6
#define C1_FEWER 4
#define C1_COLOURS 3 /* input channels of colour images; grey ones have 1 */
#define C1_POINTS 8

/* C3: two tiles of 5 columns of outputs, 9 multiplications for 5 outputs of 5 taps */
#define C3_SIDE 14
#define C3_OUT_SIDE 10
#define C3_TILES 2
#define C3_MOST_CHANNELS 32
#define N_POINTS 9

/* Dense layers of LeNet-5, C5 to the output: DO(inputs, outputs, outputs at a time) (ops/dense.h). */
#define DENSE_SHAPES(DO) DO(400, 120, ROWS_DENSE) DO(120, 84, 12) DO(84, 10, 10)

/* Sides of pooling windows (ops/pooling.h) and of kernels with a connection table (ops/conv2d_sparse.h). */
#define POOL_SIDE 2
#define SPARSE_TAPS 5

#endif
