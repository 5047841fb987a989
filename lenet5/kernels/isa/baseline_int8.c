/* The kernels of whole numbers for any processor: 16-byte vectors, which every 64-bit x86 and ARM processor has. */
#define VECTOR_BYTES 16
#define GROUP 2
#define INT8_NAME baseline
#include "int8.inl.h"
