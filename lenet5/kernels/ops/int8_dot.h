/* Sums of products of small whole numbers, and their rounding to activations.
 *
 * DOT adds to each lane the products of a group of activations, the same in all lanes, with a group of weights:
 *
 *      GROUP   activations          weights    instructions
 *      -----   ------------------   --------   --------------------------
 *      4       8 bits, no sign      8 bits     one of AVX-512 VNNI
 *      2       16 bits              16 bits    two of AVX-512, AVX2, SSE2
 *
 * No sum leaves 32 bits (docs/quantization.md), so their order does not matter. The other instruction for bytes,
 * vpmaddubsw, is of no use: it saturates at 16 bits.
 */

#if GROUP == 4
typedef uint8_t activation;
typedef int8_t packed_weight;
#else
typedef int16_t activation;
typedef int16_t packed_weight;
#endif

#define VI ((int)(VECTOR_BYTES / sizeof(int32_t)))
typedef int32_t whole __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

/* Groups of 16-bit numbers begin at any of them. */
typedef int32_t unaligned_whole __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));

INLINE whole int8_load(const void *p) { return *(const unaligned_whole *)p; }
INLINE whole int8_splat(int32_t x) { return x - (whole){0}; }

/* The group at p for all lanes; a group has any alignment. */
INLINE whole int8_broadcast(const void *p) {
    int32_t group;
    memcpy(&group, p, sizeof group);
    return int8_splat(group);
}

#if VECTOR_BYTES == 64
#define MADD(x, w) (whole) _mm512_madd_epi16((__m512i)(x), (__m512i)(w))
#elif VECTOR_BYTES == 32
#define MADD(x, w) (whole) _mm256_madd_epi16((__m256i)(x), (__m256i)(w))
#else
#define MADD(x, w) (whole) _mm_madd_epi16((__m128i)(x), (__m128i)(w))
#endif

INLINE whole int8_dot(whole sums, whole x, whole w) {
#if defined(VNNI)
    return (whole)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)x, (__m512i)w);
#elif GROUP == 4
    for (int k = 0; k < 32; k += 8) /* the weight's byte is shifted to the top and back, which extends its sign */
        sums += (x >> k & 255) * (w << (24 - k) >> 24);
    return sums;
#elif defined(__x86_64__)
    sums += MADD(x, w);
    IN_REGISTER(sums); /* else GCC adds products first, for which there are no registers */
    return sums;
#else
    return sums + (x & 0xffff) * (w << 16 >> 16) + (x >> 16) * (w >> 16);
#endif
}

#if defined(__x86_64__) && VECTOR_BYTES == 64
INLINE whole int8_larger(whole a, whole b) { return (whole)_mm512_max_epi32((__m512i)a, (__m512i)b); }
INLINE whole int8_smaller(whole a, whole b) { return (whole)_mm512_min_epi32((__m512i)a, (__m512i)b); }
#elif defined(__x86_64__) && VECTOR_BYTES == 32
INLINE whole int8_larger(whole a, whole b) { return (whole)_mm256_max_epi32((__m256i)a, (__m256i)b); }
INLINE whole int8_smaller(whole a, whole b) { return (whole)_mm256_min_epi32((__m256i)a, (__m256i)b); }
#else
INLINE whole int8_larger(whole a, whole b) { return ((a > b) & a) | (~(a > b) & b); }
INLINE whole int8_smaller(whole a, whole b) { return ((a < b) & a) | (~(a < b) & b); }
#endif

/* Sums to activations: see docs/quantization.md. No product exceeds 2^31 - 1. */
INLINE whole int8_round(whole sums, whole multiplier, whole limit) {
    const whole limited = int8_smaller(int8_larger(sums, (whole){0}), limit);
    return (limited * multiplier + (1 << (INT8_SHIFT - 1))) >> INT8_SHIFT;
}

/* n <= VI activations. */
INLINE void int8_store(whole values, activation *to, int n) {
    typedef activation narrow __attribute__((vector_size(VECTOR_BYTES / 4 * sizeof(activation)), aligned(1), may_alias));
    const narrow narrowed = __builtin_convertvector(values, narrow);
    if (n >= VI)
        *(narrow *)to = narrowed;
    else
        memcpy(to, &narrowed, n * sizeof(activation));
}

/* Where a step's packed numbers lie: weights (O / 16, rows, groups, 16) groups, then biases, multipliers, limits (O). */
typedef struct {
    const char *weights;
    int64_t stride; /* bytes from LANES output channels to the next ones */
    const int32_t *bias, *multiplier, *limit;
} int8_packed;

static int8_packed int8_unpack(const lenet5_int8_step *s, const char *packed) {
    const int64_t n = lenet5_int8_n_lanes(s), n_weights = lenet5_int8_n_weights(s, GROUP);
    const int32_t *vectors = (const int32_t *)(packed + s->packed + n_weights);
    return (int8_packed){packed + s->packed, n_weights / (n / INT8_LANES), vectors, vectors + n, vectors + 2 * n};
}

/* Rounded sums of one channel in all lanes. */
INLINE whole int8_round_channel(whole sums, const int8_packed *p, int channel) {
    return int8_round(sums, int8_splat(p->multiplier[channel]), int8_splat(p->limit[channel]));
}

/* Vector v of the weights of one group, in all of them; constant strides become addresses of one instruction. */
INLINE const char *int8_weights_of(const char *weights, int64_t stride, int v) {
    return weights + v * VI / INT8_LANES * stride + v * VI % INT8_LANES * (int64_t)sizeof(int32_t);
}

/* sums (PR * PC, N) += PR rows x PC columns of pixels x N vectors of output channels.
 *
 * x: the activations of the first pixel; a pixel is `column` activations from its neighbour, and `row` from that below.
 * w: the first of the N vectors; rows of the kernel have n_groups groups, and are `row_of_kernel` activations apart. */
INLINE void int8_products(const activation *x, int64_t row, int64_t column, const char *w, int64_t stride, int n_rows,
                          int64_t row_of_kernel, int n_groups, whole *sums, int PR, int PC, int N) {
    for (int ky = 0; ky < n_rows; ky++, x += row_of_kernel) {
        const activation *at = x;
        for (int g = 0; g < n_groups; g++, at += GROUP, w += INT8_LANES * sizeof(int32_t)) {
            whole weights[4];
            IN_POINTER(at); /* else GCC keeps what neighbouring pixels share in other registers, which costs more */
            UNROLL for (int n = 0; n < N; n++) {
                weights[n] = int8_load(int8_weights_of(w, stride, n));
                IN_REGISTER(weights[n]);
            }
            UNROLL for (int r = 0; r < PR; r++) UNROLL for (int c = 0; c < PC; c++) {
                const whole xv = int8_broadcast(at + r * row + c * column);
                UNROLL for (int n = 0; n < N; n++)
                    sums[(r * PC + c) * N + n] = int8_dot(sums[(r * PC + c) * N + n], xv, weights[n]);
            }
        }
    }
}
