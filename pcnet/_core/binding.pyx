# cython: language_level=3, boundscheck=False, initializedcheck=False
"""The boundary to the C core (``csrc/pcnet.h``): types, addresses, errors, and nothing else.

Arrays are checked here for dtype, shape and contiguity; every call drops the GIL once.  Codes of
activations, losses and terminations are the enums of the header, exported as the tables below.
"""

cimport cython
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, realloc

import enum
import math
import os
import threading
import time

import numpy as np


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
    ctypedef struct pcnet_objective:
        int loss
        double output_precision
        double activity_decay
        double huber_delta
    ctypedef struct pcnet_batch:
        int n_samples
        const void *inputs
        const void *targets
        void **activities
        void **errors
        const ptrdiff_t *strides
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
    ctypedef struct pcnet_activity_descent:
        int n_steps
        double rate
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
    ctypedef struct pcnet_fault:
        int layer
    ctypedef struct pcnet_core:
        size_t (*packed_size)(int, int) noexcept nogil
        size_t (*packed_transpose_size)(int, int) noexcept nogil
        ptrdiff_t (*row_stride)(int) noexcept nogil
        void (*pack)(int, int, const void *, void *) noexcept nogil
        void (*pack_transposed)(int, int, const void *, void *) noexcept nogil
        void (*unpack)(int, int, const void *, void *) noexcept nogil
        size_t (*workspace_size)(const pcnet_network *, int, int) noexcept nogil
        pcnet_status (*forward)(const pcnet_network *, const pcnet_batch *, void *, int) noexcept nogil
        pcnet_status (*output)(const pcnet_network *, const void *, int, void *, void *, int) noexcept nogil
        pcnet_status (*errors)(const pcnet_network *, const pcnet_batch *,
                               const pcnet_objective *, double *, void *, int) noexcept nogil
        pcnet_status (*error_descent)(const pcnet_network *, const pcnet_batch *,
                                      const pcnet_objective *, const pcnet_error_descent *,
                                      const pcnet_report *, void *, int) noexcept nogil
        pcnet_status (*activity_descent)(const pcnet_network *, const pcnet_batch *,
                                         const pcnet_objective *, const pcnet_activity_descent *,
                                         const pcnet_report *, void *, int) noexcept nogil
        pcnet_status (*forward_from_errors)(const pcnet_network *, const pcnet_batch *,
                                            const pcnet_objective *,
                                            const pcnet_forward_from_errors *, void *,
                                            int) noexcept nogil
        pcnet_status (*backward)(const pcnet_network *, const pcnet_batch *, double, void **,
                                 void *, int) noexcept nogil
        pcnet_status (*activity_gradients)(const pcnet_network *, const pcnet_batch *, double,
                                           void **, void *, int) noexcept nogil
        pcnet_status (*gauss_seidel_sweep)(const pcnet_network *, const pcnet_batch *, double,
                                           double, void *, int) noexcept nogil
        pcnet_status (*weight_gradients)(const pcnet_network *, const pcnet_batch *,
                                         const double *, void **, void **, void *, int) noexcept nogil
        pcnet_status (*update)(const pcnet_network *, const pcnet_batch *, const double *,
                               const pcnet_update *, pcnet_fault *, void *, int) noexcept nogil
        pcnet_status (*gradient_square)(const pcnet_network *, const pcnet_batch *, const double *,
                                        const pcnet_update *, double *, void *, int) noexcept nogil
    pcnet_isa pcnet_best_isa()
    const pcnet_core *pcnet_get_core(pcnet_dtype, pcnet_isa)
    int pcnet_tile_size()
    int pcnet_has_openmp()
    int pcnet_openmp_max_threads()

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    struct timespec:
        time_t tv_sec
        long tv_nsec
    int timespec_get(timespec *, int)
    int TIME_UTC

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


# ---- Ctrl-C in long calls: the main thread, which alone may handle signals, looks for them

cdef double _SECONDS_BETWEEN = 0.05  # two looks, for each of which the thread needs the GIL
cdef double _SECONDS_AWAKE = 0.001  # in which a thread that waits for others looks at the clock only
cdef double _looked = 0, _idle_since = 0
cdef object _interruption = None  # what a signal's handler has raised


cdef double _seconds() noexcept nogil:
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return now.tv_sec + 1e-9 * now.tv_nsec


cdef int _interrupted(int idle) noexcept nogil:
    """As `pcnet_network.interrupted`; given to the core by the main thread only."""
    global _looked, _idle_since
    cdef double now = _seconds(), waited
    if idle:
        if _idle_since == 0:
            _idle_since = now
        waited = now - _idle_since
        # the longer it has waited, the longer it may sleep: a sixteenth is not noticed
        return _look(min(waited / 16, 0.01)) if not 0 <= waited < _SECONDS_AWAKE else 0
    if 0 <= now - _looked < _SECONDS_BETWEEN:
        return 0
    _looked = now
    return _look(0)


cdef int _look(double pause) noexcept with gil:
    global _interruption
    try:
        if pause > 0:
            time.sleep(pause)
        PyErr_CheckSignals()
    except BaseException as error:
        _interruption = error
        return 1
    return 0


ACTIVATION_CODES = {
    "identity": PCNET_IDENTITY,
    "tanh": PCNET_TANH,
    "hard_tanh": PCNET_HARD_TANH,
    "relu": PCNET_RELU,
    "leaky_relu": PCNET_LEAKY_RELU,
    "gelu": PCNET_GELU,
    "selu": PCNET_SELU,
    "silu": PCNET_SILU,
    "logistic": PCNET_LOGISTIC,
}
LOSS_CODES = {
    "squared_error": PCNET_SQUARED_ERROR,
    "log_loss": PCNET_LOG_LOSS,
    "logistic": PCNET_LOGISTIC_LOSS,
    "huber": PCNET_HUBER,
    "poisson": PCNET_POISSON,
}
HUBER_DELTA = 1.35  # of the name "huber"; an object with a delta says its own
SOLVER_CODES = {"adam": PCNET_ADAM, "sgd": PCNET_SGD, "nesterov": PCNET_NESTEROV}
ISA_CODES = {"generic": PCNET_GENERIC, "avx2": PCNET_AVX2, "avx512": PCNET_AVX512}


class Status(enum.IntEnum):
    """How a sample's inference ended: the entries of `Batch.status`."""

    REACHED_MAX_STEPS = PCNET_REACHED_MAX_STEPS
    CONVERGED = PCNET_CONVERGED
    ENERGY_STALLED = PCNET_ENERGY_STALLED
    ROUNDING_FLOOR = PCNET_ROUNDING_FLOOR


TILE_SIZE = pcnet_tile_size()
# multiply-adds of a pass up to which a call uses one thread
SERIAL_WORK = PCNET_SERIAL_WORK
# units of a layer, samples of a call: the core counts both in int, and rounds them up
MOST_COUNTED = 2**30


def has_openmp():
    """Whether this build of pcnet runs on several threads.

    Returns
    -------
    bool
    """
    return bool(pcnet_has_openmp())


def openmp_max_threads():
    """Threads that an OpenMP region of this module would use now (1 without OpenMP)."""
    return pcnet_openmp_max_threads()


# The numbers of threads that `set_num_threads` asked for, oldest first.
cdef list _requests = []


@cython.final
@cython.auto_pickle(False)
cdef class _ThreadRequest:
    cdef int n_threads  # 0: the default
    cdef unsigned long thread  # whose block it is; 0: it holds for good and in all threads


@cython.final
@cython.no_gc
@cython.auto_pickle(False)
cdef class ThreadBlock:
    """A number of threads, for good from `hold` on or for the time of a ``with`` block.

    The methods run no Python code, so Ctrl-C comes before or after one of them, never within. Where
    it comes between ``__enter__`` and the block, the object dies and takes its number along.

    Parameters
    ----------
    n_threads : int
        0: the default.
    """

    cdef _ThreadRequest _request
    cdef int _n_open  # blocks that have begun with this object and not ended

    def __init__(self, int n_threads):
        self._request = _ThreadRequest()
        self._request.n_threads = n_threads

    def hold(self):
        """Let the number hold in all threads, until a block begins with this object."""
        _requests.append(self._request)

    def withdraw(self):
        """Undo `hold`."""
        _forget_request(self._request)

    def __enter__(self):
        self.withdraw()
        self._request.thread = PyThread_get_thread_ident()
        _requests.append(self._request)
        self._n_open += 1
        return self

    def __exit__(self, *error):
        self._n_open -= 1
        if self._n_open == 0:
            self.withdraw()

    def __dealloc__(self):
        if self._n_open > 0:
            self.withdraw()
        elif self._request is not None and self._request.thread == 0:
            _forget_requests_before(self._request)


cdef int _forget_request(_ThreadRequest request) except -1:
    try:
        _requests.remove(request)
    except ValueError:  # it is not there
        pass
    return 0


cdef int _forget_requests_before(_ThreadRequest newest) except -1:
    """Forget the requests for good that a newer one has made void."""
    cdef _ThreadRequest request
    if newest not in _requests:
        return 0
    for request in list(_requests):
        if request is newest:
            break
        if request.thread == 0:
            _forget_request(request)
    return 0


def requested_threads():
    """The number of threads that the calling Python thread was asked to use; 0: the default.

    The newest number counts: of the thread's own blocks and of those for good if it is in a block
    of its own, else of all.

    Returns
    -------
    int
    """
    cdef _ThreadRequest request
    cdef unsigned long here = PyThread_get_thread_ident()
    cdef list requests = list(_requests)
    cdef bint is_inside = False
    for request in requests:
        is_inside = is_inside or request.thread == here
    for request in reversed(requests):
        if not is_inside or request.thread == 0 or request.thread == here:
            return request.n_threads
    return 0


def available_isas():
    """Names of the instruction sets that this build has and this machine runs, best last."""
    best = <int> pcnet_best_isa()
    return [name for name, code in ISA_CODES.items() if code <= best]


def default_isa():
    """The instruction set in use: the best, or the one that ``PCNET_ISA`` names."""
    wanted = os.environ.get("PCNET_ISA")
    if not wanted:
        return available_isas()[-1]
    if wanted not in available_isas():
        raise RuntimeError(
            f"The environment variable PCNET_ISA is {wanted!r}, but this machine offers "
            f"{', '.join(available_isas())}. Unset it or name one of these."
        )
    return wanted


def _check_counts(name, counts):
    """Raise unless the core can count so far."""
    for count in counts:
        if not 0 <= count <= MOST_COUNTED:
            raise ValueError(f"{name} must be at most {MOST_COUNTED}; got {count}")


def aligned_zeros(shape, dtype):
    """A zeroed, C-contiguous array that starts on a 64-byte line.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


cdef uintptr_t _address(array, dtype, shape, bint writable=False) except? 0:
    """Address of an array that must be C-contiguous, aligned, of this dtype and shape."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"expected a {dtype} array of shape {shape}, got "
            f"{getattr(array, 'dtype', type(array))} {getattr(array, 'shape', '')}"
        )
    if not array.flags.c_contiguous or (writable and not array.flags.writeable):
        raise ValueError(f"expected a C-contiguous{' writable' if writable else ''} array")
    if not array.flags.aligned:
        raise ValueError("expected an aligned array; copy it first, np.array(array)")
    return <uintptr_t> array.ctypes.data


cdef class _Pointers:
    """The addresses of a list of arrays, as C wants them; keeps the arrays alive."""

    cdef object arrays
    cdef size_t[::1] addresses

    def __init__(self, arrays):
        self.arrays = list(arrays)
        self.addresses = np.array(
            [0 if a is None else a.ctypes.data for a in self.arrays], dtype=np.uintp
        )

    cdef void **get(self) noexcept:
        return <void **> &self.addresses[0]


cdef const void **_constant(_Pointers pointers) noexcept:
    return NULL if pointers is None else <const void **> pointers.get()


cdef void **_mutable(_Pointers pointers) noexcept:
    return NULL if pointers is None else pointers.get()


cdef class CoreNetwork:
    """A network as the core sees it: views of arrays that the caller owns.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    activations : sequence of str, (L,)
        Activation of each layer's input; the first is ``"identity"``.
    skips : sequence of bool, (L,)
    scales : sequence of float, (L,)
    dtype : dtype
        float32 or float64.
    packed : tuple of two lists
        ``(forward, backward)`` as `allocate_packed` makes them; ``backward`` may be None.
    biases : list of ndarray, (n_out,), or None
    isa : str, optional
        Default: `default_isa()`.
    """

    cdef pcnet_network net
    cdef const pcnet_core *core
    cdef object _keep
    cdef int[::1] sizes, activation_codes, skip_flags
    cdef double[::1] scale_values
    cdef readonly tuple layer_sizes, activations
    cdef readonly object dtype
    cdef readonly str isa
    cdef readonly bint has_biases

    def __init__(self, layer_sizes, activations, skips, scales, dtype, *, packed, biases=None,
                 isa=None):
        self.layer_sizes = tuple(int(n) for n in layer_sizes)
        self.activations = tuple(activations)
        _check_counts("the units of a layer", self.layer_sizes)
        self.dtype = np.dtype(dtype)
        self.isa = default_isa() if isa is None else isa
        self.core = _find_core(self.dtype, self.isa)
        self.sizes = np.asarray(self.layer_sizes, dtype=np.intc)
        self.activation_codes = np.array([ACTIVATION_CODES[a] for a in activations], dtype=np.intc)
        self.skip_flags = np.asarray(skips, dtype=np.intc)
        self.scale_values = np.array(scales, dtype=np.float64)
        self.has_biases = biases is not None
        cdef int n_layers = len(self.layer_sizes) - 1
        if not (n_layers == len(activations) == len(skips) == len(scales)):
            raise ValueError("one activation, skip and scale a layer are needed")
        if biases is not None:
            for array, n in zip(biases, self.layer_sizes[1:], strict=True):
                _address(array, self.dtype, (n,))
        self._keep = [
            None if arrays is None else _Pointers(arrays) for arrays in (biases, *packed)
        ]
        self.net.n_layers = n_layers
        self.net.sizes = &self.sizes[0]
        self.net.activations = &self.activation_codes[0]
        self.net.skips = &self.skip_flags[0]
        self.net.scales = &self.scale_values[0]
        self.net.biases = _constant(self._keep[0])
        self.net.packed_weights = _constant(self._keep[1])
        self.net.packed_transposes = _constant(self._keep[2])

    @property
    def n_layers(self):
        return self.net.n_layers

    def row_stride(self, int n):
        """Elements from one row of a layer's activities to the next, in `Batch`."""
        return self.core.row_stride(n)


cdef pcnet_network _for_one_call(CoreNetwork network):
    """The network as one call of this thread takes it."""
    global _idle_since
    cdef pcnet_network net = network.net
    net.interrupted = NULL
    if threading.get_ident() == threading.main_thread().ident:
        _idle_since = 0
        net.interrupted = _interrupted
    return net


cdef const pcnet_core *_find_core(dtype, isa) except NULL:
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"the core computes in float32 or float64, not {dtype}")
    code = PCNET_FLOAT32 if dtype == np.float32 else PCNET_FLOAT64
    cdef const pcnet_core *core = pcnet_get_core(code, ISA_CODES[isa])
    if core is NULL:
        raise RuntimeError(f"this build or machine has no instruction set {isa!r}")
    return core


def packed_sizes(layer_sizes, dtype, *, transposed=False):
    """Elements of every layer's packed W, or packed W^T: 0 for the first layer, which needs
    none, and for wide ones, whose backward pass reads W's own; list of int, (L,)."""
    cdef const pcnet_core *core = _find_core(np.dtype(dtype), default_isa())
    _check_counts("the units of a layer", layer_sizes)
    cdef size_t (*size)(int, int) noexcept nogil
    size = core.packed_transpose_size if transposed else core.packed_size
    sizes = []
    for n_in, n_out in zip(layer_sizes, layer_sizes[1:]):
        sizes.append(size(n_in, n_out))
    if transposed:
        sizes[0] = 0
    return sizes


def allocate_packed(layer_sizes, dtype, *, transposed=False):
    """Zeroed memory for the packed weights of every layer, in one block of memory.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    dtype : dtype
    transposed : bool
        Of W^T; None in the list where there are none, see `packed_sizes`.

    Returns
    -------
    list of ndarray, (L,)
        One-dimensional.
    """
    sizes = packed_sizes(layer_sizes, dtype, transposed=transposed)
    # every layer starts on a line of its own
    ends = np.cumsum([(s + 15) // 16 * 16 for s in sizes])
    slab = aligned_zeros((int(ends[-1]),), dtype)
    starts = [0, *ends[:-1]]
    packed = [slab[a : a + s] for a, s in zip(starts, sizes)]
    return [p if p.size else None for p in packed]


def pack_weights(weights, forward, backward=None):
    """Pack weights, and their transposes (not the first) into other arrays."""
    cdef const pcnet_core *core = _find_core(weights[0].dtype, default_isa())
    cdef uintptr_t source
    for l, w in enumerate(weights):
        source = _address(w, w.dtype, w.shape)
        core.pack(w.shape[0], w.shape[1], <void *> source, <void *> _address(
            forward[l], w.dtype, (core.packed_size(w.shape[0], w.shape[1]),), True))
        if backward is not None and backward[l] is not None:
            core.pack_transposed(w.shape[0], w.shape[1], <void *> source, <void *> _address(
                backward[l], w.dtype, (core.packed_size(w.shape[1], w.shape[0]),), True))


def unpack_weights(packed, weights):
    """Copy packed weights into plain ones."""
    cdef const pcnet_core *core = _find_core(weights[0].dtype, default_isa())
    for w, p in zip(weights, packed):
        core.unpack(w.shape[0], w.shape[1], <void *> _address(
            p, w.dtype, (core.packed_size(w.shape[0], w.shape[1]),)),
            <void *> _address(w, w.dtype, w.shape, True))


class LayerRows(list):
    """An array (capacity, row_stride(n_l)) for each layer, all in one block of memory, zeroed.

    Columns beyond n_l are padding and stay 0: the core neither reads nor writes them, but `update`
    needs those of the errors to be 0. Arithmetic on a whole block keeps them 0 if it makes 0 of 0.

    Attributes
    ----------
    flat : ndarray, one-dimensional
        The whole block, to compute with all layers at once.
    hidden : ndarray, one-dimensional
        The part of it that holds the hidden layers.
    """

    def __init__(self, network, capacity):
        sizes = network.layer_sizes[1:]
        strides = [network.row_stride(n) for n in sizes]
        ends = np.cumsum([0, *(capacity * stride for stride in strides)])
        self.kind = (capacity, sizes, network.dtype)
        self.flat = aligned_zeros((int(ends[-1]),), network.dtype)
        self.hidden = self.flat[: ends[-2]]
        super().__init__(
            self.flat[a:b].reshape(capacity, stride)
            for a, b, stride in zip(ends, ends[1:], strides)
        )
        self.pointers = _Pointers(self)


cdef struct step_records:
    double **energies  # per sample: after 0, 1, .. steps
    int *room
    int *count
    int is_short  # of memory


cdef void _record(void *to, int sample, int step, double energy) noexcept nogil:
    """As `pcnet_report.record`: of one sample by one thread, its steps in order."""
    cdef step_records *own = <step_records *> to
    cdef int room = own.room[sample]
    cdef double *grown
    if step >= room:
        room = step + step // 2 + 8
        grown = <double *> realloc(own.energies[sample], room * sizeof(double))
        if grown is NULL:
            own.is_short = 1
            return
        own.energies[sample] = grown
        own.room[sample] = room
    own.energies[sample][step] = energy
    own.count[sample] = step + 1


@cython.final
@cython.auto_pickle(False)
cdef class _Records:
    """The energies of each sample after each of its steps; memory grows with the steps taken."""

    cdef step_records own
    cdef int n_samples

    def __cinit__(self, int n_samples):
        cdef int i
        cdef size_t n = n_samples
        self.own.energies = <double **> realloc(NULL, n * sizeof(double *))
        self.own.room = <int *> realloc(NULL, n * sizeof(int))
        self.own.count = <int *> realloc(NULL, n * sizeof(int))
        if self.own.energies is NULL or self.own.room is NULL or self.own.count is NULL:
            raise MemoryError("no memory for the energies of inference")
        for i in range(n_samples):
            self.own.energies[i] = NULL
            self.own.room[i] = self.own.count[i] = 0
        self.n_samples = n_samples

    def __dealloc__(self):
        cdef int i
        for i in range(self.n_samples):
            free(self.own.energies[i])
        free(self.own.energies)
        free(self.own.room)
        free(self.own.count)

    cdef void begin(self) noexcept:
        cdef int i
        self.own.is_short = 0
        for i in range(self.n_samples):
            self.own.count[i] = 0

    cdef object mean(self, int n):
        """Mean over the first n samples after 0, 1, .. steps; each goes on with its last energy."""
        cdef int i, k, last, most = 0
        cdef double *energies
        if self.own.is_short:
            raise MemoryError("no memory for the energies of all steps of inference")
        for i in range(n):
            most = max(most, self.own.count[i])
        result = np.zeros(most)
        cdef double[::1] sums = result
        with nogil:
            for i in range(n):  # in this order, whatever the number of threads
                energies, last = self.own.energies[i], self.own.count[i] - 1
                for k in range(most):
                    sums[k] += energies[min(k, last)]
        return result / n


cdef class Batch:
    """The memory of inference on up to `capacity` samples, made once and used for every batch.

    Parameters
    ----------
    network : CoreNetwork
    capacity : int
    n_threads : int
        The most threads a call may use.
    trace_steps : int, optional
        Steps that `trace` may grow to; None: no trace.

    Attributes
    ----------
    activities, errors : LayerRows: list of ndarray, (capacity, row_stride(n_l))
        z_1..z_H, mu_L and e_1..e_H, delta; the columns beyond n_l stay 0.
    energy, loss : ndarray of float64, (capacity,)
    n_steps, n_half_passes, status : ndarray of int, (capacity,)
    trace : ndarray of float64, or None
        Mean energy after 0, 1, .. steps; with room for more, see `write_trace`.
    """

    cdef readonly CoreNetwork network
    cdef readonly int capacity, n_threads
    cdef readonly object activities, errors
    cdef readonly object energy, loss, n_steps, n_half_passes, status, trace, trace_steps
    cdef object _workspace
    cdef _Records _records
    cdef ptrdiff_t[::1] _strides
    cdef pcnet_batch batch
    cdef pcnet_report report
    cdef void *workspace

    def __init__(self, CoreNetwork network, capacity, int n_threads, trace_steps=None):
        _check_counts("the samples of a batch", [capacity])
        if capacity < 1 or n_threads < 1:
            raise ValueError("capacity and n_threads must be at least 1")
        self.network = network
        self.capacity = capacity
        self.n_threads = n_threads
        strides = [network.row_stride(n) for n in network.layer_sizes[1:]]
        self._strides = np.array(strides, dtype=np.intp)
        self.activities = self.like_activities()
        self.errors = self.like_activities()
        self.batch.activities = self._pointers_of(self.activities)
        self.batch.errors = self._pointers_of(self.errors)
        self.batch.strides = &self._strides[0]
        self._make_report(trace_steps)
        size = network.core.workspace_size(&network.net, capacity, n_threads)
        self._workspace = aligned_zeros((size,), np.uint8)
        self.workspace = <void *> <uintptr_t> self._workspace.ctypes.data

    def _make_report(self, trace_steps):
        self.energy, self.loss = np.zeros((2, self.capacity))
        self.n_steps, self.n_half_passes, self.status = np.zeros((3, self.capacity), dtype=np.intc)
        self.report.energy = <double *> <uintptr_t> self.energy.ctypes.data
        self.report.loss = <double *> <uintptr_t> self.loss.ctypes.data
        self.report.n_steps = <int *> <uintptr_t> self.n_steps.ctypes.data
        self.report.n_half_passes = <int *> <uintptr_t> self.n_half_passes.ctypes.data
        self.report.status = <int *> <uintptr_t> self.status.ctypes.data
        self.trace_steps = trace_steps
        if trace_steps is None:
            return
        self.trace = np.zeros(min(trace_steps, 63) + 1)
        self._records = _Records(self.capacity)

    def write_trace(self, start, energies):
        """Mean energies after ``start``, start + 1, .. steps, into `trace`, which grows with them."""
        stop = start + len(energies)
        if stop > len(self.trace):
            if stop > self.trace_steps + 1:
                raise ValueError(
                    f"step {stop - 1} of inference has no room in the energy trace: the method's "
                    f"trace_steps said {self.trace_steps}"
                )
            grown = np.zeros(min(max(stop, 2 * len(self.trace)), self.trace_steps + 1))
            grown[: len(self.trace)] = self.trace
            self.trace = grown
        self.trace[start:stop] = energies

    cdef int _begin_records(self, int steps) except -1:
        """Has the core record the energies of a method of so many steps, if there is a trace."""
        self.report.record = NULL
        self.report.records = NULL
        if self.trace_steps is not None:
            if steps > self.trace_steps:
                raise ValueError(f"the trace has room for {self.trace_steps} steps, not {steps}")
            self._records.begin()
            self.report.record = _record
            self.report.records = &self._records.own
        return 0

    cdef int _end_records(self, int n) except -1:
        if self.trace_steps is not None:
            self.write_trace(0, self._records.mean(n))
        return 0

    cdef int _set(self, X, Y) except -1:
        """Points the batch to its inputs and, if any, targets; returns the number of samples."""
        cdef int n = X.shape[0]
        sizes = self.network.layer_sizes
        if n > self.capacity:
            raise ValueError(f"{n} samples in a batch made for {self.capacity}")
        self.batch.n_samples = n
        self.batch.inputs = <void *> _address(X, self.network.dtype, (n, sizes[0]))
        self.batch.targets = NULL if Y is None else <void *> _address(
            Y, self.network.dtype, (n, sizes[-1]))
        return n

    def forward(self, X):
        """Feed-forward pass into `activities`."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set(X, None)
        with nogil:
            status = net.core.forward(&called, &self.batch, self.workspace, self.n_threads)
        _check(status)

    def evaluate(self, X, Y, loss, double output_precision, double activity_decay=0.0):
        """Errors at the present `activities` z_1..z_H; writes mu_L and `errors`.

        Returns
        -------
        ndarray, (n, L)
            Each sample's layer energies, without decay.
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, Y)
        cdef pcnet_objective objective = _objective(loss, output_precision, activity_decay)
        result = np.zeros((n, net.n_layers))
        cdef double[:, ::1] energies = result
        cdef double *start = &energies[0, 0] if n else NULL
        with nogil:
            status = net.core.errors(&called, &self.batch, &objective, start, self.workspace,
                                     self.n_threads)
        _check(status)
        return result

    # ---- single passes, of which methods outside the core are made

    def like_activities(self):
        """Zeroed arrays shaped like `activities`, in one block of memory (`LayerRows`)."""
        return LayerRows(self.network, self.capacity)

    cdef void **_pointers_of(self, arrays) except NULL:
        """Addresses of arrays that `like_activities` made."""
        if not isinstance(arrays, LayerRows) or arrays.kind != (
                self.capacity, self.network.layer_sizes[1:], self.network.dtype):
            raise ValueError("expected arrays that like_activities() of this batch has made")
        cdef _Pointers pointers = arrays.pointers
        return pointers.get()

    def forward_from_errors(self, X, Y=None, loss="squared_error", double output_precision=1.0,
             double activity_decay=0.0, *, from_errors=True, errors=None, responses=None):
        """z_l = mu_l + e_l for l = 1..H and then mu_L, into `activities`: one forward pass.

        With targets it ends with the losses, and with the output deltas in the last of the
        errors; without them that array keeps what it holds. The hidden errors are only read.

        Parameters
        ----------
        X : ndarray, (n, D)
        Y : ndarray, (n, K), or None
        loss, output_precision, activity_decay
            Of the energy; read with targets only.
        from_errors : bool
            False: the feed-forward pass, as if all e_l were 0.
        errors : LayerRows, optional
            Default: those of the batch.
        responses : LayerRows, optional
            With targets: OUT what `backward` would find afterwards (with ``activity_decay``), for
            the cost of the backward pass alone. May be the errors, if these are not read.

        Returns
        -------
        losses : ndarray of float64, (n,)
            The output precision left out.
        layer_energies : ndarray of float64, (n, L)
            As `evaluate` returns them. Both None without targets.
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, Y)
        cdef pcnet_batch batch = self.batch
        cdef pcnet_objective objective = _objective(loss, output_precision, activity_decay)
        cdef pcnet_forward_from_errors options
        if errors is not None:
            batch.errors = self._pointers_of(errors)
        options.from_errors = bool(from_errors)
        options.loss = options.layer_energies = NULL
        options.responses = NULL if responses is None else self._pointers_of(responses)
        losses = energies = None
        if Y is not None:
            losses, energies = np.zeros(n), np.zeros((n, net.n_layers))
            options.loss = <double *> <uintptr_t> losses.ctypes.data
            options.layer_energies = <double *> <uintptr_t> energies.ctypes.data
        elif responses is not None:
            raise ValueError("responses need targets: without them there is no output delta")
        if from_errors and responses is not None and options.responses == batch.errors:
            raise ValueError("responses cannot overwrite the errors that the pass starts from")
        with nogil:
            status = net.core.forward_from_errors(&called, &batch, &objective, &options,
                                                  self.workspace, self.n_threads)
        _check(status)
        return losses, energies

    cdef int _set_state(self, int n, errors, pcnet_batch *batch) except -1:
        """The batch at its present activities, with other errors if given."""
        if not 0 <= n <= self.capacity:
            raise ValueError(f"{n} samples in a batch made for {self.capacity}")
        batch[0] = self.batch
        batch.n_samples = n
        if errors is not None:
            batch.errors = self._pointers_of(errors)
        return 0

    def backward(self, int n_samples, out, *, errors=None, double activity_decay=0.0):
        """One backward pass of the output deltas at `activities`: the responses v of all layers.

        ``v_l = a_{l+1} (v_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} v_{l+1} - decay z_l``, v_L being
        the last of the errors. ``errors - v`` is the gradient in error space; at the feed-forward
        activities v are backpropagation's deltas.

        Parameters
        ----------
        n_samples : int
        out : LayerRows
            OUT v_1..v_H; its last array is left alone. May be the errors.
        errors : LayerRows, optional
            Default: those of the batch. Only the last is read.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        cdef void **responses = self._pointers_of(out)
        with nogil:
            status = net.core.backward(&called, &batch, activity_decay, responses,
                                       self.workspace, self.n_threads)
        _check(status)

    def activity_gradients(self, int n_samples, out, *, errors=None, double activity_decay=0.0):
        """Gradients by the activities, with any vectors u_1..u_L for errors.

        ``g_l = u_l - [a_{l+1} (u_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} u_{l+1}] + decay z_l`` at
        the present `activities`. With the errors (and the output delta) themselves it is dF/dz.

        Parameters
        ----------
        n_samples : int
        out : LayerRows
            OUT g_1..g_H; its last array is left alone. Not the errors.
        errors : LayerRows, optional
            u_1..u_L. Default: the errors of the batch.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        cdef void **gradients = self._pointers_of(out)
        if gradients == batch.errors:
            raise ValueError("out must be other arrays than the errors that are read")
        with nogil:
            status = net.core.activity_gradients(&called, &batch, activity_decay, gradients,
                                                 self.workspace, self.n_threads)
        _check(status)

    def gauss_seidel_sweep(self, int n_samples, double rate, *, errors=None,
                           double activity_decay=0.0):
        """One reverse Gauss-Seidel sweep over the activities, from the top.

        For l = H..1: g_l as of `activity_gradients`, then ``z_l -= rate g_l`` and
        ``e_l -= rate g_l`` at once, so that the gradient of layer l - 1 includes the move. The
        errors must be those at the activities (`evaluate`); afterwards they lack what the moves
        of lower layers changed in the predictions.

        Parameters
        ----------
        n_samples : int
        rate : float
            Above 0.
        errors : LayerRows, optional
            Default: those of the batch.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        with nogil:
            status = net.core.gauss_seidel_sweep(&called, &batch, activity_decay, rate,
                                                 self.workspace, self.n_threads)
        _check(status)

    # ---- whole methods

    def error_descent(self, X, Y, loss, double output_precision, double activity_decay,
                      int max_steps, double tol, double energy_tol):
        """Inference by error descent; results in `activities`, `errors` and the report."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef pcnet_objective objective = _objective(loss, output_precision, activity_decay)
        cdef pcnet_error_descent options
        options.max_steps, options.tol, options.energy_tol = max_steps, tol, energy_tol
        self._begin_records(max_steps)
        self._set(X, Y)
        with nogil:
            status = net.core.error_descent(&called, &self.batch, &objective, &options,
                                            &self.report, self.workspace, self.n_threads)
        _check(status)
        self._end_records(self.batch.n_samples)

    def activity_descent(self, X, Y, loss, double output_precision, double activity_decay,
                         int n_steps, double rate):
        """Inference by activity descent; results in `activities`, `errors` and the report."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef pcnet_objective objective = _objective(loss, output_precision, activity_decay)
        cdef pcnet_activity_descent options
        options.n_steps, options.rate = n_steps, rate
        self._begin_records(n_steps)
        self._set(X, Y)
        with nogil:
            status = net.core.activity_descent(&called, &self.batch, &objective, &options,
                                               &self.report, self.workspace, self.n_threads)
        _check(status)
        self._end_records(self.batch.n_samples)

    def weight_gradients(self, X, sample_weight):
        """dF/dW_l and dF/db_l at the present activities and errors.

        Parameters
        ----------
        X : ndarray, (n, D)
        sample_weight : ndarray of float64, (n,)
            Of sum one.

        Returns
        -------
        (list of ndarray, list of ndarray or None)
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, None)
        cdef const double *weight = <const double *> _address(sample_weight, np.float64, (n,))
        sizes = net.layer_sizes
        weights = [np.empty(shape, net.dtype) for shape in zip(sizes, sizes[1:])]
        biases = [np.empty(m, net.dtype) for m in sizes[1:]]
        cdef _Pointers weight_out = _Pointers(weights)
        cdef _Pointers bias_out = _Pointers(biases)
        cdef void **weight_start = weight_out.get()
        cdef void **bias_start = bias_out.get()
        with nogil:
            status = net.core.weight_gradients(&called, &self.batch, weight, weight_start,
                                               bias_start, self.workspace, self.n_threads)
        _check(status)
        return weights, biases if net.has_biases else None

    def gradient_square(self, Update update, X, sample_weight):
        """Square of the gradient as ``update`` would see it, with its scales, over all entries.

        Returns
        -------
        float
            Not finite if an entry is not.
        """
        cdef pcnet_status status
        cdef double square = 0
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, None)
        cdef const double *weight = <const double *> _address(sample_weight, np.float64, (n,))
        with nogil:
            status = net.core.gradient_square(&called, &self.batch, weight, &update.update,
                                              &square, self.workspace, self.n_threads)
        _check(status)
        return square

    def update(self, Update update, X, sample_weight):
        """One solver step from the present activities and errors.

        Returns
        -------
        int
            0, or the lowest layer whose gradient or new weights were not finite; no value that
            is not finite was written.
        """
        cdef pcnet_status status
        cdef pcnet_fault fault
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, None)
        cdef const double *weight = <const double *> _address(sample_weight, np.float64, (n,))
        with nogil:
            status = net.core.update(&called, &self.batch, weight, &update.update, &fault,
                                     self.workspace, self.n_threads)
        if status == PCNET_GRADIENT_NOT_FINITE:
            return fault.layer
        _check(status)
        return 0



cdef pcnet_objective _objective(loss, double output_precision, double activity_decay):
    """``loss``: a name of `LOSS_CODES`, or an object with the ``delta`` of Huber's loss."""
    cdef pcnet_objective objective
    named = isinstance(loss, str)
    objective.loss = LOSS_CODES[loss if named else "huber"]
    objective.huber_delta = HUBER_DELTA if named else loss.delta
    objective.output_precision = output_precision
    objective.activity_decay = activity_decay
    return objective


cdef class Update:
    """A solver's settings and the arrays that it changes.

    Parameters
    ----------
    solver : {"adam", "sgd", "nesterov"}
    beta_1, beta_2, epsilon : float
        Adam's; ``beta_1`` is also the momentum of SGD.
    forward, backward, first_moments, second_moments : list of ndarray
        Packed, as `allocate_packed` makes them; ``second_moments`` is None for SGD.
    biases, bias_first_moments, bias_second_moments : list of ndarray, or None
    """

    cdef pcnet_update update
    cdef object _keep
    cdef double[:, ::1] _rates

    def __init__(self, solver, beta_1, beta_2=0.0, epsilon=0.0, *, forward=None, backward=None,
                 first_moments=None, second_moments=None, biases=None, bias_first_moments=None,
                 bias_second_moments=None):
        lists = (forward, backward, first_moments, second_moments, biases, bias_first_moments,
                 bias_second_moments)
        self._keep = [None if arrays is None else _Pointers(arrays) for arrays in lists]
        self.update.solver = SOLVER_CODES[solver]
        self.update.beta_1 = beta_1
        self.update.beta_2 = beta_2
        self.update.epsilon = epsilon
        self.update.n_updates = 1
        self.update.shrink = 1
        self.update.packed_weights = _mutable(self._keep[0])
        self.update.packed_transposes = _mutable(self._keep[1])
        self.update.first_moments = _mutable(self._keep[2])
        self.update.second_moments = _mutable(self._keep[3])
        self.update.biases = _mutable(self._keep[4])
        self.update.bias_first_moments = _mutable(self._keep[5])
        self.update.bias_second_moments = _mutable(self._keep[6])

    def set_rates(self, weight_rates, bias_rates, weight_scales, bias_scales):
        """Each layer's step size, and the factor of ``- sum_i w_i f(z_{l-1})^T e_l`` (weights)
        and of dF/db_l (biases) that the solver sees; all (L,)."""
        self._rates = np.array([weight_rates, bias_rates, weight_scales, bias_scales], dtype=float)
        self.update.weight_rates = &self._rates[0, 0]
        self.update.bias_rates = &self._rates[1, 0]
        self.update.weight_scales = &self._rates[2, 0]
        self.update.bias_scales = &self._rates[3, 0]

    def begin(self, double n_updates, double shrink):
        """This update's number (from 1), and the factor of weight decay."""
        self.update.n_updates = n_updates
        self.update.shrink = shrink


def output(CoreNetwork network, X, out, int n_threads):
    """Feed-forward outputs mu_L (n, K) of X (n, D), into ``out``, in little memory.

    Returns
    -------
    bool
        Whether X may hold inf or nan, or a layer has overflowed: some row of some mu_l is not
        finite.
    """
    cdef pcnet_status status
    _check_counts("the samples of one call", [X.shape[0]])
    cdef int n = X.shape[0]
    cdef const void *inputs = <void *> _address(X, network.dtype, (n, network.layer_sizes[0]))
    cdef void *target = <void *> _address(
        out, network.dtype, (n, network.layer_sizes[-1]), True)
    # a thread's tile holds no more; pages it does not use (of inference) stay untouched
    size = network.core.workspace_size(&network.net, min(n, TILE_SIZE * n_threads), n_threads)
    buffer = aligned_zeros((size,), np.uint8)
    cdef void *workspace = <void *> <uintptr_t> buffer.ctypes.data
    cdef pcnet_network called = _for_one_call(network)
    with nogil:
        status = network.core.output(&called, inputs, n, target, workspace, n_threads)
    if status == PCNET_OUTPUT_NOT_FINITE:
        return True
    _check(status)
    return False


cdef int _check(pcnet_status status) except -1:
    global _interruption
    if status == PCNET_INTERRUPTED:
        error, _interruption = _interruption, None
        raise KeyboardInterrupt if error is None else error
    if status == PCNET_ENERGY_NOT_FINITE:
        raise FloatingPointError(
            "the energy is not finite: inference diverged, or the network's outputs have "
            "overflowed. Lower the learning rate or the rate of inference, scale the inputs to "
            "about unit variance, or use parameterization='mupc' for deep networks"
        )
    if status != PCNET_OK:
        raise RuntimeError(f"the core refused its arguments (status {<int> status})")
    return 0
