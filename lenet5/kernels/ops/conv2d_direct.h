/* Convolutions of any shape on one lane group, forward and both gradients, for element type T.
 *
 * Axis letters: C, O in- and output channels, H, W rows and columns, OH, OW of the output, K = C * KS * KS taps.
 *
 * The inner loops keep a block of accumulators in registers, written as small arrays with constant bounds inside
 * always-inlined functions.
 * The inputs of a register block, from many planes, are first copied side by side (a strip), for all following blocks of
 * channels: planes lie far apart, while caches and prefetching favour neighbours. Rows are the outer loop, so that what
 * is read again is still near.
 */

/* The blocks: N channels (or features) x P neighbouring pixels, as many as registers hold. Pixels beyond the last are
 * computed and dropped, channels beyond the last are computed twice. The block with the least such waste is taken. */
#if VECTOR_BYTES == 64
#define BLOCK_SHAPES(DO) DO(4, 6) DO(4, 5) DO(6, 4) DO(12, 2) DO(1, 6)
#else
#define BLOCK_SHAPES(DO) DO(2, 5) DO(3, 4) DO(6, 2) DO(1, 5)
#endif
#define FEW_PIXELS 16

typedef struct {
    int channels, pixels;
} FN(block_shape);

/* For n channels, or features, and `width` pixels per row. With few channels in a block, few sums wait for each other. */
static FN(block_shape) FN(block_for)(int n, int width) {
    FN(block_shape) best = {0, 0};
    int64_t least = INT64_MAX;
#define TRY(N, P)                                                                                                          \
    if (n >= N && (int64_t)((n + N - 1) / N) * ((width + P - 1) / P) * (N * P > 8 ? N * P : 8) < least) {                  \
        least = (int64_t)((n + N - 1) / N) * ((width + P - 1) / P) * (N * P > 8 ? N * P : 8);                              \
        best = (FN(block_shape)){N, P};                                                                                    \
    }
    BLOCK_SHAPES(TRY)
#undef TRY
    return best;
}

/* acc (N, P) += the products of n weights of each channel, `row` apart, with n strips of P pixels, `step` apart. The
 * smaller side of the block stays in registers. */
INLINE void FN(block_products)(V *acc, const T *w, int64_t row, const T *x, int64_t step, int N, int P) {
    if (N <= P) {
        V weight[MOST_PIXELS];
        UNROLL for (int o = 0; o < N; o++) {
            weight[o] = FN(splat)(w[o * row]);
            IN_REGISTER(weight[o]);
        }
        UNROLL for (int i = 0; i < P; i++) {
            V pixel = FN(load)(x + i * step);
            IN_REGISTER(pixel);
            UNROLL for (int o = 0; o < N; o++) acc[o * P + i] += pixel * weight[o];
        }
    } else {
        V pixel[MOST_PIXELS];
        UNROLL for (int i = 0; i < P; i++) {
            pixel[i] = FN(load)(x + i * step);
            IN_REGISTER(pixel[i]);
        }
        UNROLL for (int o = 0; o < N; o++) {
            V weight = FN(splat)(w[o * row]);
            IN_REGISTER(weight);
            UNROLL for (int i = 0; i < P; i++) acc[o * P + i] += pixel[i] * weight;
        }
    }
}

/* N output channels x P pixels, n_pixels of them stored, from the rows (K / KS, P + KS - 1) at x, `step` apart. */
INLINE void FN(general_forward_block)(const T *x, int64_t step, const T *w, const T *b, T *y, int K, int KS, int64_t plane,
                                      int n_pixels, int N, int P) {
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int o = 0; o < N; o++) UNROLL for (int i = 0; i < P; i++) acc[o * P + i] = FN(splat)(b[o]);
        const T *row = x + v;
        for (int k = 0; k < K; k += KS, row += step)
            for (int kx = 0; kx < KS; kx++)
                FN(block_products)(acc, w + k + kx, K, row + kx * LANES, LANES, N, P);
        UNROLL for (int i = 0; i < P; i++) if (i < n_pixels) UNROLL for (int o = 0; o < N; o++)
            FN(store)(y + o * plane + i * LANES + v, acc[o * P + i]);
    }
}

/* Copy rows that lie `step` apart to (n_rows, width); values beyond the first n_columns are 0. */
INLINE void FN(copy_rows)(T *to, const T *from, int n_rows, int64_t step, int width, int n_columns) {
    const V zero = {0};
    for (int r = 0; r < n_rows; r++, to += (int64_t)width * LANES, from += step) {
        for (int i = 0; i < n_columns * LANES; i += VL) /* few elements: a call of memcpy would cost more */
            FN(store)(to + i, FN(load)(from + i));
        for (int i = n_columns * LANES; i < width * LANES; i += VL)
            FN(store)(to + i, zero);
    }
}

/* Kernels of size 1 take a plane as one row. */
INLINE lenet5_op FN(flattened)(const lenet5_op *op) {
    lenet5_op flat = *op;
    if (op->kernel_size == 1) {
        flat.in_width = flat.out_width = op->in_width * op->in_height;
        flat.in_height = flat.out_height = 1;
    }
    return flat;
}

/* The rows of a single channel are near enough to be used directly. scratch: C * KS * (MOST_PIXELS + KS - 1) vectors */
NOINLINE void FN(general_forward)(const lenet5_op *op, const T *X, const T *W_, const T *b, T *Y, T *scratch) {
    const int C = op->in_channels, H = op->in_height, W = op->in_width, KS = op->kernel_size, K = C * KS * KS;
    const int O = op->out_channels, OH = op->out_height, OW = op->out_width;
    const int64_t plane = (int64_t)OH * OW * LANES;
    const FN(block_shape) block = FN(block_for)(O, OW);
    const int width = block.pixels + KS - 1, in_place = C == 1 && OW >= block.pixels;
    const int64_t step = (int64_t)(in_place ? W : width) * LANES;
    for (int y = 0; y < OH; y++)
        for (int next = 0; next < OW; next += block.pixels) {
            const int x = in_place && next > OW - block.pixels ? OW - block.pixels : next;
            const int n_pixels = OW - x < block.pixels ? OW - x : block.pixels;
            const T *from = X + ((int64_t)y * W + x) * LANES, *rows = in_place ? from : scratch;
            for (int c = 0; c < C && !in_place; c++)
                FN(copy_rows)(scratch + c * KS * step, from + (int64_t)c * H * W * LANES, KS, (int64_t)W * LANES, width,
                              n_pixels + KS - 1);
            T *to = Y + ((int64_t)y * OW + x) * LANES;
            for (int o_next = 0; o_next < O; o_next += block.channels) {
                const int o = o_next <= O - block.channels ? o_next : O - block.channels;
#define FORWARD(N, P)                                                                                                      \
    if (block.channels == N && block.pixels == P)                                                                          \
        FN(general_forward_block)(rows, step, W_ + (int64_t)o * K, b + o, to + o * plane, K, KS, plane, n_pixels, N, P);
                BLOCK_SHAPES(FORWARD)
#undef FORWARD
            }
        }
}

/* N features x P pixels of W^T dY, from a strip of the gradients d (O, P). They are added to dX at the features' origins,
 * or written with kernels of size 1. Feature f of pixel (y, x) is (c, y + ky, x + kx). */
INLINE void FN(general_input_block)(const lenet5_op *op, const T *d, const T *W, T *dX, int f, int F, int n_pixels, int N,
                                    int P) {
    const int KS = op->kernel_size;
    for (int v = 0; v < LANES; v += VL) {
        V acc[32];
        UNROLL for (int i = 0; i < N * P; i++) acc[i] = (V){0};
        for (int o = 0; o < op->out_channels; o++)
            FN(block_products)(acc, W + (int64_t)o * F + f, 1, d + (int64_t)o * P * LANES + v, LANES, N, P);
        int kx = f % KS, r = f / KS;
        UNROLL for (int j = 0; j < N; j++) {
            T *to = dX + ((int64_t)(r / KS * op->in_height + r % KS) * op->in_width + kx) * LANES + v;
            UNROLL for (int i = 0; i < P; i++) if (i < n_pixels) {
                V sum = acc[j * P + i];
                if (KS > 1)
                    sum += FN(load)(to + i * LANES);
                FN(store)(to + i * LANES, sum);
            }
            if (++kx == KS) {
                kx = 0;
                r++;
            }
        }
    }
}

/* scratch: O * MOST_PIXELS vectors */
NOINLINE void FN(general_input_gradient)(const lenet5_op *op, const T *dY, const T *W, T *dX, T *scratch) {
    const int KS = op->kernel_size, F = op->in_channels * KS * KS, OH = op->out_height, OW = op->out_width;
    const FN(block_shape) block = FN(block_for)(F, OW);
    if (KS > 1)
        memset(dX, 0, sizeof(T) * op->in_channels * op->in_height * op->in_width * LANES);
    for (int y = 0; y < OH; y++)
        for (int x = 0; x < OW; x += block.pixels) {
            const int n_pixels = OW - x < block.pixels ? OW - x : block.pixels;
            FN(copy_rows)(scratch, dY + ((int64_t)y * OW + x) * LANES, op->out_channels, (int64_t)OH * OW * LANES,
                          block.pixels, n_pixels);
            T *to = dX + ((int64_t)y * op->in_width + x) * LANES;
            int f = 0;
#define BACKWARD(N, P)                                                                                                     \
    if (block.channels == N && block.pixels == P) {                                                                        \
        for (; f + N <= F; f += N)                                                                                         \
            FN(general_input_block)(op, scratch, W, to, f, F, n_pixels, N, P);                                             \
        for (; f < F; f++)                                                                                                 \
            FN(general_input_block)(op, scratch, W, to, f, F, n_pixels, 1, P);                                             \
    }
            BLOCK_SHAPES(BACKWARD)
#undef BACKWARD
        }
}

/* sums (NO, NT) += the products of n_rows rows of gradients with the inputs of NT taps, `tap` apart. */
INLINE void FN(general_weight_block)(const T *x, int64_t tap, const T *dy, V *sums, int64_t row, int n_rows, int OW,
                                     int64_t plane, int64_t K, int NO, int NT) {
    V total[32];
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int t = 0; t < NT; t++) total[o * NT + t] = sums[o * K + t];
    for (int v = 0; v < LANES; v += VL)
        for (int r = 0; r < n_rows; r++) {
            const T *xr = x + r * row + v, *dyr = dy + (int64_t)r * OW * LANES + v;
            for (int p = 0; p < OW; p++, xr += LANES, dyr += LANES) {
                V xv[8];
                UNROLL for (int t = 0; t < NT; t++) xv[t] = FN(load)(xr + t * tap);
                UNROLL for (int o = 0; o < NO; o++) {
                    V d = FN(load)(dyr + o * plane);
                    IN_REGISTER(d);
                    UNROLL for (int t = 0; t < NT; t++) total[o * NT + t] += d * xv[t];
                }
            }
        }
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int t = 0; t < NT; t++) sums[o * K + t] = total[o * NT + t];
}

/* Taps in blocks of NT: neighbours of a row, or with kernels of size 1 of neighbouring channels. */
#if VECTOR_BYTES == 64
#define TAP_BLOCKS(DO) DO(7, 3) DO(5, 4) DO(4, 5) DO(3, 8) DO(2, 8) DO(1, 12)
#else
#define TAP_BLOCKS(DO) DO(7, 1) DO(5, 2) DO(4, 2) DO(3, 3) DO(2, 4) DO(1, 6)
#endif

/* sums (NO, K) += those of rows y to y + n_rows of NO output channels. */
INLINE void FN(general_weight_rows)(const lenet5_op *op, const T *X, const T *dY, V *sums, int y, int n_rows, int NO,
                                    int NT) {
    const int C = op->in_channels, KS = op->kernel_size, K = C * KS * KS, OW = op->out_width;
    const int64_t row = (int64_t)op->in_width * LANES, plane_in = op->in_height * row;
    const int64_t plane_out = (int64_t)op->out_height * OW * LANES;
    const T *dy = dY + (int64_t)y * OW * LANES;
    int k = 0;
    if (KS > 1) {
        for (; k < K; k += NT) {
            const T *x = X + k / (KS * KS) * plane_in + (y + k / KS % KS) * row + k % KS * LANES;
            FN(general_weight_block)(x, LANES, dy, sums + k, row, n_rows, OW, plane_out, K, NO, NT);
        }
        return;
    }
    for (; k + NT <= C; k += NT)
        FN(general_weight_block)(X + k * plane_in + y * row, plane_in, dy, sums + k, row, n_rows, OW, plane_out, K, NO, NT);
    for (; k < C; k++)
        FN(general_weight_block)(X + k * plane_in + y * row, 0, dy, sums + k, row, n_rows, OW, plane_out, K, NO, 1);
}

/* dW (n) += the sum of each of n vectors; once for all blocks, which are compiled one by one. */
NOINLINE void FN(add_lane_sums)(V *sums, int n, T *dW) {
    int i = 0;
    for (; i + VL <= n; i += VL)
        FN(store)(dW + i, FN(load)(dW + i) + FN(sum_lanes_of_all)(sums + i));
    for (; i < n; i++)
        dW[i] += FN(sum_lanes)(sums[i]);
}

/* dW (NO, K) += all of NO output channels, in groups of rows whose gradients stay in the first cache. */
INLINE void FN(general_weight_channels)(const lenet5_op *op, const T *X, const T *dY, T *dW, V *sums, int NO, int NT) {
    const int K = op->in_channels * op->kernel_size * op->kernel_size, OH = op->out_height;
    const int n_rows = op->out_width < 48 ? 48 / op->out_width : 1;
    for (int i = 0; i < NO * K; i++)
        sums[i] = (V){0};
    for (int y = 0; y < OH; y += n_rows)
        FN(general_weight_rows)(op, X, dY, sums, y, OH - y < n_rows ? OH - y : n_rows, NO, NT);
    FN(add_lane_sums)(sums, NO * K, dW);
}

/* The same, pixel by pixel as a dense layer, without sums over lanes, which would not pay for so few pixels.
 * scratch: 2 K + O vectors, and up to LANES more */
static void FN(few_pixels_weight_gradient)(const lenet5_op *op, const T *X, const T *dY, T *dW, T *scratch) {
    const int C = op->in_channels, W = op->in_width, KS = op->kernel_size, K = C * KS * KS, O = op->out_channels;
    const int n_pixels = op->out_height * op->out_width;
    T *x = scratch, *dy = x + (int64_t)K * LANES;
    for (int p = 0; p < n_pixels; p++) {
        for (int c = 0; c < C; c++)
            FN(copy_rows)(x + (int64_t)c * KS * KS * LANES,
                          X + ((int64_t)(c * op->in_height + p / op->out_width) * W + p % op->out_width) * LANES, KS,
                          (int64_t)W * LANES, KS, KS);
        FN(copy_rows)(dy, dY + (int64_t)p * LANES, O, (int64_t)n_pixels * LANES, 1, 1);
        FN(dense_weight_gradient)(x, dy, dW, K, O, 1, dy + (int64_t)O * LANES);
    }
}

/* dW is added to. scratch: MOST_ROWS * K vectors */
NOINLINE void FN(general_weight_gradient)(const lenet5_op *op, const T *X, const T *dY, T *dW, T *scratch) {
    const int KS = op->kernel_size, K = op->in_channels * KS * KS, O = op->out_channels;
    if (op->out_height * op->out_width <= FEW_PIXELS && O >= 16) {
        FN(few_pixels_weight_gradient)(op, X, dY, dW, scratch);
        return;
    }
    const int64_t plane = (int64_t)op->out_height * op->out_width * LANES;
    const int C = op->in_channels, taps = KS > 1 ? KS : C % 3 == 0 ? 3 : C < 4 ? C : 4;
    int o = 0;
#define TAPS_BLOCK(NT, NO)                                                                                                 \
    if (!o && taps % NT == 0) {                                                                                            \
        for (; o + NO <= O; o += NO)                                                                                       \
            FN(general_weight_channels)(op, X, dY + o * plane, dW + (int64_t)o * K, (V *)scratch, NO, NT);                 \
        for (; o < O; o++)                                                                                                 \
            FN(general_weight_channels)(op, X, dY + o * plane, dW + (int64_t)o * K, (V *)scratch, 1, NT);                  \
    }
    TAP_BLOCKS(TAPS_BLOCK)
#undef TAPS_BLOCK
}
