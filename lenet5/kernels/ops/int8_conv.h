/* Convolutions of any shape in whole numbers, with max-pooling and rounding; dense layers of several images.
 *
 * Lanes are output channels. Sums of 2 x 2 pixels are compared in registers, so that only pooled ones are rounded.
 */

/* How many output vectors, and images of a dense layer, fit the registers. */
#if VECTOR_BYTES == 64
#define INT8_DENSE_IMAGES 6
#define INT8_DENSE_VECTORS 4
#define INT8_C3_COLUMNS 10
#define INT8_C3_VECTORS 1
#else
#define INT8_DENSE_IMAGES 4
#define INT8_DENSE_VECTORS 2
#define INT8_C3_COLUMNS 2
#define INT8_C3_VECTORS 2
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
static void int8_c3(const lenet5_int8_step *s, const int8_packed *p, const activation *X, activation *Y) {
    enum { C = 6, ROW = 14 * C, SIDE = 5, PC = INT8_C3_COLUMNS, N = INT8_C3_VECTORS, GROUPS = (5 * C + GROUP - 1) / GROUP };
    const int O = s->out_channels;
    for (int v = 0; v < O / VI; v += N)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x += PC / 2)
                int8_conv_block(s, p, X + 2 * (y * ROW + x * C), ROW, C, ROW, 5, GROUPS, v, 0, Y + (y * SIDE + x) * O,
                                O * sizeof(activation), 2, PC, N);
}

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
