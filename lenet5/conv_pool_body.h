/* The first layer as one step, for element type T: a convolution of the picture (one channel, 5 x 5), max-pooling 2 x 2 and
 * ReLU. What lies between them, four times as large as the result, stays in registers and in the first cache.
 *
 * The output is (O, PH, PW, LANES) pooled values and, behind them, as many integers that say which of its four pixels each
 * value came from (row by row, 0 to 3), or NOWHERE if it was not positive: the way back for the gradient.
 */

#define TAPS 5
#define NOWHERE 4

/* *best = ReLU of the largest, and the number of the first that is as large, or NOWHERE.
 *
 * Sign bits, shifted over the whole element, are the masks: a comparison would go through AVX-512's mask registers and
 * back. A NaN, or an infinity, in any of the four makes *best NaN, whatever the masks are: never hidden. */
INLINE FN(mask) FN(largest)(V a, V b, V c, V d, V *best) {
    const int SIGN = 8 * (int)sizeof(T) - 1;
    const FN(mask) b_wins = (FN(mask))(a - b) >> SIGN, d_wins = (FN(mask))(c - d) >> SIGN;
    const V top = FN(select)(b_wins, b, a), low = FN(select)(d_wins, d, c);
    const FN(mask) low_wins = (FN(mask))(top - low) >> SIGN;
    const FN(mask) value = (FN(mask))FN(select)(low_wins, low, top);
    const FN(mask) right = (low_wins & d_wins) | (~low_wins & b_wins);
    const FN(mask) closed = (value | (value + ~(FN(mask)){0})) >> SIGN; /* negative or 0; ~0 is -1 */
    *best = (V)(value & ~closed) + ((a + b) + (c + d)) * 0;
    return (right & 1) | (low_wins & 2) | (closed & NOWHERE);
}

/* Two by 2 NP pixels of NO output channels, all taps, then the largest of each 2 x 2. */
INLINE void FN(conv_pool_block)(const T *x, const T *w, const T *b, T *y, INTEGER *route, int W, int64_t plane, int NO, int NP) {
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int i = 0; i < 4 * NP; i++) acc[o * 4 * NP + i] = FN(splat)(b[o]);
    for (int ky = 0; ky < TAPS; ky++)
        for (int kx = 0; kx < TAPS; kx++) {
            V xv[32];
            UNROLL for (int r = 0; r < 2; r++)
                UNROLL for (int i = 0; i < 2 * NP; i++)
                    xv[r * 2 * NP + i] = FN(load)(x + ((int64_t)(ky + r) * W + kx + i) * LANES);
            UNROLL for (int o = 0; o < NO; o++)
                UNROLL for (int i = 0; i < 4 * NP; i++)
                    acc[o * 4 * NP + i] += xv[i] * w[(o * TAPS + ky) * TAPS + kx];
        }
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int p = 0; p < NP; p++) {
            const V *a = acc + o * 4 * NP + 2 * p;
            V best;
            *(FN(mask) *)(route + o * plane + p * LANES) = FN(largest)(a[0], a[1], a[2 * NP], a[2 * NP + 1], &best);
            FN(store)(y + o * plane + p * LANES, best);
        }
}

INLINE void FN(conv_pool_blocks)(const T *X, const T *w, const T *b, T *Y, int H, int W, int O, int NO, int NP) {
    const int PH = (H - TAPS + 1) / 2, PW = (W - TAPS + 1) / 2;
    const int64_t plane = (int64_t)PH * PW * LANES;
    INTEGER *routes = (INTEGER *)(Y + O * plane);
    for (int y = 0; y < PH; y++)
        for (int l = 0; l < LANES; l += VL) {
            int o = 0;
            for (; o + NO <= O; o += NO) {
                const T *x = X + (int64_t)2 * y * W * LANES + l;
                const int64_t at = ((int64_t)o * PH + y) * PW * LANES + l;
                int p = 0;
                for (; p + NP <= PW; p += NP)
                    FN(conv_pool_block)(x + 2 * p * LANES, w + o * TAPS * TAPS, b + o, Y + at + p * LANES,
                                        routes + at + p * LANES, W, plane, NO, NP);
                for (; p < PW; p++)
                    FN(conv_pool_block)(x + 2 * p * LANES, w + o * TAPS * TAPS, b + o, Y + at + p * LANES,
                                        routes + at + p * LANES, W, plane, NO, 1);
            }
            for (; o < O; o++)
                for (int p = 0; p < PW; p++) {
                    const int64_t at = (((int64_t)o * PH + y) * PW + p) * LANES + l;
                    FN(conv_pool_block)(X + ((int64_t)2 * y * W + 2 * p) * LANES + l, w + o * TAPS * TAPS, b + o, Y + at,
                                        routes + at, W, plane, 1, 1);
                }
        }
}

/* sums[o][ky * TAPS + kx] += the products of two rows of gradients e (NO, 2, 2 PW) with the picture. */
INLINE void FN(conv_pool_weight_block)(const T *x, const V *e, V *sums, int W, int n_columns, int NO) {
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int t = 0; t < TAPS; t++) acc[o * TAPS + t] = sums[o * TAPS * TAPS + t];
    for (int r = 0; r < 2; r++)
        for (int p = 0; p < n_columns; p++) {
            V xv[TAPS];
            UNROLL for (int t = 0; t < TAPS; t++) xv[t] = FN(load)(x + ((int64_t)r * W + p + t) * LANES);
            UNROLL for (int o = 0; o < NO; o++) {
                const V d = e[(o * 2 + r) * n_columns + p];
                UNROLL for (int t = 0; t < TAPS; t++) acc[o * TAPS + t] += d * xv[t];
            }
        }
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int t = 0; t < TAPS; t++) sums[o * TAPS * TAPS + t] = acc[o * TAPS + t];
}

/* scratch: vectors for two rows of gradients (O, 2, 2 PW) and for the sums of dW and db, up to whole blocks of VL. */
INLINE void FN(conv_pool_gradients)(const T *X, const T *Y, const T *dY, T *dW, T *db, int accumulate, T *scratch, int H,
                                    int W, int O, int NO) {
    const int PH = (H - TAPS + 1) / 2, PW = (W - TAPS + 1) / 2, n = O * TAPS * TAPS;
    const int64_t plane = (int64_t)PH * PW * LANES;
    const INTEGER *routes = (const INTEGER *)(Y + O * plane);
    V *e = (V *)scratch, *sums = e + (int64_t)O * 4 * PW;
    for (int i = 0; i < n + O + VL; i++)
        sums[i] = (V){0};
    for (int l = 0; l < LANES; l += VL)
        for (int y = 0; y < PH; y++) {
            for (int o = 0; o < O; o++) {
                V *row = e + (int64_t)o * 4 * PW;
                for (int p = 0; p < PW; p++) {
                    const int64_t at = (((int64_t)o * PH + y) * PW + p) * LANES + l;
                    const V d = FN(load)(dY + at), zero = {0};
                    const FN(mask) from = *(const FN(mask) *)(routes + at);
                    UNROLL for (int k = 0; k < 4; k++)
                        row[k / 2 * 2 * PW + 2 * p + k % 2] = FN(select)((FN(mask))(from == k), d, zero);
                    sums[n + o] += FN(select)((FN(mask))(from >= NOWHERE), zero, d);
                }
            }
            const T *x = X + (int64_t)2 * y * W * LANES + l;
            for (int ky = 0; ky < TAPS; ky++) {
                int o = 0;
                for (; o + NO <= O; o += NO)
                    FN(conv_pool_weight_block)(x + (int64_t)ky * W * LANES, e + (int64_t)o * 4 * PW,
                                               sums + o * TAPS * TAPS + ky * TAPS, W, 2 * PW, NO);
                for (; o < O; o++)
                    FN(conv_pool_weight_block)(x + (int64_t)ky * W * LANES, e + (int64_t)o * 4 * PW,
                                               sums + o * TAPS * TAPS + ky * TAPS, W, 2 * PW, 1);
            }
        }
    for (int i = 0; i < n + O; i += VL) {
        V block[VECTOR_BYTES / ELEMENT_BYTES];
        UNROLL for (int j = 0; j < VL; j++) block[j] = sums[i + j];
        const V total = FN(sum_lanes_of_all)(block);
        for (int j = 0; j < VL && i + j < n + O; j++) {
            T *to = i + j < n ? dW + i + j : db + i + j - n;
            *to = total[j] + (accumulate ? *to : 0);
        }
    }
}

#define IS_FIRST(op) (op->in_height == 32 && op->in_width == 32 && op->out_channels == 6)

static void FN(conv_pool_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y) {
    if (IS_FIRST(op))
        FN(conv_pool_blocks)(X, W, b, Y, 32, 32, 6, VECTOR_BYTES == 64 ? 6 : 3, 1);
    else
        FN(conv_pool_blocks)(X, W, b, Y, op->in_height, op->in_width, op->out_channels, 2, 1);
}

/* There is no gradient for the picture. */
static void FN(conv_pool_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dW, T *db, int accumulate,
                                   T *scratch) {
    if (IS_FIRST(op))
        FN(conv_pool_gradients)(X, Y, dY, dW, db, accumulate, scratch, 32, 32, 6, VECTOR_BYTES == 64 ? 3 : 2);
    else
        FN(conv_pool_gradients)(X, Y, dY, dW, db, accumulate, scratch, op->in_height, op->in_width, op->out_channels, 1);
}
