/* What the compiled module and the micro-kernels agree on: the program of a network, and one table of functions
 * for each (instruction set, element type).
 *
 * Memory order everywhere: LANES pictures lie side by side in the innermost axis, activations of one lane group are
 * (C, H, W, LANES). So each arithmetic operation is a full vector over pictures, each weight is one broadcast, and
 * the columns of im2col are never stored: column (c, ky, kx) of pixel (y, x) is the vector at (c, y + ky, x + kx).
 */
#ifndef LENET5_KERNELS_H
#define LENET5_KERNELS_H

#include <stdint.h>

#define LANES 16

typedef enum { OP_CONV2D, OP_AVG_POOL2D, OP_MAX_POOL2D, OP_RELU, OP_TANH } lenet5_op_kind;

/* One step of a network's program, for an input of one fixed size. A dense layer is a convolution of size 1. */
typedef struct {
    lenet5_op_kind kind;
    int in_channels, in_height, in_width;
    int out_channels, out_height, out_width;
    int kernel_size;           /* of convolution and pooling; pooling's stride is the same */
    int64_t weight, bias;      /* offsets in the parameter buffer, in elements */
    int64_t input, output;     /* offsets in the activation buffer, in elements; equal where it works in place */
} lenet5_op;

typedef struct {
    const lenet5_op *ops;
    int n_ops;
    int64_t n_parameters;      /* padded to a multiple of LANES */
    int64_t n_activations;     /* elements of the activation buffer of one lane group */
    int64_t n_scratch;         /* elements that the backward kernels need beside it */
} lenet5_net;

/* Pictures as they come: (n, channels, height, width), uint8 in 0..255 or float32 in 0..1. */
typedef struct {
    const void *pixels;
    int is_uint8;
    int channels, height, width;
    int padding;               /* rows and columns of background added on each side */
    float background, ink;     /* the values that 0 and full ink get */
} lenet5_pictures;

/* Largest sides of pictures that can be distorted, without their padding and with it. */
#define PICTURE_SIDE 64
#define FIELD_SIDE 96

/* Random distortions of pictures: what is drawn is uniform in the ranges and a function of (seed, epoch, picture). */
typedef struct {
    uint64_t seed;
    uint32_t epoch;
    /* Affine: radians, relative change of each side, horizontal shear as a tangent, pixels; all to either side. */
    float rotation, scale, shear, shift;
    /* Elastic: pixels between knots (at least 3), pixels to either side that a knot is moved; none where that is 0. */
    float knot_spacing, knot_range;
    int cutout_side;           /* pixels */
    float cutout_probability, inversion_probability;
} lenet5_augmentation;

typedef enum { OPTIMIZER_SGD, OPTIMIZER_ADAMW } lenet5_optimizer_kind;

typedef struct {
    lenet5_optimizer_kind kind;
    int nesterov;
    double momentum, beta1, beta2, epsilon, weight_decay;
} lenet5_optimizer;

#define CONCAT2(a, b) a##_##b
#define CONCAT(a, b) CONCAT2(a, b)

#define T float
#define SUFFIX f32
#include "kernels_table.h"
#undef T
#undef SUFFIX
#define T double
#define SUFFIX f64
#include "kernels_table.h"
#undef T
#undef SUFFIX

typedef struct {
    const char *name;
    kernels_f32 f32;
    kernels_f64 f64;
} lenet5_isa;

extern const lenet5_isa lenet5_baseline;
#if defined(__x86_64__)
extern const lenet5_isa lenet5_avx2;
extern const lenet5_isa lenet5_avx512;
#endif

#endif
