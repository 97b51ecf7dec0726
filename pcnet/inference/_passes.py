"""Building blocks of methods of inference: `Passes`, energies and their traces, step sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._core.binding import Batch, LayerRows, Status
from .._objective import Objective
from .._types import Floats
from ._rows import add_scaled, hidden_blocks, sample_squares


class Passes:
    """Passes of the network on one batch, for methods that treat all samples alike.

    A method, also a user-defined one, calls `start` first. Each step consists of passes, changes of
    the activities, and `end_step`; `report` comes last. The activities and errors are the arrays of
    the batch, which may be larger than the samples and layers. Row i is sample i, and columns
    beyond the layer's units are padding and must stay 0. Between the passes a method changes them
    layer by layer, or all hidden layers as one block (``batch.activities.hidden``).

    Parameters
    ----------
    batch : Batch
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective

    Attributes
    ----------
    energy : ndarray of float64, (n,)
        Each sample's energy at the last state for which it was computed, decay included.
    n_steps, n_half_passes : int
        Steps, and forward or backward passes, so far; the same for all samples.

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
        """Compute the feed-forward state; a forward pass, and a backward one for responses.

        Parameters
        ----------
        responses : LayerRows, optional
            OUT the responses to the output's delta.
        """
        self.energy = start_feed_forward(self.batch, self.X, self.Y, self.objective, responses)
        self.n_half_passes = 1 + (responses is not None)
        self._trace()

    def restart(self) -> None:
        """Count activities that were written after `start` as the state before the first step."""
        self.residuals()
        self._trace()

    def forward_from_errors(self, responses: LayerRows | None = None) -> None:
        """z = mu + e from the batch's errors: a forward pass, and a backward one for responses.

        Parameters
        ----------
        responses : LayerRows, optional
            OUT the responses to the output's delta.
        """
        _, layers = self.batch.forward_from_errors(
            self.X, self.Y, *self.objective.terms, responses=responses
        )
        self.n_half_passes += 1 + (responses is not None)
        self._take(with_decay(layers.sum(axis=1), self.batch, self.objective))

    def residuals(self) -> None:
        """e = z - mu at the batch's activities, and the output's delta: a forward pass."""
        self.n_half_passes += 1
        self._take(sample_energies(self.batch, self.X, self.Y, self.objective))

    def activity_gradients(self, out: LayerRows, errors: LayerRows | None = None) -> None:
        """dF/dz_1..dF/dz_H at the batch's activities: a backward pass.

        Parameters
        ----------
        out : LayerRows
            OUT the gradients of each sample's energy.
        errors : LayerRows, optional
            The errors. Default: the batch's.
        """
        self.n_half_passes += 1
        decay = self.objective.activity_decay
        self.batch.activity_gradients(len(self.X), out, errors=errors, activity_decay=decay)

    def backward(self, out: LayerRows) -> None:
        """Responses to the current output delta: a backward pass.

        Parameters
        ----------
        out : LayerRows
            OUT the responses v_l of `ErrorDescent`.
        """
        self.n_half_passes += 1
        self.batch.backward(len(self.X), out, activity_decay=self.objective.activity_decay)

    def gauss_seidel_sweep(self, rate: float) -> None:
        """One reverse Gauss-Seidel sweep over activities and errors: a backward pass.

        Parameters
        ----------
        rate : float
            Step of the activities, positive.
        """
        self.n_half_passes += 1
        decay = self.objective.activity_decay
        self.batch.gauss_seidel_sweep(len(self.X), rate, activity_decay=decay)

    def end_step(self) -> None:
        """Count a step, and record its energy."""
        self.n_steps += 1
        self._trace()

    def report(self, status: int | NDArray[Any] = Status.REACHED_MAX_STEPS) -> None:
        """Fill the batch's report.

        Parameters
        ----------
        status : Status or ndarray of int, (n,), default Status.REACHED_MAX_STEPS
            How inference ended, for all samples or for each.
        """
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


def start_feed_forward(batch, X, Y, objective, responses=None):
    """The feed-forward state: hidden errors 0, the output's delta, and the losses reported.

    Parameters
    ----------
    batch : Batch
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective
    responses : LayerRows, optional
        OUT the responses to the output's delta; costs a backward pass.

    Returns
    -------
    ndarray of float64, (n,)
        Energy of each sample, decay included.
    """
    n = len(X)
    batch.errors.hidden[:] = 0
    losses, layers = batch.forward_from_errors(
        X, Y, *objective.terms, from_errors=False, responses=responses
    )
    batch.loss[:n] = losses
    energies = with_decay(layers.sum(axis=1), batch, objective)
    check_finite(energies)
    return energies


def sample_energies(batch, X, Y, objective, must_be_finite=True):
    """Energy of each sample at the batch's current activities, (n,); writes their errors."""
    layers = batch.evaluate(X, Y, objective.loss, objective.output_precision)
    energies = with_decay(layers.sum(axis=1), batch, objective)
    if must_be_finite:
        check_finite(energies)
    return energies


def with_decay(energies, batch, objective):
    """Add the activity decay of the batch's current activities to ``energies`` (n,), in place."""
    if objective.activity_decay > 0:
        squares = sample_squares(hidden_blocks(batch.activities), len(energies))
        energies += 0.5 * objective.activity_decay * squares
    return energies


def has_risen(before, after):
    """Whether the mean energy rose by more than rounding.

    The second term covers networks that fit their targets, whose energy consists of rounding.
    """
    return after > 1.01 * before + 1e-8


def check_finite(energies):
    """Raise if an energy is not finite."""
    if not np.all(np.isfinite(energies)):
        raise FloatingPointError(
            "the energy is not finite: inference diverged, or the network's outputs have "
            "overflowed. Lower the rate of inference or the learning rate, scale the inputs to "
            "about unit variance, or use parameterization='mupc' for deep networks"
        )


class SampleTraces:
    """Energy of each sample after 0, 1, .. steps; memory grows with the steps taken.

    Parameters
    ----------
    batch : Batch
        If it has no trace, nothing is recorded.
    n_samples : int
    """

    def __init__(self, batch, n_samples):
        self._batch = batch
        self._energies = None if batch.trace is None else np.full((n_samples, 8), np.nan)

    def write(self, rows, steps, energies):
        """Record the energy of samples after the given steps, in rising order for each sample.

        Parameters
        ----------
        rows, steps : ndarray of int, (m,)
        energies : ndarray of float64, (m,)
        """
        if self._energies is None or not len(rows):
            return
        room = self._energies.shape[1]
        if steps.max() >= room:
            more = max(int(steps.max()) + 1 - room, room)
            self._energies = np.pad(self._energies, ((0, 0), (0, more)), constant_values=np.nan)
        self._energies[rows, steps] = energies

    def report(self):
        """Write the mean into the batch's trace; a sample that ended keeps its last energy."""
        if self._energies is None:
            return
        last = np.count_nonzero(~np.isnan(self._energies), axis=1) - 1
        steps = np.minimum(np.arange(last.max() + 1), last[:, None])
        self._batch.write_trace(0, np.take_along_axis(self._energies, steps, axis=1).mean(axis=0))


#: Power iterations of `largest_curvature`, and the largest rate that `sample_rates` estimates.
POWER_STEPS, LARGEST_RATE = 8, 0.5


def largest_curvature(passes, rho=1.0, n_steps=POWER_STEPS):
    """Largest eigenvalue of each sample's activity Hessian, by power iteration.

    Of ``rho sum_l 1/2 ||e_l||^2 + lambda loss + decay/2 sum_l ||z_l||^2`` at the feed-forward
    state. Products with the Hessian are differences of the gradient: one pass each, which the
    report counts. The estimate is a lower bound. A few iterations give it to some percent, which
    suffices for a step size.

    Parameters
    ----------
    passes : Passes
        In the feed-forward state with hidden errors 0, after `start`, and so on return.
    rho : float
    n_steps : int

    Returns
    -------
    ndarray of float64, (n,)
        At least ``rho``, the curvature of an uncoupled error.
    """
    batch, X, Y, objective = passes.batch, passes.X, passes.Y, passes.objective
    n, flat = len(X), batch.activities.flat
    passes.n_half_passes += 2 * n_steps
    if not len(batch.activities.hidden):
        return np.full(n, float(rho))
    start = batch.activities.flat.copy()
    at_start, gradients = batch.like_activities(), batch.like_activities()
    batch.activity_gradients(n, at_start, activity_decay=objective.activity_decay)
    delta = batch.errors[-1].copy()
    vectors, state = hidden_blocks(gradients), hidden_blocks(batch.activities)
    # a distance at which the difference has half of the digits
    reach = np.sqrt(np.finfo(flat.dtype).eps * (1.0 + sample_squares(state, n)))
    _fill_randomly(gradients, batch.activities.kind[1], n)
    size = np.sqrt(sample_squares(vectors, n))
    for _ in range(n_steps):
        add_scaled(state, reach / size, vectors)
        batch.evaluate(X, Y, objective.loss, objective.output_precision)
        batch.errors.hidden *= flat.dtype.type(rho)
        batch.activity_gradients(n, gradients, activity_decay=objective.activity_decay)
        gradients.hidden -= at_start.hidden
        size = np.maximum(np.sqrt(sample_squares(vectors, n)), rho * reach)
        flat[:] = start
    batch.errors.hidden[:] = 0
    batch.errors[-1][:] = delta
    return size / reach


def sample_rates(passes, rate):
    """A rate of gradient descent for each sample: the given one, or a stable one.

    Parameters
    ----------
    passes : Passes
        As for `largest_curvature`.
    rate : float or None
        None: 1 / (largest curvature), at most `LARGEST_RATE`.

    Returns
    -------
    ndarray of float64, (n,)
    """
    if rate is not None:
        return np.full(len(passes.X), float(rate))
    return np.minimum(LARGEST_RATE, 1.0 / largest_curvature(passes))


def _fill_randomly(rows, widths, n):
    """Fill with one fixed vector for all samples, whatever their batch."""
    rng = np.random.default_rng(0)
    for row, width in zip(rows, widths[:-1]):
        row[:n, :width] = rng.standard_normal(width)
