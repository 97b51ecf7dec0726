"""The equilibrium of a linear network in closed form: a rescaled squared error.

References
----------
Innocenti, F. et al. (2024). Only Strict Saddles in the Energy Landscape of Predictive Coding
Networks? arXiv:2408.11979, theorem 1; with scales and skips, arXiv:2505.13124.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._network_checks import objective_of
from .._objective import Objective
from .._types import Float64s, Floats
from ..network import Network
from ._checks import check_network, check_problem, feed_forward, raises_on_overflow
from ._hessian import hessian_of
from ._linearization import linearize_linear


@raises_on_overflow
def equilibrium_rescaling(net: Network, output_precision: float | None = None) -> Float64s:
    """The rescaling S of a linear network's squared error.

    ``S = I / lambda + sum_l P_l^T P_l``, where ``P_l = K_{l+1} .. K_L`` is the derivative of the
    output by the activities of hidden layer l and ``K_l = a_l W_l + tau_l I``. The energy at
    equilibrium is ``1/2 r S^-1 r^T`` with r = y - mu_L, the feed-forward residual.

    Parameters
    ----------
    net : Network
        With identity activations; any scales, skips, biases and widths.
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.

    Returns
    -------
    ndarray of float64, (K, K)

    Raises
    ------
    ValueError
        The network is not linear.

    Examples
    --------
    >>> from pcnet import Network
    >>> from pcnet.theory import equilibrium_rescaling
    >>> net = Network.from_weights([[[2.0]], [[3.0]]], activation="identity")
    >>> equilibrium_rescaling(net)
    array([[10.]])
    """
    net = _check_linear(net, "equilibrium_rescaling")
    objective = objective_of(net, "squared_error", output_precision)
    return linearize_linear(net).rescaling(objective.output_precision)[0]


@raises_on_overflow
def equilibrium_activities(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> list[Float64s]:
    """Hidden activities that minimise the energy of a linear network (squared error).

    ``z* = z - H_z^-1 dF/dz`` from the feed-forward z, which is exact because F is quadratic.
    Without decay H_z^-1 costs a forward and a backward pass; with decay it takes a block
    tridiagonal factorisation, O(H N^3).

    Parameters
    ----------
    net : Network
        With identity activations.
    X : array-like, (n, D)
    Y : array-like, (n, K)
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    activity_decay : float or None
        0 or more. None: that of ``net.objective``, or else 0.

    Returns
    -------
    list of float64 ndarray, (n, n_l)
        z*_1, .., z*_H.

    Raises
    ------
    ValueError, TypeError
        The network is not linear, or an argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    net, X, Y, objective = _problem(
        "equilibrium_activities", net, X, Y, output_precision, activity_decay
    )
    return _minimum(net, X, Y, objective)


@raises_on_overflow
def equilibrium_energy(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> Float64s:
    """Minimum of each sample's energy for a linear network (squared error).

    ``F* = 1/2 r S^-1 r^T``, r = y - mu_L; with decay the energy at `equilibrium_activities`, the
    decay term included.

    Parameters
    ----------
    net, X, Y, output_precision, activity_decay
        As for `equilibrium_activities`.

    Returns
    -------
    ndarray of float64, (n,)
        Learning lowers the mean of these.

    Raises
    ------
    ValueError, TypeError
        The network is not linear, or an argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    net, X, Y, objective = _problem(
        "equilibrium_energy", net, X, Y, output_precision, activity_decay
    )
    if objective.activity_decay > 0:
        z = _minimum(net, X, Y, objective)
        return reference.sample_energies(net, X, Y, z, objective)
    r = Y - feed_forward(net, X)[-1]
    S = linearize_linear(net).rescaling(objective.output_precision)[0]
    return 0.5 * np.sum(r * np.linalg.solve(S, r.T).T, axis=1)


@raises_on_overflow
def equilibrium_weight_gradients(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> tuple[list[Float64s], list[Float64s] | None]:
    """Gradients of a linear network's mean equilibrium energy by its parameters (squared error).

    dF/dz is 0 at the equilibrium, so the gradient of F* by the weights is the local one,
    ``dF*/dW_l = - a_l / n z_{l-1}^T e_l``. Predictive coding learns with it after exact inference.
    Divided by lambda it tends to `backprop_gradients` as lambda tends to 0.

    Parameters
    ----------
    net, X, Y, output_precision, activity_decay
        As for `equilibrium_activities`.

    Returns
    -------
    weights : list of float64 ndarray, (n_{l-1}, n_l)
        dF*/dW_1..dF*/dW_L of the unscaled weights.
    biases : list of float64 ndarray, (n_l,), or None
        dF*/db_1..dF*/db_L; None without biases.

    Raises
    ------
    ValueError, TypeError
        The network is not linear, or an argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    net, X, Y, objective = _problem(
        "equilibrium_weight_gradients", net, X, Y, output_precision, activity_decay
    )
    z = _minimum(net, X, Y, objective)
    errors = reference.errors(net, X, Y, z, objective)
    weights, biases = reference.weight_gradients(net, X, errors, z)
    return weights, None if net.biases is None else biases


def _problem(
    function: str,
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    output_precision: float | None,
    activity_decay: float | None,
) -> tuple[Network, Floats, Floats, Objective]:
    net = _check_linear(net, function)
    return check_problem(net, X, Y, "squared_error", output_precision, activity_decay)


def _check_linear(net, function):
    """A linear network in float64."""
    net = check_network(net)
    nonlinear = sorted(set(net.activations[1:]) - {"identity"})
    if nonlinear:
        raise ValueError(
            f"{function} holds for linear networks only: every activation must be 'identity', got "
            f"{', '.join(map(repr, nonlinear))}; use linearized_equilibrium or "
            "linearized_rescaling, or pcnet.infer"
        )
    return net


def _minimum(net, X, Y, objective):
    z = feed_forward(net, X)[:-1]
    if not z:
        return z
    gradient = reference.activity_gradients(net, X, Y, z, objective)
    # all samples have the same Hessian: use that of the first
    hessian = hessian_of(net, X[:1], Y[:1], [a[:1] for a in z], objective)
    return [a - step for a, step in zip(z, hessian.solve_layers(gradient))]
