/* The first layer as one step, for element type T: a convolution of the image (5 x 5), max-pooling 2 x 2
 * and ReLU. The intermediate values, four times as many as the result, stay in registers and in the first cache.
 *
 * The output is (O, PH, PW, LANES) pooled values and, behind them, as many integers for the backward pass. They say which
 * of its four pixels each value came from (row by row, 0 to 3), or NOWHERE if it was not positive.
 */

#define NOWHERE 4

/* 0, or NaN if one of n vectors LANES apart, or one of the m numbers at w, is not finite: a maximum would hide a NaN. */
INLINE V FN(check)(const T *x, int n, const T *w, int m) {
    V sums[4] = {{0}};
    T total = 0;
    for (int i = 0; i + 4 <= n; i += 4)
        /* clang-format off */
        UNROLL for (int k = 0; k < 4; k++) sums[k] += FN(load)(x + (int64_t)(i + k) * LANES) * 0;
    /* clang-format on */
    for (int i = n / 4 * 4; i < n; i++)
        sums[0] += FN(load)(x + (int64_t)i * LANES) * 0;
    V weights = {0};
    for (int i = 0; i + VL <= m; i += VL)
        weights += FN(load)(w + i) * 0;
    for (int i = m / VL * VL; i < m; i++)
        total += w[i] * 0;
    return (sums[0] + sums[1]) + (sums[2] + sums[3]) + (FN(sum_lanes)(weights) + total);
}

/* ReLU of the largest, or NaN if `checked` is NaN. */
INLINE V FN(relu_of_largest_of)(V a, V b, V c, V d, V checked) {
    return FN(max)(FN(max)(FN(max)(a, b), FN(max)(c, d)), checked);
}

/* The same to *best, and the number of the first pixel with that value, or NOWHERE.
 *
 * Sign bits, shifted over the whole element, are the masks: a comparison would go through AVX-512's mask registers and
 * back. */
INLINE FN(mask) FN(largest)(V a, V b, V c, V d, V checked, V *best) {
    const int SIGN = 8 * (int)sizeof(T) - 1;
    const FN(mask) b_wins = (FN(mask))(a - b) >> SIGN, d_wins = (FN(mask))(c - d) >> SIGN;
    const V top = FN(select)(b_wins, b, a), low = FN(select)(d_wins, d, c);
    const FN(mask) low_wins = (FN(mask))(top - low) >> SIGN;
    const FN(mask) value = (FN(mask))FN(select)(low_wins, low, top);
    const FN(mask) right = (low_wins & d_wins) | (~low_wins & b_wins);
    const FN(mask) closed = (value | (value + ~(FN(mask)){0})) >> SIGN; /* negative or 0; ~0 is -1 */
    *best = (V)(value & ~closed) + checked;
    return (right & 1) | (low_wins & 2) | (closed & NOWHERE);
}

/* 2 x 2 pixels of NO output channels, all taps, then the largest of them. */
INLINE void FN(conv_pool_block)(const T *x, const T *w, const T *b, T *y, INTEGER *route, int C, int64_t plane_in, int W,
                                int64_t plane, V checked, int NO) {
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int i = 0; i < 4; i++) acc[o * 4 + i] = FN(splat)(b[o]);
    for (int c = 0; c < C; c++)
        for (int ky = 0; ky < TAPS; ky++)
            for (int kx = 0; kx < TAPS; kx++) {
                V xv[4];
                UNROLL for (int i = 0; i < 4; i++)
                    xv[i] = FN(load)(x + c * plane_in + ((int64_t)(ky + i / 2) * W + kx + i % 2) * LANES);
                UNROLL for (int o = 0; o < NO; o++) UNROLL for (int i = 0; i < 4; i++)
                    acc[o * 4 + i] += xv[i] * w[((o * C + c) * TAPS + ky) * TAPS + kx];
            }
    UNROLL for (int o = 0; o < NO; o++) {
        const V *a = acc + o * 4;
        V best;
        *(FN(mask) *)(route + o * plane) = FN(largest)(a[0], a[1], a[2], a[3], checked, &best);
        FN(store)(y + o * plane, best);
    }
}

/* Any size: two output channels at a time, and the last one. */
static void FN(conv_pool_general)(const lenet5_op *op, const T *X, const T *w, const T *b, T *Y) {
    const int W = op->in_width, C = op->in_channels, O = op->out_channels, PH = op->out_height, PW = op->out_width;
    const int64_t plane = (int64_t)PH * PW * LANES, plane_in = (int64_t)op->in_height * W * LANES;
    INTEGER *routes = (INTEGER *)(Y + O * plane);
    for (int l = 0; l < LANES; l += VL) {
        const V checked = FN(check)(X + l, C * op->in_height * W, w, O * C * TAPS * TAPS) + FN(check)(X, 0, b, O);
        for (int o = 0; o < O; o += 2)
            for (int y = 0; y < PH; y++)
                for (int p = 0; p < PW; p++) {
                    const T *x = X + ((int64_t)2 * y * W + 2 * p) * LANES + l, *wo = w + o * C * TAPS * TAPS;
                    const int64_t at = (((int64_t)o * PH + y) * PW + p) * LANES + l;
                    if (o + 1 < O)
                        FN(conv_pool_block)(x, wo, b + o, Y + at, routes + at, C, plane_in, W, plane, checked, 2);
                    else
                        FN(conv_pool_block)(x, wo, b + o, Y + at, routes + at, C, plane_in, W, plane, checked, 1);
                }
    }
}

/* sums (TAPS) += the products of two rows of gradients e (2, n_columns) with the image from x on. */
INLINE void FN(conv_pool_weight_block)(const T *x, const V *e, V *sums, int W, int n_columns) {
    V acc[TAPS];
    UNROLL for (int t = 0; t < TAPS; t++) acc[t] = sums[t];
    for (int r = 0; r < 2; r++)
        for (int p = 0; p < n_columns; p++)
            UNROLL for (int t = 0; t < TAPS; t++)
                acc[t] += e[r * n_columns + p] * FN(load)(x + ((int64_t)r * W + p + t) * LANES);
    UNROLL for (int t = 0; t < TAPS; t++) sums[t] = acc[t];
}

/* The sums over lanes of n + O vectors, to dW (n) and db (O), written or added. */
INLINE void FN(store_sums)(const V *sums, int n, T *dW, int O, T *db, int accumulate) {
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

/* scratch: vectors for two rows of gradients (O, 2, 2 PW) and for the sums of dW and db, up to whole blocks of VL. */
static void FN(conv_pool_gradients)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dW, T *db, int accumulate,
                                    T *scratch) {
    const int W = op->in_width, C = op->in_channels, O = op->out_channels, PH = op->out_height, PW = op->out_width;
    const int n = O * C * TAPS * TAPS;
    const int64_t plane = (int64_t)PH * PW * LANES, plane_in = (int64_t)op->in_height * W * LANES;
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
            for (int c = 0; c < C; c++)
                for (int ky = 0; ky < TAPS; ky++)
                    for (int o = 0; o < O; o++)
                        FN(conv_pool_weight_block)(x + c * plane_in + (int64_t)ky * W * LANES, e + (int64_t)o * 4 * PW,
                                                   sums + ((o * C + c) * TAPS + ky) * TAPS, W, 2 * PW);
        }
    FN(store_sums)(sums, n, dW, O, db, accumulate);
}

/* ---- C1 of LeNet-5: minimal filtering F(4, 5) ------------------------------------------------------------------------
 *
 * O output channels: C1_CHANNELS, or C1_FEWER.
 * As in ops/conv2d_winograd.h, with the points 0, +-1/2, +-1, +-2 and infinity: 8 multiplications for 4 outputs of 5 taps. A tile
 * is 4 columns of outputs, two of pooled ones, from top to bottom.
 */

#define C1_OUT 28
#define C1_POOLED 14
#define C1_TILES 7
#define C1_ROWS(C, O) ((O) * (C) * TAPS) /* of the kernels (O, C, 5 rows, 5) */
#define C1_PIXELS (C1_SIDE * C1_SIDE)
#define C1_BLOCK(O) (VECTOR_BYTES == 64 ? (O) : 2)
#define C1_M (C1_BLOCK(C1_CHANNELS) * 4) /* most sums of one point */

static const T FN(c1_point)[3] = {(T)0.5, 1, 2};
/* The product of (z - q^2) over the other two pairs: the coefficients of 1 and z; that of z^2 is 1. */
static const T FN(c1_others)[3][2] = {{4, -5}, {1, (T)-4.25}, {(T)0.25, (T)-1.25}};
/* The same over all pairs, up to z^2. */
static const T FN(c1_all)[3] = {-1, (T)5.25, (T)-5.25};
/* G: rows for 0, 1/2, -1/2, 1, -1, 2, -2, infinity. */
static const T FN(c1_taps)[C1_POINTS][TAPS] = {
    {-1, 0, 0, 0, 0},
    {(T)(1 / 1.40625), (T)(0.5 / 1.40625), (T)(0.25 / 1.40625), (T)(0.125 / 1.40625), (T)(0.0625 / 1.40625)},
    {(T)(1 / 1.40625), (T)(-0.5 / 1.40625), (T)(0.25 / 1.40625), (T)(-0.125 / 1.40625), (T)(0.0625 / 1.40625)},
    {(T)(-1 / 4.5), (T)(-1 / 4.5), (T)(-1 / 4.5), (T)(-1 / 4.5), (T)(-1 / 4.5)},
    {(T)(-1 / 4.5), (T)(1 / 4.5), (T)(-1 / 4.5), (T)(1 / 4.5), (T)(-1 / 4.5)},
    {(T)(1 / 90.0), (T)(2 / 90.0), (T)(4 / 90.0), (T)(8 / 90.0), (T)(16 / 90.0)},
    {(T)(1 / 90.0), (T)(-2 / 90.0), (T)(4 / 90.0), (T)(-8 / 90.0), (T)(16 / 90.0)},
    {0, 0, 0, 0, 1},
};

/* U (8, C1_ROWS) = G W, of n = C1_ROWS */
static void FN(c1_prepare)(int n, const T *W, T *U) {
    for (int t = 0; t < C1_POINTS; t++)
        for (int r = 0; r < n; r++) {
            T total = 0;
            for (int k = 0; k < TAPS; k++)
                total += FN(c1_taps)[t][k] * W[r * TAPS + k];
            U[t * n + r] = total;
        }
}

/* dW += G^T dU */
static void FN(c1_finish)(int n, const T *dU, T *dW) {
    for (int t = 0; t < C1_POINTS; t++)
        for (int r = 0; r < n; r++)
            for (int k = 0; k < TAPS; k++)
                dW[r * TAPS + k] += FN(c1_taps)[t][k] * dU[t * n + r];
}

/* v = B^T d */
INLINE void FN(c1_input_transform)(const V *d, V *v) {
    v[0] = d[6] + d[4] * FN(c1_all)[2] + d[2] * FN(c1_all)[1] + d[0] * FN(c1_all)[0];
    v[7] = d[7] + d[5] * FN(c1_all)[2] + d[3] * FN(c1_all)[1] + d[1] * FN(c1_all)[0];
    UNROLL for (int i = 0; i < 3; i++) {
        const V even = d[6] + d[4] * FN(c1_others)[i][1] + d[2] * FN(c1_others)[i][0];
        const V odd = d[5] + d[3] * FN(c1_others)[i][1] + d[1] * FN(c1_others)[i][0];
        v[2 * i + 1] = even + odd * FN(c1_point)[i];
        v[2 * i + 2] = even - odd * FN(c1_point)[i];
    }
}

/* m = A y */
INLINE void FN(c1_evaluate)(const V *y, V *m) {
    m[0] = y[0];
    m[7] = y[3];
    UNROLL for (int i = 0; i < 3; i++) {
        const T p = FN(c1_point)[i], z = p * p;
        const V even = y[0] + y[2] * z, odd = y[1] + y[3] * z;
        m[2 * i + 1] = even + odd * p;
        m[2 * i + 2] = even - odd * p;
    }
}

/* y = b + A^T m */
INLINE void FN(c1_evaluate_transposed)(const V *m, V b, V *y) {
    y[0] = b + m[0];
    y[1] = y[2] = b;
    y[3] = b + m[7];
    UNROLL for (int i = 0; i < 3; i++) {
        const T p = FN(c1_point)[i], z = p * p;
        const V sum = m[2 * i + 1] + m[2 * i + 2], difference = m[2 * i + 1] - m[2 * i + 2];
        y[0] += sum;
        y[1] += difference * p;
        y[2] += sum * z;
        y[3] += difference * (p * z);
    }
}

/* The columns of one tile, v (8, 32): x points at its left upper pixel. */
INLINE void FN(c1_columns)(const T *x, V (*v)[C1_SIDE]) {
    for (int y = 0; y < C1_SIDE; y++) {
        V d[C1_POINTS], p[C1_POINTS];
        UNROLL for (int i = 0; i < C1_POINTS; i++) d[i] = FN(load)(x + ((int64_t)y * C1_SIDE + i) * LANES);
        FN(c1_input_transform)(d, p);
        UNROLL for (int t = 0; t < C1_POINTS; t++) v[t][y] = p[t];
    }
}

/* NO of O output channels x 4 rows of one tile of C channels v (C, 8, 32): m (8, NO, 4). */
INLINE void FN(c1_products)(int C, int O, V (*v)[C1_SIDE], const T *U, V (*m)[C1_M], int NO) {
    for (int t = 0; t < C1_POINTS; t++) {
        V acc[24];
        UNROLL for (int i = 0; i < NO * 4; i++) acc[i] = (V){0};
        for (int c = 0; c < C; c++) {
            const T *u = U + t * C1_ROWS(C, O) + c * TAPS;
            UNROLL for (int ky = 0; ky < TAPS; ky++) {
                V x[4];
                UNROLL for (int i = 0; i < 4; i++) {
                    x[i] = v[c * C1_POINTS + t][ky + i];
                    IN_REGISTER(x[i]);
                }
                UNROLL for (int r = 0; r < NO; r++) {
                    V w = FN(splat)(u[r * C * TAPS + ky]);
                    IN_REGISTER(w);
                    UNROLL for (int i = 0; i < 4; i++) acc[r * 4 + i] += x[i] * w;
                }
            }
        }
        UNROLL for (int i = 0; i < NO * 4; i++) m[t][i] = acc[i];
    }
}

/* Functions of their own, as in ops/conv2d_winograd.h. */
NOINLINE void FN(c1_grey_products)(V (*v)[C1_SIDE], const T *U, V (*m)[C1_M]) {
    FN(c1_products)(1, C1_CHANNELS, v, U, m, C1_BLOCK(C1_CHANNELS));
}
NOINLINE void FN(c1_colour_products)(V (*v)[C1_SIDE], const T *U, V (*m)[C1_M]) {
    FN(c1_products)(C1_COLOURS, C1_CHANNELS, v, U, m, C1_BLOCK(C1_CHANNELS));
}
NOINLINE void FN(c1_fewer_products)(int C, V (*v)[C1_SIDE], const T *U, V (*m)[C1_M]) {
    FN(c1_products)(C, C1_FEWER, v, U, m, C1_BLOCK(C1_FEWER));
}

INLINE void FN(c1_forward)(int C, int O, const T *X, const T *U, const T *b, T *Y, int training) {
    const int NO = C1_BLOCK(O);
    const int64_t plane = (int64_t)C1_POOLED * C1_POOLED * LANES;
    INTEGER *routes = (INTEGER *)(Y + O * plane);
    V v[C1_COLOURS * C1_POINTS][C1_SIDE], m[C1_POINTS][C1_M];
    for (int l = 0; l < LANES; l += VL) {
        const V checked = FN(check)(X + l, C * C1_PIXELS, U, C1_POINTS * C1_ROWS(C, O)) + FN(check)(X, 0, b, O);
        for (int tile = 0; tile < C1_TILES; tile++) {
            for (int c = 0; c < C; c++)
                FN(c1_columns)(X + ((int64_t)c * C1_PIXELS + 4 * tile) * LANES + l, v + c * C1_POINTS);
            for (int y = 0; y < C1_OUT; y += 4)
                for (int o = 0; o < O; o += NO) {
                    if (O == C1_FEWER)
                        FN(c1_fewer_products)(C, (V (*)[C1_SIDE]) & v[0][y], U + o * C * TAPS, m);
                    else if (C == 1)
                        FN(c1_grey_products)((V (*)[C1_SIDE]) & v[0][y], U + o * TAPS, m);
                    else
                        FN(c1_colour_products)((V (*)[C1_SIDE]) & v[0][y], U + o * C * TAPS, m);
                    for (int r = 0; r < NO; r++)
                        for (int pair = 0; pair < 2; pair++) {
                            V p[2][C1_POINTS], out[2][4];
                            UNROLL for (int i = 0; i < 2; i++) {
                                UNROLL for (int t = 0; t < C1_POINTS; t++) p[i][t] = m[t][r * 4 + 2 * pair + i];
                                FN(c1_evaluate_transposed)(p[i], FN(splat)(b[o + r]), out[i]);
                            }
                            const int64_t at = (int64_t)(o + r) * plane + ((y / 2 + pair) * C1_POOLED + 2 * tile) * LANES +
                                               l;
                            UNROLL for (int i = 0; i < 2; i++) {
                                const V *above = out[0] + 2 * i, *below = out[1] + 2 * i;
                                V best;
                                if (training)
                                    *(FN(mask) *)(routes + at + i * LANES) = FN(largest)(above[0], above[1], below[0],
                                                                                         below[1], checked, &best);
                                else
                                    best = FN(relu_of_largest_of)(above[0], above[1], below[0], below[1], checked);
                                FN(store)(Y + at + i * LANES, best);
                            }
                        }
                }
        }
    }
}

/* Gradients of the convolution are made for groups of channels and rows that stay in the first cache. */
#define C1_PART_ROWS 14
#define C1_PART_CHANNELS (VECTOR_BYTES == 64 ? 3 : 2)
#define C1_PART(O) ((O) % C1_PART_CHANNELS ? 2 : C1_PART_CHANNELS)

/* Those of one tile and NO channels, back through pooling and ReLU, as points: m (8, NO, C1_PART_ROWS). */
INLINE void FN(c1_gradient_columns)(const T *dY, const INTEGER *routes, V (*m)[C1_PART_CHANNELS][C1_PART_ROWS], V *db,
                                    int NO) {
    for (int o = 0; o < NO; o++)
        for (int y = 0; y < C1_PART_ROWS / 2; y++) {
            V e[2][4];
            UNROLL for (int i = 0; i < 2; i++) {
                const int64_t at = (((int64_t)o * C1_POOLED + y) * C1_POOLED + i) * LANES;
                const V d = FN(load)(dY + at), zero = {0};
                const FN(mask) from = *(const FN(mask) *)(routes + at);
                UNROLL for (int k = 0; k < 4; k++) e[k / 2][2 * i + k % 2] = FN(select)((FN(mask))(from == k), d, zero);
                db[o] += FN(select)((FN(mask))(from >= NOWHERE), zero, d);
            }
            UNROLL for (int r = 0; r < 2; r++) {
                V p[C1_POINTS];
                FN(c1_evaluate)(e[r], p);
                UNROLL for (int t = 0; t < C1_POINTS; t++) m[t][o][2 * y + r] = p[t];
            }
        }
}

/* sums (NO, C, 5) of one c += the products of gradients m and columns v of one tile and point. */
INLINE void FN(c1_weight_block)(const V *v, V (*m)[C1_PART_ROWS], V *sums, int C, int NO) {
    V acc[24];
    UNROLL for (int r = 0; r < NO; r++) UNROLL for (int ky = 0; ky < TAPS; ky++)
        acc[r * TAPS + ky] = sums[r * C * TAPS + ky];
    for (int y = 0; y < C1_PART_ROWS; y++) {
        V x[TAPS];
        UNROLL for (int ky = 0; ky < TAPS; ky++) {
            x[ky] = v[y + ky];
            IN_REGISTER(x[ky]);
        }
        UNROLL for (int r = 0; r < NO; r++) {
            V d = m[r][y];
            IN_REGISTER(d);
            UNROLL for (int ky = 0; ky < TAPS; ky++) acc[r * TAPS + ky] += d * x[ky];
        }
    }
    UNROLL for (int r = 0; r < NO; r++) UNROLL for (int ky = 0; ky < TAPS; ky++)
        sums[r * C * TAPS + ky] = acc[r * TAPS + ky];
}

/* dU (8, C1_ROWS) and db (O) are written or added to. */
INLINE void FN(c1_backward)(int C, int O, const T *X, const T *Y, const T *dY, T *dU, T *db, int accumulate) {
    const int N = C1_POINTS * C1_ROWS(C, O), NO = C1_PART(O);
    const INTEGER *routes = (const INTEGER *)(Y + (int64_t)O * C1_POOLED * C1_POOLED * LANES);
    V m[C1_POINTS][C1_PART_CHANNELS][C1_PART_ROWS], v[C1_COLOURS * C1_POINTS][C1_SIDE];
    V sums[C1_POINTS * C1_ROWS(C1_COLOURS, C1_CHANNELS) + C1_CHANNELS + VECTOR_BYTES / ELEMENT_BYTES];
    for (int i = 0; i < N + O + VL; i++)
        sums[i] = (V){0};
    for (int l = 0; l < LANES; l += VL)
        for (int tile = 0; tile < C1_TILES; tile++) {
            for (int c = 0; c < C; c++)
                FN(c1_columns)(X + ((int64_t)c * C1_PIXELS + 4 * tile) * LANES + l, v + c * C1_POINTS);
            for (int o = 0; o < O; o += NO)
                for (int y = 0; y < C1_OUT; y += C1_PART_ROWS) {
                    const int64_t at = (((int64_t)o * C1_POOLED + y / 2) * C1_POOLED + 2 * tile) * LANES + l;
                    FN(c1_gradient_columns)(dY + at, routes + at, m, sums + N + o, NO);
                    for (int t = 0; t < C1_POINTS; t++)
                        for (int c = 0; c < C; c++)
                            FN(c1_weight_block)(v[c * C1_POINTS + t] + y, m[t],
                                                sums + t * C1_ROWS(C, O) + (o * C + c) * TAPS, C, NO);
                }
        }
    FN(store_sums)(sums, N, dU, O, db, accumulate);
}

/* ---- the step --------------------------------------------------------------------------------------------------------- */

static void FN(conv_pool_prepare)(const lenet5_op *op, const T *W, T *U) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(W, U);
    if (lenet5_has_winograd(op))
        FN(c1_prepare)(C1_ROWS(op->in_channels, op->out_channels), W, U);
}

static void FN(conv_pool_finish)(const lenet5_op *op, const T *dU, T *dW) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(dU, dW);
    if (lenet5_has_winograd(op))
        FN(c1_finish)(C1_ROWS(op->in_channels, op->out_channels), dU, dW);
}

static void FN(conv_pool_forward)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, int training) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, W, b, U, Y);
    if (!lenet5_has_winograd(op))
        FN(conv_pool_general)(op, X, W, b, Y);
    else if (op->out_channels == C1_FEWER)
        FN(c1_forward)(op->in_channels, C1_FEWER, X, U, b, Y, training);
    else if (op->in_channels == 1 && training)
        FN(c1_forward)(1, C1_CHANNELS, X, U, b, Y, 1);
    else if (op->in_channels == 1)
        FN(c1_forward)(1, C1_CHANNELS, X, U, b, Y, 0);
    else if (training)
        FN(c1_forward)(C1_COLOURS, C1_CHANNELS, X, U, b, Y, 1);
    else
        FN(c1_forward)(C1_COLOURS, C1_CHANNELS, X, U, b, Y, 0);
}

/* There is no gradient for the image. */
static void FN(conv_pool_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dW, T *db, T *dU,
                                   int accumulate, T *scratch) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, Y, dY, dW, db, dU, scratch);
    if (lenet5_has_winograd(op)) {
        if (!accumulate)
            memset(dW, 0, sizeof(T) * C1_ROWS(op->in_channels, op->out_channels) * TAPS);
        if (op->out_channels == C1_FEWER)
            FN(c1_backward)(op->in_channels, C1_FEWER, X, Y, dY, dU, db, accumulate);
        else if (op->in_channels == 1)
            FN(c1_backward)(1, C1_CHANNELS, X, Y, dY, dU, db, accumulate);
        else
            FN(c1_backward)(C1_COLOURS, C1_CHANNELS, X, Y, dY, dU, db, accumulate);
    } else
        FN(conv_pool_gradients)(op, X, Y, dY, dW, db, accumulate, scratch);
}
