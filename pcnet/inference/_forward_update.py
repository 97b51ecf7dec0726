"""Forward update: where the activities end, learned from where they began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._types import Float64s, Floats, Method
from ._learning import WeightUpdate
from ._method import InferenceMethod, resolve_inner

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class ForwardUpdate(InferenceMethod):
    """Inference as usual; the weights learn to reach its end from the feed-forward activities.

    With z^0 the feed-forward activities and z the ones that ``method`` ends at, the weights move
    by the gradient of ``sum_l 1/2 ||z_l - mu_l(z^0_{l-1})||^2`` at fixed z and z^0,

    ``dW_l = a_l f_l(z^0_{l-1})^T (z_l - z^0_l)``

    because z^0_l is the prediction mu_l(z^0_{l-1}); at the output ``lambda (y - link(mu^0_L))``
    stands for the difference. The usual rule compares z_l with the prediction from the *moved*
    activities below, so that a layer's error no longer contains what the layers below have
    already done; here it does.

    Parameters
    ----------
    method : str or inference object, default "activity"
        One that updates the weights once, at its end.

    Notes
    -----
    `infer` returns what ``method`` finds; `learning_gradients` gives these gradients.

    The equations of [1]_ are not at hand: this is our reading of its abstract and of the README
    of its code ("computed from the initial forward pass").

    References
    ----------
    .. [1] Qi, Forasassi, Lukasiewicz, Salvatori, "Towards the Training of Deeper Predictive
       Coding Neural Networks", arXiv:2506.23800.
    """

    rounds_errors = True

    def __init__(self, method: Method = "activity") -> None:
        self.method = method

    def check(self) -> None:
        resolve_inner(self.method)

    @property
    def has_end_test(self) -> bool:  # type: ignore[override]
        return resolve_inner(self.method).has_end_test

    @property
    def minimizes_energy(self) -> bool:  # type: ignore[override]
        return resolve_inner(self.method).minimizes_energy

    @property
    def trace_steps(self) -> int:
        return resolve_inner(self.method).trace_steps

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        resolve_inner(self.method).run(batch, X, Y, objective)

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """`run`, then one update from its end at the feed-forward activities."""
        self.run(batch, X, Y, objective)
        n = len(X)
        settled = [z[:n].copy() for z in batch.activities[:-1]]
        batch.forward(X)
        batch.evaluate(X, Y, objective.loss, objective.output_precision)  # the output's delta
        for error, end, start in zip(batch.errors, settled, batch.activities, strict=False):
            error[:n] = end - start[:n]
        batch.n_half_passes[:n] += 2
        yield WeightUpdate(X, sample_weight)
