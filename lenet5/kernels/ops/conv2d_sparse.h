/* Convolution with a connection table, forward beside backward, for element type T. Output channel o sees only the input
 * channels in its row of the table, with one kernel for each such pair. As in ops/conv2d.h, every output is one chain of
 * multiply-adds in the order (c, ky, kx) of the connected channels.
 *
 * Few channels share their inputs, so a block of accumulators is a run of neighbouring pixels of one channel. Their row
 * of inputs stays in registers for all taps of a row of the kernel.
 */

/* Neighbouring pixels in a block: with a row of inputs and a weight, as many as there are registers. */
#if VECTOR_BYTES == 64
#define TABLE_PIXELS 10
#define TABLE_PIXELS_BACK 7
#define TABLE_OUTPUTS 5
#else
#define TABLE_PIXELS 5
#define TABLE_PIXELS_BACK 5
#define TABLE_OUTPUTS 2
#endif

/* acc (NX) += one tap: x is the leftmost input. */
INLINE void FN(table_tap)(const T *x, T w, V *acc, const int NX) {
    V weight = FN(splat)(w);
    IN_REGISTER(weight);
    UNROLL for (int i = 0; i < NX; i++) acc[i] += FN(load)(x + (int64_t)i * LANES) * weight;
}

/* acc (NX) += one row of KS taps, whose weights lie `step` apart. Only a constant number of them is worth unrolling. */
INLINE void FN(table_taps)(const T *x, const T *w, int step, V *acc, const int KS, const int NX) {
    if (__builtin_constant_p(KS))
        UNROLL for (int k = 0; k < KS; k++) FN(table_tap)(x + (int64_t)k * LANES, w[k * step], acc, NX);
    else
        VECTORIZE for (int k = 0; k < KS; k++) FN(table_tap)(x + (int64_t)k * LANES, w[k * step], acc, NX);
}

/* NX pixels of output channel o; x and y are the first ones' places in all channels and in this one. */
INLINE void FN(table_block)(const lenet5_op *op, const T *x, const T *W, T bias, T *y, int o, const int KS, const int NX) {
    const int32_t *kernels = op->constants + (int64_t)o * op->in_channels;
    for (int v = 0; v < LANES; v += VL) {
        V acc[16];
        UNROLL for (int i = 0; i < NX; i++) acc[i] = FN(splat)(bias);
        for (int c = 0; c < op->in_channels; c++)
            if (kernels[c] >= 0)
                for (int ky = 0; ky < KS; ky++)
                    FN(table_taps)(x + ((int64_t)c * op->in_height + ky) * op->in_width * LANES + v,
                                   W + ((int64_t)kernels[c] * KS + ky) * KS, 1, acc, KS, NX);
        UNROLL for (int i = 0; i < NX; i++) FN(store)(y + i * LANES + v, acc[i]);
    }
}

INLINE void FN(table_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y, const int KS) {
    const int OW = op->out_width;
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, Y += (int64_t)OW * LANES) {
            const T *row = X + (int64_t)y * op->in_width * LANES;
            int x = 0;
            for (; x + TABLE_PIXELS <= OW; x += TABLE_PIXELS)
                FN(table_block)(op, row + x * LANES, W, b[o], Y + x * LANES, o, KS, TABLE_PIXELS);
            for (; x + 4 <= OW; x += 4)
                FN(table_block)(op, row + x * LANES, W, b[o], Y + x * LANES, o, KS, 4);
            for (; x < OW; x++)
                FN(table_block)(op, row + x * LANES, W, b[o], Y + x * LANES, o, KS, 1);
        }
}

static void FN(table_conv2d_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, W, b, Y);
    assert(op->constants && op->n_pairs >= 1);
    if (op->kernel_size == SPARSE_TAPS)
        FN(table_forward)(op, X, W, b, Y, SPARSE_TAPS);
    else
        FN(table_forward)(op, X, W, b, Y, op->kernel_size);
}

/* NX pixels of row y of dX += one output channel's part: m points at their leftmost gradient in the first row of padded
 * dY, whose rows are PW wide. The kernel is read backwards. */
INLINE void FN(table_input_gradient_block)(const lenet5_op *op, const T *m, const T *w, T *dX, int y, int PW, const int KS,
                                           const int NX) {
    const int OH = op->out_height, from = y - OH + 1 > 0 ? y - OH + 1 : 0, to = y < KS - 1 ? y : KS - 1;
    for (int v = 0; v < LANES; v += VL) {
        V acc[16];
        UNROLL for (int i = 0; i < NX; i++) acc[i] = FN(load)(dX + i * LANES + v);
        for (int ky = from; ky <= to; ky++)
            FN(table_taps)(m + (int64_t)(y - ky) * PW * LANES + v, w + ky * KS + KS - 1, -1, acc, KS, NX);
        UNROLL for (int i = 0; i < NX; i++) FN(store)(dX + i * LANES + v, acc[i]);
    }
}

/* Pair by pair, so that both planes stay in the first cache. scratch: dY of one channel, (OH, IW + KS - 1) with KS - 1
 * columns of zeros on each side. */
INLINE void FN(table_input_gradient)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch, const int KS) {
    const int IW = op->in_width, OH = op->out_height, OW = op->out_width, PW = IW + KS - 1;
    const int64_t plane = (int64_t)op->in_height * IW * LANES;
    memset(dX, 0, sizeof(T) * op->in_channels * plane);
    memset(scratch, 0, sizeof(T) * OH * PW * LANES);
    for (int o = 0; o < op->out_channels; o++) {
        for (int r = 0; r < OH; r++)
            memcpy(scratch + ((int64_t)r * PW + KS - 1) * LANES, dY + (int64_t)(o * OH + r) * OW * LANES,
                   sizeof(T) * OW * LANES);
        for (int c = 0; c < op->in_channels; c++) {
            const int32_t kernel = op->constants[(int64_t)o * op->in_channels + c];
            const T *w = W + (int64_t)kernel * KS * KS;
            for (int y = 0; kernel >= 0 && y < op->in_height; y++) {
                T *row = dX + c * plane + (int64_t)y * IW * LANES;
                int x = 0;
                for (; x + TABLE_PIXELS_BACK <= IW; x += TABLE_PIXELS_BACK)
                    FN(table_input_gradient_block)(op, scratch + x * LANES, w, row + x * LANES, y, PW, KS,
                                                   TABLE_PIXELS_BACK);
                for (; x < IW; x++)
                    FN(table_input_gradient_block)(op, scratch + x * LANES, w, row + x * LANES, y, PW, KS, 1);
            }
        }
    }
}

/* Row ky of the kernels of NO outputs that see the input x: sums over pixels in registers, over lanes at the end. */
INLINE void FN(table_weight_block)(const lenet5_op *op, const T *x, const T *const *dY, T *const *dW, const int NO,
                                   const int NT) {
    const int IW = op->in_width, OW = op->out_width;
    V total[32];
    UNROLL for (int i = 0; i < NO * NT; i++) total[i] = (V){0};
    for (int v = 0; v < LANES; v += VL)
        for (int r = 0; r < op->out_height; r++)
            for (int p = 0; p < OW; p++) {
                V xv[8];
                UNROLL for (int t = 0; t < NT; t++) xv[t] = FN(load)(x + ((int64_t)r * IW + p + t) * LANES + v);
                UNROLL for (int o = 0; o < NO; o++) {
                    const V d = FN(load)(dY[o] + ((int64_t)r * OW + p) * LANES + v);
                    UNROLL for (int t = 0; t < NT; t++) total[o * NT + t] += d * xv[t];
                }
            }
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int t = 0; t < NT; t++) dW[o][t] += FN(sum_lanes)(total[o * NT + t]);
}

/* Adds to dW, for NO outputs that see channel c. NT divides KS. */
INLINE void FN(table_weight_rows)(const lenet5_op *op, const T *X, int c, const T *const *dY, T *const *dW, const int KS,
                                  const int NO, const int NT) {
    for (int tap = 0; tap < KS * KS; tap += NT) {
        T *to[TABLE_OUTPUTS];
        UNROLL for (int o = 0; o < NO; o++) to[o] = dW[o] + tap;
        FN(table_weight_block)(op, X + (((int64_t)c * op->in_height + tap / KS) * op->in_width + tap % KS) * LANES, dY, to,
                               NO, NT);
    }
}

INLINE void FN(table_weight_gradients)(const lenet5_op *op, const T *X, const T *dY, T *dW, const int KS, const int NT) {
    const int64_t plane = (int64_t)op->out_height * op->out_width * LANES;
    for (int c = 0; c < op->in_channels; c++) {
        const T *from[TABLE_OUTPUTS];
        T *to[TABLE_OUTPUTS];
        int n = 0;
        for (int o = 0; o < op->out_channels; o++) {
            const int32_t kernel = op->constants[(int64_t)o * op->in_channels + c];
            if (kernel < 0)
                continue;
            from[n] = dY + o * plane;
            to[n++] = dW + (int64_t)kernel * KS * KS;
            if (n == TABLE_OUTPUTS) {
                FN(table_weight_rows)(op, X, c, from, to, KS, TABLE_OUTPUTS, NT);
                n = 0;
            }
        }
        for (int i = 0; i < n; i++)
            FN(table_weight_rows)(op, X, c, from + i, to + i, KS, 1, NT);
    }
}

static void FN(table_conv2d_backward)(const lenet5_op *op, const T *X, const T *dY, const T *W, T *dX, T *dW, T *db,
                                      int accumulate, T *scratch) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, dY, W, scratch);
    ASSERT_OPTIONAL(dX, dW, db);
    assert(op->constants && op->n_pairs >= 1);
    const int KS = op->kernel_size;
    if (db)
        FN(conv_bias_gradient)(op, dY, db, accumulate);
    if (dW && !accumulate)
        memset(dW, 0, sizeof(T) * lenet5_n_weights(op));
    if (dW && KS == SPARSE_TAPS)
        FN(table_weight_gradients)(op, X, dY, dW, SPARSE_TAPS, SPARSE_TAPS);
    else if (dW)
        FN(table_weight_gradients)(op, X, dY, dW, KS, 1);
    if (dX && KS == SPARSE_TAPS)
        FN(table_input_gradient)(op, dY, W, dX, scratch, SPARSE_TAPS);
    else if (dX)
        FN(table_input_gradient)(op, dY, W, dX, scratch, KS);
}

/* ---- one image, with neighbouring pixels as lanes: ops/conv2d_flat.h ------------------------------------------------- */

/* One output channel, NV vectors of neighbouring flat positions. */
INLINE void FN(flat_table_block)(const lenet5_op *op, const int32_t *kernels, const T *x, const T *W_, T bias, T *y,
                                 int NV) {
    const int W = op->in_width, KS = op->kernel_size, plane = op->in_height * W;
    V acc[8];
    UNROLL for (int v = 0; v < NV; v++) acc[v] = FN(splat)(bias);
    for (int c = 0; c < op->in_channels; c++)
        for (int ky = 0; kernels[c] >= 0 && ky < KS; ky++)
            for (int kx = 0; kx < KS; kx++) {
                const T *from = x + (int64_t)c * plane + ky * W + kx;
                V weight = FN(splat)(W_[((int64_t)kernels[c] * KS + ky) * KS + kx]);
                IN_REGISTER(weight);
                UNROLL for (int v = 0; v < NV; v++) acc[v] += FN(load)(from + v * VL) * weight;
            }
    UNROLL for (int v = 0; v < NV; v++) FN(store)(y + v * VL, acc[v]);
}

/* Y (O, flat_stride) */
static void FN(flat_table)(const lenet5_op *op, const T *X, const T *W_, const T *b, T *Y) {
    const int W = op->in_width;
    const int64_t stride = FN(flat_stride)(op->out_height, W), used = (int64_t)(op->out_height - 1) * W + op->out_width;
    for (int o = 0; o < op->out_channels; o++) {
        const int32_t *kernels = op->constants + (int64_t)o * op->in_channels;
        int64_t p = 0;
        for (; p + 8 * VL <= stride && p < used; p += 8 * VL)
            FN(flat_table_block)(op, kernels, X + p, W_, b[o], Y + o * stride + p, 8);
        for (; p < used; p += VL)
            FN(flat_table_block)(op, kernels, X + p, W_, b[o], Y + o * stride + p, 1);
    }
}

static void FN(single_table)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y, T *scratch) {
    FN(flat_table)(op, X, W, b, scratch);
    FN(flat_rows)(op, scratch, Y);
}
