/* Inference: no energy rises, the reports are correct, and activity descent makes T plain steps. */
#include "tests.h"

#include <limits.h>
#include <math.h>

typedef struct {
    vec energy, loss;
    step_records *records;
    int *n_steps, *n_half_passes, *status;
    pcnet_report report;
} report_arrays;

static report_arrays report_new(int n_samples, int max_steps) {
    const size_t n = (size_t)n_samples, bytes = n * sizeof(int);
    report_arrays r = {
        .energy = vec_new(PCNET_FLOAT64, n),
        .loss = vec_new(PCNET_FLOAT64, n),
        .records = records_new(n_samples, max_steps),
        .n_steps = exact_alloc(bytes),
        .n_half_passes = exact_alloc(bytes),
        .status = exact_alloc(bytes),
    };
    r.report = (pcnet_report){
        .energy = r.energy.data,
        .loss = r.loss.data,
        .n_steps = r.n_steps,
        .n_half_passes = r.n_half_passes,
        .status = r.status,
        .record = record_step,
        .records = r.records,
    };
    return r;
}

static void report_free(report_arrays *r) {
    vec_free(&r->energy);
    vec_free(&r->loss);
    records_free(r->records);
    exact_free(r->n_steps);
    exact_free(r->n_half_passes);
    exact_free(r->status);
}

static void check_report(const model *m, const samples *b, const pcnet_objective *objective,
                         const report_arrays *r, int max_steps) {
    double worst = 0;
    for (int n = 0; n < b->n_samples; n++) {
        const double expected = oracle_energy(m, b, objective, n);
        worst = fmax(worst, fabs(vec_get(r->energy, (size_t)n) - expected) / (1 + expected));
        CHECK(r->n_steps[n] >= 0 && r->n_steps[n] <= max_steps, "%d steps", r->n_steps[n]);
        CHECK(r->n_half_passes[n] >= 1, "%d half passes", r->n_half_passes[n]);
    }
    CHECK(worst < tolerance(m), "%s: final energy off by %g", m->s.name, worst);
}

/* The core's own dF/dz (checked elsewhere) of all hidden layers, in new arrays. */
static void gradients_at(const model *m, samples *b, const pcnet_objective *objective,
                         vec *gradients, void *workspace) {
    void *pointers[MAX_LAYERS] = {0};
    for (int i = 0; i + 1 < m->s.n_layers; i++) {
        gradients[i] = vec_new(m->v.dtype, b->activities[i].n);
        pointers[i] = gradients[i].data;
    }
    m->v.core->errors(&m->net, &b->batch, objective, NULL, workspace, 1);
    m->v.core->activity_gradients(&m->net, &b->batch, objective->activity_decay, pointers,
                                  workspace, 1);
}

/* Largest |dF/dz| of the samples that converged. */
static double gradient_at_end(const model *m, samples *b, const pcnet_objective *objective,
                              const report_arrays *r, void *workspace) {
    double worst = 0;
    vec gradients[MAX_LAYERS];
    gradients_at(m, b, objective, gradients, workspace);
    for (int i = 0; i + 1 < m->s.n_layers; i++) {
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; r->status[n] == PCNET_CONVERGED && j < m->s.sizes[i + 1]; j++) {
                const size_t at = (size_t)n * (size_t)b->strides[i] + (size_t)j;
                worst = fmax(worst, fabs(vec_get(gradients[i], at)));
            }
        vec_free(&gradients[i]);
    }
    return worst;
}

void test_error_descent(variant v, const shape *s, int n_samples, int n_threads) {
    enum { MAX_STEPS = 60 };
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 0.7, 0.02, 0, 0, NULL};
    const pcnet_error_descent options = {MAX_STEPS, v.dtype == PCNET_FLOAT64 ? 1e-6 : 1e-3, 0, 0};
    model *m = model_new(v, s);
    samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, n_samples, n_threads);
    report_arrays r = report_new(n_samples, MAX_STEPS);

    v.core->forward(&m->net, &b->batch, workspace, n_threads);
    vec start = vec_new(PCNET_FLOAT64, (size_t)n_samples);
    for (int n = 0; n < n_samples; n++)
        vec_set(start, (size_t)n, oracle_energy(m, b, &objective, n));
    pcnet_status status = v.core->error_descent(&m->net, &b->batch, &objective, &options, &r.report,
                                                workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    check_report(m, b, &objective, &r, MAX_STEPS);
    int n_converged = 0;
    for (int n = 0; n < n_samples; n++) {
        CHECK(vec_get(r.energy, (size_t)n) <= vec_get(start, (size_t)n) * (1 + tolerance(m)),
              "%s: sample %d rose from %g to %g", s->name, n, vec_get(start, (size_t)n),
              vec_get(r.energy, (size_t)n));
        n_converged += r.status[n] == PCNET_CONVERGED || r.status[n] == PCNET_ROUNDING_FLOOR;
    }
    CHECK(s->n_layers == 1 || s->activation == PCNET_RELU || n_converged >= 0.9 * n_samples,
          "%s: %d of %d at equilibrium", s->name, n_converged, n_samples);
    const double gradient = gradient_at_end(m, b, &objective, &r, workspace);
    CHECK(gradient < 20 * options.tol, "%s: gradient %g at the end", s->name, gradient);
    for (int n = 0; n < n_samples; n++)
        for (int t = 1; t <= MAX_STEPS; t++)
            CHECK(record_of(r.records, n, t) <= record_of(r.records, n, t - 1),
                  "%s: sample %d rose at step %d", s->name, n, t);
    vec_free(&start);
    report_free(&r);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}

static void check_newton_start(const samples *b, const report_arrays *r,
                               const report_arrays *again) {
    for (int n = 0; n < b->n_samples; n++)
        CHECK(record_of(again->records, n, 0) <=
                      vec_get(r->energy, (size_t)n) * (1 + 1e-5) + 1e-12 &&
                  vec_get(again->energy, (size_t)n) <= record_of(again->records, n, 0),
              "sample %d ended at %g and starts at %g", n, vec_get(r->energy, (size_t)n),
              record_of(again->records, n, 0));
}

/* From errors of 0 to equilibrium; then from the errors found, where nothing is left to do. */
void test_quasi_newton(variant v, const shape *s, int n_samples, int n_threads) {
    enum { MAX_STEPS = 80 };
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 5, 0, 0, 0, NULL};
    model *m = model_new(v, s);
    samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, n_samples, n_threads);
    void *history = exact_alloc(v.core->history_size(&m->net, 4, n_samples, n_threads));
    report_arrays r = report_new(n_samples, MAX_STEPS), again = report_new(n_samples, MAX_STEPS);
    pcnet_quasi_newton options = {
        {MAX_STEPS, v.dtype == PCNET_FLOAT64 ? 1e-13 : 1e-5, 0, 0}, 4, 0, history};
    observe_in_part(b);
    pcnet_status status = v.core->quasi_newton(&m->net, &b->batch, &objective, &options, &r.report,
                                               workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    check_report(m, b, &objective, &r, MAX_STEPS);
    int n_ended = 0;
    for (int n = 0; n < n_samples; n++) {
        n_ended += r.status[n] == PCNET_CONVERGED || r.status[n] == PCNET_ROUNDING_FLOOR;
        for (int t = 1; t <= MAX_STEPS; t++)
            CHECK(record_of(r.records, n, t) <= record_of(r.records, n, t - 1),
                  "%s: sample %d rose at step %d", s->name, n, t);
    }
    CHECK(s->n_layers == 1 || s->activation == PCNET_RELU || n_ended >= 0.9 * n_samples,
          "%s: %d of %d at equilibrium", s->name, n_ended, n_samples);
    options.from_errors = 1;
    status = v.core->quasi_newton(&m->net, &b->batch, &objective, &options, &again.report,
                                  workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    check_newton_start(b, &r, &again);
    const double gradient = gradient_at_end(m, b, &objective, &again, workspace);
    CHECK(gradient < 50 * sqrt(options.ends.tol), "%s: gradient %g at the end", s->name, gradient);
    report_free(&r);
    report_free(&again);
    exact_free(history);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}

/* z <- z - rate dF/dz, all layers at once; then z + momentum (z - kept), and kept is that z. */
static void plain_step(const model *m, samples *b, const pcnet_objective *objective,
                       const pcnet_activity_descent *options, vec *kept, void *workspace) {
    vec gradients[MAX_LAYERS];
    gradients_at(m, b, objective, gradients, workspace);
    for (int i = 0; i + 1 < m->s.n_layers; i++) {
        for (size_t k = 0; k < gradients[i].n; k++) {
            const size_t sample = k / (size_t)b->batch.strides[i];
            const double rate = options->rates == NULL ? options->rate : options->rates[sample];
            const double moved = vec_get(b->activities[i], k) - rate * vec_get(gradients[i], k);
            const double further = options->momentum * (moved - vec_get(kept[i], k));
            vec_set(b->activities[i], k, moved + further);
            vec_set(kept[i], k, moved);
        }
        vec_free(&gradients[i]);
    }
}

/* Plain, and by Nesterov's method with a rate of each sample. */
void test_activity_descent(variant v, const shape *s, int n_samples, int n_threads) {
    enum { N_STEPS = 5 };
    model *m = model_new(v, s);
    void *workspace = workspace_new(m, n_samples, n_threads);
    double *rates = exact_alloc((size_t)n_samples * sizeof(double));
    for (int n = 0; n < n_samples; n++)
        rates[n] = 0.05 + 0.025 * (n % 3);
    for (int kind = 0; kind < 4; kind++) {
        const int with_decay = kind % 2; /* decay moves all layers at once */
        const pcnet_activity_descent plain = {N_STEPS, 0.1, 0, NULL};
        const pcnet_activity_descent nesterov = {N_STEPS, 0, 0.5, rates};
        const pcnet_activity_descent options = kind < 2 ? plain : nesterov;
        const pcnet_objective objective = {PCNET_LOG_LOSS, 0.5, with_decay ? 0.1 : 0, 0, 0, NULL};
        vec kept[MAX_LAYERS];
        samples *expected = samples_new(m, n_samples, PCNET_LOG_LOSS);
        samples *b = samples_new(m, n_samples, PCNET_LOG_LOSS);
        report_arrays r = report_new(n_samples, N_STEPS);
        v.core->forward(&m->net, &expected->batch, workspace, n_threads);
        for (int i = 0; i < s->n_layers; i++)
            kept[i] = vec_copy(expected->activities[i]);
        for (int t = 0; t < N_STEPS; t++)
            plain_step(m, expected, &objective, &options, kept, workspace);
        for (int i = 0; i + 1 < s->n_layers; i++) /* the last step does not extrapolate */
            for (size_t k = 0; k < kept[i].n; k++)
                vec_set(expected->activities[i], k, vec_get(kept[i], k));
        pcnet_status status = v.core->activity_descent(&m->net, &b->batch, &objective, &options,
                                                       &r.report, workspace, n_threads);
        CHECK(status == PCNET_OK, "status %d", (int)status);
        for (int l = 1; l < s->n_layers; l++)
            for (int n = 0; n < n_samples; n++)
                for (int j = 0; j < s->sizes[l]; j++)
                    CHECK(fabs(activity(b, l, n, j) - activity(expected, l, n, j)) < tolerance(m),
                          "%s: layer %d, sample %d, unit %d", s->name, l, n, j);
        check_report(m, b, &objective, &r, N_STEPS);
        for (int i = 0; i < s->n_layers; i++)
            vec_free(&kept[i]);
        report_free(&r);
        samples_free(b);
        samples_free(expected);
    }
    exact_free(rates);
    exact_free(workspace);
    model_free(m);
}

void test_not_finite_start(variant v, const shape *s) {
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 1, 0, 0, 0, NULL};
    const pcnet_error_descent error_options = {8, 1e-3, 0, 1};
    const pcnet_activity_descent activity_options = {8, 0.1, 0, NULL};
    model *m = model_new(v, s);
    samples *b = samples_new(m, 3, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, 3, 1);
    report_arrays r = report_new(3, 8);
    vec_set(m->weights[s->n_layers - 1], 0, INFINITY);
    model_pack(m);
    pcnet_status status = v.core->error_descent(&m->net, &b->batch, &objective, &error_options,
                                                &r.report, workspace, 1);
    CHECK(status == PCNET_ENERGY_NOT_FINITE, "status %d", (int)status);
    status = v.core->activity_descent(&m->net, &b->batch, &objective, &activity_options, &r.report,
                                      workspace, 1);
    CHECK(status == PCNET_ENERGY_NOT_FINITE, "status %d", (int)status);
    report_free(&r);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}

/* With targets that are no probabilities the log loss has no least value: it falls along the
 * gradient, here until the second output overflows, while the errors and the first do not. */
void test_unbounded_energy(variant v) {
    const shape s = {"unbounded", 2, {1, 1, 2}, PCNET_IDENTITY, 0, 0};
    const int is_double = v.dtype == PCNET_FLOAT64;
    const double weight = is_double ? 1e160 : 1e20, precision = is_double ? 1e-10 : 0.1;
    const pcnet_objective objective = {PCNET_LOG_LOSS, precision, 0, 0, 0, NULL};
    const pcnet_error_descent options = {8, 0, 0, 0};
    model *m = model_new(v, &s);
    samples *b = samples_new(m, 1, PCNET_LOG_LOSS);
    void *workspace = workspace_new(m, 1, 1);
    void *history = exact_alloc(v.core->history_size(&m->net, 2, 1, 1));
    pcnet_quasi_newton newton = {options, 2, 0, history};
    report_arrays r = report_new(1, 8);
    vec_set(b->inputs, 0, 0);
    for (int k = 0; k < 2; k++) {
        m->scales[k] = 1;
        vec_set(m->weights[1], (size_t)k, k == 0 ? 1e-5 * weight : -weight);
        vec_set(b->targets, (size_t)k, k == 0 ? 1 : -1);
    }
    model_pack(m);
    for (int method = 0; method < 3; method++) { /* the last starts where the energy overflows */
        newton.from_errors = method == 2;
        vec_set(b->errors[0], 0, is_double ? 1e150 : 1e19);
        const pcnet_status status = method == 0
                                        ? v.core->error_descent(&m->net, &b->batch, &objective,
                                                                &options, &r.report, workspace, 1)
                                        : v.core->quasi_newton(&m->net, &b->batch, &objective,
                                                               &newton, &r.report, workspace, 1);
        CHECK(status == PCNET_OK, "status %d", (int)status);
        CHECK(isfinite(vec_get(r.energy, 0)) && vec_get(r.energy, 0) < 0, "method %d: to %g",
              method, vec_get(r.energy, 0));
        for (int k = 0; k < 2; k++)
            CHECK(isfinite(activity(b, 2, 0, k)), "output %g", activity(b, 2, 0, k));
    }
    report_free(&r);
    exact_free(history);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}

static int n_calls, stop_at_call;

static int count_calls(int idle) {
    n_calls += !idle;
    return n_calls >= stop_at_call;
}

/* A call ends when `interrupted` returns 1; otherwise calls of `interrupted` change no result. */
void test_interrupted(variant v) {
    const shape s = {"wide", 5, {96, 96, 96, 96, 96, 4}, PCNET_TANH, 1, 1};
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 0.1, 0, 0, 0, NULL};
    enum { N_SAMPLES = 130, N_THREADS = 1, STEPS = 6 };
    const pcnet_error_descent error_options = {STEPS, 0, 0, 1};
    const pcnet_activity_descent activity_options = {STEPS, 0.1, 0, NULL};
    model *m = model_new(v, &s);
    samples *b = samples_new(m, N_SAMPLES, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, N_SAMPLES, N_THREADS);
    report_arrays r = report_new(N_SAMPLES, STEPS);
    for (int plain = 0; plain < 2; plain++) {
        vec energies[2];
        for (int watched = 0; watched < 2; watched++) {
            m->net.interrupted = watched ? count_calls : NULL;
            n_calls = 0;
            stop_at_call = INT_MAX;
            const pcnet_status status =
                plain ? v.core->activity_descent(&m->net, &b->batch, &objective, &activity_options,
                                                 &r.report, workspace, N_THREADS)
                      : v.core->error_descent(&m->net, &b->batch, &objective, &error_options,
                                              &r.report, workspace, N_THREADS);
            CHECK(status == PCNET_OK, "status %d", (int)status);
            energies[watched] = vec_copy(r.energy);
        }
        CHECK(vec_same(energies[0], energies[1]), "calls of `interrupted` change the energies");
        CHECK(n_calls > 2, "called %d times", n_calls);
        vec_free(&energies[0]);
        vec_free(&energies[1]);
        stop_at_call = 2;
        n_calls = 0;
        const pcnet_status status =
            plain ? v.core->activity_descent(&m->net, &b->batch, &objective, &activity_options,
                                             &r.report, workspace, N_THREADS)
                  : v.core->error_descent(&m->net, &b->batch, &objective, &error_options, &r.report,
                                          workspace, N_THREADS);
        CHECK(status == PCNET_INTERRUPTED && n_calls == 2, "status %d after %d", (int)status,
              n_calls);
    }
    report_free(&r);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}
