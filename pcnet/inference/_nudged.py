"""Nudged inference: targets near the output, on one side of it or on both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._checks import check_choice, check_positive
from .._core.binding import Batch, Status, is_converged
from .._objective import Objective, loss_parts
from .._types import Float64s, Floats, Method
from ._learning import WeightUpdate
from ._method import InferenceMethod, resolve_inner

KINDS = ("positive", "negative", "centered")


@dataclass(eq=False, repr=False)
class Nudged(InferenceMethod):
    """Inference with the target moved to within ``beta`` of the output.

    The target y is replaced by ``y_beta = p + beta (y - p)``, p being the feed-forward output
    (squared_error), the probabilities softmax(mu) (log_loss) or logistic(mu) (logistic), or the
    rates exp(mu) (poisson); with Huber's loss, whose gradient is bounded, by
    ``mu + beta delta``. The weights then learn from the gradients g of the energy at the end of
    inference,

    - positive: ``g(y_beta) / beta``;
    - negative: ``- g(y_-beta) / beta``, with the target on the other side and the sign reversed;
    - centered: ``(g(y_beta) - g(y_-beta)) / (2 beta)``.

    The division by beta keeps the size of the plain gradient, so one learning rate suits all beta.
    As beta tends to 0, all three tend to the gradient of inference linearised at the feed-forward
    activities. The error is of order beta for the one-sided kinds, of order beta^2 for the
    centered. The limit differs from backpropagation: its output delta is multiplied by
    ``S^-1 / lambda``, which tends to the identity as the output precision lambda tends to 0.

    Parameters
    ----------
    method : str or inference object, default "error"
        Inference method of each phase; one that updates the weights once, at its end.
    beta : float, default 0.1
        In (0, 1]. ``Nudged(beta=1, kind="positive")`` is plain predictive coding. Small values
        make small errors: with float32 stay near 0.01 or above.
    kind : {"positive", "negative", "centered"}, default "centered"
        ``"centered"`` runs inference twice, with twice the memory. Poisson's loss takes only
        ``"positive"``: a target on the other side of the rate could be negative.

    Notes
    -----
    The reported activities, errors, energy and trace are those of the nudged target. With
    ``"centered"`` they are those of the positive phase, except the trace, which is the mean over
    both; steps and passes count both phases. `learning_gradients` gives the weight gradients.

    References
    ----------
    .. [1] Pinchetti et al., "Benchmarking Predictive Coding Networks - Made Simple",
       arXiv:2407.01163.
    .. [2] Laborieux et al., "Scaling Equilibrium Propagation to Deep ConvNets by Drastically
       Reducing its Gradient Estimator Bias", arXiv:2006.03824: the centered estimate.
    """

    method: Method = "error"
    beta: float = 0.1
    kind: Literal["positive", "negative", "centered"] = "centered"

    minimizes_energy = False  # but that of other targets

    def check(self) -> None:
        resolve_inner(self.method)
        check_positive("beta", self.beta)
        if self.beta > 1:
            raise ValueError(f"beta must be in (0, 1], 1 being the target itself; got {self.beta}")
        check_choice("kind", self.kind, KINDS)

    @property
    def rounds_errors(self) -> bool:  # type: ignore[override]
        """As of `method`."""
        return resolve_inner(self.method).rounds_errors

    @property
    def has_end_test(self) -> bool:  # type: ignore[override]
        """As of `method`."""
        return resolve_inner(self.method).has_end_test

    @property
    def trace_steps(self) -> int:
        return resolve_inner(self.method).trace_steps

    @property
    def rows_per_sample(self) -> int:  # type: ignore[override]
        """Rows of the batch for each sample: one per phase."""
        return len(self._signs())

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Run inference on the batch; its rows n to 2 n - 1 hold the second phase."""
        losses = [loss for loss, _ in loss_parts(objective.loss)]
        if "poisson" in losses and self.kind != "positive":
            raise ValueError(
                f"kind={self.kind!r} pushes rates away from their targets, where they could be "
                "negative; with the loss 'poisson' use Nudged(kind='positive')"
            )
        n = len(X)
        base, pull, loss = _output_and_pull(batch, X, Y, objective.loss)
        signs, beta = self._signs(), float(self.beta)
        targets = np.concatenate([base + Y.dtype.type(sign * beta) * pull for sign in signs])
        inner = resolve_inner(self.method)
        above_0 = "log_loss" in losses or "logistic" in losses
        if above_0 and "energy_tol" in inner.get_params():
            # these losses are above 0 at their target: a fraction of the energy is no measure
            inner = inner.copy_options().set_params(energy_tol=0.0)
        inner.run(batch, _stacked(X, len(signs)), targets, objective)
        batch.loss[:n] = loss
        _count_phases(batch, n, len(signs))

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """Run inference, then update once from the rows of all phases."""
        self.run(batch, X, Y, objective)
        signs, beta = self._signs(), float(self.beta)
        sample_weight = np.concatenate(
            [sign / (beta * len(signs)) * sample_weight for sign in signs]
        )
        yield WeightUpdate(_stacked(X, len(signs)), sample_weight)

    def _signs(self):
        return {"positive": (1.0,), "negative": (-1.0,), "centered": (1.0, -1.0)}[self.kind]


def _stacked(X, times):
    return X if times == 1 else np.concatenate([X] * times)


def _output_and_pull(batch, X, Y, loss):
    """p (n, K), - dloss / dmu (n, K) and the loss (n,) of the feed-forward state."""
    batch.forward(X)
    values = batch.evaluate(X, Y, loss, 1.0)[:, -1]
    n, width = Y.shape
    pull = batch.errors[-1][:n, :width].copy()
    base = batch.activities[-1][:n, :width].copy()
    for own, outputs in loss_parts(loss):
        if own in ("log_loss", "logistic", "poisson"):
            base[:, outputs] = Y[:, outputs] - pull[:, outputs]
    return base, pull, values


def _count_phases(batch, n, n_phases):
    """Combine the report of all phases of a sample in its row of the first phase."""
    batch.n_half_passes[:n] += 1  # the output that the target is nudged from
    for phase in range(1, n_phases):
        rows = slice(phase * n, (phase + 1) * n)
        batch.n_half_passes[:n] += batch.n_half_passes[rows]
        np.maximum(batch.n_steps[:n], batch.n_steps[rows], out=batch.n_steps[:n])
        ended, other = batch.status[:n], batch.status[rows]
        # converged if both are, as predicted if one is; at the limit of steps if one is
        worse = (ended == Status.CONVERGED) | (other == Status.REACHED_MAX_STEPS)
        worse |= (ended == Status.PREDICTED) & ~is_converged(other)
        ended[worse] = other[worse]
