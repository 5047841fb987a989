/* Layer kernels on one lane group, each forward beside its backward, for element type T.
 *
 * Axis letters: C, O in- and output channels, Y, X rows and columns, L lanes, K = C * Y * X taps of a kernel.
 *
 * The inner loops keep a block of accumulators in registers, (output channels x pixels) or (output channels x taps),
 * written as small arrays with constant bounds inside always-inlined functions. Every output of a convolution is
 * one chain  b + W[0] X[0] + W[1] X[1] + ...  in the order (c, ky, kx), whatever the block: the same picture gives the
 * same bits on every path, and a dense layer the same as the convolution that it is equal to.
 */

#define FN(name) CONCAT(name, SUFFIX)
#define V FN(vector)
#define VL ((int)(VECTOR_BYTES / sizeof(T)))

typedef T V __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef INTEGER FN(mask) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

/* How many accumulators fit beside their operands: 32 vector registers with AVX-512, else 16. */
#if VECTOR_BYTES == 64
#define ROWS_C1 6
#define COLS_C1 4
#define ROWS_C3 4
#define COLS_C3 5
#define ROWS_DENSE 24
#else
#define ROWS_C1 3
#define COLS_C1 4
#define ROWS_C3 2
#define COLS_C3 5
#define ROWS_DENSE 12
#endif

INLINE V FN(load)(const T *p) { return *(const V *)p; }
INLINE void FN(store)(T *p, V x) { *(V *)p = x; }
INLINE V FN(splat)(T x) { return (V){0} + x; }
INLINE V FN(select)(FN(mask) m, V a, V b) { return (V)((m & (FN(mask))a) | (~m & (FN(mask))b)); }

/* x[i][j] = x[j][i] for VL vectors. Zipping vector i with vector i + VL / 2 rotates the bits of the position
 * (vector, element) by one; after log2(VL) rounds the two halves of it have changed places. */
#if VECTOR_BYTES / ELEMENT_BYTES == 16
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_16)
#elif VECTOR_BYTES / ELEMENT_BYTES == 8
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_8)
#elif VECTOR_BYTES / ELEMENT_BYTES == 4
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_4)
#else
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_2)
#endif

INLINE void FN(transpose)(V *x) {
    V z[VECTOR_BYTES / ELEMENT_BYTES];
    UNROLL for (int round = 1; round < VL; round *= 2) {
        UNROLL for (int i = 0; i < VL / 2; i++) {
            z[2 * i] = ZIP(LOW, x[i], x[i + VL / 2]);
            z[2 * i + 1] = ZIP(HIGH, x[i], x[i + VL / 2]);
        }
        UNROLL for (int i = 0; i < VL; i++) x[i] = z[i];
    }
}

/* The sum over one vector: upper half onto lower half, down to 16 bytes. */
typedef T FN(vector16) __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
typedef T FN(vector32) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));

INLINE T FN(sum_lanes)(V x) {
#if VECTOR_BYTES == 64
    const FN(vector32) half = ((FN(vector32) *)&x)[0] + ((FN(vector32) *)&x)[1];
    const FN(vector16) q = ((const FN(vector16) *)&half)[0] + ((const FN(vector16) *)&half)[1];
#elif VECTOR_BYTES == 32
    const FN(vector16) q = ((FN(vector16) *)&x)[0] + ((FN(vector16) *)&x)[1];
#else
    const FN(vector16) q = x;
#endif
    T total = q[0];
    for (int i = 1; i < (int)(16 / sizeof(T)); i++)
        total += q[i];
    return total;
}

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

/* All of one output, in blocks of NO x NX with narrower ones at the edges. */
INLINE void FN(conv_forward_blocks)(const T *X, const T *W_, const T *b, T *Y, int C, int H, int W, int O, int KS,
                                    int NO, int NX) {
    const int OH = H - KS + 1, OW = W - KS + 1, K = C * KS * KS;
    int o = 0;
    for (; o + NO <= O; o += NO)
        for (int y = 0; y < OH; y++) {
            const T *xr = X + (int64_t)y * W * LANES;
            T *yr = Y + ((int64_t)o * OH + y) * OW * LANES;
            int x = 0;
            for (; x + NX <= OW; x += NX)
                FN(conv_block)(xr + x * LANES, W_ + (int64_t)o * K, b + o, yr + x * LANES, C, H, W, KS, OH * OW, NO,
                               NX);
            for (; x < OW; x++)
                FN(conv_block)(xr + x * LANES, W_ + (int64_t)o * K, b + o, yr + x * LANES, C, H, W, KS, OH * OW, NO,
                               1);
        }
    for (; o < O; o++)
        for (int y = 0; y < OH; y++)
            for (int x = 0; x < OW; x++)
                FN(conv_block)(X + ((int64_t)y * W + x) * LANES, W_ + (int64_t)o * K, b + o,
                               Y + (((int64_t)o * OH + y) * OW + x) * LANES, C, H, W, KS, OH * OW, 1, 1);
}

/* One output pixel: a dense layer of F inputs, which lie in the order of the taps. NO outputs at a time. */
INLINE void FN(dense_forward_blocks)(const T *X, const T *W, const T *b, T *Y, int F, int O, int NO) {
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(conv_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, 1, 1, 1, 1, NO, 1);
    for (; o < O; o++)
        FN(conv_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, 1, 1, 1, 1, 1, 1);
}

/* The shapes of LeNet-5 itself are compiled with their sizes as constants; any other takes the general code. */
#define IS_C1(op) (op->in_channels == 1 && op->out_channels == 6 && op->in_width == 32 && op->in_height == 32)
#define IS_C3(op) (op->in_channels == 6 && op->out_channels == 16 && op->in_width == 14 && op->in_height == 14)
#define IS_DENSE(op) (op->out_height == 1 && op->out_width == 1)
#define N_FEATURES(op) (op->in_channels * op->kernel_size * op->kernel_size)

static void FN(conv2d_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y) {
    const int C = op->in_channels, O = op->out_channels, KS = op->kernel_size;
    if (IS_C1(op) && KS == 5)
        FN(conv_forward_blocks)(X, W, b, Y, 1, 32, 32, 6, 5, ROWS_C1, COLS_C1);
    else if (IS_C3(op) && KS == 5)
        FN(conv_forward_blocks)(X, W, b, Y, 6, 14, 14, 16, 5, ROWS_C3, COLS_C3);
    else if (!IS_DENSE(op))
        FN(conv_forward_blocks)(X, W, b, Y, C, op->in_height, op->in_width, O, KS, 4, 2);
    else if (N_FEATURES(op) == 400 && O == 120)
        FN(dense_forward_blocks)(X, W, b, Y, 400, 120, ROWS_DENSE);
    else if (N_FEATURES(op) == 120 && O == 84)
        FN(dense_forward_blocks)(X, W, b, Y, 120, 84, 12);
    else if (N_FEATURES(op) == 84 && O == 10)
        FN(dense_forward_blocks)(X, W, b, Y, 84, 10, 10);
    else
        FN(dense_forward_blocks)(X, W, b, Y, N_FEATURES(op), O, 8);
}

/* dX[c] (NC input channels from c, one row of NX = OX + KS - 1 pixels) for the full row: every pixel of dY is loaded
 * once a tap and used for NC channels, and no border is computed that is not there. */
INLINE void FN(conv_input_gradient_row)(const T *dY, const T *W, T *dX, int y, int C, int H, int NX, int O, int KS,
                                        int NC) {
    const int OH = H - KS + 1, OX = NX - KS + 1;
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int i = 0; i < NC * NX; i++) acc[i] = (V){0};
        for (int o = 0; o < O; o++)
            for (int ky = y - OH + 1 > 0 ? y - OH + 1 : 0; ky < KS && ky <= y; ky++) {
                const T *dyr = dY + (int64_t)(o * OH + y - ky) * OX * LANES + v;
                const T *wr = W + (int64_t)o * C * KS * KS + ky * KS;
                UNROLL for (int kx = 0; kx < KS; kx++) {
                    UNROLL for (int x = 0; x < OX; x++) {
                        V d = FN(load)(dyr + x * LANES);
                        UNROLL for (int c = 0; c < NC; c++) acc[c * NX + x + kx] += d * wr[c * KS * KS + kx];
                    }
                }
            }
        UNROLL for (int c = 0; c < NC; c++)
            UNROLL for (int x = 0; x < NX; x++)
                FN(store)(dX + ((int64_t)c * H * NX + x) * LANES + v, acc[c * NX + x]);
    }
}

/* The same for any size: rows of dY copied between KS - 1 columns of zeros, NX pixels of dX at a time. */
#define GENERAL_COLS 8
#define PADDED_WIDTH(width) ((width) + GENERAL_COLS)

static void FN(conv_input_gradient_general)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch) {
    const int C = op->in_channels, H = op->in_height, IW = op->in_width, KS = op->kernel_size;
    const int O = op->out_channels, OH = op->out_height, OW = op->out_width, PW = PADDED_WIDTH(IW + KS - 1);
    memset(scratch, 0, sizeof(T) * O * OH * PW * LANES);
    for (int r = 0; r < O * OH; r++)
        memcpy(scratch + ((int64_t)r * PW + KS - 1) * LANES, dY + (int64_t)r * OW * LANES, sizeof(T) * OW * LANES);
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < IW; x += GENERAL_COLS)
                for (int v = 0; v < LANES; v += VL) {
                    V acc[GENERAL_COLS];
                    UNROLL for (int i = 0; i < GENERAL_COLS; i++) acc[i] = (V){0};
                    for (int o = 0; o < O; o++)
                        for (int ky = y - OH + 1 > 0 ? y - OH + 1 : 0; ky < KS && ky <= y; ky++) {
                            const T *dyr = scratch + ((int64_t)(o * OH + y - ky) * PW + x + KS - 1) * LANES + v;
                            const T *wr = W + ((int64_t)(o * C + c) * KS + ky) * KS;
                            for (int kx = 0; kx < KS; kx++)
                                UNROLL for (int i = 0; i < GENERAL_COLS; i++)
                                    acc[i] += FN(load)(dyr + (i - kx) * LANES) * wr[kx];
                        }
                    UNROLL for (int i = 0; i < GENERAL_COLS; i++) if (x + i < IW)
                        FN(store)(dX + ((int64_t)(c * H + y) * IW + x + i) * LANES + v, acc[i]);
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

static void FN(conv2d_backward_input)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch) {
    if (IS_DENSE(op)) {
        const int F = N_FEATURES(op), O = op->out_channels;
        int f = 0;
        for (; f + ROWS_DENSE / 2 <= F; f += ROWS_DENSE / 2)
            FN(dense_input_gradient_block)(dY, W + f, dX + (int64_t)f * LANES, F, O, ROWS_DENSE / 2);
        for (; f < F; f++)
            FN(dense_input_gradient_block)(dY, W + f, dX + (int64_t)f * LANES, F, O, 1);
    } else if (IS_C3(op) && op->kernel_size == 5) {
        const int NC = VECTOR_BYTES == 64 ? 2 : 1;
        for (int c = 0; c < 6; c += NC)
            for (int y = 0; y < 14; y++)
                FN(conv_input_gradient_row)(dY, W + c * 25, dX + (int64_t)(c * 14 + y) * 14 * LANES, y, 6, 14, 14, 16,
                                            5, NC);
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

INLINE void FN(conv_weight_gradients)(const T *X, const T *dY, T *dW, int C, int H, int W, int O, int KS, int NO,
                                      int NT) {
    const int OH = H - KS + 1, OW = W - KS + 1, K = C * KS * KS;
    for (int o = 0; o < O; o += NO)
        for (int c = 0; c < C; c++)
            for (int ky = 0; ky < KS; ky++)
                for (int kx = 0; kx < KS; kx += NT)
                    FN(conv_weight_gradient_block)(X + ((int64_t)(c * H + ky) * W + kx) * LANES,
                                                   dY + (int64_t)o * OH * OW * LANES,
                                                   dW + (int64_t)o * K + (c * KS + ky) * KS + kx, W, OH, OW, K, NO,
                                                   NT);
}

/* Rows of X^T are padded to whole vectors. */
INLINE int FN(padded)(int F) { return (F + LANES - 1) / LANES * LANES; }

/* dW (O, F) += dY (O, L) X^T (L, F): with X transposed, a vector holds neighbouring features and no sum over lanes is
 * needed. NO rows x NV vectors at a time. */
INLINE void FN(dense_weight_gradient_block)(const T *xt, const T *dY, T *dW, int F, int NO, int NV) {
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int i = 0; i < NV; i++) acc[o * NV + i] = FN(load)(dW + (int64_t)o * F + i * VL);
    for (int l = 0; l < LANES; l++) {
        V xv[8];
        UNROLL for (int i = 0; i < NV; i++) xv[i] = FN(load)(xt + (int64_t)l * FN(padded)(F) + i * VL);
        UNROLL for (int o = 0; o < NO; o++)
            UNROLL for (int i = 0; i < NV; i++) acc[o * NV + i] += xv[i] * dY[o * LANES + l];
    }
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int i = 0; i < NV; i++) FN(store)(dW + (int64_t)o * F + i * VL, acc[o * NV + i]);
}

/* The same for the last n < VL features, of which xt holds VL all the same. */
INLINE void FN(dense_weight_gradient_rest)(const T *xt, const T *dY, T *dW, int F, int NO, int n) {
    for (int o = 0; o < NO; o++) {
        V acc = {0};
        T sums[VECTOR_BYTES / sizeof(T)];
        UNROLL for (int l = 0; l < LANES; l++) acc += FN(load)(xt + (int64_t)l * FN(padded)(F)) * dY[o * LANES + l];
        FN(store)(sums, acc);
        for (int f = 0; f < n; f++)
            dW[(int64_t)o * F + f] += sums[f];
    }
}

INLINE void FN(dense_weight_gradient_rows)(const T *xt, const T *dY, T *dW, int F, int NO) {
    int f = 0;
    for (; f + 4 * VL <= F; f += 4 * VL)
        FN(dense_weight_gradient_block)(xt + f, dY, dW + f, F, NO, 4);
    for (; f + 2 * VL <= F; f += 2 * VL)
        FN(dense_weight_gradient_block)(xt + f, dY, dW + f, F, NO, 2);
    for (; f + VL <= F; f += VL)
        FN(dense_weight_gradient_block)(xt + f, dY, dW + f, F, NO, 1);
    if (f < F)
        FN(dense_weight_gradient_rest)(xt + f, dY, dW + f, F, NO, F - f);
}

static void FN(dense_weight_gradients)(const T *X, const T *dY, T *dW, int F, int O, T *scratch) {
    const int NO = VECTOR_BYTES == 64 ? 6 : 3, FP = FN(padded)(F);
    for (int f = 0; f < FP; f += VL)
        for (int v = 0; v < LANES; v += VL) {
            V x[VECTOR_BYTES / ELEMENT_BYTES], zero = {0};
            UNROLL for (int i = 0; i < VL; i++)
                x[i] = f + i < F ? FN(load)(X + (int64_t)(f + i) * LANES + v) : zero;
            FN(transpose)(x);
            UNROLL for (int l = 0; l < VL; l++) FN(store)(scratch + (int64_t)(v + l) * FP + f, x[l]);
        }
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(dense_weight_gradient_rows)(scratch, dY + o * LANES, dW + (int64_t)o * F, F, NO);
    for (; o < O; o++)
        FN(dense_weight_gradient_rows)(scratch, dY + o * LANES, dW + (int64_t)o * F, F, 1);
}

static void FN(conv2d_backward_weights)(const lenet5_op *op, const T *X, const T *dY, T *dW, T *db, T *scratch) {
    const int C = op->in_channels, O = op->out_channels, KS = op->kernel_size;
    const int P = op->out_height * op->out_width;
    if (IS_DENSE(op))
        FN(dense_weight_gradients)(X, dY, dW, N_FEATURES(op), O, scratch);
    else if (IS_C1(op) && KS == 5)
        FN(conv_weight_gradients)(X, dY, dW, 1, 32, 32, 6, 5, VECTOR_BYTES == 64 ? 3 : 2, 5);
    else if (IS_C3(op) && KS == 5)
        FN(conv_weight_gradients)(X, dY, dW, 6, 14, 14, 16, 5, VECTOR_BYTES == 64 ? 4 : 2, 5);
    else if (KS == 5)
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, 5, 1, 5);
    else
        FN(conv_weight_gradients)(X, dY, dW, C, op->in_height, op->in_width, O, KS, 1, 1);
    for (int o = 0; o < O; o++)
        for (int v = 0; v < LANES; v += VL) {
            V total = {0};
            for (int p = 0; p < P; p++)
                total += FN(load)(dY + ((int64_t)o * P + p) * LANES + v);
            db[o] += FN(sum_lanes)(total);
        }
}

/* ---- pooling: windows of KS x KS, stride KS, rests at the right and lower edge are left out ------------------- */

INLINE void FN(avg_pool_forward)(const lenet5_op *op, const T *X, T *Y, const int KS) {
    const int W = op->in_width;
    const T factor = (T)1 / (KS * KS);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES) {
                const T *window = X + ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    V total = {0};
                    for (int i = 0; i < KS; i++)
                        for (int j = 0; j < KS; j++)
                            total += FN(load)(window + (i * W + j) * LANES + v);
                    FN(store)(Y + v, total * factor);
                }
            }
}

INLINE void FN(avg_pool_backward)(const lenet5_op *op, const T *dY, T *dX, const int KS) {
    const int W = op->in_width;
    const T factor = (T)1 / (KS * KS);
    if (op->in_height % KS || W % KS)
        memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W * LANES);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, dY += LANES) {
                T *window = dX + ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    V d = FN(load)(dY + v) * factor;
                    for (int i = 0; i < KS; i++)
                        for (int j = 0; j < KS; j++)
                            FN(store)(window + (i * W + j) * LANES + v, d);
                }
            }
}

INLINE void FN(max_pool_forward)(const lenet5_op *op, const T *X, T *Y, const int KS) {
    const int W = op->in_width;
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES) {
                const T *window = X + ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    V best = FN(load)(window + v);
                    for (int i = 0; i < KS; i++)
                        for (int j = 0; j < KS; j++) {
                            V candidate = FN(load)(window + (i * W + j) * LANES + v);
                            /* a NaN is taken, and nothing is greater than it: never hidden */
                            FN(mask) taken = (FN(mask))(candidate > best) | (FN(mask))(candidate != candidate);
                            best = FN(select)(taken, candidate, best);
                        }
                    FN(store)(Y + v, best);
                }
            }
}

/* The gradient goes to the first pixel of the window, row by row, that equals the maximum. */
INLINE void FN(max_pool_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX, const int KS) {
    const int W = op->in_width;
    if (op->in_height % KS || W % KS)
        memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W * LANES);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES, dY += LANES) {
                const int64_t at = ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    V best = FN(load)(Y + v), d = FN(load)(dY + v), zero = {0};
                    FN(mask) open = (FN(mask))(best == best);
                    for (int i = 0; i < KS; i++)
                        for (int j = 0; j < KS; j++) {
                            const int64_t pixel = at + (i * W + j) * LANES + v;
                            FN(mask) here = (FN(mask))(FN(load)(X + pixel) == best) & open;
                            FN(store)(dX + pixel, FN(select)(here, d, zero));
                            open &= ~here;
                        }
                }
            }
}

/* Windows of 2 x 2, which everybody uses, are compiled with that size as a constant. */
#define WITH_SIZE(body, ...)                                                                                           \
    do {                                                                                                               \
        if (op->kernel_size == 2)                                                                                      \
            body(op, __VA_ARGS__, 2);                                                                                  \
        else                                                                                                           \
            body(op, __VA_ARGS__, op->kernel_size);                                                                    \
    } while (0)

static void FN(avg_pool2d_forward)(const lenet5_op *op, const T *X, T *Y) { WITH_SIZE(FN(avg_pool_forward), X, Y); }

static void FN(avg_pool2d_backward)(const lenet5_op *op, const T *dY, T *dX) {
    WITH_SIZE(FN(avg_pool_backward), dY, dX);
}

static void FN(max_pool2d_forward)(const lenet5_op *op, const T *X, T *Y) { WITH_SIZE(FN(max_pool_forward), X, Y); }

static void FN(max_pool2d_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX) {
    WITH_SIZE(FN(max_pool_backward), X, Y, dY, dX);
}

/* ---- activations, n elements (a multiple of LANES), in place if Y == X; the backward reads the output ------- */

static void FN(relu_forward)(int64_t n, const T *X, T *Y) {
    for (int64_t i = 0; i < n; i += VL) {
        V x = FN(load)(X + i), zero = {0};
        FN(store)(Y + i, FN(select)((FN(mask))(x <= zero), zero, x)); /* a NaN stays a NaN */
    }
}

static void FN(relu_backward)(int64_t n, const T *Y, const T *dY, T *dX) {
    for (int64_t i = 0; i < n; i += VL) {
        V zero = {0};
        FN(store)(dX + i, FN(select)((FN(mask))(FN(load)(Y + i) > zero), FN(load)(dY + i), zero));
    }
}

/* tanh of a vector of float32, to about 1 unit in the last place: an odd polynomial near 0, elsewhere
 * 1 - 2 / (exp(2 |x|) + 1) with exp by range reduction to +-ln(2)/2. Coefficients of Cephes (Moshier). */
INLINE V FN(tanh_vector)(V x) {
    const FN(mask) sign = (FN(mask))x & (FN(mask))(-(V){0});
    V a = (V)((FN(mask))x ^ sign), nine = FN(splat)(9);
    a = FN(select)((FN(mask))(a > nine), nine, a); /* flat from here on; a NaN stays a NaN */
    const V shifted = a * (T)2.885390081777926814 + (T)12582912; /* 2 a / ln 2, rounded to whole by the sum */
    const V whole = shifted - (T)12582912;
    const V r = 2 * a - whole * (T)0.693359375 + whole * (T)2.12194440e-4;
    V e = FN(splat)((T)1.9875691500e-4);
    e = e * r + (T)1.3981999507e-3;
    e = e * r + (T)8.3334519073e-3;
    e = e * r + (T)4.1665795894e-2;
    e = e * r + (T)1.6666665459e-1;
    e = e * r + (T)5.0000001201e-1;
    e = e * (r * r) + r + 1;
    e *= (V)(((FN(mask))shifted - 0x4B400000 + 127) << 23);
    const V far = 1 - 2 / (e + 1);
    const V s = x * x;
    V near = FN(splat)((T)-5.70498872745e-3);
    near = near * s + (T)2.06390887954e-2;
    near = near * s - (T)5.37397155531e-2;
    near = near * s + (T)1.33314422036e-1;
    near = near * s - (T)3.33332819422e-1;
    near = near * s * x + x;
    return FN(select)((FN(mask))(a < FN(splat)((T)0.625)), near, (V)((FN(mask))far | sign));
}

static void FN(tanh_forward)(int64_t n, const T *X, T *Y) {
    if (sizeof(T) == sizeof(float))
        for (int64_t i = 0; i < n; i += VL)
            FN(store)(Y + i, FN(tanh_vector)(FN(load)(X + i)));
    else /* float64 is for checks, where exactness counts and not time */
        for (int64_t i = 0; i < n; i++)
            Y[i] = (T)tanh((double)X[i]);
}

static void FN(tanh_backward)(int64_t n, const T *Y, const T *dY, T *dX) {
    for (int64_t i = 0; i < n; i += VL) {
        V y = FN(load)(Y + i);
        FN(store)(dX + i, FN(load)(dY + i) * ((T)1 - y * y));
    }
}

/* ---- softmax ---------------------------------------------------------------------------------------------- */

/* Scalar on purpose: ten numbers a picture, and the library's exp and log round the same way everywhere. */
static double FN(softmax_cross_entropy)(int classes, const T *Z, const uint8_t *labels, int n_valid, T scale, T *dZ,
                                        int64_t *n_correct) {
    double loss = 0;
    memset(dZ, 0, sizeof(T) * classes * LANES);
    for (int l = 0; l < n_valid; l++) {
        int best = 0;
        for (int k = 1; k < classes; k++)
            if (Z[k * LANES + l] > Z[best * LANES + l])
                best = k;
        const T top = Z[best * LANES + l];
        double total = 0;
        for (int k = 0; k < classes; k++)
            total += dZ[k * LANES + l] = (T)exp((double)(Z[k * LANES + l] - top));
        for (int k = 0; k < classes; k++)
            dZ[k * LANES + l] = (T)((dZ[k * LANES + l] / total - (k == labels[l])) * scale);
        loss += log(total) - (double)(Z[labels[l] * LANES + l] - top);
        *n_correct += best == labels[l];
    }
    return loss;
}

static void FN(softmax)(int64_t n, int classes, int64_t positions, const T *logits, T *probabilities) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < positions; p++) {
            const T *z = logits + i * classes * positions + p;
            T *q = probabilities + i * classes * positions + p;
            T top = z[0];
            double total = 0;
            for (int k = 1; k < classes; k++)
                top = z[k * positions] > top ? z[k * positions] : top;
            for (int k = 0; k < classes; k++)
                total += exp((double)(z[k * positions] - top));
            for (int k = 0; k < classes; k++)
                q[k * positions] = (T)(exp((double)(z[k * positions] - top)) / total);
        }
}

/* ---- what the processor can do ------------------------------------------------------------------------------- */

/* n rounds of as many independent multiply-adds as fill the pipelines, on registers only; operations done. */
static double FN(fma_peak)(int64_t n, T *out) {
    enum { N_CHAINS = VECTOR_BYTES == 64 ? 24 : 12 };
    V acc[N_CHAINS], a = FN(splat)((T)0.999), b = FN(splat)((T)0.001);
    UNROLL for (int i = 0; i < N_CHAINS; i++) acc[i] = FN(splat)((T)i);
    for (int64_t k = 0; k < n; k++) {
        UNROLL for (int i = 0; i < N_CHAINS; i++) acc[i] = acc[i] * a + b;
    }
    V total = {0};
    UNROLL for (int i = 0; i < N_CHAINS; i++) total += acc[i];
    *out = FN(sum_lanes)(total);
    return 2.0 * N_CHAINS * VL * n;
}

#undef V
#undef VL
#undef FN
#undef GENERAL_COLS
#undef WITH_SIZE
#undef ZIP
#undef PADDED_WIDTH
#undef IS_C1
#undef IS_C3
#undef IS_DENSE
#undef N_FEATURES
#undef ROWS_C1
#undef COLS_C1
#undef ROWS_C3
#undef COLS_C3
#undef ROWS_DENSE
