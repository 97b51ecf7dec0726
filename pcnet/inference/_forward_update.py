"""Forward update: the weights learn the final activities from the feed-forward ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .._core.binding import Batch
from .._objective import Objective
from .._types import Float64s, Floats, Method
from ._learning import WeightUpdate
from ._method import InferenceMethod, resolve_inner


@dataclass(eq=False, repr=False)
class ForwardUpdate(InferenceMethod):
    """Any inference; the weights learn to map feed-forward activities to its final ones.

    Let z^0 be the feed-forward activities and z those at which ``method`` ends. The weights
    descend the gradient of ``sum_l 1/2 ||z_l - mu_l(z^0_{l-1})||^2`` at fixed z and z^0,

    ``dW_l = a_l f_l(z^0_{l-1})^T (z_l - z^0_l)``

    because z^0_l is the prediction mu_l(z^0_{l-1}). At the output ``lambda (y - link(mu^0_L))``
    replaces the difference. The usual rule compares z_l with the prediction from the *inferred*
    activities below, which excludes the changes of the layers below from the layer's error. Here
    the difference includes them.

    Parameters
    ----------
    method : str or inference object, default "activity"
        Inference method that updates the weights once, at its end.

    Notes
    -----
    `infer` returns what ``method`` finds; `learning_gradients` gives these gradients.

    The rule follows the abstract of [1]_ and the README of its code ("computed from the initial
    forward pass"); it was not compared with the equations of the paper.

    References
    ----------
    .. [1] Qi, Forasassi, Lukasiewicz, Salvatori, "Towards the Training of Deeper Predictive
       Coding Neural Networks", arXiv:2506.23800.
    """

    method: Method = "activity"

    rounds_errors = True

    def check(self) -> None:
        resolve_inner(self.method)

    @property
    def has_end_test(self) -> bool:  # type: ignore[override]
        """As of `method`."""
        return resolve_inner(self.method).has_end_test

    @property
    def minimizes_energy(self) -> bool:  # type: ignore[override]
        """As of `method`."""
        return resolve_inner(self.method).minimizes_energy

    @property
    def trace_steps(self) -> int:
        return resolve_inner(self.method).trace_steps

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        resolve_inner(self.method).run(batch, X, Y, objective)

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """Run inference, then update once from its differences to the feed-forward activities."""
        self.run(batch, X, Y, objective)
        n = len(X)
        settled = [z[:n].copy() for z in batch.activities[:-1]]
        batch.forward(X)
        batch.evaluate(X, Y, objective.loss, objective.output_precision)  # the output's delta
        for error, end, start in zip(batch.errors, settled, batch.activities, strict=False):
            error[:n] = end - start[:n]
        batch.n_half_passes[:n] += 2
        yield WeightUpdate(X, sample_weight)
