/* A network in whole numbers on images, one after the other; its dense layers on some images together.
 *
 * One image alone takes the same path, and every sum is exact, so an answer does not depend on the batch.
 */

/* W (O, C, K, K) to (O / 16, rows, groups, 16, GROUP): K rows, or those of ops/int8_pairs.h. */
static void int8_pack_rows(const lenet5_int8_step *s, const int8_t *W, int in_pairs, packed_weight *weights) {
    const int K = s->kernel_size, C = s->in_channels, n_rows = in_pairs ? INT8_PAIR_ROWS : K;
    const int64_t n_groups = lenet5_int8_n_groups(s, GROUP);
    memset(weights, 0, lenet5_int8_n_weights(s, GROUP));
    for (int64_t o = 0; o < s->out_channels; o++)
        for (int row = 0; row < n_rows; row++)
            for (int i = 0; i < K * C; i++) {
                const int64_t at = ((o / INT8_LANES * n_rows + row) * n_groups + i / GROUP) * INT8_LANES + o % INT8_LANES;
                const int8_t *taps = W + (o * C + i % C) * K * K + i / C;
                weights[at * GROUP + i % GROUP] = in_pairs ? int8_pair_weight(taps, K, row) : taps[row * K];
            }
}

/* All of a step: its weights, biases, multipliers and limits (O), up to whole groups of lanes. */
static void int8_pack(const lenet5_int8_step *s, const int8_t *W, const int32_t *bias, const int32_t *multiplier,
                      char *packed) {
    const int O = s->out_channels;
    const int64_t n = lenet5_int8_n_lanes(s);
    const int8_packed to = int8_unpack(s, packed);
    packed_weight *weights = (packed_weight *)to.weights;
    int32_t *vectors = (int32_t *)to.bias;
    if (lenet5_int8_is_c1(s) && multiplier)
        int8_c1_pack(W, weights);
    else
        int8_pack_rows(s, W, GROUP == 2 && lenet5_int8_is_c3(s) && multiplier, weights);
    for (int o = 0; o < n; o++) {
        const int32_t m = multiplier && o < O ? multiplier[o] : 1;
        vectors[o] = o < O ? bias[o] : 0;
        vectors[n + o] = m;
        vectors[2 * n + o] = (int32_t)((INT32_MAX - (1 << (INT8_SHIFT - 1))) / m);
    }
}

/* 255 x, to the nearest whole number, halves to the even one, within 0..255. The product of a float is exact in float64,
 * and the sum with 1.5 2^52 has no place for fractions: fused or not, there is one rounding. */
INLINE int int8_of_float(float x) {
    const double rounded = x * 255.0 + 6755399441055744.0 - 6755399441055744.0;
    return rounded < 0 ? 0 : rounded > 255 ? 255 : (int)rounded;
}

/* A row of w pixels of one channel, C activations apart. */
INLINE void int8_place_row(const lenet5_pictures *p, int64_t from, int w, int C, activation *to) {
    const uint8_t *bytes = (const uint8_t *)p->pixels + from;
    const float *floats = (const float *)p->pixels + from;
    if (p->is_uint8)
        for (int x = 0; x < w; x++)
            to[(int64_t)x * C] = bytes[x];
    else
        for (int x = 0; x < w; x++)
            to[(int64_t)x * C] = (activation)int8_of_float(floats[x]);
}

/* An image into the middle of X (h + 2 padding, w + 2 padding, C), whose border is 0 already. */
static void int8_place(const lenet5_pictures *p, int64_t number, activation *X) {
    const int C = p->channels, W = p->width + 2 * p->padding;
    for (int c = 0; c < C; c++)
        for (int y = 0; y < p->height; y++) {
            const int64_t from = ((number * C + c) * p->height + y) * p->width;
            activation *to = X + ((int64_t)(y + p->padding) * W + p->padding) * C + c;
            if (C == 1 && p->width == 28)
                int8_place_row(p, from, 28, 1, to);
            else
                int8_place_row(p, from, p->width, C, to);
        }
}

static void int8_step(const lenet5_int8_net *net, int i, const char *packed, const activation *X, activation *Y) {
    const lenet5_int8_step *s = net->steps + i;
    const int8_packed p = int8_unpack(s, packed);
    const int is_last = i + 1 == net->n_steps;
    if (lenet5_int8_is_c1(s) && !is_last)
        int8_c1(&p, X, Y);
    else if (lenet5_int8_is_c3(s) && !is_last)
        int8_c3(s, &p, X, Y);
    else
        int8_conv_general(s, &p, X, is_last, (char *)Y);
}

/* Sums (h, w, classes) to scores (classes, h, w). */
static void int8_scores(const lenet5_int8_step *last, const int32_t *sums, int32_t *scores) {
    const int64_t n = (int64_t)last->out_height * last->out_width;
    for (int64_t i = 0; i < n; i++)
        for (int o = 0; o < last->out_channels; o++)
            scores[o * n + i] = sums[i * last->out_channels + o];
}

/* The dense steps of n <= INT8_TOGETHER images, which lie in `here`. */
static void int8_dense_steps(const lenet5_int8_net *net, const char *packed, int n, char *here, char *there,
                             int32_t *scores) {
    const int64_t between = net->n_dense * (int64_t)sizeof(activation);
    for (int i = net->n_convolutions; i < net->n_steps; i++) {
        const lenet5_int8_step *s = net->steps + i;
        const int8_packed p = int8_unpack(s, packed);
        if (i + 1 == net->n_steps) {
            int8_dense(s, &p, here, between, 1, (char *)scores, s->out_channels * (int64_t)sizeof(int32_t), n);
            return;
        }
        int8_dense(s, &p, here, between, 0, there, between, n);
        char *const other = here;
        here = there;
        there = other;
    }
}

/* The steps before the dense ones, of one image: from `field` over `own` and its neighbour to `end`. */
INLINE activation *int8_convolutions(const lenet5_int8_net *net, const char *packed, activation *field, activation *own,
                                     activation *end) {
    activation *X = field;
    for (int i = 0; i < net->n_convolutions; i++) {
        activation *Y = end && i + 1 == net->n_convolutions ? end : own + i % 2 * net->n_activations;
        int8_step(net, i, packed, X, Y);
        X = Y;
    }
    return X;
}

static void int8_forward(const lenet5_int8_net *net, const char *packed, const lenet5_pictures *pictures, int64_t first,
                         int64_t n, char *arena, int32_t *scores) {
    activation *const field = (activation *)(((uintptr_t)arena + 63) / 64 * 64), *const own = field + net->n_activations;
    activation *const dense = own + 2 * net->n_activations, *const other = dense + INT8_TOGETHER * net->n_dense;
    const int has_dense = net->n_convolutions < net->n_steps;
    if (pictures->padding)
        memset(field, 0, sizeof(activation) * net->n_activations);
    for (int64_t start = 0; start < n; start += INT8_TOGETHER, scores += INT8_TOGETHER * net->n_scores) {
        const int some = (int)(n - start < INT8_TOGETHER ? n - start : INT8_TOGETHER);
        for (int k = 0; k < some; k++) {
            int8_place(pictures, first + start + k, field);
            const activation *Y = int8_convolutions(net, packed, field, own, has_dense ? dense + k * net->n_dense : NULL);
            if (!has_dense)
                int8_scores(net->steps + net->n_steps - 1, (const int32_t *)Y, scores + k * net->n_scores);
        }
        if (has_dense)
            int8_dense_steps(net, packed, some, (char *)dense, (char *)other, scores);
    }
}

static void int8_dot_groups(int64_t n, const void *x, const void *w, int32_t *sums) {
    for (int l = 0; l < INT8_LANES; l += VI) {
        whole total = int8_load(sums + l);
        for (int64_t i = 0; i < n; i++)
            total = int8_dot(total, int8_broadcast((const activation *)x + i * GROUP),
                             int8_load((const packed_weight *)w + (i * INT8_LANES + l) * GROUP));
        *(whole *)(sums + l) = total;
    }
}
