#include "fuzz_case.h"

#include "fixture.h"

#include <float.h>
#include <math.h>

int take_below(bytes *in, int n) {
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++ % n;
}

double take_choice(bytes *in, const double *values, int n) { return values[take_below(in, n)]; }

static const double SIZES[] = {1, 0.1, 3, 30, 1e-3, 0, 1e4, 1e-20, 1e15, 1e-30};
static const double SPECIALS[] = {0,     -0.0,      1,        -1,       1e-30, 1e30,
                                  -1e30, 1e-44,     FLT_MAX,  -FLT_MAX, 1e18,  1e-320,
                                  1e300, -INFINITY, INFINITY, NAN};
static const double PRECISIONS[] = {1, 0.1, 0.01, 3, 1e-6, 100, 1e-30, 1e30, 1e-300, DBL_MAX};
static const double DECAYS[] = {0, 0.1, 1e-3, 1, 100, 1e-30, 1e30, INFINITY};
static const double DELTAS[] = {1.35, 0.1, 1e-30, 1e30, 10, INFINITY};

#define COUNT(values) ((int)(sizeof(values) / sizeof *(values)))

void fuzz_fill(bytes *in, vec v) {
    const int special = take_below(in, 8);
    random_seed((unsigned)take_below(in, 256));
    vec_random(v, take_choice(in, SIZES, COUNT(SIZES)));
    for (int k = 0; k < special - 4 && v.n > 0; k++) /* none in most arrays */
        vec_set(v, (size_t)(take_below(in, 256) * 7) % v.n,
                take_choice(in, SPECIALS, COUNT(SPECIALS)));
}

static vec filled(bytes *in, pcnet_dtype dtype, size_t n) {
    vec v = vec_new(dtype, n);
    fuzz_fill(in, v);
    return v;
}

/* Widths around those of vectors and panels, often equal to the previous one. */
static int take_size(bytes *in, int before) {
    static const int around[] = {8, 16, 32, 64, 128, 256};
    const int kind = take_below(in, 4);
    if (kind == 0)
        return before;
    if (kind == 1)
        return around[take_below(in, COUNT(around))] + take_below(in, 3) - 1;
    return 1 + take_below(in, 40);
}

static void take_network(fuzz_case *c, bytes *in) {
    const int n_layers = 1 + take_below(in, MOST_LAYERS);
    const int with_skips = take_below(in, 2), activation = take_below(in, PCNET_N_ACTIVATIONS + 1);
    const int kinds = take_below(in, 4);
    c->sizes[0] = 1 + take_below(in, 40);
    for (int l = 1; l <= n_layers; l++) {
        const int i = l - 1, hidden = l > 1 && l < n_layers;
        c->sizes[l] = take_size(in, c->sizes[i]);
        c->activations[i] = activation < PCNET_N_ACTIVATIONS
                                ? activation
                                : take_below(in, PCNET_N_ACTIVATIONS); /* mixed */
        if (l == 1)
            c->activations[i] = PCNET_IDENTITY;
        c->skips[i] = with_skips && hidden && c->sizes[l] == c->sizes[i];
        c->scales[i] = 1 / sqrt((double)c->sizes[i] * (c->skips[i] ? n_layers : 1));
        const size_t n_in = (size_t)c->sizes[i], n_out = (size_t)c->sizes[l];
        c->weights[i] = filled(in, c->dtype, n_in * n_out);
        c->biases[i] = filled(in, c->dtype, n_out);
        c->packed_weights[i] = vec_new(c->dtype, c->core->packed_size(c->sizes[i], c->sizes[l]));
        c->packed_transposes[i] = vec_new(c->dtype, c->core->packed_size(c->sizes[l], c->sizes[i]));
        c->bias_at[i] = c->biases[i].data;
        c->forward_at[i] = c->packed_weights[i].data;
        c->backward_at[i] = c->packed_transposes[i].data;
    }
    c->net = (pcnet_network){
        .n_layers = n_layers,
        .sizes = c->sizes,
        .activations = c->activations,
        .skips = c->skips,
        .scales = c->scales,
        .packed_weights = c->forward_at,
        .packed_transposes = kinds & 1 ? NULL : c->backward_at,
        .biases = kinds & 2 ? NULL : c->bias_at,
    };
    fuzz_pack(c);
}

int fuzz_same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

int fuzz_same(vec a, vec b) {
    for (size_t i = 0; i < a.n; i++)
        if (!fuzz_same_number(vec_get(a, i), vec_get(b, i)))
            return 0;
    return 1;
}

void fuzz_pack(fuzz_case *c) {
    for (int i = 0; i < c->net.n_layers; i++) {
        const void *w = c->weights[i].data;
        c->core->pack(c->sizes[i], c->sizes[i + 1], w, c->packed_weights[i].data);
        c->core->pack_transposed(c->sizes[i], c->sizes[i + 1], w, c->packed_transposes[i].data);
    }
}

static void take_batch(fuzz_case *c, bytes *in) {
    const int n_layers = c->net.n_layers, many = take_below(in, 8) == 0;
    const int n = many ? 1 + take_below(in, 140) : 1 + take_below(in, 12);
    c->n_samples = n;
    c->inputs = filled(in, c->dtype, (size_t)n * (size_t)c->sizes[0]);
    c->targets = filled(in, c->dtype, (size_t)n * (size_t)c->sizes[n_layers]);
    c->precisions = filled(in, c->dtype, c->targets.n);
    for (size_t i = 0; i < c->precisions.n; i++)
        if (!(vec_get(c->precisions, i) >= 0))
            vec_set(c->precisions, i, 0);
    c->sample_weight = vec_new(PCNET_FLOAT64, (size_t)n);
    for (int i = 0; i < n; i++)
        vec_set(c->sample_weight, (size_t)i, 1.0 / n);
    for (int i = 0; i < n_layers; i++) {
        c->strides[i] = c->core->row_stride(c->sizes[i + 1]);
        c->activities[i] = vec_new(c->dtype, (size_t)n * (size_t)c->strides[i]);
        c->errors[i] = vec_new(c->dtype, (size_t)n * (size_t)c->strides[i]);
        c->activity_at[i] = c->activities[i].data;
        c->error_at[i] = c->errors[i].data;
    }
    c->batch = (pcnet_batch){.n_samples = n,
                             .inputs = c->inputs.data,
                             .targets = c->targets.data,
                             .activities = c->activity_at,
                             .errors = c->error_at,
                             .strides = c->strides,
                             .output_precisions = take_below(in, 2) ? NULL : c->precisions.data};
}

/* In one case of four, outputs in blocks, each with a loss of its own. */
static void take_blocks(fuzz_case *c, bytes *in) {
    int left = c->sizes[c->net.n_layers], n = 0;
    if (take_below(in, 4) > 0)
        return;
    while (left > 0) {
        const int is_last = n == MOST_BLOCKS - 1;
        const int n_outputs = is_last ? left : 1 + take_below(in, left);
        c->blocks[n++] = (pcnet_loss_block){take_below(in, PCNET_N_LOSSES), n_outputs,
                                            take_choice(in, DELTAS, COUNT(DELTAS))};
        left -= n_outputs;
    }
    c->objective.n_blocks = n;
    c->objective.blocks = c->blocks;
}

static void make_report(fuzz_case *c, int with_trace) {
    const size_t n = (size_t)c->n_samples;
    c->energy = exact_alloc(n * sizeof(double));
    c->loss = exact_alloc(n * sizeof(double));
    c->n_steps = exact_alloc(n * sizeof(int));
    c->n_half_passes = exact_alloc(n * sizeof(int));
    c->status = exact_alloc(n * sizeof(int));
    c->report =
        (pcnet_report){c->energy, c->loss, c->n_steps, c->n_half_passes, c->status, NULL, NULL};
    if (with_trace) {
        c->records = records_new(c->n_samples, c->max_steps);
        c->report.record = record_step;
        c->report.records = c->records;
    }
}

fuzz_case *fuzz_case_new(bytes *in) {
    fuzz_case *c = exact_alloc(sizeof *c);
    c->dtype = take_below(in, 2) ? PCNET_FLOAT32 : PCNET_FLOAT64;
    const int isa = take_below(in, (int)pcnet_best_isa() + 1);
    c->core = pcnet_get_core(c->dtype, (pcnet_isa)isa);
    c->n_threads = 1 + take_below(in, 3);
    c->max_steps = take_below(in, MOST_STEPS + 1);
    c->objective = (pcnet_objective){
        .loss = take_below(in, PCNET_N_LOSSES),
        .output_precision = take_choice(in, PRECISIONS, COUNT(PRECISIONS)),
        .activity_decay = take_choice(in, DECAYS, COUNT(DECAYS)),
        .huber_delta = take_choice(in, DELTAS, COUNT(DELTAS)),
    };
    const int with_trace = take_below(in, 2);
    take_network(c, in);
    take_blocks(c, in);
    take_batch(c, in);
    make_report(c, with_trace);
    c->workspace = exact_alloc(c->core->workspace_size(&c->net, c->n_samples, c->n_threads));
    c->history =
        exact_alloc(c->core->history_size(&c->net, PCNET_MOST_MEMORY, c->n_samples, c->n_threads));
    return c;
}

void fuzz_case_free(fuzz_case *c) {
    for (int i = 0; i < MOST_LAYERS; i++) {
        vec *of_layer[] = {&c->weights[i],           &c->biases[i],     &c->packed_weights[i],
                           &c->packed_transposes[i], &c->activities[i], &c->errors[i]};
        for (int k = 0; k < COUNT(of_layer); k++)
            vec_free(of_layer[k]);
    }
    vec_free(&c->inputs);
    vec_free(&c->targets);
    vec_free(&c->precisions);
    vec_free(&c->sample_weight);
    void *others[] = {c->energy, c->loss,      c->n_steps, c->n_half_passes,
                      c->status, c->workspace, c->history, c};
    records_free(c->records);
    for (int k = 0; k < COUNT(others); k++)
        exact_free(others[k]);
}
