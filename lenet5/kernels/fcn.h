/* A fully convolutional network on one image: its steps, where its weights lie once they are packed, and its tensors.
 *
 * Tensor 0 is the input, planes (C, H, W); tensor i is the output of step i - 1, channels last, (H, W, C), the channels
 * padded to a multiple of LANES. Each has a border of zeros, as wide as the steps that read it need. The last tensor holds
 * logits.
 */
#ifndef LENET5_FCN_H
#define LENET5_FCN_H

#include <stdint.h>

#define FCN_STEPS 64
#define FCN_CHANNELS 4096
#define FCN_KERNEL 15
#define FCN_DILATION 16
#define FCN_SCALE 256
/* Rows and columns of an image. */
#define FCN_SIDE 4096
/* Channels are padded to a multiple of this; the same as LANES. */
#define FCN_PAD 16

typedef enum { FCN_CONV2D, FCN_MAX_POOL2D } lenet5_fcn_kind;

/* FCN_MAX_POOL2D: 2 x 2, stride 2. FCN_CONV2D: with zeros around the input, as many as keep its size. With a skip
 * connection the source, at half the size, is upsampled by nearest neighbours, and the channels of `skip` follow its own. */
typedef struct {
    lenet5_fcn_kind kind;
    int source, skip;                /* numbers of tensors; skip: 0 where there is none */
    int source_channels, skip_channels, out_channels;
    int kernel_size, stride, dilation;
    int relu;                        /* whether max(0, x) follows */
    int64_t packed;                  /* offset of biases and weights in the packed ones, in elements */
} lenet5_fcn_step;

typedef struct {
    int channels;
    int scale;                       /* pixels of the image for one of this tensor's, in both directions */
    int border;
} lenet5_fcn_tensor;

typedef struct {
    lenet5_fcn_step steps[FCN_STEPS];
    lenet5_fcn_tensor tensors[FCN_STEPS + 1];
    int n_steps;
    int64_t n_packed;
} lenet5_fcn;

/* Where a tensor lies for images of one size, in elements from the start of an arena. */
typedef struct {
    int height, width, border;
    int64_t plane, row, pixel;       /* from each to the next; a plane of one channel for the input only */
    int64_t start, origin;           /* of the border, and of the first pixel within */
    int64_t size;
} lenet5_fcn_place;

static inline int64_t lenet5_fcn_padded(int64_t n) { return (n + FCN_PAD - 1) / FCN_PAD * FCN_PAD; }

static inline lenet5_fcn_place lenet5_fcn_place_of(const lenet5_fcn *net, int tensor, int height, int width,
                                                   int64_t start) {
    const lenet5_fcn_tensor *t = net->tensors + tensor;
    lenet5_fcn_place p = {.height = height / t->scale, .width = width / t->scale, .border = t->border, .start = start};
    const int64_t rows = p.height + 2 * (int64_t)p.border, columns = p.width + 2 * (int64_t)p.border;
    p.pixel = tensor ? lenet5_fcn_padded(t->channels) : 1;
    p.row = columns * p.pixel;
    p.plane = rows * p.row;
    p.size = lenet5_fcn_padded(tensor ? p.plane : t->channels * p.plane);
    p.origin = start + p.border * (p.row + p.pixel);
    return p;
}

/* places (n_steps + 1), one behind the other; the elements of all. */
static inline int64_t lenet5_fcn_arrange(const lenet5_fcn *net, int height, int width, lenet5_fcn_place *places) {
    int64_t n = 0;
    for (int i = 0; i <= net->n_steps; i++) {
        places[i] = lenet5_fcn_place_of(net, i, height, width, n);
        n += places[i].size;
    }
    return n;
}

/* Elements of an arena: all tensors, and as many as the image has pixels for its normalisation. */
static inline int64_t lenet5_fcn_n_arena(const lenet5_fcn *net, int height, int width) {
    lenet5_fcn_place places[FCN_STEPS + 1];
    return lenet5_fcn_arrange(net, height, width, places) + (int64_t)height * width;
}

/* The taps of a kernel along one axis, for the pixels of one parity of an image that was upsampled by 2: how many pixels of
 * the small image they fall on, and the first of them. */
static inline int lenet5_fcn_first(int kernel_size, int parity) {
    const int n = kernel_size / 2 - parity;
    return n > 0 ? -((n + 1) / 2) : 0;
}
static inline int lenet5_fcn_n_taps(int kernel_size, int parity) {
    return (parity + kernel_size / 2) / 2 - lenet5_fcn_first(kernel_size, parity) + 1;
}

/* Weights of one output channel that belong to the source: all four parities of an upsampled one. */
static inline int64_t lenet5_fcn_n_source(const lenet5_fcn_step *step) {
    const int K = step->kernel_size, n = lenet5_fcn_n_taps(K, 0) + lenet5_fcn_n_taps(K, 1);
    return (int64_t)step->source_channels * (step->skip ? n * n : K * K);
}

/* Elements of the packed weights and biases of a step. */
static inline int64_t lenet5_fcn_n_packed(const lenet5_fcn_step *step) {
    if (step->kind != FCN_CONV2D)
        return 0;
    const int64_t n = lenet5_fcn_n_source(step) + (int64_t)step->skip_channels * step->kernel_size * step->kernel_size;
    return lenet5_fcn_padded(step->out_channels) * (n + 1);
}

#endif
