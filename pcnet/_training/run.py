"""The state of one training run, from the call of ``fit`` to its end.

A `Run` has the optimiser, the progress and the observers. `history` appends to its dict of columns;
`checkpoint` saves and restores it.
"""

import time
from typing import Any, NamedTuple

from .._core.sums import dot
from ..callbacks import Callback
from .history import EpochSums, append_record

# An epoch whose mean loss exceeds the first minibatch's by this factor has diverged, even if
# all numbers are finite: in shallow float64 networks divergence can stay finite for long.
DIVERGED = 1e8

#: Reasons why a run ends. The first request counts; "diverged" raises a FloatingPointError.
STOP_REASONS = (
    "max_iter",
    "plateau",
    "converged",
    "max_time",
    "callback",
    "interrupted",
    "diverged",
)


class FitCall(NamedTuple):
    """Arguments of the call that trains."""

    incremental: bool = False  # by partial_fit
    classes: Any = None  # of partial_fit
    validation: Any = None  # ValidationSet of the user
    saved: Any = None  # SavedRun to continue


class Plan(NamedTuple):
    """Settings of a run.

    Attributes
    ----------
    minibatches : Minibatches
    schedule : Schedule
    max_iter : int
        Largest number of epochs.
    weight_decay : float
        Decoupled L2 penalty: each step multiplies weights by ``1 - rate * weight_decay``.
    max_time : float or None
        Time limit in seconds; schedules with a horizon end there.
    """

    minibatches: Any
    schedule: Any
    max_iter: int = 1
    weight_decay: float = 0.0
    max_time: float | None = None


class Run:
    """The optimiser, the progress and the observers of one training run.

    Parameters
    ----------
    optimizer : Optimizer
        Its `sync` writes the current weights into its network.
    plan : Plan
        Its entries are also attributes of the run.
    random_state : Generator
        Source of the order of the samples.
    observers : sequence of Callback, default=()
        Called in this order.
    history : dict of lists, default=None
        One row is added per epoch; None: a new history.
    estimator : estimator, default=None
        The estimator that is fitted.

    Attributes
    ----------
    step_observers : list of Callback
        Observers that define `on_batch_end`.
    record : dict
        The newest row of the history.
    n_epochs : int
        Epochs completed in this call of ``fit``.
    n_steps : int
        Optimiser steps in this call, the time of the schedule.
    batch : int
        Steps completed in the current epoch.
    n_samples_seen : int
    learning_rate : float
        Base rate of the last step.
    stop_reason : str or None
        One of ``STOP_REASONS``, set when the run should end.
    error : FloatingPointError or None
        The error if the reason is "diverged".
    clock : callable
        Returns the time in seconds.
    sums : EpochSums
        Sums over the steps of the current epoch.
    first_loss : float or None
        Loss of the first minibatch, the reference for divergence.
    seconds_before : float
        Time that other processes spent on this run.
    epoch_random_state
        State of ``random_state`` at the start of the current epoch.
    """

    def __init__(
        self, optimizer, plan, random_state, *, observers=(), history=None, estimator=None
    ):
        self.optimizer = optimizer
        self.minibatches, self.schedule, self.max_iter, self.weight_decay, self.max_time = plan
        self.random_state = random_state
        self.observers = list(observers)
        self.step_observers = [o for o in self.observers if _looks_at_steps(o)]
        self.history = {} if history is None else history
        self.estimator = estimator
        self.clock = time.monotonic
        self.record = {}
        self.n_epochs = self.n_steps = self.batch = self.n_samples_seen = 0
        self.learning_rate = 0.0
        self.stop_reason = self.error = None
        self.sums = EpochSums()
        self.first_loss = None
        self.epoch_random_state = None
        self._synced = None
        self.seconds_before = 0.0
        self._started = self._epoch_started = self.clock()

    # ------------------------------------------------------------ for observers

    @property
    def network(self):
        """The network with its current weights, updated at most once per step."""
        if self._synced != self.n_steps:
            self.sync()
        return self.optimizer.network

    @property
    def n_batches(self):
        """Number of steps of a complete epoch."""
        return self.optimizer.steps_per_epoch(self.minibatches)

    def sync(self):
        """Write the current weights into the network, even if it was updated in this step."""
        self.optimizer.sync()
        self._synced = self.n_steps

    def load_weights(self):
        """Continue training with the values in the arrays of `network`."""
        self.optimizer.load()

    def request_stop(self, reason="callback"):
        """End training after the current step; an earlier reason is kept."""
        self.stop_reason = self.stop_reason or reason

    def diverge(self, error):
        """End training because of this FloatingPointError; it replaces an earlier reason."""
        self.stop_reason, self.error = "diverged", error

    def seconds(self):
        """Seconds spent on this run, in all its processes."""
        return self.seconds_before + self.clock() - self._started

    def epoch_seconds(self):
        """Seconds since the current epoch began, in this process."""
        return self.clock() - self._epoch_started

    # ------------------------------------------------------------ for the loop

    def begin_epoch(self):
        """Reset the counters, unless another process began this epoch."""
        self._epoch_started = self.clock()
        if self.batch == 0:
            self.epoch_random_state = self.random_state.bit_generator.state
            self.sums = EpochSums()

    def rate(self):
        """Base learning rate of the next step."""
        share = 0.0
        if self.max_time is not None:
            share = min(1.0, self.seconds() / self.max_time)
        self.learning_rate = self.schedule.rate(self.n_steps, share)
        return self.learning_rate

    def add(self, report):
        """Record an optimiser step."""
        self.n_steps += 1
        self.batch += 1
        self.n_samples_seen += report.n_samples
        self.sums.add(report)
        if self.first_loss is None:
            self.first_loss = report.loss

    def end_epoch(self):
        """Row of the history for the epoch, before the observers add to it.

        Raises
        ------
        FloatingPointError
            The loss has exploded.
        """
        loss = self.sums.loss / self.sums.weight
        if not loss <= DIVERGED * (1.0 + self.first_loss):
            raise FloatingPointError(
                f"the mean loss rose from {self.first_loss:.3g} in the first minibatch to "
                f"{loss:.3g} in epoch {self.n_epochs + 1}"
            )
        n_earlier = len(next(iter(self.history.values()), []))
        self.record = {"epoch": n_earlier + 1, "loss": loss, "penalty": self._penalty()}
        self.record |= self.sums.means()
        self.record["learning_rate"] = self.learning_rate
        return self.record

    def keep_record(self):
        """End the epoch: append its complete row to the history."""
        self.record["seconds"] = self.epoch_seconds()
        append_record(self.history, self.record)
        self.n_epochs += 1
        self.batch = 0

    def recent(self, column):
        """Values of a column in the epochs of this run."""
        return self.history[column][-self.n_epochs :] if self.n_epochs else []

    def _penalty(self):
        if self.weight_decay == 0.0:
            return 0.0
        flat = (W.reshape(-1) for W in self.network.weights)
        return 0.5 * self.weight_decay * sum(dot(w, w) for w in flat)


def _looks_at_steps(observer):
    return type(observer).on_batch_end is not Callback.on_batch_end
