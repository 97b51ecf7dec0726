/* Macros and constants that all files of the core use; not part of the interface. */
#ifndef PCNET_COMMON_H
#define PCNET_COMMON_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "pcnet.h"

#ifdef PCNET_USE_OPENMP
#include <omp.h>
#define PCNET_PRAGMA(text) _Pragma(#text)
#else
#define PCNET_PRAGMA(text)
#endif

/* Reductions that may be reassociated into vector lanes (GCC and clang: -fopenmp-simd). */
#ifdef PCNET_USE_OPENMP_SIMD
#define PCNET_SIMD(text) _Pragma(#text)
#else
#define PCNET_SIMD(text)
#endif

/* The compiler's vector types; -DPCNET_HAS_VECTORS=0 builds as for a compiler without them. */
#if defined(__GNUC__) || defined(__clang__)
#define PCNET_INLINE static inline __attribute__((always_inline))
#define PCNET_NOINLINE static __attribute__((noinline))
#ifndef PCNET_HAS_VECTORS
#define PCNET_HAS_VECTORS 1
#endif
#else
#define PCNET_INLINE static inline
#define PCNET_NOINLINE static
#define PCNET_HAS_VECTORS 0
#endif

#if PCNET_HAS_VECTORS && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PCNET_HAS_SHUFFLES 1
#endif
#endif
#ifndef PCNET_HAS_SHUFFLES
#define PCNET_HAS_SHUFFLES 0
#endif

/* PCNET_ONLY_GENERIC leaves the builds for newer instruction sets out: quick builds for tests. */
#if PCNET_HAS_VECTORS && (defined(__x86_64__) || defined(_M_X64)) && !defined(PCNET_ONLY_GENERIC)
#define PCNET_X86 1
#else
#define PCNET_X86 0
#endif

/* The most samples in a tile: each load of the weights from memory serves all of them, and their
 * activities of two layers should fit into the second-level cache. */
#define PCNET_TILE 64

/* Weights up to this size are assumed to stay in the caches of one processor core. */
#define PCNET_NEAR_BYTES 5e5

/* A row of a panel (see packing.inc) fills two 64-byte vectors; a last panel may be one wide. */
#define PCNET_PANEL_BYTES 128

extern const pcnet_core pcnet_core_f32_generic;
extern const pcnet_core pcnet_core_f64_generic;
#if PCNET_X86
extern const pcnet_core pcnet_core_f32_avx2;
extern const pcnet_core pcnet_core_f64_avx2;
extern const pcnet_core pcnet_core_f32_avx512;
extern const pcnet_core pcnet_core_f64_avx512;
#endif

#endif
