/* Two rows of outputs of a kernel with 5 rows, from 7 products of rows where there were 10: minimal filtering in whole
 * numbers, for kernels that multiply numbers of 16 bits.
 *
 * With rows d0 to d5 of the input and g0 to g4 of the kernel, twice the outputs are
 *
 *      2 (d0 g0 + d1 g1 + d2 g2) = 2 (d0 - d2) g0 + (d1 + d2) (g0 + g1 + g2) + (d2 - d1) (g0 - g1 + g2)
 *      2 (d1 g0 + d2 g1 + d3 g2) =                  (d1 + d2) (g0 + g1 + g2) - (d2 - d1) (g0 - g1 + g2) - 2 (d1 - d3) g2
 *      2 (d3 g3 + d4 g4)         = 2 (d3 - d4) g3 + 2 d4 (g3 + g4)
 *      2 (d4 g3 + d5 g4)         =                  2 d4 (g3 + g4) - 2 (d4 - d5) g4
 *
 * So the sums of both rows begin with the same products (BOTH). One product is added to the upper row and subtracted from
 * the lower one (APART), and two more belong to each (UPPER, LOWER). All is exact: sums stay below 2^30, so twice a sum
 * fits 32 bits.
 */
#if GROUP == 2
/* With 16 registers, what sums some rows is a function of its own, as in ops/conv2d_winograd.h. */
#if VECTOR_BYTES == 64
#define INT8_PART INLINE
#else
#define INT8_PART NOINLINE
#endif

enum { BOTH = 0, APART = 2, UPPER = 3, LOWER = 5 };

/* Unsigned, since what lies beyond a row may be anything, and is not used. */
typedef uint16_t int8_halves __attribute__((vector_size(VECTOR_BYTES), aligned(2), may_alias));

/* The 7 rows of n activations, a multiple of 32, from the 6 rows of X. */
INLINE void int8_pair_rows(const activation *X, int64_t row, int n, activation *to) {
    for (int i = 0; i < n; i += VECTOR_BYTES / 2) {
        int8_halves d[6];
        UNROLL for (int k = 0; k < 6; k++) d[k] = *(const int8_halves *)(X + k * row + i);
        const int8_halves rows[INT8_PAIR_ROWS] = {d[1] + d[2], d[4],        d[2] - d[1], d[0] - d[2],
                                                  d[3] - d[4], d[1] - d[3], d[4] - d[5]};
        UNROLL for (int k = 0; k < INT8_PAIR_ROWS; k++) * (int8_halves *)(to + k * n + i) = rows[k];
    }
}

#endif

/* The weight in row `number` of the 7 that become of a kernel with the taps g, which are `row` apart. */
static packed_weight int8_pair_weight(const int8_t *g, int row, int number) {
    const int g0 = g[0], g1 = g[row], g2 = g[2 * row], g3 = g[3 * row], g4 = g[4 * row];
    const int weights[INT8_PAIR_ROWS] = {g0 + g1 + g2, 2 * (g3 + g4), g0 - g1 + g2, 2 * g0, 2 * g3, -2 * g2, -2 * g4};
    return (packed_weight)weights[number];
}
