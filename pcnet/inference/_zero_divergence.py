"""Zero-divergence predictive coding: backpropagation's weight gradients in one sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class ZeroDivergence(InferenceMethod):
    """Z-IL: each layer learns at the moment that the output's signal arrives at it.

    From the feed-forward state and at rate 1, ``z_l <- z_l - dF/dz_l`` for l = H..1. When a layer's
    error has just changed, the activities below it are still feed-forward, so its weights'
    gradient, ``- a_l f(z_{l-1})^T e_l``, is exactly backpropagation's. It costs one forward pass
    and one sweep back.

    Notes
    -----
    The activities reported are those that the weights see, the feed-forward ones, and so is the
    energy; no sample counts as converged.

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
