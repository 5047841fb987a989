/* The kernels of whole numbers for x86 processors with AVX-512 VNNI, and with VBMI, which all but the first of them have. */
#if defined(__x86_64__)
#include <string.h>

#define VECTOR_BYTES 64
#define GROUP 4
#define VNNI
#define INT8_NAME avx512vnni
#ifdef __clang__
#pragma clang attribute push(                                                                                              \
    __attribute__((target("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vbmi,avx512vnni"))), apply_to = function)
#include "int8.inl.h"
#pragma clang attribute pop
#else
#pragma GCC target("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vbmi,avx512vnni")
#include "int8.inl.h"
#endif
#else
typedef int kernels_avx512vnni_is_for_x86_only;
#endif
