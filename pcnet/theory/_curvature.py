"""Second derivatives of the activations and of the losses."""

from __future__ import annotations

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from .._checks import check_choice, check_float_array
from .._core import reference
from .._objective import Huber, check_loss, check_targets
from .._types import Activation, Float64s, Loss
from ._checks import raises_on_overflow


def _tanh(z):
    t = np.tanh(z)
    return -2 * t * (1 - t * t)


def _gelu(z):
    z = np.clip(z, -100.0, 100.0)  # beyond the bounds it is 0, and powers of z could overflow
    t = np.tanh(reference.GELU_ROOT * (z + reference.GELU_CUBIC * z**3))
    inner = reference.GELU_ROOT * (1 + 3 * reference.GELU_CUBIC * z * z)
    inner_slope = 6 * reference.GELU_ROOT * reference.GELU_CUBIC * z
    return (1 - t * t) * (inner + 0.5 * z * (inner_slope - 2 * t * inner**2))


def _selu(z):
    below = reference.SELU_SCALE * reference.SELU_ALPHA * np.exp(np.minimum(z, 0))
    return np.where(z < 0, below, 0.0)


def _silu(z):
    s = reference.activation("logistic", z)
    return s * (1 - s) * (2 + z * (1 - 2 * s))


def _logistic(z):
    s = reference.activation("logistic", z)
    return s * (1 - s) * (1 - 2 * s)


#: name -> phi''; piecewise linear activations have none.
_SECOND_DERIVATIVES = {
    "tanh": _tanh,
    "gelu": _gelu,
    "selu": _selu,
    "silu": _silu,
    "logistic": _logistic,
}


def activation_second_derivative(name: Activation, z: ArrayLike) -> Float64s:
    """phi''(z), element by element; 0 at kinks.

    Parameters
    ----------
    name : str
        An activation of `Network`.
    z : array-like

    Returns
    -------
    ndarray of float64, shape of z

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    check_choice("name", name, tuple(reference.ACTIVATIONS))
    z = check_float_array("z", z, np.float64, None, copy=False)
    if name not in _SECOND_DERIVATIVES:
        return np.zeros_like(z)
    return _SECOND_DERIVATIVES[name](z)


@raises_on_overflow
def output_curvature(loss: Loss, mu: ArrayLike, Y: ArrayLike) -> Float64s:
    """Second derivative of the loss by the output of each sample.

    I (squared_error); diag(p) - p p^T, p = softmax(mu), for targets that sum to 1 (log_loss);
    and diagonal: s (1 - s), s = logistic(mu) (logistic); 1 where \\|y - mu\\| < delta, else 0
    (huber); exp(mu) (poisson).

    Parameters
    ----------
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"} or Huber
    mu : ndarray, (n, K)
        Outputs.
    Y : ndarray, (n, K)

    Returns
    -------
    ndarray of float64, (n, K, K)
        Symmetric, positive semidefinite.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    check_loss(loss)
    mu = check_float_array("mu", mu, np.float64, 2, copy=False)
    Y = check_float_array("Y", Y, np.float64, 2, mu.shape, copy=False)
    check_targets(loss, Y)
    if loss == "squared_error":
        diagonal = np.ones_like(mu)
    elif loss == "log_loss":
        p = scipy.special.softmax(mu, axis=1)
        return p[:, :, None] * (np.eye(mu.shape[1]) - p[:, None, :])
    elif loss == "logistic":
        s = reference.activation("logistic", mu)
        diagonal = s * (1 - s)
    elif loss == "poisson":
        diagonal = np.exp(mu)
    else:
        bend = loss.delta if isinstance(loss, Huber) else Huber().delta
        diagonal = np.where(np.abs(Y - mu) < bend, 1.0, 0.0)
    return diagonal[:, :, None] * np.eye(mu.shape[1])
