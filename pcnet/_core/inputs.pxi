# The inputs of a batch as the core takes them: an array, or sparse rows.


cdef class SparseInputs:
    """Rows of which only some entries are stored (CSR), in place of an array X (n, D).

    The arrays are read where they lie if their types are the core's.

    Parameters
    ----------
    starts : ndarray of int, (n + 1,)
        Row i has the entries ``starts[i]`` to ``starts[i + 1] - 1``.
    columns : ndarray of int, (n_values,)
    values : ndarray, (n_values,)
        Of the network's dtype.
    n_columns : int
        D.
    features : SparseInputs, optional
        The transpose (D, n), which the core needs to learn from these inputs.

    Attributes
    ----------
    shape : tuple of int, (n, D)
    dtype : dtype
    ascending : bool
        Whether the columns of every row ascend without repetition. The core takes no others.

    Raises
    ------
    ValueError
        A start lies outside the arrays, or a column outside the rows.
    """

    cdef readonly tuple shape
    cdef readonly object dtype
    cdef readonly bint ascending
    cdef object _arrays
    cdef SparseInputs _features
    cdef pcnet_sparse_rows rows

    def __init__(self, starts, columns, values, n_columns, SparseInputs features=None):
        if len(columns) and columns.dtype != np.intc:  # those that do not fit would wrap around
            columns = np.where((columns < 0) | (columns >= n_columns), -1, columns)
        starts = np.require(starts, np.intp, ["C", "A"])
        columns = np.require(columns, np.intc, ["C", "A"])
        values = np.require(values, requirements=["C", "A"])
        self.shape = len(starts) - 1, int(n_columns)
        _check_counts("rows and columns", self.shape)
        self.dtype = values.dtype
        self._arrays = starts, columns, values
        self._features = features
        self.rows.starts = <const ptrdiff_t *> _address(starts, np.intp, (len(starts),))
        self.rows.columns = <const int *> _address(columns, np.intc, (len(values),))
        self.rows.values = <const void *> _address(values, self.dtype, (len(values),))
        self.rows.n_values = len(values)
        cdef const pcnet_core *core = _find_core(self.dtype, default_isa())
        order = core.sparse_order(&self.rows, self.shape[0], self.shape[1])
        if order == PCNET_OUT_OF_RANGE:
            raise ValueError(
                f"the index arrays of the sparse X are damaged: with shape {self.shape} and "
                f"{len(values)} values, an entry of indptr lies outside the values or is smaller "
                "than the one before it, or an index lies outside the columns. Build X anew, for "
                "example from its COO triples"
            )
        self.ascending = order == PCNET_ASCENDING

    def __len__(self):
        return self.shape[0]

    def entries(self):
        """``(starts, columns, values)`` of these rows alone, the starts from 0."""
        cdef ptrdiff_t first = self.rows.starts[0], stop = self.rows.starts[self.shape[0]]
        all_starts, columns, values = self._arrays
        cdef ptrdiff_t row = (
            <uintptr_t> self.rows.starts - <uintptr_t> all_starts.ctypes.data) // sizeof(ptrdiff_t)
        starts = all_starts[row : row + self.shape[0] + 1] - first
        return starts, columns[first:stop], values[first:stop]

    def __getitem__(self, rows):
        """The rows of a slice of step 1; they share the arrays."""
        cdef Py_ssize_t start, stop
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError(f"expected a slice of step 1, got {rows}")
        stop = max(start, stop)
        cdef SparseInputs part = SparseInputs.__new__(SparseInputs)
        part.shape = stop - start, self.shape[1]
        part.dtype, part.ascending, part._arrays = self.dtype, self.ascending, self._arrays
        part.rows = self.rows
        part.rows.starts += start
        part.rows.n_values = self.rows.starts[stop]
        return part


cdef pcnet_batch _batch_of(const void *inputs, int n_samples) noexcept:
    """A batch of inputs, and of no other arrays."""
    cdef pcnet_batch batch
    batch.n_samples = n_samples
    batch.inputs = inputs
    batch.targets = batch.activities = batch.errors = batch.strides = NULL
    batch.sparse_inputs = batch.sparse_features = NULL
    batch.output_precisions = NULL
    batch.sample_biases = NULL
    return batch


cdef int _set_inputs(CoreNetwork network, X, pcnet_batch *batch) except -1:
    """Set a batch's inputs, an array or `SparseInputs`; returns the number of samples."""
    cdef int n
    shape = X.shape
    _check_counts("the samples of one call", [shape[0]])
    n = shape[0]
    batch.n_samples = n
    batch.inputs = NULL
    batch.sparse_inputs = batch.sparse_features = NULL
    if not isinstance(X, SparseInputs):
        batch.inputs = <void *> _address(X, network.dtype, (n, network.layer_sizes[0]))
        return n
    if X.dtype != network.dtype or shape[1] != network.layer_sizes[0] or not X.ascending:
        raise ValueError(
            f"expected sparse rows of {network.layer_sizes[0]} {network.dtype} columns that "
            f"ascend, got {shape[1]} {X.dtype} columns{'' if X.ascending else ', unordered'}"
        )
    cdef SparseInputs features = (<SparseInputs> X)._features
    batch.sparse_inputs = &(<SparseInputs> X).rows
    batch.sparse_features = NULL if features is None else &features.rows
    return n
