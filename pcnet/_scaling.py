"""Scaling of the features inside the estimators, batch by batch, so that nothing is copied."""

import numpy as np
import scipy.sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from ._data import Rows, SparseRows

KINDS = ("standard", "max")

_PASS_ROWS = 256  # converted to float64 at once


class ScaledRows(Rows):
    """``(x - mean) / scale`` of other rows, computed when they are taken.

    Parameters
    ----------
    source : Rows
    mean : float64 ndarray of shape (n_features,), or None
        None: not centred.
    scale : float64 ndarray of shape (n_features,)
    """

    def __init__(self, source, mean, scale):
        super().__init__(source.shape, source.dtype)
        self.source = source
        self.mean = None if mean is None else mean.astype(source.dtype)
        self.scale = scale.astype(source.dtype)

    def take(self, rows, out):
        taken = self.source.take(rows, out)  # a view of the data, perhaps: not to be written
        if self.mean is not None:
            taken = np.subtract(taken, self.mean, out=out)
        return np.divide(taken, self.scale, out=out)


def fit_scaling(rows, sample_weight, kind, stored):
    """Mean and scale by which features are scaled.

    Parameters
    ----------
    rows : Rows
    sample_weight : ndarray of shape (n_samples,), or None
        Samples of weight 0 do not count; "max" looks at nothing else.
    kind : {"standard", "max"}
        Mean and standard deviation, or the largest absolute value, of each feature.
    stored : dtype
        Type of the data as given: features of uint8 have the maximum 255 whatever is seen.

    Returns
    -------
    mean : float64 ndarray of shape (n_features,), or None
        None if features are not centred: "max", and sparse data, which would become dense.
    scale : float64 ndarray of shape (n_features,)
        1 where a feature is constant (up to rounding).
    """
    if sample_weight is None:
        sample_weight = np.ones(len(rows))
    if kind == "max":
        if stored == np.uint8:
            return None, np.full(rows.shape[1], 255.0)
        largest = _largest(rows, sample_weight > 0)
        return None, np.where(largest > 0, largest, 1.0)
    if isinstance(rows, SparseRows):
        mean, variance = mean_variance_axis(
            rows.X.astype(np.float64), axis=0, weights=sample_weight.astype(np.float64)
        )
    else:
        mean, variance = _mean_and_variance(rows, sample_weight / sample_weight.sum())
    std = np.sqrt(variance)
    constant = std <= 10 * np.finfo(np.float64).eps * np.maximum(1, np.abs(mean))
    sparse = isinstance(rows, SparseRows)
    return None if sparse else mean, np.where(constant, 1.0, std)


def _largest(rows, counted):
    if isinstance(rows, SparseRows):
        part = abs(rows.X[np.flatnonzero(counted)]).max(axis=0)
        return np.asarray(part.todense() if scipy.sparse.issparse(part) else part, float).ravel()
    largest = np.zeros(rows.shape[1])
    for part, block in rows.blocks(_PASS_ROWS):
        np.maximum(largest, np.abs(block[counted[part]]).max(axis=0, initial=0), out=largest)
    return largest


def _mean_and_variance(rows, share):
    """Two passes in float64; a sum about the mean keeps its digits."""
    mean, variance = np.zeros((2, rows.shape[1]))
    for part, block in rows.blocks(_PASS_ROWS):
        mean += np.einsum("i,ij->j", share[part], block.astype(np.float64))
    for part, block in rows.blocks(_PASS_ROWS):
        variance += np.einsum("i,ij->j", share[part], np.square(block - mean))
    return mean, variance
