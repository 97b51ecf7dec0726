"""Backpropagation, and zero-divergence inference, which gives the same gradients."""

from __future__ import annotations

from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes


class Backprop(InferenceMethod):
    """No inference: feed-forward activities, with backpropagation's deltas as the errors.

    ``e_l = a_{l+1} (e_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} e_{l+1} - decay z_l``, e_L being the
    output's delta: one forward and one backward pass. The local rule ``- a_l f(z_{l-1})^T e_l``
    then gives the gradient of the feed-forward ``lambda loss + decay / 2 sum_l ||z_l||^2``.

    Notes
    -----
    The energy reported is that of the feed-forward state; no sample counts as converged.

    References
    ----------
    .. [1] Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors",
       Nature 323, 1986, doi:10.1038/323533a0.
    """

    has_end_test = False
    minimizes_energy = False
    takes_sparse = True

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Write the feed-forward activities and the deltas into the batch."""
        passes = Passes(batch, X, Y, objective)
        passes.start(responses=batch.errors)
        passes.report()


class ZeroDivergence(InferenceMethod):
    """Z-IL: each layer learns at the step in which the output's delta reaches it.

    From the feed-forward state and at rate 1, ``z_l <- z_l - dF/dz_l`` for l = H..1. When the error
    of a layer has just changed, the activities below it are still feed-forward. The gradient of its
    weights, ``- a_l f(z_{l-1})^T e_l``, is then exactly backpropagation's. The cost is one forward
    and one backward pass.

    Notes
    -----
    The reported activities are those that the weights learn from, the feed-forward ones. The
    energy is that of the feed-forward state; no sample counts as converged.

    References
    ----------
    .. [1] Song et al., "Can the Brain Do Backpropagation? Exact Implementation of Backpropagation
       in Predictive Coding Networks", NeurIPS 2020.
    """

    has_end_test = False
    minimizes_energy = False

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        passes = Passes(batch, X, Y, objective)
        passes.start()
        seen = batch.activities.hidden.copy()
        passes.gauss_seidel_sweep(1.0)
        batch.activities.hidden[:] = seen
        passes.report()
