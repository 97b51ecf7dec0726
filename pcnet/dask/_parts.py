"""The rows that one worker holds, and what tasks on the workers do with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._data.rows import ChunkedRows, Rows, SparseRows, first_not_finite, is_sparse, rows_of


class Part(NamedTuple):
    """The blocks of a collection on one worker, joined.

    Attributes
    ----------
    rows : Rows
    lengths : list of int
        Rows of each block.
    """

    rows: Rows
    lengths: list[int]


class PartDescription(NamedTuple):
    """What the client knows of a `Part`."""

    lengths: list[int]
    n_features: int
    n_stored: int | None  # entries of sparse rows; None: dense rows
    not_finite: Any  # some of the values that are NaN or infinite, or None


def join_blocks(dtype, *blocks):
    """The `Part` of blocks: arrays, data frames or sparse matrices of shape (n_k, n_features)."""
    arrays = [_as_array(block) for block in blocks]
    lengths = [array.shape[0] for array in arrays]
    if is_sparse(arrays[0]):
        from scipy.sparse import vstack

        X = arrays[0] if len(arrays) == 1 else vstack(arrays, format="csr")
        return Part(SparseRows(X if X.dtype == dtype else X.astype(dtype)), lengths)
    parts = [rows_of(array, dtype) for array in arrays if len(array)] or [rows_of(arrays[0], dtype)]
    return Part(parts[0] if len(parts) == 1 else ChunkedRows(parts), lengths)


def _as_array(block):
    if is_sparse(block):
        return block.tocsr()
    if hasattr(block, "to_numpy"):
        return block.to_numpy(dtype=common_type(block))
    return np.asarray(block)


def common_type(frame):
    """The NumPy type that holds all columns of a data frame."""
    return np.result_type(*(getattr(kind, "numpy_dtype", kind) for kind in frame.dtypes))


def describe(part):
    """The `PartDescription`; looks at all values once."""
    rows = part.rows
    values = first_not_finite(rows) if len(rows) else None
    if values is not None:
        values = values[~np.isfinite(values)][:1]
    n_stored = rows.X.nnz if isinstance(rows, SparseRows) else None
    return PartDescription(part.lengths, rows.shape[1], n_stored, values)


def take(part, index):
    """Some rows: a new array, or a CSR matrix."""
    if isinstance(part.rows, SparseRows):
        return part.rows.X[index]
    return take_dense(part, index)


def take_dense(part, index):
    """Some rows as a new array."""
    rows = part.rows
    return rows.take(index, np.empty((len(index), rows.shape[1]), rows.dtype))


def fold(part, state, function, index, weight, arguments):
    """The next state of `DaskRows.fold`."""
    return function(state, part.rows.X[index], weight, *arguments)


def call_on_blocks(part, function, jobs, arguments):
    """``function(block, weight, *arguments)`` for pairs (row numbers, weight) of blocks."""
    return [function(take_dense(part, index), weight, *arguments) for index, weight in jobs]
