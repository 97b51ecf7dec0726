"""Ends of training: at a plateau, as in scikit-learn's MLP, or at the time limit."""

import copy

import numpy as np

from .._network_core import parameters
from ..callbacks import Callback


class Plateau(Callback):
    """Stops at a plateau, unless the schedule reduces the learning rate there.

    With a schedule that falls to its end ("linear", "cosine") the loss may stall while the rate is
    high and fall later. The training loss ends such a run only if it is below ``tol``.

    Parameters
    ----------
    tol : float
        An epoch counts as progress if it improves on the best so far by at least ``tol``.
    n_iter_no_change : int or inf
        More than this many epochs in a row without progress is a plateau.
    score : bool, default=False
        Whether to watch the column "validation_score" (higher is better) and restore the weights
        of the best epoch at the end, instead of watching the loss.
    """

    stop_reason = "plateau"

    def __init__(self, tol, n_iter_no_change, score=False):
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.score = score
        self.best = -np.inf  # best score, or minus the lowest loss
        self.n_no_change = 0
        self._best_parameters = None

    def on_epoch_end(self, run, record):
        value = record["validation_score"] if self.score else -record["loss"]
        # in this form a NaN is no progress
        self.n_no_change = 0 if value >= self.best + self.tol else self.n_no_change + 1
        if value > self.best:
            self.best = value
            if self.score:
                self._keep(parameters(run.network))
        if self.n_no_change <= self.n_iter_no_change:
            return False
        # With a falling rate the loss falls to the end: only a loss below tol ends the run.
        if run.schedule.has_horizon and not self.score and -self.best >= self.tol:
            return False
        self.n_no_change = 0
        return run.schedule.plateau()

    def on_fit_end(self, run):
        if self._best_parameters is not None:
            for kept, array in zip(self._best_parameters, parameters(run.network)):
                np.copyto(array, kept)

    def final_network(self, network):
        """The network that `on_fit_end` would leave now; it shares arrays; nothing is written."""
        if self._best_parameters is None:
            return network
        return _with_arrays(network, self._best_parameters)

    def _keep(self, arrays):
        if self._best_parameters is None:
            self._best_parameters = [np.empty_like(a) for a in arrays]
        for kept, array in zip(self._best_parameters, arrays):
            np.copyto(kept, array)

    def state(self):
        return {
            "best": self.best,
            "n_no_change": self.n_no_change,
            "best_parameters": self._best_parameters,
        }

    def restore(self, state):
        self.best = state["best"]
        self.n_no_change = state["n_no_change"]
        self._best_parameters = state["best_parameters"]


class MaxTime(Callback):
    """Stops after the step in which the time limit ``run.max_time``, if any, was reached."""

    stop_reason = "max_time"

    def on_batch_end(self, run, report):
        return run.max_time is not None and run.seconds() >= run.max_time


def with_parameters(network, arrays):
    """A copy of a network with other weights and biases, in the order of `parameters`."""
    return _with_arrays(network, arrays).copy()


def _with_arrays(network, arrays):
    other = copy.copy(network)
    n_layers = len(network.weights)
    other.weights = arrays[:n_layers]
    other.biases = arrays[n_layers:] or None
    return other
