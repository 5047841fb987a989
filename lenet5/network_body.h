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
    for (int i = 0; i < net->n_ops; i++)
        if (net->ops[i].kind == OP_CONV2D)
            FN(conv2d_prepare)(net->ops + i, parameters + net->ops[i].weight, prepared + net->ops[i].prepared);
}

static void FN(net_finish)(const lenet5_net *net, const T *d_prepared, T *gradients) {
    for (int i = 0; i < net->n_ops; i++)
        if (net->ops[i].kind == OP_CONV2D)
            FN(conv2d_finish)(net->ops + i, d_prepared + net->ops[i].prepared, gradients + net->ops[i].weight);
}

static void FN(net_forward)(const lenet5_net *net, const T *parameters, const T *prepared, T *activations, T *scratch) {
    for (int i = 0; i < net->n_ops; i++) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input;
        T *Y = activations + op->output;
        switch (op->kind) {
        case OP_CONV2D:
            FN(conv2d_forward)(op, X, parameters + op->weight, parameters + op->bias, prepared + op->prepared, Y, scratch);
            break;
        case OP_CONV_POOL: FN(conv_pool_forward)(op, X, parameters + op->weight, parameters + op->bias, Y); break;
        case OP_AVG_POOL2D: FN(avg_pool2d_forward)(op, X, Y); break;
        case OP_MAX_POOL2D: FN(max_pool2d_forward)(op, X, Y); break;
        case OP_RELU: FN(relu_forward)(FN(n_out)(op), X, Y); break;
        case OP_TANH: FN(tanh_forward)(FN(n_out)(op), X, Y); break;
        }
    }
}

static void FN(net_backward)(const lenet5_net *net, const T *parameters, const T *prepared, const T *activations, T *dA,
                             T *gradients, T *d_prepared, int accumulate, T *scratch) {
    for (int i = net->n_ops - 1; i >= 0; i--) {
        const lenet5_op *op = net->ops + i;
        const T *X = activations + op->input, *Y = activations + op->output;
        T *dX = dA + op->input, *dY = dA + op->output;
        switch (op->kind) {
        case OP_CONV2D:
            /* nobody asks for the gradient of the pictures */
            FN(conv2d_backward)(op, X, dY, parameters + op->weight, prepared + op->prepared, op->input ? dX : NULL,
                                gradients + op->weight, gradients + op->bias, d_prepared + op->prepared, accumulate,
                                scratch);
            break;
        case OP_CONV_POOL:
            FN(conv_pool_backward)(op, X, Y, dY, gradients + op->weight, gradients + op->bias, accumulate, scratch);
            break;
        case OP_AVG_POOL2D: FN(avg_pool2d_backward)(op, dY, dX); break;
        case OP_MAX_POOL2D: FN(max_pool2d_backward)(op, X, Y, dY, dX); break;
        case OP_RELU: FN(relu_backward)(FN(n_out)(op), Y, dY, dX); break;
        case OP_TANH: FN(tanh_backward)(FN(n_out)(op), Y, dY, dX); break;
        }
    }
}

/* ---- training ------------------------------------------------------------------------------------------------
 *
 * A batch is cut into n_slices slices of whole lane groups, each with a gradient buffer of its own; the update adds
 * the buffers in their order. The cut depends on the batch alone and not on the number of threads, so the sums, and
 * with them the weights, are the same bits for any number.
 */

/* Pictures come in random order from more memory than the caches hold: ask for each one a step ahead. */
INLINE void FN(prefetch_picture)(const lenet5_pictures *pictures, int64_t picture) {
    const int64_t n = (int64_t)pictures->channels * pictures->height * pictures->width * (pictures->is_uint8 ? 1 : 4);
    for (int64_t i = 0; i < n; i += 64)
        __builtin_prefetch((const char *)pictures->pixels + picture * n + i, 0, 2);
}

/* Slice `slice` of the batch at positions [start, end): its gradient, loss and number of right answers. */
static void FN(train_slice)(CONCAT(lenet5_training, SUFFIX) *t, int slice, int64_t start, int64_t end, T *arena) {
    const lenet5_net *net = t->net;
    const lenet5_op *last = net->ops + net->n_ops - 1;
    const int64_t n_groups = (end - start + LANES - 1) / LANES;
    T *dA = arena + net->n_activations, *scratch = dA + net->n_activations;
    T *prepared = scratch + net->n_scratch, *d_prepared = prepared + net->n_prepared;
    T *gradients = t->gradients + slice * net->n_parameters;
    double loss = 0;
    int64_t n_correct = 0;
    const int64_t first_group = n_groups * slice / t->n_slices, end_group = n_groups * (slice + 1) / t->n_slices;
    if (first_group == end_group) /* the last batch may have fewer groups than slices */
        memset(gradients, 0, sizeof(T) * net->n_parameters);
    for (int64_t g = first_group; g < end_group; g++) {
        const int64_t first = start + g * LANES;
        const int n_valid = end - first < LANES ? (int)(end - first) : LANES;
        uint8_t labels[LANES];
        for (int lane = 0; lane < n_valid; lane++) {
            labels[lane] = t->labels[t->order[first + lane]];
            if (first + lane + t->batch_size < t->n_positions)
                FN(prefetch_picture)(t->pictures, t->order[first + lane + t->batch_size]);
        }
        FN(gather)(t->pictures, t->order + first, 0, n_valid, t->warps ? t->warps + 6 * first : NULL, arena);
        FN(net_forward)(net, t->parameters, prepared, arena, scratch);
        loss += FN(softmax_cross_entropy)(last->out_channels, arena + last->output, labels, n_valid,
                                          (T)1 / (T)(end - start), dA + last->output, &n_correct);
        FN(net_backward)(net, t->parameters, prepared, arena, dA, gradients, d_prepared, g > first_group, scratch);
    }
    if (first_group < end_group)
        FN(net_finish)(net, d_prepared, gradients);
    t->slice_losses[slice] = loss;
    t->slice_corrects[slice] = n_correct;
}

/* Parameters [from, to), multiples of the vector length: sum of the slices' gradients, then the optimiser. */
static void FN(update)(CONCAT(lenet5_training, SUFFIX) *t, int64_t step, int64_t from, int64_t to) {
    const lenet5_optimizer *o = &t->optimizer;
    const T rate = (T)t->learning_rates[step], decay = (T)o->weight_decay, momentum = (T)o->momentum;
    const T beta1 = (T)o->beta1, beta2 = (T)o->beta2, epsilon = (T)o->epsilon;
    const double n_updates = (double)(t->first_step + step + 1);
    const T correct1 = (T)(1 / (1 - pow(o->beta1, n_updates))), correct2 = (T)(1 / (1 - pow(o->beta2, n_updates)));
    for (int64_t i = from; i < to; i += VL) {
        V p = *(V *)(t->parameters + i), m = *(V *)(t->moment1 + i), g = {0};
        for (int s = 0; s < t->n_slices; s++)
            g += *(V *)(t->gradients + s * t->net->n_parameters + i);
        if (o->kind == OPTIMIZER_SGD) {
            g += p * decay;
            m = m * momentum + g;
            V direction = m;
            if (o->nesterov)
                direction = g + m * momentum;
            p -= direction * rate;
        } else {
            V v = *(V *)(t->moment2 + i), root;
            m = m * beta1 + g * (1 - beta1);
            v = v * beta2 + g * g * (1 - beta2);
            *(V *)(t->moment2 + i) = v;
            for (int l = 0; l < VL; l++)
                root[l] = (T)sqrt((double)(v[l] * correct2));
            p -= p * (rate * decay);
            p -= m * correct1 * rate / (root + epsilon);
        }
        *(V *)(t->moment1 + i) = m;
        *(V *)(t->parameters + i) = p;
    }
}

static void FN(train)(CONCAT(lenet5_training, SUFFIX) *t, int thread) {
    const lenet5_net *net = t->net;
    T *arena = t->arenas + thread * (2 * net->n_activations + net->n_scratch + 2 * net->n_prepared);
    T *prepared = arena + 2 * net->n_activations + net->n_scratch;
    const int64_t n_blocks = net->n_parameters / LANES;
    const int64_t from = n_blocks * thread / t->n_threads * LANES, to = n_blocks * (thread + 1) / t->n_threads * LANES;
    for (int64_t step = 0; step < t->n_steps; step++) {
        const int64_t start = step * t->batch_size;
        const int64_t end = start + t->batch_size < t->n_positions ? start + t->batch_size : t->n_positions;
        FN(net_prepare)(net, t->parameters, prepared);
        for (int slice = thread; slice < t->n_slices; slice += t->n_threads)
            FN(train_slice)(t, slice, start, end, arena);
        lenet5_barrier_wait(t->barrier);
        double loss = 0;
        int64_t n_correct = 0;
        for (int slice = 0; slice < t->n_slices; slice++) {
            loss += t->slice_losses[slice];
            n_correct += t->slice_corrects[slice];
        }
        if (!isfinite(loss)) { /* every thread sees the same sum and stops here, before the update */
            if (thread == 0)
                t->diverged = 1;
            return;
        }
        if (thread == 0) {
            t->loss_sum += loss;
            t->n_correct += n_correct;
            t->steps_done++;
        }
        FN(update)(t, step, from, to);
        lenet5_barrier_wait(t->barrier);
    }
}

