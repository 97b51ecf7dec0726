"""The protocol of optimisers, which minibatch training and L-BFGS implement."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._core.binding import Batch, Status, is_converged
from .._core.sums import dot
from .._types import Float64s

# a plain int: NumPy compares arrays with members of an enumeration several times more slowly
_REACHED_MAX_STEPS = int(Status.REACHED_MAX_STEPS)


class StepReport(NamedTuple):
    """Results of one training step; means are weighted by the sample weights.

    Attributes
    ----------
    n_samples : int
    loss : float
        Mean loss of the feed-forward outputs, without the output precision.
    energy : float
        Mean energy after inference.
    n_steps, n_passes : float
        Steps and passes of inference, mean over the samples.
    converged : float
        Fraction of the samples that met the gradient test.
    ended : float
        Fraction of the samples that ended by any test, before the limit of steps.
    weight : float
        Weight of the step in the means of its epoch: the sum of the sample weights.
    """

    n_samples: int
    loss: float
    energy: float
    n_steps: float
    n_passes: float
    converged: float
    ended: float
    weight: float


def step_report(samples: Any, share: Float64s, sample_weight: Float64s | None = None) -> StepReport:
    """The `StepReport` of a minibatch.

    Parameters
    ----------
    samples : Batch, or another object with its arrays loss, energy, n_steps, n_half_passes, status
    share : ndarray of float64 of shape (n,)
        Normalised sample weights.
    sample_weight : ndarray of float64 of shape (n,), or None
    """
    n = len(share)
    n_steps, n_passes, converged, ended = inference_sums(samples, n)
    return StepReport(
        n_samples=n,
        loss=dot(share, samples.loss[:n]),
        energy=dot(share, samples.energy[:n]),
        n_steps=float(n_steps / n),
        n_passes=float(n_passes / n),
        converged=converged / n,
        ended=ended / n,
        weight=float(n if sample_weight is None else np.sum(sample_weight)),
    )


def inference_sums(batch: Batch, n: int) -> tuple[int, float, int, int]:
    """Steps, passes, converged and ended samples of the first ``n`` rows of a batch."""
    status = batch.status[:n]
    return (
        batch.n_steps[:n].sum(),
        batch.n_half_passes[:n].sum() / 2,
        int(np.count_nonzero(is_converged(status))),
        int(np.count_nonzero(status != _REACHED_MAX_STEPS)),
    )


@dataclass
class OptimizerState:
    """A solver's memory, from which training continues with the same bits.

    Attributes
    ----------
    n_updates : int
    weights, biases : list of list of ndarray
        For each moment (Adam two, SGD one), one array per layer, shaped like the parameters.
        ``biases`` is empty without biases.
    """

    n_updates: int
    weights: list
    biases: list


class Optimizer(ABC):
    """Base class of the objects that train the network of a `Run`.

    `train` calls `reason_to_stop` and `epoch` in turn. `sync` writes the weights for observers.

    Attributes
    ----------
    network : Network
        Has the current weights after `sync`.
    objective : Objective
    method : inference object
        Method used in training, with its learned parameters, if any.
    writes_network : bool
        Whether `sync` writes (default True); False for a pilot, whose weights are not used.
    """

    writes_network = True

    @abstractmethod
    def epoch(self, run):
        """Train for one epoch: yield a `StepReport` after each step.

        The caller may stop between two steps; another call then continues with step ``run.batch``.
        If training diverges, it calls `Run.diverge` and ends the epoch.
        """

    def steps_per_epoch(self, minibatches):
        """Number of reports of a complete epoch. A partial epoch adds no row to the history."""
        return minibatches.n_batches

    def reason_to_stop(self, run):
        """Reason to stop before the next epoch, one of ``STOP_REASONS``; None: continue."""
        return "max_iter" if run.n_epochs >= run.max_iter else None

    @abstractmethod
    def sync(self):
        """Write the current weights and biases into the network."""

    @abstractmethod
    def load(self):
        """Read the network's weights and biases, to continue training with them."""

    @abstractmethod
    def output(self, X):
        """Outputs mu_L (n, K) with the current weights for `Rows` of the network's dtype."""

    @abstractmethod
    def state(self):
        """A copy of the solver's memory as `OptimizerState`, or None; training can continue."""

    @abstractmethod
    def release(self):
        """Free all memory and return the solver's, as `state` does. No step can follow."""

    def close(self):  # noqa: B027
        """End without the solver's memory. Default: nothing to do."""

    @abstractmethod
    def describe_divergence(self, run):
        """Text of the error for a run that diverged: cause and remedy."""

    @abstractmethod
    def describe_limit(self, run):
        """Text of the warning for a run that ended at "max_iter"; None if that was planned."""
