"""Where rows of features come from: arrays of the right type, or ones converted batch by batch.

Training and prediction see a `Rows`. What is not yet an array of floats in C order (sparse
matrices, images of uint8, memory maps, chunks) is converted a few rows at a time, to the same
bits as if it had been converted as a whole.
"""

import functools
import sys

import numpy as np

from .checks import check_data, is_finite, raise_not_finite
from .chunks import Chunks
from .sparse import is_sparse_enough, sparse_inputs

#: Entries of a block that is converted at once while reading all rows: 32 MB of float64.
BLOCK_ENTRIES = 2**22
BLOCK_ROWS = 1024
#: Rows that the core reads in one call.
INPUT_ROWS = 2**14
#: Rows that are converted to float64 at once.
FLOAT64_ROWS = 256
#: ... and about so many entries, where the rows are long.
FLOAT64_ENTRIES = 200_000


class Rows:
    """Rows of features, of type ``dtype`` whatever they are stored as.

    Attributes
    ----------
    shape : tuple of int, (n_samples, n_features)
    dtype : dtype
        float32 or float64.
    is_sparse : bool
        Whether they are stored as sparse rows. Such features are not centred.
    """

    is_sparse = False

    def __init__(self, shape, dtype):
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)

    def __len__(self):
        return self.shape[0]

    def take(self, rows, out):
        """Some rows, C-contiguous; valid until ``out`` is used again.

        Parameters
        ----------
        rows : slice of step 1, or int ndarray of shape (n,)
        out : C-contiguous ndarray of shape (n, n_features)
            May be written.

        Returns
        -------
        ndarray of shape (n, n_features)
            ``out``, or a view of the data.
        """
        raise NotImplementedError

    def subset(self, rows):
        """The rows of an index array, as `Rows`."""
        return RowSubset(self, rows)

    def blocks(self, size=None):
        """Yield (slice, rows) from first to last; valid until the next is asked for.

        ``size`` is the most rows of a block; None: what suits the data.
        """
        n_samples, n_features = self.shape
        if size is None:
            size = int(np.clip(BLOCK_ENTRIES // n_features, 16, BLOCK_ROWS))
        out = np.empty((min(size, n_samples), n_features), self.dtype)
        for start in range(0, n_samples, size):
            part = slice(start, min(start + size, n_samples))
            yield part, self.take(part, out[: part.stop - start])

    def map_blocks(self, function, size, weight, *arguments, index=None):
        """Yield ``function(block, weight, *arguments)`` for blocks of rows, from first to last.

        Parameters
        ----------
        function : callable
        size : int
            Rows of a block; the last may have fewer.
        weight : ndarray of shape (n,)
            One number for each row.
        *arguments
        index : int ndarray of shape (n,), default=None
            Rows of the blocks; None: all.
        """
        rows = self if index is None else RowSubset(self, index)
        for part, block in rows.blocks(size):
            yield function(block, weight[part], *arguments)

    def sparse(self, rows):
        """Some rows as `SparseInputs`; None if they are stored or multiplied faster as dense ones.

        Parameters
        ----------
        rows : slice of step 1, or int ndarray of shape (n,)
        """

    def inputs(self):
        """Yield (slice, X) from first to last, X as the core takes it: rows of `blocks`, or
        `SparseInputs`."""
        for start in range(0, len(self), INPUT_ROWS):
            part = slice(start, min(start + INPUT_ROWS, len(self)))
            X = self.sparse(part)
            if X is None:
                yield from self.blocks()
                return
            yield part, X

    def root_mean_squares(self, rows):
        """Root mean square of each column over some rows (index array), float64."""
        size = int(np.clip(FLOAT64_ENTRIES // self.shape[1], 16, FLOAT64_ROWS))
        largest, total = np.zeros((2, self.shape[1]))
        for _, block in RowSubset(self, rows).blocks(size):
            np.maximum(largest, np.abs(block).max(axis=0), out=largest)
        unit = np.where(largest > 0, largest, 1.0)  # squares of it neither overflow nor vanish
        for _, block in RowSubset(self, rows).blocks(size):
            total += np.square(block / unit).sum(axis=0)
        return np.sqrt(total / len(rows)) * unit

    def toarray(self, dtype=None):
        """All rows as one new array, of this dtype if given."""
        out = np.empty(self.shape, self.dtype if dtype is None else dtype)
        for part, block in self.blocks():
            out[part] = block
        return out

    def filled(self, rows):
        """Share of the entries of some rows (index array) that are not 0."""
        blocks = RowSubset(self, rows).blocks()
        return sum(np.count_nonzero(block) for _, block in blocks) / (len(rows) * self.shape[1])


class DenseRows(Rows):
    """A C-contiguous, aligned array of floats, read without a copy.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    """

    def __init__(self, X):
        super().__init__(X.shape, X.dtype)
        self.X = X

    def take(self, rows, out):
        if isinstance(rows, slice):
            return self.X[rows]
        # mode="clip" lets NumPy write straight into out; rows are in range by construction
        return np.take(self.X, rows, axis=0, out=out, mode="clip")

    def subset(self, rows):
        return DenseRows(self.X[rows])

    def blocks(self, size=None):
        if size is None:
            yield slice(0, len(self)), self.X
        else:
            yield from super().blocks(size)


class ConvertedRows(Rows):
    """An array of another type or layout, converted when taken.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Booleans, integers or floats, with any strides.
    dtype : dtype
    """

    def __init__(self, X, dtype):
        super().__init__(X.shape, dtype)
        self.X = X

    def take(self, rows, out):
        # np.take would first copy the whole of an array that is not C-contiguous
        with np.errstate(over="ignore"):  # `check_rows` has looked, or is about to
            np.copyto(out, self.X[rows], casting="unsafe")
        return out


class SparseRows(Rows):
    """A sparse matrix, of which only the rows taken become dense.

    Parameters
    ----------
    X : CSR or CSC matrix or array, of float32 or float64
        CSC is converted to CSR once.
    """

    is_sparse = True

    def __init__(self, X):
        super().__init__(X.shape, X.dtype)
        self.X = X.tocsr()
        self.is_sparse_enough = is_sparse_enough(self.X)

    def take(self, rows, out):
        return self.X[rows].toarray(out=out)

    @functools.cached_property
    def _inputs(self):
        return sparse_inputs(self.X)

    def sparse(self, rows):
        if not self.is_sparse_enough:
            return None
        return self._inputs[rows] if isinstance(rows, slice) else sparse_inputs(self.X[rows])

    def root_mean_squares(self, rows):
        part = self.X[rows].astype(np.float64)
        part.sum_duplicates()
        largest = np.ravel(abs(part).max(axis=0).toarray())
        unit = np.where(largest > 0, largest, 1.0)
        part.data /= unit[part.indices]
        return np.sqrt(np.ravel(part.multiply(part).sum(axis=0)) / len(rows)) * unit

    def filled(self, rows):
        part = self.X[rows]
        part.sum_duplicates()
        return part.count_nonzero() / (len(rows) * self.shape[1])


class RowSubset(Rows):
    """Some rows of another `Rows`, without a copy.

    Parameters
    ----------
    source : Rows
    index : int ndarray of shape (n_samples,)
    """

    def __init__(self, source, index):
        super().__init__((len(index), source.shape[1]), source.dtype)
        self.source = source
        self.index = index

    def take(self, rows, out):
        return self.source.take(self.index[rows], out)

    def sparse(self, rows):
        return self.source.sparse(self.index[rows])


class ChunkedRows(Rows):
    """Rows that lie in several pieces, one below the other.

    Parameters
    ----------
    parts : list of Rows
        Of one dtype and number of features.
    """

    def __init__(self, parts):
        lengths = [len(part) for part in parts]
        super().__init__((sum(lengths), parts[0].shape[1]), parts[0].dtype)
        self.parts = parts
        self.starts = np.cumsum([0, *lengths[:-1]])

    def take(self, rows, out):
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        of = np.searchsorted(self.starts, rows, side="right") - 1
        for k in np.unique(of):
            there = np.flatnonzero(of == k)
            space = np.empty((len(there), self.shape[1]), self.dtype)
            out[there] = self.parts[k].take(rows[there] - self.starts[k], space)
        return out


def is_sparse(X):
    """Whether X is of scipy.sparse; if it is, scipy.sparse has been imported."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(X)


def as_rows(X):
    """`Rows` of a C-contiguous float array; `Rows` stay what they are."""
    return X if isinstance(X, Rows) else DenseRows(X)


# ---------------------------------------------------------------- from the user


def check_rows(estimator, X, *, dtype, finite=True):
    """Validate features for prediction.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like, sparse matrix or array, or Chunks
    dtype : dtype, or list of dtypes
        As in `check_rows_and_targets`.
    finite : bool, default=True
        Whether to look for NaN and infinity now; `check_finite_rows` does it later.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        scikit-learn's, for another number of features, NaN or infinity.
    """
    if _needs_no_check(estimator, X, dtype):
        rows = _as_rows_of(X, X.dtype)
        if finite:
            check_finite_rows(estimator, rows)
        return rows
    X, converted = _checked(estimator, X, dtype=dtype, reset=False, ensure_all_finite=False)
    rows = _as_rows_of(X, _type_of(X, dtype) if converted else X.dtype)
    if finite:
        check_finite_rows(estimator, rows)
    return rows


def check_rows_and_targets(estimator, X, y, *, dtype, reset, **options):
    """Validate data for training.

    Parameters
    ----------
    estimator : estimator
    X : array-like, sparse matrix or array, or Chunks, of shape (n_samples, n_features)
    y : array-like
    dtype : dtype, or list of dtypes
        A list: features of the first type unless they have another of the list.
    reset : bool
        Whether to take note of the features' number and names, or to hold X against them.
    **options
        Of scikit-learn's `check_X_y`.

    Returns
    -------
    rows : Rows
    y : ndarray
    """
    (X, y), converted = _checked(
        estimator, X, y, dtype=dtype, reset=reset, ensure_all_finite=False, **options
    )
    rows = _as_rows_of(X, _type_of(X, dtype) if converted else X.dtype)
    check_finite_rows(estimator, rows)
    return rows, y


def _needs_no_check(estimator, X, dtype):
    """Whether scikit-learn's checks, longer than a small prediction, would find nothing."""
    is_array = type(X) is np.ndarray
    return (
        (is_array or (is_sparse(X) and X.format == "csr"))
        and X.ndim == 2
        and X.dtype in (dtype if isinstance(dtype, (list, tuple)) else (dtype,))
        and X.shape[1] == estimator.n_features_in_
        and X.shape[0] > 0
        and (not is_array or (X.flags.c_contiguous and X.flags.aligned))
        and not hasattr(estimator, "feature_names_in_")
    )


def _checked(estimator, X, *y, dtype, **options):
    """scikit-learn's checks, and whether X is left to be converted when rows are taken."""
    if isinstance(X, Chunks):
        # all that scikit-learn looks at here; it takes no memory
        stand_in = np.broadcast_to(np.zeros((), X.dtype), X.shape)
        checked = check_data(estimator, stand_in, *y, dtype=None, order=None, **options)
        return (X, checked[1]) if y else X, True
    if _is_converted_by_batch(X, dtype):
        return check_data(estimator, X, *y, dtype=None, order=None, **options), True
    options |= {"dtype": dtype, "accept_sparse": ["csr", "csc"]}
    return check_data(estimator, X, *y, **options), False


def _is_converted_by_batch(X, dtype):
    if not isinstance(X, np.ndarray) or X.ndim != 2:
        return False
    if X.dtype.kind in "biu" or X.dtype == np.float16:
        return True
    ready = _is_ready(X) and X.dtype in (dtype if isinstance(dtype, list) else [dtype])
    return isinstance(X, np.memmap) and X.dtype.kind == "f" and not ready


def _is_ready(X):
    """Whether the core can read the array where it lies."""
    return X.flags.c_contiguous and X.flags.aligned


def _type_of(X, dtype):
    """The type to convert X to, where ``dtype`` may be a list: the first unless X has another."""
    if not isinstance(dtype, list):
        return dtype
    return X.dtype if X.dtype in dtype else dtype[0]


def rows_of(X, dtype):
    """`Rows` of an array of numbers (n, D), a CSR or CSC matrix or `Chunks`.

    Where ``dtype`` is a list, they are of the first type unless X has another of the list.
    """
    return _as_rows_of(X, _type_of(X, dtype))


def _as_rows_of(X, dtype):
    if isinstance(X, Chunks):
        return ChunkedRows([_as_rows_of(chunk, dtype) for chunk in X.chunks])
    if is_sparse(X):
        return SparseRows(X if X.dtype == dtype else X.astype(dtype))
    if X.dtype == dtype and _is_ready(X):
        return DenseRows(X)
    return ConvertedRows(X, dtype)


def check_finite_rows(estimator, rows):
    """Raise scikit-learn's ValueError if rows of `check_rows` hold NaN or infinity."""
    values = first_not_finite(rows)
    if values is not None:
        raise_not_finite(estimator, values)


def first_not_finite(rows):
    """Values of some rows of `rows_of` that hold NaN or infinity, or None."""
    if isinstance(rows, ChunkedRows):
        found = (first_not_finite(part) for part in rows.parts)
        return next((values for values in found if values is not None), None)
    if isinstance(rows, SparseRows):
        return None if is_finite(rows.X.data) else rows.X.data
    if isinstance(rows, DenseRows) or rows.X.dtype.kind == "f":
        for _, block in rows.blocks():
            if not is_finite(block):
                return block
    return None
