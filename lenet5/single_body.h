/* A few pictures: the network on one picture at a time, for element type T.
 *
 * A lane group costs the same whether one of its lanes is used or all 16. For one picture, lanes are neighbouring
 * pixels instead, and activations are plain (C, H, W). A plane is taken as one long row: the column (c, ky, kx) of
 * im2col for the output at flat position p = y W + x is the input at p + ky W + kx, so vectors of neighbouring p need
 * no columns stored; the KS - 1 positions at the end of each row are computed too and thrown away. For minimal
 * filtering (winograd_body.h) lanes are rows, for dense layers outputs. Every output is the same sum in the same order
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

/* C1 with rows as lanes (F(4, 5), conv_pool_body.h): X (32, 32), Y (6, 14, 14). */
static void FN(single_c1)(const T *X, const T *U, const T *b, T *Y) {
    enum { SIDE = C1_SIDE, OUT = C1_OUT / 2 };
    T columns[SIDE][SIDE], v[C1_POINTS][SIDE + LANES], out[4][SIDE];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            columns[x][y] = X[y * SIDE + x];
    memset(v, 0, sizeof v); /* sums read up to 4 beyond the rows, and are thrown away there */
    for (int tile = 0; tile < C1_TILES; tile++) {
        for (int l = 0; l < SIDE; l += VL) {
            V d[C1_POINTS], p[C1_POINTS];
            UNROLL for (int i = 0; i < C1_POINTS; i++) d[i] = FN(load)(&columns[4 * tile + i][l]);
            FN(c1_input_transform)(d, p);
            UNROLL for (int t = 0; t < C1_POINTS; t++) FN(store)(&v[t][l], p[t]);
        }
        for (int o = 0; o < C1_CHANNELS; o++) {
            for (int l = 0; l < C1_OUT; l += VL) {
                V m[C1_POINTS], y[4];
                UNROLL for (int t = 0; t < C1_POINTS; t++) m[t] = (V){0};
                UNROLL for (int ky = 0; ky < TAPS; ky++)
                    UNROLL for (int t = 0; t < C1_POINTS; t++)
                        m[t] += FN(load)(&v[t][l + ky]) * U[t * C1_ROWS + o * TAPS + ky];
                FN(c1_evaluate_transposed)(m, FN(splat)(b[o]), y);
                UNROLL for (int k = 0; k < 4; k++) FN(store)(&out[k][l], y[k]);
            }
            for (int x = 0; x < 2; x++)
                for (int y = 0; y < OUT; y++)
                    Y[(o * OUT + y) * OUT + 2 * tile + x] = FN(relu_of_largest)(
                        out[2 * x][2 * y], out[2 * x + 1][2 * y], out[2 * x][2 * y + 1], out[2 * x + 1][2 * y + 1]);
        }
    }
}

static void FN(single_conv_pool)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, T *scratch) {
    const int H = op->in_height, IW = op->in_width, O = op->out_channels;
    if (lenet5_has_winograd(op)) {
        FN(single_c1)(X, U, b, Y);
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

/* ---- minimal filtering with rows as lanes: C3 only ---------------------------------------------------------------- */

#define ROWS 16 /* 14 of them used; sums read up to 4 beyond, into the next block, and are thrown away there */

/* NO output channels x both tiles of one point: m (NO, 2, ROWS) from v (2, C, ROWS). */
INLINE void FN(single_winograd_block)(const T *v, const T *u, T *m, int C, int l, int NO) {
    V acc[32];
    UNROLL for (int i = 0; i < 2 * NO; i++) acc[i] = (V){0};
    for (int c = 0; c < C; c++)
        UNROLL for (int ky = 0; ky < 5; ky++) {
            const V a = FN(load)(v + c * ROWS + ky + l), b = FN(load)(v + (C + c) * ROWS + ky + l);
            UNROLL for (int o = 0; o < NO; o++) {
                acc[2 * o] += a * u[(o * C + c) * 5 + ky];
                acc[2 * o + 1] += b * u[(o * C + c) * 5 + ky];
            }
        }
    UNROLL for (int i = 0; i < 2 * NO; i++) FN(store)(m + i * ROWS + l, acc[i]);
}

/* X (6, 14, 14), Y (16, 10, 10) */
static void FN(single_winograd)(const T *X, const T *U, const T *b, T *Y) {
    enum { C = 6, O = 16, SIDE = 14, OUT = 10, NO = VECTOR_BYTES == 64 ? 8 : 4, K = C * 5 };
    T columns[C][SIDE][ROWS], v[N_POINTS * 2 * C + 1][ROWS], m[N_POINTS][O][2][ROWS], out[N_OUTPUTS][ROWS];
    memset(columns, 0, sizeof columns);
    memset(v[N_POINTS * 2 * C], 0, sizeof v[0]);
    for (int c = 0; c < C; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                columns[c][x][y] = X[(c * SIDE + y) * SIDE + x];
    for (int tile = 0; tile < 2; tile++)
        for (int c = 0; c < C; c++)
            for (int l = 0; l < ROWS; l += VL) {
                V d[N_POINTS], p[N_POINTS];
                UNROLL for (int i = 0; i < N_POINTS; i++) d[i] = FN(load)(&columns[c][N_OUTPUTS * tile + i][l]);
                FN(input_transform)(d, p);
                UNROLL for (int t = 0; t < N_POINTS; t++) FN(store)(&v[(2 * t + tile) * C + c][l], p[t]);
            }
    for (int t = 0; t < N_POINTS; t++)
        for (int o = 0; o < O; o += NO)
            for (int l = 0; l < OUT; l += VL)
                FN(single_winograd_block)(v[2 * t * C], U + (t * O + o) * K, &m[t][o][0][0], C, l, NO);
    for (int o = 0; o < O; o++)
        for (int tile = 0; tile < 2; tile++) {
            for (int l = 0; l < OUT; l += VL) {
                V p[N_POINTS], y[N_OUTPUTS];
                UNROLL for (int t = 0; t < N_POINTS; t++) p[t] = FN(load)(&m[t][o][tile][l]);
                UNROLL for (int k = 0; k < N_OUTPUTS; k++) y[k] = FN(splat)(b[o]);
                FN(evaluate_transposed)(p, y);
                UNROLL for (int k = 0; k < N_OUTPUTS; k++) FN(store)(&out[k][l], y[k]);
            }
            for (int y = 0; y < OUT; y++)
                for (int k = 0; k < N_OUTPUTS; k++)
                    Y[(o * OUT + y) * OUT + N_OUTPUTS * tile + k] = out[k][y];
        }
}

/* VL rows of W, VL taps at a time, are transposed in registers. The last taps are loaded as a whole vector too: behind
 * every weight there is a bias, which is padded to 16. */
static void FN(single_dense)(const T *x, const T *W, const T *b, T *y, int F, int O) {
    for (int o = 0; o < O; o += VL) {
        const int rows = O - o < VL ? O - o : VL;
        T out[VECTOR_BYTES / ELEMENT_BYTES] = {0};
        memcpy(out, b + o, sizeof(T) * rows);
        V acc = FN(load)(out);
        for (int k = 0; k < F; k += VL) {
            V w[VECTOR_BYTES / ELEMENT_BYTES];
            for (int i = 0; i < VL; i++)
                w[i] = FN(load)(W + (int64_t)(o + (i < rows ? i : 0)) * F + k);
            FN(transpose)(w);
            if (F - k >= VL)
                UNROLL for (int i = 0; i < VL; i++) acc += w[i] * x[k + i];
            else
                UNROLL for (int i = 0; i < VL; i++) if (k + i < F) acc += w[i] * x[k + i];
        }
        FN(store)(out, acc);
        memcpy(y + o, out, sizeof(T) * rows);
    }
}

/* Y (O, OH, OW) from rows that are as wide as those of the input */
static void FN(flat_rows)(const lenet5_op *op, const T *flat, T *Y) {
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, Y += op->out_width)
            memcpy(Y, flat + o * FN(flat_stride)(op->out_height, op->in_width) + (int64_t)y * op->in_width,
                   sizeof(T) * op->out_width);
}

static void FN(single_conv2d)(const lenet5_op *op, const T *X, const T *W, const T *b, const T *U, T *Y, T *scratch) {
    if (U && lenet5_has_winograd(op)) {
        FN(single_winograd)(X, U, b, Y);
        return;
    }
    if (IS_DENSE(op)) {
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

/* All steps on one picture; offsets are those of the lanes, a LANES-th each. Without prepared weights nothing is
 * filtered minimally. */
static void FN(single_forward)(const lenet5_net *net, const T *parameters, const T *prepared, T *single, T *scratch) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const T *X = single + op->input / LANES;
        T *Y = single + op->output / LANES;
        const int64_t n = ((int64_t)op->out_channels * op->out_height * op->out_width + VL - 1) / VL * VL;
        switch (op->kind) {
        case OP_CONV2D:
            FN(single_conv2d)(op, X, parameters + op->weight, parameters + op->bias,
                              prepared ? prepared + op->prepared : NULL, Y, scratch);
            break;
        case OP_CONV_POOL:
            FN(single_conv_pool)(op, X, parameters + op->weight, parameters + op->bias, prepared + op->prepared, Y,
                                 scratch);
            break;
        case OP_AVG_POOL2D:
        case OP_MAX_POOL2D: FN(single_pool2d)(op, X, Y); break;
        case OP_TABLE_CONV2D:
            FN(single_table)(op, X, parameters + op->weight, parameters + op->bias, Y, scratch);
            break;
        case OP_SUBSAMPLE: FN(single_subsample)(op, X, parameters + op->weight, parameters + op->bias, Y); break;
        case OP_RBF: FN(single_rbf)(op, X, Y); break;
        /* up to VL - 1 elements more, which nobody has written yet */
        default: FN(activation_forward)(op->kind, n, X, Y); break;
        }
    }
}

/* The whole program on one picture of any size: out (classes, h, w), a map of answers where it is larger than 32 x 32.
 * Memory goes by the picture, where a lane group would take 16 times as much.
 * single: (n_activations + n_scratch) / LANES + 64 elements. */
static void FN(net_forward_single)(const lenet5_net *net, const T *parameters, const T *prepared,
                                   const lenet5_pictures *pictures, int64_t picture, T *single, T *out) {
    const lenet5_op *last = net->ops + net->n_ops - 1;
    FN(gather_single)(pictures, picture, single);
    FN(single_forward)(net, parameters, prepared, single, single + net->n_activations / LANES);
    memcpy(out, single + last->output / LANES,
           sizeof(T) * last->out_channels * last->out_height * last->out_width);
}
