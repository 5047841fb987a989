/* Minimal filtering for 5 x 5 kernels, F(5, 5) along the rows, for element type T: 9 multiplications give 5 neighbouring
 * outputs of 5 taps, where the definition takes 25 (Winograd, "Arithmetic Complexity of Computations", 1980; used for
 * convolutional networks by Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
 *
 *     y = A^T [(G w) * (B^T d)]       d: 9 neighbouring inputs of a row, w: 5 taps of a row of the kernel
 *
 * A row of 5 n outputs is cut into n tiles. Sums over input channels and kernel rows are taken between B^T and A^T. So a
 * small convolution of columns, 5 x 1, remains for each tile and point. Gradients are the transposes:
 *
 *
 * The points 0, +-1/2, +-1, +-3/2, +-4 (none at infinity) were found by search. Their error is about five times that of
 * direct summation (rms 8e-7 against 1.6e-7 of the result, float32). The powers in A and the coefficients of B are exact
 * in float32; G has the inexact factors. Pairs +-p share the even and the odd half of every sum.
 */

#define N_OUTPUTS 5 /* of a tile, and the taps */
#define N_PAIRS 4

static const T FN(point)[N_PAIRS] = {(T)0.5, 1, (T)1.5, 4};
/* The product of (z - q^2) over the other pairs q: the coefficients of 1, z and z^2; that of z^3 is 1. */
static const T FN(others)[N_PAIRS][3] = {
    {-36, (T)54.25, (T)-19.25},
    {-9, (T)40.5625, (T)-18.5},
    {-4, (T)20.25, (T)-17.25},
    {(T)-0.5625, (T)3.0625, (T)-3.5},
};
/* The same over all pairs, up to z^3. */
static const T FN(all)[4] = {9, (T)-49.5625, (T)59.0625, (T)-19.5};
/* The factors in G at 0 and at each pair: 1 / (2 p^2 (p^2 - q^2) (p^2 - r^2) (p^2 - s^2)). */
static const T FN(factor)[1 + N_PAIRS] = {(T)(1 / 9.0), (T)(-1 / 11.8125), (T)(1 / 28.125), (T)(-1 / 154.6875),
                                          (T)(1 / 103950.0)};

/* m[0], m[2 i + 1], m[2 i + 2] = A y: the polynomial with the coefficients y[0..4] at 0, point[i], -point[i]. */
INLINE void FN(evaluate)(const V *y, V *m) {
    m[0] = y[0];
    UNROLL for (int i = 0; i < N_PAIRS; i++) {
        const T p = FN(point)[i], z = p * p;
        const V even = y[0] + (y[2] + y[4] * z) * z, odd = y[1] + y[3] * z;
        m[2 * i + 1] = even + odd * p;
        m[2 * i + 2] = even - odd * p;
    }
}

/* y[0..4] += A^T m */
INLINE void FN(evaluate_transposed)(const V *m, V *y) {
    y[0] += m[0];
    UNROLL for (int i = 0; i < N_PAIRS; i++) {
        const T p = FN(point)[i], z = p * p;
        const V sum = m[2 * i + 1] + m[2 * i + 2], difference = m[2 * i + 1] - m[2 * i + 2];
        y[0] += sum;
        y[1] += difference * p;
        y[2] += sum * z;
        y[3] += difference * (p * z);
        y[4] += sum * (z * z);
    }
}

/* v[0..8] = B^T d[0..8] */
INLINE void FN(input_transform)(const V *d, V *v) {
    v[0] = d[8] + d[6] * FN(all)[3] + d[4] * FN(all)[2] + d[2] * FN(all)[1] + d[0] * FN(all)[0];
    UNROLL for (int i = 0; i < N_PAIRS; i++) {
        const T *r = FN(others)[i];
        const V even = d[8] + d[6] * r[2] + d[4] * r[1] + d[2] * r[0];
        const V odd = d[7] + d[5] * r[2] + d[3] * r[1] + d[1] * r[0];
        v[2 * i + 1] = even + odd * FN(point)[i];
        v[2 * i + 2] = even - odd * FN(point)[i];
    }
}

/* d[0..8] = B v[0..8] */
INLINE void FN(input_transform_transposed)(const V *v, V *d) {
    UNROLL for (int k = 0; k < 4; k++) {
        d[2 * k] = v[0] * FN(all)[k];
        d[2 * k + 1] = (V){0};
    }
    d[8] = v[0];
    UNROLL for (int i = 0; i < N_PAIRS; i++) {
        const T *r = FN(others)[i];
        const V sum = v[2 * i + 1] + v[2 * i + 2], difference = (v[2 * i + 1] - v[2 * i + 2]) * FN(point)[i];
        UNROLL for (int k = 0; k < 3; k++) {
            d[2 * k + 1] += difference * r[k];
            d[2 * k + 2] += sum * r[k];
        }
        d[7] += difference;
        d[8] += sum;
    }
}

/* ---- the kernels' side ---------------------------------------------------------------------------------------- */

/* U (9, n) = G W for the n rows of 5 taps of all kernels, W (n, 5); n is a multiple of VL. */
static void FN(winograd_prepare)(int n, const T *W, T *U) {
    for (int r = 0; r < n; r += VL) {
        T columns[N_OUTPUTS][VECTOR_BYTES / ELEMENT_BYTES];
        V w[N_OUTPUTS], u[N_POINTS];
        for (int i = 0; i < VL; i++)
            UNROLL for (int k = 0; k < N_OUTPUTS; k++) columns[k][i] = W[(r + i) * N_OUTPUTS + k];
        UNROLL for (int k = 0; k < N_OUTPUTS; k++) w[k] = FN(load)(columns[k]);
        FN(evaluate)(w, u);
        UNROLL for (int t = 0; t < N_POINTS; t++) FN(store)(U + t * n + r, u[t] * FN(factor)[(t + 1) / 2]);
    }
}

/* Sums over lanes leave the kernel in blocks of VL: SUM_ROWS output channels x 2 rows of taps. */
#define SUM_ROWS (VL / 2)

/* dW (O, C * 5, 5) += G^T dU, where dU (9, O / SUM_ROWS, C * 5 / 2, SUM_ROWS, 2). */
static void FN(winograd_finish)(int O, int rows, const T *dU, T *dW) {
    const int n = O * rows;
    for (int block = 0; block < n / VL; block++) {
        V m[N_POINTS], w[N_OUTPUTS] = {{0}};
        UNROLL for (int t = 0; t < N_POINTS; t++)
            m[t] = FN(load)(dU + (int64_t)t * n + block * VL) * FN(factor)[(t + 1) / 2];
        FN(evaluate_transposed)(m, w);
        const int o = block / (rows / 2) * SUM_ROWS, row = block % (rows / 2) * 2;
        for (int i = 0; i < VL; i++)
            UNROLL for (int k = 0; k < N_OUTPUTS; k++)
                dW[((int64_t)(o + i / 2) * rows + row + i % 2) * N_OUTPUTS + k] += w[k][i];
    }
}

/* ---- C3 ----------------------------------------------------------------------------------------------------------
 *
 * X (C, 14, 14, LANES), Y (O, 10, 10, LANES); LeNet-5 has C = 6 and O = 16. For one tile, v is (9, C, 14, LANES), the
 * points of its columns, and m is (9, O, 10, LANES). C is even, O a multiple of 8 (special_shapes.h).
 */

#define C3_N_V(C) ((C) * C3_SIDE * LANES)     /* of one tile and point */
#define C3_N_M(O) ((O) * C3_OUT_SIDE * LANES) /* the same */
#define C3_N_U(C, O) ((O) * (C) * 5)          /* of one point */

/* Both tiles' columns of points: tile i from v + i * N_POINTS * C3_N_V on. */
INLINE void FN(c3_columns)(const T *X, T *v, int C) {
    for (int r = 0; r < C * C3_SIDE; r++)
        for (int l = 0; l < LANES; l += VL) {
            V d[N_POINTS], p[N_POINTS];
            UNROLL for (int i = 0; i < N_POINTS; i++) d[i] = FN(load)(X + ((int64_t)r * C3_SIDE + i) * LANES + l);
            FN(input_transform)(d, p);
            UNROLL for (int t = 0; t < N_POINTS; t++) FN(store)(v + (int64_t)t * C3_N_V(C) + r * LANES + l, p[t]);
        }
}

/* NO output channels x NY rows of one tile: m (9, NO * NY). */
NOINLINE void FN(c3_products)(const T *v, const T *U, V (*m)[ROWS_C3 * COLS_C3], int C, int O) {
    enum { NO = ROWS_C3, NY = COLS_C3 };
    const int64_t K = C * 5;
    for (int t = 0; t < N_POINTS; t++) {
        const T *u = U + t * C3_N_U(C, O);
        V acc[NO * NY];
        UNROLL for (int i = 0; i < NO * NY; i++) acc[i] = (V){0};
        for (int c = 0; c < C; c++) {
            const T *x = v + (int64_t)t * C3_N_V(C) + c * C3_SIDE * LANES;
            UNROLL for (int ky = 0; ky < 5; ky++) {
                V xv[NY];
                UNROLL for (int i = 0; i < NY; i++) xv[i] = FN(load)(x + (ky + i) * LANES);
                UNROLL for (int o = 0; o < NO; o++) UNROLL for (int i = 0; i < NY; i++)
                    acc[o * NY + i] += xv[i] * u[o * K + c * 5 + ky];
            }
        }
        UNROLL for (int i = 0; i < NO * NY; i++) m[t][i] = acc[i];
    }
}

/* scratch: 9 C3_N_V */
static void FN(c3_forward)(const T *X, const T *U, const T *b, T *Y, T *scratch, int C, int O) {
    enum { NO = ROWS_C3, NY = COLS_C3 };
    V m[N_POINTS][NO * NY];
    for (int x = 0; x < C3_OUT_SIDE; x += N_OUTPUTS) {
        FN(c3_columns)(X + x * LANES, scratch, C);
        for (int y = 0; y < C3_OUT_SIDE; y += NY)
            for (int o = 0; o < O; o += NO)
                for (int l = 0; l < LANES; l += VL) {
                    FN(c3_products)(scratch + y * LANES + l, U + (int64_t)o * C * 5, m, C, O);
                    for (int i = 0; i < NO * NY; i++) {
                        V points[N_POINTS], out[N_OUTPUTS];
                        UNROLL for (int t = 0; t < N_POINTS; t++) points[t] = m[t][i];
                        UNROLL for (int k = 0; k < N_OUTPUTS; k++) out[k] = FN(splat)(b[o + i / NY]);
                        FN(evaluate_transposed)(points, out);
                        T *to = Y + ((int64_t)((o + i / NY) * C3_OUT_SIDE + y + i % NY) * C3_OUT_SIDE + x) * LANES + l;
                        UNROLL for (int k = 0; k < N_OUTPUTS; k++) FN(store)(to + k * LANES, out[k]);
                    }
                }
    }
}

/* The gradient of the columns of one tile, point and input channel: v (14) from m (O, 10). */
NOINLINE void FN(c3_input_gradient)(const T *m, const T *u, T *v, int C, int O) {
    V acc[C3_SIDE];
    UNROLL for (int i = 0; i < C3_SIDE; i++) acc[i] = (V){0};
    for (int o = 0; o < O; o++)
        UNROLL for (int ky = 0; ky < 5; ky++) UNROLL for (int y = 0; y < C3_OUT_SIDE; y++)
            acc[y + ky] += FN(load)(m + (int64_t)(o * C3_OUT_SIDE + y) * LANES) * u[(int64_t)o * C * 5 + ky];
    UNROLL for (int i = 0; i < C3_SIDE; i++) FN(store)(v + i * LANES, acc[i]);
}

/* dU of one point, from both tiles: a block of SUM_ROWS output channels x 2 rows of taps after the other. */
NOINLINE void FN(c3_weight_gradient)(const T *v, const T *m, T *dU, int C, int O) {
    for (int o = 0; o < O; o += SUM_ROWS)
        for (int row = 0; row < C * 5; row += 2, dU += VL) {
            const T *x0 = v + (row / 5 * C3_SIDE + row % 5) * LANES;
            const T *x1 = v + ((row + 1) / 5 * C3_SIDE + (row + 1) % 5) * LANES;
            const T *d0 = m + (int64_t)o * C3_OUT_SIDE * LANES;
            V acc[VECTOR_BYTES / ELEMENT_BYTES];
            UNROLL for (int i = 0; i < VL; i++) acc[i] = (V){0};
            for (int tile = 0; tile < C3_TILES;
                 tile++, x0 += N_POINTS * C3_N_V(C), x1 += N_POINTS * C3_N_V(C), d0 += N_POINTS * C3_N_M(O))
                for (int i = 0; i < C3_OUT_SIDE * LANES; i += VL) {
                    const V a = FN(load)(x0 + i), b = FN(load)(x1 + i);
                    UNROLL for (int k = 0; k < SUM_ROWS; k++) {
                        V d = FN(load)(d0 + k * C3_OUT_SIDE * LANES + i);
                        IN_REGISTER(d);
                        acc[2 * k] += a * d;
                        acc[2 * k + 1] += b * d;
                    }
                }
            FN(store)(dU, FN(load)(dU) + FN(sum_lanes_of_all)(acc));
        }
}

/* m of one tile: the points of the gradients dY from its first column on. */
INLINE void FN(c3_gradient_columns)(const T *dY, T *m, int O) {
    for (int r = 0; r < O * C3_OUT_SIDE; r++)
        for (int l = 0; l < LANES; l += VL) {
            V d[N_OUTPUTS], p[N_POINTS];
            UNROLL for (int k = 0; k < N_OUTPUTS; k++) d[k] = FN(load)(dY + ((int64_t)r * C3_OUT_SIDE + k) * LANES + l);
            FN(evaluate)(d, p);
            UNROLL for (int t = 0; t < N_POINTS; t++) FN(store)(m + (int64_t)t * C3_N_M(O) + r * LANES + l, p[t]);
        }
}

/* The images' gradient from that of their columns' points: the second tile reaches columns of the first. */
INLINE void FN(c3_columns_transposed)(const T *v, T *dX, int second, int C) {
    for (int r = 0; r < C * C3_SIDE; r++)
        for (int l = 0; l < LANES; l += VL) {
            T *to = dX + (int64_t)r * C3_SIDE * LANES + l;
            V p[N_POINTS], d[N_POINTS];
            UNROLL for (int t = 0; t < N_POINTS; t++) p[t] = FN(load)(v + (int64_t)t * C3_N_V(C) + r * LANES + l);
            FN(input_transform_transposed)(p, d);
            UNROLL for (int i = 0; i < N_POINTS; i++) {
                if (second && i < N_POINTS - N_OUTPUTS)
                    d[i] += FN(load)(to + i * LANES);
                FN(store)(to + i * LANES, d[i]);
            }
        }
}

/* dX (where not NULL) is written, dU (where not NULL) added to. scratch: 2 * 9 (C3_N_V + C3_N_M) */
static void FN(c3_backward)(const T *X, const T *dY, const T *U, T *dX, T *dU, T *scratch, int C, int O) {
    const int64_t n_v = C3_N_V(C), n_m = C3_N_M(O), n_u = C3_N_U(C, O);
    T *v = scratch, *m = v + C3_TILES * N_POINTS * n_v;
    for (int tile = 0; tile < C3_TILES; tile++) {
        const int x = tile * N_OUTPUTS * LANES;
        FN(c3_gradient_columns)(dY + x, m + tile * N_POINTS * n_m, O);
        if (dU)
            FN(c3_columns)(X + x, v + tile * N_POINTS * n_v, C);
    }
    for (int t = 0; t < N_POINTS; t++) {
        T *vt = v + t * n_v;
        const T *mt = m + t * n_m, *u = U + t * n_u;
        if (dU)
            FN(c3_weight_gradient)(vt, mt, dU + t * n_u, C, O);
        for (int tile = 0; dX && tile < C3_TILES; tile++)
            for (int c = 0; c < C; c++)
                for (int l = 0; l < LANES; l += VL)
                    FN(c3_input_gradient)(mt + tile * N_POINTS * n_m + l, u + c * 5,
                                          vt + tile * N_POINTS * n_v + c * C3_SIDE * LANES + l, C, O);
    }
    for (int tile = 0; dX && tile < C3_TILES; tile++)
        FN(c3_columns_transposed)(v + tile * N_POINTS * n_v, dX + tile * N_OUTPUTS * LANES, tile, C);
}

/* ---- C3 of one image, with output channels as lanes ----------------------------------------------------------------- */

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
    UNROLL for (int y = 0; y < NY; y++) UNROLL for (int i = 0; i < NV; i++)
        FN(store)(m + y * LANES + i * VL, acc[y * NV + i]);
}

NOINLINE void FN(single_c3_products)(const T *v, const T *U, T (*m)[C3_TILES][C3_OUT_SIDE][LANES], int C) {
    enum { NV = LANES * ELEMENT_BYTES / VECTOR_BYTES, NY = NV == 1 ? 10 : NV == 2 ? 5 : NV == 4 ? 2 : 1 };
    for (int t = 0; t < N_POINTS; t++)
        for (int tile = 0; tile < C3_TILES; tile++)
            for (int y = 0; y < C3_OUT_SIDE; y += NY)
                FN(single_c3_point)(v + (t * C3_TILES + tile) * C * LANES + y, U + t * C * TAPS * LANES, m[t][tile][y], C,
                                    NY);
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

/* Lanes that hold one of n output channels. */
INLINE int FN(own_lanes)(int n) { return n < LANES ? n : LANES; }

/* Y (n_channels, n) of X (n, LANES): up to VL - 1 elements more are written. */
static void FN(channels_first)(const T *X, int n, int n_channels, T *Y) {
    const int last = (n - 1) / VL * VL;
    for (int k = 0; k <= last; k += VL) {
        const int p = k ? k - VL : last; /* what reaches into the next channel is written before that channel */
        for (int c = 0; c < n_channels; c += VL) {
            V block[VECTOR_BYTES / ELEMENT_BYTES], zero = {0};
            UNROLL for (int i = 0; i < VL; i++) block[i] = p + i < n ? FN(load)(X + (p + i) * LANES + c) : zero;
            FN(transpose)(block);
            UNROLL for (int i = 0; i < VL; i++) if (c + i < n_channels) FN(store)(Y + (c + i) * n + p, block[i]);
        }
    }
}

/* (C, H, W) to columns (C, W, LANES) */
static void FN(to_columns)(const T *X, int C, int H, int W, T *Y) {
    for (int c = 0; c < C; c++)
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                Y[(c * W + x) * LANES + y] = *X++;
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
        FN(channels_first)(out, n, FN(own_lanes)(op->out_channels - o), Y + o * n);
    }
}

/* The points of the weights, U (O / LANES, 9, 5 C, LANES), from W (O, C, 5, 5). */
static void FN(single_c3_prepare)(const lenet5_op *op, const T *W, T *to) {
    enum { MOST = C3_N_U(C3_MOST_CHANNELS, LANES) }; /* of LANES output channels */
    T U[N_POINTS * MOST + LANES];      /* whole vectors are loaded at the end, too */
    const int n_taps = op->in_channels * TAPS, n_own = FN(own_lanes)(op->out_channels), n = n_own * n_taps;
    for (int o = 0; o < op->out_channels; o += LANES, W += n * TAPS) {
        memset(U + N_POINTS * n, 0, sizeof(T) * LANES);
        FN(winograd_prepare)(n, W, U);
        for (int t = 0; t < N_POINTS; t++, to += LANES * n_taps)
            FN(transpose_dense)(U + t * n, n_taps, n_own, to);
    }
}
