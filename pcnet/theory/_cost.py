"""What a minibatch costs in hardware: multiply-adds, bytes moved, sequential depth, energy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from math import ceil
from typing import Any, NamedTuple

from .. import inference
from .._checks import check_count, check_flag, check_positive
from .._types import Method
from ..inference._method import resolve_method
from ..inference._passes import POWER_STEPS
from ..inference._runge_kutta import PAIRS
from ..network import Network


@dataclass(frozen=True)
class EnergyConstants:
    """Energy of single operations of a chip, in picojoules.

    The defaults are those of a 45 nm process at 0.9 V [1]_ with float32 numbers, the weights in
    DRAM and the activities in small memories on the chip. For weights that stay beside the units
    that use them, take ``EnergyConstants(weight_byte=1.25)``.

    Parameters
    ----------
    multiply_add : float, default 4.6
        0 or more, as all: a multiplication (3.7 pJ) and an addition (0.9 pJ) in float32.
    weight_byte : float, default 244.0
        A byte of the weights read or written; DRAM, the middle of 1.3 to 2.6 nJ for 64 bits.
    link_byte : float, default 1.25
        A byte of an activity or error that goes from one layer to the next: an 8 kB memory, 10 pJ
        for 64 bits.

    References
    ----------
    .. [1] Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014,
       doi:10.1109/ISSCC.2014.6757323.
    """

    multiply_add: float = 4.6
    weight_byte: float = 244.0
    link_byte: float = 1.25

    def __post_init__(self) -> None:
        for field in fields(self):
            check_positive(field.name, getattr(self, field.name), or_zero=True)


@dataclass(frozen=True)
class MethodCost:
    """What inference and learning on one minibatch cost; `cost` returns it.

    Attributes
    ----------
    multiply_adds : float
        Of the products of activities or errors with weights, and of the weight gradients.
    weight_bytes : float
        Of weights read by the passes, each weight once a pass for the whole minibatch, and read and
        written by the updates. The moments of a solver come on top.
    link_bytes : float
        Of activities that go up and errors that go down from one layer to the next.
    depth : float
        Number of layer products that follow one another if each layer has its own unit, which
        computes a product of all samples at once and waits for nothing but its operands.
    stored_values : float
        Activities, errors and the like that are kept from one pass to the next.
    n_passes : float
        Passes of a sample; a forward and a backward pass count as 1, as in
        `pcnet.inference.InferenceResult`.
    """

    multiply_adds: float
    weight_bytes: float
    link_bytes: float
    depth: float
    stored_values: float
    n_passes: float

    def energy(self, constants: EnergyConstants | None = None) -> float:
        """Energy in joules.

        Parameters
        ----------
        constants : EnergyConstants, optional
            Default: ``EnergyConstants()``.

        Returns
        -------
        float
        """
        if constants is None:
            constants = EnergyConstants()
        elif not isinstance(constants, EnergyConstants):
            raise TypeError(
                "constants must be a pcnet.theory.EnergyConstants, got "
                f"{type(constants).__name__}; for example EnergyConstants(weight_byte=1.25)"
            )
        return 1e-12 * (
            constants.multiply_add * self.multiply_adds
            + constants.weight_byte * self.weight_bytes
            + constants.link_byte * self.link_bytes
        )


def cost(
    network: Network | Sequence[int],
    method: Method = "error",
    n_passes: float | None = None,
    *,
    batch_size: int = 1,
    value_bytes: float = 4.0,
    skip_unreached: bool = False,
) -> MethodCost:
    """Cost of one minibatch, inference and weight gradients, by a method of inference.

    With P the number of weights, P_1 that of the first layer, f forward and b backward passes and
    u updates of the weights, a sample takes ``P + (f - 1 + b) (P - P_1) + u P`` multiply-adds: the
    product with the input, which does not change, is computed once. The work on single units
    (activation functions, momentum, directions of L-BFGS) is not counted. docs/cost.md has the
    passes and the depth of each method.

    Parameters
    ----------
    network : Network or sequence of int
        A network, or its layer sizes D, n_1, .., n_L.
    method : str or inference object, default "error"
        As for `infer`; "backprop" is backpropagation. Steps are those of the object's options.
    n_passes : float, optional
        Mean passes of a sample, for methods that end each sample by itself: "error",
        "quasi_newton", "prospective", "learned_precision", "gradient_flow", and "nudged" and
        "forward_update" with them. ``infer(net, X, Y, method).n_passes.mean()`` measures it.
    batch_size : int, default 1
        Samples of the minibatch, 1 or more.
    value_bytes : float, default 4.0
        Bytes of a weight, an activity and an error; 4 for float32.
    skip_unreached : bool, default False
        Whether layers that the output's signal has not reached yet compute nothing. The result is
        the same without activity decay. Only for methods that step all layers at once from the
        feed-forward state: "activity", "adam_activity", "nesterov", "precision" and
        "augmented_lagrangian".

    Returns
    -------
    MethodCost

    Raises
    ------
    ValueError, TypeError
        ``network`` is neither a network nor layer sizes, ``n_passes`` is missing or not needed, or
        another argument is out of range.

    Examples
    --------
    >>> from pcnet.inference import NesterovDescent
    >>> from pcnet.theory import cost
    >>> sizes = (784, *(128,) * 127, 10)
    >>> backprop, nesterov = cost(sizes, "backprop"), cost(sizes, NesterovDescent(256, rate=0.25))
    >>> backprop.depth, nesterov.depth
    (256, 641)
    >>> round(nesterov.multiply_adds / backprop.multiply_adds)
    166
    """
    sizes = _layer_sizes(network)
    resolved = resolve_method(method, "method")
    check_count("batch_size", batch_size, 1)
    check_positive("value_bytes", value_bytes)
    work = _work_of(resolved, _Setting(sizes, batch_size, _check_passes(resolved, n_passes)))
    weights = [a * b for a, b in zip(sizes, sizes[1:], strict=False)]
    total, above = sum(weights), sum(weights[1:])
    half_passes = work.forward + work.backward
    products = total + half_passes * above + work.fresh * weights[0]
    up, down = sum(sizes[1:-1]), sum(sizes[2:])
    links = sizes[0] + up + work.forward * up + work.backward * down + work.fresh * sizes[0]
    if check_flag("skip_unreached", skip_unreached):
        _check_skips(resolved, work)
        for t in range(1, min(work.jacobi_steps, len(weights) - 2) + 1):
            products -= 2 * sum(weights[1 : len(weights) - t])
            links -= sum(sizes[1 : len(weights) - t]) + sum(sizes[2 : len(weights) - t + 1])
    return MethodCost(
        multiply_adds=batch_size * (products + work.updates * total) + work.shared,
        weight_bytes=value_bytes * (products + 2 * work.updates * total),
        link_bytes=value_bytes * batch_size * links,
        depth=len(weights) + work.hops + 1,
        stored_values=batch_size * (work.stored * up + sizes[-1]),
        n_passes=(1 + half_passes + work.uncounted) / 2,
    )


# ------------------------------------------------------------------ the methods


class _Setting(NamedTuple):
    """Layer sizes, samples, and passes of a sample, if the method needs them."""

    sizes: tuple[int, ...]
    batch_size: int
    n_passes: float | None

    @property
    def chain(self) -> int:
        """Products that follow one another in a pass after the first."""
        return len(self.sizes) - 2

    def passes(self) -> float:
        assert self.n_passes is not None  # `_check_passes`
        return self.n_passes


class _Work(NamedTuple):
    """What follows the feed-forward pass of a sample, which is one forward pass."""

    forward: float  # further forward passes, without the product with the input
    backward: float
    hops: float  # layer products that follow one another, the update at the end left out
    stored: float  # values for each hidden unit
    updates: int = 1  # weight gradients
    fresh: int = 0  # forward passes that repeat the product with the input
    jacobi_steps: int = 0  # steps of all layers at once from the feed-forward state
    shared: float = 0  # multiply-adds for the whole minibatch
    uncounted: float = 0  # half passes that `n_passes` has besides


def _jacobi(n_steps, stored, power_steps=0):
    """Steps of all layers at once, each a backward and a forward pass of depth 1."""
    both = n_steps + power_steps
    return _Work(both, both, 2 * both, stored, jacobi_steps=n_steps)


def _power(method):
    return POWER_STEPS if method.rate is None and method.n_steps > 0 else 0


def _activity(method, setting):
    return _jacobi(method.n_steps, 2 + bool(method.momentum), _power(method))


def _nesterov(method, setting):
    work = _jacobi(method.n_steps, 3, _power(method))
    if not _power(method):
        return work
    # power iteration and descent each compute the feed-forward state
    return work._replace(forward=work.forward + 1, hops=work.hops + setting.chain)


def _augmented_lagrangian(method, setting):
    power = method.power_steps if method.rate is None else 0
    return _jacobi(method.n_steps * method.inner_steps, 3, power)


def _error_optimization(method, setting):
    steps = method.n_steps
    return _Work(steps, steps, 2 * steps * setting.chain, 2 + bool(method.momentum))


def _gauss_seidel(method, setting):
    sweeps = method.n_sweeps
    # a sweep may begin at the top while the one before it is still on its way down
    hops = setting.chain + 2 * sweeps - 1 if sweeps else 0
    return _Work(sweeps, sweeps, hops, 2)


def _adaptive(stored):
    """Passes through all layers, whose number each sample finds out."""

    def work(method, setting):
        n = setting.passes()
        return _Work(n - 1, n, (2 * n - 1) * setting.chain, stored(method))

    return work


def _gradient_flow(method, setting):
    n = setting.passes()
    return _Work(n - 1, n, 2 * n - 1, 3 + len(PAIRS[method.pair].stages))


def _exact(method, setting):
    sizes, n_outputs = setting.sizes, setting.sizes[-1]
    unit_deltas = sum(a * b for a, b in zip(sizes[1:], sizes[2:], strict=False))
    gram = n_outputs * sum(sizes[1:-1])
    return _Work(
        *(1, 1, 2 * setting.chain, 2),
        shared=n_outputs * (unit_deltas + gram),
        uncounted=ceil(n_outputs / setting.batch_size),
    )


def _incremental(method, setting):
    steps, power = method.n_steps, _power(method)
    forward, hops = 2 * steps - 1 + power, 4 * steps - 2 + 2 * power
    return _Work(forward, steps + power, hops, 2, updates=steps, fresh=steps - 1)


def _nudged(method, setting):
    phases = method.rows_per_sample
    if setting.n_passes is not None:
        setting = setting._replace(n_passes=(setting.n_passes - 0.5) / phases)
    inner = _work_of(resolve_method(method.method), setting)
    return inner._replace(
        forward=phases * (1 + inner.forward),
        backward=phases * inner.backward,
        hops=setting.chain + inner.hops,
        stored=phases * inner.stored,
        updates=phases,
        jacobi_steps=0,
        shared=inner.shared,
        uncounted=phases * inner.uncounted,
    )


def _forward_update(method, setting):
    inner = _work_of(resolve_method(method.method), setting)
    return inner._replace(stored=inner.stored + 1)


_WORK: dict[type, Callable[[Any, _Setting], _Work]] = {
    inference.Backprop: lambda method, setting: _Work(0, 1, setting.chain, 1),
    inference.ZeroDivergence: lambda method, setting: _Work(0, 1, setting.chain, 2),
    inference.ActivityDescent: _activity,
    inference.AdamActivityDescent: lambda method, setting: _jacobi(method.n_steps, 4),
    inference.NesterovDescent: _nesterov,
    inference.PrecisionDescent: lambda method, setting: _jacobi(method.n_steps, 2),
    inference.AugmentedLagrangian: _augmented_lagrangian,
    inference.ErrorOptimization: _error_optimization,
    inference.GaussSeidel: _gauss_seidel,
    inference.GradientFlow: _gradient_flow,
    inference.ErrorDescent: _adaptive(lambda method: 3),
    inference.QuasiNewton: _adaptive(lambda method: 3 + 2 * method.memory),
    inference.LearnedPrecision: _adaptive(lambda method: 3),
    inference.ExactEquilibrium: _exact,
    inference.IncrementalDescent: _incremental,
    inference.Nudged: _nudged,
    inference.ForwardUpdate: _forward_update,
}
_ADAPTIVE = (
    *(inference.ErrorDescent, inference.QuasiNewton),
    *(inference.LearnedPrecision, inference.GradientFlow),
)


def _work_of(method, setting):
    for kind in type(method).__mro__:
        if kind in _WORK:
            return _WORK[kind](method, setting)
    raise TypeError(
        "method must be one of pcnet.inference or inherit one, whose passes cost() knows; got "
        f"{type(method).__name__}"
    )


# ------------------------------------------------------------------ checks


def _layer_sizes(network):
    if isinstance(network, Network):
        return network.layer_sizes
    try:
        sizes = tuple(network)
    except TypeError:
        raise TypeError(
            "network must be a Network or its layer sizes such as (784, 128, 10); got "
            f"{type(network).__name__}"
        ) from None
    for index, size in enumerate(sizes):
        check_count(f"network[{index}]", size, 1)
    if len(sizes) < 2:
        raise ValueError(f"network must have at least two sizes, input and output; got {sizes}")
    return sizes


def _is_adaptive(method):
    if isinstance(method, (inference.Nudged, inference.ForwardUpdate)):
        return _is_adaptive(resolve_method(method.method))
    return isinstance(method, _ADAPTIVE)


def _check_passes(method, n_passes):
    name = type(method).__name__
    if not _is_adaptive(method):
        if n_passes is not None:
            raise ValueError(
                f"n_passes must be None for {name}, whose options give the number of passes; got "
                f"{n_passes!r}"
            )
        return None
    if n_passes is None:
        raise ValueError(
            f"n_passes must be given for {name}, which ends each sample by itself: measure "
            "infer(net, X, Y, method).n_passes.mean()"
        )
    check_positive("n_passes", n_passes)
    least = 1.5 if isinstance(method, inference.Nudged) else 1.0
    if n_passes < least:
        raise ValueError(f"n_passes must be at least {least} for {name}; got {n_passes!r}")
    return float(n_passes)


def _check_skips(method, work):
    if not work.jacobi_steps:
        raise ValueError(
            "skip_unreached must be False but for methods that step all layers at once from the "
            f"feed-forward state, such as 'activity' and 'nesterov'; got {type(method).__name__}"
        )
