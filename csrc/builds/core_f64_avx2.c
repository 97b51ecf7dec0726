/* The core for float64 and the avx2 instruction set. */
#include "common.h"

#if PCNET_X86
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,prfchw"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,prfchw")
#endif

#define PCNET_DOUBLE 1
#define PCNET_VECTOR_BYTES 32
#define PCNET_CORE pcnet_core_f64_avx2
#include "core.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
