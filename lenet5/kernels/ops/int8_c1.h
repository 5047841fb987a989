/* C1 of LeNet-5 in whole numbers, with max-pooling and rounding.
 *
 * It has one input channel and six output channels, too few for lanes. Lanes are the 14 pooled columns instead. Window
 * vectors hold for each of them the group of pixels that a group of taps meets, so weights are broadcast:
 *
 *      GROUP 4: 7 groups       GROUP 2: 15 groups
 *      ----------------       ------------------
 *      h0 h0 h0 h0 v0         p0 p0 p1 p1 p2
 *      h1 h1 h1 h1 v0         ...
 *      h2 h2 h2 h2 v0
 *      h3 h3 h3 h3 v0
 *      h4 h4 h4 h4 v1
 *
 * Windows of h are chosen bytes of a row, E for even columns of outputs and O for odd ones; those of v are columns behind
 * them, from above to below. Windows of p are the rows as they are, from the first column of each pair on.
 */

#define INT8_C1_SIDE 32
#define INT8_C1_POOLED 14
#define INT8_C1_CHANNELS 6

#if GROUP == 4
#define INT8_C1_GROUPS 7
#define INT8_C1_PHASE 64 /* bytes */
#define INT8_C1_ROW (4 * INT8_C1_PHASE)

/* The taps (row, column) of group t, and the window vector that they meet: its row and its kind, 0: E, 2: above to below. */
INLINE int int8_c1_tap_row(int t, int k) { return t < 5 ? t : t == 5 ? k : 4; }
INLINE int int8_c1_tap_column(int t, int k) { return t < 5 ? k : t == 5 || k == 0 ? 4 : -1; }
INLINE int64_t int8_c1_window_of(int t) {
    return t < 5 ? t * INT8_C1_ROW : (t == 5 ? 0 : 4) * INT8_C1_ROW + 2 * INT8_C1_PHASE;
}

typedef uint8_t int8_bytes __attribute__((vector_size(64), aligned(1), may_alias));

/* For each of 64 bytes the one of `row` with this number. */
INLINE int8_bytes int8_chosen(int8_bytes row, int8_bytes numbers) {
#if defined(VNNI)
    return (int8_bytes)_mm512_permutexvar_epi8((__m512i)numbers, (__m512i)row);
#else
    int8_bytes chosen;
    for (int i = 0; i < 64; i++)
        chosen[i] = row[numbers[i]];
    return chosen;
#endif
}

/* 32 bytes, and as many zeros. */
INLINE int8_bytes int8_row(const uint8_t *X) {
#if defined(VNNI)
    return (int8_bytes)_mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)X));
#else
    int8_bytes row = {0};
    memcpy(&row, X, 32);
    return row;
#endif
}

/* Numbers of the columns of E or O, and of the column behind each group; 63 is a column without ink. */
#define FOUR(F, c) F((c)), F((c) + 2), F((c) + 4), F((c) + 6)
#define SIXTEEN(F, c) FOUR(F, c), FOUR(F, c + 8), FOUR(F, c + 16), FOUR(F, c + 24)
#define ALONG(c) c, c + 1, c + 2, c + 3
#define BELOW(c) 63, 63, 63, c + 4
static const int8_bytes int8_along[2] = {{SIXTEEN(ALONG, 0)}, {SIXTEEN(ALONG, 1)}};
static const int8_bytes int8_below[2] = {{SIXTEEN(BELOW, 0)}, {SIXTEEN(BELOW, 1)}};
/* Bytes of 14 pixels of 6: from 16 vectors of 4, and from 16 of which 2 count, behind them. */
#define PIXEL(j) 4 * (j), 4 * (j) + 1, 4 * (j) + 2, 4 * (j) + 3, 64 + 4 * (j), 65 + 4 * (j)
static const int8_bytes int8_pixels[2] = {
    {PIXEL(0), PIXEL(1), PIXEL(2), PIXEL(3), PIXEL(4), PIXEL(5), PIXEL(6), PIXEL(7), PIXEL(8), PIXEL(9), 40, 41, 42, 43},
    {104, 105, PIXEL(11), PIXEL(12), PIXEL(13)}};
#undef PIXEL
#undef FOUR
#undef SIXTEEN
#undef ALONG
#undef BELOW

#define INT8_C1_WINDOWS ((INT8_C1_SIDE + 3) * INT8_C1_ROW)

/* windows (35, 4, 64) bytes of X (32, 32): of each row E, O, and what lies from there downward behind each of them. */
INLINE const char *int8_c1_windows(const activation *X, char *windows) {
    typedef uint32_t shifted __attribute__((vector_size(64), may_alias));
    shifted below[2] = {{0}, {0}};
    for (int y = 0; y < INT8_C1_SIDE + 3; y++) {
        const int8_bytes row = y < INT8_C1_SIDE ? int8_row(X + y * INT8_C1_SIDE) : (int8_bytes){0};
        UNROLL for (int phase = 0; phase < 2; phase++) {
            *(int8_bytes *)(windows + y * INT8_C1_ROW + phase * INT8_C1_PHASE) = int8_chosen(row, int8_along[phase]);
            below[phase] = below[phase] >> 8 | (shifted)int8_chosen(row, int8_below[phase]);
            if (y >= 3)
                *(shifted *)(windows + (y - 3) * INT8_C1_ROW + (2 + phase) * INT8_C1_PHASE) = below[phase];
        }
    }
    return windows;
}
#else
#define INT8_C1_GROUPS 15
#define INT8_C1_PHASE ((int64_t)sizeof(activation))
#define INT8_C1_ROW (INT8_C1_SIDE * (int64_t)sizeof(activation))

#define INT8_C1_WINDOWS 64

INLINE int int8_c1_tap_row(int t, int k) { return t / 3 + 0 * k; }
INLINE int int8_c1_tap_column(int t, int k) { return t % 3 * 2 + k < 5 ? t % 3 * 2 + k : -1; }
INLINE int64_t int8_c1_window_of(int t) { return t / 3 * INT8_C1_ROW + t % 3 * 2 * INT8_C1_PHASE; }
INLINE const char *int8_c1_windows(const activation *X, char *windows) {
    (void)windows;
    return (const char *)X;
}
#endif

/* weights: (groups, channels) groups. */
static void int8_c1_pack(const int8_t *W, packed_weight *weights) {
    for (int t = 0; t < INT8_C1_GROUPS; t++)
        for (int o = 0; o < INT8_C1_CHANNELS; o++)
            for (int k = 0; k < GROUP; k++) {
                const int column = int8_c1_tap_column(t, k);
                *weights++ = column < 0 ? 0 : W[o * 25 + int8_c1_tap_row(t, k) * 5 + column];
            }
}

#define INT8_C1_BLOCK (VECTOR_BYTES == 64 ? 6 : 2)

/* Two rows of outputs, one of pooled ones, of INT8_C1_BLOCK channels: rounded, (channels, 16). A function of its own, as
 * in ops/conv2d_winograd.h. */
NOINLINE void int8_c1_row(const char *windows, const char *weights, const int8_packed *p, int o, int32_t (*Y)[INT8_LANES]) {
    enum { NO = INT8_C1_BLOCK };
    for (int l = 0; l < INT8_LANES; l += VI) {
        whole sums[4 * NO];
        UNROLL for (int i = 0; i < 4 * NO; i++) sums[i] = int8_splat(p->bias[o + i / 4]);
        UNROLL for (int t = 0; t < INT8_C1_GROUPS; t++) {
            whole x[4];
            UNROLL for (int i = 0; i < 4; i++) {
                x[i] = int8_load(windows + int8_c1_window_of(t) + i / 2 * INT8_C1_ROW + i % 2 * INT8_C1_PHASE +
                                 l * (int64_t)sizeof(int32_t));
                IN_REGISTER(x[i]);
            }
            UNROLL for (int c = 0; c < NO; c++) {
                whole w = int8_broadcast(weights + (t * INT8_C1_CHANNELS + o + c) * sizeof(int32_t));
                IN_REGISTER(w);
                UNROLL for (int i = 0; i < 4; i++) sums[4 * c + i] = int8_dot(sums[4 * c + i], x[i], w);
            }
        }
        UNROLL for (int c = 0; c < NO; c++) {
            const whole *s = sums + 4 * c, best = int8_larger(int8_larger(s[0], s[1]), int8_larger(s[2], s[3]));
            *(whole *)(Y[o + c] + l) = int8_round(best, int8_splat(p->multiplier[o + c]), int8_splat(p->limit[o + c]));
        }
    }
}

/* Rows of channels (6, 16) to pixels (14, 6). Some more activations are written behind them. */
INLINE void int8_c1_interleave(int32_t (*rows)[INT8_LANES], activation *Y) {
#if defined(VNNI)
    const __m512i *r = (const __m512i *)rows;
    const __m512i low = _mm512_or_si512(_mm512_or_si512(r[0], _mm512_slli_epi32(r[1], 8)),
                                        _mm512_or_si512(_mm512_slli_epi32(r[2], 16), _mm512_slli_epi32(r[3], 24)));
    const __m512i high = _mm512_or_si512(r[4], _mm512_slli_epi32(r[5], 8));
    _mm512_storeu_si512(Y, _mm512_permutex2var_epi8(low, (__m512i)int8_pixels[0], high));
    _mm512_storeu_si512(Y + 64, _mm512_permutex2var_epi8(low, (__m512i)int8_pixels[1], high));
#else
    /* Activations are not negative, so those of several channels are one number. */
    enum { BITS = 8 * sizeof(activation), PARTS = INT8_C1_CHANNELS / 2 };
    for (int part = 0; part < PARTS; part++)
        for (int l = 0; l < INT8_LANES; l += VI)
            *(whole *)(rows[part] + l) = int8_load(rows[2 * part] + l) | int8_load(rows[2 * part + 1] + l) << BITS;
    for (int x = 0; x < INT8_C1_POOLED; x++)
        UNROLL for (int part = 0; part < PARTS; part++, Y += 2) memcpy(Y, rows[part] + x, 2 * sizeof(activation));
#endif
}

/* X (32, 32) to Y (14, 14, 6), and up to INT8_SPARE bytes more. */
static void int8_c1(const int8_packed *p, const activation *X, activation *Y) {
    char memory[INT8_C1_WINDOWS] __attribute__((aligned(64)));
    int32_t rows[INT8_C1_CHANNELS][INT8_LANES] __attribute__((aligned(64)));
    const char *windows = int8_c1_windows(X, memory);
    for (int y = 0; y < INT8_C1_POOLED; y++, Y += INT8_C1_POOLED * INT8_C1_CHANNELS) {
        for (int o = 0; o < INT8_C1_CHANNELS; o += INT8_C1_BLOCK)
            int8_c1_row(windows + 2 * y * INT8_C1_ROW, p->weights, p, o, rows);
        int8_c1_interleave(rows, Y);
    }
}
