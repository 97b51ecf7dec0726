/* pcnet's C core: inference and learning of predictive-coding networks.
 *
 * The core only computes: it allocates no memory, draws no random numbers, prints nothing and does
 * not use Python.  Callers pass pointers, sizes and a workspace of the size that `workspace_size`
 * returns; every function returns a pcnet_status.
 *
 * Conventions (row vectors; layers l = 1..L, hidden layers 1..H with H = L - 1, z_0 = x):
 *
 *     mu_l = a_l f_l(z_{l-1}) W_l + b_l + tau_l z_{l-1}        e_l = z_l - mu_l
 *     F    = sum_{l<=H} 1/2 |e_l|^2 + lambda loss(mu_L, y) + decay/2 sum_{l<=H} |z_l|^2
 *
 * Arrays "per layer" have L entries; entry l - 1 belongs to layer l.  Matrices are row-major.
 * The type of `void *` data is that of the pcnet_core in use (float or double).  Per-sample
 * energies are double in both.  Results depend on the data and the instruction set, never on
 * the number of threads.
 */
#ifndef PCNET_H
#define PCNET_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    PCNET_OK = 0,
    PCNET_BAD_ARGUMENT = 1,        /* a size, enum or pointer outside its range */
    PCNET_ENERGY_NOT_FINITE = 2,   /* the energy of the feed-forward state is inf or nan */
    PCNET_GRADIENT_NOT_FINITE = 3, /* a weight gradient or the weight it leads to is inf or nan */
    PCNET_OUTPUT_NOT_FINITE = 4,   /* a layer is inf or nan in some row: see `output` */
    PCNET_INTERRUPTED = 5,         /* net->interrupted asked for it */
} pcnet_status;

typedef enum { PCNET_FLOAT32 = 0, PCNET_FLOAT64 = 1 } pcnet_dtype;

/* Instruction sets that the core is built for, best last. */
typedef enum { PCNET_GENERIC = 0, PCNET_AVX2 = 1, PCNET_AVX512 = 2 } pcnet_isa;

typedef enum {
    PCNET_IDENTITY = 0,
    PCNET_TANH,
    PCNET_HARD_TANH,
    PCNET_RELU,
    PCNET_LEAKY_RELU, /* slope 0.01 */
    PCNET_GELU,       /* tanh form */
    PCNET_SELU,
    PCNET_SILU,
    PCNET_LOGISTIC,
    PCNET_N_ACTIVATIONS
} pcnet_activation;

typedef enum {
    PCNET_SQUARED_ERROR = 0, /* 1/2 |y - mu|^2 */
    PCNET_LOG_LOSS,          /* - sum_k y_k log softmax(mu)_k */
    PCNET_LOGISTIC_LOSS,     /* sum_k log(1 + exp(mu_k)) - y_k mu_k, one logistic per output */
    PCNET_HUBER,             /* sum_k r^2/2, or d (|r| - d/2) where |r| > d; r = y_k - mu_k */
    PCNET_POISSON,           /* sum_k exp(mu_k) - y_k - y_k (mu_k - log y_k): half the deviance */
    PCNET_N_LOSSES
} pcnet_loss;

/* How a sample's inference ended. */
typedef enum {
    PCNET_REACHED_MAX_STEPS = 0, /* max_steps */
    PCNET_CONVERGED = 1,         /* |gradient| <= tol |v| */
    PCNET_ENERGY_STALLED = 2,    /* relative decrease of the energy below energy_tol */
    PCNET_ROUNDING_FLOOR = 3,    /* no step lowers the energy by more than rounding */
    PCNET_PREDICTED = 4,         /* the output delta predicts a gradient that small */
} pcnet_termination;

typedef enum { PCNET_ADAM = 0, PCNET_SGD = 1, PCNET_NESTEROV = 2 } pcnet_solver;

/* A network.  Where packed_transposes or its entry is NULL, the backward pass reads the packed W_l:
 * faster in wide layers.  packed_transposes[0] is never read. */
typedef struct {
    int n_layers;                         /* L >= 1 */
    const int *sizes;                     /* L + 1: D, n_1, .., n_L */
    const int *activations;               /* per layer: f_l, applied to the layer's input */
    const int *skips;                     /* per layer: tau_l, 0 or 1 */
    const double *scales;                 /* per layer: a_l */
    const void *const *packed_weights;    /* per layer: W_l, as `pack` writes it */
    const void *const *packed_transposes; /* per layer: W_l^T (`pack_transposed`), or NULL */
    const void *const *biases;            /* per layer: b_l (n_l); or NULL: no biases */
    /* Or NULL.  Every function but `update` calls it about a hundred times a second, in the calling
     * thread.  If it returns 1, the function soon returns PCNET_INTERRUPTED, and its OUT arrays are
     * undefined.  idle: 1 while this thread only waits for the others. */
    int (*interrupted)(int idle);
} pcnet_network;

/* Consecutive outputs with a loss of their own. */
typedef struct {
    int loss;           /* pcnet_loss */
    int n_outputs;      /* >= 1 */
    double huber_delta; /* as below */
} pcnet_loss_block;

typedef struct {
    int loss;                /* pcnet_loss */
    double output_precision; /* lambda > 0 */
    double activity_decay;   /* >= 0 */
    double huber_delta;      /* d > 0 of PCNET_HUBER; unused by the others */
    /* 0: `loss` is that of all outputs; otherwise it is not read, and the loss of a sample is the
     * sum over the blocks, which are all outputs in their order. */
    int n_blocks;
    const pcnet_loss_block *blocks;
} pcnet_objective;

/* Rows of which only some entries are stored, the others being 0 (CSR): row i holds the entries
 * starts[i] .. starts[i + 1] - 1, in ascending columns. */
typedef struct {
    const ptrdiff_t *starts; /* (rows + 1) */
    const int *columns;      /* (n_values) */
    const void *values;      /* (n_values) */
    ptrdiff_t n_values;
} pcnet_sparse_rows;

typedef enum {
    PCNET_OUT_OF_RANGE = 0, /* a start or a column; the core refuses the rows */
    PCNET_UNORDERED = 1,    /* columns of some row do not ascend or repeat; refused, too */
    PCNET_ASCENDING = 2,    /* as the core takes them */
} pcnet_sparse_order;

/* The arrays of one batch.  A row of the activities or errors of layer l starts every
 * strides[l - 1] elements. */
typedef struct {
    int n_samples;
    const void *inputs;       /* (n_samples, D), or NULL: sparse_inputs */
    const void *targets;      /* (n_samples, K), K = n_L; NULL where no target is needed */
    void *const *activities;  /* per layer: z_1, .., z_H, mu_L */
    void *const *errors;      /* per layer: e_1, .., e_H, output delta */
    const ptrdiff_t *strides; /* per layer: >= n_l */
    const pcnet_sparse_rows *sparse_inputs; /* n_samples rows of D columns; read without `inputs` */
    const pcnet_sparse_rows *sparse_features; /* their transpose, D rows; read by learning alone */
    /* (n_samples, K) >= 0, factors of each output's loss; a target of factor 0 is not used, not
     * even if it is nan.  NULL: all 1. */
    const void *output_precisions;
    /* Per hidden layer: rows like those of the activities, added to mu_l as a bias of each sample.
     * NULL: none. */
    void *const *sample_biases;
} pcnet_batch;

/* Results of inference, per sample. */
typedef struct {
    double *energy;     /* (n_samples) at the end, decay included */
    double *loss;       /* (n_samples) of the feed-forward state, lambda left out */
    int *n_steps;       /* (n_samples) accepted steps */
    int *n_half_passes; /* (n_samples) forward passes + backward passes */
    int *status;        /* (n_samples) pcnet_termination */
    /* Or NULL.  Called by any thread with the energy of a sample after 0, 1, .. of its steps, in
     * this order; `records` is passed on to it. */
    void (*record)(void *records, int sample, int step, double energy);
    void *records;
} pcnet_report;

typedef struct {
    int max_steps;     /* >= 0, accepted steps */
    double tol;        /* >= 0, of the gradient test */
    double energy_tol; /* >= 0, 0 = off */
    int predict;       /* 1: a sample may end as PCNET_PREDICTED, without a last backward pass */
} pcnet_error_descent;

typedef struct {
    /* When a sample ends; tol: of 1/2 |gradient|^2, which bounds what the energy can still fall in
     * linear networks, over its whole fall from the feed-forward state; predict is not read. */
    pcnet_error_descent ends;
    int memory;      /* 1 .. PCNET_MOST_MEMORY pairs of steps and gradient changes */
    int from_errors; /* 1: starts from the errors of the batch, unless the energy is higher there;
                      * 0: from errors of 0 */
    void *history;   /* of `history_size` bytes, 64-byte aligned */
} pcnet_quasi_newton;

#define PCNET_MOST_MEMORY 20

typedef struct {
    int n_steps;         /* >= 0 */
    double rate;         /* > 0, per sample; not read with `rates` */
    double momentum;     /* Nesterov's, >= 0 and < 1; 0: plain descent */
    const double *rates; /* (n_samples) > 0, one for each sample; or NULL */
} pcnet_activity_descent;

/* A forward pass from given errors.  With targets in the batch it also computes the losses and
 * writes the output deltas into the errors of layer L; without targets it does not write that
 * array. */
typedef struct {
    int from_errors;        /* 1: z_l = mu_l + e_l; 0: the feed-forward pass, the errors unread */
    double *loss;           /* (n_samples) OUT, lambda left out; needed with targets */
    double *layer_energies; /* (n_samples, L) OUT as of `errors`, with targets; or NULL */
    void *const *responses; /* per hidden layer OUT as of `backward`, with targets; or NULL */
} pcnet_forward_from_errors;

/* An update of all layers.  The solver sees the gradients times a factor of their layer: those of
 * the weights, a_l left out (- sum_i w_i f_l(z_{l-1})^T e_l), times weight_scales; those of the
 * biases times bias_scales. */
typedef struct {
    int solver;                  /* pcnet_solver */
    double beta_1, beta_2;       /* Adam; beta_1 is also SGD's momentum */
    double epsilon;              /* Adam */
    double n_updates;            /* Adam: this update's number, from 1 */
    double shrink;               /* weights (not biases) are multiplied by it first, 1 = no decay */
    const double *weight_rates;  /* per layer */
    const double *bias_rates;    /* per layer; unused without biases */
    const double *weight_scales; /* per layer */
    const double *bias_scales;   /* per layer */
    void *const *packed_weights; /* per layer: INOUT weights */
    void *const *packed_transposes; /* per layer: OUT the same, transposed, as in the network */
    void *const *first_moments;     /* per layer, packed: Adam's m, SGD's velocity */
    void *const *second_moments;    /* per layer, packed: Adam's v; unused by SGD */
    void *const *biases;            /* per layer; NULL without biases */
    void *const *bias_first_moments;
    void *const *bias_second_moments;
    /* Read by a call without a batch: sums of what `packed_gradients` wrote for several batches. */
    const void *const *weight_gradients;
    const void *const *bias_gradients; /* NULL without biases */
} pcnet_update;

/* The curvature of the energy of samples near their activities, for `log_determinants`; layers
 * 0..n_layers, of which the last is the one below the outputs. */
typedef struct {
    int n_samples, n_layers;      /* n_layers >= 0 */
    const int *sizes;             /* n_layers + 1 */
    const int *skips;             /* per layer l = 1..n_layers, as the next two; tau_l, 0 or 1 */
    const void *const *weights;   /* a_l W_l (n_{l-1}, n_l), not packed */
    const void *const *squares;   /* a_l^2 W_l W_l^T (n_{l-1}, n_{l-1}) */
    const void *const *slopes;    /* per layer l = 0..n_layers: (n_samples, n_l), f_{l+1}'(z_l) */
    const void *outputs;          /* matrices V (n, n), n the size of the last layer; see below */
    const int *output_of;         /* (n_samples): the number of each sample's V */
    int (*interrupted)(int idle); /* as in pcnet_network; or NULL */
} pcnet_curvatures;

/* Multiply-adds of a pass up to which a call uses one thread: below about 50 microseconds of work,
 * starting threads takes longer than they save, much longer on a busy machine. */
#ifndef PCNET_SERIAL_WORK
#define PCNET_SERIAL_WORK 4e6
#endif

/* Where a failure happened. */
typedef struct {
    int layer; /* 1..L, 0 if not tied to one */
} pcnet_fault;

/* The functions of one dtype and instruction set.  Every n_threads >= 1 is an upper bound. */
typedef struct {
    /* Elements of a packed (rows, columns) matrix.  Row stride for a layer of n units: the padding
     * keeps rows out of the same cache sets, and `update` needs it in the errors, filled with 0. */
    size_t (*packed_size)(int n_rows, int n_columns);
    /* Elements of a packed W^T for the backward pass; 0 where reading the packed W is faster. */
    size_t (*packed_transpose_size)(int n_in, int n_out);
    ptrdiff_t (*row_stride)(int n);
    /* plain (rows, columns) -> packed, packed transpose, and back. */
    void (*pack)(int n_rows, int n_columns, const void *plain, void *packed);
    void (*pack_transposed)(int n_rows, int n_columns, const void *plain, void *packed);
    void (*unpack)(int n_rows, int n_columns, const void *packed, void *plain);

    /* What rows of n_columns columns are like; reads no value. */
    pcnet_sparse_order (*sparse_order)(const pcnet_sparse_rows *rows, int n_rows, int n_columns);

    /* Bytes of workspace (64-byte aligned) that any function below needs for up to n_samples and
     * just n_threads. */
    size_t (*workspace_size)(const pcnet_network *net, int n_samples, int n_threads);

    /* Bytes of pcnet_quasi_newton's `history` for up to n_samples and just n_threads. */
    size_t (*history_size)(const pcnet_network *net, int memory, int n_samples, int n_threads);

    /* Feed-forward pass into batch->activities. */
    pcnet_status (*forward)(const pcnet_network *net, const pcnet_batch *batch, void *workspace,
                            int n_threads);
    /* Feed-forward outputs only: out (n_samples, K) = mu_L; of the batch it reads the inputs.
     * Where an input, or an activity that has overflowed, is inf or nan, so is all of its row of
     * the next layer's mu, and the status says PCNET_OUTPUT_NOT_FINITE; `out` is written. */
    pcnet_status (*output)(const pcnet_network *net, const pcnet_batch *batch, void *out,
                           void *workspace, int n_threads);
    /* At batch->activities z_1..z_H: errors, mu_L (OUT, in the activities of layer L), and, where
     * not NULL, layer_energies (n_samples, L) with the last
     * times lambda and without decay. */
    pcnet_status (*errors)(const pcnet_network *net, const pcnet_batch *batch,
                           const pcnet_objective *objective, double *layer_energies,
                           void *workspace, int n_threads);
    /* Inference from the feed-forward state: activities, errors and report are OUT. */
    pcnet_status (*error_descent)(const pcnet_network *net, const pcnet_batch *batch,
                                  const pcnet_objective *objective,
                                  const pcnet_error_descent *options, const pcnet_report *report,
                                  void *workspace, int n_threads);
    /* The same by L-BFGS of each sample; errors 1..H are IN with from_errors. */
    pcnet_status (*quasi_newton)(const pcnet_network *net, const pcnet_batch *batch,
                                 const pcnet_objective *objective,
                                 const pcnet_quasi_newton *options, const pcnet_report *report,
                                 void *workspace, int n_threads);
    pcnet_status (*activity_descent)(const pcnet_network *net, const pcnet_batch *batch,
                                     const pcnet_objective *objective,
                                     const pcnet_activity_descent *options,
                                     const pcnet_report *report, void *workspace, int n_threads);
    /* ---- single passes, for inference methods outside the core.  Vectors are per layer, with the
     * strides of the activities; decay >= 0. ---- */
    /* z_l = mu_l + e_l for l = 1..H, then mu_L, into batch->activities; errors 1..H are IN. */
    pcnet_status (*forward_from_errors)(const pcnet_network *net, const pcnet_batch *batch,
                                        const pcnet_objective *objective,
                                        const pcnet_forward_from_errors *options, void *workspace,
                                        int n_threads);
    /* OUT the responses v_l, l = H..1, to the deltas v_L in the errors of layer L:
     *     v_l = a_{l+1} (v_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} v_{l+1} - decay z_l + s_l
     * They may be the errors of the same layers.  sources: per hidden layer s_l, other arrays than
     * the responses; or NULL: 0. */
    pcnet_status (*backward)(const pcnet_network *net, const pcnet_batch *batch, double decay,
                             void *const *sources, void *const *responses, void *workspace,
                             int n_threads);
    /* OUT, with any u_1..u_L in batch->errors, l = 1..H; with those of `errors` it is dF/dz:
     *     g_l = u_l - [a_{l+1} (u_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} u_{l+1}] + decay z_l */
    pcnet_status (*activity_gradients)(const pcnet_network *net, const pcnet_batch *batch,
                                       double decay, void *const *gradients, void *workspace,
                                       int n_threads);
    /* For l = H..1: g_l as of `activity_gradients` at the errors as they are by then, then
     * z_l -= rate g_l and e_l -= rate g_l, so that g_{l-1} includes the move.  e_{l+1} is not
     * updated. */
    pcnet_status (*gauss_seidel_sweep)(const pcnet_network *net, const pcnet_batch *batch,
                                       double decay, double rate, void *workspace, int n_threads);
    /* dF/dW_l (plain) and dF/db_l of the batch: weighted means with sample_weight (n_samples,
     * sum one).  Errors must be padded as row_stride says. */
    pcnet_status (*weight_gradients)(const pcnet_network *net, const pcnet_batch *batch,
                                     const double *sample_weight, void *const *weight_gradients,
                                     void *const *bias_gradients, void *workspace, int n_threads);
    /* The same gradients as the solver sees them before its factors, for `update` without a batch:
     * those of W_l packed, with a_l and the sign left out; dF/db_l. */
    pcnet_status (*packed_gradients)(const pcnet_network *net, const pcnet_batch *batch,
                                     const double *sample_weight, void *const *weight_gradients,
                                     void *const *bias_gradients, void *workspace, int n_threads);
    /* One solver step of all layers from the errors of the batch; with batch and sample_weight
     * NULL, from the gradients of `update`. */
    pcnet_status (*update)(const pcnet_network *net, const pcnet_batch *batch,
                           const double *sample_weight, const pcnet_update *update,
                           pcnet_fault *fault, void *workspace, int n_threads);
    /* OUT square: that of all gradients as the solver would see them, summed over the entries;
     * of `update` it reads the scales and, without a batch, the gradients. */
    pcnet_status (*gradient_square)(const pcnet_network *net, const pcnet_batch *batch,
                                    const double *sample_weight, const pcnet_update *update,
                                    double *square, void *workspace, int n_threads);
    /* OUT halves (n_samples): 1/2 log det of the Gauss-Newton Hessian of
     *     1/2 |z_0|^2 + sum_{l>=1} 1/2 |z_l - mu_l(z_{l-1})|^2 + 1/2 |f(z)|_V^2
     * by all activities, f(z) being the input of the outputs' weights; nan where it is not positive
     * definite.  The workspace has `log_determinants_size` bytes, 64-byte aligned. */
    size_t (*log_determinants_size)(const pcnet_curvatures *curvatures, int n_threads);
    pcnet_status (*log_determinants)(const pcnet_curvatures *curvatures, double *halves,
                                     void *workspace, int n_threads);
} pcnet_core;

/* The best instruction set of this build on this machine. */
pcnet_isa pcnet_best_isa(void);

/* The functions for a dtype and an instruction set; NULL where the build or the machine has
 * none. */
const pcnet_core *pcnet_get_core(pcnet_dtype dtype, pcnet_isa isa);

/* The most samples in a tile, the unit of work of inference. */
int pcnet_tile_size(void);

int pcnet_has_openmp(void);

/* Threads an OpenMP region would use now; 1 without OpenMP. */
int pcnet_openmp_max_threads(void);

#ifdef __cplusplus
}
#endif

#endif
