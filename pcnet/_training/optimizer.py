"""What trains a network: the protocol that minibatch training and L-BFGS share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple


class StepReport(NamedTuple):
    """What one training step saw; means are weighted by sample.

    Attributes
    ----------
    n_samples : int
    loss : float
        Loss of the feed-forward outputs, output precision left out.
    energy : float
        After inference.
    n_steps, n_passes : float
        Of inference, mean over the samples.
    converged : float
        Share of the samples that met the gradient test.
    ended : float
        Share of the samples that ended by any test, before the limit of steps.
    weight : float
        With which the step counts in the means of its epoch: the sum of the sample weights.
    """

    n_samples: int
    loss: float
    energy: float
    n_steps: float
    n_passes: float
    converged: float
    ended: float
    weight: float


@dataclass
class OptimizerState:
    """A solver's memory: what it takes to go on as if never interrupted.

    Attributes
    ----------
    n_updates : int
    weights, biases : list of list of ndarray
        For each moment (Adam two, SGD one), one array a layer, shaped like the parameters.
        ``biases`` is empty without biases.
    """

    n_updates: int
    weights: list
    biases: list


class Optimizer(ABC):
    """What a `Run` trains its network with: `Trainer` or `FullBatch`.

    `train` asks `reason_to_stop` and calls `epoch` in turn; all that observers see of the weights
    goes through `sync`.

    Attributes
    ----------
    network : Network
        Holds the present weights after `sync`.
    objective : Objective
    method : inference object
        That trains; one that learns holds what it has learned.
    """

    @abstractmethod
    def epoch(self, run):
        """Train for one epoch: yield a `StepReport` after each step.

        The caller may stop between two steps; another call then goes on with step ``run.batch``.
        Where training diverges, `Run.diverge` is told and the epoch ends.
        """

    def steps_per_epoch(self, minibatches):
        """How many reports a complete epoch yields. A partial one leaves no row in the history."""
        return minibatches.n_batches

    def reason_to_stop(self, run):
        """Why no other epoch should follow, one of ``STOP_REASONS``; None: one should."""
        return "max_iter" if run.n_epochs >= run.max_iter else None

    @abstractmethod
    def sync(self):
        """Write the present weights and biases into the network."""

    @abstractmethod
    def load(self):
        """Read the network's weights and biases, to train on with them."""

    @abstractmethod
    def output(self, X):
        """Outputs mu_L (n, K) with the present weights for `Rows` of the network's dtype."""

    @abstractmethod
    def state(self):
        """A copy of the solver's memory as `OptimizerState`, while training goes on; or None."""

    @abstractmethod
    def release(self):
        """Give up all memory; return the solver's, as `state`. No step can follow."""

    @abstractmethod
    def describe_divergence(self, run):
        """Text of the error for a run that diverged: what happened, and what to change."""

    @abstractmethod
    def describe_limit(self, run):
        """Text of the warning for a run that ended at "max_iter"; None if that was the plan."""
