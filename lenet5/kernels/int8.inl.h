/* All kernels of whole numbers, compiled for the one instruction set that the including file names.
 *
 * INT8_NAME is its name, GROUP how many activations are multiplied at once (ops/int8_dot.h).
 */
#include <stdint.h>
#include <string.h>

#include "int8.h"
#include "macros.h"

#include "ops/int8_dot.h"
#include "ops/int8_pairs.h"
#include "ops/int8_conv.h"
#include "ops/int8_c1.h"
#include "net/int8.h"

const lenet5_int8_kernels CONCAT(lenet5_int8, INT8_NAME) = {
    .name = STRING(INT8_NAME),
    .group = GROUP,
    .pack = int8_pack,
    .forward = int8_forward,
    .dot = int8_dot_groups,
};
