/* Sparse inputs: the same bits as the dense ones, and index arrays that are refused. */
#include "tests.h"

#include <stdlib.h>

/* The inputs of samples as sparse rows. */
typedef struct {
    ptrdiff_t *starts;
    int *columns;
    vec values;
    pcnet_sparse_rows rows;
} sparse_inputs;

/* Leaves `share` of the inputs, and of every third sample none; explicit zeros are stored. */
static sparse_inputs make_sparse(samples *b, int n_columns, double share) {
    sparse_inputs s = {.starts = exact_alloc((size_t)(b->n_samples + 1) * sizeof(ptrdiff_t)),
                       .columns = exact_alloc(b->inputs.n * sizeof(int)),
                       .values = vec_new(b->inputs.dtype, b->inputs.n)};
    size_t n = 0;
    random_seed(4);
    for (int i = 0; i < b->n_samples; i++) {
        s.starts[i] = (ptrdiff_t)n;
        for (int j = 0; j < n_columns; j++) {
            const size_t at = (size_t)i * (size_t)n_columns + (size_t)j;
            const int stored = i % 3 != 2 && random_value() < 2 * share - 1;
            if (!stored || random_value() < -0.8)
                vec_set(b->inputs, at, stored && j % 2 ? -0.0 : 0);
            if (stored) {
                s.columns[n] = j;
                vec_set(s.values, n++, vec_get(b->inputs, at));
            }
        }
    }
    s.starts[b->n_samples] = (ptrdiff_t)n;
    s.rows = (pcnet_sparse_rows){s.starts, s.columns, s.values.data, (ptrdiff_t)n};
    return s;
}

static void free_sparse(sparse_inputs *s) {
    exact_free(s->starts);
    exact_free(s->columns);
    vec_free(&s->values);
}

/* The transpose, from the dense inputs; zeros are left out. */
static sparse_inputs transposed(const samples *b, int n_columns) {
    sparse_inputs s = {.starts = exact_alloc((size_t)(n_columns + 1) * sizeof(ptrdiff_t)),
                       .columns = exact_alloc(b->inputs.n * sizeof(int)),
                       .values = vec_new(b->inputs.dtype, b->inputs.n)};
    size_t n = 0;
    for (int j = 0; j < n_columns; j++) {
        s.starts[j] = (ptrdiff_t)n;
        for (int i = 0; i < b->n_samples; i++) {
            const double x = vec_get(b->inputs, (size_t)i * (size_t)n_columns + (size_t)j);
            if (x != 0) {
                s.columns[n] = i;
                vec_set(s.values, n++, x);
            }
        }
    }
    s.starts[n_columns] = (ptrdiff_t)n;
    s.rows = (pcnet_sparse_rows){s.starts, s.columns, s.values.data, (ptrdiff_t)n};
    return s;
}

/* Weight gradients of both batches at the same activities and errors. */
static void check_gradients(const model *m, const pcnet_batch *dense, pcnet_batch sparse,
                            void *workspace, int n_threads) {
    vec weight = sample_weights(dense->n_samples), gradients[2][MAX_LAYERS], biases[MAX_LAYERS];
    void *at[2][MAX_LAYERS], *bias_at[MAX_LAYERS];
    for (int i = 0; i < m->s.n_layers; i++) {
        for (int k = 0; k < 2; k++) {
            gradients[k][i] = vec_new(m->v.dtype, n_weights(m, i + 1));
            at[k][i] = gradients[k][i].data;
        }
        biases[i] = vec_new(m->v.dtype, (size_t)m->s.sizes[i + 1]);
        bias_at[i] = biases[i].data;
    }
    CHECK(m->v.core->weight_gradients(&m->net, dense, weight.data, at[0], bias_at, workspace, 1) ==
              PCNET_OK,
          "dense");
    CHECK(m->v.core->weight_gradients(&m->net, &sparse, weight.data, at[1], bias_at, workspace,
                                      n_threads) == PCNET_OK,
          "sparse");
    for (int i = 0; i < m->s.n_layers; i++)
        CHECK(vec_same(gradients[0][i], gradients[1][i]), "%s: gradient %d", m->s.name, i + 1);
    sparse.sparse_features = NULL;
    CHECK(m->v.core->weight_gradients(&m->net, &sparse, weight.data, at[1], bias_at, workspace,
                                      1) == PCNET_BAD_ARGUMENT,
          "no transpose");
    for (int i = 0; i < m->s.n_layers; i++) {
        vec_free(&gradients[0][i]);
        vec_free(&gradients[1][i]);
        vec_free(&biases[i]);
    }
    vec_free(&weight);
}

void test_sparse(variant v, const shape *sh, int n_samples, int n_threads) {
    const pcnet_objective objective = {PCNET_SQUARED_ERROR, 0.7, 0, 0, 0, NULL};
    model *m = model_new(v, sh);
    samples *b = samples_new(m, n_samples, PCNET_SQUARED_ERROR);
    sparse_inputs s = make_sparse(b, sh->sizes[0], n_samples % 2 ? 0.4 : 1);
    pcnet_batch batch = b->batch;
    void *workspace = workspace_new(m, n_samples, n_threads);
    const size_t n_out = (size_t)n_samples * (size_t)sh->sizes[sh->n_layers];
    vec dense = vec_new(v.dtype, n_out), sparse = vec_new(v.dtype, n_out), states[MAX_LAYERS];
    batch.inputs = NULL;
    batch.sparse_inputs = &s.rows;
    CHECK(v.core->output(&m->net, &b->batch, dense.data, workspace, 1) == PCNET_OK, "dense");
    CHECK(v.core->output(&m->net, &batch, sparse.data, workspace, n_threads) == PCNET_OK, "sparse");
    CHECK(vec_same(dense, sparse), "%s: outputs of sparse rows differ", sh->name);
    CHECK(v.core->errors(&m->net, &b->batch, &objective, NULL, workspace, 1) == PCNET_OK, "dense");
    for (int i = 0; i < sh->n_layers; i++)
        states[i] = vec_copy(b->errors[i]);
    CHECK(v.core->errors(&m->net, &batch, &objective, NULL, workspace, n_threads) == PCNET_OK,
          "sparse");
    for (int i = 0; i < sh->n_layers; i++) {
        CHECK(vec_same(states[i], b->errors[i]), "%s: errors of layer %d", sh->name, i + 1);
        vec_free(&states[i]);
    }
    sparse_inputs features = transposed(b, sh->sizes[0]);
    batch.sparse_features = &features.rows;
    check_gradients(m, &b->batch, batch, workspace, n_threads);
    free_sparse(&features);
    vec_free(&dense);
    vec_free(&sparse);
    exact_free(workspace);
    free_sparse(&s);
    samples_free(b);
    model_free(m);
}

#define ORDER_IS(wanted) CHECK(v.core->sparse_order(&rows, 2, 5) == (wanted), "order")

/* Rows of five columns: 1 and 3; 0, 2 and 4. */
void test_sparse_order(variant v) {
    ptrdiff_t starts[] = {0, 2, 5};
    int columns[] = {1, 3, 0, 2, 4};
    const double values[5] = {0};
    pcnet_sparse_rows rows = {starts, columns, values, 5};
    ORDER_IS(PCNET_ASCENDING);
    CHECK(v.core->sparse_order(&rows, 0, 5) == PCNET_ASCENDING, "no rows");
    CHECK(v.core->sparse_order(&rows, 2, 4) == PCNET_OUT_OF_RANGE, "four columns");
    CHECK(v.core->sparse_order(NULL, 2, 5) == PCNET_OUT_OF_RANGE, "nothing");
    for (int k = 0; k < 5; k++) {
        const int column = columns[k];
        columns[k] = -1;
        ORDER_IS(PCNET_OUT_OF_RANGE);
        columns[k] = 5;
        ORDER_IS(PCNET_OUT_OF_RANGE);
        columns[k] = column;
    }
    columns[3] = 0;
    ORDER_IS(PCNET_UNORDERED); /* a column twice */
    columns[2] = 2;
    ORDER_IS(PCNET_UNORDERED); /* descending */
    for (int k = 0; k < 3; k++) {
        const ptrdiff_t start = starts[k];
        starts[k] = -1;
        ORDER_IS(PCNET_OUT_OF_RANGE);
        starts[k] = 6;
        ORDER_IS(PCNET_OUT_OF_RANGE);
        starts[k] = start;
    }
    rows.n_values = 4;
    ORDER_IS(PCNET_OUT_OF_RANGE);
    rows.n_values = 5;
    rows.starts = NULL;
    ORDER_IS(PCNET_OUT_OF_RANGE);
    rows.starts = starts;
    rows.columns = NULL;
    ORDER_IS(PCNET_OUT_OF_RANGE);
    rows.columns = columns;
    rows.values = NULL;
    ORDER_IS(PCNET_OUT_OF_RANGE);
}
