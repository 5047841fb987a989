/* Convolution and dense layers on one lane group, each forward beside its backward, for element type T.
 *
 * Axis letters: C, O in- and output channels, Y, X rows and columns, L lanes, K = C * Y * X taps of a kernel.
 *
 * The inner loops keep a block of accumulators in registers, (output channels x pixels) or (output channels x taps),
 * written as small arrays with constant bounds inside always-inlined functions. But for C3, which has minimal filtering
 * (winograd_body.h), every output is one chain  b + W[0] X[0] + W[1] X[1] + ...  in the order (c, ky, kx), whatever the
 * block: the same picture gives the same bits on every path, and a dense layer the same as the convolution that it is
 * equal to.
 */

/* ---- convolution, valid, stride 1 ------------------------------------------------------------------------- */

/* NO output channels x NX neighbouring pixels, all taps: x, w, y point at the block's first element of each. */
INLINE void FN(conv_block)(const T *x, const T *w, const T *b, T *y, int C, int H, int W, int KS, int plane_out,
                           int NO, int NX) {
    const int K = C * KS * KS;
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int o = 0; o < NO; o++)
            UNROLL for (int i = 0; i < NX; i++) acc[o * NX + i] = FN(splat)(b[o]);
        for (int c = 0; c < C; c++)
            for (int ky = 0; ky < KS; ky++) {
                const T *xr = x + (int64_t)(c * H + ky) * W * LANES + v;
                const T *wr = w + (c * KS + ky) * KS;
                for (int kx = 0; kx < KS; kx++) {
                    V xv[32];
                    UNROLL for (int i = 0; i < NX; i++) xv[i] = FN(load)(xr + (kx + i) * LANES);
                    UNROLL for (int o = 0; o < NO; o++)
                        UNROLL for (int i = 0; i < NX; i++) acc[o * NX + i] += xv[i] * wr[(int64_t)o * K + kx];
                }
            }
        UNROLL for (int o = 0; o < NO; o++)
            UNROLL for (int i = 0; i < NX; i++)
                FN(store)(y + ((int64_t)o * plane_out + i) * LANES + v, acc[o * NX + i]);
    }
}

/* NO output channels, all pixels: NX neighbours at a time, then one by one. */
INLINE void FN(conv_forward_channels)(const T *X, const T *w, const T *b, T *Y, int C, int H, int W, int KS, int NO, int NX) {
    const int OH = H - KS + 1, OW = W - KS + 1;
    for (int y = 0; y < OH; y++) {
        const T *xr = X + (int64_t)y * W * LANES;
        T *yr = Y + (int64_t)y * OW * LANES;
        int x = 0;
        for (; x + NX <= OW; x += NX)
            FN(conv_block)(xr + x * LANES, w, b, yr + x * LANES, C, H, W, KS, OH * OW, NO, NX);
        for (; x < OW; x++)
            FN(conv_block)(xr + x * LANES, w, b, yr + x * LANES, C, H, W, KS, OH * OW, NO, 1);
    }
}

INLINE void FN(conv_forward_blocks)(const T *X, const T *W_, const T *b, T *Y, int C, int H, int W, int O, int KS,
                                    int NO, int NX) {
    const int K = C * KS * KS;
    const int64_t plane = (int64_t)(H - KS + 1) * (W - KS + 1) * LANES;
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(conv_forward_channels)(X, W_ + (int64_t)o * K, b + o, Y + o * plane, C, H, W, KS, NO, NX);
    for (; o < O; o++)
        FN(conv_forward_channels)(X, W_ + (int64_t)o * K, b + o, Y + o * plane, C, H, W, KS, 1, 2 * NX);
}

/* One output pixel: a dense layer of F inputs, which lie in the order of the taps. NO outputs at a time. */
INLINE void FN(dense_forward_blocks)(const T *X, const T *W, const T *b, T *Y, int F, int O, int NO) {
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(conv_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, 1, 1, 1, 1, NO, 1);
    for (; o < O; o++)
        FN(conv_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, 1, 1, 1, 1, 1, 1);
}

/* The same for two lane groups, so that a weight that was loaded is used twice. */
INLINE void FN(dense_pair_block)(const T *x0, const T *x1, const T *w, const T *b, T *y0, T *y1, int F, int NO) {
    for (int v = 0; v < LANES; v += VL) {
        V acc0[16], acc1[16];
        UNROLL for (int o = 0; o < NO; o++) acc0[o] = acc1[o] = FN(splat)(b[o]);
        for (int f = 0; f < F; f++) {
            const V a = FN(load)(x0 + (int64_t)f * LANES + v), c = FN(load)(x1 + (int64_t)f * LANES + v);
            UNROLL for (int o = 0; o < NO; o++) {
                V weight = FN(splat)(w[(int64_t)o * F + f]);
                IN_REGISTER(weight);
                acc0[o] += a * weight;
                acc1[o] += c * weight;
            }
        }
        UNROLL for (int o = 0; o < NO; o++) {
            FN(store)(y0 + o * LANES + v, acc0[o]);
            FN(store)(y1 + o * LANES + v, acc1[o]);
        }
    }
}

static void FN(dense_pair)(const T *x0, const T *x1, const T *W, const T *b, T *y0, T *y1, int F, int O) {
    const int NO = VECTOR_BYTES == 64 ? 12 : 5;
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(dense_pair_block)(x0, x1, W + (int64_t)o * F, b + o, y0 + o * LANES, y1 + o * LANES, F, NO);
    for (; o + 2 <= O; o += 2)
        FN(dense_pair_block)(x0, x1, W + (int64_t)o * F, b + o, y0 + o * LANES, y1 + o * LANES, F, 2);
    for (; o < O; o++)
        FN(dense_pair_block)(x0, x1, W + (int64_t)o * F, b + o, y0 + o * LANES, y1 + o * LANES, F, 1);
}

/* The shapes of LeNet-5 itself are compiled with their sizes as constants; any other takes the general code. */
#define IS_C1(op) (op->in_channels == 1 && op->out_channels == 6 && op->in_width == 32 && op->in_height == 32)
#define IS_DENSE(op) (op->out_height == 1 && op->out_width == 1)
#define N_FEATURES(op) (op->in_channels * op->kernel_size * op->kernel_size)

static void FN(conv2d_prepare)(const lenet5_op *op, const T *W, T *U) {
    if (lenet5_has_winograd(op))
        FN(winograd_prepare)(16 * 6 * 5, W, U);
}

static void FN(conv2d_finish)(const lenet5_op *op, const T *dU, T *dW) {
    if (lenet5_has_winograd(op))
        FN(winograd_finish)(16, 6 * 5, dU, dW);
}

static void FN(conv2d_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, T *scratch) {
    const int C = op->in_channels, O = op->out_channels, KS = op->kernel_size;
    if (IS_C1(op) && KS == 5)
        FN(conv_forward_blocks)(X, W, b, Y, 1, 32, 32, 6, 5, ROWS_C1, COLS_C1);
    else if (lenet5_has_winograd(op))
        FN(c3_forward)(X, U, b, Y, scratch);
    else if (!IS_DENSE(op))
        FN(conv_forward_blocks)(X, W, b, Y, C, op->in_height, op->in_width, O, KS, ROWS_C3, COLS_C3);
    else if (N_FEATURES(op) == 400 && O == 120)
        FN(dense_forward_blocks)(X, W, b, Y, 400, 120, ROWS_DENSE);
    else if (N_FEATURES(op) == 120 && O == 84)
        FN(dense_forward_blocks)(X, W, b, Y, 120, 84, 12);
    else if (N_FEATURES(op) == 84 && O == 10)
        FN(dense_forward_blocks)(X, W, b, Y, 84, 10, 10);
    else
        FN(dense_forward_blocks)(X, W, b, Y, N_FEATURES(op), O, 8);
}

/* NC input channels x GENERAL_COLS pixels of dX: m is dY with its rows between KS - 1 columns of zeros, PW wide. */
#define GENERAL_COLS 5
#define PADDED_WIDTH(width) ((width) + GENERAL_COLS)

INLINE void FN(conv_input_gradient_block)(const lenet5_op *op, const T *m, const T *W, T *dX, int y, int n_columns, int PW,
                                          int NC) {
    const int KS = op->kernel_size, OH = op->out_height;
    const int64_t plane = (int64_t)op->in_height * op->in_width * LANES;
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int i = 0; i < NC * GENERAL_COLS; i++) acc[i] = (V){0};
        for (int o = 0; o < op->out_channels; o++)
            for (int ky = y - OH + 1 > 0 ? y - OH + 1 : 0; ky < KS && ky <= y; ky++) {
                const T *dyr = m + (int64_t)(o * OH + y - ky) * PW * LANES + v;
                const T *w = W + ((int64_t)o * op->in_channels * KS + ky) * KS;
                for (int kx = 0; kx < KS; kx++)
                    UNROLL for (int i = 0; i < GENERAL_COLS; i++) {
                        V d = FN(load)(dyr + (i - kx) * LANES);
                        IN_REGISTER(d);
                        UNROLL for (int c = 0; c < NC; c++) acc[c * GENERAL_COLS + i] += d * w[(int64_t)c * KS * KS + kx];
                    }
            }
        UNROLL for (int c = 0; c < NC; c++)
            UNROLL for (int i = 0; i < GENERAL_COLS; i++) if (i < n_columns)
                FN(store)(dX + c * plane + i * LANES + v, acc[c * GENERAL_COLS + i]);
    }
}

static void FN(conv_input_gradient_general)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch) {
    const int C = op->in_channels, H = op->in_height, IW = op->in_width, KS = op->kernel_size;
    const int O = op->out_channels, OH = op->out_height, OW = op->out_width, PW = PADDED_WIDTH(IW + KS - 1);
    const int NC = VECTOR_BYTES == 64 ? 4 : 2;
    memset(scratch, 0, sizeof(T) * O * OH * PW * LANES);
    for (int r = 0; r < O * OH; r++)
        memcpy(scratch + ((int64_t)r * PW + KS - 1) * LANES, dY + (int64_t)r * OW * LANES, sizeof(T) * OW * LANES);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < IW; x += GENERAL_COLS) {
            const T *m = scratch + (int64_t)(x + KS - 1) * LANES;
            T *to = dX + ((int64_t)y * IW + x) * LANES;
            const int64_t plane = (int64_t)H * IW * LANES;
            int c = 0;
            for (; c + NC <= C; c += NC)
                FN(conv_input_gradient_block)(op, m, W + c * KS * KS, to + c * plane, y, IW - x, PW, NC);
            for (; c < C; c++)
                FN(conv_input_gradient_block)(op, m, W + c * KS * KS, to + c * plane, y, IW - x, PW, 1);
        }
}

/* dX (F) = W^T dY, NF features at a time. */
INLINE void FN(dense_input_gradient_block)(const T *dY, const T *W, T *dX, int F, int O, int NF) {
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int f = 0; f < NF; f++) acc[f] = (V){0};
        for (int o = 0; o < O; o++) {
            V d = FN(load)(dY + o * LANES + v);
            UNROLL for (int f = 0; f < NF; f++) acc[f] += d * W[(int64_t)o * F + f];
        }
        UNROLL for (int f = 0; f < NF; f++) FN(store)(dX + f * LANES + v, acc[f]);
    }
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
    } else
        FN(conv_input_gradient_general)(op, dY, W, dX, scratch);
}

/* dW[o, c, ky, 0..NT) for NO output channels and NT neighbouring taps: sums over pixels in registers, over lanes
 * at the end. */
INLINE void FN(conv_weight_gradient_block)(const T *x, const T *dy, T *dw, int IW, int OH, int OW, int K, int NO,
                                           int NT) {
    V total[32];
    UNROLL for (int i = 0; i < NO * NT; i++) total[i] = (V){0};
    for (int v = 0; v < LANES; v += VL)
        for (int r = 0; r < OH; r++) {
            const T *xr = x + (int64_t)r * IW * LANES + v;
            const T *dyr = dy + (int64_t)r * OW * LANES + v;
            for (int p = 0; p < OW; p++) {
                V xv[32];
                UNROLL for (int t = 0; t < NT; t++) xv[t] = FN(load)(xr + (p + t) * LANES);
                UNROLL for (int o = 0; o < NO; o++) {
                    V d = FN(load)(dyr + ((int64_t)o * OH * OW + p) * LANES);
                    UNROLL for (int t = 0; t < NT; t++) total[o * NT + t] += d * xv[t];
                }
            }
        }
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int t = 0; t < NT; t++) dw[(int64_t)o * K + t] += FN(sum_lanes)(total[o * NT + t]);
}

/* KS is a multiple of NT. */
INLINE void FN(conv_weight_gradients)(const T *X, const T *dY, T *dW, int C, int H, int W, int O, int KS, int NO,
                                      int NT) {
    const int OH = H - KS + 1, OW = W - KS + 1, K = C * KS * KS;
    for (int c = 0; c < C; c++)
        for (int ky = 0; ky < KS; ky++)
            for (int kx = 0; kx < KS; kx += NT) {
                const T *x = X + ((int64_t)(c * H + ky) * W + kx) * LANES;
                T *to = dW + (c * KS + ky) * KS + kx;
                int o = 0;
                for (; o + NO <= O; o += NO)
                    FN(conv_weight_gradient_block)(x, dY + (int64_t)o * OH * OW * LANES, to + (int64_t)o * K, W, OH, OW, K, NO,
                                                   NT);
                for (; o < O; o++)
                    FN(conv_weight_gradient_block)(x, dY + (int64_t)o * OH * OW * LANES, to + (int64_t)o * K, W, OH, OW, K, 1,
                                                   NT);
            }
}

/* Rows of X^T are padded to whole vectors. */
INLINE int FN(padded)(int F) { return (F + LANES - 1) / LANES * LANES; }

/* X^T (LANES, padded(F)) of X (F, LANES). */
static void FN(transpose_features)(const T *X, int F, T *xt) {
    const int FP = FN(padded)(F);
    for (int f = 0; f < FP; f += VL)
        for (int v = 0; v < LANES; v += VL) {
            V x[VECTOR_BYTES / ELEMENT_BYTES], zero = {0};
            UNROLL for (int i = 0; i < VL; i++)
                x[i] = f + i < F ? FN(load)(X + (int64_t)(f + i) * LANES + v) : zero;
            FN(transpose)(x);
            UNROLL for (int l = 0; l < VL; l++) FN(store)(xt + (int64_t)(v + l) * FP + f, x[l]);
        }
}

/* acc (NO, NV) += the products of one picture: dY (NO) in steps of LANES with NV vectors of its features. With X
 * transposed, a vector holds neighbouring features, and a weight gradient needs no sum over lanes. */
INLINE void FN(dense_outer_product)(const T *x, const T *dY, V *acc, int NO, int NV) {
    V xv[8];
    UNROLL for (int i = 0; i < NV; i++) xv[i] = FN(load)(x + i * VL);
    UNROLL for (int o = 0; o < NO; o++) {
        V d = FN(splat)(dY[o * LANES]);
        IN_REGISTER(d);
        UNROLL for (int i = 0; i < NV; i++) acc[o * NV + i] += xv[i] * d;
    }
}

/* What the weight gradient is made of: X^T, then dY (O, LANES). */
static void FN(dense_keep)(const lenet5_op *op, const T *X, const T *dY, T *kept) {
    const int F = N_FEATURES(op);
    FN(transpose_features)(X, F, kept);
    memcpy(kept + (int64_t)LANES * FN(padded)(F), dY, sizeof(T) * op->out_channels * LANES);
}

/* dW (O, F) = dY (O, LANES) X^T (LANES, F), or added. Training takes many groups at once instead (training_body.h). */
static void FN(dense_weight_gradient)(const T *X, const T *dY, T *dW, int F, int O, int accumulate, T *scratch) {
    FN(transpose_features)(X, F, scratch);
    for (int o = 0; o < O; o++)
        for (int f = 0; f < F; f += VL) {
            V acc[1] = {{0}};
            T sums[VECTOR_BYTES / ELEMENT_BYTES];
            for (int l = 0; l < LANES; l++)
                FN(dense_outer_product)(scratch + (int64_t)l * FN(padded)(F) + f, dY + o * LANES + l, acc, 1, 1);
            FN(store)(sums, acc[0]);
            for (int i = 0; i < VL && f + i < F; i++)
                dW[(int64_t)o * F + f + i] = sums[i] + (accumulate ? dW[(int64_t)o * F + f + i] : 0);
        }
}

static void FN(conv_weight_gradient)(const lenet5_op *op, const T *X, const T *dY, T *dW, int accumulate, T *scratch) {
    const int C = op->in_channels, O = op->out_channels, KS = op->kernel_size;
    if (IS_DENSE(op)) {
        FN(dense_weight_gradient)(X, dY, dW, N_FEATURES(op), O, accumulate, scratch);
        return;
    }
    if (!accumulate)
        memset(dW, 0, sizeof(T) * O * N_FEATURES(op));
    if (IS_C1(op) && KS == 5)
        FN(conv_weight_gradients)(X, dY, dW, 1, 32, 32, 6, 5, VECTOR_BYTES == 64 ? 3 : 2, 5);
    else if (KS == 3)
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, 3, VECTOR_BYTES == 64 ? 6 : 3, 3);
    else if (KS == 5)
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, 5, VECTOR_BYTES == 64 ? 4 : 2, 5);
    else if (KS == 7)
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, 7, VECTOR_BYTES == 64 ? 3 : 1, 7);
    else
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, KS, VECTOR_BYTES == 64 ? 12 : 6, 1);
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
    if (db)
        FN(conv_bias_gradient)(op, dY, db, accumulate);
    if (lenet5_has_winograd(op)) {
        if (dU && !accumulate) {
            memset(dU, 0, sizeof(T) * lenet5_n_prepared(op));
            memset(dW, 0, sizeof(T) * op->out_channels * N_FEATURES(op));
        }
        FN(c3_backward)(X, dY, U, dX, dU, scratch);
        return;
    }
    if (dW)
        FN(conv_weight_gradient)(op, X, dY, dW, accumulate, scratch);
    if (dX)
        FN(conv_input_gradient)(op, dY, W, dX, scratch);
}
