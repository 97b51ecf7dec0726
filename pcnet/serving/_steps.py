"""The steps of a pipeline before the network, with the arithmetic of scikit-learn's classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.chunks import Chunks
from .._data.features import Owner, raise_not_finite
from .._data.rows import is_sparse

#: Dtypes that steps compute in; features of other types become float64.
FLOATS = (np.float64, np.float32, np.float16)

OPERATIONS = {
    "subtract": np.subtract,
    "divide": np.divide,
    "multiply": np.multiply,
    "add": np.add,
}


class Scaling:
    """``StandardScaler``, ``MinMaxScaler`` or ``MaxAbsScaler``: operations on each column.

    Parameters
    ----------
    owner : Owner
    operations : dict of str to ndarray, (n_features,)
        From names of `OPERATIONS` to their operands, in order.
    casts : bool
        Whether the operands are converted to the dtype of the features first.
    clip : tuple of 2 float or None
        Smallest and largest result.
    takes_sparse : bool
    """

    kind = "scaling"

    def __init__(
        self,
        owner: Owner,
        operations: dict[str, NDArray[Any]],
        casts: bool = False,
        clip: tuple[float, float] | None = None,
        takes_sparse: bool = False,
    ) -> None:
        self.owner = owner
        self.operations = operations
        self.casts = casts
        self.clip = clip
        self.takes_sparse = takes_sparse
        self._ready: dict[np.dtype[Any], list[tuple[np.ufunc, NDArray[Any]]]] = {}

    def __call__(self, X: Any) -> Any:
        """The scaled features; X is not changed."""
        if is_sparse(X):
            return self._of_sparse(X)
        dtype = X.dtype if X.dtype in FLOATS else np.dtype(np.float64)
        out = X.astype(dtype, order="C")
        if self.clip is not None:  # it would hide infinity; else the last check of all finds it
            check_no_infinity(self.owner, out)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for operation, values in self._operations_in(dtype):
                operation(out, values, out=out, casting="same_kind")
        if self.clip is not None:
            low, high = (np.asarray(end, dtype=dtype) for end in self.clip)
            np.clip(out, low, high, out=out)
        return out

    def _operations_in(self, dtype):
        """The functions with their operands for features of a dtype."""
        if dtype not in self._ready:
            self._ready[dtype] = [
                (OPERATIONS[name], values.astype(dtype) if self.casts else values)
                for name, values in self.operations.items()
            ]
        return self._ready[dtype]

    def _of_sparse(self, X):
        if not self.takes_sparse:
            raise TypeError(
                f"Sparse data was passed for X, but {self.owner.name} of this pipeline moves "
                "zeros, so dense data is required. Use '.toarray()' to convert to a dense array."
            )
        X = X.tocsr(copy=True)
        X = X if X.dtype in FLOATS else X.astype(np.float64)
        check_no_infinity(self.owner, X.data)
        scale = self.operations.get("divide")
        if scale is not None:
            X.data *= (1.0 / scale).take(X.indices, mode="clip")
        if self.clip is not None:
            np.clip(X.data, *self.clip, out=X.data)
        return X


class Imputation:
    """``SimpleImputer``: one value for each column in place of missing ones.

    Parameters
    ----------
    owner : Owner
    values : ndarray, (n_kept,)
        For the columns that are kept.
    columns : ndarray of int, (n_kept,), or None
        Columns that are kept; None: all.
    missing : float
        What stands for a missing value, often NaN.
    keeps_integers : bool
        Whether integers stay as they are, as for constants; otherwise they become float64.
    """

    kind = "imputation"

    def __init__(
        self,
        owner: Owner,
        values: NDArray[Any],
        columns: NDArray[Any] | None,
        missing: float,
        keeps_integers: bool,
    ) -> None:
        self.owner = owner
        self.values = values
        self.columns = columns
        self.missing = missing
        self.keeps_integers = keeps_integers

    def __call__(self, X: Any) -> Any:
        """The features without missing values; X is not changed."""
        if isinstance(X, np.ndarray) and X.dtype.kind == "b":
            raise ValueError(
                f"{self.owner.name} does not support data with dtype bool. Please provide numbers"
            )
        wanted = X.dtype if X.dtype in FLOATS or self.keeps_integers else np.dtype(np.float64)
        if is_sparse(X):
            return self._of_sparse(X.astype(wanted))
        X = np.array(X, dtype=wanted, order="C")
        self._check(X)
        if self.columns is not None:
            X = X[:, self.columns]
        rows, columns = np.nonzero(self._is_missing(X))
        X[rows, columns] = self.values[columns]
        return X

    def _of_sparse(self, X):
        if self.missing == 0:
            raise ValueError(
                "Imputation not possible when missing_values == 0 and input is sparse. Provide a "
                "dense array instead."
            )
        X = X.tocsr(copy=True)
        self._check(X.data)
        if self.columns is not None:
            X = X[:, self.columns]
        missing = self._is_missing(X.data)
        X.data[missing] = self.values[X.indices[missing]]
        return X

    def _check(self, values):
        check_no_infinity(self.owner, values)
        if not np.isnan(self.missing) and values.dtype.kind == "f" and np.isnan(values).any():
            raise_not_finite(self.owner, values)

    def _is_missing(self, values):
        if np.isnan(self.missing):
            return np.isnan(values)
        return values == self.missing


def apply_steps(steps: list[Scaling | Imputation], X: Any) -> Any:
    """The features after all steps."""
    if steps and isinstance(X, Chunks):
        raise TypeError(
            "Chunks are not supported by the steps of a pipeline; pass one array, or the chunks "
            "one after the other"
        )
    for step in steps:
        X = step(X)
    return X


def check_no_infinity(owner: Owner, values: NDArray[Any]) -> None:
    """Raise scikit-learn's ValueError if a value is infinite; NaN passes."""
    if values.dtype.kind == "f" and np.isinf(values).any():
        raise_not_finite(owner, np.where(np.isnan(values), 0, values))
