/* Fuzzing of the core's functions. For any numbers, nothing crashes or writes outside its arrays
 * (the sanitizers check that), every status is a documented one, inference raises no energy, bits
 * do not depend on the number of threads, and no weight becomes inf or nan.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput; run_tests.c calls it with random bytes. */
#include "fuzz_core.h"

#include "fixture.h"
#include "fuzz_case.h"
#include "fuzz_passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int all_finite(vec v) {
    for (size_t i = 0; i < v.n; i++)
        if (!isfinite(vec_get(v, i)))
            return 0;
    return 1;
}

/* ---- inference ---- */

typedef enum { ERROR_DESCENT = 0, QUASI_NEWTON, ACTIVITY_DESCENT } kind;

typedef struct {
    kind kind;
    pcnet_error_descent error;
    pcnet_activity_descent activity;
    int memory;
    const vec *start; /* errors to start from, or NULL */
} method;

static method take_method(bytes *in, int max_steps) {
    static const double tols[] = {1e-3, 1e-6, 0, 0.1, 1e30, 1e-300};
    static const double energy_tols[] = {0, 1e-6, 0.1, 2};
    static const double rates[] = {0.1, 0.5, 1, 1e-30, 1e30};
    static const double momenta[] = {0, 0.5, 0.99, 1e-300};
    return (method){
        .kind = (kind)(take_below(in, 5) / 2),
        .error = {max_steps, take_choice(in, tols, 6), take_choice(in, energy_tols, 4),
                  take_below(in, 2)},
        .activity = {max_steps, take_choice(in, rates, 5), take_choice(in, momenta, 4), NULL},
        .memory = 1 + take_below(in, PCNET_MOST_MEMORY),
    };
}

static pcnet_status infer_by_newton(fuzz_case *c, const method *how, void *workspace,
                                    int n_threads) {
    const pcnet_quasi_newton options = {how->error, how->memory, how->start != NULL, c->history};
    for (int i = 0; how->start != NULL && i < c->net.n_layers; i++)
        memcpy(c->errors[i].data, how->start[i].data,
               c->errors[i].n * (c->dtype == PCNET_FLOAT64 ? sizeof(double) : sizeof(float)));
    return c->core->quasi_newton(&c->net, &c->batch, &c->objective, &options, &c->report, workspace,
                                 n_threads);
}

static pcnet_status infer(fuzz_case *c, const method *how, void *workspace, int n_threads) {
    switch (how->kind) {
    case ERROR_DESCENT:
        return c->core->error_descent(&c->net, &c->batch, &c->objective, &how->error, &c->report,
                                      workspace, n_threads);
    case QUASI_NEWTON:
        return infer_by_newton(c, how, workspace, n_threads);
    default:
        return c->core->activity_descent(&c->net, &c->batch, &c->objective, &how->activity,
                                         &c->report, workspace, n_threads);
    }
}

/* Checks the report of a sample after a descent; start: its energy before. */
static void check_sample(const fuzz_case *c, int i, double start) {
    const double energy = c->energy[i];
    CHECK(isfinite(energy) && energy <= start, "sample %d from %g to %g", i, start, energy);
    CHECK(c->status[i] >= PCNET_REACHED_MAX_STEPS && c->status[i] <= PCNET_PREDICTED, "status %d",
          c->status[i]);
    CHECK(c->n_steps[i] >= 0 && c->n_steps[i] <= c->max_steps, "%d steps", c->n_steps[i]);
    CHECK(c->n_half_passes[i] > c->n_steps[i], "%d half passes", c->n_half_passes[i]);
    CHECK(c->n_steps[i] > 0 || energy == start, "no step, from %g to %g", start, energy);
    const step_records *r = c->records;
    if (r == NULL)
        return;
    CHECK(record_of(r, i, 0) == start && record_of(r, i, c->max_steps) == energy,
          "the ends of the record");
    for (int k = 1; k <= c->max_steps; k++)
        CHECK(record_of(r, i, k) <= record_of(r, i, k - 1), "sample %d rose at step %d", i, k);
}

/* The same inference by one thread, in another workspace, gives the same bits. */
static void check_one_thread(fuzz_case *c, const method *how) {
    vec activities[MOST_LAYERS], errors[MOST_LAYERS];
    void *workspace = exact_alloc(c->core->workspace_size(&c->net, c->n_samples, 1));
    for (int i = 0; i < c->net.n_layers; i++) {
        activities[i] = vec_copy(c->activities[i]);
        errors[i] = vec_copy(c->errors[i]);
    }
    CHECK(infer(c, how, workspace, 1) == PCNET_OK, "one thread fails");
    for (int i = 0; i < c->net.n_layers; i++) {
        CHECK(fuzz_same(activities[i], c->activities[i]), "activities of layer %d", i + 1);
        CHECK(fuzz_same(errors[i], c->errors[i]), "errors of layer %d", i + 1);
        vec_free(&activities[i]);
        vec_free(&errors[i]);
    }
    exact_free(workspace);
}

static void fuzz_inference(fuzz_case *c, bytes *in) {
    method how = take_method(in, c->max_steps);
    vec given[MOST_LAYERS];
    if (how.kind == QUASI_NEWTON && take_below(in, 2)) {
        for (int i = 0; i + 1 < c->net.n_layers; i++)
            fuzz_fill(in, c->errors[i]);
        how.start = given;
    }
    for (int i = 0; i < c->net.n_layers; i++)
        given[i] = vec_copy(c->errors[i]);
    method none = how;
    none.error.max_steps = none.activity.n_steps = 0;
    const int falls = how.kind != ACTIVITY_DESCENT;
    const pcnet_status at_start = infer(c, &none, c->workspace, c->n_threads);
    double *start = exact_alloc((size_t)c->n_samples * sizeof(double));
    memcpy(start, c->energy, (size_t)c->n_samples * sizeof(double));
    const pcnet_status status = infer(c, &how, c->workspace, c->n_threads);
    CHECK(status == PCNET_OK || status == PCNET_ENERGY_NOT_FINITE, "status %d", (int)status);
    if (falls)
        CHECK(status == at_start, "status %d, %d with no step", (int)status, (int)at_start);
    for (int i = 0; status == PCNET_OK && falls && i < c->n_samples; i++)
        check_sample(c, i, start[i]);
    exact_free(start);
    if (status == PCNET_OK)
        check_one_thread(c, &how);
    for (int i = 0; i < c->net.n_layers; i++)
        vec_free(&given[i]);
}

/* ---- sparse inputs ---- */

/* The inputs that are not 0, as sparse rows, give the dense outputs; damaged ones are refused or
 * computed, and read nothing else. */
static void fuzz_sparse(fuzz_case *c, bytes *in, vec dense) {
    const int n = c->n_samples, n_columns = c->sizes[0], most = n * n_columns;
    ptrdiff_t *starts = exact_alloc((size_t)(n + 1) * sizeof *starts);
    int *columns = exact_alloc((size_t)most * sizeof *columns);
    vec values = vec_new(c->dtype, (size_t)most), out = vec_new(c->dtype, dense.n);
    pcnet_sparse_rows rows = {starts, columns, values.data, 0};
    pcnet_batch batch = {.n_samples = n, .sparse_inputs = &rows};
    for (int k = 0; k < most; k++) {
        if (k % n_columns == 0)
            starts[k / n_columns] = rows.n_values;
        if (vec_get(c->inputs, (size_t)k) == 0)
            continue;
        columns[rows.n_values] = k % n_columns;
        vec_set(values, (size_t)rows.n_values++, vec_get(c->inputs, (size_t)k));
    }
    starts[n] = rows.n_values;
    c->core->output(&c->net, &batch, out.data, c->workspace, c->n_threads);
    CHECK(!all_finite(c->weights[0]) || fuzz_same(out, dense), "sparse outputs");
    starts[take_below(in, n + 1)] += take_below(in, 256) - 128;
    if (rows.n_values > 0)
        columns[take_below(in, 256) % rows.n_values] = take_below(in, 256) - 128;
    const pcnet_status status =
        c->core->output(&c->net, &batch, out.data, c->workspace, c->n_threads);
    CHECK((status == PCNET_BAD_ARGUMENT) ==
              (c->core->sparse_order(&rows, n, n_columns) != PCNET_ASCENDING),
          "damaged rows: status %d", (int)status);
    exact_free(starts);
    exact_free(columns);
    vec_free(&values);
    vec_free(&out);
}

/* ---- given activities ---- */

static void fuzz_evaluation(fuzz_case *c, bytes *in) {
    const int top = c->net.n_layers - 1, k = c->sizes[top + 1];
    void *gradient_at[MOST_LAYERS];
    vec out = vec_new(c->dtype, (size_t)c->n_samples * (size_t)k), gradients[MOST_LAYERS];
    double *energies = exact_alloc((size_t)(c->n_samples * (top + 1)) * sizeof(double));
    CHECK(c->core->forward(&c->net, &c->batch, c->workspace, c->n_threads) == PCNET_OK, "forward");
    const pcnet_status status =
        c->core->output(&c->net, &c->batch, out.data, c->workspace, c->n_threads);
    int layers_are_finite = 1, inputs_are_finite = 1;
    for (int n = 0; n < c->n_samples; n++) {
        for (int l = 0; l <= top; l++)
            for (int j = 0; j < c->sizes[l + 1]; j++)
                if (!isfinite(
                        vec_get(c->activities[l], (size_t)n * (size_t)c->strides[l] + (size_t)j)))
                    layers_are_finite = 0;
        for (int j = 0; j < c->sizes[0]; j++)
            if (!isfinite(vec_get(c->inputs, (size_t)n * (size_t)c->sizes[0] + (size_t)j)))
                inputs_are_finite = 0;
    }
    CHECK(status == PCNET_OK || (status == PCNET_OUTPUT_NOT_FINITE && !layers_are_finite),
          "output %d", (int)status);
    CHECK(inputs_are_finite || status == PCNET_OUTPUT_NOT_FINITE, "inputs not finite: output %d",
          (int)status);
    for (int n = 0; n < c->n_samples; n++)
        for (int j = 0; j < k; j++) {
            const double a = vec_get(out, (size_t)(n * k + j));
            const double b =
                vec_get(c->activities[top], (size_t)n * (size_t)c->strides[top] + (size_t)j);
            CHECK(fuzz_same_number(a, b), "output %d of sample %d: %g, %g", j, n, a, b);
        }
    fuzz_sparse(c, in, out);
    if (top > 0 && take_below(in, 2))
        fuzz_fill(in, c->activities[take_below(in, top)]);
    for (int i = 0; i < top; i++) {
        gradients[i] = vec_new(c->dtype, c->activities[i].n);
        gradient_at[i] = gradients[i].data;
    }
    CHECK(c->core->errors(&c->net, &c->batch, &c->objective, energies, c->workspace,
                          c->n_threads) == PCNET_OK,
          "errors");
    CHECK(c->core->activity_gradients(&c->net, &c->batch, c->objective.activity_decay, gradient_at,
                                      c->workspace, c->n_threads) == PCNET_OK,
          "gradients");
    for (int i = 0; i < top; i++)
        vec_free(&gradients[i]);
    exact_free(energies);
    vec_free(&out);
}

/* ---- learning ---- */

typedef struct {
    vec first[MOST_LAYERS], second[MOST_LAYERS], bias_first[MOST_LAYERS], bias_second[MOST_LAYERS];
    void *first_at[MOST_LAYERS], *second_at[MOST_LAYERS];
    void *bias_first_at[MOST_LAYERS], *bias_second_at[MOST_LAYERS];
    void *weights_at[MOST_LAYERS], *transposed_at[MOST_LAYERS], *biases_at[MOST_LAYERS];
    double rates[MOST_LAYERS], scales[MOST_LAYERS];
    pcnet_update update;
} learner;

static pcnet_update take_update(bytes *in) {
    static const double betas[] = {0.9, 0, 0.999, 0.5};
    static const double epsilons[] = {1e-8, 1e-3, 1e-30, 1}, shrinks[] = {1, 0.99, 0, 0.5};
    static const double numbers[] = {1, 2, 100, 1e9};
    return (pcnet_update){
        .solver = take_below(in, PCNET_NESTEROV + 1),
        .beta_1 = take_choice(in, betas, 4),
        .beta_2 = take_choice(in, betas, 4),
        .epsilon = take_choice(in, epsilons, 4),
        .shrink = take_choice(in, shrinks, 4),
        .n_updates = take_choice(in, numbers, 4),
    };
}

static learner *learner_new(fuzz_case *c, bytes *in) {
    static const double rates[] = {1e-3, 0.1, 1, 1e30, 1e-30}, scales[] = {1, 100, 1e-10, 1e30};
    learner *o = exact_alloc(sizeof *o);
    o->update = take_update(in);
    for (int i = 0; i < c->net.n_layers; i++) {
        const size_t n_out = (size_t)c->sizes[i + 1];
        o->first_at[i] = (o->first[i] = vec_new(c->dtype, c->packed_weights[i].n)).data;
        o->second_at[i] = (o->second[i] = vec_new(c->dtype, c->packed_weights[i].n)).data;
        o->bias_first_at[i] = (o->bias_first[i] = vec_new(c->dtype, n_out)).data;
        o->bias_second_at[i] = (o->bias_second[i] = vec_new(c->dtype, n_out)).data;
        o->weights_at[i] = c->packed_weights[i].data;
        o->transposed_at[i] = c->packed_transposes[i].data;
        o->biases_at[i] = c->biases[i].data;
        o->rates[i] = take_choice(in, rates, 5);
        o->scales[i] = take_choice(in, scales, 4);
    }
    o->update.weight_rates = o->update.bias_rates = o->rates;
    o->update.weight_scales = o->update.bias_scales = o->scales;
    o->update.packed_weights = o->weights_at;
    o->update.packed_transposes = o->transposed_at;
    o->update.first_moments = o->first_at;
    o->update.second_moments = o->second_at;
    o->update.biases = o->biases_at;
    o->update.bias_first_moments = o->bias_first_at;
    o->update.bias_second_moments = o->bias_second_at;
    return o;
}

static void learner_free(learner *o) {
    for (int i = 0; i < MOST_LAYERS; i++) {
        vec_free(&o->first[i]);
        vec_free(&o->second[i]);
        vec_free(&o->bias_first[i]);
        vec_free(&o->bias_second[i]);
    }
    exact_free(o);
}

static int parameters_finite(const fuzz_case *c) {
    for (int i = 0; i < c->net.n_layers; i++)
        if (!all_finite(c->packed_weights[i]) || !all_finite(c->biases[i]))
            return 0;
    return 1;
}

static void fuzz_gradients(fuzz_case *c) {
    vec weights[MOST_LAYERS], biases[MOST_LAYERS];
    void *weight_at[MOST_LAYERS], *bias_at[MOST_LAYERS];
    for (int i = 0; i < c->net.n_layers; i++) {
        weight_at[i] = (weights[i] = vec_new(c->dtype, c->weights[i].n)).data;
        bias_at[i] = (biases[i] = vec_new(c->dtype, c->biases[i].n)).data;
    }
    CHECK(c->core->weight_gradients(&c->net, &c->batch, c->sample_weight.data, weight_at, bias_at,
                                    c->workspace, c->n_threads) == PCNET_OK,
          "weight gradients");
    for (int i = 0; i < c->net.n_layers; i++) {
        vec_free(&weights[i]);
        vec_free(&biases[i]);
    }
}

static void fuzz_learning(fuzz_case *c, bytes *in) {
    c->core->forward(&c->net, &c->batch, c->workspace, c->n_threads);
    c->core->errors(&c->net, &c->batch, &c->objective, NULL, c->workspace, c->n_threads);
    fuzz_gradients(c);
    learner *o = learner_new(c, in);
    const int were_finite = parameters_finite(c);
    pcnet_fault fault = {0};
    const pcnet_status status = c->core->update(&c->net, &c->batch, c->sample_weight.data,
                                                &o->update, &fault, c->workspace, c->n_threads);
    CHECK(status == PCNET_OK || status == PCNET_GRADIENT_NOT_FINITE, "status %d", (int)status);
    CHECK((status == PCNET_OK) == (fault.layer == 0), "layer %d", fault.layer);
    CHECK(fault.layer >= 0 && fault.layer <= c->net.n_layers, "layer %d", fault.layer);
    CHECK(!were_finite || parameters_finite(c), "the update wrote an inf or a nan");
    learner_free(o);
}

/* ---- element by element, and packing ---- */

static void fuzz_elements(fuzz_case *c, bytes *in) {
    const int activation = take_below(in, PCNET_N_ACTIVATIONS), i = take_below(in, c->net.n_layers);
    const vec w = c->weights[i];
    vec values = vec_new(c->dtype, w.n), slope = vec_new(c->dtype, w.n);
    const variant v = {c->core, c->dtype, PCNET_GENERIC, WITH_TRANSPOSES};
    values_and_slopes(&v, activation, (int)w.n, 1, w, values, slope);
    for (size_t k = 0; k < w.n; k++)
        CHECK(!(fabs(vec_get(w, k)) < 1e4) ||
                  (isfinite(vec_get(values, k)) && fabs(vec_get(slope, k)) < 2),
              "f(%g) = %g, slope %g", vec_get(w, k), vec_get(values, k), vec_get(slope, k));
    c->core->unpack(c->sizes[i], c->sizes[i + 1], c->packed_weights[i].data, values.data);
    CHECK(vec_same(values, w), "packed and unpacked");
    vec_free(&values);
    vec_free(&slope);
}

/* ---- arguments out of their ranges ---- */

static void make_block_invalid(fuzz_case *c, bytes *in) {
    pcnet_loss_block *block = c->blocks + take_below(in, c->objective.n_blocks);
    switch (take_below(in, 4)) {
    case 0:
        block->loss = PCNET_N_LOSSES + take_below(in, 100);
        break;
    case 1:
        block->n_outputs = -take_below(in, 3);
        break;
    case 2:
        block->n_outputs++;
        break;
    default:
        c->objective.blocks = NULL;
    }
}

/* Returns 1 if network, activities or errors were made invalid, 0 if objective or targets were. */
static int make_invalid(fuzz_case *c, bytes *in) {
    const int i = take_below(in, c->net.n_layers), what = take_below(in, 14);
    switch (what) {
    case 0:
        c->net.n_layers = -take_below(in, 2);
        break;
    case 1:
        c->net.sizes = NULL;
        break;
    case 2:
        c->sizes[i] = -take_below(in, 3);
        break;
    case 3:
        c->activations[i] = PCNET_N_ACTIVATIONS + take_below(in, 100);
        break;
    case 4:
        c->activations[i] = -1 - take_below(in, 100);
        break;
    case 5:
        c->net.scales = NULL;
        break;
    case 6:
        c->skips[0] = 1;
        break;
    case 7:
        c->skips[c->net.n_layers - 1] = 1;
        break;
    case 8:
        if (c->objective.n_blocks == 0)
            c->objective.loss = PCNET_N_LOSSES + take_below(in, 100);
        else
            make_block_invalid(c, in);
        break;
    case 9:
        c->objective.output_precision = take_below(in, 2) ? -1 : (double)NAN;
        break;
    case 10:
        c->objective.activity_decay = take_below(in, 2) ? -1 : (double)NAN;
        break;
    case 11:
        c->batch.n_samples = -1 - take_below(in, 100);
        break;
    case 12:
        c->strides[i] = c->sizes[i + 1] - 1 - take_below(in, 3);
        break;
    default:
        c->batch.targets = NULL;
    }
    return what < 8 || what == 11 || what == 12;
}

static void fuzz_refusals(fuzz_case *c, bytes *in) {
    const method how = take_method(in, c->max_steps);
    const int is_of_state = make_invalid(c, in);
    CHECK(infer(c, &how, c->workspace, c->n_threads) == PCNET_BAD_ARGUMENT, "accepted");
    CHECK(c->core->errors(&c->net, &c->batch, &c->objective, NULL, c->workspace, c->n_threads) ==
              PCNET_BAD_ARGUMENT,
          "accepted");
    fuzz_refused_passes(c, in, is_of_state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const long failures = check_failures();
    bytes in = {data, size};
    const int work = take_below(&in, 16);
    fuzz_case *c = fuzz_case_new(&in);
    if (work < 6)
        fuzz_inference(c, &in);
    else if (work < 8)
        fuzz_evaluation(c, &in);
    else if (work < 11)
        fuzz_passes(c, &in);
    else if (work < 13)
        fuzz_learning(c, &in);
    else if (work < 14)
        fuzz_elements(c, &in);
    else
        fuzz_refusals(c, &in);
    fuzz_case_free(c);
#ifdef PCNET_FUZZING
    if (check_failures() != failures)
        abort();
#endif
    return check_failures() != failures;
}
