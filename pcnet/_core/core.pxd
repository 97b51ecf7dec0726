"""The C core's header ``csrc/pcnet.h``, declared for Cython."""

from libc.stddef cimport ptrdiff_t, size_t


cdef extern from "pcnet.h" nogil:
    double PCNET_SERIAL_WORK
    ctypedef enum pcnet_status:
        PCNET_OK
        PCNET_BAD_ARGUMENT
        PCNET_ENERGY_NOT_FINITE
        PCNET_GRADIENT_NOT_FINITE
        PCNET_OUTPUT_NOT_FINITE
        PCNET_INTERRUPTED
    ctypedef enum pcnet_dtype:
        PCNET_FLOAT32
        PCNET_FLOAT64
    ctypedef enum pcnet_isa:
        PCNET_GENERIC
        PCNET_AVX2
        PCNET_AVX512
    ctypedef enum pcnet_activation:
        PCNET_IDENTITY
        PCNET_TANH
        PCNET_HARD_TANH
        PCNET_RELU
        PCNET_LEAKY_RELU
        PCNET_GELU
        PCNET_SELU
        PCNET_SILU
        PCNET_LOGISTIC
    ctypedef enum pcnet_loss:
        PCNET_SQUARED_ERROR
        PCNET_LOG_LOSS
        PCNET_LOGISTIC_LOSS
        PCNET_HUBER
        PCNET_POISSON
    ctypedef enum pcnet_termination:
        PCNET_REACHED_MAX_STEPS
        PCNET_CONVERGED
        PCNET_ENERGY_STALLED
        PCNET_ROUNDING_FLOOR
        PCNET_PREDICTED
    ctypedef enum pcnet_solver:
        PCNET_ADAM
        PCNET_SGD
        PCNET_NESTEROV
    ctypedef struct pcnet_network:
        int n_layers
        const int *sizes
        const int *activations
        const int *skips
        const double *scales
        const void **packed_weights
        const void **packed_transposes
        const void **biases
        int (*interrupted)(int) noexcept nogil
    ctypedef struct pcnet_loss_block:
        int loss
        int n_outputs
        double huber_delta
    ctypedef struct pcnet_objective:
        int loss
        double output_precision
        double activity_decay
        double huber_delta
        int n_blocks
        const pcnet_loss_block *blocks
    ctypedef struct pcnet_sparse_rows:
        const ptrdiff_t *starts
        const int *columns
        const void *values
        ptrdiff_t n_values
    ctypedef enum pcnet_sparse_order:
        PCNET_OUT_OF_RANGE
        PCNET_UNORDERED
        PCNET_ASCENDING
    ctypedef struct pcnet_batch:
        int n_samples
        const void *inputs
        const void *targets
        void **activities
        void **errors
        const ptrdiff_t *strides
        const pcnet_sparse_rows *sparse_inputs
        const pcnet_sparse_rows *sparse_features
        const void *output_precisions
        void **sample_biases
    ctypedef struct pcnet_report:
        double *energy
        double *loss
        int *n_steps
        int *n_half_passes
        int *status
        void (*record)(void *, int, int, double) noexcept nogil
        void *records
    ctypedef struct pcnet_error_descent:
        int max_steps
        double tol
        double energy_tol
        int predict
    int PCNET_MOST_MEMORY
    ctypedef struct pcnet_curvatures:
        int n_samples
        int n_layers
        const int *sizes
        const int *skips
        const void **weights
        const void **squares
        const void **slopes
        const void *outputs
        const int *output_of
        int (*interrupted)(int) noexcept nogil
    ctypedef struct pcnet_quasi_newton:
        pcnet_error_descent ends
        int memory
        int from_errors
        void *history
    ctypedef struct pcnet_activity_descent:
        int n_steps
        double rate
        double momentum
        const double *rates
    ctypedef struct pcnet_forward_from_errors:
        int from_errors
        double *loss
        double *layer_energies
        void **responses
    ctypedef struct pcnet_update:
        int solver
        double beta_1
        double beta_2
        double epsilon
        double n_updates
        double shrink
        const double *weight_rates
        const double *bias_rates
        const double *weight_scales
        const double *bias_scales
        void **packed_weights
        void **packed_transposes
        void **first_moments
        void **second_moments
        void **biases
        void **bias_first_moments
        void **bias_second_moments
        const void **weight_gradients
        const void **bias_gradients
    ctypedef struct pcnet_fault:
        int layer
    ctypedef struct pcnet_core:
        size_t (*packed_size)(int, int) noexcept nogil
        size_t (*packed_transpose_size)(int, int) noexcept nogil
        ptrdiff_t (*row_stride)(int) noexcept nogil
        void (*pack)(int, int, const void *, void *) noexcept nogil
        void (*pack_transposed)(int, int, const void *, void *) noexcept nogil
        void (*unpack)(int, int, const void *, void *) noexcept nogil
        pcnet_sparse_order (*sparse_order)(const pcnet_sparse_rows *, int, int) noexcept nogil
        size_t (*workspace_size)(const pcnet_network *, int, int) noexcept nogil
        pcnet_status (*forward)(const pcnet_network *, const pcnet_batch *, void *, int) noexcept nogil
        pcnet_status (*output)(const pcnet_network *, const pcnet_batch *, void *, void *, int) noexcept nogil
        pcnet_status (*errors)(const pcnet_network *, const pcnet_batch *,
                               const pcnet_objective *, double *, void *, int) noexcept nogil
        pcnet_status (*error_descent)(const pcnet_network *, const pcnet_batch *,
                                      const pcnet_objective *, const pcnet_error_descent *,
                                      const pcnet_report *, void *, int) noexcept nogil
        pcnet_status (*quasi_newton)(const pcnet_network *, const pcnet_batch *,
                                     const pcnet_objective *, const pcnet_quasi_newton *,
                                     const pcnet_report *, void *, int) noexcept nogil
        size_t (*history_size)(const pcnet_network *, int, int, int) noexcept nogil
        pcnet_status (*activity_descent)(const pcnet_network *, const pcnet_batch *,
                                         const pcnet_objective *, const pcnet_activity_descent *,
                                         const pcnet_report *, void *, int) noexcept nogil
        pcnet_status (*forward_from_errors)(const pcnet_network *, const pcnet_batch *,
                                            const pcnet_objective *,
                                            const pcnet_forward_from_errors *, void *,
                                            int) noexcept nogil
        pcnet_status (*backward)(const pcnet_network *, const pcnet_batch *, double, void **,
                                 void **, void *, int) noexcept nogil
        pcnet_status (*activity_gradients)(const pcnet_network *, const pcnet_batch *, double,
                                           void **, void *, int) noexcept nogil
        pcnet_status (*gauss_seidel_sweep)(const pcnet_network *, const pcnet_batch *, double,
                                           double, void *, int) noexcept nogil
        pcnet_status (*weight_gradients)(const pcnet_network *, const pcnet_batch *,
                                         const double *, void **, void **, void *, int) noexcept nogil
        pcnet_status (*packed_gradients)(const pcnet_network *, const pcnet_batch *,
                                         const double *, void **, void **, void *, int) noexcept nogil
        pcnet_status (*update)(const pcnet_network *, const pcnet_batch *, const double *,
                               const pcnet_update *, pcnet_fault *, void *, int) noexcept nogil
        pcnet_status (*gradient_square)(const pcnet_network *, const pcnet_batch *, const double *,
                                        const pcnet_update *, double *, void *, int) noexcept nogil
        size_t (*log_determinants_size)(const pcnet_curvatures *, int) noexcept nogil
        pcnet_status (*log_determinants)(const pcnet_curvatures *, double *, void *,
                                         int) noexcept nogil
    pcnet_isa pcnet_best_isa()
    const pcnet_core *pcnet_get_core(pcnet_dtype, pcnet_isa)
    int pcnet_tile_size()
    int pcnet_has_openmp()
    int pcnet_openmp_max_threads()
