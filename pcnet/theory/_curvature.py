"""Second derivatives of the activations and of the losses."""

from __future__ import annotations

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from .._checks import check_choice, check_float_array
from .._core import reference
from .._core.binding import HUBER_DELTA
from .._objective import Huber, check_loss, check_targets, loss_parts
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
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or Blocks
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
    curvature = np.zeros((*mu.shape, mu.shape[1]))
    for own, outputs in loss_parts(loss):
        of_block = _OUTPUT_DERIVATIVES[_name(own)][0](own, mu[:, outputs], Y[:, outputs])
        curvature[:, outputs, outputs] = of_block
    return curvature


def change_of_curvature(loss: Loss, mu: Float64s, Y: Float64s, u: Float64s) -> Float64s:
    """d/dmu of u B(mu) u^T, B the loss's second derivative: its third, (n, K)."""
    parts = [
        _OUTPUT_DERIVATIVES[_name(own)][1](*(array[:, outputs] for array in (mu, Y, u)))
        for own, outputs in loss_parts(loss)
    ]
    return np.concatenate(parts, axis=1)


def _name(loss):
    return loss if isinstance(loss, str) else "huber"


def _on_diagonal(diagonal):
    return diagonal[:, :, None] * np.eye(diagonal.shape[1])


def _softmax_curvature(loss, mu, Y):
    p = scipy.special.softmax(mu, axis=1)
    return p[:, :, None] * (np.eye(mu.shape[1]) - p[:, None, :])


def _change_of_softmax_curvature(mu, Y, u):
    p = scipy.special.softmax(mu, axis=1)
    apart = u - np.sum(p * u, axis=1, keepdims=True)
    return p * (apart**2 - np.sum(p * apart**2, axis=1, keepdims=True))


def _huber_curvature(loss, mu, Y):
    bend = loss.delta if isinstance(loss, Huber) else HUBER_DELTA
    return _on_diagonal(np.where(np.abs(Y - mu) < bend, 1.0, 0.0))


#: Name of the loss -> its second derivative of (loss, mu, Y), its third along u of (mu, Y, u).
#: Huber's loss has no third derivative at the bend: 0 is that of its quadratic part.
_OUTPUT_DERIVATIVES = {
    "squared_error": (
        lambda loss, mu, Y: _on_diagonal(np.ones_like(mu)),
        lambda mu, Y, u: np.zeros_like(mu),
    ),
    "log_loss": (_softmax_curvature, _change_of_softmax_curvature),
    "logistic": (
        lambda loss, mu, Y: _on_diagonal(reference.activation_derivative("logistic", mu)),
        lambda mu, Y, u: _logistic(mu) * u**2,
    ),
    "huber": (_huber_curvature, lambda mu, Y, u: np.zeros_like(mu)),
    "poisson": (
        lambda loss, mu, Y: _on_diagonal(np.exp(mu)),
        lambda mu, Y, u: np.exp(mu) * u**2,
    ),
}
