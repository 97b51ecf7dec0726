"""Checks of features for prediction with NumPy alone; texts as scikit-learn's."""

from typing import Any, NamedTuple

import numpy as np

from .._warnings import warn
from .checks import refuse_dates
from .chunks import Chunks
from .rows import is_sparse


class Owner(NamedTuple):
    """Who takes the features: a name for error texts, and what they must be."""

    name: str
    n_features: int
    names: Any = None  # of the features, a list; None: features had no names


def check_features(owner, X):
    """Features as an array (n, n_features), a sparse matrix or `Chunks`, of any number type.

    Parameters
    ----------
    owner : Owner
    X : array-like, data frame, scipy.sparse matrix or array, or Chunks
        NaN and infinity are accepted here.

    Returns
    -------
    ndarray, sparse matrix in CSR or CSC, or Chunks

    Raises
    ------
    ValueError, TypeError
        X has other features than those of the training, no rows, or is no table of numbers.
    """
    _check_names(owner, X)
    if is_sparse(X):
        X = X if X.format in ("csr", "csc") else X.tocsr()
    elif not isinstance(X, Chunks):
        X = _table(owner, X)
    if X.shape[1] != owner.n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, but {owner.name} is expecting {owner.n_features} "
            "features as input."
        )
    if X.shape[0] == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required by "
            f"{owner.name}."
        )
    return X


def raise_not_finite(owner, values):
    """Raise the ValueError about values of which some are NaN or infinite."""
    if np.isnan(values).any():
        raise ValueError(
            f"Input X contains NaN.\n{owner.name} does not accept missing values: impute them, for "
            "example by a SimpleImputer in the pipeline that is exported, or drop those rows"
        )
    raise ValueError(
        f"Input X contains infinity or a value too large for {values.dtype!r}. Scale the features "
        "as those trained on were, or drop those rows"
    )


def _table(owner, X):
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype in (np.float32, np.float64):
        return X
    is_frame = hasattr(X, "columns") and hasattr(X, "to_numpy")
    try:
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"X must be one table of numbers, (n_samples, n_features): {error}") from (
            error
        )
    if array.dtype == object and array.size and isinstance(array.flat[0], dict):
        raise ValueError(
            "X holds dicts; give the values of each in the order of the features trained on, such "
            "as [[row[name] for name in names] for row in rows]"
        )
    if array.ndim != 2:
        expected = "Expected 2D array, got scalar array instead" if array.ndim == 0 else None
        if array.ndim == 1:
            expected = "Expected 2D array, got 1D array instead"
        if expected is None:
            raise ValueError(f"Found array with dim {array.ndim}, while dim <= 2 is required.")
        raise ValueError(
            f"{expected}:\narray={array}.\nReshape your data: X.reshape(1, -1) is one sample, "
            "X.reshape(-1, 1) one feature."
        )
    refuse_dates(X if is_frame else array)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: X must hold real numbers")
    if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
        return array
    try:
        if is_frame and array.dtype.kind == "O":  # pandas.NA becomes NaN
            return X.to_numpy(dtype=np.float64, na_value=np.nan)
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = ValueError if isinstance(error, (ValueError, OverflowError)) else TypeError
        raise kind(f"X must hold real numbers: {error}") from error


def _check_names(owner, X):
    """scikit-learn's check of a data frame's column names."""
    if owner.names is None and type(X) is np.ndarray:
        return
    columns = getattr(X, "columns", None) if hasattr(X, "to_numpy") else None
    found = None if columns is None else [name for name in columns if isinstance(name, str)]
    if not found or len(found) != len(columns):
        if owner.names is not None and columns is None and not hasattr(X, "format"):
            warn(
                f"X does not have valid feature names, but {owner.name} was fitted with feature "
                "names"
            )
        return
    if owner.names is None:
        warn(f"X has feature names, but {owner.name} was fitted without feature names")
        return
    if found != list(owner.names):
        unseen = [name for name in found if name not in set(owner.names)]
        missing = [name for name in owner.names if name not in set(found)]
        text = "The feature names should match those that were passed during fit.\n"
        if unseen:
            text += f"Feature names unseen at fit time: {', '.join(unseen[:5])}\n"
        if missing:
            text += f"Feature names seen at fit time, yet now missing: {', '.join(missing[:5])}\n"
        if not unseen and not missing:
            text += "Feature names must be in the same order as they were in fit.\n"
        raise ValueError(text)
