"""Backpropagation, on the same network by the same code: the baseline of every comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class Backprop(InferenceMethod):
    """No inference: the activities stay feed-forward, the errors are backpropagation's deltas.

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

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Deltas and feed-forward activities, into a `Batch`."""
        passes = Passes(batch, X, Y, objective)
        passes.start(responses=batch.errors)
        passes.report()
