/* Forward pass, errors, energies and gradients against the oracle and its differences. */
#include "tests.h"

#include <math.h>

/* Activities off the feed-forward state, so that no error is 0. */
static void perturb(const model *m, samples *b) {
    random_seed(3);
    for (int l = 1; l < m->s.n_layers; l++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < m->s.sizes[l]; j++)
                set_activity(b, l, n, j, activity(b, l, n, j) + 0.3 * random_value());
}

static void check_forward(const model *m, samples *b, void *workspace, int n_threads) {
    const int n_layers = m->s.n_layers, n_outputs = m->s.sizes[n_layers];
    double worst = 0;
    pcnet_status status = m->v.core->forward(&m->net, &b->batch, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    for (int l = 1; l <= n_layers; l++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < m->s.sizes[l]; j++)
                worst = fmax(worst, fabs(activity(b, l, n, j) - oracle_prediction(m, b, l, n, j)));
    CHECK(worst < tolerance(m), "%s: prediction off by %g", m->s.name, worst);

    vec out = vec_new(m->v.dtype, (size_t)b->n_samples * (size_t)n_outputs);
    status = m->v.core->output(&m->net, &b->batch, out.data, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    worst = 0;
    for (int n = 0; n < b->n_samples; n++)
        for (int j = 0; j < n_outputs; j++)
            worst = fmax(worst, fabs(activity(b, n_layers, n, j) -
                                     vec_get(out, (size_t)n * (size_t)n_outputs + (size_t)j)));
    CHECK(worst < tolerance(m), "%s: output off by %g", m->s.name, worst);
    vec_free(&out);
}

/* Layer energies; at the feed-forward state the hidden ones are exactly 0. */
static void check_energies(const model *m, samples *b, const pcnet_objective *objective,
                           void *workspace, int n_threads, int is_feed_forward) {
    const int n_layers = m->s.n_layers;
    vec energies = vec_new(PCNET_FLOAT64, (size_t)b->n_samples * (size_t)n_layers);
    pcnet_status status =
        m->v.core->errors(&m->net, &b->batch, objective, energies.data, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    double worst = 0, hidden = 0;
    for (int n = 0; n < b->n_samples; n++)
        for (int l = 1; l <= n_layers; l++) {
            double got = vec_get(energies, (size_t)n * (size_t)n_layers + (size_t)l - 1);
            double expected = oracle_layer_energy(m, b, objective, l, n);
            worst = fmax(worst, fabs(got - expected) / (1 + expected));
            if (l < n_layers)
                hidden = fmax(hidden, got);
        }
    CHECK(worst < tolerance(m), "%s: energy off by %g", m->s.name, worst);
    CHECK(!is_feed_forward || hidden == 0, "%s: hidden energy %g", m->s.name, hidden);
    vec_free(&energies);
}

/* dF/dz of one sample by central differences of the oracle's energy.  The oracle works in double
 * on values of the dtype, so the step is the one that rounding left. */
static double difference_by_activity(const model *m, samples *b, const pcnet_objective *objective,
                                     int l, int n, int j) {
    const double step = m->v.dtype == PCNET_FLOAT64 ? 1e-6 : 1.0 / 65536, z = activity(b, l, n, j);
    set_activity(b, l, n, j, z + step);
    const double above = activity(b, l, n, j); /* rounded to the dtype */
    double slope = oracle_energy(m, b, objective, n);
    set_activity(b, l, n, j, z - step);
    slope = (slope - oracle_energy(m, b, objective, n)) / (above - activity(b, l, n, j));
    set_activity(b, l, n, j, z);
    return slope;
}

static void check_activity_gradients(const model *m, samples *b, const pcnet_objective *objective,
                                     void *workspace, int n_threads) {
    vec gradients[MAX_LAYERS];
    void *pointers[MAX_LAYERS] = {0};
    const int n_hidden = m->s.n_layers - 1, last = b->n_samples - 1;
    for (int i = 0; i < n_hidden; i++) {
        gradients[i] = vec_new(m->v.dtype, b->activities[i].n);
        pointers[i] = gradients[i].data;
    }
    pcnet_status status =
        m->v.core->errors(&m->net, &b->batch, objective, NULL, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    status = m->v.core->activity_gradients(&m->net, &b->batch, objective->activity_decay, pointers,
                                           workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    double worst = 0;
    for (int l = 1; l <= n_hidden; l++)
        for (int j = 0; j < m->s.sizes[l]; j++)
            for (int n = 0; n <= last; n += last ? last : 1) { /* the first and the last */
                double got =
                    vec_get(gradients[l - 1], (size_t)n * (size_t)b->strides[l - 1] + (size_t)j);
                double expected = difference_by_activity(m, b, objective, l, n, j);
                worst = fmax(worst, fabs(got - expected) / (1 + fabs(expected)));
            }
    CHECK(worst < difference_tolerance(m), "%s: dF/dz off by %g", m->s.name, worst);
    for (int i = 0; i < n_hidden; i++)
        vec_free(&gradients[i]);
}

/* Mean energy of a layer, weighted; only this layer's depends on its weights. */
static double mean_energy(const model *m, const samples *b, const pcnet_objective *objective, int l,
                          const double *sample_weight) {
    double sum = 0;
    for (int n = 0; n < b->n_samples; n++)
        sum += sample_weight[n] * oracle_layer_energy(m, b, objective, l, n);
    return sum;
}

static double difference_by_parameter(const model *m, samples *b, const pcnet_objective *objective,
                                      int l, const double *sample_weight, vec parameters,
                                      size_t i) {
    const double step = m->v.dtype == PCNET_FLOAT64 ? 1e-6 : 1.0 / 65536,
                 w = vec_get(parameters, i);
    vec_set(parameters, i, w + step);
    const double above = vec_get(parameters, i);
    double slope = mean_energy(m, b, objective, l, sample_weight);
    vec_set(parameters, i, w - step);
    slope =
        (slope - mean_energy(m, b, objective, l, sample_weight)) / (above - vec_get(parameters, i));
    vec_set(parameters, i, w);
    return slope;
}

static void check_weight_gradients(const model *m, samples *b, const pcnet_objective *objective,
                                   void *workspace, int n_threads) {
    vec weights[MAX_LAYERS], biases[MAX_LAYERS];
    void *weight_pointers[MAX_LAYERS], *bias_pointers[MAX_LAYERS];
    vec sample_weight = sample_weights(b->n_samples);
    for (int i = 0; i < m->s.n_layers; i++) {
        weights[i] = vec_new(m->v.dtype, n_weights(m, i + 1));
        biases[i] = vec_new(m->v.dtype, (size_t)m->s.sizes[i + 1]);
        weight_pointers[i] = weights[i].data;
        bias_pointers[i] = biases[i].data;
    }
    m->v.core->errors(&m->net, &b->batch, objective, NULL, workspace, n_threads);
    pcnet_status status =
        m->v.core->weight_gradients(&m->net, &b->batch, sample_weight.data, weight_pointers,
                                    m->s.bias ? bias_pointers : NULL, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    double worst = 0;
    for (int l = 1; l <= m->s.n_layers; l++) {
        const size_t n = n_weights(m, l), n_out = (size_t)m->s.sizes[l];
        for (size_t i = 0; i < n; i += 1 + n / 7) { /* some entries of the matrix */
            double expected = difference_by_parameter(m, b, objective, l, sample_weight.data,
                                                      m->weights[l - 1], i);
            worst = fmax(worst, fabs(vec_get(weights[l - 1], i) - expected));
        }
        for (size_t i = 0; m->s.bias && i < n_out; i += 1 + n_out / 3) {
            double expected = difference_by_parameter(m, b, objective, l, sample_weight.data,
                                                      m->biases[l - 1], i);
            worst = fmax(worst, fabs(vec_get(biases[l - 1], i) - expected));
        }
    }
    CHECK(worst < difference_tolerance(m), "%s: dF/dW off by %g", m->s.name, worst);
    for (int i = 0; i < m->s.n_layers; i++) {
        vec_free(&weights[i]);
        vec_free(&biases[i]);
    }
    vec_free(&sample_weight);
}

void test_passes(variant v, const shape *s, int n_samples, int n_threads,
                 const pcnet_objective *objective) {
    model *m = model_new(v, s);
    void *workspace = workspace_new(m, n_samples, n_threads);
    samples *b = samples_new(m, n_samples, (pcnet_loss)objective->loss);
    check_forward(m, b, workspace, n_threads);
    check_energies(m, b, objective, workspace, n_threads, 1);
    perturb(m, b);
    check_energies(m, b, objective, workspace, n_threads, 0);
    check_activity_gradients(m, b, objective, workspace, n_threads);
    check_weight_gradients(m, b, objective, workspace, n_threads);
    if (n_samples == 1 || n_samples == pcnet_tile_size() + 1) { /* two tiles: the others add none */
        observe_in_part(b);
        check_energies(m, b, objective, workspace, n_threads, 0);
        check_activity_gradients(m, b, objective, workspace, n_threads);
        check_weight_gradients(m, b, objective, workspace, n_threads);
    }
    samples_free(b);
    exact_free(workspace);
    model_free(m);
}

void test_activations(variant v) {
    enum { N = 401 };
    for (int f = 0; f < PCNET_N_ACTIVATIONS; f++) {
        const double step = 1e-5, single = v.dtype == PCNET_FLOAT32 ? 1e-6 : 1e-13;
        double value_error = 0, slope_error = 0;
        vec z = vec_new(v.dtype, N), values = vec_new(v.dtype, N), slopes = vec_new(v.dtype, N);
        for (size_t i = 0; i < N; i++)
            vec_set(z, i, ((double)i - 200.3) / 25); /* -8 .. 8, no kink hit */
        values_and_slopes(&v, f, 1, N, z, values, slopes);
        for (size_t i = 0; i < N; i++) {
            const double x = vec_get(z, i), expected = oracle_activation((pcnet_activation)f, x);
            const double slope = (oracle_activation((pcnet_activation)f, x + step) -
                                  oracle_activation((pcnet_activation)f, x - step)) /
                                 (2 * step);
            value_error =
                fmax(value_error, fabs(vec_get(values, i) - expected) / (1 + fabs(expected)));
            slope_error = fmax(slope_error, fabs(vec_get(slopes, i) - slope));
        }
        CHECK(value_error < 4 * single, "activation %d: value off by %g", f, value_error);
        CHECK(slope_error < 1e-8 + 20 * single, "activation %d: slope off by %g", f, slope_error);
        vec_free(&z);
        vec_free(&values);
        vec_free(&slopes);
    }
}

void test_packing(variant v) {
    static const int sizes[][2] = {{1, 1}, {1, 33}, {33, 1}, {5, 16}, {17, 31}, {64, 65}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const int rows = sizes[i][0], columns = sizes[i][1];
        const size_t n = (size_t)rows * (size_t)columns;
        vec plain = vec_new(v.dtype, n), back = vec_new(v.dtype, n),
            transposed = vec_new(v.dtype, n);
        vec packed = vec_new(v.dtype, v.core->packed_size(rows, columns));
        vec packed_t = vec_new(v.dtype, v.core->packed_size(columns, rows));
        vec_random(plain, 1);
        v.core->pack(rows, columns, plain.data, packed.data);
        v.core->unpack(rows, columns, packed.data, back.data);
        CHECK(vec_same(plain, back), "%d x %d", rows, columns);
        v.core->pack_transposed(rows, columns, plain.data, packed_t.data);
        v.core->unpack(columns, rows, packed_t.data, transposed.data);
        int same = 1;
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                same &= vec_get(plain, (size_t)r * (size_t)columns + (size_t)c) ==
                        vec_get(transposed, (size_t)c * (size_t)rows + (size_t)r);
        CHECK(same, "%d x %d", rows, columns);
        vec_free(&plain);
        vec_free(&back);
        vec_free(&transposed);
        vec_free(&packed);
        vec_free(&packed_t);
    }
}

/* `output` reports an input that is inf or nan by its status, even if ReLU, weights of 0 or another
 * infinity hide it in mu_L; it reports large inputs that overflow, too. */
void test_not_finite_input(variant v, const shape *s, int n_samples) {
    const double bad[] = {NAN, INFINITY, -INFINITY};
    model *m = model_new(v, s);
    samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, n_samples, 2);
    vec out = vec_new(v.dtype, (size_t)n_samples * (size_t)s->sizes[s->n_layers]);
    for (size_t k = 0; k < m->weights[0].n; k++)
        vec_set(m->weights[0], k, 0);
    model_pack(m);
    CHECK(v.core->output(&m->net, &b->batch, out.data, workspace, 2) == PCNET_OK,
          "%s: finite inputs", s->name);
    for (size_t place = 0; place < b->inputs.n; place += 1 + b->inputs.n / 7)
        for (int k = 0; k < 3; k++) {
            const double kept = vec_get(b->inputs, place);
            vec_set(b->inputs, place, bad[k]);
            CHECK(v.core->output(&m->net, &b->batch, out.data, workspace, 2) ==
                      PCNET_OUTPUT_NOT_FINITE,
                  "%s: input %d is %g", s->name, (int)place, bad[k]);
            vec_set(b->inputs, place, kept);
        }
    vec_free(&out);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}
