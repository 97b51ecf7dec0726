/* Chooses the build of the core that fits the machine. */
#include "common.h"

pcnet_isa pcnet_best_isa(void) {
#if PCNET_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return PCNET_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return PCNET_AVX2;
#endif
    return PCNET_GENERIC;
}

const pcnet_core *pcnet_get_core(pcnet_dtype dtype, pcnet_isa isa) {
    if (isa > pcnet_best_isa() || (dtype != PCNET_FLOAT32 && dtype != PCNET_FLOAT64))
        return NULL;
    switch (isa) {
    case PCNET_GENERIC:
        return dtype == PCNET_FLOAT64 ? &pcnet_core_f64_generic : &pcnet_core_f32_generic;
#if PCNET_X86
    case PCNET_AVX2:
        return dtype == PCNET_FLOAT64 ? &pcnet_core_f64_avx2 : &pcnet_core_f32_avx2;
    case PCNET_AVX512:
        return dtype == PCNET_FLOAT64 ? &pcnet_core_f64_avx512 : &pcnet_core_f32_avx512;
#endif
    default:
        return NULL;
    }
}

int pcnet_tile_size(void) { return PCNET_TILE; }

int pcnet_has_openmp(void) {
#ifdef PCNET_USE_OPENMP
    return 1;
#else
    return 0;
#endif
}

int pcnet_openmp_max_threads(void) {
#ifdef PCNET_USE_OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}
