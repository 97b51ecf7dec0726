/* Tests the C core alone: every dtype, instruction set and kind of product of this build.
 * .ci/run builds it under the sanitizers. */
#include "fuzz_core.h"
#include "tests.h"

#include <stdio.h>

static const shape shapes[] = {
    {"one layer", 1, {7, 3}, PCNET_IDENTITY, 0, 1},
    {"one unit", 3, {1, 1, 1, 1}, PCNET_TANH, 1, 1},
    {"residual tanh", 5, {9, 17, 17, 17, 17, 4}, PCNET_TANH, 1, 0},
    {"residual relu", 6, {5, 33, 33, 33, 33, 33, 3}, PCNET_RELU, 1, 1},
    {"uneven gelu", 4, {13, 31, 8, 65, 2}, PCNET_GELU, 1, 1},
    {"plain silu", 4, {16, 32, 32, 32, 10}, PCNET_SILU, 0, 0},
    {"wide first layer", 2, {11, 180, 3}, PCNET_RELU, 0, 1},
};

static const pcnet_objective objectives[] = {
    {PCNET_SQUARED_ERROR, 0.7, 0.0, 0, 0, NULL}, {PCNET_LOG_LOSS, 1.0, 0.05, 0, 0, NULL},
    {PCNET_LOGISTIC_LOSS, 0.3, 0.0, 0, 0, NULL}, {PCNET_HUBER, 0.8, 0.0, 0.5, 0, NULL},
    {PCNET_POISSON, 0.5, 0.02, 0, 0, NULL},
};

enum {
    N_SHAPES = sizeof shapes / sizeof shapes[0],
    N_OBJECTIVES = sizeof objectives / sizeof objectives[0],
};

/* Outputs in blocks of different losses; the targets are those of the log loss. */
static void test_blocks(variant v, const shape *s, int n_samples, int n_threads) {
    const int top = s->sizes[s->n_layers];
    const pcnet_loss_block blocks[] = {{PCNET_HUBER, 1, 0.5}, {PCNET_LOG_LOSS, top - 1, 0}};
    const pcnet_objective objective = {PCNET_LOG_LOSS, 0.7, 0.02, 0, top > 1 ? 2 : 0, blocks};
    test_passes(v, s, n_samples, n_threads, &objective);
    test_single_passes(v, s, n_samples, n_threads, &objective);
}

static void test_variant(variant v) {
    const int tile = pcnet_tile_size();
    const int batches[] = {1, tile - 1, tile, tile + 1, 2 * tile + 3};
    for (int i = 0; i < N_SHAPES; i++) {
        const shape *s = &shapes[i];
        for (int k = 0; k < 5; k++) {
            const int n_threads = 1 + k % 3;
            test_passes(v, s, batches[k], n_threads, &objectives[(i + k) % N_OBJECTIVES]);
            test_single_passes(v, s, batches[k], n_threads, &objectives[(i + k) % N_OBJECTIVES]);
            test_sparse(v, s, batches[k], n_threads);
            test_error_descent(v, s, batches[k], n_threads);
            test_quasi_newton(v, s, batches[k], n_threads);
            test_activity_descent(v, s, batches[k], n_threads);
            test_log_determinants(v, s, batches[k], n_threads);
            test_update(v, s, batches[k], n_threads);
            test_stored_gradients(v, s, batches[k], n_threads);
        }
        test_blocks(v, s, batches[i % 5], 1 + i % 3);
        test_not_finite_start(v, s);
        test_not_finite_input(v, s, tile + 1);
        test_bad_arguments(v, s);
        test_not_finite_gradient(v, s);
        test_same_bits(v, s, 2 * tile + 3);
    }
}

/* The fuzzer's cases from random bytes, so that these tests include its checks. */
static void test_random_cases(void) {
    enum { N_CASES = 400, N_BYTES = 160 };
    uint8_t data[N_BYTES];
    unsigned state = 1;
    int failed = 0;
    for (int i = 0; i < N_CASES; i++) {
        for (int k = 0; k < N_BYTES; k++) {
            state = state * 1664525u + 1013904223u;
            data[k] = (uint8_t)(state >> 24);
        }
        failed += LLVMFuzzerTestOneInput(data, N_BYTES);
    }
    CHECK(failed == 0, "%d of %d random cases", failed, N_CASES);
    printf("%d random cases: done\n", N_CASES);
}

int main(void) {
    test_random_cases();
    for (int dtype = PCNET_FLOAT32; dtype <= PCNET_FLOAT64; dtype++)
        for (int isa = PCNET_GENERIC; isa <= PCNET_AVX512; isa++) {
            variant v = {pcnet_get_core((pcnet_dtype)dtype, (pcnet_isa)isa), (pcnet_dtype)dtype,
                         (pcnet_isa)isa, WITH_TRANSPOSES};
            if (v.core == NULL) {
                printf("float%d, isa %d: not on this machine\n", 32 + 32 * dtype, isa);
                continue;
            }
            test_activations(v);
            test_packing(v);
            test_sparse_order(v);
            test_interrupted(v);
            test_unbounded_energy(v);
            for (v.packed = WITH_TRANSPOSES; v.packed <= WEIGHTS_ALONE; v.packed++)
                test_variant(v);
            printf("float%d, isa %d: done\n", 32 + 32 * dtype, isa);
        }
    return check_summary();
}
