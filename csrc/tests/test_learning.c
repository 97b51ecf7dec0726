/* The update against its formulas, gradients that are not finite, and bits over threads. */
#include "tests.h"

#include <math.h>
#include <string.h>

enum { N_UPDATES = 3 };

typedef struct {
    vec first[MAX_LAYERS], second[MAX_LAYERS], bias_first[MAX_LAYERS], bias_second[MAX_LAYERS];
    void *forward[MAX_LAYERS], *backward[MAX_LAYERS], *biases[MAX_LAYERS];
    void *pointers[4][MAX_LAYERS];
    double weight_rates[MAX_LAYERS], bias_rates[MAX_LAYERS];
    double weight_scales[MAX_LAYERS], bias_scales[MAX_LAYERS];
    pcnet_update update;
} optimizer;

static optimizer *optimizer_new(model *m, int solver) {
    optimizer *o = exact_alloc(sizeof *o);
    for (int i = 0; i < m->s.n_layers; i++) {
        const size_t n_out = (size_t)m->s.sizes[i + 1];
        o->first[i] = vec_new(m->v.dtype, m->packed_weights[i].n);
        o->second[i] = vec_new(m->v.dtype, m->packed_weights[i].n);
        o->bias_first[i] = vec_new(m->v.dtype, n_out);
        o->bias_second[i] = vec_new(m->v.dtype, n_out);
        o->pointers[0][i] = o->first[i].data;
        o->pointers[1][i] = o->second[i].data;
        o->pointers[2][i] = o->bias_first[i].data;
        o->pointers[3][i] = o->bias_second[i].data;
        o->forward[i] = m->packed_weights[i].data;
        o->backward[i] = m->packed_transposes[i].data;
        o->biases[i] = m->biases[i].data;
        o->weight_rates[i] = 0.01 / (i + 1);
        o->bias_rates[i] = 0.02 / (i + 1);
        o->weight_scales[i] = 1 + i;
        o->bias_scales[i] = 2 + i;
    }
    o->update = (pcnet_update){
        .solver = solver,
        .beta_1 = 0.8,
        .beta_2 = 0.99,
        .epsilon = 1e-3, /* large, or Adam would amplify the rounding of tiny gradients */
        .shrink = 0.999,
        .weight_rates = o->weight_rates,
        .bias_rates = o->bias_rates,
        .weight_scales = o->weight_scales,
        .bias_scales = o->bias_scales,
        .packed_weights = o->forward,
        .packed_transposes = m->v.packed == WITH_TRANSPOSES ? o->backward : NULL,
        .first_moments = o->pointers[0],
        .second_moments = o->pointers[1],
        .biases = m->s.bias ? o->biases : NULL,
        .bias_first_moments = o->pointers[2],
        .bias_second_moments = o->pointers[3],
    };
    return o;
}

static void optimizer_free(optimizer *o) {
    for (int i = 0; i < MAX_LAYERS; i++) {
        vec_free(&o->first[i]);
        vec_free(&o->second[i]);
        vec_free(&o->bias_first[i]);
        vec_free(&o->bias_second[i]);
    }
    exact_free(o);
}

/* A parameter after t updates with the gradient g, by the solver's formula. */
static double expected_value(const pcnet_update *u, double w, double g, double rate, double shrink,
                             int n_updates) {
    double m = 0, v = 0;
    for (int t = 1; t <= n_updates; t++) {
        w *= shrink;
        if (u->solver == PCNET_ADAM) {
            m = u->beta_1 * m + (1 - u->beta_1) * g;
            v = u->beta_2 * v + (1 - u->beta_2) * g * g;
            w -= rate * (m / (1 - pow(u->beta_1, t))) /
                 (sqrt(v / (1 - pow(u->beta_2, t))) + u->epsilon);
        } else {
            m = u->beta_1 * m - rate * g;
            w += u->solver == PCNET_NESTEROV ? u->beta_1 * m - rate * g : m;
        }
    }
    return w;
}

/* Fills activities and errors with a state that is no equilibrium. */
static void make_state(const model *m, samples *b, void *workspace) {
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 1, 0, 0, 0, NULL};
    m->v.core->forward(&m->net, &b->batch, workspace, 1);
    random_seed(4);
    for (int l = 1; l < m->s.n_layers; l++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < m->s.sizes[l]; j++)
                set_activity(b, l, n, j, activity(b, l, n, j) + random_value());
    m->v.core->errors(&m->net, &b->batch, &objective, NULL, workspace, 1);
}

typedef struct {
    vec weights[MAX_LAYERS], biases[MAX_LAYERS];
    void *weight_pointers[MAX_LAYERS], *bias_pointers[MAX_LAYERS];
} gradients;

static gradients *gradients_new(const model *m) {
    gradients *g = exact_alloc(sizeof *g);
    for (int i = 0; i < m->s.n_layers; i++) {
        g->weights[i] = vec_new(m->v.dtype, n_weights(m, i + 1));
        g->biases[i] = vec_new(m->v.dtype, (size_t)m->s.sizes[i + 1]);
        g->weight_pointers[i] = g->weights[i].data;
        g->bias_pointers[i] = g->biases[i].data;
    }
    return g;
}

static void gradients_free(gradients *g) {
    for (int i = 0; i < MAX_LAYERS; i++) {
        vec_free(&g->weights[i]);
        vec_free(&g->biases[i]);
    }
    exact_free(g);
}

static void check_layer(const model *m, const optimizer *o, const gradients *g, int i) {
    const pcnet_update *u = &o->update;
    const int n_in = m->s.sizes[i], n_out = m->s.sizes[i + 1];
    const double limit = m->v.dtype == PCNET_FLOAT64 ? 1e-9 : 2e-5;
    vec now = vec_new(m->v.dtype, n_weights(m, i + 1));
    vec transposed = vec_new(m->v.dtype, now.n);
    m->v.core->unpack(n_in, n_out, m->packed_weights[i].data, now.data);
    const int has_transposed = i > 0 && m->v.packed == WITH_TRANSPOSES;
    if (has_transposed)
        m->v.core->unpack(n_out, n_in, m->packed_transposes[i].data, transposed.data);
    double worst = 0;
    int same = 1;
    for (int r = 0; r < n_in; r++)
        for (int c = 0; c < n_out; c++) {
            const size_t k = (size_t)r * (size_t)n_out + (size_t)c;
            /* the solver's gradient leaves a_l out */
            const double gradient = u->weight_scales[i] * vec_get(g->weights[i], k) / m->scales[i];
            const double expected = expected_value(u, vec_get(m->weights[i], k), gradient,
                                                   u->weight_rates[i], u->shrink, N_UPDATES);
            worst = fmax(worst, fabs(vec_get(now, k) - expected));
            same &= !has_transposed ||
                    vec_get(now, k) == vec_get(transposed, (size_t)c * (size_t)n_in + (size_t)r);
        }
    CHECK(worst < limit, "%s, solver %d, layer %d: off by %g", m->s.name, u->solver, i + 1, worst);
    CHECK(same, "%s, layer %d: the transpose differs", m->s.name, i + 1);
    vec_free(&now);
    vec_free(&transposed);
}

/* The square of the gradient, summed over the entries of what weight_gradients gives. */
static void check_square(model *m, samples *b, const optimizer *o, const gradients *g,
                         vec sample_weight, void *workspace) {
    double expected = 0, square = -1;
    for (int n_threads = 1; n_threads <= 2; n_threads++) {
        const double before = square;
        pcnet_status status = m->v.core->gradient_square(&m->net, &b->batch, sample_weight.data,
                                                         &o->update, &square, workspace, n_threads);
        CHECK(status == PCNET_OK, "status %d", (int)status);
        CHECK(n_threads == 1 || square == before, "%s: bits over threads", m->s.name);
    }
    for (int i = 0; i < m->s.n_layers; i++) {
        for (size_t k = 0; k < g->weights[i].n; k++)
            expected += pow(o->weight_scales[i] * vec_get(g->weights[i], k) / m->scales[i], 2);
        for (size_t k = 0; m->s.bias && k < g->biases[i].n; k++)
            expected += pow(o->bias_scales[i] * vec_get(g->biases[i], k), 2);
    }
    CHECK(fabs(square - expected) <= tolerance(m) * expected, "%s: %g, expected %g", m->s.name,
          square, expected);
}

void test_update(variant v, const shape *s, int n_samples, int n_threads) {
    for (int solver = PCNET_ADAM; solver <= PCNET_NESTEROV; solver++) {
        model *m = model_new(v, s);
        samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
        void *workspace = workspace_new(m, n_samples, n_threads);
        optimizer *o = optimizer_new(m, solver);
        gradients *g = gradients_new(m);
        vec sample_weight = sample_weights(n_samples), old_biases[MAX_LAYERS];
        make_state(m, b, workspace);
        v.core->weight_gradients(&m->net, &b->batch, sample_weight.data, g->weight_pointers,
                                 s->bias ? g->bias_pointers : NULL, workspace, n_threads);
        void *for_two = workspace_new(m, n_samples, 2);
        check_square(m, b, o, g, sample_weight, for_two);
        exact_free(for_two);
        for (int i = 0; i < s->n_layers; i++)
            old_biases[i] = vec_copy(m->biases[i]);
        for (int t = 1; t <= N_UPDATES; t++) { /* the state and the gradient stay the same */
            pcnet_fault fault = {0};
            o->update.n_updates = t;
            pcnet_status status = v.core->update(&m->net, &b->batch, sample_weight.data, &o->update,
                                                 &fault, workspace, n_threads);
            CHECK(status == PCNET_OK, "status %d, layer %d", (int)status, fault.layer);
        }
        for (int i = 0; i < s->n_layers; i++) {
            check_layer(m, o, g, i);
            for (size_t k = 0; s->bias && k < m->biases[i].n; k++) {
                const double gradient = o->bias_scales[i] * vec_get(g->biases[i], k);
                const double expected = expected_value(&o->update, vec_get(old_biases[i], k),
                                                       gradient, o->bias_rates[i], 1, N_UPDATES);
                CHECK(fabs(vec_get(m->biases[i], k) - expected) <
                          (v.dtype == PCNET_FLOAT64 ? 1e-9 : 2e-5),
                      "%s, solver %d, layer %d: bias %d", s->name, solver, i + 1, (int)k);
            }
            vec_free(&old_biases[i]);
        }
        vec_free(&sample_weight);
        gradients_free(g);
        optimizer_free(o);
        exact_free(workspace);
        samples_free(b);
        model_free(m);
    }
}

/* A step from the gradients that packed_gradients wrote has the bits of one from the batch. */
void test_stored_gradients(variant v, const shape *s, int n_samples, int n_threads) {
    model *fused = model_new(v, s), *stored = model_new(v, s);
    samples *b = samples_new(fused, n_samples, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(fused, n_samples, n_threads);
    optimizer *a = optimizer_new(fused, PCNET_ADAM), *o = optimizer_new(stored, PCNET_ADAM);
    vec weights[MAX_LAYERS], biases[MAX_LAYERS], sample_weight = sample_weights(n_samples);
    void *weight_at[MAX_LAYERS], *bias_at[MAX_LAYERS];
    for (int i = 0; i < s->n_layers; i++) {
        weight_at[i] = (weights[i] = vec_new(v.dtype, stored->packed_weights[i].n)).data;
        bias_at[i] = (biases[i] = vec_new(v.dtype, (size_t)s->sizes[i + 1])).data;
    }
    make_state(fused, b, workspace);
    double squares[2] = {-1, -2};
    pcnet_fault fault = {0};
    a->update.n_updates = o->update.n_updates = 1;
    o->update.weight_gradients = (const void *const *)weight_at;
    o->update.bias_gradients = (const void *const *)bias_at;
    pcnet_status status =
        v.core->packed_gradients(&fused->net, &b->batch, sample_weight.data, weight_at,
                                 s->bias ? bias_at : NULL, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    v.core->gradient_square(&fused->net, &b->batch, sample_weight.data, &a->update, &squares[0],
                            workspace, n_threads);
    v.core->gradient_square(&stored->net, NULL, NULL, &o->update, &squares[1], workspace,
                            n_threads);
    CHECK(squares[0] == squares[1], "%s: %g, %g", s->name, squares[0], squares[1]);
    v.core->update(&fused->net, &b->batch, sample_weight.data, &a->update, &fault, workspace,
                   n_threads);
    status = v.core->update(&stored->net, NULL, NULL, &o->update, &fault, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d, layer %d", (int)status, fault.layer);
    for (int i = 0; i < s->n_layers; i++) {
        CHECK(vec_same(fused->packed_weights[i], stored->packed_weights[i]) &&
                  vec_same(fused->biases[i], stored->biases[i]) &&
                  vec_same(a->first[i], o->first[i]) && vec_same(a->second[i], o->second[i]),
              "%s: layer %d", s->name, i + 1);
        vec_free(&weights[i]);
        vec_free(&biases[i]);
    }
    vec_free(&sample_weight);
    optimizer_free(a);
    optimizer_free(o);
    exact_free(workspace);
    samples_free(b);
    model_free(fused);
    model_free(stored);
}

static int all_finite(vec v) {
    for (size_t i = 0; i < v.n; i++)
        if (!isfinite(vec_get(v, i)))
            return 0;
    return 1;
}

/* The update writes only finite numbers, in weights and moments. */
void test_not_finite_gradient(variant v, const shape *s) {
    const int n_samples = 3, bad_layer = s->n_layers > 1 ? 2 : 1;
    model *m = model_new(v, s);
    samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
    void *workspace = workspace_new(m, n_samples, 2);
    optimizer *o = optimizer_new(m, PCNET_ADAM);
    vec sample_weight = vec_new(PCNET_FLOAT64, (size_t)n_samples);
    pcnet_fault fault = {0};
    for (int n = 0; n < n_samples; n++)
        vec_set(sample_weight, (size_t)n, 1.0 / n_samples);
    make_state(m, b, workspace);
    vec_set(b->errors[bad_layer - 1], 0, NAN);
    o->update.n_updates = 1;
    pcnet_status status =
        v.core->update(&m->net, &b->batch, sample_weight.data, &o->update, &fault, workspace, 2);
    CHECK(status == PCNET_GRADIENT_NOT_FINITE, "status %d", (int)status);
    CHECK(fault.layer == bad_layer, "layer %d", fault.layer);
    for (int i = 0; i < s->n_layers; i++)
        CHECK(all_finite(m->packed_weights[i]) && all_finite(m->packed_transposes[i]) &&
                  all_finite(m->biases[i]) && all_finite(o->first[i]) && all_finite(o->second[i]) &&
                  all_finite(o->bias_first[i]) && all_finite(o->bias_second[i]),
              "%s: layer %d", s->name, i + 1);
    vec_free(&sample_weight);
    optimizer_free(o);
    exact_free(workspace);
    samples_free(b);
    model_free(m);
}

/* Inference and an update with n_threads; leaves its results in m and b. */
static void train_once(model *m, samples *b, int n_threads) {
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 0.7, 0, 0, 0, NULL};
    const pcnet_error_descent options = {6, 1e-2, 1e-6, 1};
    const size_t n = (size_t)b->n_samples;
    void *workspace = workspace_new(m, b->n_samples, n_threads);
    vec energy = vec_new(PCNET_FLOAT64, n), loss = vec_new(PCNET_FLOAT64, n);
    vec sample_weight = sample_weights(b->n_samples);
    int *counts = exact_alloc(3 * n * sizeof *counts);
    const pcnet_report report = {
        .energy = energy.data,
        .loss = loss.data,
        .n_steps = counts,
        .n_half_passes = counts + n,
        .status = counts + 2 * n,
    };
    optimizer *o = optimizer_new(m, PCNET_ADAM);
    pcnet_fault fault = {0};
    o->update.n_updates = 1;
    pcnet_status status = m->v.core->error_descent(&m->net, &b->batch, &objective, &options,
                                                   &report, workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    status = m->v.core->update(&m->net, &b->batch, sample_weight.data, &o->update, &fault,
                               workspace, n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    optimizer_free(o);
    exact_free(counts);
    vec_free(&energy);
    vec_free(&loss);
    vec_free(&sample_weight);
    exact_free(workspace);
}

void test_same_bits(variant v, const shape *s, int n_samples) {
    model *first = model_new(v, s);
    samples *first_state = samples_new(first, n_samples, PCNET_SQUARED_ERROR);
    train_once(first, first_state, 1);
    for (int n_threads = 2; n_threads <= 3; n_threads++) {
        model *m = model_new(v, s);
        samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
        train_once(m, b, n_threads);
        for (int i = 0; i < s->n_layers; i++)
            CHECK(vec_same(b->activities[i], first_state->activities[i]) &&
                      vec_same(b->errors[i], first_state->errors[i]) &&
                      vec_same(m->packed_weights[i], first->packed_weights[i]) &&
                      vec_same(m->biases[i], first->biases[i]),
                  "%s: layer %d with %d threads", s->name, i + 1, n_threads);
        samples_free(b);
        model_free(m);
    }
    samples_free(first_state);
    model_free(first);
}
