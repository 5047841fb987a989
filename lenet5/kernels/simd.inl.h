/* Vectors of element type T, in which the kernels are written. */

typedef T V __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));
typedef INTEGER FN(mask) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias));

INLINE V FN(load)(const T *p) { return *(const V *)p; }
INLINE void FN(store)(T *p, V x) { *(V *)p = x; }
INLINE V FN(splat)(T x) { return x - (V){0}; } /* "+" would remain an addition, because of -0 */
INLINE V FN(select)(FN(mask) m, V a, V b) { return (V)((m & (FN(mask))a) | (~m & (FN(mask))b)); }

/* The larger of each pair; b if one of them is NaN. */
INLINE V FN(max)(V a, V b) {
#ifdef MAX_f32
    return CONCAT(MAX, SUFFIX)(a, b);
#else
    return FN(select)((FN(mask))(a > b), a, b);
#endif
}

/* Correctly rounded. */
INLINE V FN(square_root)(V x) {
#ifdef MAX_f32
    return CONCAT(SQRT, SUFFIX)(x);
#else
    for (int l = 0; l < VL; l++)
        x[l] = (T)sqrt((double)x[l]);
    return x;
#endif
}

#undef ZIP
#undef IN_HALVES
#undef OF_HALVES
#if VECTOR_BYTES == 32 && ELEMENT_BYTES == 4
#define IN_HALVES(half, x, y) SHUFFLE(x, y, FN(mask), IN_HALVES_##half##_8)
#define OF_HALVES(half, x, y) SHUFFLE(x, y, FN(mask), OF_HALVES_##half##_8)
#elif VECTOR_BYTES == 32
#define IN_HALVES(half, x, y) SHUFFLE(x, y, FN(mask), IN_HALVES_##half##_4)
#define OF_HALVES(half, x, y) SHUFFLE(x, y, FN(mask), OF_HALVES_##half##_4)
#endif
#if VECTOR_BYTES / ELEMENT_BYTES == 16
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_16)
#elif VECTOR_BYTES / ELEMENT_BYTES == 8
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_8)
#elif VECTOR_BYTES / ELEMENT_BYTES == 4
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_4)
#else
#define ZIP(half, x, y) SHUFFLE(x, y, FN(mask), ZIP_##half##_2)
#endif

/* x[i][j] = x[j][i] for VL vectors. */
#if VECTOR_BYTES == 32
/* AVX2 zips only within halves of a vector. So the blocks of half the side are transposed side by side and then exchanged,
 * with half as many instructions. */
INLINE void FN(transpose)(V *x) {
    enum { HALF = VECTOR_BYTES / ELEMENT_BYTES / 2 };
    V z[2 * HALF];
    UNROLL for (int round = 1; round < HALF; round *= 2) {
        UNROLL for (int block = 0; block < 2 * HALF; block += HALF) UNROLL for (int i = 0; i < HALF / 2; i++) {
            z[block + 2 * i] = IN_HALVES(LOW, x[block + i], x[block + i + HALF / 2]);
            z[block + 2 * i + 1] = IN_HALVES(HIGH, x[block + i], x[block + i + HALF / 2]);
        }
        UNROLL for (int i = 0; i < 2 * HALF; i++) x[i] = z[i];
    }
    UNROLL for (int i = 0; i < HALF; i++) {
        z[i] = OF_HALVES(LOW, x[i], x[i + HALF]);
        z[i + HALF] = OF_HALVES(HIGH, x[i], x[i + HALF]);
    }
    UNROLL for (int i = 0; i < 2 * HALF; i++) x[i] = z[i];
}
#else
/* Zipping vector i with vector i + VL / 2 rotates the bits of the position (vector, element) by one. After log2(VL)
 * rounds its two halves have changed places. */
INLINE void FN(transpose)(V *x) {
    V z[VECTOR_BYTES / ELEMENT_BYTES];
    UNROLL for (int round = 1; round < VL; round *= 2) {
        UNROLL for (int i = 0; i < VL / 2; i++) {
            z[2 * i] = ZIP(LOW, x[i], x[i + VL / 2]);
            z[2 * i + 1] = ZIP(HIGH, x[i], x[i + VL / 2]);
        }
        UNROLL for (int i = 0; i < VL; i++) x[i] = z[i];
    }
}
#endif

/* The sum over one vector: upper half onto lower half, down to 16 bytes. */
typedef T FN(vector16) __attribute__((vector_size(16), aligned(sizeof(T)), may_alias));
typedef T FN(vector32) __attribute__((vector_size(32), aligned(sizeof(T)), may_alias));

INLINE T FN(sum_lanes)(V x) {
#if VECTOR_BYTES == 64
    const FN(vector32) half = ((FN(vector32) *)&x)[0] + ((FN(vector32) *)&x)[1];
    const FN(vector16) q = ((const FN(vector16) *)&half)[0] + ((const FN(vector16) *)&half)[1];
#elif VECTOR_BYTES == 32
    const FN(vector16) q = ((FN(vector16) *)&x)[0] + ((FN(vector16) *)&x)[1];
#else
    const FN(vector16) q = x;
#endif
    T total = q[0];
    for (int i = 1; i < (int)(16 / sizeof(T)); i++)
        total += q[i];
    return total;
}

/* The sum of each of VL vectors, in one vector: halves are zipped and added until one is left. */
INLINE V FN(sum_lanes_of_all)(V *x) {
    UNROLL for (int n = VL; n > 1; n /= 2) UNROLL for (int i = 0; i < n / 2; i++)
        x[i] = ZIP(LOW, x[i], x[i + n / 2]) + ZIP(HIGH, x[i], x[i + n / 2]);
    return x[0];
}

/* ---- peak of the processor ----------------------------------------------------------------------------------- */

/* n rounds of independent multiply-adds, enough to fill the pipelines, in registers; returns the operations. */
static double FN(fma_peak)(int64_t n, T *out) {
    ASSERT_ARRAYS(out);
    enum { N_CHAINS = VECTOR_BYTES == 64 ? 24 : 12 };
    V acc[N_CHAINS], a = FN(splat)((T)0.999), b = FN(splat)((T)0.001);
    UNROLL for (int i = 0; i < N_CHAINS; i++) acc[i] = FN(splat)((T)i);
    for (int64_t k = 0; k < n; k++) {
        UNROLL for (int i = 0; i < N_CHAINS; i++) acc[i] = acc[i] * a + b;
    }
    V total = {0};
    UNROLL for (int i = 0; i < N_CHAINS; i++) total += acc[i];
    *out = FN(sum_lanes)(total);
    return 2.0 * N_CHAINS * VL * n;
}
