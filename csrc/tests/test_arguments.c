/* Bad arguments give a status, before anything is written. */
#include "tests.h"

#include <math.h>

static const pcnet_objective good_objective = {PCNET_SQUARED_ERROR, 1, 0, 0, 0, NULL};
static const pcnet_error_descent good_options = {3, 1e-3, 0, 1};
static const pcnet_activity_descent good_descent = {3, 0.1, 0.5, NULL};

enum { N_SAMPLES = 3, N_COUNTS = 3 };

typedef struct {
    model *m;
    samples *b;
    void *workspace, *history;
    vec energy, loss;
    int *counts;
    pcnet_report report;
} setting;

static pcnet_status infer_with(const setting *s, const pcnet_network *net, const pcnet_batch *batch,
                               const pcnet_objective *objective, const pcnet_error_descent *options,
                               int n_threads) {
    return s->m->v.core->error_descent(net, batch, objective, options, &s->report, s->workspace,
                                       n_threads);
}

#define REFUSED(call) CHECK((call) == PCNET_BAD_ARGUMENT, "accepted")

/* Changes one field of a copy of the network. */
#define REFUSED_NETWORK(field, value)                                                  \
    do {                                                                               \
        pcnet_network net = s->m->net;                                                 \
        net.field = (value);                                                           \
        REFUSED(core->forward(&net, &s->b->batch, s->workspace, 1));                   \
        REFUSED(infer_with(s, &net, &s->b->batch, &good_objective, &good_options, 1)); \
    } while (0)

#define REFUSED_BATCH(field, value)                                                    \
    do {                                                                               \
        pcnet_batch batch = s->b->batch;                                               \
        batch.field = (value);                                                         \
        REFUSED(infer_with(s, &s->m->net, &batch, &good_objective, &good_options, 1)); \
    } while (0)

static void check_network_and_batch(const setting *s) {
    const pcnet_core *core = s->m->v.core;
    int sizes[MAX_LAYERS + 1], activations[MAX_LAYERS] = {0};
    for (int i = 0; i <= s->m->s.n_layers; i++)
        sizes[i] = s->m->s.sizes[i];
    sizes[1] = 0;
    activations[s->m->s.n_layers - 1] = PCNET_N_ACTIVATIONS;
    REFUSED_NETWORK(n_layers, 0);
    REFUSED_NETWORK(n_layers, -1);
    REFUSED_NETWORK(sizes, NULL);
    REFUSED_NETWORK(sizes, sizes);
    REFUSED_NETWORK(activations, activations);
    REFUSED_NETWORK(activations, NULL);
    REFUSED_NETWORK(scales, NULL);
    REFUSED_NETWORK(skips, NULL);
    REFUSED_NETWORK(packed_weights, NULL);
    REFUSED_BATCH(n_samples, -1);
    REFUSED_BATCH(inputs, NULL);
    REFUSED_BATCH(targets, NULL);
    REFUSED_BATCH(activities, NULL);
    REFUSED_BATCH(errors, NULL);
    REFUSED_BATCH(strides, NULL);
    REFUSED(infer_with(s, NULL, &s->b->batch, &good_objective, &good_options, 1));
    REFUSED(infer_with(s, &s->m->net, NULL, &good_objective, &good_options, 1));
}

static void check_single_passes(const setting *s) {
    const pcnet_core *core = s->m->v.core;
    const pcnet_network *net = &s->m->net;
    const pcnet_batch *batch = &s->b->batch;
    void *const *errors = s->b->error_pointers;
    pcnet_batch without_targets = *batch, without_errors = *batch;
    const pcnet_forward_from_errors good = {.from_errors = 1, .loss = s->loss.data};
    const pcnet_forward_from_errors no_loss = {.from_errors = 1}, responses = {.responses = errors};
    without_targets.targets = NULL;
    without_errors.errors = NULL;
    CHECK(core->forward_from_errors(net, batch, &good_objective, &good, s->workspace, 1) ==
              PCNET_OK,
          "the good arguments must pass");
    REFUSED(core->forward_from_errors(net, batch, &good_objective, NULL, s->workspace, 1));
    REFUSED(core->forward_from_errors(net, batch, NULL, &good, s->workspace, 1));
    REFUSED(core->forward_from_errors(net, batch, &good_objective, &no_loss, s->workspace, 1));
    REFUSED(core->forward_from_errors(net, &without_targets, &good_objective, &responses,
                                      s->workspace, 1));
    REFUSED(
        core->forward_from_errors(net, &without_errors, &good_objective, &good, s->workspace, 1));
    REFUSED(core->forward_from_errors(net, batch, &good_objective, &good, NULL, 1));
    REFUSED(core->backward(net, batch, 0, NULL, NULL, s->workspace, 1));
    REFUSED(core->backward(net, batch, -1, NULL, errors, s->workspace, 1));
    REFUSED(core->backward(net, &without_errors, 0, NULL, errors, s->workspace, 1));
    REFUSED(core->backward(net, batch, 0, NULL, errors, s->workspace, 0));
    REFUSED(core->activity_gradients(net, batch, 0, NULL, s->workspace, 1));
    REFUSED(core->activity_gradients(net, batch, NAN, s->b->activity_pointers, s->workspace, 1));
    if (net->n_layers > 1)
        REFUSED(core->backward(net, batch, 0, errors, errors, s->workspace, 1));
    if (net->n_layers > 1)
        REFUSED(core->activity_gradients(net, batch, 0, errors, s->workspace, 1));
    REFUSED(core->gauss_seidel_sweep(net, batch, 0, 0, s->workspace, 1));
    REFUSED(core->gauss_seidel_sweep(net, batch, 0, NAN, s->workspace, 1));
    REFUSED(core->gauss_seidel_sweep(NULL, batch, 0, 1, s->workspace, 1));
    REFUSED(core->gauss_seidel_sweep(net, NULL, 0, 1, s->workspace, 1));
}

static void check_options(const setting *s) {
    const pcnet_core *core = s->m->v.core;
    const pcnet_network *net = &s->m->net;
    const pcnet_batch *batch = &s->b->batch;
    const int top = net->sizes[net->n_layers];
    const pcnet_loss_block unknown = {PCNET_N_LOSSES, top, 0}, bent = {PCNET_HUBER, top, 0},
                           wide = {PCNET_LOG_LOSS, top + 1, 0},
                           empty[] = {{PCNET_LOG_LOSS, top, 0}, {PCNET_LOG_LOSS, 0, 0}},
                           short_one = {PCNET_LOG_LOSS, top - 1, 0};
    const pcnet_objective objectives[] = {
        {PCNET_SQUARED_ERROR, 1, 0, 0, -1, &wide},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 1, NULL},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 1, &unknown},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 1, &bent},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 1, &wide},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 2, empty},
        {PCNET_SQUARED_ERROR, 1, 0, 0, 1, &short_one},
        {PCNET_N_LOSSES, 1, 0, 0, 0, NULL},
        {-1, 1, 0, 0, 0, NULL},
        {PCNET_SQUARED_ERROR, 0, 0, 0, 0, NULL},
        {PCNET_SQUARED_ERROR, -1, 0, 0, 0, NULL},
        {PCNET_SQUARED_ERROR, NAN, 0, 0, 0, NULL},
        {PCNET_SQUARED_ERROR, 1, -1, 0, 0, NULL},
        {PCNET_SQUARED_ERROR, 1, NAN, 0, 0, NULL},
        {PCNET_HUBER, 1, 0, 0, 0, NULL},
        {PCNET_HUBER, 1, 0, -1, 0, NULL},
        {PCNET_HUBER, 1, 0, NAN, 0, NULL},
    };
    const pcnet_error_descent options[] = {
        {-1, 0, 0, 0}, {3, -1, 0, 0}, {3, NAN, 0, 0}, {3, 0, -1, 0}};
    double *rates = exact_alloc((size_t)batch->n_samples * sizeof(double));
    for (int i = 0; i < batch->n_samples; i++)
        rates[i] = i + 1 < batch->n_samples ? 0.1 : 0;
    const pcnet_activity_descent descents[] = {
        {-1, 0.1, 0, NULL}, {3, 0, 0, NULL},   {3, -1, 0, NULL},    {3, NAN, 0, NULL},
        {3, 0.1, -1, NULL}, {3, 0.1, 1, NULL}, {3, 0.1, NAN, NULL}, {3, 0.1, 0, rates}};
    for (size_t i = 0; i < sizeof objectives / sizeof objectives[0]; i++)
        REFUSED(infer_with(s, net, batch, &objectives[i], &good_options, 1));
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        REFUSED(infer_with(s, net, batch, &good_objective, &options[i], 1));
    for (size_t i = 0; i < sizeof descents / sizeof descents[0]; i++)
        REFUSED(core->activity_descent(net, batch, &good_objective, &descents[i], &s->report,
                                       s->workspace, 1));
    exact_free(rates);
    const pcnet_quasi_newton newtons[] = {
        {good_options, 0, 0, s->history},
        {good_options, PCNET_MOST_MEMORY + 1, 0, s->history},
        {good_options, 2, 0, NULL},
        {options[0], 2, 0, s->history},
    };
    for (size_t i = 0; i < sizeof newtons / sizeof newtons[0]; i++)
        REFUSED(core->quasi_newton(net, batch, &good_objective, &newtons[i], &s->report,
                                   s->workspace, 1));
    REFUSED(core->quasi_newton(net, batch, &good_objective, NULL, &s->report, s->workspace, 1));
    REFUSED(infer_with(s, net, batch, NULL, &good_options, 1));
    REFUSED(infer_with(s, net, batch, &good_objective, NULL, 1));
    REFUSED(infer_with(s, net, batch, &good_objective, &good_options, 0));
    REFUSED(core->activity_descent(net, batch, &good_objective, NULL, &s->report, s->workspace, 1));
    REFUSED(core->error_descent(net, batch, &good_objective, &good_options, NULL, s->workspace, 1));
    REFUSED(core->error_descent(net, batch, &good_objective, &good_options, &s->report, NULL, 1));
    pcnet_batch none = *batch, negative = *batch;
    none.inputs = NULL;
    negative.n_samples = -1;
    REFUSED(core->output(net, &negative, s->b->errors[0].data, s->workspace, 1));
    REFUSED(core->output(net, &none, s->b->errors[0].data, s->workspace, 1));
    REFUSED(core->output(net, NULL, s->b->errors[0].data, s->workspace, 1));
    REFUSED(core->errors(net, batch, NULL, NULL, s->workspace, 1));
    REFUSED(core->weight_gradients(net, batch, NULL, NULL, NULL, s->workspace, 1));
    REFUSED(core->packed_gradients(net, batch, NULL, NULL, NULL, s->workspace, 1));
    check_single_passes(s);
    REFUSED(core->update(net, batch, s->energy.data, NULL, NULL, s->workspace, 1));
    REFUSED(core->gradient_square(net, batch, s->energy.data, NULL, s->loss.data, s->workspace, 1));
}

static void check_learning(const setting *s) {
    const pcnet_core *core = s->m->v.core;
    const pcnet_update no_solver = {.solver = PCNET_NESTEROV + 1};
    pcnet_fault fault;
    REFUSED(core->update(&s->m->net, &s->b->batch, s->energy.data, &no_solver, &fault, s->workspace,
                         1));
    const pcnet_update no_gradients = {.solver = PCNET_SGD};
    REFUSED(core->update(&s->m->net, NULL, NULL, &no_gradients, &fault, s->workspace, 1));
    REFUSED(core->gradient_square(&s->m->net, NULL, NULL, &no_gradients, s->loss.data, s->workspace,
                                  1));
    ptrdiff_t strides[MAX_LAYERS]; /* enough for all but the padding that learning reads */
    pcnet_batch unpadded = s->b->batch;
    unpadded.strides = strides;
    int padded = 0;
    for (int l = 1; l <= s->m->s.n_layers; l++) {
        strides[l - 1] = s->m->s.sizes[l];
        padded |= s->m->s.sizes[l] % 8 != 0;
    }
    if (padded)
        REFUSED(core->weight_gradients(&s->m->net, &unpadded, s->energy.data, s->b->error_pointers,
                                       s->b->error_pointers, s->workspace, 1));
}

void test_bad_arguments(variant v, const shape *sh) {
    setting s = {
        .m = model_new(v, sh),
        .energy = vec_new(PCNET_FLOAT64, N_SAMPLES),
        .loss = vec_new(PCNET_FLOAT64, N_SAMPLES),
        .counts = exact_alloc(N_COUNTS * N_SAMPLES * sizeof(int)),
    };
    s.b = samples_new(s.m, N_SAMPLES, PCNET_SQUARED_ERROR);
    s.workspace = workspace_new(s.m, N_SAMPLES, 1);
    s.history = exact_alloc(v.core->history_size(&s.m->net, PCNET_MOST_MEMORY, N_SAMPLES, 1));
    s.report = (pcnet_report){
        .energy = s.energy.data,
        .loss = s.loss.data,
        .n_steps = s.counts,
        .n_half_passes = s.counts + N_SAMPLES,
        .status = s.counts + 2 * N_SAMPLES,
    };
    CHECK(infer_with(&s, &s.m->net, &s.b->batch, &good_objective, &good_options, 1) == PCNET_OK,
          "the good arguments must pass");
    CHECK(v.core->activity_descent(&s.m->net, &s.b->batch, &good_objective, &good_descent,
                                   &s.report, s.workspace, 1) == PCNET_OK,
          "the good arguments must pass");
    check_network_and_batch(&s);
    check_options(&s);
    check_learning(&s);
    CHECK(pcnet_get_core((pcnet_dtype)7, PCNET_GENERIC) == NULL, "a dtype that does not exist");
    CHECK(pcnet_get_core(PCNET_FLOAT64, (pcnet_isa)7) == NULL, "an isa that does not exist");
    exact_free(s.workspace);
    exact_free(s.history);
    exact_free(s.counts);
    vec_free(&s.energy);
    vec_free(&s.loss);
    samples_free(s.b);
    model_free(s.m);
}
