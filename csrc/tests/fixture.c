#include "fixture.h"

#include <math.h>
#include <stdlib.h>

size_t n_weights(const model *m, int layer) {
    return (size_t)m->s.sizes[layer - 1] * (size_t)m->s.sizes[layer];
}

static void set_layer(model *m, int l) {
    const int i = l - 1, n_in = m->s.sizes[i], n_out = m->s.sizes[l];
    const pcnet_core *core = m->v.core;
    m->activations[i] = l == 1 ? PCNET_IDENTITY : (int)m->s.activation;
    m->skips[i] = m->s.skip && l > 1 && l < m->s.n_layers && n_in == n_out;
    m->scales[i] = 1.3 / sqrt((double)n_in * (m->skips[i] ? m->s.n_layers : 1));
    m->weights[i] = vec_new(m->v.dtype, n_weights(m, l));
    vec_random(m->weights[i], 1.7); /* about unit variance */
    m->biases[i] = vec_new(m->v.dtype, (size_t)n_out);
    vec_random(m->biases[i], 0.4);
    m->packed_weights[i] = vec_new(m->v.dtype, core->packed_size(n_in, n_out));
    m->packed_transposes[i] = vec_new(m->v.dtype, core->packed_size(n_out, n_in));
    m->bias_pointers[i] = m->biases[i].data;
    m->forward_pointers[i] = m->packed_weights[i].data;
    m->backward_pointers[i] = m->packed_transposes[i].data;
}

model *model_new(variant v, const shape *s) {
    model *m = exact_alloc(sizeof *m);
    random_seed(1);
    m->v = v;
    m->s = *s;
    for (int l = 1; l <= s->n_layers; l++)
        set_layer(m, l);
    model_pack(m);
    m->net = (pcnet_network){
        .n_layers = s->n_layers,
        .sizes = m->s.sizes,
        .activations = m->activations,
        .skips = m->skips,
        .scales = m->scales,
        .packed_weights = m->forward_pointers,
        .packed_transposes = v.packed == WITH_TRANSPOSES ? m->backward_pointers : NULL,
        .biases = s->bias ? m->bias_pointers : NULL,
    };
    return m;
}

void model_pack(model *m) {
    for (int l = 1; l <= m->s.n_layers; l++) {
        const int i = l - 1, n_in = m->s.sizes[i], n_out = m->s.sizes[l];
        m->v.core->pack(n_in, n_out, m->weights[i].data, m->packed_weights[i].data);
        m->v.core->pack_transposed(n_in, n_out, m->weights[i].data, m->packed_transposes[i].data);
    }
}

void model_free(model *m) {
    for (int i = 0; i < m->s.n_layers; i++) {
        vec_free(&m->weights[i]);
        vec_free(&m->biases[i]);
        vec_free(&m->packed_weights[i]);
        vec_free(&m->packed_transposes[i]);
    }
    free(m);
}

static void set_targets(samples *b, int n_outputs, pcnet_loss loss) {
    for (int n = 0; n < b->n_samples; n++)
        for (int k = 0; k < n_outputs; k++) {
            double y = random_value();
            if (loss == PCNET_LOG_LOSS)
                y = k == n % n_outputs;
            else if (loss == PCNET_LOGISTIC_LOSS)
                y = y > 0;
            else if (loss == PCNET_POISSON)
                y = fmax(0, floor(4 * y));
            vec_set(b->targets, (size_t)n * (size_t)n_outputs + (size_t)k, y);
        }
}

samples *samples_new(const model *m, int n_samples, pcnet_loss loss) {
    const int n_layers = m->s.n_layers;
    const size_t n = (size_t)n_samples;
    samples *b = exact_alloc(sizeof *b);
    random_seed(2);
    b->n_samples = n_samples;
    b->inputs = vec_new(m->v.dtype, n * (size_t)m->s.sizes[0]);
    vec_random(b->inputs, 1.7);
    b->targets = vec_new(m->v.dtype, n * (size_t)m->s.sizes[n_layers]);
    set_targets(b, m->s.sizes[n_layers], loss);
    b->precisions = vec_new(m->v.dtype, b->targets.n);
    for (int i = 0; i < n_layers; i++) {
        b->strides[i] = m->v.core->row_stride(m->s.sizes[i + 1]);
        b->activities[i] = vec_new(m->v.dtype, n * (size_t)b->strides[i]);
        b->errors[i] = vec_new(m->v.dtype, n * (size_t)b->strides[i]);
        b->activity_pointers[i] = b->activities[i].data;
        b->error_pointers[i] = b->errors[i].data;
    }
    b->batch = (pcnet_batch){
        .n_samples = n_samples,
        .inputs = b->inputs.data,
        .targets = b->targets.data,
        .activities = b->activity_pointers,
        .errors = b->error_pointers,
        .strides = b->strides,
    };
    return b;
}

void observe_in_part(samples *b) {
    for (size_t i = 0; i < b->targets.n; i++) {
        vec_set(b->precisions, i, (double)(i * 7 % 5) * 0.5);
        if (i * 7 % 5 == 0)
            vec_set(b->targets, i, NAN);
    }
    b->batch.output_precisions = b->precisions.data;
}

void samples_free(samples *b) {
    vec_free(&b->inputs);
    vec_free(&b->targets);
    vec_free(&b->precisions);
    for (int i = 0; i < MAX_LAYERS; i++) {
        vec_free(&b->activities[i]);
        vec_free(&b->errors[i]);
    }
    free(b);
}

static size_t place(const samples *b, int layer, int sample, int i) {
    return (size_t)sample * (size_t)b->strides[layer - 1] + (size_t)i;
}

double activity(const samples *b, int layer, int sample, int i) {
    return vec_get(b->activities[layer - 1], place(b, layer, sample, i));
}

void set_activity(samples *b, int layer, int sample, int i, double value) {
    vec_set(b->activities[layer - 1], place(b, layer, sample, i), value);
}

vec sample_weights(int n_samples) {
    vec weights = vec_new(PCNET_FLOAT64, (size_t)n_samples);
    double sum = 0;
    for (int n = 0; n < n_samples; n++)
        sum += n == 1 ? 0 : 1 + n % 3;
    for (int n = 0; n < n_samples; n++)
        vec_set(weights, (size_t)n, (n == 1 ? 0 : 1 + n % 3) / sum);
    return weights;
}

void *workspace_new(const model *m, int n_samples, int n_threads) {
    return exact_alloc(m->v.core->workspace_size(&m->net, n_samples, n_threads));
}

void values_and_slopes(const variant *v, int activation, int n_rows, int width, vec z, vec values,
                       vec slopes) {
    const shape s = {"activation", 2, {width, width, width}, (pcnet_activation)activation, 0, 0};
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 1, 0, 0, 0, NULL};
    model *m = model_new(*v, &s);
    for (int i = 0; i < 2; i++) {
        m->scales[i] = 1;
        for (size_t k = 0; k < m->weights[i].n; k++)
            vec_set(m->weights[i], k, k % ((size_t)width + 1) == 0);
    }
    model_pack(m);
    samples *b = samples_new(m, n_rows, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, n_rows, 1), *response_at[] = {b->errors[0].data};
    for (int n = 0; n < n_rows; n++)
        for (int j = 0; j < width; j++)
            set_activity(b, 1, n, j, vec_get(z, (size_t)(n * width + j)));
    CHECK(v->core->errors(&m->net, &b->batch, &objective, NULL, workspace, 1) == PCNET_OK,
          "values of activation %d", activation);
    for (int n = 0; n < n_rows; n++)
        for (int j = 0; j < width; j++)
            vec_set(b->errors[1], place(b, 2, n, j), 1);
    CHECK(v->core->backward(&m->net, &b->batch, 0, NULL, response_at, workspace, 1) == PCNET_OK,
          "slopes of activation %d", activation);
    for (int n = 0; n < n_rows; n++)
        for (int j = 0; j < width; j++) {
            vec_set(values, (size_t)(n * width + j), activity(b, 2, n, j));
            vec_set(slopes, (size_t)(n * width + j), vec_get(b->errors[0], place(b, 1, n, j)));
        }
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}
