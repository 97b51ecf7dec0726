# The memory of a batch: activities, errors, report, energy trace, workspace.


cdef struct step_records:
    double **energies  # per sample: after 0, 1, .. steps
    int *room
    int *count
    int is_short  # of memory


cdef void _record(void *to, int sample, int step, double energy) noexcept nogil:
    """`pcnet_report.record`: one thread records a sample, its steps in order."""
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
        """Mean over the first n samples after 0, 1, .. steps; a stopped sample keeps its energy."""
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


#: The layout of pcnet_loss_block.
_LOSS_BLOCK = np.dtype(
    [("loss", np.intc), ("n_outputs", np.intc), ("huber_delta", np.float64)], align=True)


cdef class BatchArrays:
    """The arrays of `Batch`."""

    cdef readonly CoreNetwork network
    cdef readonly int capacity, n_threads
    cdef readonly object activities, errors
    cdef readonly object energy, loss, n_steps, n_half_passes, status, trace, trace_steps
    cdef public object output_precisions, sample_biases
    cdef object _workspace, _inputs, _history, _blocks
    cdef int _history_memory
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

    cdef pcnet_objective _objective(self, loss, double output_precision, double activity_decay):
        """``loss``: a name of `LOSS_CODES`, an object with the ``delta`` of Huber's loss, or one with
        the ``losses`` and ``sizes`` of blocks."""
        cdef pcnet_objective objective
        parts = [loss] if not hasattr(loss, "losses") else loss.losses
        codes = [LOSS_CODES[part if isinstance(part, str) else "huber"] for part in parts]
        deltas = [HUBER_DELTA if isinstance(part, str) else part.delta for part in parts]
        objective.loss, objective.huber_delta = codes[0], deltas[0]
        objective.output_precision = output_precision
        objective.activity_decay = activity_decay
        objective.n_blocks, objective.blocks = 0, NULL
        if hasattr(loss, "losses"):
            self._blocks = np.array(list(zip(codes, loss.sizes, deltas)), _LOSS_BLOCK)
            objective.n_blocks = len(self._blocks)
            objective.blocks = <const pcnet_loss_block *> <uintptr_t> self._blocks.ctypes.data
        return objective

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
                    f"step {stop - 1} of inference exceeds the method's limit of "
                    f"{self.trace_steps} (trace_steps). A method of your own names the option that "
                    "limits its steps, such as steps_option = 'n_steps', or defines trace_steps"
                )
            grown = np.zeros(min(max(stop, 2 * len(self.trace)), self.trace_steps + 1))
            grown[: len(self.trace)] = self.trace
            self.trace = grown
        self.trace[start:stop] = energies

    cdef int _begin_records(self, int steps) except -1:
        """Let the core record the energies of a method of so many steps, if there is a trace."""
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
        """Set the batch's inputs and, if any, targets; returns the number of samples."""
        if X.shape[0] > self.capacity:
            raise ValueError(f"{X.shape[0]} samples in a batch made for {self.capacity}")
        cdef int n = _set_inputs(self.network, X, &self.batch)
        self._inputs = X
        self.batch.targets = NULL if Y is None else <void *> _address(
            Y, self.network.dtype, (n, self.network.layer_sizes[-1]))
        self.batch.output_precisions = NULL
        if Y is not None and self.output_precisions is not None:
            self.batch.output_precisions = <void *> _address(
                self.output_precisions, self.network.dtype, (n, self.network.layer_sizes[-1]))
        self.batch.sample_biases = NULL
        if self.sample_biases is not None:
            self.batch.sample_biases = self._pointers_of(self.sample_biases)
        return n

    cdef void *_history_for(self, int memory) except NULL:
        """Memory for the pairs of `quasi_newton`, kept from call to call."""
        cdef CoreNetwork net = self.network
        if not 1 <= memory <= PCNET_MOST_MEMORY:
            raise ValueError(f"memory must be from 1 to {PCNET_MOST_MEMORY}; got {memory}")
        if self._history is None or memory > self._history_memory:
            size = net.core.history_size(&net.net, memory, self.capacity, self.n_threads)
            self._history = aligned_zeros((max(size, 64),), np.uint8)
            self._history_memory = memory
        return <void *> <uintptr_t> self._history.ctypes.data

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
