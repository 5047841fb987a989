/* A few pictures: the convolutional part of the network on one picture at a time, for element type T.
 *
 * A lane group costs the same whether one of its lanes is used or all 16. For one picture, lanes are neighbouring
 * pixels instead, and activations are plain (C, H, W). A plane is taken as one long row: the column (c, ky, kx) of
 * im2col for the output at flat position p = y W + x is the input at p + ky W + kx, so vectors of neighbouring p need
 * no columns stored; the KS - 1 positions at the end of each row are computed too and thrown away. Every output is the
 * same chain of multiply-adds as on lanes (kernels_body.h): the same bits. From the first dense layer on, where there
 * are no pixels left, lanes are used as ever.
 */

#define FN(name) CONCAT(name, SUFFIX)
#define V FN(vector)
#define VL ((int)(VECTOR_BYTES / sizeof(T)))
#if VECTOR_BYTES == 64
#define FLAT_ROWS 8
#define FLAT_COLS 3
#else
#define FLAT_ROWS 4
#define FLAT_COLS 3
#endif

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

INLINE void FN(flat_conv)(const T *X, const T *W_, const T *b, T *Y, T *scratch, int C, int H, int W, int O, int KS, int NO,
                          int NV) {
    const int OH = H - KS + 1, OW = W - KS + 1, K = C * KS * KS;
    const int64_t stride = ((int64_t)OH * W + VL - 1) / VL * VL, used = (int64_t)(OH - 1) * W + OW;
    int o = 0;
    for (; o + NO <= O; o += NO) {
        int64_t p = 0;
        for (; p + NV * VL <= stride && p < used; p += NV * VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, scratch + o * stride + p, C, H * W, W, KS, stride, NO, NV);
        for (; p < used; p += VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, scratch + o * stride + p, C, H * W, W, KS, stride, NO, 1);
    }
    for (; o < O; o++)
        for (int64_t p = 0; p < used; p += VL)
            FN(flat_block)(X + p, W_ + (int64_t)o * K, b + o, scratch + o * stride + p, C, H * W, W, KS, stride, 1, 1);
    for (o = 0; o < O; o++)
        for (int y = 0; y < OH; y++)
            memcpy(Y + ((int64_t)o * OH + y) * OW, scratch + o * stride + y * W, sizeof(T) * OW);
}

static void FN(single_conv2d)(const lenet5_op *op, const T *X, const T *W, const T *b, T *Y, T *scratch) {
    if (op->in_channels == 1 && op->in_width == 32 && op->in_height == 32 && op->out_channels == 6 && op->kernel_size == 5)
        FN(flat_conv)(X, W, b, Y, scratch, 1, 32, 32, 6, 5, VECTOR_BYTES == 64 ? 6 : 3, 4);
    else if (op->in_channels == 6 && op->in_width == 14 && op->in_height == 14 && op->out_channels == 16 &&
             op->kernel_size == 5)
        FN(flat_conv)(X, W, b, Y, scratch, 6, 14, 14, 16, 5, FLAT_ROWS, FLAT_COLS);
    else
        FN(flat_conv)(X, W, b, Y, scratch, op->in_channels, op->in_height, op->in_width, op->out_channels,
                      op->kernel_size, 4, 2);
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

/* Steps before the first dense layer on one picture; offsets are those of the lanes, a LANES-th each. */
static void FN(single_forward)(const lenet5_net *net, int n_steps, const T *parameters, T *single, T *scratch) {
    for (int i = 0; i < n_steps; i++) {
        const lenet5_op *op = net->ops + i;
        const T *X = single + op->input / LANES;
        T *Y = single + op->output / LANES;
        const int64_t n = ((int64_t)op->out_channels * op->out_height * op->out_width + VL - 1) / VL * VL;
        switch (op->kind) {
        case OP_CONV2D: FN(single_conv2d)(op, X, parameters + op->weight, parameters + op->bias, Y, scratch); break;
        case OP_AVG_POOL2D:
        case OP_MAX_POOL2D: FN(single_pool2d)(op, X, Y); break;
        case OP_RELU: FN(relu_forward)(n, X, Y); break; /* up to VL - 1 elements more, which nobody has written yet */
        case OP_TANH: FN(tanh_forward)(n, X, Y); break;
        }
    }
}

/* What gather and net_forward do for the n_valid pictures from `first` on, faster where they are few.
 * single: (n_activations + n_scratch) / LANES + 64 elements. */
static void FN(net_forward_few)(const lenet5_net *net, const T *parameters, const lenet5_pictures *pictures, int64_t first,
                                int n_valid, T *activations, T *single) {
    int n_steps = 0;
    while (n_steps < net->n_ops &&
           !(net->ops[n_steps].kind == OP_CONV2D && net->ops[n_steps].out_height * net->ops[n_steps].out_width == 1))
        n_steps++;
    if (n_steps == 0) { /* dense from the first layer on */
        FN(gather)(pictures, NULL, first, n_valid, NULL, activations);
        FN(net_forward)(net, parameters, activations);
        return;
    }
    const lenet5_op *last = net->ops + n_steps - 1;
    const int64_t n = (int64_t)last->out_channels * last->out_height * last->out_width;
    T *lanes = activations + last->output, *scratch = single + net->n_activations / LANES;
    if (n_valid < LANES)
        memset(lanes, 0, sizeof(T) * n * LANES);
    for (int lane = 0; lane < n_valid; lane++) {
        FN(gather_single)(pictures, first + lane, single);
        FN(single_forward)(net, n_steps, parameters, single, scratch);
        for (int64_t i = 0; i < n; i++)
            lanes[i * LANES + lane] = single[last->output / LANES + i];
    }
    const lenet5_net rest = {net->ops + n_steps, net->n_ops - n_steps, net->n_parameters, net->n_activations,
                             net->n_scratch};
    FN(net_forward)(&rest, parameters, activations);
}

/* The whole program on one picture of any size, for a map of answers: out (classes, h, w).
 * Memory goes by the picture, where a lane group would take 16 times as much. */
static void FN(net_forward_map)(const lenet5_net *net, const T *parameters, const lenet5_pictures *pictures, int64_t picture,
                                T *single, T *out) {
    const lenet5_op *last = net->ops + net->n_ops - 1;
    FN(gather_single)(pictures, picture, single);
    FN(single_forward)(net, net->n_ops, parameters, single, single + net->n_activations / LANES);
    memcpy(out, single + last->output / LANES,
           sizeof(T) * last->out_channels * last->out_height * last->out_width);
}

#undef V
#undef VL
#undef FN
#undef FLAT_ROWS
#undef FLAT_COLS
