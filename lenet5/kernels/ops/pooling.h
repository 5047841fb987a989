/* Pooling on one lane group, each forward beside its backward, for element type T: windows of KS x KS, stride KS;
 * incomplete windows at the right and lower edge are left out. */

INLINE V FN(window_mean)(const T *window, int W, const int KS) {
    V total = {0};
    for (int i = 0; i < KS; i++)
        for (int j = 0; j < KS; j++)
            total += FN(load)(window + (int64_t)(i * W + j) * LANES);
    return total * ((T)1 / (KS * KS));
}

INLINE void FN(avg_pool_forward)(const lenet5_op *op, const T *X, T *Y, const int KS) {
    const int W = op->in_width;
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES) {
                const T *window = X + ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL)
                    FN(store)(Y + v, FN(window_mean)(window + v, W, KS));
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
                            FN(store)(window + (int64_t)(i * W + j) * LANES + v, d);
                }
            }
}

INLINE V FN(window_max)(const T *window, int W, const int KS) {
    V best = FN(load)(window);
    for (int i = 0; i < KS; i++)
        for (int j = 0; j < KS; j++) {
            V candidate = FN(load)(window + (int64_t)(i * W + j) * LANES);
            /* a NaN is taken, and nothing is greater than it: it is never hidden */
            FN(mask) taken = (FN(mask))(candidate > best) | (FN(mask))(candidate != candidate);
            best = FN(select)(taken, candidate, best);
        }
    return best;
}

INLINE void FN(max_pool_forward)(const lenet5_op *op, const T *X, T *Y, const int KS) {
    const int W = op->in_width;
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES) {
                const T *window = X + ((int64_t)(c * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL)
                    FN(store)(Y + v, FN(window_max)(window + v, W, KS));
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

/* Trainable sub-sampling: coefficient times the mean of the window, plus bias. The 1998 paper says "average" in section
 * II-A and "the four inputs are added" in II-B; the sum is the same with a quarter of the coefficient. With M times as
 * many output channels as input channels, M neighbours of them read the same one. */
INLINE void FN(subsample_forward_of)(const lenet5_op *op, const T *X, const T *w, const T *b, T *Y, const int KS) {
    const int W = op->in_width, M = op->out_channels / op->in_channels;
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y += LANES) {
                const T *window = X + ((int64_t)(o / M * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL)
                    FN(store)(Y + v, FN(window_mean)(window + v, W, KS) * w[o] + b[o]);
            }
}

INLINE void FN(subsample_backward_of)(const lenet5_op *op, const T *X, const T *dY, const T *w, T *dX, T *dw, T *db,
                                      int accumulate, const int KS) {
    const int W = op->in_width, M = op->out_channels / op->in_channels;
    const T factor = (T)1 / (KS * KS);
    if (op->in_height % KS || W % KS)
        memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W * LANES);
    for (int o = 0; o < op->out_channels; o++) {
        const int is_first = o % M == 0; /* of those that read this channel */
        V dw_total = {0}, db_total = {0};
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, dY += LANES) {
                const int64_t at = ((int64_t)(o / M * op->in_height + y * KS) * W + x * KS) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    const V d = FN(load)(dY + v), share = d * (w[o] * factor);
                    dw_total += d * FN(window_mean)(X + at + v, W, KS);
                    db_total += d;
                    for (int i = 0; i < KS; i++)
                        for (int j = 0; j < KS; j++) {
                            T *to = dX + at + (i * W + j) * LANES + v;
                            V sum = share;
                            if (!is_first)
                                sum += FN(load)(to);
                            FN(store)(to, sum);
                        }
                }
            }
        if (!dw)
            continue;
        dw[o] = FN(sum_lanes)(dw_total) + (accumulate ? dw[o] : 0);
        db[o] = FN(sum_lanes)(db_total) + (accumulate ? db[o] : 0);
    }
}

/* POOL_SIDE, the common size, is compiled in as a constant. */
#define WITH_SIZE(body, ...)                                                                                               \
    do {                                                                                                                   \
        if (op->kernel_size == POOL_SIDE)                                                                                  \
            body(op, __VA_ARGS__, POOL_SIDE);                                                                              \
        else                                                                                                               \
            body(op, __VA_ARGS__, op->kernel_size);                                                                        \
    } while (0)

static void FN(avg_pool2d_forward)(const lenet5_op *op, const T *X, T *Y) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, Y);
    WITH_SIZE(FN(avg_pool_forward), X, Y);
}

static void FN(avg_pool2d_backward)(const lenet5_op *op, const T *dY, T *dX) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(dY, dX);
    WITH_SIZE(FN(avg_pool_backward), dY, dX);
}

static void FN(max_pool2d_forward)(const lenet5_op *op, const T *X, T *Y) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, Y);
    WITH_SIZE(FN(max_pool_forward), X, Y);
}

static void FN(max_pool2d_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, Y, dY, dX);
    WITH_SIZE(FN(max_pool_backward), X, Y, dY, dX);
}

static void FN(subsample_forward)(const lenet5_op *op, const T *X, const T *w, const T *b, T *Y) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, w, b, Y);
    WITH_SIZE(FN(subsample_forward_of), X, w, b, Y);
}

static void FN(subsample_backward)(const lenet5_op *op, const T *X, const T *dY, const T *w, T *dX, T *dw, T *db,
                                   int accumulate) {
    ASSERT_OP(op);
    ASSERT_ARRAYS(X, dY, w, dX);
    ASSERT_OPTIONAL(dw, db);
    WITH_SIZE(FN(subsample_backward_of), X, dY, w, dX, dw, db, accumulate);
}

/* ---- one image: activations are plain (C, H, W) ----------------------------------------------------------------------- */

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
    if (op->kernel_size == POOL_SIDE && use_max)
        FN(single_pool)(op, X, Y, 1, POOL_SIDE);
    else if (op->kernel_size == POOL_SIDE)
        FN(single_pool)(op, X, Y, 0, POOL_SIDE);
    else
        FN(single_pool)(op, X, Y, use_max, op->kernel_size);
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

/* The mean of a window is spread over it; with a coefficient w that is trained, dw and db are those of the channel. */
static void FN(single_mean_backward)(const lenet5_op *op, const T *X, const T *dY, const T *w, T *dX, T *dw, T *db) {
    const int W = op->in_width, KS = op->kernel_size, M = op->out_channels / op->in_channels;
    const T factor = (T)1 / (KS * KS);
    memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W);
    for (int o = 0; o < op->out_channels; o++) {
        T products = 0, total = 0;
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++) {
                const int64_t at = (int64_t)(o / M * op->in_height + y * KS) * W + x * KS;
                const T d = *dY++, share = d * factor * (w ? w[o] : 1);
                T mean = 0;
                for (int i = 0; i < KS; i++)
                    for (int j = 0; j < KS; j++) {
                        mean += X[at + i * W + j];
                        dX[at + i * W + j] += share;
                    }
                products += d * mean;
                total += d;
            }
        if (w)
            dw[o] = products * factor, db[o] = total;
    }
}

/* The gradient goes to the first pixel of the window, row by row, that equals the maximum. */
static void FN(single_max_backward)(const lenet5_op *op, const T *X, const T *Y, const T *dY, T *dX) {
    const int W = op->in_width, KS = op->kernel_size;
    memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * W);
    for (int c = 0; c < op->out_channels; c++)
        for (int y = 0; y < op->out_height; y++)
            for (int x = 0; x < op->out_width; x++, Y++, dY++) {
                const int64_t at = (int64_t)(c * op->in_height + y * KS) * W + x * KS;
                int i = 0;
                while (i < KS * KS - 1 && X[at + i / KS * W + i % KS] != *Y)
                    i++;
                dX[at + i / KS * W + i % KS] = *dY;
            }
}
