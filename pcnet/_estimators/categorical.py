"""Which columns of a table hold categories, and which entries are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import listed, shown

#: Dtypes of frames' columns that hold categories.
_CATEGORICAL = ("category", "categorical", "enum", "string", "str", "large_string", "utf8")


def find_categorical(X: Any, features: Any) -> np.ndarray | None:
    """Mask (D,) of the categorical columns of X, or None without any.

    Parameters
    ----------
    X : array-like or frame
    features : "from_dtype", array-like of bool, int or str, or None
        As for scikit-learn's HistGradientBoostingClassifier; "from_dtype" also takes columns of
        text.
    """
    if features is None:
        return None
    if isinstance(features, str):
        if features != "from_dtype":
            raise _wrong(features)
        mask = np.array([_is_text(X, j) for j in range(len(_names(X) or []))], dtype=bool)
        return mask if mask.any() else None
    given = np.asarray(features)
    n_columns = _n_columns(X)
    mask = np.zeros(n_columns, dtype=bool)
    if given.ndim != 1:
        raise _wrong(features)
    if not given.size:
        return None
    if given.dtype.kind == "b":
        if len(given) != n_columns:
            raise ValueError(
                f"categorical_features is a mask of {len(given)} entries, but X has {n_columns} "
                "columns; give one entry for each column"
            )
        mask = given.copy()
    elif given.dtype.kind in "iu":
        if given.min() < 0 or given.max() >= n_columns:
            raise ValueError(
                f"categorical_features must hold numbers of columns from 0 to {n_columns - 1}; got "
                f"[{listed(given)}]"
            )
        mask[given] = True
    elif given.dtype.kind in "OUT" and all(isinstance(name, str) for name in given):
        names = _names(X)
        unknown = [name for name in given.tolist() if name not in (names or [])]
        if unknown:
            hint = f"it has [{listed(names)}]" if names else "arrays have no names: give numbers"
            raise ValueError(
                f"categorical_features names the columns [{listed(unknown)}], which X does not "
                f"have; {hint}"
            )
        mask[[names.index(name) for name in given]] = True
    else:
        raise _wrong(features)
    return mask if mask.any() else None


def _wrong(features):
    return ValueError(
        "categorical_features must be 'from_dtype', None, or a list of names, of numbers of "
        f"columns or of booleans; got {shown(features)}"
    )


def _names(X):
    """Names of a frame's columns, or None."""
    return list(X.columns) if hasattr(X, "columns") and hasattr(X, "dtypes") else None


def _n_columns(X):
    shape = X.shape if hasattr(X, "shape") else np.asarray(X, dtype=object).shape
    if len(shape) != 2:
        raise ValueError(f"X must be a table of rows and columns; got an array of shape {shape}")
    return shape[1]


def as_table(X: Any) -> Any:
    """Frames and arrays as they are, others as an array of objects, whose numbers stay numbers."""
    return X if _names(X) is not None or isinstance(X, np.ndarray) else np.asarray(X, dtype=object)


def column_of(X: Any, j: int) -> np.ndarray:
    """Column j as an array of objects."""
    if hasattr(X, "iloc"):
        return X.iloc[:, j].to_numpy(dtype=object)
    return np.asarray(X[:, j], dtype=object)


def _is_text(X, j):
    dtype = X.dtypes.iloc[j] if hasattr(X.dtypes, "iloc") else X.dtypes[j]
    name = str(dtype).lower().split("(")[0].split("[")[0]
    if name == "object":
        return any(isinstance(value, str) for value in column_of(X, j))
    return name in _CATEGORICAL


def find_missing(values: np.ndarray, marker: float | None) -> np.ndarray:
    """Mask of missing entries in an array of objects: NaN, None and NA, or equal to a number."""

    def is_missing(value):
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            return True
        return isinstance(value, (float, np.floating)) and bool(np.isnan(value))

    empty = np.frompyfunc(is_missing, 1, 1)(values).astype(bool)
    if marker is None:
        return empty
    if empty.any():
        raise ValueError(
            "X holds NaN or None, but missing_values is a number; it must be nan, or X hold that "
            "number only"
        )
    return np.frompyfunc(lambda value: not isinstance(value, str) and value == marker, 1, 1)(
        values
    ).astype(bool)


def title_of(X: Any, j: int) -> str:
    """What an error text calls column j."""
    names = _names(X)
    return repr(names[j]) if names else str(j)
