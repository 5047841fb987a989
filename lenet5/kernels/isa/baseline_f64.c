/* The kernels in float64 for any processor. */
#define FLOAT64
#include "isa/baseline.c"
