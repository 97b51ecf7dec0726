/* Fuzzing of the single passes: any state, finite or not, gives a documented status, no write
 * outside the arrays, and the same bits by one thread. */
#include "fuzz_passes.h"

typedef enum {
    FORWARD_FROM_ERRORS = 0,
    BACKWARD = 1,
    ACTIVITY_GRADIENTS = 2,
    GAUSS_SEIDEL_SWEEP = 3,
    N_PASSES = 4
} pass_kind;

/* A pass, and what it writes beside activities and errors. */
typedef struct {
    pass_kind kind;
    double decay, rate; /* of the backward passes */
    pcnet_forward_from_errors forward_from_errors;
    void *const *sources; /* of the responses */
    vec out[MOST_LAYERS]; /* responses or gradients */
    void *out_at[MOST_LAYERS];
    vec loss, energies;
} pass;

static pass *pass_new(fuzz_case *c, bytes *in) {
    static const double rates[] = {0.1, 0.5, 1, 1e-30, 1e30};
    pass *p = exact_alloc(sizeof *p);
    const size_t n = (size_t)c->n_samples;
    p->kind = (pass_kind)take_below(in, N_PASSES);
    p->decay = c->objective.activity_decay;
    p->rate = take_choice(in, rates, 5);
    p->loss = vec_new(PCNET_FLOAT64, n);
    p->energies = vec_new(PCNET_FLOAT64, n * MOST_LAYERS); /* the network may become invalid */
    for (int i = 0; i < MOST_LAYERS; i++)
        p->out_at[i] = (p->out[i] = vec_new(c->dtype, c->activities[i].n)).data;
    const int from_errors = take_below(in, 2), with = take_below(in, 4);
    p->sources = with & 2 ? c->batch.activities : NULL;
    p->forward_from_errors =
        (pcnet_forward_from_errors){.from_errors = from_errors,
                                    .loss = p->loss.data,
                                    .layer_energies = with & 1 ? p->energies.data : NULL,
                                    .responses = with & 2 ? p->out_at : NULL};
    return p;
}

static void pass_free(pass *p) {
    for (int i = 0; i < MOST_LAYERS; i++)
        vec_free(&p->out[i]);
    vec_free(&p->loss);
    vec_free(&p->energies);
    exact_free(p);
}

static pcnet_status run_pass(fuzz_case *c, pass *p, void *workspace, int n_threads) {
    switch (p->kind) {
    case FORWARD_FROM_ERRORS:
        return c->core->forward_from_errors(&c->net, &c->batch, &c->objective,
                                            &p->forward_from_errors, workspace, n_threads);
    case BACKWARD:
        return c->core->backward(&c->net, &c->batch, p->decay, p->sources, p->out_at, workspace,
                                 n_threads);
    case ACTIVITY_GRADIENTS:
        return c->core->activity_gradients(&c->net, &c->batch, p->decay, p->out_at, workspace,
                                           n_threads);
    default:
        return c->core->gauss_seidel_sweep(&c->net, &c->batch, p->decay, p->rate, workspace,
                                           n_threads);
    }
}

/* Everything that a pass reads and writes, layer by layer. */
enum { PARTS = 3 };

static vec part_of(const fuzz_case *c, const pass *p, int part, int i) {
    return part == 0 ? c->activities[i] : part == 1 ? c->errors[i] : p->out[i];
}

typedef struct {
    vec parts[PARTS][MOST_LAYERS], loss, energies;
} state;

static state *state_save(const fuzz_case *c, const pass *p) {
    state *s = exact_alloc(sizeof *s);
    for (int part = 0; part < PARTS; part++)
        for (int i = 0; i < c->net.n_layers; i++)
            s->parts[part][i] = vec_copy(part_of(c, p, part, i));
    s->loss = vec_copy(p->loss);
    s->energies = vec_copy(p->energies);
    return s;
}

static void state_restore(const fuzz_case *c, const pass *p, const state *s) {
    for (int part = 0; part < PARTS; part++)
        for (int i = 0; i < c->net.n_layers; i++)
            for (size_t k = 0; k < s->parts[part][i].n; k++)
                vec_set(part_of(c, p, part, i), k, vec_get(s->parts[part][i], k));
}

static void state_check(const fuzz_case *c, const pass *p, const state *s) {
    for (int part = 0; part < PARTS; part++)
        for (int i = 0; i < c->net.n_layers; i++)
            CHECK(fuzz_same(s->parts[part][i], part_of(c, p, part, i)),
                  "pass %d by one thread: array %d of layer %d", (int)p->kind, part, i + 1);
    CHECK(fuzz_same(s->loss, p->loss), "pass %d by one thread: loss", (int)p->kind);
    CHECK(fuzz_same(s->energies, p->energies), "pass %d by one thread: energies", (int)p->kind);
}

static void state_free(state *s) {
    for (int part = 0; part < PARTS; part++)
        for (int i = 0; i < MOST_LAYERS; i++)
            vec_free(&s->parts[part][i]);
    vec_free(&s->loss);
    vec_free(&s->energies);
    exact_free(s);
}

/* The feed-forward state with numbers from the bytes in one layer, and the errors that follow. */
static void disturb(fuzz_case *c, const pass *p, bytes *in) {
    c->core->forward(&c->net, &c->batch, c->workspace, c->n_threads);
    fuzz_fill(in, c->activities[take_below(in, c->net.n_layers)]);
    c->core->errors(&c->net, &c->batch, &c->objective, NULL, c->workspace, c->n_threads);
    if (p->kind == FORWARD_FROM_ERRORS)
        fuzz_fill(in, c->errors[take_below(in, c->net.n_layers)]);
}

void fuzz_passes(fuzz_case *c, bytes *in) {
    pass *p = pass_new(c, in);
    disturb(c, p, in);
    state *before = state_save(c, p);
    CHECK(run_pass(c, p, c->workspace, c->n_threads) == PCNET_OK, "pass %d", (int)p->kind);
    state *after = state_save(c, p);
    state_restore(c, p, before);
    void *workspace = exact_alloc(c->core->workspace_size(&c->net, c->n_samples, 1));
    CHECK(run_pass(c, p, workspace, 1) == PCNET_OK, "pass %d by one thread", (int)p->kind);
    exact_free(workspace);
    state_check(c, p, after);
    state_free(before);
    state_free(after);
    pass_free(p);
}

void fuzz_refused_passes(fuzz_case *c, bytes *in, int is_of_state) {
    pass *p = pass_new(c, in);
    p->forward_from_errors.layer_energies = p->energies.data; /* needs targets */
    CHECK((p->kind != FORWARD_FROM_ERRORS && !is_of_state) ||
              run_pass(c, p, c->workspace, c->n_threads) == PCNET_BAD_ARGUMENT,
          "pass %d accepted", (int)p->kind);
    pass_free(p);
}
