/* All kernels, for both element types, compiled for the one instruction set that the including file names. */
#include <math.h>
#include <string.h>

#include "barrier.h"
#include "kernels.h"

#define STRING2(x) #x
#define STRING(x) STRING2(x)
#define INLINE static inline __attribute__((always_inline))
/* For loops whose bounds are constants after inlining, so that arrays of accumulators become registers. */
#define UNROLL _Pragma("GCC unroll 32")

#define T float
#define SUFFIX f32
#define INTEGER int32_t
#include "kernels_body.h"
#include "network_body.h"
#include "single_body.h"
#undef T
#undef SUFFIX
#undef INTEGER

#define T double
#define SUFFIX f64
#define INTEGER int64_t
#include "kernels_body.h"
#include "network_body.h"
#include "single_body.h"
#undef T
#undef SUFFIX
#undef INTEGER

#define TABLE(SUFFIX)                                                                                            \
    {                                                                                                            \
        CONCAT(conv2d_forward, SUFFIX), CONCAT(conv2d_backward_input, SUFFIX),                                   \
            CONCAT(conv2d_backward_weights, SUFFIX), CONCAT(avg_pool2d_forward, SUFFIX),                         \
            CONCAT(avg_pool2d_backward, SUFFIX), CONCAT(max_pool2d_forward, SUFFIX),                             \
            CONCAT(max_pool2d_backward, SUFFIX), CONCAT(relu_forward, SUFFIX), CONCAT(relu_backward, SUFFIX),    \
            CONCAT(tanh_forward, SUFFIX), CONCAT(tanh_backward, SUFFIX), CONCAT(softmax_cross_entropy, SUFFIX),  \
            CONCAT(softmax, SUFFIX), CONCAT(gather, SUFFIX), CONCAT(net_forward, SUFFIX),                        \
            CONCAT(net_forward_few, SUFFIX), CONCAT(net_backward, SUFFIX), CONCAT(train, SUFFIX),                \
            CONCAT(fma_peak, SUFFIX)                                                                             \
    }

const lenet5_isa CONCAT(lenet5, ISA) = {STRING(ISA), VECTOR_BYTES, TABLE(f32), TABLE(f64)};
