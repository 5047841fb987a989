/* Radial basis functions on one lane group, forward beside backward, for element type T: the score of a class is minus
 * the squared distance between the features and the fixed centre of the class, at every position. So the largest score
 * is the nearest centre, and softmax of the scores is the 1998 paper's probability (eq. 9). */

static void FN(rbf_forward)(const lenet5_op *op, const T *X, T *Y) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, Y);
    assert(op->constants);
    const int64_t P = (int64_t)op->in_height * op->in_width * LANES;
    for (int o = 0; o < op->out_channels; o++) {
        const int32_t *centre = op->constants + (int64_t)o * op->in_channels;
        for (int64_t p = 0; p < P; p += VL) {
            V total = {0};
            for (int c = 0; c < op->in_channels; c++) {
                const V d = FN(load)(X + c * P + p) - (T)centre[c];
                total -= d * d;
            }
            FN(store)(Y + o * P + p, total);
        }
    }
}

static void FN(rbf_backward)(const lenet5_op *op, const T *X, const T *dY, T *dX) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, dY, dX);
    assert(op->constants);
    const int64_t P = (int64_t)op->in_height * op->in_width * LANES;
    for (int c = 0; c < op->in_channels; c++)
        for (int64_t p = 0; p < P; p += VL) {
            const V x = FN(load)(X + c * P + p);
            V total = {0};
            for (int o = 0; o < op->out_channels; o++)
                total += FN(load)(dY + o * P + p) * (x - (T)op->constants[(int64_t)o * op->in_channels + c]);
            FN(store)(dX + c * P + p, total * -2);
        }
}

/* ---- one image: activations are plain (C, H, W) ----------------------------------------------------------------------- */

static void FN(single_rbf)(const lenet5_op *op, const T *X, T *Y) {
    const int64_t P = (int64_t)op->in_height * op->in_width;
    for (int o = 0; o < op->out_channels; o++)
        for (int64_t p = 0; p < P; p++) {
            V total = {0}; /* a vector of equal numbers: in a scalar sum the compiler fuses other operations */
            for (int c = 0; c < op->in_channels; c++) {
                V d = FN(splat)(X[c * P + p]) - (T)op->constants[(int64_t)o * op->in_channels + c];
                IN_REGISTER(d);
                total -= d * d;
            }
            *Y++ = total[0];
        }
}

static void FN(single_rbf_backward)(const lenet5_op *op, const T *X, const T *dY, T *dX) {
    const int64_t P = (int64_t)op->in_height * op->in_width;
    for (int c = 0; c < op->in_channels; c++)
        for (int64_t p = 0; p < P; p++) {
            T total = 0;
            for (int o = 0; o < op->out_channels; o++)
                total += dY[o * P + p] * (X[c * P + p] - (T)op->constants[(int64_t)o * op->in_channels + c]);
            dX[c * P + p] = -2 * total;
        }
}
