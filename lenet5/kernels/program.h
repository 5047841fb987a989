/* The interface between the compiled module and the micro-kernels: a network's program, and one table of functions for
 * each (instruction set, element type).
 *
 * Memory order everywhere: LANES images lie side by side in the innermost axis, activations of one lane group are
 * (C, H, W, LANES). So each arithmetic operation is a full vector over images, each weight is one broadcast, and
 * the columns of im2col are never stored: column (c, ky, kx) of pixel (y, x) is the vector at (c, y + ky, x + kx).
 */
#ifndef LENET5_KERNELS_H
#define LENET5_KERNELS_H

#include <stdint.h>

#include "fcn.h"
#include "special_shapes.h"

#define LANES 16

/* Every operation, in one place: the numbers below, and the names by which Python knows them, are made from this list.
 * ACTIVATION is for those of single elements (ops/activations.h), which may work in place.
 *
 * OP_CONV_POOL: a first layer's convolution, 5 x 5, max-pooling 2 x 2 and ReLU (ops/conv_pool_relu.h).
 * OP_BATCH_NORM, OP_DROPOUT: for training only (ops/regularization.h).
 * OP_TABLE_CONV2D: a convolution in which not every output channel sees every input channel (ops/conv2d_sparse.h).
 * OP_SUBSAMPLE: the mean of a window times a coefficient plus a bias, one of each per channel (ops/pooling.h).
 * OP_RBF: minus the squared distances to fixed centres (ops/rbf.h). */
#define LENET5_OPS(OP, ACTIVATION)                                                                                         \
    OP(CONV2D)                                                                                                             \
    OP(AVG_POOL2D)                                                                                                         \
    OP(MAX_POOL2D)                                                                                                         \
    ACTIVATION(RELU)                                                                                                       \
    ACTIVATION(TANH)                                                                                                       \
    OP(CONV_POOL)                                                                                                          \
    OP(TABLE_CONV2D)                                                                                                       \
    OP(SUBSAMPLE)                                                                                                          \
    ACTIVATION(SCALED_TANH)                                                                                                \
    ACTIVATION(SIGMOID)                                                                                                    \
    OP(RBF)                                                                                                                \
    OP(BATCH_NORM)                                                                                                         \
    OP(DROPOUT)

#define MEMBER(name) OP_##name,
typedef enum { LENET5_OPS(MEMBER, MEMBER) N_OPS } lenet5_op_kind;
#undef MEMBER

/* What Python calls an operation, 0 <= kind < N_OPS. */
static inline const char *lenet5_op_name(int kind) {
#define NAME(name) #name,
    static const char *const names[] = {LENET5_OPS(NAME, NAME)};
#undef NAME
    return names[kind];
}

static inline int lenet5_is_activation(int kind) {
#define NO(name) 0,
#define YES(name) 1,
    static const char is_activation[] = {LENET5_OPS(NO, YES)};
#undef NO
#undef YES
    return is_activation[kind];
}

/* One step of a network's program, for an input of one fixed size. A dense layer is a convolution of size 1. */
typedef struct {
    lenet5_op_kind kind;
    int in_channels, in_height, in_width;
    int out_channels, out_height, out_width;
    int kernel_size;           /* of convolution and pooling; pooling's stride is the same */
    int64_t weight, bias;      /* offsets in the parameter buffer, in elements */
    int64_t input, output;     /* offsets in the activation buffer, in elements; equal for a step that works in place */
    int64_t prepared;          /* offset in the buffer of prepared weights, in elements */
    int64_t ready;             /* offset in the buffer of weights for one image at a time, in elements */
    int64_t kept;              /* of a dense layer: offset in what training keeps per lane group, in elements */
    double probability;        /* of dropout */
    /* Constants, or NULL. OP_TABLE_CONV2D: (out_channels, in_channels), the number of the pair's kernel, row by row, or
     * -1 without one. OP_RBF: the centres (out_channels, in_channels). */
    const int32_t *constants;
    int n_pairs; /* of OP_TABLE_CONV2D: its kernels */
    int number; /* in the network that draws at random: what a dropout draws depends on it */
    int is_frozen; /* training does not change its parameters */
    double rate_factor; /* of training's learning rate, for its parameters */
} lenet5_op;

typedef struct {
    const lenet5_op *ops;
    int n_ops;
    int64_t n_parameters; /* padded to a multiple of LANES */
    int64_t n_activations; /* elements of the activation buffer of one lane group */
    int64_t n_scratch; /* elements of scratch memory that the kernels need */
    int64_t n_prepared; /* elements of the prepared weights, which a kernel reads in another form */
    int64_t n_ready; /* elements of the packed weights for one image at a time */
    int64_t n_kept; /* elements that training keeps per lane group for the weights of dense layers */
} lenet5_net;

/* Whether minimal filtering is compiled for a step: whether it is one of special_shapes.h. */
static inline int lenet5_has_winograd(const lenet5_op *op) {
    const int C = op->in_channels, O = op->out_channels;
#define FITS(KIND, SIDE, C_FROM, C_TO, C_STEP, O_FROM, O_TO, O_STEP)                                                       \
    if (op->kind == KIND && op->kernel_size == TAPS && op->in_height == SIDE && op->in_width == SIDE && C >= C_FROM &&     \
        C <= C_TO && (C - C_FROM) % C_STEP == 0 && O >= O_FROM && O <= O_TO && O % O_STEP == 0)                            \
        return 1;
    MINIMAL_FILTERING(FITS)
#undef FITS
    return 0;
}

static inline int64_t lenet5_n_prepared(const lenet5_op *op) {
    if (!lenet5_has_winograd(op))
        return 0;
    const int n_points = op->kind == OP_CONV_POOL ? C1_POINTS : N_POINTS;
    return (int64_t)n_points * op->out_channels * op->in_channels * TAPS;
}

/* Trainable weights of a step; if it has any, it has as many biases as output channels. A batch normalisation has four
 * tensors: weights and biases, and behind them, each padded, the running means and variances. */
static inline int64_t lenet5_n_weights(const lenet5_op *op) {
    switch (op->kind) {
    case OP_CONV2D:
    case OP_CONV_POOL: return (int64_t)op->out_channels * op->in_channels * op->kernel_size * op->kernel_size;
    case OP_TABLE_CONV2D: return (int64_t)op->n_pairs * op->kernel_size * op->kernel_size;
    case OP_BATCH_NORM:
    case OP_SUBSAMPLE: return op->out_channels;
    default: return 0;
    }
}

/* The first step that training changes; those before it need no gradients. */
static inline int lenet5_first_trained(const lenet5_net *net) {
    int i = 0;
    while (i < net->n_ops - 1 && (net->ops[i].is_frozen || !lenet5_n_weights(net->ops + i)))
        i++;
    return net->ops[0].is_frozen ? i : 0;
}

static inline int64_t lenet5_n_biases(const lenet5_op *op) { return lenet5_n_weights(op) ? op->out_channels : 0; }

/* Elements behind its output that a step keeps for the backward pass: the origins of pooled values; factors; means and
 * inverse deviations, each padded. */
static inline int64_t lenet5_n_extra(const lenet5_op *op) {
    switch (op->kind) {
    case OP_CONV_POOL:
    case OP_DROPOUT: return (int64_t)op->out_channels * op->out_height * op->out_width * LANES;
    case OP_BATCH_NORM: return 2 * (int64_t)((op->out_channels + LANES - 1) / LANES * LANES);
    default: return 0;
    }
}

/* The same for one image at a time (net/batch1.h): for C1 one number more, for C3 output channels padded to a multiple of
 * LANES, and dense weights transposed, with rows padded alike. */
static inline int64_t lenet5_n_ready(const lenet5_op *op) {
    const int64_t n_features = (int64_t)op->in_channels * op->kernel_size * op->kernel_size;
    if (lenet5_has_winograd(op) && op->kind == OP_CONV_POOL)
        return lenet5_n_prepared(op) + LANES;
    if (lenet5_has_winograd(op))
        return lenet5_n_prepared(op) / op->out_channels * ((op->out_channels + LANES - 1) / LANES * LANES);
    if (op->kind != OP_CONV2D || op->out_height != 1 || op->out_width != 1)
        return 0;
    return n_features * ((op->out_channels + LANES - 1) / LANES * LANES);
}

/* X^T (LANES, features up to a multiple of LANES) and dY (O, LANES) of a dense layer; for others 0. */
static inline int64_t lenet5_n_kept(const lenet5_op *op) {
    if (op->kind != OP_CONV2D || op->out_height != 1 || op->out_width != 1)
        return 0;
    const int64_t n_features = (int64_t)op->in_channels * op->kernel_size * op->kernel_size;
    return LANES * ((n_features + LANES - 1) / LANES * LANES + op->out_channels);
}

/* Largest register blocks in convolutions of any shape (ops/conv2d_direct.h): width in pixels, and height in output
 * channels for gradients of weights. */
#define MOST_PIXELS 6
#define MOST_ROWS 12

/* Scratch of C3's minimal filtering: points of both tiles' columns, and of their gradients. For one image alone, a
 * LANESth of: its columns, their points, and 16 channels of outputs, all with 16 lanes. */
static inline int64_t lenet5_n_winograd(const lenet5_op *op) {
    const int64_t points = C3_TILES * N_POINTS * (C3_SIDE * op->in_channels + C3_OUT_SIDE * op->out_channels);
    const int64_t single = LANES * (op->in_channels * (C3_SIDE + C3_TILES * N_POINTS) + C3_OUT_SIDE * C3_OUT_SIDE);
    return LANES * (points > single ? points : single);
}

/* Elements of scratch memory that the kernels of one convolution need at most; 0 for other steps. */
static inline int64_t lenet5_n_scratch(const lenet5_op *op) {
    if (op->kind == OP_CONV_POOL) {
        const int64_t gradients = (int64_t)op->out_channels * (4 * op->out_width + 25 * op->in_channels + 1) + LANES;
        const int64_t plane = (int64_t)op->out_channels * ((int64_t)(op->in_height - 4) * op->in_width + LANES);
        return LANES * (gradients > plane ? gradients : plane);
    }
    if (op->kind == OP_TABLE_CONV2D)
        return LANES * ((int64_t)op->out_channels * ((int64_t)op->out_height * op->in_width + LANES) +
                        (int64_t)op->out_height * op->kernel_size);
    if (op->kind != OP_CONV2D)
        return 0;
    if (lenet5_has_winograd(op))
        return lenet5_n_winograd(op);
    const int64_t n_rows = (int64_t)op->in_channels * op->kernel_size, n_taps = n_rows * op->kernel_size;
    const int64_t transposed_X = (n_taps + LANES - 1) / LANES * LANES;
    if (op->out_height == 1 && op->out_width == 1)
        return LANES * transposed_X;
    /* A strip of the input, one of the gradients, sums of the weights' gradients: ops/conv2d_direct.h. */
    const int64_t strip = n_rows * (MOST_PIXELS + op->kernel_size - 1), sums = MOST_ROWS * n_taps;
    const int64_t gradients = (int64_t)op->out_channels * MOST_PIXELS;
    /* One image alone needs a LANESth of: its outputs in rows of the input's width. */
    const int64_t flat = (int64_t)op->out_channels * ((int64_t)op->out_height * op->in_width + LANES);
    const int64_t most[] = {strip, gradients, sums};
    int64_t n = flat;
    for (int i = 0; i < 3; i++)
        n = most[i] > n ? most[i] : n;
    return LANES * n;
}

/* Elements that training with one image at a time needs behind the activations of a lane group. They are activations and
 * their gradients, targets, scores and their gradients, and the gradients of one convolution's outputs. The latter have
 * rows of the input's width, or are those outputs themselves. */
static inline int64_t lenet5_n_single(const lenet5_net *net) {
    int64_t most = 0;
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const int64_t before = (int64_t)(op->kernel_size - 1) * (op->in_width + 1);
        const int64_t n = op->out_channels * (before + (int64_t)op->in_height * op->in_width + LANES);
        most = n > most ? n : most;
    }
    return 2 * (net->n_activations / LANES + 64) + (int64_t)3 * net->ops[net->n_ops - 1].out_channels * LANES + most + 64;
}

/* Images as given: (n, channels, height, width), uint8 in 0..255 or float32 in 0..1. */
typedef struct {
    const void *pixels;
    int is_uint8;
    int channels, height, width;
    int padding; /* rows and columns of background added on each side */
    float background, ink; /* the values that 0 and full ink get */
} lenet5_pictures;

/* Largest sides of images that can be distorted, without padding and with it. */
#define PICTURE_SIDE 128
#define FIELD_SIDE 144

/* Random distortions of images: uniform in the ranges, and a function of (seed, epoch, image). */
typedef struct {
    uint64_t seed;
    uint32_t epoch;
    /* Affine: radians, relative change of each side, horizontal shear as a tangent, pixels; all to either side. */
    float rotation, scale, shear, shift;
    int crop; /* whole pixels to either side */
    float flip_probability; /* of exchanging left and right */
    /* Elastic: pixels between knots (at least 3), pixels to either side by which a knot moves; 0: no distortion. */
    float knot_spacing, knot_range;
    int cutout_side; /* pixels */
    float cutout_probability, inversion_probability;
    /* Pens, paper and cameras, see augment/photo.h: fractions of the way, 0 to 1; probability of a bar at the edge. */
    float photo_pen, photo_blur, photo_uneven, photo_grain, photo_clutter;
    float photo_jpeg; /* half the largest factor of the steps */
} lenet5_augmentation;

/* OPTIMIZER_SDLM: moment2 has a factor of the learning rate for each parameter. */
typedef enum { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_RMSPROP, OPTIMIZER_SDLM } lenet5_optimizer_kind;

typedef struct {
    lenet5_optimizer_kind kind;
    int nesterov;
    double momentum, beta1, beta2, epsilon, weight_decay;
    double l1; /* factor of the parameter's sign, which is added to the gradient */
    double clip_norm; /* the largest Euclidean norm of a batch's gradient; 0: no limit */
} lenet5_optimizer;

/* LOSS_CROSS_ENTROPY: of the softmax over the scores. LOSS_RIGHT_SCORE: minus the score of the right class. If scores are
 * minus the penalties of the 1998 network, this is its eq. 8. The others are for quantities, means over the
 * outputs: of the squared error, the absolute error, or Huber's. That is half the square up to 1 and linear beyond. */
typedef enum { LOSS_CROSS_ENTROPY, LOSS_RIGHT_SCORE, LOSS_SQUARED, LOSS_ABSOLUTE, LOSS_HUBER } lenet5_loss_kind;

/* The training loss. */
typedef struct {
    lenet5_loss_kind kind;
    double label_smoothing; /* fraction of each target that is spread over all classes */
    double teacher_weight; /* fraction of each target that is the teachers' answer */
    double temperature; /* of all softmaxes in the cross-entropy; its gradient is multiplied by the square */
    double rubbish; /* score of the rubbish class in the softmax (-j of eq. 9); -INFINITY: no such class */
    const double *shifts; /* (classes): added to the scores in the cross-entropy (logit adjustment), or NULL */
    int n_values; /* of a loss of classes: how many of the last outputs are quantities, for which it adds... */
    lenet5_loss_kind value_kind; /* ...this loss... */
    double value_weight; /* ...times this */
} lenet5_loss;

/* What training does to a batch besides distorting its images; a function of (seed, epoch, image). */
typedef struct {
    uint64_t seed;
    uint32_t epoch;
    double mixup; /* alpha of the Beta distribution of the shares, 0 to 1; 0: no mixing */
    double adversarial; /* change of each pixel of every second image, against the network; 0: none */
} lenet5_perturbation;

/* Training is in float32 alone: float64 is for checks of kernels and gradients. */

/* A trained network whose answers are targets (distillation). */
typedef struct {
    const lenet5_net *net;
    const float *parameters, *prepared;
} lenet5_teacher_f32;

typedef struct {
    const lenet5_net *net;
    float *parameters; /* (n_parameters) */
    float *gradients; /* (n_slices, n_parameters + n_prepared) */
    float *kept; /* (n_slices, n_kept) */
    float *moment1, *moment2; /* (n_parameters): momentum; Adam's two means; RMSprop's mean, SDLM's rates in the second */
    float *arenas; /* (n_threads, 2 * n_activations + n_scratch + n_prepared + classes * LANES); for one
                                * image an update at least n_activations + lenet5_n_single */
    const lenet5_pictures *pictures;
    const uint8_t *labels; /* (N), or NULL */
    const float *values; /* (N, outputs): targets of quantities, of the last outputs where there are labels, too */
    const float *weights; /* (N): of each image's loss, or NULL */
    const int64_t *order; /* (n_positions): the images in the order of this run */
    const lenet5_augmentation *augmentation; /* or NULL */
    int64_t n_positions, batch_size, n_steps;
    const double *learning_rates; /* (n_steps) */
    lenet5_optimizer optimizer;
    lenet5_loss loss;
    lenet5_perturbation perturbation;
    const lenet5_teacher_f32 *teachers; /* (n_teachers); the mean of their answers is a fraction of each target */
    float *teacher_arenas; /* (n_threads, n_teacher_arena): n_activations + n_scratch of the largest teacher, each */
    int64_t n_teacher_arena;
    int n_teachers;
    int64_t first_step; /* updates made before this run: AdamW's bias correction */
    int n_slices, n_threads;
    struct lenet5_team *team;
    double *slice_losses; /* (n_slices) */
    int64_t *slice_corrects; /* (n_slices) */
    /* results, written by thread 0 */
    double loss_sum;
    int64_t n_correct, steps_done;
    int diverged;
} lenet5_training_f32;

#define ENTRY(result, name, arguments) result(*name) arguments;
#define T float
typedef struct {
#include "table.inl.h"
} lenet5_kernels_f32;
#undef T
#define T double
typedef struct {
#include "table.inl.h"
} lenet5_kernels_f64;
#undef T
#undef ENTRY

typedef struct {
    const char *name;
    lenet5_kernels_f32 f32;
    const lenet5_kernels_f64 *f64; /* of an object of its own: isa.inl.h */
    /* One thread's share of a run of training steps; all n_threads must call it at the same time. */
    void (*train)(lenet5_training_f32 *training, int thread);
    /* All rows of one dense layer, with the update, from what n_groups kept: a part of train, for timing. */
    void (*train_dense_alone)(lenet5_training_f32 *training, const lenet5_op *op, int n_groups);
    /* Fully convolutional networks, in float32 alone: net/fcn.h. */
    void (*fcn_pack)(const lenet5_fcn_step *step, const float *W, const float *b, float *packed);
    void (*fcn_forward)(const lenet5_fcn *net, const float *packed, const float *planes, int height, int width,
                        float *arena, float *probabilities);
    void (*fcn_forward_grey)(const lenet5_fcn *net, const float *packed, const float *grey, int h, int w, int height,
                             int width, float *arena, float *probabilities);
    void (*grey_planes)(const float *grey, int h, int w, int height, int width, float *planes, float *scratch);
} lenet5_isa;

extern const lenet5_isa lenet5_baseline;
#if defined(__x86_64__)
extern const lenet5_isa lenet5_avx2;
extern const lenet5_isa lenet5_avx512;
#endif

#endif
