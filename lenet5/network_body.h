/* The network as a program over one lane group, and a thread's share of training, for element type T. */

/* ---- from pictures to lanes --------------------------------------------------------------------------------- */

/* Sides up to this are warped through a copy on the stack; larger pictures are not warped (the caller checks). */
#define WARP_SIDE 64
#define WARP_BORDER 2

/* n <= VL neighbouring pixels from number `at`, as 0..1, and zeros behind them. */
INLINE V FN(pixels)(const lenet5_pictures *pictures, int64_t at, int n) {
    T values[VECTOR_BYTES / ELEMENT_BYTES] = {0};
    if (pictures->is_uint8)
        for (int i = 0; i < n; i++)
            values[i] = (T)(((const uint8_t *)pictures->pixels)[at + i] / 255.0f);
    else
        for (int i = 0; i < n; i++)
            values[i] = (T)((const float *)pictures->pixels)[at + i];
    return FN(load)(values);
}

/* Up to LANES pictures without a warp: vectors of VL pixels of VL pictures are transposed. The last vector of a row
 * overlaps the one before it where the width is no multiple of VL. */
static void FN(gather_plain)(const lenet5_pictures *pictures, const int64_t *index, int64_t first, int n_valid, T *X) {
    const int h = pictures->height, w = pictures->width, pad = pictures->padding;
    const int H = h + 2 * pad, W = w + 2 * pad;
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    const int n = w < VL ? w : VL;
    for (int c = 0; c < pictures->channels; c++)
        for (int y = 0; y < h; y++)
            for (int column = 0; column < w; column += n) {
                const int x = column < w - n ? column : w - n;
                T *to = X + ((int64_t)(c * H + y + pad) * W + pad + x) * LANES;
                for (int v = 0; v < LANES; v += VL) {
                    V block[VECTOR_BYTES / ELEMENT_BYTES];
                    for (int l = 0; l < VL; l++) {
                        block[l] = FN(splat)(shift);
                        if (v + l < n_valid) {
                            const int64_t picture = index ? index[v + l] : first + v + l;
                            const int64_t at = ((picture * pictures->channels + c) * h + y) * w + x;
                            block[l] += (n == VL ? FN(pixels)(pictures, at, VL) : FN(pixels)(pictures, at, n)) * scale;
                        }
                    }
                    FN(transpose)(block);
                    UNROLL for (int i = 0; i < VL; i++) if (i < n) FN(store)(to + i * LANES + v, block[i]);
                }
            }
}

INLINE float FN(pixel)(const lenet5_pictures *pictures, const float *unit, int64_t at) {
    return pictures->is_uint8 ? unit[((const uint8_t *)pictures->pixels)[at]] : ((const float *)pictures->pixels)[at];
}

/* One picture, warped. `unit` holds the 256 values of bytes, since a division a pixel would show. */
static void FN(gather_warped)(const lenet5_pictures *pictures, const float *unit, int64_t picture, const float *warp,
                              int lane, T *X) {
    const int h = pictures->height, w = pictures->width, pad = pictures->padding;
    const int H = h + 2 * pad, W = w + 2 * pad, stride = w + 2 * WARP_BORDER;
    const T scale = (T)(pictures->ink - pictures->background), shift = (T)pictures->background;
    float source[(WARP_SIDE + 2 * WARP_BORDER) * (WARP_SIDE + 2 * WARP_BORDER)];
    for (int c = 0; c < pictures->channels; c++) {
        memset(source, 0, sizeof(float) * (h + 2 * WARP_BORDER) * stride);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                source[(y + WARP_BORDER) * stride + x + WARP_BORDER] =
                    FN(pixel)(pictures, unit, ((picture * pictures->channels + c) * h + y) * w + x);
        for (int y = 0; y < H; y++) {
            const float v = y - 0.5f * (H - 1);
            T *to = X + (int64_t)(c * H + y) * W * LANES + lane;
            for (int x = 0; x < W; x++) {
                const float u = x - 0.5f * (W - 1);
                float sx = warp[0] * u + warp[1] * v + warp[2] + 0.5f * (w - 1) + WARP_BORDER;
                float sy = warp[3] * u + warp[4] * v + warp[5] + 0.5f * (h - 1) + WARP_BORDER;
                sx = sx < 0 ? 0 : sx > w + 2 * WARP_BORDER - 1.001f ? w + 2 * WARP_BORDER - 1.001f : sx;
                sy = sy < 0 ? 0 : sy > h + 2 * WARP_BORDER - 1.001f ? h + 2 * WARP_BORDER - 1.001f : sy;
                const int ix = (int)sx, iy = (int)sy;
                const float fx = sx - ix, fy = sy - iy;
                const float *s = source + iy * stride + ix;
                const float top = s[0] + fx * (s[1] - s[0]);
                const float low = s[stride] + fx * (s[stride + 1] - s[stride]);
                to[x * LANES] = shift + scale * (T)(top + fy * (low - top));
            }
        }
    }
}

static void FN(gather)(const lenet5_pictures *pictures, const int64_t *index, int64_t first, int n_valid,
                       const float *warps, T *X) {
    const int64_t n = (int64_t)pictures->channels * (pictures->height + 2 * pictures->padding) *
                      (pictures->width + 2 * pictures->padding) * LANES;
    if (warps ? n_valid < LANES : pictures->padding > 0)
        for (int64_t i = 0; i < n; i += VL)
            *(V *)(X + i) = (V){0} + (T)pictures->background;
    if (!warps) {
        FN(gather_plain)(pictures, index, first, n_valid, X);
        return;
    }
    float unit[256];
    for (int i = 0; i < 256; i++)
        unit[i] = i / 255.0f;
    for (int lane = 0; lane < n_valid; lane++)
        FN(gather_warped)(pictures, unit, index ? index[lane] : first + lane, warps + 6 * lane, lane, X);
}

/* ---- the program -------------------------------------------------------------------------------------------- */

INLINE int64_t FN(n_out)(const lenet5_op *op) {
    return (int64_t)op->out_channels * op->out_height * op->out_width * LANES;
}

static void FN(net_prepare)(const lenet5_net *net, const T *parameters, T *prepared) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (op->kind == OP_CONV2D)
            FN(conv2d_prepare)(op, parameters + op->weight, prepared + op->prepared);
        if (op->kind == OP_CONV_POOL)
            FN(conv_pool_prepare)(op, parameters + op->weight, prepared + op->prepared);
    }
}

static void FN(net_finish)(const lenet5_net *net, const T *d_prepared, T *gradients) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (op->kind == OP_CONV2D)
            FN(conv2d_finish)(op, d_prepared + op->prepared, gradients + op->weight);
        if (op->kind == OP_CONV_POOL)
            FN(conv_pool_finish)(op, d_prepared + op->prepared, gradients + op->weight);
    }
}

/* One step on one lane group. The gradient's way back through C1 is noted only for training. */
INLINE void FN(forward_step)(const lenet5_op *op, const T *parameters, const T *prepared, T *activations, int training,
                             T *scratch) {
    const T *X = activations + op->input, *W = parameters + op->weight, *b = parameters + op->bias;
    const T *U = prepared + op->prepared;
    T *Y = activations + op->output;
    switch (op->kind) {
    case OP_CONV2D: FN(conv2d_forward)(op, X, W, b, U, Y, scratch); break;
    case OP_CONV_POOL: FN(conv_pool_forward)(op, X, W, b, U, Y, training); break;
    case OP_AVG_POOL2D: FN(avg_pool2d_forward)(op, X, Y); break;
    case OP_MAX_POOL2D: FN(max_pool2d_forward)(op, X, Y); break;
    case OP_RELU: FN(relu_forward)(FN(n_out)(op), X, Y); break;
    case OP_TANH: FN(tanh_forward)(FN(n_out)(op), X, Y); break;
    }
}

/* For training: net_backward may follow. */
static void FN(net_forward)(const lenet5_net *net, const T *parameters, const T *prepared, T *activations, T *scratch) {
    for (int i = 0; i < net->n_ops; i++)
        FN(forward_step)(net->ops + i, parameters, prepared, activations, 1, scratch);
}

/* For prediction: two lane groups, or one where the second is NULL. */
static void FN(net_predict)(const lenet5_net *net, const T *parameters, const T *prepared, T *first, T *second, T *scratch) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        if (second && op->kind == OP_CONV2D && IS_DENSE(op)) {
            FN(dense_pair)(first + op->input, second + op->input, parameters + op->weight, parameters + op->bias,
                           first + op->output, second + op->output, N_FEATURES(op), op->out_channels);
            continue;
        }
        FN(forward_step)(op, parameters, prepared, first, 0, scratch);
        if (second)
            FN(forward_step)(op, parameters, prepared, second, 0, scratch);
    }
}

/* Where `kept` is not NULL, dense layers leave there what their weight gradients are made of, and not these. */
static void FN(net_backward)(const lenet5_net *net, const T *parameters, const T *prepared, const T *activations, T *dA,
                             T *gradients, T *d_prepared, int accumulate, T *kept, T *scratch) {
    for (int i = net->n_ops - 1; i >= 0; i--) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input, *Y = activations + op->output;
        T *dX = dA + op->input, *dY = dA + op->output;
        switch (op->kind) {
        case OP_CONV2D:
            if (kept && IS_DENSE(op))
                FN(dense_keep)(op, X, dY, kept + op->kept);
            /* nobody asks for the gradient of the pictures */
            FN(conv2d_backward)(op, X, dY, parameters + op->weight, prepared + op->prepared, op->input ? dX : NULL,
                                kept && IS_DENSE(op) ? NULL : gradients + op->weight, gradients + op->bias,
                                d_prepared + op->prepared, accumulate, scratch);
            break;
        case OP_CONV_POOL:
            FN(conv_pool_backward)(op, X, Y, dY, gradients + op->weight, gradients + op->bias, d_prepared + op->prepared,
                                   accumulate, scratch);
            break;
        case OP_AVG_POOL2D: FN(avg_pool2d_backward)(op, dY, dX); break;
        case OP_MAX_POOL2D: FN(max_pool2d_backward)(op, X, Y, dY, dX); break;
        case OP_RELU: FN(relu_backward)(FN(n_out)(op), Y, dY, dX); break;
        case OP_TANH: FN(tanh_backward)(FN(n_out)(op), Y, dY, dX); break;
        }
    }
}
