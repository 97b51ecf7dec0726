"""`Passes`: what a method that is made of the core's single passes keeps account of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .._core.binding import Status
from .._types import Floats
from ._energies import check_finite, sample_energies, start_feed_forward, with_decay

if TYPE_CHECKING:
    from .._core.binding import Batch, LayerRows
    from ..inference import Objective


class Passes:
    """One batch, its energies and its half passes, for methods that move all samples alike.

    What a method of inference, also one of your own, is made of: `start` first, then per step
    passes, changes of the activities and `end_step`; `report` last. The activities and errors are
    the batch's own arrays, larger than the samples and layers: row i is sample i, and columns
    beyond the layer's units must stay 0. A method works on them layer by layer or on all hidden
    layers as one block (``batch.activities.hidden``) between the passes.

    Parameters
    ----------
    batch : Batch
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective

    Attributes
    ----------
    energy : ndarray of float64, (n,)
        Each sample's at the latest state whose energy was computed, decay included.
    n_steps, n_half_passes : int
        So far; the same for all samples.

    Examples
    --------
    Activity descent:

    >>> import numpy as np
    >>> from pcnet import Network, infer
    >>> from pcnet.inference import InferenceMethod, Passes
    >>> class Descent(InferenceMethod):
    ...     trace_steps = 10
    ...
    ...     def run(self, batch, X, Y, objective):
    ...         passes, gradient = Passes(batch, X, Y, objective), batch.like_activities()
    ...         passes.start()
    ...         for _ in range(10):
    ...             passes.activity_gradients(gradient)
    ...             batch.activities.hidden -= 0.1 * gradient.hidden
    ...             passes.residuals()
    ...             passes.end_step()
    ...         passes.report()
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> result = infer(net, np.ones((2, 4)), np.eye(3)[:2], Descent())
    >>> bool(np.all(np.diff(result.energy_trace) < 0))
    True
    """

    def __init__(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        self.batch, self.X, self.Y, self.objective = batch, X, Y, objective
        self.energy = None
        self.n_steps = self.n_half_passes = 0

    def start(self, responses: LayerRows | None = None) -> None:
        """The feed-forward state; OUT with ``responses`` what the output's delta sends down."""
        self.energy = start_feed_forward(self.batch, self.X, self.Y, self.objective, responses)
        self.n_half_passes = 1 + (responses is not None)
        self._trace()

    def restart(self) -> None:
        """Take activities that were written after `start` for the state before the first step."""
        self.residuals()
        self._trace()

    def forward_from_errors(self, responses: LayerRows | None = None) -> None:
        """z = mu + e from the batch's errors, a forward pass; a backward one with ``responses``."""
        o = self.objective
        _, layers = self.batch.forward_from_errors(
            self.X, self.Y, o.loss, o.output_precision, o.activity_decay, responses=responses
        )
        self.n_half_passes += 1 + (responses is not None)
        self._take(with_decay(layers.sum(axis=1), self.batch, o))

    def residuals(self) -> None:
        """e = z - mu at the batch's activities, and the output's delta: a forward pass."""
        self.n_half_passes += 1
        self._take(sample_energies(self.batch, self.X, self.Y, self.objective))

    def activity_gradients(self, out: LayerRows, errors: LayerRows | None = None) -> None:
        """OUT dF/dz at the batch's activities and errors (or others): a backward pass."""
        self.n_half_passes += 1
        decay = self.objective.activity_decay
        self.batch.activity_gradients(len(self.X), out, errors=errors, activity_decay=decay)

    def backward(self, out: LayerRows) -> None:
        """OUT what the present output delta sends down: a backward pass."""
        self.n_half_passes += 1
        self.batch.backward(len(self.X), out, activity_decay=self.objective.activity_decay)

    def gauss_seidel_sweep(self, rate: float) -> None:
        """One reverse Gauss-Seidel sweep over activities and errors: a backward pass."""
        self.n_half_passes += 1
        decay = self.objective.activity_decay
        self.batch.gauss_seidel_sweep(len(self.X), rate, activity_decay=decay)

    def end_step(self) -> None:
        """Count a step, and note its energy."""
        self.n_steps += 1
        self._trace()

    def report(self, status: int | NDArray[Any] = Status.REACHED_MAX_STEPS) -> None:
        """Fill the batch's report; by default every sample ended at the limit of steps."""
        batch, n = self.batch, len(self.X)
        batch.energy[:n] = self.energy
        batch.n_steps[:n] = self.n_steps
        batch.n_half_passes[:n] = self.n_half_passes
        batch.status[:n] = status

    def _take(self, energy):
        check_finite(energy)
        self.energy = energy

    def _trace(self):
        if self.batch.trace is not None:
            self.batch.write_trace(self.n_steps, [self.energy.mean()])
