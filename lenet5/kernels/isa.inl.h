/* All kernels, for both element types, compiled for the one instruction set that the including file names. */
#include <math.h>
#include <string.h>

#include "macros.h"
#include "program.h"
#include "thread_team.h"

#include "augment/affine_elastic.h"
#include "augment/photo.h"

/* What becomes of a sum of gradients (net/training.h). */
enum { UPDATE, BUFFER, RUNNING };

#define T float
#define SUFFIX f32
#define INTEGER int32_t
#define ELEMENT_BYTES 4
#include "element.inl.h"
#undef T
#undef SUFFIX
#undef INTEGER
#undef ELEMENT_BYTES

#define T double
#define SUFFIX f64
#define INTEGER int64_t
#define ELEMENT_BYTES 8
#include "element.inl.h"
#undef T
#undef SUFFIX
#undef INTEGER
#undef ELEMENT_BYTES

#define TABLE(SUFFIX)                                                                                            \
    {                                                                                                            \
        CONCAT(conv2d_prepare, SUFFIX), CONCAT(conv2d_forward, SUFFIX), CONCAT(conv2d_backward, SUFFIX),         \
            CONCAT(conv2d_finish, SUFFIX), CONCAT(conv_pool_prepare, SUFFIX),                                    \
            CONCAT(conv_pool_forward, SUFFIX), CONCAT(conv_pool_backward, SUFFIX),                               \
            CONCAT(conv_pool_finish, SUFFIX), CONCAT(avg_pool2d_forward, SUFFIX),                              \
            CONCAT(avg_pool2d_backward, SUFFIX), CONCAT(max_pool2d_forward, SUFFIX),                             \
            CONCAT(max_pool2d_backward, SUFFIX), CONCAT(table_conv2d_forward, SUFFIX),                           \
            CONCAT(table_conv2d_backward, SUFFIX), CONCAT(subsample_forward, SUFFIX),                            \
            CONCAT(subsample_backward, SUFFIX), CONCAT(rbf_forward, SUFFIX), CONCAT(rbf_backward, SUFFIX),       \
            CONCAT(activation_forward, SUFFIX), CONCAT(activation_backward, SUFFIX),                             \
            CONCAT(loss, SUFFIX), CONCAT(targets_of_labels, SUFFIX), CONCAT(softmax, SUFFIX),                    \
            CONCAT(within, SUFFIX), CONCAT(gather, SUFFIX), CONCAT(draw_dropout, SUFFIX), CONCAT(net_prepare, SUFFIX),                   \
            CONCAT(net_finish, SUFFIX), CONCAT(net_forward, SUFFIX), CONCAT(net_predict, SUFFIX),                \
            CONCAT(single_prepare, SUFFIX), CONCAT(net_forward_single, SUFFIX), CONCAT(net_backward, SUFFIX),    \
            CONCAT(train, SUFFIX), CONCAT(train_dense_alone, SUFFIX), CONCAT(fma_peak, SUFFIX)                   \
    }

const lenet5_isa CONCAT(lenet5, ISA) = {STRING(ISA), TABLE(f32), TABLE(f64)};
