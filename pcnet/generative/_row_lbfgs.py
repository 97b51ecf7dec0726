"""L-BFGS on the rows of an array, each with an energy of its own, in NumPy.

As `QuasiNewton` does in the core: memory, steps and ends are each row's own, and no row's energy
rises. A row's result does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._core.binding import Status
from .._types import Float64s, Floats, Ints
from ..inference import QuasiNewton

#: Energies (m,) and gradients (m, D) of the samples ``rows`` (m,) at x (m, D).
Function = Callable[[Floats, Ints], tuple[Float64s, Floats]]

_LEAST_FALL = 1e-4  # Armijo's share of the expected fall
_LEAST_CURVATURE = 1e-3  # below it a step and its change of the gradient are not kept


@dataclass(eq=False)
class RowMinima:
    """The rows at their ends, and how they came there."""

    x: Floats
    energy: Float64s
    n_steps: Ints
    n_evaluations: Ints
    status: Ints


def minimize_rows(
    function: Function, x: Floats, options: QuasiNewton, energy_of_0: Float64s | None = None
) -> RowMinima:
    """Minimise the energy of each row of x (n, D), which is overwritten.

    A row has converged when ``|g|^2 / 2 <= tol (F_0 - F + |g|^2 / 2)``.

    Parameters
    ----------
    function : callable
    x : ndarray, (n, D)
        The start.
    options : QuasiNewton
    energy_of_0 : ndarray, (n,), optional
        F_0 of each row. Default: the energy of the start.

    Raises
    ------
    FloatingPointError
        An energy or gradient is not finite at the start.
    """
    n = len(x)
    energy, gradient = function(x, np.arange(n))
    if not (np.isfinite(energy).all() and np.isfinite(gradient).all()):
        raise FloatingPointError("the energy is not finite at the start of inference")
    found = RowMinima(x, energy, *np.zeros((3, n), dtype=np.intp))
    found.n_evaluations[:] = 1
    live = _Live(x, energy, gradient, energy_of_0, options.memory)
    while True:
        live.end(found, options)
        if not len(live.rows):
            return found
        trial = live.x + live.step.astype(x.dtype)[:, None] * live.direction
        energy, gradient = function(trial, live.rows)
        found.n_evaluations[live.rows] += 1
        live.judge(trial, energy, gradient)


def squares(a: Floats) -> Float64s:
    """Sum of squares of each row."""
    return dots(a, a)


def dots(a: Floats, b: Floats) -> Float64s:
    return np.einsum("ij,ij->i", a, b).astype(np.float64)


class _Live:
    """The rows that have not ended, with their pairs of steps and changes of the gradient.

    All rows use the same slots in turn; where a row had no step or no curvature, ``inverse`` is 0,
    and the slot changes nothing.
    """

    def __init__(self, x, energy, gradient, energy_of_0, memory):
        n = len(x)
        self.rows = np.arange(n)
        self.x, self.energy, self.gradient = x.copy(), energy.copy(), gradient
        self.first = energy.copy() if energy_of_0 is None else energy_of_0.copy()
        self.before = np.full(n, np.inf)  # energy before the last step
        self.n_steps = np.zeros(n, np.intp)
        self.accepted, self.stuck = np.ones(n, bool), np.zeros(n, bool)
        self.memory = memory
        self.steps: list[Any] = []  # oldest first
        self.changes: list[Any] = []
        self.inverse: list[Any] = []
        self.scale = np.ones(n)
        self.direction = -gradient
        self.fall = squares(gradient)
        # the curvature along the gradient J^T r of a sum of squares |r|^2 / 2 is at least this
        self.step = 1 / (1 + self.fall / np.maximum(2 * energy, np.finfo(np.float64).tiny))

    def judge(self, trial, energy, gradient):
        """Accept the trial steps that lower the energy enough; shorten the others."""
        expected = self.step * self.fall
        rounding = np.finfo(trial.dtype).eps * np.abs(self.energy)
        with np.errstate(invalid="ignore"):
            ok = energy <= self.energy - _LEAST_FALL * expected
            ok &= np.isfinite(np.einsum("ij->i", gradient))
            self.stuck = ~ok & (expected <= rounding)
        self._keep_pair(ok, trial, gradient)
        self.before = np.where(ok, self.energy, self.before)
        with np.errstate(invalid="ignore", over="ignore"):  # the parabola through both energies
            shorter = 0.5 * expected / (energy - self.energy + expected)
        shorter = np.where(np.isfinite(shorter), np.clip(shorter, 0.1, 0.5), 0.1)
        self.step = np.where(ok, 1.0, shorter * self.step)
        self.energy = np.where(ok, energy, self.energy)
        self.n_steps += ok
        self.accepted = ok
        if ok.all():
            self.x, self.gradient = trial, gradient
        else:
            self.x[ok], self.gradient[ok] = trial[ok], gradient[ok]
        self._turn(ok)

    def _keep_pair(self, ok, trial, gradient):
        s, y = trial - self.x, gradient - self.gradient
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            ss, sy, yy = squares(s), dots(s, y), squares(y)
            curved = ok & (sy > _LEAST_CURVATURE * ss) & np.isfinite(yy)
            inverse = np.where(curved, 1 / sy, 0)
            self.scale = np.where(curved, sy / yy, self.scale)
        if not curved.all():  # 0 times a number that is not finite would be NaN
            s[~curved] = y[~curved] = 0
        for kept, new in zip((self.steps, self.changes, self.inverse), (s, y, inverse)):
            kept.append(new)
            del kept[: -self.memory]

    def _turn(self, ok):
        """New directions of the accepted rows: the two loops of L-BFGS."""
        d, factors = -self.gradient, []
        pairs = list(zip(self.steps, self.changes, self.inverse, strict=True))
        for s, y, inverse in reversed(pairs):
            factors.append(inverse * dots(s, d))
            d -= factors[-1].astype(d.dtype)[:, None] * y
        d *= self.scale.astype(d.dtype)[:, None]
        for (s, y, inverse), factor in zip(pairs, reversed(factors), strict=True):
            d += (factor - inverse * dots(y, d)).astype(d.dtype)[:, None] * s
        fall = -dots(d, self.gradient)
        spoilt = ~(fall > 0)
        if spoilt.any():
            d[spoilt] = -self.gradient[spoilt]
            fall[spoilt] = squares(self.gradient[spoilt])
            for inverse in self.inverse:
                inverse[spoilt] = 0
            self.scale[spoilt] = 1
        self.direction = np.where(ok[:, None], d, self.direction)
        self.fall = np.where(ok, fall, self.fall)

    def end(self, found, options):
        """Write the rows that have ended into the result, and leave them out from now on."""
        status = np.full(len(self.rows), -1)
        rest = 0.5 * squares(self.gradient)
        with np.errstate(invalid="ignore"):
            little = self.before - self.energy < options.energy_tol * np.abs(self.energy)
        status[self.accepted & little] = Status.ENERGY_STALLED
        status[self.stuck] = Status.ROUNDING_FLOOR
        status[self.n_steps == options.max_steps] = Status.REACHED_MAX_STEPS
        bound = options.tol * (np.maximum(self.first - self.energy, 0) + rest)
        status[self.accepted & (rest <= bound)] = Status.CONVERGED
        ended = status >= 0
        if not ended.any():
            return
        rows = self.rows[ended]
        found.x[rows], found.energy[rows] = self.x[ended], self.energy[ended]
        found.n_steps[rows], found.status[rows] = self.n_steps[ended], status[ended]
        self._keep(~ended)

    def _keep(self, live):
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(self, name, [array[live] for array in value])
            elif isinstance(value, np.ndarray):
                setattr(self, name, value[live])
