/* Log determinants against elimination of the whole Hessian, one sample at a time, in double. */
#include "tests.h"

#include <math.h>

typedef struct {
    const model *m;
    int n_samples, n_layers, n_outputs; /* n_outputs: different curvatures V */
    vec squares[MAX_LAYERS], slopes[MAX_LAYERS], outputs;
    const void *weights[MAX_LAYERS], *square_pointers[MAX_LAYERS], *slope_pointers[MAX_LAYERS];
    int *output_of;
    pcnet_curvatures curvatures;
} problem;

/* Entry (i, j) of W_l, l = 1..H; without scales. */
static double weight(const problem *p, int l, int i, int j) {
    return vec_get(p->m->weights[l - 1], (size_t)(i * p->m->s.sizes[l] + j));
}

static double slope_of_unit(const problem *p, int l, int sample, int j) {
    return vec_get(p->slopes[l], (size_t)(sample * p->m->s.sizes[l] + j));
}

/* d mu_l,j / d z_l-1,i */
static double derivative(const problem *p, int l, int sample, int i, int j) {
    const int through = p->m->skips[l - 1] && i == j;
    return slope_of_unit(p, l - 1, sample, i) * weight(p, l, i, j) + through;
}

static void fill_squares(problem *p, int l) {
    const int n = p->m->s.sizes[l - 1];
    p->squares[l - 1] = vec_new(p->m->v.dtype, (size_t)(n * n));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < p->m->s.sizes[l]; k++)
                sum += weight(p, l, i, k) * weight(p, l, j, k);
            vec_set(p->squares[l - 1], (size_t)(i * n + j), sum);
        }
}

/* V = A A^T with random A. */
static void fill_outputs(problem *p) {
    const int n = p->m->s.sizes[p->n_layers];
    vec A = vec_new(PCNET_FLOAT64, (size_t)(n * 3));
    p->outputs = vec_new(p->m->v.dtype, (size_t)(p->n_outputs * n * n));
    for (int number = 0; number < p->n_outputs; number++) {
        vec_random(A, 1);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < 3; k++)
                    sum += vec_get(A, (size_t)(3 * i + k)) * vec_get(A, (size_t)(3 * j + k));
                vec_set(p->outputs, (size_t)((number * n + i) * n + j), sum);
            }
    }
    vec_free(&A);
}

static void problem_open(problem *p, const model *m, int n_samples) {
    *p = (problem){.m = m, .n_samples = n_samples, .n_layers = m->s.n_layers - 1, .n_outputs = 3};
    random_seed(8);
    for (int l = 0; l <= p->n_layers; l++) {
        p->slopes[l] = vec_new(m->v.dtype, (size_t)(n_samples * m->s.sizes[l]));
        vec_random(p->slopes[l], 0.3);
        p->slope_pointers[l] = p->slopes[l].data;
        if (l == 0)
            continue;
        fill_squares(p, l);
        p->weights[l - 1] = m->weights[l - 1].data;
        p->square_pointers[l - 1] = p->squares[l - 1].data;
    }
    fill_outputs(p);
    p->output_of = exact_alloc((size_t)n_samples * sizeof(int));
    for (int i = 0; i < n_samples; i++)
        p->output_of[i] = i < n_samples / 2 ? 0 : i % p->n_outputs;
    p->curvatures = (pcnet_curvatures){
        .n_samples = n_samples,
        .n_layers = p->n_layers,
        .sizes = m->s.sizes,
        .skips = m->skips,
        .weights = p->weights,
        .squares = p->square_pointers,
        .slopes = p->slope_pointers,
        .outputs = p->outputs.data,
        .output_of = p->output_of,
    };
}

static void problem_close(problem *p) {
    for (int l = 0; l <= p->n_layers; l++)
        vec_free(&p->slopes[l]);
    for (int l = 1; l <= p->n_layers; l++)
        vec_free(&p->squares[l - 1]);
    vec_free(&p->outputs);
    exact_free(p->output_of);
}

/* The Hessian of a sample into H (n, n), n units in all. */
static void fill_hessian(const problem *p, int sample, int n, double *H) {
    const int *sizes = p->m->s.sizes, top = p->n_layers;
    for (int i = 0; i < n * n; i++)
        H[i] = i % (n + 1) == 0;
    int start = 0;
    for (int l = 1; l <= top; start += sizes[l - 1], l++)
        for (int i = 0; i < sizes[l - 1]; i++) {
            for (int j = 0; j < sizes[l]; j++) {
                const int above = start + sizes[l - 1] + j;
                H[(start + i) * n + above] -= derivative(p, l, sample, i, j);
                H[above * n + start + i] -= derivative(p, l, sample, i, j);
                for (int k = 0; k < sizes[l - 1]; k++)
                    H[(start + i) * n + start + k] +=
                        derivative(p, l, sample, i, j) * derivative(p, l, sample, k, j);
            }
        }
    for (int i = 0; i < sizes[top]; i++)
        for (int j = 0; j < sizes[top]; j++) {
            const int at = (p->output_of[sample] * sizes[top] + i) * sizes[top] + j;
            H[(start + i) * n + start + j] += slope_of_unit(p, top, sample, i) *
                                              slope_of_unit(p, top, sample, j) *
                                              vec_get(p->outputs, (size_t)at);
        }
}

static double half_log_determinant(int n, double *H) {
    double sum = 0;
    for (int k = 0; k < n; k++) {
        sum += 0.5 * log(H[k * n + k]);
        for (int i = k + 1; i < n; i++)
            for (int j = k + 1; j < n; j++)
                H[i * n + j] -= H[i * n + k] * H[k * n + j] / H[k * n + k];
    }
    return sum;
}

static pcnet_status solve(const problem *p, double *halves, int n_threads) {
    const pcnet_core *core = p->m->v.core;
    void *workspace = exact_alloc(core->log_determinants_size(&p->curvatures, n_threads));
    const pcnet_status status =
        core->log_determinants(&p->curvatures, halves, workspace, n_threads);
    exact_free(workspace);
    return status;
}

static void check_refused(problem *p, double *halves) {
    const pcnet_curvatures good = p->curvatures;
    const pcnet_core *core = p->m->v.core;
    p->curvatures.slopes = NULL;
    CHECK(solve(p, halves, 1) == PCNET_BAD_ARGUMENT, "accepted");
    p->curvatures = good;
    p->curvatures.n_layers = -1;
    CHECK(core->log_determinants(&p->curvatures, halves, halves, 1) == PCNET_BAD_ARGUMENT,
          "accepted");
    p->curvatures = good;
    CHECK(core->log_determinants(&good, halves, NULL, 1) == PCNET_BAD_ARGUMENT, "accepted");
    CHECK(core->log_determinants(NULL, halves, halves, 1) == PCNET_BAD_ARGUMENT, "accepted");
}

void test_log_determinants(variant v, const shape *s, int n_samples, int n_threads) {
    if (v.packed != WITH_TRANSPOSES) /* nothing is read packed */
        return;
    model *m = model_new(v, s);
    problem p;
    problem_open(&p, m, n_samples);
    vec halves = vec_new(PCNET_FLOAT64, (size_t)n_samples);
    vec again = vec_new(PCNET_FLOAT64, (size_t)n_samples);
    int n = 0;
    for (int l = 0; l <= p.n_layers; l++)
        n += s->sizes[l];
    double *H = exact_alloc((size_t)(n * n) * sizeof(double)), worst = 0;
    CHECK(solve(&p, halves.data, n_threads) == PCNET_OK, "%s", s->name);
    CHECK(solve(&p, again.data, 1) == PCNET_OK, "%s", s->name);
    CHECK(vec_same(halves, again), "%s: bits depend on the threads", s->name);
    for (int i = 0; i < n_samples; i += 1 + n_samples / 3) {
        fill_hessian(&p, i, n, H);
        const double expected = half_log_determinant(n, H);
        worst = fmax(worst, fabs(vec_get(halves, (size_t)i) - expected) / (1 + expected));
    }
    CHECK(worst < tolerance(m), "%s: log determinants off by %g", s->name, worst);
    check_refused(&p, halves.data);
    exact_free(H);
    vec_free(&halves);
    vec_free(&again);
    problem_close(&p);
    model_free(m);
}
