/* All kernels, for both element types, compiled for the one instruction set that the including file names. */
#include <math.h>
#include <string.h>

#include "checks.h"
#include "macros.h"
#include "program.h"
#include "thread_team.h"

#include "augment/affine_elastic.h"
#include "augment/photo.h"

#define T float
#define SUFFIX f32
#define INTEGER int32_t
#define ELEMENT_BYTES 4
#include "element.inl.h"
#include "net/optimizers.h"
#include "net/batch1_training.h"
#include "net/training.h"
#include "ops/conv2d_same.h"
#include "ops/pool2d_same.h"
#include "ops/softmax_map.h"
#include "ops/normalize_grey.h"
#include "net/fcn.h"
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

/* clang-format off */
#define ENTRY(result, name, arguments) .name = FN(name),
const lenet5_isa CONCAT(lenet5, ISA) = {
    .name = STRING(ISA),
#define SUFFIX f32
    .f32 = {
#include "table.inl.h"
    },
#undef SUFFIX
#define SUFFIX f64
    .f64 = {
#include "table.inl.h"
    },
#undef SUFFIX
    .train = train_f32,
    .train_dense_alone = train_dense_alone_f32,
    .fcn_pack = conv2d_same_pack_f32,
    .fcn_forward = fcn_forward_f32,
    .fcn_forward_grey = fcn_forward_grey_f32,
    .grey_planes = grey_planes_f32,
};
/* clang-format on */
