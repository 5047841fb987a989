/* The kernels in float64 for x86 processors with AVX2 and FMA. */
#define FLOAT64
#include "isa/avx2.c"
