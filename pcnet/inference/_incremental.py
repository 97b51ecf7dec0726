"""Incremental predictive coding: the weights move at every step of inference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .._checks import check_count, check_positive
from .._types import Float64s, Floats
from ._activity_descent import ActivityDescent
from ._learning import WeightUpdate
from ._method import InferenceMethod
from ._passes import Passes, stable_rates
from ._rows import add_scaled, hidden_blocks

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class IncrementalDescent(InferenceMethod):
    """Activity descent whose every step is followed by an update of the weights.

    From the feed-forward state, ``n_steps`` times in turn

    - ``z_l <- z_l - rate dF/dz_l`` in all hidden layers at once;
    - one step of the solver by ``dF/dW_l`` at the new activities (incremental
      expectation-maximisation).

    With one step this is predictive coding with one step of `ActivityDescent`. A minibatch takes
    ``n_steps`` updates of the weights, each with the learning rate and the weight decay of one: a
    smaller learning rate than for the other methods is due.

    Parameters
    ----------
    n_steps : int, default 20
        1 or more.
    rate : float or None, default None
        As of `ActivityDescent`; None is estimated for each sample before the first step.

    See Also
    --------
    ActivityDescent : the same steps, the weights moving after the last.

    Notes
    -----
    `infer` has no weights to move: it gives what `ActivityDescent` does. In training, the energy
    that is reported is the one after the last step of inference.

    References
    ----------
    .. [1] Salvatori et al., "A Stable, Fast, and Fully Automatic Learning Algorithm for
       Predictive Coding Networks" (incremental predictive coding), arXiv:2212.00720.
    """

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True

    def __init__(self, n_steps: int = 20, rate: float | None = None) -> None:
        self.n_steps = n_steps
        self.rate = rate

    def check(self) -> None:
        check_count("n_steps", self.n_steps, 1)
        if self.rate is not None:
            check_positive("rate", self.rate)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Inference on a `Batch` with the weights at rest."""
        ActivityDescent(self.n_steps, self.rate).run(batch, X, Y, objective)

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """As the class says; yields after each step of inference."""
        passes, gradients = Passes(batch, X, Y, objective), batch.like_activities()
        passes.start()
        rates = stable_rates(passes) if self.rate is None else np.full(len(X), float(self.rate))
        activities, slopes = hidden_blocks(batch.activities), hidden_blocks(gradients)
        for step in range(self.n_steps):
            if step > 0:  # the weights have moved
                passes.residuals()
            passes.activity_gradients(gradients)
            add_scaled(activities, -rates, slopes)
            passes.residuals()
            passes.end_step()
            passes.report()
            yield WeightUpdate(X, sample_weight)
