"""Sparse rows as the core reads them: without their zeros, and without a copy where they lie."""

import numpy as np

from .._core.binding import SparseInputs

#: With a larger share of the entries stored, rows are multiplied faster as dense ones.
MOST_FILLED = 0.1


def is_sparse_enough(X):
    """Whether a CSR matrix is multiplied faster as it is than as dense rows, of which a few take
    nearly as long as one: the weights must be read."""
    return X.nnz <= X.shape[1] * (1 + MOST_FILLED * X.shape[0])


def sparse_inputs(X):
    """`SparseInputs` of a CSR matrix of floats.

    The columns of each row are sorted and duplicates summed, in the order in which they are
    stored, as in ``X.toarray()``.

    Raises
    ------
    ValueError
        An index lies outside the matrix.
    """
    inputs = SparseInputs(X.indptr, X.indices, X.data, X.shape[1])
    return inputs if inputs.ascending else _in_order(inputs)


def with_features(inputs):
    """The same `SparseInputs`, from which the core can learn, too."""
    starts, columns, values = inputs.entries()
    n_rows, n_columns = inputs.shape
    order = np.argsort(columns, kind="stable")
    samples = np.repeat(np.arange(n_rows, dtype=np.intc), np.diff(starts))[order]
    ends = np.cumsum(np.bincount(columns, minlength=n_columns))
    features = SparseInputs(np.concatenate([[0], ends]), samples, values[order], n_rows)
    return SparseInputs(starts, columns, values, n_columns, features)


def scaled_inputs(inputs, scale, dtype):
    """`SparseInputs` of a dtype whose columns are divided by a float64 scale each, in float64."""
    starts, columns, values = inputs.entries()
    with np.errstate(over="ignore", under="ignore"):
        values = np.divide(
            values, scale[columns], out=np.empty(len(values), dtype), casting="same_kind"
        )
    return SparseInputs(starts, columns, values, inputs.shape[1])


def _in_order(inputs):
    n_rows, n_columns = inputs.shape
    starts, columns, values = inputs.entries()
    places = np.repeat(np.arange(n_rows), np.diff(starts)) * n_columns + columns
    order = np.argsort(places, kind="stable")
    places = places[order]
    is_first = np.ones(len(places), dtype=bool)
    np.not_equal(places[1:], places[:-1], out=is_first[1:])
    sums = np.zeros(np.count_nonzero(is_first), values.dtype)
    np.add.at(sums, np.cumsum(is_first) - 1, values[order])
    kept = places[is_first]
    starts = np.searchsorted(kept, np.arange(n_rows + 1) * n_columns)
    return SparseInputs(starts, kept % n_columns, sums, n_columns)
