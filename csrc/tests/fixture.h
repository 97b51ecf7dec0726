/* Networks and batches to test on. */
#ifndef PCNET_TESTS_FIXTURE_H
#define PCNET_TESTS_FIXTURE_H

#include "check.h"

#define MAX_LAYERS 8

/* What the products read: packed W and W^T, or packed W alone. */
enum { WITH_TRANSPOSES = 0, WEIGHTS_ALONE = 1 };

/* What is tested: one dtype, one instruction set, one kind of packed weights. */
typedef struct {
    const pcnet_core *core;
    pcnet_dtype dtype;
    pcnet_isa isa;
    int packed;
} variant;

typedef struct {
    const char *name;
    int n_layers;
    int sizes[MAX_LAYERS + 1];
    pcnet_activation activation;
    int skip;
    int bias;
} shape;

typedef struct {
    variant v;
    shape s;
    int activations[MAX_LAYERS], skips[MAX_LAYERS];
    double scales[MAX_LAYERS];
    vec weights[MAX_LAYERS], biases[MAX_LAYERS];
    vec packed_weights[MAX_LAYERS], packed_transposes[MAX_LAYERS];
    const void *bias_pointers[MAX_LAYERS];
    const void *forward_pointers[MAX_LAYERS], *backward_pointers[MAX_LAYERS];
    pcnet_network net;
} model;

typedef struct {
    int n_samples;
    vec inputs, targets;
    vec precisions; /* of the outputs, see observe_in_part */
    vec activities[MAX_LAYERS], errors[MAX_LAYERS];
    void *activity_pointers[MAX_LAYERS], *error_pointers[MAX_LAYERS];
    ptrdiff_t strides[MAX_LAYERS];
    pcnet_batch batch;
} samples;

model *model_new(variant v, const shape *s);
void model_free(model *m);
/* Packs the weights again, after the plain weights were changed. */
void model_pack(model *m);
size_t n_weights(const model *m, int layer); /* layer = 1..L */

/* Random inputs; targets that suit the loss; activities and errors zero. */
samples *samples_new(const model *m, int n_samples, pcnet_loss loss);
/* From now on the outputs have different precisions; where 0, the target is nan. */
void observe_in_part(samples *b);
void samples_free(samples *b);
/* z_l of a sample, unit i; layer = 1..L. */
double activity(const samples *b, int layer, int sample, int i);
void set_activity(samples *b, int layer, int sample, int i, double value);

/* Different sample weights of sum 1; with several samples one weight is 0. */
vec sample_weights(int n_samples);

/* f and f' of z (n_rows * width values), the activities of a hidden layer of that width: the next
 * layer's prediction with weights of 1, and the response to deltas of 1. */
void values_and_slopes(const variant *v, int activation, int n_rows, int width, vec z, vec values,
                       vec slopes);

/* Exactly as large as the core requires. */
void *workspace_new(const model *m, int n_samples, int n_threads);

#endif
