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
from .._types import AnyFunction, Float64s, Floats, Loss
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


def check_inputs(net: Network, X: ArrayLike) -> tuple[Network, NDArray[Any]]:
    """A network and inputs (n, D) in float64."""
    net = check_network(net)
    return net, network_checks.check_rows(net, "X", X, net.layer_sizes[0])


def check_problem(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = 0.0,
    needs_hidden: str | None = None,
) -> tuple[Network, NDArray[Any], NDArray[Any], Objective]:
    """The network, inputs (n, D) and targets (n, K) in float64, and the objective, all checked.

    None as a term of the objective stands for the network's own. ``needs_hidden`` names the
    function if the network must have a hidden layer.
    """
    net = check_network(net)
    if needs_hidden is not None and net.n_layers == 1:
        raise ValueError(
            f"{needs_hidden} needs a network with a hidden layer; with layer_sizes "
            f"{net.layer_sizes} no activity is free"
        )
    objective = network_checks.objective_of(net, loss, output_precision, activity_decay)
    return net, *network_checks.check_clamped(net, X, Y, objective.loss), objective


def check_sample(
    function: str,
    net: Network,
    x: ArrayLike,
    y: ArrayLike,
    loss: Loss | None,
    output_precision: float | None,
    activity_decay: float | None = 0.0,
) -> tuple[Network, NDArray[Any], NDArray[Any], Objective]:
    """`check_problem` of one sample, (1, D) or (D,), and a network with a hidden layer."""
    terms = loss, output_precision, activity_decay
    problem = check_problem(net, _one_row(x), _one_row(y), *terms, function)
    n = len(problem[1])
    if n != 1:
        raise ValueError(
            f"{function} is that of one sample, got {n}; call it for each, as samples do not share "
            "a Hessian, with X[i : i + 1], and activities [z[i : i + 1] for z in ..] if any"
        )
    return problem


def _one_row(values: ArrayLike) -> ArrayLike:
    """One sample's numbers as a row, for functions that take (1, D) or (D,)."""
    try:
        return np.atleast_2d(values) if np.ndim(values) == 1 else values
    except ValueError:  # parts of different lengths: the check of shapes reports them
        return values


def check_activities(net: Network, X: Floats, activities: Sequence[ArrayLike] | None) -> list[Any]:
    """Hidden activities z_1..z_H in float64, the feed-forward ones for None."""
    if activities is None:
        return feed_forward(net, X)[:-1]
    return network_checks.check_activities(net, activities, len(X))


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
