"""Incremental predictive coding: the weights are updated at each step of inference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .._checks import check_count, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._types import Float64s, Floats
from ._activity_descent import ActivityDescent
from ._learning import WeightUpdate
from ._method import InferenceMethod
from ._passes import Passes, sample_rates
from ._rows import add_scaled, hidden_blocks


@dataclass(eq=False, repr=False)
class IncrementalDescent(InferenceMethod):
    """Activity descent with an update of the weights after each step.

    From the feed-forward state, each of ``n_steps`` steps does

    - ``z_l <- z_l - rate dF/dz_l`` in all hidden layers at once;
    - one step of the solver by ``dF/dW_l`` at the new activities (incremental
      expectation-maximisation).

    With one step this is predictive coding with one step of `ActivityDescent`. A minibatch makes
    ``n_steps`` updates of the weights, each with the full learning rate and weight decay. It
    therefore needs a smaller learning rate than the other methods.

    Parameters
    ----------
    n_steps : int, default 20
        1 or more.
    rate : float or None, default None
        As for `ActivityDescent`. None: estimated for each sample before the first step.

    See Also
    --------
    ActivityDescent : the same steps, with one update of the weights after the last.

    Notes
    -----
    `infer` updates no weights: it gives the result of `ActivityDescent`. In training, the reported
    energy is that after the last step of inference.

    References
    ----------
    .. [1] Salvatori et al., "A Stable, Fast, and Fully Automatic Learning Algorithm for
       Predictive Coding Networks" (incremental predictive coding), arXiv:2212.00720.
    """

    n_steps: int = 20
    rate: float | None = None

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True
    one_update = False

    def check(self) -> None:
        check_count("n_steps", self.n_steps, 1)
        if self.rate is not None:
            check_positive("rate", self.rate)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Run inference on the batch with fixed weights."""
        ActivityDescent(self.n_steps, self.rate).run(batch, X, Y, objective)

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """Run inference; yield for an update of the weights after each step."""
        passes, gradients = Passes(batch, X, Y, objective), batch.like_activities()
        passes.start()
        rates = sample_rates(passes, self.rate)
        activities, slopes = hidden_blocks(batch.activities), hidden_blocks(gradients)
        for step in range(self.n_steps):
            if step > 0:  # the weights have changed
                passes.residuals()
            passes.activity_gradients(gradients)
            add_scaled(activities, -rates, slopes)
            passes.residuals()
            passes.end_step()
            passes.report()
            yield WeightUpdate(X, sample_weight)
