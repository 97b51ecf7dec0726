# Outputs of a few rows, with little Python between the caller and the core.


@cython.final
@cython.auto_pickle(False)
cdef class _Workspace:
    """Memory for one call at a time, which starts on a 64-byte line."""

    cdef void *_memory
    cdef void *start

    def __cinit__(self, size_t size):
        self._memory = malloc(size + 64)
        if self._memory is NULL:
            raise MemoryError(f"no memory for a workspace of {size} bytes")
        self.start = <void *> ((<uintptr_t> self._memory + 63) // 64 * 64)

    def __dealloc__(self):
        free(self._memory)


@cython.final
@cython.auto_pickle(False)
cdef class SmallCalls:
    """Outputs of so few rows that one thread computes them; several callers may use it at once.

    Both methods return None, for the caller to find out why, unless X is a C-contiguous, aligned
    array (n, D) of the network's dtype with 1 to `most_rows` rows whose outputs are finite.

    Parameters
    ----------
    network : CoreNetwork
        Its packed weights must not change.
    """

    cdef CoreNetwork _network
    cdef list _spare  # workspaces that no call uses
    cdef Py_ssize_t _n_in, _n_out
    cdef size_t _itemsize, _workspace_size
    cdef readonly int most_rows

    def __init__(self, CoreNetwork network):
        sizes = network.layer_sizes
        work = sum(n * m for n, m in zip(sizes, sizes[1:]))
        self._network, self._spare = network, []
        self._n_in, self._n_out = sizes[0], sizes[-1]
        self._itemsize = network.dtype.itemsize
        self.most_rows = max(1, min(TILE_SIZE, SERIAL_WORK // work))
        self._workspace_size = network.core.workspace_size(&network.net, self.most_rows, 1)

    def outputs(self, X):
        """Outputs mu_L (n, K), or None."""
        cdef Py_buffer view
        if not self._takes(X, &view):
            return None
        try:
            out = np.empty((view.shape[0], self._n_out), self._network.dtype)
            return out if self._compute(&view, out) else None
        finally:
            PyBuffer_Release(&view)

    def largest(self, X):
        """The index of the largest output of each row, the first of equal ones, (n,); or None."""
        cdef Py_buffer view, found
        if not self._takes(X, &view):
            return None
        try:
            out = np.empty((view.shape[0], self._n_out), self._network.dtype)
            if not self._compute(&view, out):
                return None
            codes = np.empty(view.shape[0], np.intp)
            PyObject_GetBuffer(codes, &found, PyBUF_ND | PyBUF_WRITABLE)
            self._find_largest(out, <Py_ssize_t *> found.buf, view.shape[0])
            PyBuffer_Release(&found)
            return codes
        finally:
            PyBuffer_Release(&view)

    cdef bint _takes(self, X, Py_buffer *view) except -1:
        """Whether X is as the class says; if so, ``view`` is a buffer to release."""
        if type(X) is not np.ndarray or not X.flags.c_contiguous:
            return False
        if X.dtype is not self._network.dtype and X.dtype != self._network.dtype:
            return False
        PyObject_GetBuffer(X, view, PyBUF_ND)
        if (
            view.ndim == 2
            and view.shape[1] == self._n_in
            and 1 <= view.shape[0] <= self.most_rows
            and <uintptr_t> view.buf % self._itemsize == 0
        ):
            return True
        PyBuffer_Release(view)
        return False

    cdef bint _compute(self, Py_buffer *view, out) except -1:
        """Write the outputs; whether all are finite."""
        cdef Py_buffer target
        cdef pcnet_status status
        cdef pcnet_batch batch = _batch_of(view.buf, <int> view.shape[0])
        cdef _Workspace workspace
        try:
            workspace = self._spare.pop()
        except IndexError:
            workspace = _Workspace(self._workspace_size)
        PyObject_GetBuffer(out, &target, PyBUF_ND | PyBUF_WRITABLE)
        with nogil:  # interrupted is NULL: the call is short
            status = self._network.core.output(
                &self._network.net, &batch, target.buf, workspace.start, 1)
        finite = status == PCNET_OK and self._all_finite(&target)
        PyBuffer_Release(&target)
        self._spare.append(workspace)
        if status != PCNET_OUTPUT_NOT_FINITE:
            _check(status)
        return finite

    cdef bint _all_finite(self, Py_buffer *target) noexcept:
        cdef Py_ssize_t i, n = target.shape[0] * self._n_out
        for i in range(n):
            if self._itemsize == 4:
                if not isfinite((<const float *> target.buf)[i]):
                    return False
            elif not isfinite((<const double *> target.buf)[i]):
                return False
        return True

    cdef int _find_largest(self, out, Py_ssize_t *codes, Py_ssize_t n) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t i, k, best, at
        PyObject_GetBuffer(out, &view, PyBUF_ND)
        for i in range(n):
            at = i * self._n_out
            best = 0
            for k in range(1, self._n_out):
                if self._itemsize == 4:
                    if (<const float *> view.buf)[at + k] > (<const float *> view.buf)[at + best]:
                        best = k
                elif (<const double *> view.buf)[at + k] > (<const double *> view.buf)[at + best]:
                    best = k
            codes[i] = best
        PyBuffer_Release(&view)
        return 0
