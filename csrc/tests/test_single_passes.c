/* The single passes against the core's gradients and the oracle. test_passes.c compares those with
 * differences of the energy. */
#include "tests.h"

#include <math.h>

typedef struct {
    model *m;
    samples *b;
    void *workspace;
    int n_threads;
    vec out[MAX_LAYERS];
    void *pointers[MAX_LAYERS];
} passes;

static double error_of(const samples *b, int l, int n, int j) {
    return vec_get(b->errors[l - 1], (size_t)n * (size_t)b->strides[l - 1] + (size_t)j);
}

static double out_of(const passes *p, int l, int n, int j) {
    return vec_get(p->out[l - 1], (size_t)n * (size_t)p->b->strides[l - 1] + (size_t)j);
}

/* z = mu + e, unit by unit; the losses and the output's deltas are those of `errors`. */
static void check_forward_from_errors(passes *p, const pcnet_objective *objective) {
    const pcnet_core *core = p->m->v.core;
    const int top = p->m->s.n_layers;
    samples *b = p->b;
    vec loss = vec_new(PCNET_FLOAT64, (size_t)b->n_samples);
    const pcnet_forward_from_errors options = {
        .from_errors = 1, .loss = loss.data, .responses = p->pointers};
    random_seed(4);
    for (int i = 0; i < top; i++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < p->m->s.sizes[i + 1]; j++)
                vec_set(b->errors[i], (size_t)n * (size_t)b->strides[i] + (size_t)j,
                        0.3 * random_value());
    pcnet_status status = core->forward_from_errors(&p->m->net, &b->batch, objective, &options,
                                                    p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    double worst = 0, loss_error = 0;
    for (int n = 0; n < b->n_samples; n++) {
        for (int l = 1; l <= top; l++)
            for (int j = 0; j < p->m->s.sizes[l]; j++) {
                const double e = l < top ? error_of(b, l, n, j) : 0;
                const double expected = oracle_prediction(p->m, b, l, n, j) + e;
                worst = fmax(worst, fabs(activity(b, l, n, j) - expected));
            }
        const double expected = oracle_layer_energy(p->m, b, objective, top, n);
        loss_error = fmax(loss_error,
                          fabs(objective->output_precision * vec_get(loss, (size_t)n) - expected) /
                              (1 + expected));
    }
    CHECK(worst < tolerance(p->m), "%s: z off by %g", p->m->s.name, worst);
    CHECK(loss_error < tolerance(p->m), "%s: loss off by %g", p->m->s.name, loss_error);
    vec_free(&loss);
}

/* `activity_gradients` of the responses v to sources s (v_L the delta) is s - decay z + decay z =
 * s. */
static void check_residual(passes *p, double decay, const vec *sources) {
    const pcnet_core *core = p->m->v.core;
    const int top = p->m->s.n_layers;
    samples *b = p->b;
    double residual = 0, largest = 1e-6;
    pcnet_batch with_responses = b->batch;
    void *signals[MAX_LAYERS];
    vec gradients[MAX_LAYERS];
    for (int i = 0; i < top; i++) {
        gradients[i] = vec_new(p->m->v.dtype, b->activities[i].n);
        signals[i] = i + 1 < top ? p->out[i].data : b->errors[i].data;
    }
    void *gradient_pointers[MAX_LAYERS] = {NULL};
    for (int i = 0; i < top; i++)
        gradient_pointers[i] = gradients[i].data;
    with_responses.errors = signals;
    core->activity_gradients(&p->m->net, &with_responses, decay, gradient_pointers, p->workspace,
                             p->n_threads);
    for (int l = 1; l < top; l++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < p->m->s.sizes[l]; j++) {
                const size_t k = (size_t)n * (size_t)b->strides[l - 1] + (size_t)j;
                const double s = sources == NULL ? 0 : vec_get(sources[l - 1], k);
                residual = fmax(residual, fabs(vec_get(gradients[l - 1], k) - s));
                largest = fmax(largest, fabs(vec_get(p->out[l - 1], k)));
            }
    CHECK(residual < tolerance(p->m) * fmax(1, largest), "%s: v is off by %g", p->m->s.name,
          residual);
    for (int i = 0; i < top; i++)
        vec_free(&gradients[i]);
}

/* After `check_forward_from_errors`: its responses, and `backward`'s, without and with sources. */
static void check_backward(passes *p, double decay) {
    const pcnet_core *core = p->m->v.core;
    const int top = p->m->s.n_layers;
    samples *b = p->b;
    vec from_pass[MAX_LAYERS];
    double worst = 0;
    for (int i = 0; i + 1 < top; i++)
        from_pass[i] = vec_copy(p->out[i]);
    pcnet_status status =
        core->backward(&p->m->net, &b->batch, decay, NULL, p->pointers, p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    for (int i = 0; i + 1 < top; i++)
        worst = fmax(worst, vec_relative_error(from_pass[i], p->out[i]));
    CHECK(worst < tolerance(p->m), "%s: responses apart by %g", p->m->s.name, worst);
    check_residual(p, decay, NULL);
    status = core->backward(&p->m->net, &b->batch, decay, b->batch.activities, p->pointers,
                            p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    check_residual(p, decay, b->activities);
    for (int i = 0; i + 1 < top; i++)
        vec_free(&from_pass[i]);
}

/* dF/dz into p->out; test_passes.c compares it with differences of the energy. */
static void find_gradients(passes *p, const pcnet_objective *objective) {
    const pcnet_core *core = p->m->v.core;
    pcnet_status status =
        core->errors(&p->m->net, &p->b->batch, objective, NULL, p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    status = core->activity_gradients(&p->m->net, &p->b->batch, objective->activity_decay,
                                      p->pointers, p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
}

/* The top layer moves by its gradient, and each layer's error by as much as its activity. */
static void check_sweep(passes *p, double decay) {
    const double rate = 0.4;
    const int top = p->m->s.n_layers;
    samples *b = p->b;
    vec z[MAX_LAYERS], e[MAX_LAYERS];
    for (int i = 0; i < top; i++) {
        z[i] = vec_copy(b->activities[i]);
        e[i] = vec_copy(b->errors[i]);
    }
    pcnet_status status = p->m->v.core->gauss_seidel_sweep(&p->m->net, &b->batch, decay, rate,
                                                           p->workspace, p->n_threads);
    CHECK(status == PCNET_OK, "status %d", (int)status);
    double apart = 0, worst = 0, moved = 0;
    for (int l = 1; l < top; l++)
        for (int n = 0; n < b->n_samples; n++)
            for (int j = 0; j < p->m->s.sizes[l]; j++) {
                const size_t k = (size_t)n * (size_t)b->strides[l - 1] + (size_t)j;
                const double step = vec_get(b->activities[l - 1], k) - vec_get(z[l - 1], k);
                apart =
                    fmax(apart, fabs(vec_get(b->errors[l - 1], k) - vec_get(e[l - 1], k) - step));
                if (l == top - 1) /* the other gradients have changed since */
                    worst = fmax(worst, fabs(step + rate * out_of(p, l, n, j)));
                moved = fmax(moved, fabs(step));
            }
    CHECK(apart < tolerance(p->m), "%s: z and e apart by %g", p->m->s.name, apart);
    CHECK(worst < tolerance(p->m), "%s: top layer off by %g", p->m->s.name, worst);
    CHECK(top == 1 || moved > 0, "%s: nothing moved", p->m->s.name);
    for (int i = 0; i < top; i++) {
        vec_free(&z[i]);
        vec_free(&e[i]);
    }
}

void test_single_passes(variant v, const shape *s, int n_samples, int n_threads,
                        const pcnet_objective *objective) {
    passes p = {.m = model_new(v, s), .n_threads = n_threads};
    p.b = samples_new(p.m, n_samples, (pcnet_loss)objective->loss);
    p.workspace = workspace_new(p.m, n_samples, n_threads);
    for (int i = 0; i < s->n_layers; i++) {
        p.out[i] = vec_new(v.dtype, p.b->activities[i].n);
        p.pointers[i] = p.out[i].data;
    }
    check_forward_from_errors(&p, objective);
    check_backward(&p, objective->activity_decay);
    find_gradients(&p, objective);
    check_sweep(&p, objective->activity_decay);
    for (int i = 0; i < s->n_layers; i++)
        vec_free(&p.out[i]);
    exact_free(p.workspace);
    samples_free(p.b);
    model_free(p.m);
}
