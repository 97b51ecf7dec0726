/* The tests, each called by run_tests.c for every variant it applies to. */
#ifndef PCNET_TESTS_TESTS_H
#define PCNET_TESTS_TESTS_H

#include "fixture.h"
#include "oracle.h"

void test_activations(variant v);
void test_packing(variant v);
void test_passes(variant v, const shape *s, int n_samples, int n_threads,
                 const pcnet_objective *objective);
void test_sparse(variant v, const shape *s, int n_samples, int n_threads);
void test_sparse_order(variant v);
void test_not_finite_input(variant v, const shape *s, int n_samples);
void test_single_passes(variant v, const shape *s, int n_samples, int n_threads,
                        const pcnet_objective *objective);
void test_error_descent(variant v, const shape *s, int n_samples, int n_threads);
void test_quasi_newton(variant v, const shape *s, int n_samples, int n_threads);
void test_activity_descent(variant v, const shape *s, int n_samples, int n_threads);
void test_not_finite_start(variant v, const shape *s);
void test_unbounded_energy(variant v);
void test_interrupted(variant v);
void test_log_determinants(variant v, const shape *s, int n_samples, int n_threads);
void test_update(variant v, const shape *s, int n_samples, int n_threads);
void test_stored_gradients(variant v, const shape *s, int n_samples, int n_threads);
void test_not_finite_gradient(variant v, const shape *s);
void test_same_bits(variant v, const shape *s, int n_samples);
void test_bad_arguments(variant v, const shape *s);

/* Of one pass, for values of order one. */
static inline double tolerance(const model *m) {
    return m->v.dtype == PCNET_FLOAT64 ? 1e-12 : 2e-5;
}

/* Of a gradient against differences. */
static inline double difference_tolerance(const model *m) {
    return m->v.dtype == PCNET_FLOAT64 ? 1e-7 : 2e-4;
}

#endif
