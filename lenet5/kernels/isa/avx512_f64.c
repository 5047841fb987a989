/* The kernels in float64 for x86 processors with AVX-512. */
#define FLOAT64
#include "isa/avx512.c"
