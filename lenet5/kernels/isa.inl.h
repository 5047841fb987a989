/* All kernels for one element type, compiled for the one instruction set that the including file names.
 *
 * float32, or float64 if FLOAT64 is defined: two objects for each instruction set. They compile side by side, and float64,
 * in which nothing is trained, with less optimisation (setup.py).
 */
#include <math.h>
#include <string.h>

#include "checks.h"
#include "macros.h"
#include "program.h"
#include "thread_team.h"

#include "augment/affine_elastic.h"
#include "augment/photo.h"

#define TABLE_f64 CONCAT(CONCAT(lenet5, ISA), f64)

#ifdef FLOAT64
#define T double
#define SUFFIX f64
#define INTEGER int64_t
#define ELEMENT_BYTES 8
#include "element.inl.h"
#else
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
#endif

/* clang-format off */
#define ENTRY(result, name, arguments) .name = FN(name),
#ifdef FLOAT64
const lenet5_kernels_f64 TABLE_f64 = {
#include "table.inl.h"
};
#else
extern const lenet5_kernels_f64 TABLE_f64;
const lenet5_isa CONCAT(lenet5, ISA) = {
    .name = STRING(ISA),
    .f32 = {
#include "table.inl.h"
    },
    .f64 = &TABLE_f64,
    .train = train_f32,
    .train_dense_alone = train_dense_alone_f32,
    .fcn_pack = conv2d_same_pack_f32,
    .fcn_forward = fcn_forward_f32,
    .fcn_forward_grey = fcn_forward_grey_f32,
    .grey_planes = grey_planes_f32,
};
#endif
/* clang-format on */
