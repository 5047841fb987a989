/* All kernels for element type T, in the order in which they use each other. */
#include "simd.inl.h"

#include "ops/pooling.h"
#include "ops/dense.h"
#include "ops/conv2d_winograd.h"
#include "ops/conv2d_direct.h"
#include "ops/conv2d_flat.h"
#include "ops/conv2d.h"
#include "ops/conv_pool_relu.h"
#include "ops/conv2d_sparse.h"
#include "ops/rbf.h"
#include "ops/activations.h"
#include "ops/softmax_loss.h"
#include "ops/regularization.h"

#include "net/gather.h"
#include "net/forward_backward.h"
#include "net/batch1.h"
