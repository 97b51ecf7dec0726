/* A network, a batch and options made from arbitrary bytes, for the fuzzer. */
#ifndef PCNET_TESTS_FUZZ_CASE_H
#define PCNET_TESTS_FUZZ_CASE_H

#include "check.h"

#include <stdint.h>

enum { MOST_LAYERS = 6, MOST_STEPS = 20, MOST_BLOCKS = 4 };

/* Bytes still to be read; after the last one, zeros are read. */
typedef struct {
    const uint8_t *at;
    size_t left;
} bytes;

int take_below(bytes *in, int n); /* 0 .. n - 1 */
double take_choice(bytes *in, const double *values, int n);

typedef struct {
    const pcnet_core *core;
    pcnet_dtype dtype;
    int n_samples, n_threads, max_steps;
    int sizes[MOST_LAYERS + 1], activations[MOST_LAYERS], skips[MOST_LAYERS];
    double scales[MOST_LAYERS];
    vec weights[MOST_LAYERS], biases[MOST_LAYERS], inputs, targets, precisions, sample_weight;
    vec packed_weights[MOST_LAYERS], packed_transposes[MOST_LAYERS];
    vec activities[MOST_LAYERS], errors[MOST_LAYERS];
    const void *bias_at[MOST_LAYERS];
    const void *forward_at[MOST_LAYERS], *backward_at[MOST_LAYERS];
    void *activity_at[MOST_LAYERS], *error_at[MOST_LAYERS];
    ptrdiff_t strides[MOST_LAYERS];
    double *energy, *loss;
    step_records *records; /* or NULL */
    int *n_steps, *n_half_passes, *status;
    void *workspace;
    void *history; /* for the largest memory */
    pcnet_network net;
    pcnet_batch batch;
    pcnet_objective objective;
    pcnet_loss_block blocks[MOST_BLOCKS];
    pcnet_report report;
} fuzz_case;

fuzz_case *fuzz_case_new(bytes *in);
void fuzz_case_free(fuzz_case *c);

/* Numbers of ordinary size, the first few from the bytes: zeros, huge, tiny, inf, nan. */
void fuzz_fill(bytes *in, vec v);
/* Equal, or both nan; of all elements. */
int fuzz_same_number(double a, double b);
int fuzz_same(vec a, vec b);
/* Packs the weights again. */
void fuzz_pack(fuzz_case *c);

#endif
