/* A few pictures: the network on one picture at a time, for element type T.
 *
 * A lane group costs the same whether one of its lanes is used or all 16. For one picture, lanes are neighbouring
 * pixels instead, and activations are plain (C, H, W). A plane is taken as one long row: the column (c, ky, kx) of
 * im2col for the output at flat position p = y W + x is the input at p + ky W + kx, so vectors of neighbouring p need
 * no columns stored; the KS - 1 positions at the end of each row are computed too and thrown away. For minimal
 * filtering (ops/conv2d_winograd.h) lanes are rows, for dense layers outputs. Every output is the same sum in the same order
 * as on image lanes: the same bits.
 */

/* NO output channels x NV vectors of flat positions, all taps. */
INLINE void FN(flat_block)(const T *x, const T *w, const T *b, T *y, int C, int plane, int W, int KS, int64_t stride_out,
                           int NO, int NV) {
    const int K = C * KS * KS;
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int v = 0; v < NV; v++) acc[o * NV + v] = FN(splat)(b[o]);
    for (int c = 0; c < C; c++)
        for (int ky = 0; ky < KS; ky++)
            for (int kx = 0; kx < KS; kx++) {
                const T *xr = x + (int64_t)c * plane + ky * W + kx, *wr = w + (c * KS + ky) * KS + kx;
                V xv[8];
                UNROLL for (int v = 0; v < NV; v++) xv[v] = FN(load)(xr + v * VL);
                UNROLL for (int o = 0; o < NO; o++)
                    UNROLL for (int v = 0; v < NV; v++) acc[o * NV + v] += xv[v] * wr[(int64_t)o * K];
            }
    UNROLL for (int o = 0; o < NO; o++)
        UNROLL for (int v = 0; v < NV; v++) FN(store)(y + o * stride_out + v * VL, acc[o * NV + v]);
}

INLINE int64_t FN(flat_stride)(int OH, int W) { return ((int64_t)OH * W + VL - 1) / VL * VL; }

/* Y (O, flat_stride): rows of W, of which the last KS - 1 elements mean nothing. */
INLINE void FN(flat_conv)(const T *X, const T *W_, const T *b, T *Y, int C, int H, int W, int O, int KS, int NO, int NV) {
    const int OH = H - KS + 1, OW = W - KS + 1, K = C * KS * KS;
    const int64_t stride = FN(flat_stride)(OH, W), used = (int64_t)(OH - 1) * W + OW;
    int o = 0;
    for (; o + NO <= O; o += NO) {
        int64_t p = 0;
        for (; p + NV * VL <= stride && p < used; p += NV * VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, Y + o * stride + p, C, H * W, W, KS, stride, NO, NV);
        for (; p < used; p += VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, Y + o * stride + p, C, H * W, W, KS, stride, NO, 1);
    }
    for (; o < O; o++) {
        int64_t p = 0;
        for (; p + 8 * VL <= stride && p < used; p += 8 * VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, Y + o * stride + p, C, H * W, W, KS, stride, 1, 8);
        for (; p < used; p += VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, Y + o * stride + p, C, H * W, W, KS, stride, 1, 1);
    }
}

INLINE T FN(larger)(T a, T b) { return b > a || b != b ? b : a; } /* a NaN is never hidden */

INLINE T FN(relu_of_largest)(T a, T b, T c, T d) {
    const T best = FN(larger)(FN(larger)(a, b), FN(larger)(c, d));
    return best <= 0 ? 0 : best;
}

/* ---- C1 with rows as lanes: F(4, 5), ops/conv_pool_relu.h ---------------------------------------------------------------
 *
 * Rows of one parity lie side by side, so that pooling compares whole vectors: output row 2 j + q and tap ky meet in input
 * row 2 j + q + ky, which is number j + (q + ky) / 2 of its parity. Sums read up to 3 rows beyond, and are thrown away there.
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

/* One point: m (NO, 2, LANES) of NO output channels. */
INLINE void FN(single_c1_point)(const T (*v)[PARITY_ROWS], const T *u, T *m, int NO) {
    enum { NV = LANES * ELEMENT_BYTES / VECTOR_BYTES > 2 ? 2 : LANES * ELEMENT_BYTES / VECTOR_BYTES };
    for (int l = 0; l < LANES; l += NV * VL) {
        V acc[C1_CHANNELS * 2 * NV];
        UNROLL for (int i = 0; i < NO * 2 * NV; i++) acc[i] = (V){0};
        UNROLL for (int ky = 0; ky < TAPS; ky++) {
            V x[2 * NV];
            UNROLL for (int q = 0; q < 2; q++)
                UNROLL for (int i = 0; i < NV; i++) {
                    x[q * NV + i] = FN(load)(&v[(q + ky) % 2][l + i * VL + (q + ky) / 2]);
                    IN_REGISTER(x[q * NV + i]);
                }
            UNROLL for (int o = 0; o < NO; o++) {
                V w = FN(splat)(u[o * TAPS + ky]);
                IN_REGISTER(w);
                UNROLL for (int i = 0; i < 2 * NV; i++) acc[o * 2 * NV + i] += x[i] * w;
            }
        }
        UNROLL for (int o = 0; o < NO; o++)
            UNROLL for (int q = 0; q < 2; q++)
                UNROLL for (int i = 0; i < NV; i++)
                    FN(store)(m + (2 * o + q) * LANES + l + i * VL, acc[(2 * o + q) * NV + i]);
    }
}

/* All points and channels of a tile: a function of its own, as in ops/conv2d_winograd.h. */
NOINLINE void FN(single_c1_products)(const T (*v)[2][PARITY_ROWS], const T *U, T (*m)[C1_CHANNELS][2][LANES]) {
    enum { NO = VECTOR_BYTES == 64 ? 6 : 3 };
    for (int t = 0; t < C1_POINTS; t++)
        for (int o = 0; o < C1_CHANNELS; o += NO)
            FN(single_c1_point)(v[t], U + t * C1_ROWS + o * TAPS, m[t][o][0], NO);
}

/* X (32, 32), U as c1_prepare gives it, Y (6, 14, LANES): channels, columns, rows, of which there are 14. checked: 0, or
 * NaN where a weight is not finite. */
static void FN(single_c1)(const T *X, const T *U, const T *b, T checked, T *Y) {
    T columns[2][C1_SIDE][LANES], v[C1_POINTS][2][PARITY_ROWS], m[C1_POINTS][C1_CHANNELS][2][LANES];
    V seen[2] = {FN(splat)(checked), {0}};
    FN(single_c1_columns)(X, columns);
    memset(v, 0, sizeof v);
    for (int i = 0; i < C1_SIDE * C1_SIDE; i += 2 * VL)
        UNROLL for (int k = 0; k < 2; k++) seen[k] += FN(load)(X + i + k * VL) * 0;
    const V all_checked = FN(splat)(FN(sum_lanes)(seen[0] + seen[1]));
    for (int tile = 0; tile < C1_TILES; tile++) {
        for (int q = 0; q < 2; q++)
            for (int l = 0; l < LANES; l += VL) {
                V d[C1_POINTS], p[C1_POINTS];
                UNROLL for (int i = 0; i < C1_POINTS; i++) d[i] = FN(load)(&columns[q][4 * tile + i][l]);
                FN(c1_input_transform)(d, p);
                UNROLL for (int t = 0; t < C1_POINTS; t++) FN(store)(&v[t][q][l], p[t]);
            }
        FN(single_c1_products)((const T (*)[2][PARITY_ROWS])v, U, m);
        for (int o = 0; o < C1_CHANNELS; o++)
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

/* (C, H, W) to columns (C, W, LANES), and back. */
static void FN(to_columns)(const T *X, int C, int H, int W, T *Y) {
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                Y[(c * W + x) * LANES + y] = *X++;
}

static void FN(from_columns)(const T *X, int C, int H, int W, T *Y) {
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                *Y++ = X[(c * W + x) * LANES + y];
}

/* ready: see single_prepare. Whether Y is wanted as columns, the next step says. */
static void FN(single_conv_pool)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *ready, T *Y, int as_columns,
                                 T *scratch) {
    const int H = op->in_height, IW = op->in_width, O = op->out_channels;
    if (lenet5_has_winograd(op)) {
        FN(single_c1)(X, ready, b, ready[C1_POINTS * C1_ROWS], as_columns ? Y : scratch);
        if (!as_columns)
            FN(from_columns)(scratch, O, op->out_height, op->out_width, Y);
        return;
    }
    FN(flat_conv)(X, W, b, scratch, 1, H, IW, O, TAPS, 4, 2);
    for (int o = 0; o < O; o++)
        for (int y = 0; y < op->out_height; y++) {
            const T *above = scratch + o * FN(flat_stride)(H - TAPS + 1, IW) + (int64_t)2 * y * IW, *below = above + IW;
            for (int x = 0; x < op->out_width; x++)
                *Y++ = FN(relu_of_largest)(above[2 * x], above[2 * x + 1], below[2 * x], below[2 * x + 1]);
        }
}

/* ---- C3 with output channels as lanes: F(5, 5), ops/conv2d_winograd.h ---------------------------------------------------- */

/* NY rows of one tile and point: m (NY, LANES) from v (C, LANES), u (5 C, LANES). */
INLINE void FN(single_c3_point)(const T *v, const T *u, T *m, int C, int NY) {
    enum { NV = LANES * ELEMENT_BYTES / VECTOR_BYTES };
    V acc[10];
    UNROLL for (int i = 0; i < NY * NV; i++) acc[i] = (V){0};
    for (int c = 0; c < C; c++)
        UNROLL for (int ky = 0; ky < TAPS; ky++) {
            V w[NV];
            UNROLL for (int i = 0; i < NV; i++) {
                w[i] = FN(load)(u + (c * TAPS + ky) * LANES + i * VL);
                IN_REGISTER(w[i]);
            }
            UNROLL for (int y = 0; y < NY; y++) {
                const V x = FN(splat)(v[c * LANES + y + ky]);
                UNROLL for (int i = 0; i < NV; i++) acc[y * NV + i] += x * w[i];
            }
        }
    UNROLL for (int y = 0; y < NY; y++)
        UNROLL for (int i = 0; i < NV; i++) FN(store)(m + y * LANES + i * VL, acc[y * NV + i]);
}

NOINLINE void FN(single_c3_products)(const T *v, const T *U, T (*m)[C3_TILES][C3_OUT_SIDE][LANES], int C) {
    enum { NV = LANES * ELEMENT_BYTES / VECTOR_BYTES, NY = NV == 1 ? 10 : NV == 2 ? 5 : NV == 4 ? 2 : 1 };
    for (int t = 0; t < N_POINTS; t++)
        for (int tile = 0; tile < C3_TILES; tile++)
            for (int y = 0; y < C3_OUT_SIDE; y += NY)
                FN(single_c3_point)(v + (t * C3_TILES + tile) * C * LANES + y, U + t * C * TAPS * LANES, m[t][tile][y], C, NY);
}

/* v (9, 2, C, LANES): points of both tiles, from X (C, 14, LANES): columns. */
static void FN(single_c3_points)(const T *X, T *v, int C) {
    for (int tile = 0; tile < C3_TILES; tile++)
        for (int c = 0; c < C; c++)
            for (int l = 0; l < LANES; l += VL) {
                V d[N_POINTS], p[N_POINTS];
                UNROLL for (int i = 0; i < N_POINTS; i++)
                    d[i] = FN(load)(X + (c * C3_SIDE + N_OUTPUTS * tile + i) * LANES + l);
                FN(input_transform)(d, p);
                UNROLL for (int t = 0; t < N_POINTS; t++) FN(store)(v + ((t * C3_TILES + tile) * C + c) * LANES + l, p[t]);
            }
}

/* LANES output channels: U (9, 5 C, LANES): taps, output channels; Y (10, 10, LANES): rows, columns, output channels. */
static void FN(single_c3)(const T *v, const T *U, const T *b, T *Y, int C) {
    T m[N_POINTS][C3_TILES][C3_OUT_SIDE][LANES];
    FN(single_c3_products)(v, U, m, C);
    for (int y = 0; y < C3_OUT_SIDE; y++)
        for (int tile = 0; tile < C3_TILES; tile++)
            for (int l = 0; l < LANES; l += VL) {
                V p[N_POINTS], out[N_OUTPUTS];
                UNROLL for (int t = 0; t < N_POINTS; t++) p[t] = FN(load)(&m[t][tile][y][l]);
                UNROLL for (int k = 0; k < N_OUTPUTS; k++) out[k] = FN(load)(b + l);
                FN(evaluate_transposed)(p, out);
                UNROLL for (int k = 0; k < N_OUTPUTS; k++)
                    FN(store)(Y + (y * C3_OUT_SIDE + N_OUTPUTS * tile + k) * LANES + l, out[k]);
            }
}

/* Max-pooling 2 x 2 in place, of X (10, 10, LANES) to (5, 5, LANES). */
static void FN(pool_c3)(T *X) {
    enum { SIDE = C3_OUT_SIDE };
    for (int y = 0; y < SIDE / 2; y++)
        for (int x = 0; x < SIDE / 2; x++)
            for (int l = 0; l < LANES; l += VL) {
                const T *window = X + (2 * y * SIDE + 2 * x) * LANES + l;
                FN(store)(X + (y * SIDE / 2 + x) * LANES + l, FN(window_max)(window, SIDE, 2));
            }
}

/* Y (LANES, n) of X (n, LANES): up to VL - 1 elements more are written. */
static void FN(channels_first)(const T *X, int n, T *Y) {
    const int last = (n - 1) / VL * VL;
    for (int k = 0; k <= last; k += VL) {
        const int p = k ? k - VL : last; /* what reaches into the next channel comes before that channel */
        for (int c = 0; c < LANES; c += VL) {
            V block[VECTOR_BYTES / ELEMENT_BYTES], zero = {0};
            UNROLL for (int i = 0; i < VL; i++) block[i] = p + i < n ? FN(load)(X + (p + i) * LANES + c) : zero;
            FN(transpose)(block);
            UNROLL for (int i = 0; i < VL; i++) FN(store)(Y + (c + i) * n + p, block[i]);
        }
    }
}

/* Y (O, 10, 10), or (O, 5, 5) where the next step, max-pooling, is done too. scratch: lenet5_n_winograd / LANES */
static void FN(single_winograd)(const lenet5_op *op, const T *X, const T *U, const T *b, T *Y, int from_columns,
                                int with_pooling, T *scratch) {
    const int C = op->in_channels, n = C3_OUT_SIDE * C3_OUT_SIDE / (with_pooling ? 4 : 1);
    T *columns = scratch, *points = columns + C * C3_SIDE * LANES, *out = points + N_POINTS * C3_TILES * C * LANES;
    if (!from_columns)
        FN(to_columns)(X, C, C3_SIDE, C3_SIDE, columns);
    FN(single_c3_points)(from_columns ? X : columns, points, C);
    for (int o = 0; o < op->out_channels; o += LANES, U += N_POINTS * C * TAPS * LANES) {
        FN(single_c3)(points, U, b + o, out, C);
        if (with_pooling)
            FN(pool_c3)(out);
        FN(channels_first)(out, n, Y + o * n);
    }
}

/* ---- dense layers with outputs as lanes ----------------------------------------------------------------------------- */

/* NB blocks of VL rows of W, VL taps at a time, are transposed in registers, in turns, as each is one chain of sums; of one
 * block there may be only n_rows. The last taps are loaded as a whole vector too: behind every weight there is a bias,
 * which is padded to 16. Up to VL - 1 elements more are written. */
INLINE void FN(single_dense_rows)(const T *x, const T *W, const T *b, T *y, int F, int NB, int n_rows) {
    V acc[4];
    UNROLL for (int n = 0; n < NB; n++) acc[n] = FN(load)(b + n * VL);
    for (int k = 0; k < F; k += VL)
        UNROLL for (int n = 0; n < NB; n++) {
            V w[VECTOR_BYTES / ELEMENT_BYTES];
            UNROLL for (int i = 0; i < VL; i++)
                w[i] = FN(load)(W + (int64_t)(n * VL + (i < n_rows ? i : 0)) * F + k);
            FN(transpose)(w);
            if (F - k >= VL)
                UNROLL for (int i = 0; i < VL; i++) acc[n] += w[i] * x[k + i];
            else
                UNROLL for (int i = 0; i < VL; i++) if (k + i < F) acc[n] += w[i] * x[k + i];
        }
    UNROLL for (int n = 0; n < NB; n++) FN(store)(y + n * VL, acc[n]);
}

static void FN(single_dense)(const T *x, const T *W, const T *b, T *y, int F, int O) {
    int o = 0;
    for (; o + 3 * VL <= O; o += 3 * VL)
        FN(single_dense_rows)(x, W + (int64_t)o * F, b + o, y + o, F, 3, VL);
    for (; o + VL <= O; o += VL)
        FN(single_dense_rows)(x, W + (int64_t)o * F, b + o, y + o, F, 1, VL);
    if (o < O)
        FN(single_dense_rows)(x, W + (int64_t)o * F, b + o, y + o, F, 1, O - o);
}

/* The same with W^T (F, padded(O)), which weights that stay are worth: n vectors of outputs. */
INLINE void FN(ready_dense_block)(const T *x, const T *wt, const T *b, T *y, int F, int stride, int n) {
    V acc[16];
    UNROLL for (int i = 0; i < n; i++) acc[i] = FN(load)(b + i * VL);
    for (int f = 0; f < F; f++) {
        V a = FN(splat)(x[f]);
        IN_REGISTER(a);
        UNROLL for (int i = 0; i < n; i++) acc[i] += a * FN(load)(wt + (int64_t)f * stride + i * VL);
    }
    UNROLL for (int i = 0; i < n; i++) FN(store)(y + i * VL, acc[i]);
}

/* Up to VL - 1 elements more are written. */
static void FN(ready_dense)(const T *x, const T *wt, const T *b, T *y, int F, int O) {
    enum { MOST = VECTOR_BYTES == 64 ? 8 : 15 };
    const int stride = FN(padded)(O);
    int n = (O + VL - 1) / VL;
    for (; n >= MOST; n -= MOST, wt += MOST * VL, b += MOST * VL, y += MOST * VL)
        FN(ready_dense_block)(x, wt, b, y, F, stride, MOST);
    for (; n >= 8; n -= 8, wt += 8 * VL, b += 8 * VL, y += 8 * VL)
        FN(ready_dense_block)(x, wt, b, y, F, stride, 8);
#define REST(n)                                                                                                            \
    case n: FN(ready_dense_block)(x, wt, b, y, F, stride, n); break;
    switch (n) { REST(1) REST(2) REST(3) REST(4) REST(5) REST(6) REST(7) }
#undef REST
}

static void FN(transpose_dense)(const T *W, int F, int O, T *wt) {
    const int stride = FN(padded)(O);
    for (int o = 0; o < stride; o += VL)
        for (int f = 0; f < F; f += VL) {
            V block[VECTOR_BYTES / ELEMENT_BYTES];
            UNROLL for (int i = 0; i < VL; i++) /* where there are no more rows the first one again */
                block[i] = FN(load)(W + (int64_t)(o + i < O ? o + i : 0) * F + f);
            FN(transpose)(block);
            for (int i = 0; i < VL && f + i < F; i++)
                FN(store)(wt + (int64_t)(f + i) * stride + o, block[i]);
        }
}

/* Y (O, OH, OW) from rows that are as wide as those of the input */
static void FN(flat_rows)(const lenet5_op *op, const T *flat, T *Y) {
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, Y += op->out_width)
            memcpy(Y, flat + o * FN(flat_stride)(op->out_height, op->in_width) + (int64_t)y * op->in_width,
                   sizeof(T) * op->out_width);
}

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

/* Pooling in the order of comparisons and additions that the lanes have. */
INLINE void FN(single_pool)(const lenet5_op *op, const T *X, T *Y, int use_max, const int KS) {
    const int W = op->in_width;
    const T factor = (T)1 / (KS * KS);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++) {
            const T *row = X + (int64_t)(c * op->in_height + y * KS) * W;
            for (int x = 0; x < op->out_width; x++) {
                T total = use_max ? row[x * KS] : 0;
                for (int i = 0; i < KS; i++)
                    for (int j = 0; j < KS; j++) {
                        const T candidate = row[i * W + x * KS + j];
                        if (use_max)
                            total = candidate > total || candidate != candidate ? candidate : total;
                        else
                            total += candidate;
                    }
                *Y++ = use_max ? total : total * factor;
            }
        }
}

static void FN(single_pool2d)(const lenet5_op *op, const T *X, T *Y) {
    const int use_max = op->kind == OP_MAX_POOL2D;
    if (op->kernel_size == 2 && use_max)
        FN(single_pool)(op, X, Y, 1, 2);
    else if (op->kernel_size == 2)
        FN(single_pool)(op, X, Y, 0, 2);
    else
        FN(single_pool)(op, X, Y, use_max, op->kernel_size);
}

/* One output channel, NV vectors of neighbouring flat positions. */
INLINE void FN(flat_table_block)(const lenet5_op *op, const int32_t *kernels, const T *x, const T *W_, T bias, T *y, int NV) {
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

static void FN(single_subsample)(const lenet5_op *op, const T *X, const T *w, const T *b, T *Y) {
    const int W = op->in_width, KS = op->kernel_size, M = op->out_channels / op->in_channels;
    const T factor = (T)1 / (KS * KS);
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++) {
                const T *window = X + (int64_t)(o / M * op->in_height + y * KS) * W + x * KS;
                T total = 0;
                for (int i = 0; i < KS * KS; i++)
                    total += window[i / KS * W + i % KS];
                *Y++ = total * factor * w[o] + b[o];
            }
}

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

static void FN(gather_single)(const lenet5_pictures *pictures, int64_t picture, T *X) {
    const int h = pictures->height, w = pictures->width, pad = pictures->padding;
    const int H = h + 2 * pad, W = w + 2 * pad;
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    if (pad)
        for (int64_t i = 0; i < (int64_t)pictures->channels * H * W; i++)
            X[i] = shift;
    for (int c = 0; c < pictures->channels; c++)
        for (int y = 0; y < h; y++) {
            const int64_t from = ((picture * pictures->channels + c) * h + y) * w;
            T *to = X + ((int64_t)c * H + y + pad) * W + pad;
            if (pictures->is_uint8)
                for (int x = 0; x < w; x++)
                    to[x] = shift + scale * (T)UNIT((float)((const uint8_t *)pictures->pixels)[from + x]);
            else
                for (int x = 0; x < w; x++)
                    to[x] = shift + scale * (T)((const float *)pictures->pixels)[from + x];
        }
}

/* The weights as the kernels here want them (lenet5_n_ready elements): points of C1 and whether all are finite; points of
 * C3 with output channels as lanes; and, which takes longer than one picture does, dense weights transposed. */
static void FN(single_prepare)(const lenet5_net *net, const T *parameters, T *ready, int with_dense) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const T *W = parameters + op->weight, *b = parameters + op->bias;
        T *to = ready + op->ready;
        if (op->kind == OP_CONV_POOL && lenet5_has_winograd(op)) {
            FN(c1_prepare)(W, to);
            T checked = 0;
            for (int k = 0; k < C1_POINTS * C1_ROWS; k++)
                checked += to[k] * 0;
            for (int o = 0; o < C1_CHANNELS; o++)
                checked += b[o] * 0;
            to[C1_POINTS * C1_ROWS] = checked;
        } else if (op->kind == OP_CONV2D && lenet5_has_winograd(op)) {
            enum { MOST = C3_N_U(32, LANES) }; /* of LANES output channels: lenet5_has_winograd */
            T U[N_POINTS * MOST + LANES];      /* whole vectors are loaded at the end, too */
            const int n_taps = op->in_channels * TAPS, n = LANES * n_taps;
            for (int o = 0; o < op->out_channels; o += LANES, W += n * TAPS) {
                memset(U + N_POINTS * n, 0, sizeof(T) * LANES);
                FN(winograd_prepare)(n, W, U);
                for (int t = 0; t < N_POINTS; t++, to += n)
                    FN(transpose_dense)(U + t * n, n_taps, LANES, to);
            }
        } else if (with_dense && op->kind == OP_CONV2D && IS_DENSE(op))
            FN(transpose_dense)(W, N_FEATURES(op), op->out_channels, to);
    }
}

INLINE int FN(is_c1)(const lenet5_op *op) { return op->kind == OP_CONV_POOL && lenet5_has_winograd(op); }
INLINE int FN(is_c3)(const lenet5_op *op) { return op->kind == OP_CONV2D && lenet5_has_winograd(op); }

/* All steps on one picture; offsets are those of the lanes, a LANES-th each. Without weights that are ready nothing is
 * filtered minimally. */
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
        /* up to VL - 1 elements more, which nobody has written yet */
        default: FN(activation_forward)(op->kind, n, X, Y); break;
        }
    }
}

/* The whole program on one picture of any size: out (classes, h, w), a map of answers where it is larger than 32 x 32.
 * Memory goes by the picture, where a lane group would take 16 times as much.
 * single: (n_activations + n_scratch) / LANES + 64 elements. */
static void FN(net_forward_single)(const lenet5_net *net, const T *parameters, const T *ready, int with_dense,
                                   const lenet5_pictures *pictures, int64_t picture, T *single, T *out) {
    const lenet5_op *last = net->ops + net->n_ops - 1;
    FN(gather_single)(pictures, picture, single);
    FN(single_forward)(net, parameters, ready, with_dense, single, single + net->n_activations / LANES);
    memcpy(out, single + last->output / LANES,
           sizeof(T) * last->out_channels * last->out_height * last->out_width);
}
