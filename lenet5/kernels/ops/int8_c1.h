/* C1 of LeNet-5 in whole numbers, with max-pooling and rounding.
 *
 * It has one input channel and six output channels, too few for lanes. Lanes are the 14 pooled columns instead. Window
 * vectors hold for each of them the group of pixels that a group of taps meets, so weights are broadcast:
 *
 *      GROUP 4: 7 groups      GROUP 2: 21 groups, of both rows of outputs
 *      ----------------       ------------------
 *      h0 h0 h0 h0 v0         p0 p0 p1 p1 p2
 *      h1 h1 h1 h1 v0         ...
 *      h2 h2 h2 h2 v0
 *      h3 h3 h3 h3 v0
 *      h4 h4 h4 h4 v1
 *
 * Windows of h are chosen bytes of a row, E for even columns of outputs and O for odd ones; those of v are columns behind
 * them, from above to below. Of p there are 7 rows for two rows of outputs (ops/int8_pairs.h); windows are
 * these rows from the first column of each pair on.
 */

#define INT8_C1_SIDE 32
#define INT8_C1_POOLED 14
#define INT8_C1_CHANNELS 6

#if GROUP == 4
#define INT8_C1_GROUPS 7
#define INT8_C1_PHASE 64 /* bytes */
#define INT8_C1_ROW (4 * INT8_C1_PHASE)

/* Weight k of group t of a kernel (5, 5), and the window vector that it meets: h0 to h4, v0 or v1. */
static packed_weight int8_c1_weight(const int8_t *W, int t, int k) {
    if (t < 5)
        return W[t * 5 + k];
    return t == 5 ? W[k * 5 + 4] : k == 0 ? W[4 * 5 + 4] : 0;
}
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
static void int8_c1_windows(const activation *X, char *windows) {
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
}
#else
#define INT8_C1_PAIRS 3 /* in a row of the kernel */
#define INT8_C1_GROUPS (INT8_PAIR_ROWS * INT8_C1_PAIRS)

/* Weight k of group t: pairs of columns of the kernel's 7 rows. */
static packed_weight int8_c1_weight(const int8_t *W, int t, int k) {
    const int column = t % INT8_C1_PAIRS * 2 + k;
    return column < 5 ? int8_pair_weight(W + column, 5, t / INT8_C1_PAIRS) : 0;
}
#endif

/* weights: (groups, channels) groups. */
static void int8_c1_pack(const int8_t *W, packed_weight *weights) {
    for (int t = 0; t < INT8_C1_GROUPS; t++)
        for (int o = 0; o < INT8_C1_CHANNELS; o++)
            for (int k = 0; k < GROUP; k++)
                *weights++ = int8_c1_weight(W + o * 25, t, k);
}

INLINE whole int8_c1_weights(const char *weights, int group, int channel) {
    whole w = int8_broadcast(weights + (group * INT8_C1_CHANNELS + channel) * sizeof(int32_t));
    IN_REGISTER(w);
    return w;
}

#if GROUP == 4
/* Two rows of outputs, one of pooled ones: rounded, (channels, 16). A function of its own, as in ops/conv2d_winograd.h. */
NOINLINE void int8_c1_row(const char *windows, const int8_packed *p, int32_t (*Y)[INT8_LANES]) {
    enum { NO = VECTOR_BYTES == 64 ? INT8_C1_CHANNELS : 2 };
    for (int o = 0; o < INT8_C1_CHANNELS; o += NO)
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
                    const whole w = int8_c1_weights(p->weights, t, o + c);
                    UNROLL for (int i = 0; i < 4; i++) sums[4 * c + i] = int8_dot(sums[4 * c + i], x[i], w);
                }
            }
            UNROLL for (int c = 0; c < NO; c++) {
                const whole *s = sums + 4 * c, best = int8_larger(int8_larger(s[0], s[1]), int8_larger(s[2], s[3]));
                *(whole *)(Y[o + c] + l) = int8_round_channel(best, p, o + c);
            }
        }
}
#else
enum { INT8_C1_SUMS = 2 * INT8_C1_CHANNELS };

/* sums (channels, 2 phases) += the products of n rows from `first` on, see ops/int8_pairs.h. */
INT8_PART void int8_c1_rows(const activation *rows, const char *weights, int first, int n, whole *sums) {
    whole own[INT8_C1_SUMS];
    UNROLL for (int i = 0; i < INT8_C1_SUMS; i++) own[i] = sums[i];
    rows += first * INT8_C1_SIDE;
    weights += first * INT8_C1_PAIRS * INT8_C1_CHANNELS * sizeof(int32_t);
    for (int k = 0; k < n; k++, rows += INT8_C1_SIDE, weights += INT8_C1_PAIRS * INT8_C1_CHANNELS * sizeof(int32_t))
        UNROLL for (int pair = 0; pair < INT8_C1_PAIRS; pair++) {
            whole x[2] = {int8_load(rows + 2 * pair), int8_load(rows + 2 * pair + 1)};
            IN_REGISTER(x[0]);
            IN_REGISTER(x[1]);
            UNROLL for (int c = 0; c < INT8_C1_CHANNELS; c++) {
                const whole w = int8_c1_weights(weights, pair, c);
                UNROLL for (int i = 0; i < 2; i++) own[2 * c + i] = int8_dot(own[2 * c + i], x[i], w);
            }
        }
    UNROLL for (int i = 0; i < INT8_C1_SUMS; i++) sums[i] = own[i];
}

/* Two rows of outputs, one of pooled ones, from the 7 rows that int8_pair_rows makes of 6; VI of the 16 columns. */
NOINLINE void int8_c1_columns(const activation *rows, const int8_packed *p, int32_t *Y) {
    whole upper[INT8_C1_SUMS], lower[INT8_C1_SUMS], apart[INT8_C1_SUMS];
    UNROLL for (int i = 0; i < INT8_C1_SUMS; i++) {
        upper[i] = int8_splat(2 * p->bias[i / 2]);
        apart[i] = (whole){0};
    }
    int8_c1_rows(rows, p->weights, BOTH, 2, upper);
    int8_c1_rows(rows, p->weights, APART, 1, apart);
    UNROLL for (int i = 0; i < INT8_C1_SUMS; i++) {
        lower[i] = upper[i] - apart[i];
        upper[i] += apart[i];
    }
    int8_c1_rows(rows, p->weights, UPPER, 2, upper);
    int8_c1_rows(rows, p->weights, LOWER, 2, lower);
    UNROLL for (int c = 0; c < INT8_C1_CHANNELS; c++) {
        const whole best = int8_larger(int8_larger(upper[2 * c], upper[2 * c + 1]),
                                       int8_larger(lower[2 * c], lower[2 * c + 1]));
        *(whole *)(Y + c * INT8_LANES) = int8_round_channel(best >> 1, p, c);
    }
}

INLINE void int8_c1_row(const activation *rows, const int8_packed *p, int32_t (*Y)[INT8_LANES]) {
    for (int l = 0; l < INT8_LANES; l += VI)
        int8_c1_columns(rows + 2 * l, p, Y[0] + l);
}
#endif

/* Rows of channels (6, 16) to pixels (14, 6). Some more activations are written behind them. */
INLINE void int8_c1_interleave(int32_t (*channels)[INT8_LANES], activation *Y) {
#if defined(VNNI)
    const __m512i *r = (const __m512i *)channels;
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
            *(whole *)(channels[part] + l) = int8_load(channels[2 * part] + l) | int8_load(channels[2 * part + 1] + l)
                                                                                     << BITS;
    for (int x = 0; x < INT8_C1_POOLED; x++)
        UNROLL for (int part = 0; part < PARTS; part++, Y += 2) memcpy(Y, channels[part] + x, 2 * sizeof(activation));
#endif
}

/* X (32, 32) to Y (14, 14, 6), and up to INT8_SPARE bytes more. */
static void int8_c1(const int8_packed *p, const activation *X, activation *Y) {
    int32_t channels[INT8_C1_CHANNELS][INT8_LANES] __attribute__((aligned(64)));
#if GROUP == 4
    char windows[INT8_C1_WINDOWS] __attribute__((aligned(64)));
    int8_c1_windows(X, windows);
#else
    activation rows[(INT8_PAIR_ROWS + 1) * INT8_C1_SIDE] __attribute__((aligned(64)));
#endif
    for (int y = 0; y < INT8_C1_POOLED; y++, Y += INT8_C1_POOLED * INT8_C1_CHANNELS) {
#if GROUP == 4
        int8_c1_row(windows + 2 * y * INT8_C1_ROW, p, channels);
#else
        int8_pair_rows(X + 2 * y * INT8_C1_SIDE, INT8_C1_SIDE, INT8_C1_SIDE, rows);
        int8_c1_row(rows, p, channels);
#endif
        int8_c1_interleave(channels, Y);
    }
}
