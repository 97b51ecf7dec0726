"""Probabilities from outputs, with the bits of scipy.special's functions of the same names."""

import numpy as np

from .._core import binding

#: The smallest and largest probability in each dtype, by dtype.
_ENDS = {
    np.dtype(dtype): (np.finfo(dtype).tiny, dtype(1) - np.finfo(dtype).epsneg)
    for dtype in (np.float32, np.float64)
}


def logits(outputs, temperature, multilabel):
    """Logits of the probabilities from outputs mu_L of the squared error.

    With output noise of variance T the energy of a label is ``|onehot_k - mu|^2 / (2 T)``, so that
    ``p(k) ~ exp(-|onehot_k - mu|^2 / (2 T)) ~ exp(mu_k / T)``. For one label of several, with
    targets 0 and 1, the same gives ``log p(1) - log p(0) = (mu - 1/2) / T``.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
    temperature : float
        T, greater than 0.
    multilabel : bool

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        For softmax, or for one logistic per column if multilabel.
    """
    temperature = np.asarray(temperature, dtype=outputs.dtype)
    return (outputs - outputs.dtype.type(0.5) if multilabel else outputs) / temperature


def softmax(x):
    """Softmax over the last axis of finite numbers."""
    # the reductions of the ufuncs: the methods max and sum take longer than a small network
    terms = np.exp(x - np.maximum.reduce(x, axis=-1, keepdims=True))
    terms /= np.add.reduce(terms, axis=-1, keepdims=True)
    return terms


def log_softmax(x):
    """Logarithm of `softmax`, without its underflow."""
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def expit(x):
    """``1 / (1 + exp(-x))`` of a C-contiguous array."""
    return binding.logistic(np.ascontiguousarray(x), np.empty(x.shape, x.dtype))


def log_expit(x):
    """Logarithm of `expit`, without its underflow."""
    return -np.logaddexp(x.dtype.type(0), -x)


def logsumexp(x):
    """``log sum exp x`` over the last axis of finite numbers; the largest terms are set apart."""
    largest = x.max(axis=-1, keepdims=True)
    is_largest = x == largest
    count = is_largest.sum(axis=-1, keepdims=True)
    rest = np.where(is_largest, 0.0, np.exp(x - largest)).sum(axis=-1, keepdims=True)
    return (np.log1p(rest / count) + np.log(count) + largest)[..., 0]


def inside(probabilities):
    """Replace probabilities that rounding made 0 or 1 by the nearest numbers in between."""
    low, high = _ENDS[probabilities.dtype]
    np.maximum(probabilities, low, out=probabilities)
    return np.minimum(probabilities, high, out=probabilities)
