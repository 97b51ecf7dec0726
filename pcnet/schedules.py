"""Learning-rate schedules: the base rate of each optimiser step, with or without warm-up.

A schedule counts optimiser steps (minibatches), not epochs, from 0 at the start of each call
of ``fit``. It is a factor of ``learning_rate_init``; with T = ``max_iter`` times the batches of
an epoch, the step t = 0, 1, ... uses

* `Constant`: 1;
* `Linear`: 1 - t / T;
* `Cosine`: (1 + cos(pi t / T)) / 2;
* `InvScaling`: ``1 / (1 + t)**power_t``;
* `Adaptive`: ``1 / divisor**p`` after p plateaus.

So `Linear` and `Cosine` are close to 0 at the last step of the last epoch, also with
``max_iter=1``. With a warm-up of W steps the factors of the first W steps are 1/W, 2/W, .., 1. The
schedule covers the steps after them, with t - W for t and T - W for T. By default `Linear` and
`Cosine` warm up over ten steps, or a twentieth of the plan if that is less. Adam's first steps are
its largest: before its moments average the gradients of several batches, all entries of a layer
change by the full rate. Special cases:

* training that stops before ``max_iter`` (``tol``, early stopping, Ctrl-C) does not complete the
  schedule: the horizon T is fixed when training starts;
* with ``warm_start`` each call of ``fit`` starts the schedule again, warm-up included (the
  optimiser's moments are kept);
* ``partial_fit`` has no horizon: it always trains at the constant rate, without warm-up. Change the
  rate between calls with ``set_params(learning_rate_init=...)``.

The names "constant", "linear", "cosine", "invscaling" and "adaptive" select the objects with their
defaults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

from ._options import Interval, Options, real_interval, resolve_options
from ._types import ScheduleName

__all__ = ["Adaptive", "Constant", "Cosine", "InvScaling", "Linear"]

#: ``warmup="auto"`` is this number of steps, the memory of Adam's first moment, ...
AUTO_WARMUP_STEPS = 10
#: ... but at most this fraction of the plan.
AUTO_WARMUP_SHARE = 0.05

#: Logarithm of a factor that underflows to 0.
MOST_DECAY = 700.0

_WARMUP = [Interval(Integral, 0, math.inf, closed="left"), Interval(float, 0, 1, closed="left")]


class _Shape(Options):
    """A factor of the learning rate as a function of the step; not for direct use."""

    _parameter_constraints = {"warmup": _WARMUP}

    warmup: Any  # int or float, for some schedules also "auto"

    #: Whether ``max_iter`` is the planned end of the schedule instead of a limit.
    has_horizon = False

    def warmup_steps(self, n_steps: int | None) -> int:
        """W, the steps of the warm-up.

        Parameters
        ----------
        n_steps : int or None
            T, the planned steps; a warm-up given as a fraction needs it.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            The warm-up would leave no step of the plan for the schedule.
        """
        if self.warmup == "auto":
            return int(min(AUTO_WARMUP_STEPS, AUTO_WARMUP_SHARE * n_steps)) if n_steps else 0
        if not isinstance(self.warmup, Integral):
            return int(self.warmup * n_steps) if self.warmup else 0
        warmup = int(self.warmup)
        if n_steps is not None and 0 < warmup >= n_steps:
            raise ValueError(
                f"warmup={warmup} steps must be fewer than the {n_steps} steps that max_iter "
                "and batch_size plan; lower it, raise max_iter, or give a share such as warmup=0.1"
            )
        return warmup

    def factor(
        self, step: int, n_steps: int | None, n_plateaus: int = 0, progress: float = 0.0
    ) -> float:
        """Factor of ``learning_rate_init`` at a step.

        Parameters
        ----------
        step : int
            t, from 0.
        n_steps : int or None
            T, the planned steps; `Linear`, `Cosine` and a warm-up given as a fraction need it.
        n_plateaus : int, default=0
            Number of plateaus so far; only `Adaptive` uses it.
        progress : float, default=0.0
            Completed fraction of the planned work by another measure, such as a time limit, in
            [0, 1]. Fractions of the plan use the larger of the two.

        Returns
        -------
        float
        """
        done = max(step, progress * n_steps) if progress and n_steps else step
        n_warmup = self.warmup_steps(n_steps)
        warm = step if isinstance(self.warmup, Integral) else done
        if warm < n_warmup:
            return min(1.0, (warm + 1) / n_warmup) * self._shape(0, n_steps, n_plateaus)
        position = done if self.has_horizon else step
        rest = None if n_steps is None else n_steps - n_warmup
        return self._shape(max(0, position - n_warmup), rest, n_plateaus)

    def ends_at_plateau(self, n_plateaus: int) -> bool:
        """Whether training should end at the next plateau instead of lowering the rate.

        Parameters
        ----------
        n_plateaus : int
            Number of plateaus so far.

        Returns
        -------
        bool
        """
        return True

    def _shape(self, step, n_steps, n_plateaus):
        """The factor after the warm-up."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class Constant(_Shape):
    """The same rate at each step.

    Parameters
    ----------
    warmup : int or float, default=0
        Steps of the warm-up; a float in [0, 1) is a fraction of the planned steps.

    Examples
    --------
    >>> from pcnet.schedules import Constant
    >>> [Constant(warmup=4).factor(step, 10) for step in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    warmup: float = 0

    def _shape(self, step, n_steps, n_plateaus):
        return 1.0


@dataclass(eq=False, repr=False)
class Linear(_Shape):
    """The rate falls linearly to 0 at the end of the last epoch.

    Parameters
    ----------
    warmup : int, float or "auto", default="auto"
        Steps of the warm-up; a float in [0, 1) is a fraction of the planned steps. "auto": 10
        steps, or a twentieth of the planned ones if that is less.

    Examples
    --------
    >>> from pcnet import PCClassifier
    >>> from pcnet.schedules import Linear
    >>> model = PCClassifier(learning_rate=Linear(warmup=0.1))
    """

    warmup: float | Literal["auto"] = "auto"

    _parameter_constraints = {"warmup": [*_WARMUP, "auto"]}

    has_horizon = True

    def _shape(self, step, n_steps, n_plateaus):
        return 1.0 - step / n_steps


@dataclass(eq=False, repr=False)
class Cosine(_Shape):
    """The rate falls to 0 at the end of the last epoch like half a period of the cosine.

    Parameters
    ----------
    warmup : int, float or "auto", default="auto"
        Steps of the warm-up; a float in [0, 1) is a fraction of the planned steps. "auto": 10
        steps, or a twentieth of the planned ones if that is less.
    """

    warmup: float | Literal["auto"] = "auto"

    _parameter_constraints = {"warmup": [*_WARMUP, "auto"]}

    has_horizon = True

    def _shape(self, step, n_steps, n_plateaus):
        return 0.5 * (1.0 + math.cos(math.pi * step / n_steps))


@dataclass(eq=False, repr=False)
class InvScaling(_Shape):
    """The rate falls by a power of the number of steps.

    Parameters
    ----------
    power_t : float, default=None
        The exponent, at least 0. None: the estimator's `power_t`, which is 0.5 by default.
    warmup : int or float, default=0
        Steps of the warm-up; a float in [0, 1) is a fraction of the planned steps.
    """

    power_t: float | None = None
    warmup: float = 0

    _parameter_constraints = {
        "power_t": [None, real_interval(0, closed="left")],
        "warmup": _WARMUP,
    }

    def _shape(self, step, n_steps, n_plateaus):
        power = 0.5 if self.power_t is None else float(self.power_t)
        if step > 0 and power * math.log1p(step) > MOST_DECAY:
            return 0.0  # here the power would overflow
        return 1.0 / (1.0 + step) ** power


@dataclass(eq=False, repr=False)
class Adaptive(_Shape):
    """The rate falls when training no longer improves.

    It is divided after `n_iter_no_change` epochs in a row without progress. Training ends at such
    a plateau when the rate is below `floor` times `learning_rate_init`.

    Parameters
    ----------
    divisor : float, default=5.0
        Divisor of the rate at a plateau, greater than 1.
    floor : float, default=1e-3
        Fraction of `learning_rate_init`, in (0, 1).
    warmup : int or float, default=0
        Steps of the warm-up; a float in [0, 1) is a fraction of the planned steps.
    """

    divisor: float = 5.0
    floor: float = 1e-3
    warmup: float = 0

    _parameter_constraints = {
        "divisor": [real_interval(1, closed="neither")],
        "floor": [Interval(Real, 0, 1, closed="neither")],
        "warmup": _WARMUP,
    }

    def _shape(self, step, n_steps, n_plateaus):
        return 1.0 / self.divisor**n_plateaus

    def ends_at_plateau(self, n_plateaus: int) -> bool:
        """Whether the rate is below the floor."""
        return self._shape(0, None, n_plateaus) < self.floor


_BY_NAME = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
}


def resolve_learning_rate(learning_rate: ScheduleName | _Shape, power_t: float = 0.5) -> _Shape:
    """Return the schedule object of a ``learning_rate`` argument.

    Parameters
    ----------
    learning_rate : {"constant", "linear", "cosine", "invscaling", "adaptive"} or object
        A name selects the object with its default options.
    power_t : float, default=0.5
        The estimator's value, for an `InvScaling` with ``power_t=None``.

    Returns
    -------
    schedule : object of this module
        With checked options; a given object is not changed.

    Raises
    ------
    ValueError
        The name is unknown, or an option is out of range.
    TypeError
        The argument is neither a name nor a schedule object.
    """
    schedule = resolve_options(
        "learning_rate",
        learning_rate,
        _BY_NAME,
        _Shape,
        "pcnet.schedules.Cosine(warmup=0.1)",
        " (a number goes into learning_rate_init)",
    )
    if isinstance(schedule, InvScaling) and schedule.power_t is None:
        return InvScaling(power_t, schedule.warmup)
    return schedule
