/* Dense layers on one lane group, each forward beside its backward, for element type T: X (F, LANES), W (O, F),
 * Y (O, LANES). A dense layer is a convolution with one output pixel, and its inputs lie in the order of the taps.
 */

#define IS_DENSE(op) (op->out_height == 1 && op->out_width == 1)
#define N_FEATURES(op) (op->in_channels * op->kernel_size * op->kernel_size)

/* NO outputs of F inputs. */
INLINE void FN(dense_forward_block)(const T *x, const T *w, const T *b, T *y, int F, int NO) {
    for (int v = 0; v < LANES; v += VL) {
        V acc[24];
        UNROLL for (int o = 0; o < NO; o++) acc[o] = FN(splat)(b[o]);
        for (int f = 0; f < F; f++) {
            const V a = FN(load)(x + (int64_t)f * LANES + v);
            UNROLL for (int o = 0; o < NO; o++) acc[o] += a * w[(int64_t)o * F + f];
        }
        UNROLL for (int o = 0; o < NO; o++) FN(store)(y + o * LANES + v, acc[o]);
    }
}

/* NO, at least 8 and a divisor of O if it is more, outputs at a time. */
INLINE void FN(dense_forward_blocks)(const T *X, const T *W, const T *b, T *Y, int F, int O, int NO) {
    int o = 0;
    for (; o + NO <= O; o += NO)
        FN(dense_forward_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, NO);
#define REST(n)                                                                                                            \
    case n: FN(dense_forward_block)(X, W + (int64_t)o * F, b + o, Y + (int64_t)o * LANES, F, n); break;
    switch (O - o) { REST(1) REST(2) REST(3) REST(4) REST(5) REST(6) REST(7) }
#undef REST
}

INLINE void FN(dense_forward)(const T *X, const T *W, const T *b, T *Y, int F, int O) {
#define SHAPE(INPUTS, OUTPUTS, ROWS)                                                                                       \
    if (F == INPUTS && O == OUTPUTS)                                                                                       \
        FN(dense_forward_blocks)(X, W, b, Y, INPUTS, OUTPUTS, ROWS);                                                       \
    else
    DENSE_SHAPES(SHAPE)
#undef SHAPE
    FN(dense_forward_blocks)(X, W, b, Y, F, O, 8);
}

/* The same for two lane groups, so that a loaded weight is used twice. */
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

/* Rows of X^T are padded to whole vectors. */
INLINE int FN(padded)(int F) { return (F + LANES - 1) / LANES * LANES; }

/* X^T (LANES, padded(F)) of X (F, LANES). */
static void FN(transpose_features)(const T *X, int F, T *xt) {
    const int FP = FN(padded)(F);
    for (int f = 0; f < FP; f += VL)
        for (int v = 0; v < LANES; v += VL) {
            V x[VECTOR_BYTES / ELEMENT_BYTES], zero = {0};
            UNROLL for (int i = 0; i < VL; i++) x[i] = f + i < F ? FN(load)(X + (int64_t)(f + i) * LANES + v) : zero;
            FN(transpose)(x);
            UNROLL for (int l = 0; l < VL; l++) FN(store)(xt + (int64_t)(v + l) * FP + f, x[l]);
        }
}

/* acc (NO, NV) += the products of one image: dY (NO) in steps of LANES with NV vectors of its features. With X
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

/* The operands of the weight gradient: X^T, then dY (O, LANES). */
static void FN(dense_keep)(const lenet5_op *op, const T *X, const T *dY, T *kept) {
    const int F = N_FEATURES(op);
    FN(transpose_features)(X, F, kept);
    memcpy(kept + (int64_t)LANES * FN(padded)(F), dY, sizeof(T) * op->out_channels * LANES);
}

/* The first n of the sums, or added: the end of a row. */
NOINLINE void FN(dense_store_some)(T *to, V sums, int n, int accumulate) {
    for (int j = 0; j < n; j++)
        to[j] = sums[j] + (accumulate ? to[j] : 0);
}

/* dW (O, F) = dY (O, LANES) X^T (LANES, F), or added: NO output channels x NV vectors of features. */
INLINE void FN(dense_weight_block)(const T *xt, const T *dY, T *dW, int F, int f, int accumulate, int NO, int NV) {
    V acc[32];
    UNROLL for (int i = 0; i < NO * NV; i++) acc[i] = (V){0};
    for (int l = 0; l < LANES; l++)
        FN(dense_outer_product)(xt + (int64_t)l * FN(padded)(F) + f, dY + l, acc, NO, NV);
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int i = 0; i < NV; i++) {
        T *to = dW + (int64_t)o * F + f + i * VL;
        V sums = acc[o * NV + i];
        if (f + (i + 1) * VL <= F) {
            if (accumulate)
                sums += FN(load)(to);
            FN(store)(to, sums);
        } else
            FN(dense_store_some)(to, sums, F - f - i * VL, accumulate);
    }
}

INLINE void FN(dense_weight_outputs)(const T *xt, const T *dY, T *dW, int F, int accumulate, int NO) {
    const int NV = VECTOR_BYTES == 64 ? 3 : 2;
    int f = 0;
    for (; f + NV * VL <= F; f += NV * VL)
        FN(dense_weight_block)(xt, dY, dW, F, f, accumulate, NO, NV);
    for (; f < F; f += VL)
        FN(dense_weight_block)(xt, dY, dW, F, f, accumulate, NO, 1);
}

/* Training takes many groups at once instead (net/training.h). scratch: padded(F) vectors */
static void FN(dense_weight_gradient)(const T *X, const T *dY, T *dW, int F, int O, int accumulate, T *scratch) {
    const int NO = VECTOR_BYTES == 64 ? 8 : 4;
    int o = 0;
    FN(transpose_features)(X, F, scratch);
    for (; o + NO <= O; o += NO)
        FN(dense_weight_outputs)(scratch, dY + o * LANES, dW + (int64_t)o * F, F, accumulate, NO);
    for (; o < O; o++)
        FN(dense_weight_outputs)(scratch, dY + o * LANES, dW + (int64_t)o * F, F, accumulate, 1);
}

/* ---- one image, with outputs as lanes --------------------------------------------------------------------------------- */

/* NB blocks of VL rows of W, VL taps at a time, are transposed in registers, in turns, because each is one chain of sums. A
 * single block may have only n_rows. The last taps are loaded as a whole vector too: behind every weight lies a bias,
 * padded to 16. Up to VL - 1 elements more are written. */
INLINE void FN(single_dense_rows)(const T *x, const T *W, const T *b, T *y, int F, int NB, int n_rows) {
    V acc[4];
    UNROLL for (int n = 0; n < NB; n++) acc[n] = FN(load)(b + n * VL);
    for (int k = 0; k < F; k += VL)
        UNROLL for (int n = 0; n < NB; n++) {
            V w[VECTOR_BYTES / ELEMENT_BYTES];
            UNROLL for (int i = 0; i < VL; i++) w[i] = FN(load)(W + (int64_t)(n * VL + (i < n_rows ? i : 0)) * F + k);
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

/* The same with W^T (F, padded(O)), which pays for weights that stay: n vectors of outputs. */
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
            UNROLL for (int i = 0; i < VL; i++) /* beyond the last row the first one again */
                block[i] = FN(load)(W + (int64_t)(o + i < O ? o + i : 0) * F + f);
            FN(transpose)(block);
            for (int i = 0; i < VL && f + i < F; i++)
                FN(store)(wt + (int64_t)(f + i) * stride + o, block[i]);
        }
}

/* dX = W^T dY, NV vectors of features from f on. */
INLINE void FN(single_dense_block)(const T *dY, const T *W, T *dX, int F, int O, int f, int NV) {
    V acc[8];
    UNROLL for (int i = 0; i < NV; i++) acc[i] = (V){0};
    for (int o = 0; o < O; o++)
        UNROLL for (int i = 0; i < NV; i++) acc[i] += FN(load)(W + (int64_t)o * F + f + i * VL) * dY[o];
    UNROLL for (int i = 0; i < NV; i++) FN(store)(dX + f + i * VL, acc[i]);
}

/* All features. Rows of weights are read up to VL - 1 elements past their end; equally many too many are written. */
static void FN(single_dense_input_gradient)(const T *dY, const T *W, T *dX, int F, int O) {
    int f = 0;
    for (; f + 5 * VL <= F; f += 5 * VL)
        FN(single_dense_block)(dY, W, dX, F, O, f, 5);
    for (; f < F; f += VL)
        FN(single_dense_block)(dY, W, dX, F, O, f, 1);
}
