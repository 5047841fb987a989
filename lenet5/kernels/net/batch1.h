/* A few images: the network on one image at a time, for element type T.
 *
 * A lane group costs the same whether one of its lanes is used or all 16. For one image, activations are plain (C, H, W),
 * and lanes are whatever an operation has most of: neighbouring pixels (ops/conv2d_flat.h), rows (C1), or output channels
 * (C3, dense layers). Every output is the same sum in the same order as on image lanes, and so has the same bits.
 */

INLINE int FN(is_c1)(const lenet5_op *op) { return op->kind == OP_CONV_POOL && lenet5_has_winograd(op); }
INLINE int FN(is_c3)(const lenet5_op *op) { return op->kind == OP_CONV2D && lenet5_has_winograd(op); }

/* Pack the weights for the kernels here (lenet5_n_ready elements): points of C1, and whether all are finite; points of C3
 * with output channels as lanes; and dense weights, transposed, which takes longer than one image does. */
static void FN(single_prepare)(const lenet5_net *net, const T *parameters, T *ready, int with_dense) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(parameters, ready);
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const T *W = parameters + op->weight, *b = parameters + op->bias;
        T *to = ready + op->ready;
        if (FN(is_c1)(op))
            FN(single_c1_prepare)(op->in_channels, op->out_channels, W, b, to);
        else if (FN(is_c3)(op))
            FN(single_c3_prepare)(op, W, to);
        else if (with_dense && FN(is_dense_step)(op))
            FN(transpose_dense)(W, N_FEATURES(op), op->out_channels, to);
    }
}

/* All steps on one image; offsets are those of the lanes, divided by LANES. Without packed weights there is no minimal
 * filtering. */
static void FN(single_forward)(const lenet5_net *net, const T *parameters, const T *ready, int with_dense, T *single,
                               T *scratch) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i, *before = i ? op - 1 : NULL, *next = i + 1 < net->n_ops ? op + 1 : NULL;
        const T *X = single + op->input / LANES, *W = parameters + op->weight, *b = parameters + op->bias;
        const T *own = ready && (with_dense || !IS_DENSE(op)) ? ready + op->ready : NULL;
        T *Y = single + op->output / LANES;
        const int64_t n = ((int64_t)op->out_channels * op->out_height * op->out_width + VL - 1) / VL * VL;
        switch (op->kind) {
        case OP_CONV2D:
            if (!ready || !FN(is_c3)(op)) {
                FN(single_conv2d)(op, X, W, b, own, Y, scratch);
                break;
            }
            const int with_pooling = next && next->kind == OP_MAX_POOL2D && next->kernel_size == 2;
            FN(single_winograd)(op, X, own, b, with_pooling ? single + next->output / LANES : Y,
                                before && FN(is_c1)(before), with_pooling, scratch);
            i += with_pooling;
            break;
        case OP_CONV_POOL: FN(single_conv_pool)(op, X, W, b, own, Y, next && FN(is_c3)(next), scratch); break;
        case OP_AVG_POOL2D:
        case OP_MAX_POOL2D: FN(single_pool2d)(op, X, Y); break;
        case OP_TABLE_CONV2D: FN(single_table)(op, X, W, b, Y, scratch); break;
        case OP_SUBSAMPLE: FN(single_subsample)(op, X, W, b, Y); break;
        case OP_RBF: FN(single_rbf)(op, X, Y); break;
        /* up to VL - 1 elements more, which have not been written yet */
        default: FN(activation_forward)(op->kind, n, X, Y); break;
        }
    }
}

/* The whole program on one image of any size: out (classes, h, w), a map of answers if it is larger than 32 x 32.
 * Memory grows with the image; a lane group would take 16 times as much.
 * single: (n_activations + n_scratch) / LANES + 64 elements. */
static void FN(net_forward_single)(const lenet5_net *net, const T *parameters, const T *ready, int with_dense,
                                   const lenet5_pictures *pictures, int64_t picture, T *single, T *out) {
    ASSERT_NET(net);
    ASSERT_PICTURES(pictures);
    ASSERT_ARRAYS(parameters, ready, single, out);
    assert(picture >= 0);
    const lenet5_op *last = net->ops + net->n_ops - 1;
    FN(gather_single)(pictures, picture, single);
    FN(single_forward)(net, parameters, ready, with_dense, single, single + net->n_activations / LANES);
    memcpy(out, single + last->output / LANES, sizeof(T) * last->out_channels * last->out_height * last->out_width);
}
