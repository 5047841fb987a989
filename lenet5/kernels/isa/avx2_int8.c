/* The kernels of whole numbers for x86 processors with AVX2. */
#if defined(__x86_64__)
#include <string.h>

#define VECTOR_BYTES 32
#define GROUP 2
#define INT8_NAME avx2
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx,avx2,fma"))), apply_to = function)
#include "int8.inl.h"
#pragma clang attribute pop
#else
#pragma GCC target("avx,avx2,fma")
#include "int8.inl.h"
#endif
#else
typedef int kernels_avx2_int8_is_for_x86_only;
#endif
