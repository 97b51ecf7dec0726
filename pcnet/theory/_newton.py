"""The equilibrium of any network to rounding: Newton's method after error descent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Float64s, Loss
from ..inference import ErrorDescent, infer
from ..network import Network
from ._checks import check_activities, check_problem, feed_forward, raises_on_overflow
from ._hessian import hessian_of

START = ErrorDescent(max_steps=500, tol=1e-4, energy_tol=0.0)
MAX_STEPS = 20

#: Largest allowed component of the gradient, relative to the largest error.
RESIDUAL = 1e-9


@raises_on_overflow
def newton_equilibrium(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
    activities: Sequence[ArrayLike] | None = None,
) -> list[Float64s]:
    """Hidden activities with dF/dz = 0 to rounding, for any network.

    ``z <- z - H_z^-1 dF/dz``, H_z being each sample's `activity_hessian`, from the
    result of error descent. A linear network with the squared error needs one step, smooth
    activations about three. With curved activations each step factorises n block tridiagonal
    matrices, O(n H N^3).

    Parameters
    ----------
    net, X, Y, loss, output_precision, activity_decay
        As for `pcnet.infer`.
    activities : list of array-like, (n, n_l), optional
        Start z_1..z_H, near a minimum. Default: the result of error descent.

    Returns
    -------
    list of float64 ndarray, (n, n_l)
        z*_1, .., z*_H.

    Raises
    ------
    RuntimeError
        No equilibrium was found. With relu and other activations with a kink the minimum of a
        sample's energy may be at the kink, where dF/dz is not 0 on either side.
    numpy.linalg.LinAlgError
        A Hessian at an intermediate step is not positive definite.
    """
    terms = loss, output_precision, activity_decay
    net, X, Y, objective = check_problem(net, X, Y, *terms, needs_hidden="newton_equilibrium")
    if activities is not None:
        activities = check_activities(net, X, activities)
    return settle(net, X, Y, objective, activities)


def settle(net, X, Y, objective, start=None):
    """`newton_equilibrium` of checked arguments."""
    quadratic = is_quadratic(net, objective)
    if start is not None:
        z = start
    elif quadratic:
        z = feed_forward(net, X)[:-1]
    else:
        z = infer(net, X, Y, START, *objective.terms).activities[:-1]
    for _ in range(MAX_STEPS):
        gradient = reference.activity_gradients(net, X, Y, z, objective)
        previous = _largest(gradient)
        step = activity_solver(net, X, Y, z, objective)(gradient)
        moved = [a - s for a, s in zip(z, step)]
        left = _largest(reference.activity_gradients(net, X, Y, moved, objective))
        if left >= previous:  # rounding, or a kink
            break
        z = moved
    _check_settled(net, X, Y, z, objective)
    return z


def is_quadratic(net, objective):
    """Whether the energy is quadratic in the activities, with one Hessian for all samples."""
    return objective.loss == "squared_error" and set(net.activations) == {"identity"}


def activity_solver(net, X, Y, z, objective):
    """The map from vectors (lists of (n, n_l)) to H_z^-1 times them, sample by sample."""
    if not z:
        return lambda v: v
    if is_quadratic(net, objective):
        return hessian_of(net, X[:1], Y[:1], [a[:1] for a in z], objective).solve_layers
    hessians = [
        hessian_of(net, X[i : i + 1], Y[i : i + 1], [a[i : i + 1] for a in z], objective)
        for i in range(len(X))
    ]

    def solve(v):
        rows = [H.solve_layers([a[i : i + 1] for a in v]) for i, H in enumerate(hessians)]
        return [np.concatenate(layer) for layer in zip(*rows)]

    return solve


def _check_settled(net, X, Y, z, objective):
    gradient = reference.activity_gradients(net, X, Y, z, objective)
    errors = reference.errors(net, X, Y, z, objective)
    rounding = np.finfo(np.float64).eps * 100 * _largest(z)
    allowed = RESIDUAL * _largest(errors[:-1]) + rounding
    sizes = np.max([np.abs(g).max(axis=1) for g in gradient], axis=0)
    left = np.flatnonzero(sizes > allowed)
    if left.size:
        raise RuntimeError(
            f"no equilibrium found for {left.size} of {len(X)} samples (the first is sample "
            f"{left[0]}, dF/dz up to {sizes[left[0]]:.1e}): its least energy may lie at a kink of "
            "the activation; use a smooth activation, other samples, or pass activities near a "
            "minimum"
        )


def _largest(arrays):
    return max(float(np.abs(a).max()) for a in arrays)
