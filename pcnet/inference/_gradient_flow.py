"""Continuous time: the gradient flow of the energy, integrated by Runge-Kutta methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._checks import check_choice, check_count, check_positive
from .._core.binding import Batch, Status
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import SampleTraces, check_finite, sample_energies, start_feed_forward
from ._rows import add_scaled, copy_samples, hidden_blocks, keep_samples, sample_squares
from ._runge_kutta import PAIRS, step_factors

#: The largest first step; in time 1 an uncoupled error decays by the factor e.
_FIRST_STEP = 0.1


@dataclass(eq=False, repr=False)
class GradientFlow(InferenceMethod):
    """The flow ``dz_l/dt = - dF/dz_l`` from the feed-forward state at t = 0.

    Each sample is integrated separately by an embedded Runge-Kutta pair, with a step size that
    keeps the error of a step within tolerance, or with fixed steps. It ends when its gradient has
    fallen to ``steady_tol`` times that of the start, or at ``max_time``. Samples that ended cost no
    further computation. The defaults are those of the JAX library jpc [1]_, except for the
    steady-state test.

    Parameters
    ----------
    pair : {"heun", "bogacki_shampine", "dormand_prince"}, default "heun"
        Heun-Euler 2(1), two slopes a step; Bogacki-Shampine 3(2), three; or Dormand-Prince 5(4),
        six. The method of higher order advances the solution.
    step : float or None, default None
        None: the step size adapts. A positive number: all steps have this length, in units of t;
        the last one ends at max_time, and no step is rejected.
    rtol, atol : float, default 1e-3
        Positive. A step is accepted where the root mean square over the hidden activities of
        ``error / (atol + rtol max(|z before|, |z after|))`` is at most 1. In deep
        "mupc" networks the target changes activities by less than 1e-3: use a lower ``atol``.
    max_time : float, default 20.0
        Positive.
    max_steps : int, default 500
        Largest number of accepted steps of a sample; 0 or more.
    steady_tol : float, default 0.01
        0 or more; 0 turns the steady-state test off. With an adaptive step the activities
        fluctuate by about the tolerance, so a small steady_tol needs small rtol and atol.
    controller : tuple of 3 float, default (0.0, 1.0, 0.0)
        Proportional, integral and derivative coefficient of the step-size control. With
        (0.4, 0.3, 0.0) the step varies less where stability limits it.

    See Also
    --------
    ErrorDescent : reaches the same equilibria in far fewer passes.

    Notes
    -----
    `n_steps` counts accepted steps, `n_passes` all slopes; ``converged`` is the result of the
    steady-state test. A sample whose step is too small for its dtype ends with status 3.

    The time t belongs to each sample's own energy. jpc integrates the gradient of the mean energy
    of a batch of n samples, which is 1 / n of each sample's. Its ``max_t1=T`` corresponds to
    ``max_time=T / n`` here: T = 20 with 64 samples is 0.3125, at which the activities are still
    close to the feed-forward ones.

    References
    ----------
    .. [1] Innocenti et al., "JPC: Flexible Inference for Predictive Coding Networks in JAX",
       arXiv:2412.03676.
    .. [2] Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", sections II.4 and
       II.5 (pairs, first step, control).
    """

    pair: Literal["heun", "bogacki_shampine", "dormand_prince"] = "heun"
    step: float | None = None
    rtol: float = 1e-3
    atol: float = 1e-3
    max_time: float = 20.0
    max_steps: int = 500
    steady_tol: float = 0.01
    controller: tuple[float, float, float] = (0.0, 1.0, 0.0)

    steps_option = "max_steps"
    rounds_errors = True

    def check(self) -> None:
        check_choice("pair", self.pair, tuple(PAIRS))
        if self.step is not None:
            check_positive("step", self.step)
        check_positive("rtol", self.rtol)
        check_positive("atol", self.atol)
        check_positive("max_time", self.max_time)
        check_count("max_steps", self.max_steps)
        check_positive("steady_tol", self.steady_tol, or_zero=True)
        if not isinstance(self.controller, (tuple, list)) or len(self.controller) != 3:
            raise ValueError(
                "controller must be three numbers (proportional, integral, derivative), such as "
                f"(0.0, 1.0, 0.0); got {self.controller!r}"
            )
        for name, value in zip(("proportional", "integral", "derivative"), self.controller):
            check_positive(f"the {name} coefficient of controller", value, or_zero=True)
        if sum(self.controller) == 0:
            raise ValueError("controller must have a coefficient above 0; (0.0, 1.0, 0.0) is usual")

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        flow = _Flow(self, batch, X, Y, objective)
        while len(flow.samples.index):
            flow.step()
        flow.report(X, Y)


@dataclass
class _Samples:
    """State of the samples that have not ended; arrays with one entry per sample."""

    index: np.ndarray  # row in the batch at the start
    time: np.ndarray
    step: np.ndarray
    n_steps: np.ndarray
    n_half_passes: np.ndarray
    energy: np.ndarray
    least: np.ndarray  # the squared gradient at which a sample is steady
    errors: np.ndarray  # (2, n): scaled errors of the last accepted step and the one before

    def kept(self, keep):
        return _Samples(**{name: array[..., keep] for name, array in vars(self).items()})


class _Flow:
    """The integration of one batch. Rows of samples that ended are removed.

    Slopes are stored as gradients, so that states are ``start - step * sum of gradients``.
    """

    def __init__(self, options, batch, X, Y, objective):
        self.options, self.batch, self.objective = options, batch, objective
        self.pair = PAIRS[options.pair]
        self.X, self.Y = X, Y
        self._state = hidden_blocks(batch.activities)
        arrays = [batch.like_activities() for _ in range(len(self.pair.stages) + 3)]
        self._start, self._error, self._final, *self._slopes = map(hidden_blocks, arrays)
        self._slope_rows = arrays[3:]
        self._n_units = sum(batch.activities.kind[1][:-1])
        self._begin()

    def _begin(self):
        batch, n = self.batch, len(self.X)
        energies = start_feed_forward(batch, self.X, self.Y, self.objective)
        self._differentiate(0)
        copy_samples(self._start, self._state, slice(n))
        squares = sample_squares(self._slopes[0], n)
        self.samples = _Samples(
            index=np.arange(n),
            time=np.zeros(n),
            step=self._first_steps(squares),
            n_steps=np.zeros(n, dtype=int),
            n_half_passes=np.full(n, 2),
            energy=energies,
            least=float(self.options.steady_tol) ** 2 * squares,
            errors=np.ones((2, n)),
        )
        self._traces = SampleTraces(batch, n)
        self._trace(np.ones(n, dtype=bool))
        self._end_samples(squares)

    def _slope(self, stage):
        """Gradient at the current activities, and their energies (n,)."""
        energies = sample_energies(self.batch, self.X, self.Y, self.objective, must_be_finite=False)
        self._differentiate(stage)
        return energies

    def _slope_of(self, rows):
        """First slope and energies of the given samples only, at their current activities."""
        X, Y = self.X, self.Y
        if len(rows) == len(X):
            return self._slope(0)
        *_, last = self._slopes  # not in use between two steps
        self.X, self.Y = X[rows], Y[rows]
        for state, start in zip(self._state, self._start, strict=True):
            state[:, : len(rows)] = start[:, rows]
        energies = np.full(len(X), np.nan)
        energies[rows] = self._slope(len(self._slopes) - 1)
        for slope, found in zip(self._slopes[0], last, strict=True):
            slope[:, rows] = found[:, : len(rows)]
        self.X, self.Y = X, Y
        return energies

    def _differentiate(self, stage):
        decay = self.objective.activity_decay
        self.batch.activity_gradients(len(self.X), self._slope_rows[stage], activity_decay=decay)

    def _first_steps(self, squares):
        if self.options.step is not None:
            return np.full(len(squares), min(self.options.step, self.options.max_time))
        size = self._scaled_norm(self._state, self._state, self._state)
        slope = self._scaled_norm(self._slopes[0], self._state, self._state)
        with np.errstate(divide="ignore", invalid="ignore"):
            guess = np.where(slope > 0, 0.01 * size / slope, _FIRST_STEP)
        return np.minimum(np.clip(guess, 1e-6, _FIRST_STEP), self.options.max_time)

    def _scaled_norm(self, blocks, before, after):
        """Root mean square of each sample's values over atol + rtol max(|before|, |after|)."""
        n, total = len(self.X), np.zeros(len(self.X))
        # as Python floats: NumPy scalars would convert float32 to float64
        rtol, atol = float(self.options.rtol), float(self.options.atol)
        for values, a, b in zip(blocks, before, after, strict=True):
            scale = rtol * np.maximum(np.abs(a[:, :n]), np.abs(b[:, :n])) + atol
            scaled = values[:, :n] / scale
            total += np.einsum("lij,lij->i", scaled, scaled, dtype=np.float64)
        return np.sqrt(total / max(self._n_units, 1))

    def _move(self, blocks, weights):
        """blocks = start - step * sum of weights * slopes."""
        n = len(self.X)
        copy_samples(blocks, self._start, slice(n))
        for weight, slopes in zip(weights, self._slopes):
            if weight != 0:
                add_scaled(blocks, -weight * self.samples.step, slopes)

    # ------------------------------------------------------------ one step of each sample

    def step(self):
        """Try a step for each sample; accept or reject it, and remove the samples that ended."""
        samples, pair = self.samples, self.pair
        samples.step = np.minimum(samples.step, self.options.max_time - samples.time)
        with np.errstate(over="ignore", invalid="ignore"):  # a step that overflows is rejected
            for stage in range(1, len(pair.stages)):
                self._move(self._state, pair.stages[stage])
                energies = self._slope(stage)
            if not pair.first_is_last:
                self._move(self._state, pair.weights)
            errors = self._step_errors()
        samples.n_half_passes += 2 * (len(pair.stages) - 1)
        factors = 1.0
        if self.options.step is None:
            recent = np.array([errors, *samples.errors])
            factors = step_factors(pair.order, self.options.controller, recent)
        self._accept(errors <= 1, energies, errors)
        samples.step = samples.step * factors
        self._end_samples(sample_squares(self._slopes[0], len(self.X)))

    def _step_errors(self):
        """Scaled error of the step to the current activities; 0 for fixed steps."""
        n = len(self.X)
        if self.options.step is not None:
            return np.zeros(n)
        for block in self._error:
            block[:, :n] = 0
        for weight, slopes in zip(self.pair.error_weights, self._slopes, strict=True):
            add_scaled(self._error, weight * self.samples.step, slopes)
        errors = self._scaled_norm(self._error, self._start, self._state)
        return np.where(np.isnan(errors), np.inf, errors)

    def _accept(self, accepted, energies, errors):
        """Store the new activities and slopes of the accepted samples."""
        if not accepted.any():
            return
        samples, n = self.samples, len(self.X)
        rejected = np.flatnonzero(~accepted)
        copy_samples(self._state, self._start, rejected)
        copy_samples(self._start, self._state, slice(n))
        if self.pair.first_is_last:
            copy_samples(self._slopes[0], self._slopes[-1], np.flatnonzero(accepted))
        else:
            energies = self._slope_of(np.flatnonzero(accepted))
            samples.n_half_passes = samples.n_half_passes + 2 * accepted
        check_finite(energies[accepted])
        samples.energy = np.where(accepted, energies, samples.energy)
        samples.time = samples.time + np.where(accepted, samples.step, 0.0)
        samples.n_steps = samples.n_steps + accepted
        samples.errors = np.where(accepted, np.array([errors, samples.errors[0]]), samples.errors)
        self._trace(accepted)

    def _trace(self, which):
        samples = self.samples
        self._traces.write(samples.index[which], samples.n_steps[which], samples.energy[which])

    # ------------------------------------------------------------ the end

    def _end_samples(self, squares):
        """Report the samples that have ended and remove their rows."""
        samples, options = self.samples, self.options
        ended = np.full(len(squares), -1)
        ended[samples.step < np.finfo(self.X.dtype).eps] = Status.ROUNDING_FLOOR
        late = samples.time >= options.max_time * (1 - 1e-12)
        ended[late | (samples.n_steps >= options.max_steps)] = Status.REACHED_MAX_STEPS
        ended[squares <= samples.least] = Status.CONVERGED
        rows = np.flatnonzero(ended >= 0)
        if not len(rows):
            return
        batch, index = self.batch, samples.index[rows]
        batch.status[index] = ended[rows]
        batch.energy[index] = samples.energy[rows]
        batch.n_steps[index] = samples.n_steps[rows]
        batch.n_half_passes[index] = samples.n_half_passes[rows]
        for final, start in zip(self._final, self._start, strict=True):
            final[:, index] = start[:, rows]
        keep = np.flatnonzero(ended < 0)
        self.samples = samples.kept(keep)
        self.X, self.Y = self.X[keep], self.Y[keep]
        keep_samples([*self._start, *self._slopes[0]], keep)

    def report(self, X, Y):
        """Write the last activities of all samples, and their errors, into the batch."""
        n, batch = len(X), self.batch
        copy_samples(self._state, self._final, slice(n))
        batch.evaluate(X, Y, self.objective.loss, self.objective.output_precision)
        batch.n_half_passes[:n] += 1
        self._traces.report()
