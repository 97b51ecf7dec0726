/* The core for float64 and the avx512 instruction set. */
#include "common.h"

#if PCNET_X86
#ifdef __clang__
#pragma clang attribute push(                                                      \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw,prefer-vector-width=512")
#endif

#define PCNET_DOUBLE 1
#define PCNET_VECTOR_BYTES 64
#define PCNET_CORE pcnet_core_f64_avx512
#include "core.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
