/* Convolutions of any shape in whole numbers, with max-pooling and rounding; dense layers of several images.
 *
 * Lanes are output channels. Sums of 2 x 2 pixels are compared in registers, so that only pooled ones are rounded.
 */

/* How many output vectors, and images of a dense layer, fit the registers. */
#if VECTOR_BYTES == 64
#define INT8_DENSE_IMAGES 6
#define INT8_DENSE_VECTORS 4
#else
#define INT8_DENSE_IMAGES 4
#define INT8_DENSE_VECTORS 2
#endif

/* Rounded to Y from output vector v on, at most to n of them; or, of the last step, the sums themselves. */
INLINE void int8_finish(const int8_packed *p, whole sums, int v, int n_left, int is_last, void *Y) {
    if (is_last)
        memcpy((int32_t *)Y + v * VI, &sums, (n_left < VI ? n_left : VI) * sizeof(int32_t));
    else
        int8_store(int8_round(sums, int8_load(p->multiplier + v * VI), int8_load(p->limit + v * VI)),
                   (activation *)Y + v * VI, n_left);
}

/* PC columns of pixels from X on, pooled 2 x 2 if `pool` is 2: N vectors of output channels from v on, to Y. */
INLINE void int8_conv_block(const lenet5_int8_step *s, const int8_packed *p, const activation *X, int64_t row,
                            int64_t column, int64_t row_of_kernel, int n_rows, int n_groups, int v, int is_last, void *Y,
                            int64_t pixel, int pool, int PC, int N) {
    whole sums[24];
    UNROLL for (int i = 0; i < pool * PC; i++) UNROLL for (int n = 0; n < N; n++)
        sums[i * N + n] = int8_load(p->bias + (v + n) * VI);
    int8_products(X, row, column, int8_weights_of(p->weights, p->stride, v), p->stride, n_rows, row_of_kernel, n_groups,
                  sums, pool, PC, N);
    UNROLL for (int c = 0; c < PC / pool; c++) UNROLL for (int n = 0; n < N; n++) {
        whole best = sums[c * pool * N + n];
        if (pool == 2)
            best = int8_larger(int8_larger(best, sums[(2 * c + 1) * N + n]),
                               int8_larger(sums[(PC + 2 * c) * N + n], sums[(PC + 2 * c + 1) * N + n]));
        char *to = (char *)Y + c * pixel;
        int8_finish(p, best, v + n, s->out_channels - (v + n) * VI, is_last, to);
    }
}

/* All of a step on one image, X (H, W, C) to Y (OH, OW, O), N output vectors at a time. */
INLINE void int8_conv_vectors(const lenet5_int8_step *s, const int8_packed *p, const activation *X, int is_last, char *Y,
                              int v, int pool, int PC, int N) {
    const int C = s->in_channels, PW = PC / pool;
    const int64_t row = (int64_t)s->in_width * C;
    const int64_t pixel = s->out_channels * (int64_t)(is_last ? sizeof(int32_t) : sizeof(activation));
    const int n_groups = (int)lenet5_int8_n_groups(s, GROUP);
    for (int y = 0; y < s->out_height; y++) {
        int x = 0;
        for (; x + PW <= s->out_width; x += PW)
            int8_conv_block(s, p, X + pool * (y * row + (int64_t)x * C), row, C, row, s->kernel_size, n_groups, v, is_last,
                            Y + ((int64_t)y * s->out_width + x) * pixel, pixel, pool, PC, N);
        for (; x < s->out_width; x++)
            int8_conv_block(s, p, X + pool * (y * row + (int64_t)x * C), row, C, row, s->kernel_size, n_groups, v, is_last,
                            Y + ((int64_t)y * s->out_width + x) * pixel, pixel, pool, pool, N);
    }
}

static void int8_conv_general(const lenet5_int8_step *s, const int8_packed *p, const activation *X, int is_last, char *Y) {
    enum { N = INT8_DENSE_VECTORS > 2 ? 4 : 2 };
    const int n = (s->out_channels + VI - 1) / VI;
    int v = 0;
    for (; v + N <= n; v += N)
        if (s->pool == 2)
            int8_conv_vectors(s, p, X, is_last, Y, v, 2, 2, N);
        else
            int8_conv_vectors(s, p, X, is_last, Y, v, 1, 4, N);
    for (; v < n; v++)
        if (s->pool == 2)
            int8_conv_vectors(s, p, X, is_last, Y, v, 2, 2, 1);
        else
            int8_conv_vectors(s, p, X, is_last, Y, v, 1, 4, 1);
}

/* C3 of LeNet-5: all numbers of the shape are constants. */
enum { INT8_C3_CHANNELS = 6, INT8_C3_ROW = 14 * INT8_C3_CHANNELS, INT8_C3_POOLED = 5 };
enum { INT8_C3_GROUPS = (5 * INT8_C3_CHANNELS + GROUP - 1) / GROUP, INT8_C3_COLUMNS = 2 * INT8_C3_POOLED };

#if GROUP == 4
static void int8_c3(const lenet5_int8_step *s, const int8_packed *p, const activation *X, activation *Y) {
    const int O = s->out_channels;
    for (int v = 0; v < O / VI; v++)
        for (int y = 0; y < INT8_C3_POOLED; y++)
            int8_conv_block(s, p, X + 2 * y * INT8_C3_ROW, INT8_C3_ROW, INT8_C3_CHANNELS, INT8_C3_ROW, 5, INT8_C3_GROUPS, v,
                            0, Y + y * INT8_C3_POOLED * O, O * sizeof(activation), 2, INT8_C3_COLUMNS, 1);
}
#else
enum { INT8_C3_PADDED = 96 }; /* activations of a row, a multiple of 32 */

/* sums (columns) += the products of n rows from `first` on, see ops/int8_pairs.h. */
INT8_PART void int8_c3_rows(const activation *rows, const char *w, int first, int n, whole *sums) {
    whole own[INT8_C3_COLUMNS];
    UNROLL for (int c = 0; c < INT8_C3_COLUMNS; c++) own[c] = sums[c];
    int8_products(rows + first * INT8_C3_PADDED, 0, INT8_C3_CHANNELS,
                  w + first * INT8_C3_GROUPS * INT8_LANES * (int64_t)sizeof(int32_t), 0, n, INT8_C3_PADDED, INT8_C3_GROUPS,
                  own, 1, INT8_C3_COLUMNS, 1);
    UNROLL for (int c = 0; c < INT8_C3_COLUMNS; c++) sums[c] = own[c];
}

/* Two rows of outputs of one vector of channels, pooled and rounded to Y. */
INLINE void int8_c3_row(const activation *rows, const int8_packed *p, int v, int O, activation *Y) {
    const char *w = int8_weights_of(p->weights, p->stride, v);
    whole upper[INT8_C3_COLUMNS], lower[INT8_C3_COLUMNS], apart[INT8_C3_COLUMNS];
    UNROLL for (int c = 0; c < INT8_C3_COLUMNS; c++) {
        upper[c] = 2 * int8_load(p->bias + v * VI);
        apart[c] = (whole){0};
    }
    int8_c3_rows(rows, w, BOTH, 2, upper);
    int8_c3_rows(rows, w, APART, 1, apart);
    UNROLL for (int c = 0; c < INT8_C3_COLUMNS; c++) {
        lower[c] = upper[c] - apart[c];
        upper[c] += apart[c];
    }
    int8_c3_rows(rows, w, UPPER, 2, upper);
    int8_c3_rows(rows, w, LOWER, 2, lower);
    UNROLL for (int c = 0; c < INT8_C3_COLUMNS; c += 2) {
        const whole best = int8_larger(int8_larger(upper[c], upper[c + 1]), int8_larger(lower[c], lower[c + 1]));
        int8_finish(p, best >> 1, v, VI, 0, Y + c / 2 * O);
    }
}

static void int8_c3(const lenet5_int8_step *s, const int8_packed *p, const activation *X, activation *Y) {
    activation rows[(INT8_PAIR_ROWS + 1) * INT8_C3_PADDED] __attribute__((aligned(64)));
    for (int y = 0; y < INT8_C3_POOLED; y++, Y += INT8_C3_POOLED * s->out_channels) {
        int8_pair_rows(X + 2 * y * INT8_C3_ROW, INT8_C3_ROW, INT8_C3_PADDED, rows);
        for (int v = 0; v < s->out_channels / VI; v++)
            int8_c3_row(rows, p, v, s->out_channels, Y);
    }
}
#endif

/* A step whose kernel covers the whole input, of P images, which lie `between_X` and `between_Y` bytes apart. */
INLINE void int8_dense_block(const lenet5_int8_step *s, const int8_packed *p, const char *X, int64_t between_X, int is_last,
                             char *Y, int64_t between_Y, int v, int P, int N) {
    const int64_t row_of_kernel = (int64_t)s->in_width * s->in_channels;
    const int is_flat = row_of_kernel % GROUP == 0; /* no row of the kernel is padded, so all are one */
    const int n_rows = is_flat ? 1 : s->kernel_size, n_groups = (int)lenet5_int8_n_groups(s, GROUP);
    int8_conv_block(s, p, (const activation *)X, 0, between_X / (int64_t)sizeof(activation), row_of_kernel, n_rows,
                    is_flat ? n_groups * s->kernel_size : n_groups, v, is_last, Y, between_Y, 1, P, N);
}

INLINE void int8_dense_vectors(const lenet5_int8_step *s, const int8_packed *p, const char *X, int64_t between_X,
                               int is_last, char *Y, int64_t between_Y, int v, int n, int N) {
    enum { P = INT8_DENSE_IMAGES };
    int i = 0;
    for (; i + P <= n; i += P)
        int8_dense_block(s, p, X + i * between_X, between_X, is_last, Y + i * between_Y, between_Y, v, P, N);
    for (; i < n; i++)
        int8_dense_block(s, p, X + i * between_X, between_X, is_last, Y + i * between_Y, between_Y, v, 1, N);
}

/* n images; a block of weights stays in the first cache for all of them. */
static void int8_dense(const lenet5_int8_step *s, const int8_packed *p, const char *X, int64_t between_X, int is_last,
                       char *Y, int64_t between_Y, int n) {
    enum { N = INT8_DENSE_VECTORS };
    const int n_vectors = (s->out_channels + VI - 1) / VI;
    int v = 0;
    for (; v + N <= n_vectors; v += N)
        int8_dense_vectors(s, p, X, between_X, is_last, Y, between_Y, v, n, N);
    for (; v < n_vectors; v++)
        int8_dense_vectors(s, p, X, between_X, is_last, Y, between_Y, v, n, 1);
}
