"""Argument checks of the theory functions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _network_checks as network_checks
from .. import network
from .._checks import OVERFLOW_REMEDY, all_finite, check_no_overflow
from .._core import reference
from .._objective import Objective
from .._types import AnyFunction, Float64s, Floats
from ..network import Network


def check_network(net):
    """A copy of a network in float64; raises if the argument is no network or invalid.

    It copies float64 networks too, so results do not change with the original.
    """
    network.check_network(net)
    network_checks.check_finite_fields(net)
    exact = net.copy()
    exact.weights = [W.astype(np.float64, copy=False) for W in exact.weights]
    if exact.biases is not None:
        exact.biases = [b.astype(np.float64, copy=False) for b in exact.biases]
    return exact


def check_linear(net, function, instead):
    """A linear network in float64; the error names the alternative for nonlinear ones."""
    net = check_network(net)
    nonlinear = sorted(set(net.activations[1:]) - {"identity"})
    if nonlinear:
        raise ValueError(
            f"{function} holds for linear networks only: every activation must be 'identity', got "
            f"{', '.join(map(repr, nonlinear))}; {instead}"
        )
    return net


def check_hidden(net, function):
    """Raise if a network has no hidden layer: no activity is free then."""
    if net.n_layers == 1:
        raise ValueError(
            f"{function} needs a network with a hidden layer; with layer_sizes "
            f"{net.layer_sizes} no activity is free"
        )


def objective_of(net, loss=None, output_precision=None, activity_decay=0.0):
    """The objective of the given terms; None stands for the network's own."""
    return network_checks.objective_of(net, loss, output_precision, activity_decay)


def check_clamped(
    net: Network, X: ArrayLike, Y: ArrayLike, objective: Objective
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs (n, D) and targets (n, K) in float64, the targets in the range of the loss."""
    network_checks.check_terms(net, **vars(objective))
    return network_checks.check_clamped(net, X, Y, objective.loss)


def check_activities(net: Network, X: Floats, activities: Sequence[ArrayLike] | None) -> list[Any]:
    """Hidden activities z_1..z_H in float64, the feed-forward ones for None."""
    if activities is None:
        return feed_forward(net, X)[:-1]
    return network_checks.check_activities(net, activities, len(X))


def one_row(values: ArrayLike) -> ArrayLike:
    """One sample's numbers as a row, for functions that take (1, D) or (D,)."""
    try:
        return np.atleast_2d(values) if np.ndim(values) == 1 else values
    except ValueError:  # parts of different lengths: the check of shapes reports them
        return values


def feed_forward(net: Network, X: Floats) -> list[Float64s]:
    """`reference.forward`, or a FloatingPointError that names the layer that overflows."""
    with np.errstate(over="ignore", invalid="ignore"):
        activities = reference.forward(net, X)
    check_no_overflow("feed-forward activities", activities)
    return activities


def raises_on_overflow(function: AnyFunction) -> AnyFunction:
    """Decorator: FloatingPointError if a returned array or number is not finite."""

    @functools.wraps(function)
    def checked(*args, **kwargs):
        with np.errstate(over="ignore", invalid="ignore"):
            result = function(*args, **kwargs)
        if not all(all_finite(np.asarray(part)) for part in _numbers(result)):
            raise FloatingPointError(
                f"the result of {function.__name__} is not finite in float64: {OVERFLOW_REMEDY}"
            )
        return result

    return cast(AnyFunction, checked)


def _numbers(result):
    """The arrays and numbers in a result, also those in its objects."""
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from _numbers(part)
    elif isinstance(result, (float, np.ndarray)):
        yield result
    else:  # a Hessian: the arrays that its products use
        for name in ("curvature", "bends", "value", "gradients"):
            yield from _numbers(getattr(result, name, ()))
