"""Backpropagation on a pcnet network, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Float64s, Floats, Loss
from ..network import Network
from ._checks import check_network, check_problem, feed_forward, raises_on_overflow


def in_float64(net: Network) -> Network:
    """A copy of a network with float64 weights, for computations without float32 rounding.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network
        It shares no arrays with ``net``, also if that is float64.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    return check_network(net)


@raises_on_overflow
def backprop_gradients(
    net: Network, X: ArrayLike, Y: ArrayLike, loss: Loss | None = None
) -> tuple[list[Float64s], list[Float64s] | None]:
    """Gradients of the mean feed-forward loss by weights and biases, computed in float64.

    The output error ``e_L = y - link(mu_L)`` (bounded for Huber's loss) is propagated at the
    feed-forward activities, ``e_l = a_{l+1} (e_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} e_{l+1}``. The
    gradients then have the form of predictive coding's local rule,
    ``dL/dW_l = - a_l / n f_l(z_{l-1})^T e_l``. Predictive coding's gradients divided by the output
    precision tend to them as the output precision tends to 0.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
        Targets, in the range of the loss as in `pcnet.infer`.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".

    Returns
    -------
    weights : list of float64 ndarray, (n_{l-1}, n_l)
        dL/dW_1..dL/dW_L of the unscaled weights.
    biases : list of float64 ndarray, (n_l,), or None
        dL/db_1..dL/db_L; None without biases.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import backprop_gradients
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> weights, biases = backprop_gradients(net, np.ones((2, 4)), np.eye(3)[:2])
    >>> [W.shape for W in weights]
    [(4, 16), (16, 16), (16, 3)]
    """
    net, X, Y, objective = check_problem(net, X, Y, loss, 1.0)
    activities = feed_forward(net, X)
    errors = backprop_errors(net, activities, Y, objective.loss)
    weights, biases = reference.weight_gradients(net, X, errors, activities)
    return weights, None if net.biases is None else biases


def backprop_errors(
    net: Network, activities: Sequence[Floats], Y: Floats, loss: Loss
) -> list[Floats]:
    """e_1..e_L of `backprop_gradients` at feed-forward activities z_1..z_H, mu_L."""
    errors = [reference.output_delta(loss, activities[-1], Y, 1.0)]
    for index in range(net.n_layers - 1, 0, -1):
        errors.insert(0, reference.feedback(net, index, errors[0], activities[index - 1]))
    return errors


def cosine(a, b):
    """Cosine of two arrays as vectors; nan if one is 0."""
    # scaled so that squares do not underflow
    a, b = (x.ravel() / (np.abs(x).max() or 1.0) for x in (a, b))
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if lengths > 0 else np.nan
