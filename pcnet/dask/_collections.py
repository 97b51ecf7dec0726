"""Methods of fitted estimators on Dask collections, lazily and block by block."""

from __future__ import annotations

from typing import Any

import dask
import numpy as np
from sklearn.utils.validation import check_is_fitted

_OF_CLASSES = ("predict_proba", "predict_log_proba", "decision_function", "class_energies")


def is_collection(X: Any) -> bool:
    """Whether X is a Dask array or data frame."""
    return dask.is_dask_collection(X)


def is_frame(X: Any) -> bool:
    """Whether a collection is a data frame or series."""
    return hasattr(X, "map_partitions")


class BlockMethods:
    """Base class of the estimators that take Dask collections; inherited before the plain one."""

    _plain: Any  # the estimator of `pcnet`

    def to_local(self) -> Any:
        """The plain estimator with the same arguments and attributes, without `client`.

        Returns
        -------
        estimator of `pcnet`
            It shares the arrays of this one.
        """
        local = self._plain.__new__(self._plain)
        kept = {k: v for k, v in vars(self).items() if k not in ("client", "_session")}
        vars(local).update(kept)
        return local

    def _on_blocks(self, method, X, *others, **options):
        """The plain estimator's method, of a collection lazily."""
        local = self.to_local()
        if not is_collection(X):
            return getattr(local, method)(X, *others, **options)
        check_is_fitted(self)
        if is_frame(X) and hasattr(local, "set_output"):  # blocks keep the dtypes of their columns
            local._sklearn_output_config = {"transform": "pandas"}
        return apply_to_blocks(local, method, X, *others, **options)


def apply_to_blocks(estimator, method, X, *others, **options):
    """``estimator.method(X, *others, **options)`` as a collection of the kind of X.

    Parameters
    ----------
    estimator : fitted plain estimator
    method : str
    X : Dask array or data frame, (n_samples, n_features)
    *others : collections of one entry or row a sample
        With the blocks of X.
    """
    sample = getattr(estimator, method)(*_sample(estimator, X, others), **options)[:0]
    model = dask.delayed(estimator, pure=False, traverse=False)
    if is_frame(X):
        meta = _framed(sample, X._meta.index[:0], estimator, method)
        return X.map_partitions(
            _call_on_frame, *others, model, method, options, meta=meta, enforce_metadata=False
        )
    return _apply_to_array(model, method, X, others, options, sample)


def _apply_to_array(model, method, X, others, options, sample):
    import dask.array as da

    if X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    others = [_aligned(other, X) for other in others]
    kept = {} if sample.ndim == 2 else {"drop_axis": 1}
    columns = (sample.shape[1],) if sample.ndim == 2 else None
    chunks = (X.chunks[0],) if columns is None else (X.chunks[0], columns)
    others = [other if other.ndim == 2 else other[:, None] for other in others]
    flat = [True] * len(others)
    return da.map_blocks(
        _call_on_block,
        X,
        *others,
        model=model,
        method=method,
        options=options,
        flat=flat,
        dtype=sample.dtype,
        chunks=chunks,
        meta=sample,
        **kept,
    )


def _aligned(other, X):
    """The blocks of a second array, cut as those of X."""
    import dask.array as da

    other = other if is_collection(other) else da.from_array(np.asarray(other), chunks=-1)
    if is_frame(other):
        other = other.to_dask_array(lengths=True)
    return other.rechunk({0: X.chunks[0], **({1: -1} if other.ndim == 2 else {})})


def _call_on_block(X, *others, model, method, options, flat):
    others = [other[:, 0] if other.shape[1] == 1 else other for other in others]
    return getattr(model, method)(X, *others, **options)


def _call_on_frame(frame, *rest):
    *others, model, method, options = rest
    if len(frame) == 0:
        values = getattr(model, method)(*_sample(model, frame, others), **options)[:0]
    else:
        values = getattr(model, method)(frame, *others, **options)
    return _framed(values, frame.index, model, method)


def _framed(values, index, estimator, method):
    import pandas as pd

    if hasattr(values, "columns"):
        return values.set_axis(index)
    if values.ndim == 1:
        return pd.Series(values, index=index, name=method)
    columns: Any = range(values.shape[1])
    if method in _OF_CLASSES:
        columns = estimator.classes_
    elif method in ("transform", "recognize"):
        columns = estimator.get_feature_names_out()
    elif method in ("reconstruct", "inverse_transform"):
        columns = getattr(estimator, "feature_names_in_", columns)
    return pd.DataFrame(values, index=index, columns=columns)


def _sample(estimator, X, others):
    """One row of X and of targets, from which type and shape of the result are found."""
    meta = getattr(X, "_meta", X)
    if hasattr(meta, "columns"):
        row = _row_like(meta)
    else:
        kind = X.dtype if X.dtype.kind in ("f", "O") else np.float64
        row = np.full((1, X.shape[1]), np.nan if X.dtype.kind == "O" else 0, kind)
    if not others:
        return (row,)
    if hasattr(estimator, "classes_"):
        y: Any = np.array([estimator.classes_[0]])
        if estimator._multilabel:
            y = np.zeros((1, len(estimator.classes_)), np.int64)
    else:
        y = np.ones((1, estimator.n_outputs_))[:, 0 if estimator.n_outputs_ == 1 else slice(None)]
    return row, y


def _row_like(frame):
    """A row with the columns and dtypes of a frame: 0, and nothing where there are no numbers."""
    import pandas as pd

    row = frame.iloc[:0].reset_index(drop=True).reindex([0])
    for k, kind in enumerate(frame.dtypes):
        if pd.api.types.is_numeric_dtype(kind):
            row.isetitem(k, pd.Series([0]).astype(kind))
    return row
