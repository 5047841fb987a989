/* The kernels for any processor: 16-byte vectors, which every 64-bit x86 and ARM processor has. */
#define VECTOR_BYTES 16
#define ISA baseline
#include "isa.inl.h"
