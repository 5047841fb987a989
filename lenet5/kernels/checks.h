/* Assertions of the debug build (LENET5_DEBUG_KERNELS=1): sizes are at least 1, pointers are not NULL and aligned to their
 * elements. Every other build defines NDEBUG, which removes them.
 */
#ifndef LENET5_CHECKS_H
#define LENET5_CHECKS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "program.h"

#ifdef NDEBUG
#define ASSERT_OP(op) ((void)0)
#define ASSERT_NET(net) ((void)0)
#define ASSERT_FCN(net) ((void)0)
#define ASSERT_PICTURES(pictures) ((void)0)
#define ASSERT_ARRAYS(...) ((void)0)
#define ASSERT_OPTIONAL(...) ((void)0)
#else
static inline int lenet5_is_op(const lenet5_op *op) {
    return op && op->kind >= OP_CONV2D && op->kind <= OP_DROPOUT && op->in_channels >= 1 && op->in_height >= 1 &&
           op->in_width >= 1 && op->out_channels >= 1 && op->out_height >= 1 && op->out_width >= 1;
}

static inline int lenet5_is_net(const lenet5_net *net) {
    if (!net || !net->ops || net->n_ops < 1 || net->n_parameters % LANES || net->n_activations % LANES)
        return 0;
    for (int i = 0; i < net->n_ops; i++)
        if (!lenet5_is_op(net->ops + i))
            return 0;
    return 1;
}

/* Whether every step reads tensors that are there already, of the channels and the size that it takes. */
static inline int lenet5_is_fcn_step(const lenet5_fcn *net, int i) {
    const lenet5_fcn_step *s = net->steps + i;
    const lenet5_fcn_tensor *from = net->tensors + s->source, *skip = net->tensors + s->skip, *to = net->tensors + i + 1;
    const int scale = s->kind == FCN_MAX_POOL2D ? 2 : s->stride;
    return s->source >= 0 && s->source <= i && s->skip >= 0 && s->skip <= i && from->channels == s->source_channels &&
           to->channels == s->out_channels && s->packed % FCN_PAD == 0 &&
           s->packed + lenet5_fcn_n_packed(s) <= net->n_packed &&
           (s->skip ? skip->channels == s->skip_channels && from->scale == 2 * skip->scale && to->scale == skip->scale
                    : to->scale == scale * from->scale);
}

static inline int lenet5_is_fcn(const lenet5_fcn *net) {
    if (!net || net->n_steps < 1 || net->n_steps > FCN_STEPS)
        return 0;
    for (int i = 0; i < net->n_steps; i++)
        if (!lenet5_is_fcn_step(net, i))
            return 0;
    return 1;
}

static inline int lenet5_are_pictures(const lenet5_pictures *p) {
    const uintptr_t size = p && p->is_uint8 ? 1 : sizeof(float);
    return p && p->pixels && (uintptr_t)p->pixels % size == 0 && p->channels >= 1 && p->height >= 1 && p->width >= 1 &&
           p->padding >= 0;
}

/* Whether n pointers are aligned to elements of this size, and none is NULL unless that is optional. */
static inline int lenet5_are_arrays(const void *const *arrays, size_t n, size_t size, int optional) {
    for (size_t i = 0; i < n; i++)
        if (!(arrays[i] || optional) || (uintptr_t)arrays[i] % size)
            return 0;
    return 1;
}

#define POINTERS(...) ((const void *const[]){__VA_ARGS__})
#define ARE_ARRAYS(optional, ...)                                                                                          \
    lenet5_are_arrays(POINTERS(__VA_ARGS__), sizeof POINTERS(__VA_ARGS__) / sizeof(void *), sizeof(T), optional)
#define ASSERT_OP(op) assert(lenet5_is_op(op))
#define ASSERT_NET(net) assert(lenet5_is_net(net))
#define ASSERT_FCN(net) assert(lenet5_is_fcn(net))
#define ASSERT_PICTURES(pictures) assert(lenet5_are_pictures(pictures))
#define ASSERT_ARRAYS(...) assert(ARE_ARRAYS(0, __VA_ARGS__))
#define ASSERT_OPTIONAL(...) assert(ARE_ARRAYS(1, __VA_ARGS__))
#endif

#endif
