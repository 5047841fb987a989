/* Convolutions of one image, forward beside both gradients, for element type T: lanes are neighbouring pixels, and
 * activations are plain (C, H, W).
 *
 * A plane is taken as one long row, with flat positions p = y W + x. Column (c, ky, kx) of im2col at p is the input
 * at p + ky W + kx. So vectors of neighbouring p need no stored columns. The KS - 1 positions at the end of each row are
 * computed too, and dropped. Gradients of outputs are laid out with the input's width, and zeros in the gaps:
 *
 *     dW[o, c, ky, kx] = sum over p of dY[o][p] X[c][p + ky W + kx]
 *     dX[c][p] = sum over o, ky, kx of W[o, c, ky, kx] dY[o][p - ky W - kx]
 */

/* NO output channels x NV vectors of flat positions, all taps. */
INLINE void FN(flat_block)(const T *x, const T *w, const T *b, T *y, int C, int plane, int W, int KS, int64_t stride_out,
                           int NO, int NV) {
    const int K = C * KS * KS;
    V acc[32];
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int v = 0; v < NV; v++) acc[o * NV + v] = FN(splat)(b[o]);
    for (int c = 0; c < C; c++)
        for (int ky = 0; ky < KS; ky++)
            for (int kx = 0; kx < KS; kx++) {
                const T *xr = x + (int64_t)c * plane + ky * W + kx, *wr = w + (c * KS + ky) * KS + kx;
                V xv[8];
                UNROLL for (int v = 0; v < NV; v++) xv[v] = FN(load)(xr + v * VL);
                UNROLL for (int o = 0; o < NO; o++) UNROLL for (int v = 0; v < NV; v++)
                    acc[o * NV + v] += xv[v] * wr[(int64_t)o * K];
            }
    UNROLL for (int o = 0; o < NO; o++) UNROLL for (int v = 0; v < NV; v++)
        FN(store)(y + o * stride_out + v * VL, acc[o * NV + v]);
}

INLINE int64_t FN(flat_stride)(int OH, int W) { return ((int64_t)OH * W + VL - 1) / VL * VL; }

/* Y (O, flat_stride): rows of W, whose last KS - 1 elements are meaningless. */
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

/* Y (O, OH, OW) from rows that are as wide as those of the input */
static void FN(flat_rows)(const lenet5_op *op, const T *flat, T *Y) {
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, Y += op->out_width)
            memcpy(Y, flat + o * FN(flat_stride)(op->out_height, op->in_width) + (int64_t)y * op->in_width,
                   sizeof(T) * op->out_width);
}

/* ---- gradients, also of convolutions with a connection table --------------------------------------------------------- */

/* The number of the kernel between two channels, or -1. */
INLINE int64_t FN(kernel_of)(const lenet5_op *op, int o, int c) {
    const int64_t pair = (int64_t)o * op->in_channels + c;
    return op->kind == OP_TABLE_CONV2D ? op->constants[pair] : pair;
}

/* Zeros before and behind the gradients of a channel, so that every tap finds a value. */
INLINE int64_t FN(flat_before)(const lenet5_op *op) { return (int64_t)(op->kernel_size - 1) * (op->in_width + 1); }

INLINE int64_t FN(flat_plane)(const lenet5_op *op) {
    return FN(flat_before)(op) + (int64_t)op->in_height * op->in_width + LANES;
}

/* The first of a channel's gradients in flat (O, flat_plane). */
INLINE T *FN(flat_channel)(const lenet5_op *op, T *flat, int o) {
    return flat + o * FN(flat_plane)(op) + FN(flat_before)(op);
}

static void FN(flatten_gradients)(const lenet5_op *op, const T *dY, T *flat) {
    memset(flat, 0, sizeof(T) * op->out_channels * FN(flat_plane)(op));
    for (int o = 0; o < op->out_channels; o++)
        for (int y = 0; y < op->out_height; y++, dY += op->out_width)
            memcpy(FN(flat_channel)(op, flat, o) + (int64_t)y * op->in_width, dY, sizeof(T) * op->out_width);
}

#define PAIR_OUTPUTS 3 /* with 5 taps 15 sums, a block of 16 for their sums over lanes */
#define PAIR_TAPS 5

/* Up to VL - 1 values behind the plane are multiplied by zeros: values there are always finite.
 *
 * NT taps of the kernels of PAIR_OUTPUTS outputs that see the plane x; with fewer outputs, some are repeated. */
INLINE void FN(pair_weights)(const T *x, const T *const *dY, T *const *dW, int64_t n, int NT) {
    V sums[PAIR_OUTPUTS * PAIR_TAPS + 1];
    UNROLL for (int i = 0; i <= PAIR_OUTPUTS * PAIR_TAPS; i++) sums[i] = (V){0};
    for (int64_t p = 0; p < n; p += VL) {
        V xv[PAIR_TAPS];
        UNROLL for (int t = 0; t < NT; t++) xv[t] = FN(load)(x + p + t);
        UNROLL for (int o = 0; o < PAIR_OUTPUTS; o++) {
            V d = FN(load)(dY[o] + p);
            IN_REGISTER(d);
            UNROLL for (int t = 0; t < NT; t++) sums[o * PAIR_TAPS + t] += xv[t] * d;
        }
    }
    T totals[PAIR_OUTPUTS * PAIR_TAPS + 1];
    UNROLL for (int i = 0; i <= PAIR_OUTPUTS * PAIR_TAPS; i += VL) FN(store)(totals + i, FN(sum_lanes_of_all)(sums + i));
    UNROLL for (int o = 0; o < PAIR_OUTPUTS; o++) UNROLL for (int t = 0; t < NT; t++) dW[o][t] = totals[o * PAIR_TAPS + t];
}

/* All taps of the kernels of PAIR_OUTPUTS outputs that see channel c. */
static void FN(pair_kernels)(const lenet5_op *op, const T *X, int c, const T *const *dY, T *const *dW) {
    const int W = op->in_width, KS = op->kernel_size;
    const int64_t n = (int64_t)(op->out_height - 1) * W + op->out_width;
    const T *x = X + (int64_t)c * op->in_height * W;
    for (int tap = 0; tap < KS * KS;) {
        T *to[PAIR_OUTPUTS];
        for (int o = 0; o < PAIR_OUTPUTS; o++)
            to[o] = dW[o] + tap;
        const T *from = x + tap / KS * W + tap % KS;
        if (tap % KS + PAIR_TAPS <= KS) {
            FN(pair_weights)(from, dY, to, n, PAIR_TAPS);
            tap += PAIR_TAPS;
        } else {
            FN(pair_weights)(from, dY, to, n, 1);
            tap++;
        }
    }
}

static void FN(single_weight_gradient)(const lenet5_op *op, const T *X, T *flat, T *dW) {
    const int64_t n_taps = (int64_t)op->kernel_size * op->kernel_size;
    for (int c = 0; c < op->in_channels; c++) {
        const T *from[PAIR_OUTPUTS];
        T *to[PAIR_OUTPUTS];
        int n = 0;
        for (int o = 0; o < op->out_channels; o++) {
            const int64_t kernel = FN(kernel_of)(op, o, c);
            if (kernel < 0)
                continue;
            from[n] = FN(flat_channel)(op, flat, o);
            to[n++] = dW + kernel * n_taps;
            if (n == PAIR_OUTPUTS) {
                FN(pair_kernels)(op, X, c, from, to);
                n = 0;
            }
        }
        if (n) {
            for (int i = n; i < PAIR_OUTPUTS; i++)
                from[i] = from[0], to[i] = to[0];
            FN(pair_kernels)(op, X, c, from, to);
        }
    }
}

/* NV vectors of the gradient of one input channel, from position p on. */
INLINE void FN(single_input_block)(const lenet5_op *op, T *flat, const T *W, T *dX, int c, int64_t p, int NV) {
    const int KS = op->kernel_size;
    V acc[8];
    UNROLL for (int i = 0; i < NV; i++) acc[i] = (V){0};
    for (int o = 0; o < op->out_channels; o++) {
        const int64_t kernel = FN(kernel_of)(op, o, c);
        if (kernel < 0)
            continue;
        const T *w = W + kernel * KS * KS, *d = FN(flat_channel)(op, flat, o) + p;
        for (int ky = 0; ky < KS; ky++)
            for (int kx = 0; kx < KS; kx++) {
                V weight = FN(splat)(w[ky * KS + kx]);
                IN_REGISTER(weight);
                UNROLL for (int i = 0; i < NV; i++)
                    acc[i] += FN(load)(d - (int64_t)ky * op->in_width - kx + i * VL) * weight;
            }
    }
    UNROLL for (int i = 0; i < NV; i++) FN(store)(dX + p + i * VL, acc[i]);
}

/* Up to VL - 1 elements behind a channel are written too: those of the next one, or gradients no longer needed. */
static void FN(single_input_gradient)(const lenet5_op *op, T *flat, const T *W, T *dX) {
    const int64_t plane = (int64_t)op->in_height * op->in_width;
    for (int c = 0; c < op->in_channels; c++) {
        int64_t p = 0;
        for (; p + 7 * VL <= plane; p += 7 * VL)
            FN(single_input_block)(op, flat, W, dX + c * plane, c, p, 7);
        for (; p < plane; p += VL)
            FN(single_input_block)(op, flat, W, dX + c * plane, c, p, 1);
    }
}
