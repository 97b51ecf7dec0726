"""The equilibrium of a nonlinear network predicted from its linearisation at a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Float64s, Loss
from ._checks import (
    check_activities,
    check_clamped,
    check_hidden,
    check_network,
    objective_of,
    raises_on_overflow,
)
from ._curvature import output_curvature
from ._linearization import linearization_at, linearize

if TYPE_CHECKING:
    from ..network import Network


@raises_on_overflow
def linearized_rescaling(
    net: Network,
    X: ArrayLike,
    output_precision: float | None = None,
    activities: Sequence[ArrayLike] | None = None,
) -> Float64s:
    """The rescaling S of each sample, the network linearised at a point.

    ``S = I / lambda + sum_l P_l^T P_l`` with ``P_l = d mu_L / d z_l`` along the network, the
    slopes f' taken at the activities. K backward passes a sample; no (N, N) matrix is formed. For
    a linear network it is `equilibrium_rescaling`, the same for all samples.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    activities : list of array-like, (n, n_l), optional
        z_1..z_H. Default: the feed-forward ones.

    Returns
    -------
    ndarray of float64, (n, K, K)
    """
    objective = objective_of(check_network(net), None, output_precision)
    S = linearize(net, X, activities).rescaling(objective.output_precision)
    n = len(np.asarray(X))
    return S if len(S) == n else np.repeat(S, n, axis=0)  # no hidden layers


@raises_on_overflow
def linearized_equilibrium(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    activities: Sequence[ArrayLike] | None = None,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> tuple[list[Float64s], Float64s]:
    """Where the energy would be least if it were quadratic: one Gauss-Newton step.

    ``z - (A^T A + lambda G^T B G)^-1 dF/dz`` and ``F - 1/2 g (A^T A + lambda G^T B G)^-1 g^T``,
    g = dF/dz, each sample linearised at its own activities. From the feed-forward ones and with
    the squared error the energy is ``1/2 r S^-1 r^T``, S that of `linearized_rescaling`. Exact
    for linear networks with the squared error. Needs memory for n H N K numbers.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    activities : list of array-like, (n, n_l), optional
        z_1..z_H. Default: the feed-forward ones.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.

    Returns
    -------
    activities : list of float64 ndarray, (n, n_l)
    energy : float64 ndarray, (n,)
        The least of the quadratic model, of each sample.
    """
    net = check_network(net)
    check_hidden(net, "linearized_equilibrium")
    objective = objective_of(net, loss, output_precision)
    X, Y = check_clamped(net, X, Y, objective)
    z = check_activities(net, X, activities)
    gradient = reference.activity_gradients(net, X, Y, z, objective)
    output = reference.predictions(net, X, z)[-1]
    C = objective.output_precision * output_curvature(objective.loss, output, Y)
    step = linearization_at(net, z).gauss_newton_solve(gradient, C)
    gained = 0.5 * sum(np.sum(g * s, axis=1) for g, s in zip(gradient, step))
    energy = reference.sample_energies(net, X, Y, z, objective) - gained
    return [a - s for a, s in zip(z, step)], energy
