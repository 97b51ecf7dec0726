/* The core for float32 and the avx512 instruction set. */
#include "common.h"

#if PCNET_X86
#ifdef __clang__
#pragma clang attribute push(                                                      \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prfchw,prefer-vector-width=512")
#endif

#include <immintrin.h>

#define PCNET_DOUBLE 0
#define PCNET_VECTOR_BYTES 64
#define PCNET_ROOT_ESTIMATES 1
#define PCNET_CORE pcnet_core_f32_avx512
#include "core.inc"

#ifdef __clang__
#pragma clang attribute pop
#endif
#endif
