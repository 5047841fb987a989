/* Convolutions of one image that keep its size, and their pooling, for element type T: lanes are output channels, and
 * activations are (H, W, C) with a border of zeros.
 *
 * A block of registers is N vectors of output channels x P pixels; a step loads N vectors of weights and P numbers of the
 * input, each broadcast:
 *
 *                       channels 0..VL   VL..2VL
 *     x[pixel 0]   ->   acc00            acc10         acc[n][p] += w[tap][n] * x[p][tap]
 *     x[pixel 1]   ->   acc01            acc11
 *      ...
 *
 * Weights are packed in the order of use: for each group of N vectors [tap][N * VL]. Taps run over rows, columns and
 * channels (of the planes of the input: channels, rows, columns), of the source and then of the skip connection. So each
 * output is one chain of sums, whatever the block.
 *
 * An upsampled source is never stored. For each parity of output pixels, the kernel's taps fall on few pixels of the
 * small image: 2 x 2 of 3 x 3. Their weights are added once, when they are packed.
 */

/* Of one source: taps (n_outer, n_middle, n_inner), neighbouring in memory along the last. */
typedef struct {
    const T *x, *w;                  /* the first tap of the first output pixel; its weights */
    int n_outer, n_middle, n_inner;
    int64_t outer, middle;           /* elements from each to the next */
    int64_t row, pixel;              /* elements of the input between rows and pixels of the output */
} FN(taps);

/* The output pixels of one call: all of them, or those of one parity. */
typedef struct {
    const FN(taps) *sources;
    int n_sources, relu;
    const T *b;
    T *y;
    int height, width;
    int64_t row, pixel;
} FN(same_job);

/* Vectors of output channels in a block, if `left` of them are left. */
INLINE int FN(same_vectors)(int left) { return left == 3 ? 3 : left < 2 ? left : 2; }

/* Blocks N x P; rows that are shorter, or no multiple, compute some pixels twice. */
#if VECTOR_BYTES == 64
#define SAME_BLOCKS_1(DO) DO(1, 12) DO(1, 8) DO(1, 6) DO(1, 4) DO(1, 2) DO(1, 1)
#define SAME_BLOCKS_2(DO) DO(2, 12) DO(2, 8) DO(2, 6) DO(2, 4) DO(2, 2) DO(2, 1)
#define SAME_BLOCKS_3(DO) DO(3, 8) DO(3, 6) DO(3, 4) DO(3, 2) DO(3, 1)
#else
#define SAME_BLOCKS_1(DO) DO(1, 6) DO(1, 4) DO(1, 2) DO(1, 1)
#define SAME_BLOCKS_2(DO) DO(2, 6) DO(2, 4) DO(2, 2) DO(2, 1)
#define SAME_BLOCKS_3(DO) DO(3, 4) DO(3, 2) DO(3, 1)
#endif
#define SAME_BLOCKS(DO) SAME_BLOCKS_1(DO) SAME_BLOCKS_2(DO) SAME_BLOCKS_3(DO)

/* acc (N, P) += the products of n taps. Four pixels share a pointer, so that all fit into registers. */
INLINE const T *FN(same_products)(V *acc, const T *x, const T *w, int n, int64_t pixel, int N, int P) {
    const T *quads[3] = {x, x + 4 * pixel, x + 8 * pixel};
    const int64_t offsets[4] = {0, pixel, 2 * pixel, 3 * pixel};
    for (int k = 0; k < n; k++, w += N * VL) {
        V weight[3];
        UNROLL for (int v = 0; v < N; v++) {
            weight[v] = FN(load)(w + v * VL);
            IN_REGISTER(weight[v]);
        }
        UNROLL for (int i = 0; i < P; i++) {
            V value = FN(splat)(quads[i / 4][offsets[i % 4]]);
            if (N > 1)
                IN_REGISTER(value);
            UNROLL for (int v = 0; v < N; v++) acc[v * P + i] += value * weight[v];
        }
        UNROLL for (int i = 0; i < (P + 3) / 4; i++) {
            quads[i]++;
            IN_POINTER(quads[i]);
        }
    }
    return w;
}

/* P pixels of N vectors, `first` being the first vector. */
INLINE void FN(same_block)(const FN(same_job) *job, int first, int row, int column, int N, int P) {
    V acc[3 * 12];
    UNROLL for (int v = 0; v < N; v++) UNROLL for (int i = 0; i < P; i++)
        acc[v * P + i] = FN(load)(job->b + (first + v) * VL);
    for (int s = 0; s < job->n_sources; s++) {
        const FN(taps) *taps = job->sources + s;
        const T *x = taps->x + row * taps->row + column * taps->pixel;
        const T *w = taps->w + (int64_t)first * VL * taps->n_outer * taps->n_middle * taps->n_inner;
        for (int i = 0; i < taps->n_outer; i++)
            for (int j = 0; j < taps->n_middle; j++)
                w = FN(same_products)(acc, x + i * taps->outer + j * taps->middle, w, taps->n_inner, taps->pixel, N, P);
    }
    T *y = job->y + row * job->row + column * job->pixel + first * VL;
    const V zero = {0};
    UNROLL for (int v = 0; v < N; v++) UNROLL for (int i = 0; i < P; i++) {
        V sum = acc[v * P + i];
        if (job->relu)
            sum = FN(max)(zero, sum); /* a NaN stays a NaN */
        FN(store)(y + i * job->pixel + v * VL, sum);
    }
}

#define SAME_ROWS(N, P)                                                                                                    \
    NOINLINE void FN(same_rows_##N##_##P)(const FN(same_job) *job, int first) {                                            \
        for (int row = 0; row < job->height; row++)                                                                        \
            for (int next = 0; next < job->width; next += P)                                                               \
                FN(same_block)(job, first, row, next <= job->width - P ? next : job->width - P, N, P);                     \
    }
SAME_BLOCKS(SAME_ROWS)
#undef SAME_ROWS

/* All rows of N vectors, in the blocks that compute the least twice. Eight sums or more keep the pipelines full. */
static void FN(same_rows)(const FN(same_job) *job, int first, int vectors) {
    void (*best)(const FN(same_job) *, int) = NULL;
    int64_t least = INT64_MAX;
#define TRY(N, P)                                                                                                          \
    if (N == vectors && P <= job->width && (int64_t)((job->width + P - 1) / P) * (N * P > 8 ? N * P : 8) < least) {        \
        least = (int64_t)((job->width + P - 1) / P) * (N * P > 8 ? N * P : 8);                                             \
        best = FN(same_rows_##N##_##P);                                                                                    \
    }
    SAME_BLOCKS(TRY)
#undef TRY
    best(job, first);
}

static void FN(same_channels)(const FN(same_job) *job, int channels) {
    const int n_vectors = (channels + VL - 1) / VL;
    for (int first = 0, n; first < n_vectors; first += n) {
        n = FN(same_vectors)(n_vectors - first);
        FN(same_rows)(job, first, n);
    }
}

/* The taps of a kernel of n_rows x n_columns, the first of which lies (y, x) pixels from the first output pixel. */
static FN(taps) FN(taps_of)(const lenet5_fcn_place *place, const T *arena, int channels, int y, int x, int n_rows,
                            int n_columns, int dilation, int stride) {
    FN(taps) taps = {.x = arena + place->origin + y * place->row + x * place->pixel,
                     .n_outer = n_rows,
                     .n_middle = n_columns,
                     .n_inner = channels,
                     .outer = dilation * place->row,
                     .middle = dilation * place->pixel,
                     .row = stride * place->row,
                     .pixel = stride * place->pixel};
    if (taps.middle == channels) { /* one run of numbers */
        taps.n_inner *= n_columns;
        taps.n_middle = 1;
    }
    return taps;
}

/* The same of the input, channel by channel. */
static FN(taps) FN(taps_of_planes)(const lenet5_fcn_place *place, const T *arena, int channels, int n, int stride) {
    FN(taps) taps = FN(taps_of)(place, arena, 1, -(n / 2), -(n / 2), n, n, 1, stride);
    taps.n_outer = channels, taps.n_middle = taps.n_inner = n;
    taps.outer = place->plane, taps.middle = place->row;
    return taps;
}

/* Every second row and column of the output, those of one parity, or all of them where there is no skip connection. */
static FN(same_job)
    FN(same_output)(const lenet5_fcn_step *step, const lenet5_fcn_place *to, const T *packed, T *arena, int py, int px) {
    const int stride = step->skip ? 2 : 1;
    return (FN(same_job)){.relu = step->relu,
                          .b = packed + step->packed,
                          .y = arena + to->origin + py * to->row + px * to->pixel,
                          .height = to->height / stride,
                          .width = to->width / stride,
                          .row = stride * to->row,
                          .pixel = stride * to->pixel};
}

/* Output pixels of one parity, from the small image and the skip connection; the weights of the source that come next. */
static const T *FN(same_parity)(const lenet5_fcn_step *step, const lenet5_fcn_place *places, const lenet5_fcn_place *to,
                                const T *packed, const T *weights, const T *skip_weights, T *arena, int py, int px) {
    const int K = step->kernel_size, n_rows = lenet5_fcn_n_taps(K, py), n_columns = lenet5_fcn_n_taps(K, px);
    FN(taps) sources[2] = {
        FN(taps_of)(places + step->source, arena, step->source_channels, lenet5_fcn_first(K, py), lenet5_fcn_first(K, px),
                    n_rows, n_columns, 1, 1),
        FN(taps_of)(places + step->skip, arena, step->skip_channels, py - K / 2, px - K / 2, K, K, 1, 2)};
    sources[0].w = weights, sources[1].w = skip_weights;
    FN(same_job) job = FN(same_output)(step, to, packed, arena, py, px);
    job.sources = sources, job.n_sources = 2;
    FN(same_channels)(&job, step->out_channels);
    return weights + lenet5_fcn_padded(step->out_channels) * n_rows * n_columns * step->source_channels;
}

/* packed: of the whole network. */
static void FN(conv2d_same)(const lenet5_fcn_step *step, const lenet5_fcn_place *places, const lenet5_fcn_place *to,
                            const T *packed, T *arena) {
    const int K = step->kernel_size, r = K / 2 * step->dilation;
    const int64_t padded = lenet5_fcn_padded(step->out_channels);
    const T *weights = packed + step->packed + padded, *skip_weights = weights + padded * lenet5_fcn_n_source(step);
    if (step->skip) {
        for (int parity = 0; parity < 4; parity++)
            weights = FN(same_parity)(step, places, to, packed, weights, skip_weights, arena, parity / 2, parity % 2);
        return;
    }
    const lenet5_fcn_place *from = places + step->source;
    FN(taps) taps = step->source
                        ? FN(taps_of)(from, arena, step->source_channels, -r, -r, K, K, step->dilation, step->stride)
                        : FN(taps_of_planes)(from, arena, step->source_channels, K, step->stride);
    taps.w = weights;
    FN(same_job) job = FN(same_output)(step, to, packed, arena, 0, 0);
    job.sources = &taps, job.n_sources = 1;
    FN(same_channels)(&job, step->out_channels);
}

/* ---- weights, packed once ---------------------------------------------------------------------------------------------- */

/* Where weight `tap` of n of output channel o lies. */
INLINE int64_t FN(packed_at)(int64_t tap, int64_t n, int o, int out_channels) {
    const int n_vectors = (out_channels + VL - 1) / VL;
    int first = 0, vectors = FN(same_vectors)(n_vectors);
    while (first + vectors <= o / VL) {
        first += vectors;
        vectors = FN(same_vectors)(n_vectors - first);
    }
    return first * VL * n + tap * vectors * VL + o - first * VL;
}

/* Where tap k of a kernel falls among those of one parity of an upsampled source; -1: of another source. */
INLINE int FN(tap_of)(int k, int kernel_size, int parity) {
    return parity < 0
               ? k
               : (parity + k - kernel_size / 2 + 2 * kernel_size) / 2 - kernel_size - lenet5_fcn_first(kernel_size, parity);
}

/* packed += the weights W (O, C, K, K) of one source, n channels from `from` on; where it is upsampled, for output pixels of
 * one parity. Returns what follows them. */
static T *FN(pack_source)(const lenet5_fcn_step *step, const T *W, int from, int n, int py, int px, T *packed) {
    const int K = step->kernel_size, C = step->source_channels + step->skip_channels;
    const int n_rows = py < 0 ? K : lenet5_fcn_n_taps(K, py), n_columns = px < 0 ? K : lenet5_fcn_n_taps(K, px);
    const int64_t n_taps = (int64_t)n_rows * n_columns * n;
    for (int o = 0; o < step->out_channels; o++)
        for (int c = 0; c < n; c++)
            for (int k = 0; k < K * K; k++) {
                const int64_t tap = FN(tap_of)(k / K, K, py) * n_columns + FN(tap_of)(k % K, K, px);
                const int64_t place = step->source ? tap * n + c : c * (int64_t)K * K + tap;
                packed[FN(packed_at)(place, n_taps, o, step->out_channels)] += W[((int64_t)o * C + from + c) * K * K + k];
            }
    return packed + lenet5_fcn_padded(step->out_channels) * n_taps;
}

/* packed: biases, padded with zeros; weights of the source, of all four parities where it is upsampled; weights of the skip
 * connection. W (O, C, K, K), b (O). */
static void FN(conv2d_same_pack)(const lenet5_fcn_step *step, const T *W, const T *b, T *packed) {
    ASSERT_ARRAYS(W, b, packed);
    memset(packed, 0, sizeof(T) * lenet5_fcn_n_packed(step));
    memcpy(packed, b, sizeof(T) * step->out_channels);
    T *next = packed + lenet5_fcn_padded(step->out_channels);
    if (!step->skip) {
        FN(pack_source)(step, W, 0, step->source_channels, -1, -1, next);
        return;
    }
    for (int parity = 0; parity < 4; parity++)
        next = FN(pack_source)(step, W, 0, step->source_channels, parity / 2, parity % 2, next);
    FN(pack_source)(step, W, step->source_channels, step->skip_channels, -1, -1, next);
}
