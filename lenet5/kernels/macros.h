/* How the kernels are written: hints to the compiler, shuffles, block sizes, names of the element type.
 * Included once per instruction set, which has set VECTOR_BYTES.
 */
#ifndef LENET5_MACROS_H
#define LENET5_MACROS_H

#define CONCAT2(a, b) a##_##b
#define CONCAT(a, b) CONCAT2(a, b)
#define STRING2(x) #x
#define STRING(x) STRING2(x)
#define INLINE static inline __attribute__((always_inline))
/* For loops whose bounds are constants after inlining, so that arrays of accumulators become registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* Keeps a vector that is used more than once in a register: GCC would otherwise load it again for each use. */
#if defined(__x86_64__)
#define IN_REGISTER(x) __asm__("" : "+v"(x))
#else
#define IN_REGISTER(x) ((void)0)
#endif

/* Keeps a pointer that moves along with others from being recomputed for each read beside it. */
#define IN_POINTER(p) __asm__("" : "+r"(p))

/* For other loops: the compiler vectorises a loop, but not the rest of one that it has unrolled. */
#ifdef __clang__
#define VECTORIZE _Pragma("clang loop unroll(disable)")
#else
#define VECTORIZE _Pragma("GCC unroll 1")
#endif

/* Two vectors zipped, x0 y0 x1 y1 ...: the lower half of that, and the upper one. */
#ifdef __clang__
#define SHUFFLE(x, y, mask_type, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, mask_type, ...) __builtin_shuffle(x, y, (mask_type){__VA_ARGS__})
#endif
#define ZIP_LOW_2 0, 2
#define ZIP_HIGH_2 1, 3
#define ZIP_LOW_4 0, 4, 1, 5
#define ZIP_HIGH_4 2, 6, 3, 7
#define ZIP_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define ZIP_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* The same within each half of the vectors; and the lower halves of both, or the upper ones. */
#define IN_HALVES_LOW_4 0, 4, 2, 6
#define IN_HALVES_HIGH_4 1, 5, 3, 7
#define IN_HALVES_LOW_8 0, 8, 1, 9, 4, 12, 5, 13
#define IN_HALVES_HIGH_8 2, 10, 3, 11, 6, 14, 7, 15
#define OF_HALVES_LOW_4 0, 1, 4, 5
#define OF_HALVES_HIGH_4 2, 3, 6, 7
#define OF_HALVES_LOW_8 0, 1, 2, 3, 8, 9, 10, 11
#define OF_HALVES_HIGH_8 4, 5, 6, 7, 12, 13, 14, 15

/* A comparison and a selection are two instructions where the processor has one. */
#if defined(__x86_64__)
#include <immintrin.h>
#if VECTOR_BYTES == 64
#define SQRT_f32(x) (V)_mm512_sqrt_ps((__m512)(x))
#define SQRT_f64(x) (V)_mm512_sqrt_pd((__m512d)(x))
#define MAX_f32(a, b) (V)_mm512_max_ps((__m512)(a), (__m512)(b))
#define MAX_f64(a, b) (V)_mm512_max_pd((__m512d)(a), (__m512d)(b))
#elif VECTOR_BYTES == 32
#define SQRT_f32(x) (V)_mm256_sqrt_ps((__m256)(x))
#define SQRT_f64(x) (V)_mm256_sqrt_pd((__m256d)(x))
#define MAX_f32(a, b) (V)_mm256_max_ps((__m256)(a), (__m256)(b))
#define MAX_f64(a, b) (V)_mm256_max_pd((__m256d)(a), (__m256d)(b))
#else
#define SQRT_f32(x) (V)_mm_sqrt_ps((__m128)(x))
#define SQRT_f64(x) (V)_mm_sqrt_pd((__m128d)(x))
#define MAX_f32(a, b) (V)_mm_max_ps((__m128)(a), (__m128)(b))
#define MAX_f64(a, b) (V)_mm_max_pd((__m128d)(a), (__m128d)(b))
#endif
#endif

/* How many accumulators fit beside their operands: 32 vector registers with AVX-512, else 16. */
#if VECTOR_BYTES == 64
#define ROWS_C3 4
#define COLS_C3 5
#define ROWS_DENSE 24
#else
#define ROWS_C3 2
#define COLS_C3 5
#define ROWS_DENSE 12
#endif

/* For inner loops whose sums take nearly all registers: the compiler would spill some of them to keep values of the
 * surrounding code. */
#define NOINLINE static __attribute__((noinline))

/* Names and vectors of the element type T at hand. */
#define FN(name) CONCAT(name, SUFFIX)
#define V FN(vector)
#define VL ((int)(VECTOR_BYTES / sizeof(T)))

#endif
