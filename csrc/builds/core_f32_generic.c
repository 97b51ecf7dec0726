/* The core for float32 and the generic instruction set. */
#include "common.h"

#define PCNET_DOUBLE 0
#define PCNET_VECTOR_BYTES 16
#define PCNET_CORE pcnet_core_f32_generic
#include "core.inc"
