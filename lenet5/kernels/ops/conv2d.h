/* Convolution, valid, stride 1, on one lane group, for element type T: the choice of code for a layer.
 *
 * C3, of LeNet-5 or with more maps, has minimal filtering (ops/conv2d_winograd.h). Otherwise every output is one chain
 *     b + W[0] X[0] + W[1] X[1] + ...
 * in the order (c, ky, kx), whatever the block. The same image gives the same bits on every path, and a dense layer the
 * same as the convolution it is equal to.
 */

static void FN(conv2d_prepare)(const lenet5_op *op, const T *W, T *U) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(W, U);
    if (lenet5_has_winograd(op))
        FN(winograd_prepare)(op->out_channels * op->in_channels * 5, W, U);
}

static void FN(conv2d_finish)(const lenet5_op *op, const T *dU, T *dW) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(dU, dW);
    if (lenet5_has_winograd(op))
        FN(winograd_finish)(op->out_channels, op->in_channels * 5, dU, dW);
}

static void FN(conv2d_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, T *scratch) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, W, b, U, Y, scratch);
    if (lenet5_has_winograd(op))
        FN(c3_forward)(X, U, b, Y, scratch, op->in_channels, op->out_channels);
    else if (!IS_DENSE(op)) {
        const lenet5_op flat = FN(flattened)(op);
        FN(general_forward)(&flat, X, W, b, Y, scratch);
    } else
        FN(dense_forward)(X, W, b, Y, N_FEATURES(op), op->out_channels);
}

static void FN(conv_input_gradient)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch) {
    if (IS_DENSE(op)) {
        const int F = N_FEATURES(op), O = op->out_channels;
        int f = 0;
        for (; f + ROWS_DENSE <= F; f += ROWS_DENSE)
            FN(dense_input_gradient_block)(dY, W + f, dX + (int64_t)f * LANES, F, O, ROWS_DENSE);
        for (; f + 4 <= F; f += 4)
            FN(dense_input_gradient_block)(dY, W + f, dX + (int64_t)f * LANES, F, O, 4);
        for (; f < F; f++)
            FN(dense_input_gradient_block)(dY, W + f, dX + (int64_t)f * LANES, F, O, 1);
    } else {
        const lenet5_op flat = FN(flattened)(op);
        FN(general_input_gradient)(&flat, dY, W, dX, scratch);
    }
}

static void FN(conv_weight_gradient)(const lenet5_op *op, const T *X, const T *dY, T *dW, int accumulate, T *scratch) {
    const int O = op->out_channels;
    if (IS_DENSE(op)) {
        FN(dense_weight_gradient)(X, dY, dW, N_FEATURES(op), O, accumulate, scratch);
        return;
    }
    if (!accumulate)
        memset(dW, 0, sizeof(T) * O * N_FEATURES(op));
    const lenet5_op flat = FN(flattened)(op);
    FN(general_weight_gradient)(&flat, X, dY, dW, scratch);
}

static void FN(conv_bias_gradient)(const lenet5_op *op, const T *dY, T *db, int accumulate) {
    const int P = op->out_height * op->out_width;
    for (int o = 0; o < op->out_channels; o++) {
        V total = {0};
        for (int64_t i = 0; i < (int64_t)P * LANES; i += VL)
            total += FN(load)(dY + (int64_t)o * P * LANES + i);
        db[o] = FN(sum_lanes)(total) + (accumulate ? db[o] : 0);
    }
}

static void FN(conv2d_backward)(const lenet5_op *op, const T *X, const T *dY, const T *W, const T *U, T *dX, T *dW, T *db,
                                T *dU, int accumulate, T *scratch) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, dY, W, U, scratch);
    ASSERT_OPTIONAL(dX, dW, db, dU);
    if (db)
        FN(conv_bias_gradient)(op, dY, db, accumulate);
    if (lenet5_has_winograd(op)) {
        if (dU && !accumulate) {
            memset(dU, 0, sizeof(T) * lenet5_n_prepared(op));
            memset(dW, 0, sizeof(T) * op->out_channels * N_FEATURES(op));
        }
        FN(c3_backward)(X, dY, U, dX, dU, scratch, op->in_channels, op->out_channels);
        return;
    }
    if (dW)
        FN(conv_weight_gradient)(op, X, dY, dW, accumulate, scratch);
    if (dX)
        FN(conv_input_gradient)(op, dY, W, dX, scratch);
}

/* One image: the same. ready: W^T of a dense layer, or NULL. */
static void FN(single_conv2d)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *ready, T *Y, T *scratch) {
    if (IS_DENSE(op)) {
        if (ready)
            FN(ready_dense)(X, ready, b, Y, N_FEATURES(op), op->out_channels);
        else
            FN(single_dense)(X, W, b, Y, N_FEATURES(op), op->out_channels);
        return;
    }
    FN(flat_conv)(X, W, b, scratch, op->in_channels, op->in_height, op->in_width, op->out_channels, op->kernel_size, 4, 2);
    FN(flat_rows)(op, scratch, Y);
}
