"""Precisions of the hidden units, learned together with the weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._checks import check_count, check_positive
from .._core.binding import Batch, Status
from .._objective import Objective
from .._types import Float64s, Floats
from ..network import Network
from ._learning import WeightUpdate
from ._method import InferenceMethod
from ._passes import SampleTraces, start_feed_forward, with_decay
from ._rows import add_scaled, copy_samples, hidden_blocks

_SHRINK, _GROW, _SMALLEST_STEP = 0.3, 1.5, 1e-4


@dataclass(eq=False, repr=False)
class LearnedPrecision(InferenceMethod):
    """Inference with a precision for each hidden unit, learned in training.

    The energy of a Gaussian model with diagonal precisions pi_l (n_l,) is

    ``F = sum_l 1/2 sum_k (pi_lk e_lk^2 - log pi_lk) + lambda loss(mu_L, y)``

    Inference descends it in the errors, ``eps_l <- eps_l + s (v_l / pi_l - eps_l)``, with the
    response v_l of `ErrorDescent` and a step s for each sample, reduced if the energy would rise.
    The weights learn from pi_l e_l. After each batch the precisions take a gradient step in
    log pi, with m the mean of e^2 over the batch:

    ``log pi <- log pi + learning_rate / 2 * clip(1 - pi m, -1, 1)``

    whose fixed point is pi = 1 / m, the inverse variance of the errors. This rule alone is
    unstable: a larger precision makes the errors smaller, which makes the precision larger. With
    ``normalize``, pi m is therefore divided by its mean over all hidden units, and the mean of
    log pi is kept at 0. Then only the ratios of the precisions are learned, and lambda keeps its
    meaning.

    Parameters
    ----------
    max_steps : int, default 30
        Passes of inference after the first, 0 or more.
    tol : float, default 0.05
        A sample has converged where ``||v / pi - eps|| <= tol ||v / pi||``; 0 or more.
    learning_rate : float, default 0.05
        0 or more; 0 keeps the precisions as they are.
    normalize : bool, default True
        Whether to learn the ratios of the precisions only, as above.
    bounds : tuple of 2 float, default (0.01, 100.0)
        Smallest and largest precision; they enclose 1.

    Attributes
    ----------
    precisions_ : list of float64 ndarray, (n_l,)
        pi_1..pi_H, on the object that a fitted estimator keeps as ``inference_``. That object is
        saved with the estimator, continued by `partial_fit`, `warm_start` and `resume`, and
        accepted by `infer`. On an object without this attribute all precisions are 1.

    See Also
    --------
    PrecisionDescent : precisions that inference changes from step to step.

    Notes
    -----
    The reported errors are pi_l e_l, with the output's delta of all methods. The energies include
    the precisions but not the terms log pi, which inference cannot change.

    References
    ----------
    .. [1] Millidge, Seth, Buckley, "Predictive Coding: a Theoretical and Experimental Review",
       arXiv:2107.12979: precisions and their learning. The
       normalisation is pcnet's own.
    """

    max_steps: int = 30
    tol: float = 0.05
    learning_rate: float = 0.05
    normalize: bool = True
    bounds: tuple[float, float] = (0.01, 100.0)

    steps_option = "max_steps"

    def check(self) -> None:
        check_count("max_steps", self.max_steps)
        check_positive("tol", self.tol, or_zero=True)
        check_positive("learning_rate", self.learning_rate, or_zero=True)
        if not isinstance(self.normalize, (bool, np.bool_)):
            raise TypeError(f"normalize must be True or False; got {self.normalize!r}")
        if not isinstance(self.bounds, (tuple, list)) or len(self.bounds) != 2:
            raise ValueError(
                f"bounds must be two numbers, such as (0.01, 100); got {self.bounds!r}"
            )
        for name, value in zip(("smallest", "largest"), self.bounds):
            check_positive(f"the {name} precision of bounds", value)
        if not self.bounds[0] <= 1 <= self.bounds[1]:
            raise ValueError(
                f"bounds must enclose 1, where the precisions begin; got {self.bounds!r}"
            )

    def for_training(self, network: Network, previous: InferenceMethod | None) -> InferenceMethod:
        """A copy of this method that learns, from precisions 1 or those of the previous one."""
        mine, widths = self.copy_options(), network.layer_sizes[1:-1]
        known = getattr(previous, "precisions_", None)
        if known is None or tuple(map(len, known)) != widths:
            mine.precisions_ = [np.ones(width) for width in widths]
        else:
            mine.precisions_ = [np.clip(values, *self.bounds) for values in known]
        return mine

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        precisions = self._precisions(batch.activities.kind[1][:-1])
        _Descent(self, precisions, batch, X, Y, objective).run()

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """`run`, the update of the weights, then that of the precisions."""
        self.run(batch, X, Y, objective)
        moments = self._moments(batch, sample_weight)
        yield WeightUpdate(X, sample_weight)
        self._learn(moments)

    def _precisions(self, widths):
        """pi_1..pi_H for a network with these hidden layers."""
        precisions = getattr(self, "precisions_", None)
        if precisions is None:
            return [np.ones(width) for width in widths]
        found = tuple(map(len, precisions))
        if found != tuple(widths):
            raise ValueError(
                f"this LearnedPrecision has learned precisions of hidden layers of {found} units, "
                f"but the network's have {tuple(widths)}; use inference_ of the estimator whose "
                "network it is, or a new one"
            )
        return precisions

    def _moments(self, batch, sample_weight):
        """Mean of e^2 over the samples, for each hidden unit; the errors hold pi e."""
        n, moments = len(sample_weight), []
        for error, values in zip(batch.errors, self.precisions_):
            e = error[:n, : len(values)] / values
            moments.append(np.einsum("i,ij,ij->j", sample_weight, e, e))
        return moments

    def _learn(self, moments):
        if not moments:
            return
        logs = np.log(np.concatenate(self.precisions_))
        surprise = np.exp(logs) * np.concatenate(moments)
        if self.normalize:
            mean = surprise.mean()
            surprise = surprise / mean if mean > 0 else np.ones_like(surprise)
        logs += 0.5 * float(self.learning_rate) * np.clip(1.0 - surprise, -1.0, 1.0)
        if self.normalize:
            logs -= logs.mean()
        values = np.clip(np.exp(logs), *self.bounds)
        ends = np.cumsum([len(m) for m in moments])[:-1]
        self.precisions_ = np.split(values, ends)


class _Descent:
    """Descent in the errors with a step for each sample; no energy rises.

    Parameters
    ----------
    options : LearnedPrecision
    precisions : list of ndarray, (n_l,)
    batch, X, Y, objective
        As in ``run``.
    """

    def __init__(self, options, precisions, batch, X, Y, objective):
        self.options, self.batch, self.problem = options, batch, (X, Y, objective)
        self.n = len(X)
        self.responses = batch.like_activities()
        self.traces = SampleTraces(batch, self.n)
        rows = [batch.like_activities() for _ in range(4)]
        self.best, self.directions, self.precision, self.inverse = map(hidden_blocks, rows)
        self.eps, self.pull = hidden_blocks(batch.errors), hidden_blocks(self.responses)
        for own, inverse, values in zip(*rows[2:], precisions):
            own[:, : len(values)], inverse[:, : len(values)] = values, 1.0 / values

    def run(self):
        """Write the last accepted state into the batch, the errors multiplied by pi."""
        batch, n, steps = self.batch, self.n, np.ones(self.n)
        energies = start_feed_forward(batch, *self.problem, responses=self.responses)
        ended, n_steps = np.full(n, -1), np.zeros(n, dtype=int)
        self._accept(np.arange(n), ended)
        self._trace(n_steps, energies)
        n_trials = 0
        while n_trials < self.options.max_steps and np.any(ended < 0):
            n_trials += 1
            copy_samples(self.eps, self.best, slice(n))
            add_scaled(self.eps, np.where(ended < 0, steps, 0.0), self.directions)
            tried = self._push(self.responses)
            lower = (ended < 0) & (tried <= energies)
            energies = np.where(lower, tried, energies)
            n_steps += lower
            steps = np.where(lower, np.minimum(_GROW * steps, 1.0), _SHRINK * steps)
            ended[(ended < 0) & (steps < _SMALLEST_STEP)] = Status.ROUNDING_FLOOR
            self._accept(np.flatnonzero(lower), ended)
            self._trace(n_steps, energies)
        ended[ended < 0] = Status.REACHED_MAX_STEPS
        copy_samples(self.eps, self.best, slice(n))
        self._push()
        for eps, precision in zip(self.eps, self.precision, strict=True):
            eps[:, :n] *= precision[:, :n]
        batch.energy[:n], batch.n_steps[:n], batch.status[:n] = energies, n_steps, ended
        batch.n_half_passes[:n] = 3 + 2 * n_trials
        self.traces.report()

    def _push(self, responses=None):
        """Activities and output delta from the errors, optionally responses; energies (n,)."""
        X, Y, objective = self.problem
        losses, _ = self.batch.forward_from_errors(X, Y, *objective.terms, responses=responses)
        energies = objective.output_precision * losses
        for eps, precision in zip(self.eps, self.precision, strict=True):
            eps, precision = eps[:, : self.n], precision[:, : self.n]
            energies += 0.5 * np.einsum("lij,lij,lij->i", eps, eps, precision, dtype=np.float64)
        # a trial that overflows is rejected
        return with_decay(energies, self.batch, objective)

    def _accept(self, rows, ended):
        """Accept the current errors of these samples; mark those that have converged."""
        moved, pulled = np.zeros((2, len(rows)))
        parts = (self.best, self.directions, self.eps, self.pull, self.inverse)
        for best, direction, eps, pull, inverse in zip(*parts, strict=True):
            target = pull[:, rows] * inverse[:, rows]
            step = target - eps[:, rows]
            best[:, rows], direction[:, rows] = eps[:, rows], step
            moved += np.einsum("lij,lij->i", step, step, dtype=np.float64)
            pulled += np.einsum("lij,lij->i", target, target, dtype=np.float64)
        ended[rows[moved <= float(self.options.tol) ** 2 * pulled]] = Status.CONVERGED

    def _trace(self, n_steps, energies):
        self.traces.write(np.arange(self.n), n_steps, energies)
