/* ---- C1 of one image, with rows as lanes ----------------------------------------------------------------------------
 *
 * Rows of one parity lie side by side, so that pooling compares whole vectors. Output row 2 j + q and tap ky meet in input
 * row 2 j + q + ky: number j + (q + ky) / 2 of its parity. Sums read up to 3 rows beyond, and are dropped there.
 */

#define PARITY_ROWS (2 * LANES) /* 16 of them used */

/* columns (2, 32, LANES) of X (32, 32): by parity of the row, column, and row. */
INLINE void FN(single_c1_columns)(const T *X, T (*columns)[C1_SIDE][LANES]) {
    for (int parity = 0; parity < 2; parity++)
        for (int j = 0; j < LANES; j += VL)
            for (int x = 0; x < C1_SIDE; x += VL) {
                V block[VECTOR_BYTES / ELEMENT_BYTES];
                UNROLL for (int i = 0; i < VL; i++) block[i] = FN(load)(X + (2 * (j + i) + parity) * C1_SIDE + x);
                FN(transpose)(block);
                UNROLL for (int i = 0; i < VL; i++) FN(store)(&columns[parity][x + i][j], block[i]);
            }
}

/* One point of C channels v (C, 8, 2, rows): m (NO, 2, LANES) of NO output channels. */
INLINE void FN(single_c1_point)(int C, const T (*v)[2][PARITY_ROWS], const T *U, T *m, int NO) {
    enum { NV = LANES * ELEMENT_BYTES / VECTOR_BYTES > 2 ? 2 : LANES * ELEMENT_BYTES / VECTOR_BYTES };
    for (int l = 0; l < LANES; l += NV * VL) {
        V acc[C1_CHANNELS * 2 * NV];
        UNROLL for (int i = 0; i < NO * 2 * NV; i++) acc[i] = (V){0};
        for (int c = 0; c < C; c++) {
            const T (*own)[PARITY_ROWS] = v[c * C1_POINTS], *u = U + c * TAPS;
            UNROLL for (int ky = 0; ky < TAPS; ky++) {
                V x[2 * NV];
                UNROLL for (int q = 0; q < 2; q++) UNROLL for (int i = 0; i < NV; i++) {
                    x[q * NV + i] = FN(load)(&own[(q + ky) % 2][l + i * VL + (q + ky) / 2]);
                    IN_REGISTER(x[q * NV + i]);
                }
                UNROLL for (int o = 0; o < NO; o++) {
                    V w = FN(splat)(u[o * C * TAPS + ky]);
                    IN_REGISTER(w);
                    UNROLL for (int i = 0; i < 2 * NV; i++) acc[o * 2 * NV + i] += x[i] * w;
                }
            }
        }
        UNROLL for (int o = 0; o < NO; o++) UNROLL for (int q = 0; q < 2; q++) UNROLL for (int i = 0; i < NV; i++)
            FN(store)(m + (2 * o + q) * LANES + l + i * VL, acc[(2 * o + q) * NV + i]);
    }
}

/* All points and channels of a tile; below, functions of their own, as in ops/conv2d_winograd.h. */
INLINE void FN(single_c1_products)(int C, int O, const T (*v)[2][PARITY_ROWS], const T *U, T (*m)[C1_CHANNELS][2][LANES]) {
    const int NO = VECTOR_BYTES == 64 ? O : O / 2;
    for (int t = 0; t < C1_POINTS; t++)
        for (int o = 0; o < O; o += NO)
            FN(single_c1_point)(C, v + t, U + t * C1_ROWS(C, O) + o * C * TAPS, m[t][o][0], NO);
}

NOINLINE void FN(single_c1_grey_products)(const T (*v)[2][PARITY_ROWS], const T *U, T (*m)[C1_CHANNELS][2][LANES]) {
    FN(single_c1_products)(1, C1_CHANNELS, v, U, m);
}

NOINLINE void FN(single_c1_colour_products)(const T (*v)[2][PARITY_ROWS], const T *U, T (*m)[C1_CHANNELS][2][LANES]) {
    FN(single_c1_products)(C1_COLOURS, C1_CHANNELS, v, U, m);
}

NOINLINE void FN(single_c1_fewer_products)(int C, const T (*v)[2][PARITY_ROWS], const T *U, T (*m)[C1_CHANNELS][2][LANES]) {
    FN(single_c1_products)(C, C1_FEWER, v, U, m);
}

/* The points of one tile and channel, v (8, 2, rows). */
INLINE void FN(single_c1_tile)(T (*columns)[C1_SIDE][LANES], int tile, T (*v)[2][PARITY_ROWS]) {
    for (int q = 0; q < 2; q++)
        for (int l = 0; l < LANES; l += VL) {
            V d[C1_POINTS], p[C1_POINTS];
            UNROLL for (int i = 0; i < C1_POINTS; i++) d[i] = FN(load)(&columns[q][4 * tile + i][l]);
            FN(c1_input_transform)(d, p);
            UNROLL for (int t = 0; t < C1_POINTS; t++) FN(store)(&v[t][q][l], p[t]);
        }
}

/* X (C, 32, 32), U as c1_prepare gives it, Y (O, 14, LANES): channels, columns, rows, of which there are 14. checked: 0, or
 * NaN where a weight is not finite. */
static void FN(single_c1)(int C, int O, const T *X, const T *U, const T *b, T checked, T *Y) {
    T columns[2 * C1_COLOURS][C1_SIDE][LANES], v[C1_COLOURS * C1_POINTS][2][PARITY_ROWS];
    T m[C1_POINTS][C1_CHANNELS][2][LANES];
    V seen[2] = {FN(splat)(checked), {0}};
    for (int c = 0; c < C; c++)
        FN(single_c1_columns)(X + c * C1_PIXELS, columns + 2 * c);
    memset(v, 0, sizeof(T) * C * C1_POINTS * 2 * PARITY_ROWS);
    for (int i = 0; i < C * C1_PIXELS; i += 2 * VL)
        UNROLL for (int k = 0; k < 2; k++) seen[k] += FN(load)(X + i + k * VL) * 0;
    const V all_checked = FN(splat)(FN(sum_lanes)(seen[0] + seen[1]));
    for (int tile = 0; tile < C1_TILES; tile++) {
        for (int c = 0; c < C; c++)
            FN(single_c1_tile)(columns + 2 * c, tile, v + c * C1_POINTS);
        if (O == C1_FEWER)
            FN(single_c1_fewer_products)(C, (const T (*)[2][PARITY_ROWS])v, U, m);
        else if (C == 1)
            FN(single_c1_grey_products)((const T (*)[2][PARITY_ROWS])v, U, m);
        else
            FN(single_c1_colour_products)((const T (*)[2][PARITY_ROWS])v, U, m);
        for (int o = 0; o < O; o++)
            for (int l = 0; l < LANES; l += VL) {
                V p[2][C1_POINTS], y[2][4];
                UNROLL for (int q = 0; q < 2; q++) {
                    UNROLL for (int t = 0; t < C1_POINTS; t++) p[q][t] = FN(load)(&m[t][o][q][l]);
                    FN(c1_evaluate_transposed)(p[q], FN(splat)(b[o]), y[q]);
                }
                UNROLL for (int i = 0; i < 4; i += 2)
                    FN(store)(Y + (o * C1_POOLED + 2 * tile + i / 2) * LANES + l,
                              FN(relu_of_largest_of)(y[0][i], y[0][i + 1], y[1][i], y[1][i + 1], all_checked));
            }
    }
}

/* U, and behind it 0, or NaN where a weight or a bias is not finite. */
static void FN(single_c1_prepare)(int C, int O, const T *W, const T *b, T *to) {
    const int n = C1_ROWS(C, O);
    FN(c1_prepare)(n, W, to);
    T checked = 0;
    for (int k = 0; k < C1_POINTS * n; k++)
        checked += to[k] * 0;
    for (int o = 0; o < O; o++)
        checked += b[o] * 0;
    to[C1_POINTS * n] = checked;
}

/* Columns (C, W, LANES) to (C, H, W) */
static void FN(from_columns)(const T *X, int C, int H, int W, T *Y) {
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                *Y++ = X[(c * W + x) * LANES + y];
}

INLINE T FN(larger)(T a, T b) { return b > a || b != b ? b : a; } /* a NaN is never hidden */

INLINE T FN(relu_of_largest)(T a, T b, T c, T d) {
    const T best = FN(larger)(FN(larger)(a, b), FN(larger)(c, d));
    return best <= 0 ? 0 : best;
}

/* ready: as single_c1_prepare writes it. The next step decides whether Y is needed as columns. */
static void FN(single_conv_pool)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *ready, T *Y,
                                 int as_columns, T *scratch) {
    const int H = op->in_height, IW = op->in_width, C = op->in_channels, O = op->out_channels;
    if (lenet5_has_winograd(op)) {
        FN(single_c1)(C, O, X, ready, b, ready[C1_POINTS * C1_ROWS(C, O)], as_columns ? Y : scratch);
        if (!as_columns)
            FN(from_columns)(scratch, O, op->out_height, op->out_width, Y);
        return;
    }
    FN(flat_conv)(X, W, b, scratch, C, H, IW, O, TAPS, 4, 2);
    for (int o = 0; o < O; o++)
        for (int y = 0; y < op->out_height; y++) {
            const T *above = scratch + o * FN(flat_stride)(H - TAPS + 1, IW) + (int64_t)2 * y * IW, *below = above + IW;
            for (int x = 0; x < op->out_width; x++)
                *Y++ = FN(relu_of_largest)(above[2 * x], above[2 * x + 1], below[2 * x], below[2 * x + 1]);
        }
}
