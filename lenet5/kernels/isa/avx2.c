/* The kernels for x86 processors with AVX2 and FMA. */
#if defined(__x86_64__)
#include <math.h>
#include <pthread.h>
#include <string.h>

#define VECTOR_BYTES 32
#define ISA avx2
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx,avx2,fma"))), apply_to = function)
#include "isa.inl.h"
#pragma clang attribute pop
#else
#pragma GCC target("avx,avx2,fma")
#include "isa.inl.h"
#endif
#else
typedef int kernels_avx2_is_for_x86_only;
#endif
