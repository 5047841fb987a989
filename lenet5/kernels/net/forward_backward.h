/* The network as a program over lane groups, for element type T. */

/* ---- the program -------------------------------------------------------------------------------------------- */

INLINE int64_t FN(n_out)(const lenet5_op *op) { return (int64_t)op->out_channels * op->out_height * op->out_width * LANES; }

INLINE int64_t FN(n_in)(const lenet5_op *op) { return (int64_t)op->in_channels * op->in_height * op->in_width * LANES; }

static void FN(net_prepare)(const lenet5_net *net, const T *parameters, T *prepared) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(parameters, prepared);
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (op->kind == OP_CONV2D)
            FN(conv2d_prepare)(op, parameters + op->weight, prepared + op->prepared);
        if (op->kind == OP_CONV_POOL)
            FN(conv_pool_prepare)(op, parameters + op->weight, prepared + op->prepared);
    }
}

static void FN(net_finish)(const lenet5_net *net, const T *d_prepared, T *gradients) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(d_prepared, gradients);
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (op->kind == OP_CONV2D)
            FN(conv2d_finish)(op, d_prepared + op->prepared, gradients + op->weight);
        if (op->kind == OP_CONV_POOL)
            FN(conv_pool_finish)(op, d_prepared + op->prepared, gradients + op->weight);
    }
}

/* One step on one lane group, of n_valid images. C1 notes the origins of maxima only for training. */
INLINE void FN(forward_step)(const lenet5_op *op, const T *parameters, const T *prepared, T *activations, int n_valid,
                             int training, T *scratch) {
    const T *X = activations + op->input, *W = parameters + op->weight, *b = parameters + op->bias;
    const T *U = prepared + op->prepared;
    T *Y = activations + op->output;
    switch (op->kind) {
    case OP_CONV2D: FN(conv2d_forward)(op, X, W, b, U, Y, scratch); break;
    case OP_CONV_POOL: FN(conv_pool_forward)(op, X, W, b, U, Y, training); break;
    case OP_AVG_POOL2D: FN(avg_pool2d_forward)(op, X, Y); break;
    case OP_MAX_POOL2D: FN(max_pool2d_forward)(op, X, Y); break;
    case OP_TABLE_CONV2D: FN(table_conv2d_forward)(op, X, W, b, Y); break;
    case OP_SUBSAMPLE: FN(subsample_forward)(op, X, W, b, Y); break;
    case OP_RBF: FN(rbf_forward)(op, X, Y); break;
    case OP_BATCH_NORM: FN(batch_norm_forward)(op, X, W, b, Y, n_valid); break;
    case OP_DROPOUT: FN(dropout)(FN(n_out)(op), X, Y + FN(n_out)(op), Y); break;
    default: FN(activation_forward)(op->kind, FN(n_out)(op), X, Y); break;
    }
}

/* For training: net_backward may follow. */
static void FN(net_forward)(const lenet5_net *net, const T *parameters, const T *prepared, T *activations, int n_valid,
                            T *scratch) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(parameters, prepared, activations, scratch);
    assert(n_valid >= 0 && n_valid <= LANES);
    for (int i = 0; i < net->n_ops; i++)
        FN(forward_step)(net->ops + i, parameters, prepared, activations, n_valid, 1, scratch);
}

/* For prediction. */
static void FN(predict_steps)(const lenet5_net *net, int first, int last, const T *parameters, const T *prepared,
                              T *activations, T *scratch) {
    for (int i = first; i < last; i++)
        FN(forward_step)(net->ops + i, parameters, prepared, activations, LANES, 0, scratch);
}

INLINE int FN(is_dense_step)(const lenet5_op *op) { return op->kind == OP_CONV2D && IS_DENSE(op); }

/* The number of the first dense layer, `otherwise` if there is none. */
static int FN(first_dense)(const lenet5_net *net, int otherwise) {
    for (int i = 0; i < net->n_ops; i++)
        if (FN(is_dense_step)(net->ops + i))
            return i;
    return otherwise;
}

/* n <= 2 LANES images from `start` on; scores are left in the activations `first`, and in `second` beyond LANES images.
 * Up to the dense layers, both lane groups use the memory of the first one in turns, so it stays in the second cache.
 * There, each weight that is loaded serves both. */
static void FN(net_predict)(const lenet5_net *net, const T *parameters, const T *prepared, const lenet5_pictures *pictures,
                            int64_t start, int n, T *first, T *second, T *scratch) {
    ASSERT_NET(net);
    ASSERT_PICTURES(pictures);
    ASSERT_ARRAYS(parameters, prepared, first, second, scratch);
    assert(start >= 0 && n >= 1 && n <= 2 * LANES);
    const int dense = FN(first_dense)(net, net->n_ops), pair = n > LANES;
    const lenet5_op *last = net->ops + net->n_ops - 1, *at = net->ops + dense;
    const int64_t from = dense < net->n_ops ? at->input : last->output;
    for (int group = pair; group >= 0; group--) {
        FN(gather)(pictures, NULL, start + group * LANES, group < pair ? LANES : n - group * LANES, NULL, first);
        FN(predict_steps)(net, 0, dense, parameters, prepared, first, scratch);
        if (group)
            memcpy(second + from, first + from, sizeof(T) * (dense < net->n_ops ? FN(n_in)(at) : FN(n_out)(last)));
    }
    for (int i = dense; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (pair && FN(is_dense_step)(op)) {
            FN(dense_pair)(first + op->input, second + op->input, parameters + op->weight, parameters + op->bias,
                           first + op->output, second + op->output, N_FEATURES(op), op->out_channels);
            continue;
        }
        FN(predict_steps)(net, i, i + 1, parameters, prepared, first, scratch);
        if (pair)
            FN(predict_steps)(net, i, i + 1, parameters, prepared, second, scratch);
    }
}

/* Backward through steps [first, last), the last one first. If `kept` is not NULL, dense layers store there what their
 * weight gradients are computed from, and not the gradients. If `gradients` is NULL, only gradients of activations are
 * computed, down to that of the images. */
static void FN(net_backward_steps)(const lenet5_net *net, int first, int last, const T *parameters, const T *prepared,
                                   const T *activations, T *dA, T *gradients, T *d_prepared, int accumulate, T *kept,
                                   int n_valid, T *scratch) {
    const int bottom = lenet5_first_trained(net);
    for (int i = last - 1; i >= first; i--) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input, *Y = activations + op->output;
        T *dX = dA + op->input, *dY = dA + op->output;
        const int trains = gradients && !op->is_frozen, passes_on = gradients ? op->input && i > bottom : 1;
        switch (op->kind) {
        case OP_CONV2D:
            if (!trains) {
                FN(conv2d_backward)(op, X, dY, parameters + op->weight, prepared + op->prepared, dX, NULL, NULL, NULL, 0,
                                    scratch);
                break;
            }
            if (kept && IS_DENSE(op))
                FN(dense_keep)(op, X, dY, kept + op->kept);
            FN(conv2d_backward)(op, X, dY, parameters + op->weight, prepared + op->prepared, passes_on ? dX : NULL,
                                kept && IS_DENSE(op) ? NULL : gradients + op->weight, gradients + op->bias,
                                d_prepared + op->prepared, accumulate, scratch);
            break;
        case OP_CONV_POOL:
            if (trains)
                FN(conv_pool_backward)(op, X, Y, dY, gradients + op->weight, gradients + op->bias,
                                       d_prepared + op->prepared, accumulate, scratch);
            break;
        case OP_AVG_POOL2D: FN(avg_pool2d_backward)(op, dY, dX); break;
        case OP_MAX_POOL2D: FN(max_pool2d_backward)(op, X, Y, dY, dX); break;
        case OP_TABLE_CONV2D:
            FN(table_conv2d_backward)(op, X, dY, parameters + op->weight, passes_on ? dX : NULL,
                                      trains ? gradients + op->weight : NULL, trains ? gradients + op->bias : NULL,
                                      accumulate, scratch);
            break;
        case OP_SUBSAMPLE:
            FN(subsample_backward)(op, X, dY, parameters + op->weight, dX, trains ? gradients + op->weight : NULL,
                                   trains ? gradients + op->bias : NULL, accumulate);
            break;
        case OP_RBF: FN(rbf_backward)(op, X, dY, dX); break;
        case OP_BATCH_NORM:
            FN(batch_norm_backward)(op, X, Y, dY, parameters + op->weight, dX, gradients ? gradients + op->weight : NULL,
                                    accumulate, n_valid);
            break;
        case OP_DROPOUT: FN(dropout)(FN(n_out)(op), dY, Y + FN(n_out)(op), dX); break;
        default: FN(activation_backward)(op->kind, FN(n_out)(op), Y, dY, dX); break;
        }
    }
}

/* All steps. */
static void FN(net_backward)(const lenet5_net *net, const T *parameters, const T *prepared, const T *activations, T *dA,
                             T *gradients, T *d_prepared, int accumulate, T *kept, int n_valid, T *scratch) {
    ASSERT_NET(net);
    ASSERT_ARRAYS(parameters, prepared, activations, dA, scratch);
    ASSERT_OPTIONAL(gradients, d_prepared, kept);
    assert(n_valid >= 0 && n_valid <= LANES);
    FN(net_backward_steps)(net, 0, net->n_ops, parameters, prepared, activations, dA, gradients, d_prepared, accumulate,
                           kept, n_valid, scratch);
}
