"""Training of a density: weights, prior and noise, each from samples of the posterior.

The most likely causes ignore how uncertain causes are: learning from them alone overstates the
precision of the noise, and weights grow. Between stretches of training, the prior and the noise of
each output are therefore estimated by expectation-maximisation from samples of the posterior.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core.matrices import cholesky, product
from .._objective import Objective, loss_parts
from .._random import NETWORKS, NOISE, ORDER, child_seed, stream
from ..generative import Sampler, log_density, sample_causes
from .causes import BLOCK_ROWS, draw_network, learning_rates, run_epochs

#: Stretches of training, and rounds of estimation after each.
STRETCHES, ROUNDS = 5, 3

#: Some trainings end in poor networks, from poor initial weights or because the noise is
#: overestimated in turn with the weights. Tables of at most so many rows are therefore trained
#: from so many initial weights, of which the best after the first stretch goes on; and a stretch
#: is taken back if the mean log density of about so many rows falls by more than `MOST_LOSS` times
#: the root of the number of columns.
FEW_ROWS, STARTS, SCORED_ROWS, MOST_LOSS = 1000, 2, 200, 0.03

#: Least noise of an output, as a fraction of the mean variance of the outputs.
LEAST_NOISE = 1e-3

#: Samples of the posterior in a round, for fewer rows than these.
ENOUGH_DRAWS = 1000

#: Most and least epochs of an automatic training; between them it makes this many updates.
MOST_EPOCHS, LEAST_EPOCHS, ENOUGH_UPDATES = 120, 20, 1400

#: Hidden layers' noise has this fraction of the variance of their initial signals, for activations
#: that are linear in the large: the causes then determine the outputs almost alone.
STIFFNESS = 30.0
_UNBOUNDED = {"identity", "relu", "leaky_relu", "gelu", "silu", "selu"}


def train_density(values, observed, plan, loss, start, weights, seed, n_starts=STARTS):
    """Train a network and estimate the precision of each output.

    Parameters
    ----------
    values : ndarray of shape (n, K)
        Of the network's dtype; 0 where not observed.
    observed : bool ndarray of shape (n, K)
    plan : Plan
        With an output precision of 1.
    loss : "squared_error" or Blocks
    start : float64 ndarray of shape (K,)
        The precisions at the start; those of other losses than the squared error stay.
    weights : float64 ndarray of shape (K,)
        Factors of the precisions while weights are learned, not in the estimates.
    seed : SeedSequence
    n_starts : int
        Initial weights that are tried where rows are few.

    Returns
    -------
    network : Network
    precisions : float64 ndarray of shape (K,)
    curve : list of float
        Mean energy of each epoch.
    """
    plan = with_epochs(plan, len(values))
    training = _Training(values, observed, plan, loss, weights, seed)
    if len(values) > FEW_ROWS or training.n_parts < STRETCHES:
        n_starts = 1
    runs = [training.start(index, start) for index in range(n_starts)]
    densities = [training.density(run) for run in runs]
    best = max(densities)
    run = runs[densities.index(best)]
    for k in range(1, training.n_parts):
        run, best = training.go_on_or_return(k, run, best)
    return run[:3]


class _Run(NamedTuple):
    """A network in training.

    Attributes
    ----------
    network : Network
    precisions : float64 ndarray of shape (K,)
    curve : list of float
    order : Generator
        Of the order of rows.
    """

    network: Any
    precisions: Any
    curve: list[float]
    order: np.random.Generator


class _Training:
    """The stretches of a training; the arguments are those of `train_density`."""

    def __init__(self, values, observed, plan, loss, weights, seed):
        self.values, self.observed, self.plan, self.loss = values, observed, plan, loss
        self.weights, self.seed = weights, seed
        rates = learning_rates(plan, len(values))
        self.n_parts = min(STRETCHES, len(rates))
        self.parts = np.array_split(rates, self.n_parts)
        self.decay = plan.alpha / rates.sum()

    def start(self, index, precisions):
        """A network from the initial weights of an index, after the first stretch."""
        own = child_seed(self.seed, NETWORKS, index) if index else self.seed
        network = draw_network(self.plan, own, self.values.dtype)
        network.objective = Objective(self.loss)
        _stiffen(network)
        return self.go_on(0, _Run(network, precisions, [], stream(self.seed, ORDER)))

    def go_on(self, k, run):
        """The run after stretch k; its network is changed in place."""
        network, precisions, curve, order = run
        values, plan = self.values, self.plan
        factors = (self.observed * precisions * self.weights).astype(values.dtype)
        title = f"part {k + 1} of {self.n_parts}"
        more = run_epochs(network, values, factors, plan, self.parts[k], order, title, self.decay)
        for index in range(ROUNDS):
            own = child_seed(self.seed, NOISE, k, index)
            precisions = estimate(network, values, self.observed, precisions, plan.method, own)
        return _Run(network, precisions, curve + more, order)

    def go_on_or_return(self, k, run, best):
        """The same, or with weights and precisions of before if the density falls; and the best."""
        arrays = [*run.network.weights, *run.network.biases]
        kept, precisions = [array.copy() for array in arrays], run.precisions
        run = self.go_on(k, run)
        density = self.density(run)
        if density > best - MOST_LOSS * np.sqrt(self.values.shape[1]):
            return run, max(best, density)
        for array, old in zip(arrays, kept, strict=True):
            array[:] = old
        return run._replace(precisions=precisions), best

    def density(self, run):
        """Mean log density of some of the rows, with the precisions that weights learn from."""
        some = slice(None, None, -(-len(self.values) // SCORED_ROWS))
        precisions = run.precisions * self.weights
        found = row_densities(
            run.network, precisions, self.values[some], self.observed[some], self.plan.method
        )
        return float(np.mean(found))


def row_densities(network, precisions, values, observed, method):
    """Log density of each row, (n,), in the units of the outputs; without labels."""
    partial = np.where(observed, values, np.nan)
    for loss, outputs in loss_parts(network.objective.loss):
        if loss != "squared_error":
            partial[:, outputs] = np.nan
    return log_density(network, partial, method, output_precision=precisions.astype(network.dtype))


def with_epochs(plan, n):
    """The plan with its number of epochs on n rows."""
    if plan.n_epochs != "auto":
        return plan
    n_batches = -(-n // plan.batch_size)
    n_epochs = int(np.clip(ENOUGH_UPDATES // n_batches, LEAST_EPOCHS, MOST_EPOCHS))
    return plan._replace(n_epochs=n_epochs)


def estimate(network, values, observed, precisions, method, seed):
    """One step of expectation-maximisation of the prior and of the outputs' precisions.

    The new prior's mean and covariance enter the weights and biases of the first layer, so that
    the causes stay standard normal.

    Parameters
    ----------
    network : Network
        Changed in place.
    values, observed, precisions
        As for `train_density`.
    method : QuasiNewton
    seed : SeedSequence

    Returns
    -------
    float64 ndarray of shape (K,)
        New precisions.
    """
    n, n_causes = len(values), network.layer_sizes[0]
    n_draws = -(-ENOUGH_DRAWS // n)
    noisy = with_noise(network)
    squares, total = np.zeros(values.shape[1]), np.zeros(n_causes)
    products = np.zeros((n_causes, n_causes))
    for begin in range(0, n, BLOCK_ROWS):
        block = slice(begin, begin + BLOCK_ROWS)
        seen = observed[block]
        samples = sample_causes(
            network,
            np.where(seen, values[block], np.nan),
            n_draws,
            Sampler(method),
            output_precision=precisions.astype(network.dtype),
            random_state=child_seed(seed, begin),
        )
        rest = np.where(seen, values[block] - samples.activities[-1], 0.0)
        squares += np.square(rest).sum(axis=(0, 1), dtype=np.float64)
        causes = samples.causes.reshape(-1, n_causes).astype(np.float64)
        total += causes.sum(axis=0)
        products += product(causes.T, causes)
    mean = total / (n * n_draws)
    covariance = products / (n * n_draws) - mean[:, None] * mean
    _absorb(network, mean, cholesky(covariance[None])[0])
    noise = squares / np.maximum(n_draws * observed.sum(axis=0), 1)
    least = LEAST_NOISE * np.mean(np.square(values[observed & noisy], dtype=np.float64))
    noise = np.maximum(noise, max(least, np.finfo(np.float32).tiny))
    return np.where(noisy, 1 / noise, precisions)


def with_noise(network):
    """Which outputs have the squared error, whose precision is the inverse of a variance."""
    noisy = np.zeros(network.layer_sizes[-1], dtype=bool)
    for loss, outputs in loss_parts(network.objective.loss):
        noisy[outputs] = loss == "squared_error"
    return noisy


def _absorb(network, mean, L):
    """Causes ``mean + L z`` with z standard normal: their first layer as a function of z."""
    W = network.weights[0].astype(np.float64)
    network.biases[0] += network.scales[0] * product(mean[None], W)[0]
    network.weights[0][:] = product(L.T, W)


def _stiffen(network):
    if network.n_layers > 1 and set(network.activations) <= _UNBOUNDED:
        network.scales[0] *= np.sqrt(STIFFNESS)
        network.scales[-1] /= np.sqrt(STIFFNESS)
