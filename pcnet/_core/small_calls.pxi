# Outputs of a few rows, with little Python between the caller and the core.

#: Multiply-adds of a call that keeps the GIL: some 20 microseconds. Other threads that want it would
#: take it from a call so short, and handing it over takes longer than the call.
cdef Py_ssize_t WORK_WITH_GIL = 1 << 20

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
    cdef Py_ssize_t _rows_with_gil  # at most so many rows are computed without releasing the GIL
    cdef readonly int most_rows

    def __init__(self, CoreNetwork network):
        sizes = network.layer_sizes
        work = sum(n * m for n, m in zip(sizes, sizes[1:]))
        self._network, self._spare = network, []
        self._n_in, self._n_out = sizes[0], sizes[-1]
        self._itemsize = network.dtype.itemsize
        self.most_rows = max(1, min(TILE_SIZE, SERIAL_WORK // work))
        self._rows_with_gil = WORK_WITH_GIL // work
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
        """The index of the largest output of each row, as of `largest_of_rows`, (n,); or None."""
        out = self.outputs(X)
        return None if out is None else largest_of_rows(out)

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
        if view.shape[0] <= self._rows_with_gil:
            status = self._network.core.output(
                &self._network.net, &batch, target.buf, workspace.start, 1)
        else:
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


def largest_of_rows(outputs):
    """Index of the largest value of each row, the first of equal ones, (n,).

    `np.argmax` gives up the GIL, which in threads that predict few rows takes longer than the rest.

    Parameters
    ----------
    outputs : ndarray, (n, K)
        C-contiguous, float32 or float64, finite.
    """
    cdef Py_buffer view, found
    codes = np.empty(len(outputs), np.intp)
    PyObject_GetBuffer(outputs, &view, PyBUF_ND)
    try:
        PyObject_GetBuffer(codes, &found, PyBUF_ND | PyBUF_WRITABLE)
        if view.itemsize == 4:
            _find_largest(<const float *> view.buf, <Py_ssize_t *> found.buf, view.shape)
        else:
            _find_largest(<const double *> view.buf, <Py_ssize_t *> found.buf, view.shape)
        PyBuffer_Release(&found)
    finally:
        PyBuffer_Release(&view)
    return codes


cdef void _find_largest(
    const cython.floating *values, Py_ssize_t *codes, const Py_ssize_t *shape
) noexcept:
    cdef Py_ssize_t i, k, best
    for i in range(shape[0]):
        best = 0
        for k in range(1, shape[1]):
            if values[k] > values[best]:
                best = k
        codes[i] = best
        values += shape[1]
