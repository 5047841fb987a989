/* The kernels for x86 processors with AVX-512. */
#if defined(__x86_64__)
#include <math.h>
#include <pthread.h>
#include <string.h>

#define VECTOR_BYTES 64
#define ISA avx512
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw"))),                   \
                             apply_to = function)
#include "isa.inl.h"
#pragma clang attribute pop
#else
#pragma GCC target("avx,avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")
#include "isa.inl.h"
#endif
#else
typedef int kernels_avx512_is_for_x86_only;
#endif
