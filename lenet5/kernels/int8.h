/* Networks in whole numbers (docs/quantization.md): their steps, and the functions that every instruction set offers.
 *
 * Activations are (H, W, C): channels last, one image after the other. Lanes are output channels, LANES at a time, and each
 * group of neighbouring activations is one broadcast for all of them. A row of a kernel is K C neighbouring activations,
 * so groups reach over pixels, and only the last group of a row is padded:
 *
 *      pixel x          x + 1            x + 2         ...
 *      c0 c1 c2 c3 c4 c5 c0 c1 c2 c3 c4 c5 c0 ...          one row of activations, as it lies in memory
 *      |--group 0--|--group 1--|--group 2--|               4 bytes (VNNI) or 2 numbers of 16 bits (others)
 */
#ifndef LENET5_INT8_H
#define LENET5_INT8_H

#include <stdint.h>

#include "program.h"

#define INT8_LANES 16 /* output channels that are packed side by side */
#define INT8_STEPS 16
#define INT8_SHIFT 23 /* binary digits behind the point of a multiplier */
#define INT8_PAIR_ROWS 7 /* ops/int8_pairs.h */
#define INT8_TOGETHER 12 /* images that go through the dense layers together */
#define INT8_SPARE 128 /* bytes that may be read or written behind activations */

/* A convolution, max-pooling of pool x pool, and rounding to activations; the last step gives sums of 32 bits. */
typedef struct {
    int in_channels, in_height, in_width;
    int out_channels, out_height, out_width; /* after pooling */
    int kernel_size, pool; /* pool: 1 or 2 */
    int64_t packed; /* offset of weights, biases, multipliers and limits in the packed buffer, in bytes */
} lenet5_int8_step;

typedef struct {
    lenet5_int8_step steps[INT8_STEPS];
    int n_steps, n_convolutions; /* the first steps, which give more than one pixel, or end a network of maps */
    int64_t n_packed; /* bytes */
    int64_t n_activations; /* of one image: the most that a step takes or gives, with spare ones */
    int64_t n_dense; /* the same of the steps behind the convolutions */
    int64_t n_scores;
} lenet5_int8_net;

/* C1 of LeNet-5, for which there is code of its own (ops/int8_c1.h). */
static inline int lenet5_int8_is_c1(const lenet5_int8_step *s) {
    return s->in_channels == 1 && s->in_height == 32 && s->in_width == 32 && s->out_channels == 6 && s->kernel_size == 5 &&
           s->pool == 2;
}

/* C3 of LeNet-5, or with other numbers of whole groups of lanes. */
static inline int lenet5_int8_is_c3(const lenet5_int8_step *s) {
    return s->in_channels == 6 && s->in_height == 14 && s->in_width == 14 && s->out_channels % INT8_LANES == 0 &&
           s->kernel_size == 5 && s->pool == 2;
}

/* Output channels, up to whole groups of lanes. */
static inline int64_t lenet5_int8_n_lanes(const lenet5_int8_step *s) {
    return (s->out_channels + INT8_LANES - 1) / INT8_LANES * (int64_t)INT8_LANES;
}

/* Groups of activations in a row of the kernel. */
static inline int64_t lenet5_int8_n_groups(const lenet5_int8_step *s, int group) {
    return ((int64_t)s->kernel_size * s->in_channels + group - 1) / group;
}

/* Bytes of the weights of a step: rows, groups, lanes; those of C1 are fewer. */
static inline int64_t lenet5_int8_n_weights(const lenet5_int8_step *s, int group) {
    const int n_rows = group == 2 && lenet5_int8_is_c3(s) ? INT8_PAIR_ROWS : s->kernel_size;
    return n_rows * lenet5_int8_n_groups(s, group) * lenet5_int8_n_lanes(s) * (int64_t)sizeof(int32_t);
}

/* Bytes of all that is packed of a step. */
static inline int64_t lenet5_int8_n_packed(const lenet5_int8_step *s, int group) {
    return lenet5_int8_n_weights(s, group) + 3 * lenet5_int8_n_lanes(s) * (int64_t)sizeof(int32_t);
}

typedef struct {
    const char *name;
    int group; /* activations in one broadcast: 4 bytes, or 2 numbers of 16 bits */
    /* W (O, C, K, K), bias, multiplier (O); multiplier is NULL of the last step */
    void (*pack)(const lenet5_int8_step *step, const int8_t *W, const int32_t *bias, const int32_t *multiplier,
                 char *packed);
    /* Scores (n, classes, h, w) of n images from number `first` on, whose background and ink are not looked at.
     * arena: lenet5_int8_n_arena bytes. */
    void (*forward)(const lenet5_int8_net *net, const char *packed, const lenet5_pictures *pictures, int64_t first,
                    int64_t n, char *arena, int32_t *scores);
    /* sums (16) += for each lane the products of n groups of activations x with n vectors of weights w, (n, 16, group);
     * x and w in the types of the kernels, for tests of the instruction alone. */
    void (*dot)(int64_t n, const void *x, const void *w, int32_t *sums);
} lenet5_int8_kernels;

/* Bytes: an image with its border, two buffers of activations, and two of those of dense steps. */
static inline int64_t lenet5_int8_n_arena(const lenet5_int8_net *net) {
    return sizeof(int16_t) * (3 * net->n_activations + 2 * INT8_TOGETHER * net->n_dense) + 64;
}

extern const lenet5_int8_kernels lenet5_int8_baseline, lenet5_int8_emulated;
#if defined(__x86_64__)
extern const lenet5_int8_kernels lenet5_int8_avx2, lenet5_int8_avx512, lenet5_int8_avx512vnni;
#endif

#endif
