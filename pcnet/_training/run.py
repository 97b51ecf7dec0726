"""One course of training, from the call of ``fit`` to its end, as one object.

A `Run` holds what is trained, how far it has come, and who watches. Its history is a dict that
`history` appends to; `checkpoint` saves and restores it.
"""

import time
from typing import Any, NamedTuple

from .._core.sums import dot
from ..callbacks import Callback
from .history import EpochSums, append_record

# An epoch whose mean loss exceeds the first minibatch's by this factor has diverged, even if
# every number is still finite: float64 can hide an explosion for long in a shallow network.
DIVERGED = 1e8

#: Why a run ended. The first request wins; "diverged" becomes a FloatingPointError.
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
    """How training was asked for."""

    incremental: bool = False  # by partial_fit
    classes: Any = None  # of partial_fit
    validation: Any = None  # ValidationSet that the user gave
    saved: Any = None  # SavedRun to go on with


class Plan(NamedTuple):
    """What a run sets out to do.

    Attributes
    ----------
    minibatches : Minibatches
    schedule : Schedule
    max_iter : int
        Epochs at most.
    weight_decay : float
        Decoupled L2 penalty: each step multiplies weights by ``1 - rate * weight_decay``.
    max_time : float or None
        Seconds; schedules with a horizon reach it when they are used up.
    """

    minibatches: Any
    schedule: Any
    max_iter: int = 1
    weight_decay: float = 0.0
    max_time: float | None = None


class Run:
    """What is trained, how far it has come, and who watches.

    Parameters
    ----------
    optimizer : Optimizer
        Trains; its network is brought up to date by `sync`.
    plan : Plan
        Its entries are attributes of the run, too.
    random_state : Generator
        Orders the samples.
    observers : sequence of Callback, default=()
        In the order in which they are asked.
    history : dict of lists, default=None
        Grows with every epoch; None begins a new one.
    estimator : estimator, default=None
        The one being fitted.

    Attributes
    ----------
    step_observers : list of Callback
        Those that look at every step.
    record : dict
        The newest row of the history.
    n_epochs : int
        Completed in this call of ``fit``.
    n_steps : int
        Optimiser steps in this call: the schedule's time.
    batch : int
        Steps done in the present epoch.
    n_samples_seen : int
    learning_rate : float
        Base rate of the newest step.
    stop_reason : str or None
        One of ``STOP_REASONS`` once the run is to end.
    error : FloatingPointError or None
        What happened when the reason is "diverged".
    clock : callable
        Gives seconds.
    sums : EpochSums
        Of the present epoch's steps.
    first_loss : float or None
        Of the first minibatch: divergence is measured from it.
    seconds_before : float
        Spent on this run by other processes.
    epoch_random_state
        State of ``random_state`` at the start of the present epoch.
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
        """The network with its present weights, brought up to date at most once a step."""
        if self._synced != self.n_steps:
            self.sync()
        return self.optimizer.network

    @property
    def n_batches(self):
        """Steps of a complete epoch."""
        return self.optimizer.steps_per_epoch(self.minibatches)

    def sync(self):
        """Bring the network up to date, whatever has been copied before."""
        self.optimizer.sync()
        self._synced = self.n_steps

    def load_weights(self):
        """Train on with what was written into the arrays of `network`."""
        self.optimizer.load()

    def request_stop(self, reason="callback"):
        """End training after the present step; a reason given before stays."""
        self.stop_reason = self.stop_reason or reason

    def diverge(self, error):
        """End training because of this FloatingPointError, whatever was asked for before."""
        self.stop_reason, self.error = "diverged", error

    def seconds(self):
        """Time spent on this run, in all processes that worked on it."""
        return self.seconds_before + self.clock() - self._started

    def epoch_seconds(self):
        """Time since the present epoch began, in this process."""
        return self.clock() - self._epoch_started

    # ------------------------------------------------------------ for the loop

    def begin_epoch(self):
        """Start counting anew, unless the epoch was begun by another process."""
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
        """Take note of an optimiser step."""
        self.n_steps += 1
        self.batch += 1
        self.n_samples_seen += report.n_samples
        self.sums.add(report)
        if self.first_loss is None:
            self.first_loss = report.loss

    def end_epoch(self):
        """Row of the history for the epoch, before any observer has measured.

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
        """Close the epoch: its row, complete now, enters the history."""
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
