/* What isa/avx512vnni_int8.c compiles, on any processor, without its instructions: for tests. */
#define VECTOR_BYTES 16
#define GROUP 4
#define INT8_NAME emulated
#include "int8.inl.h"
