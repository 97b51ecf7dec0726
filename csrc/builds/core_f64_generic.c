/* The core for float64 and the generic instruction set. */
#include "common.h"

#define PCNET_DOUBLE 1
#define PCNET_VECTOR_BYTES 16
#define PCNET_CORE pcnet_core_f64_generic
#include "core.inc"
