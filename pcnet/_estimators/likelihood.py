"""Training of a density: weights, prior and noise, each from samples of the posterior.

The most likely causes ignore how uncertain causes are: learning from them alone overstates the
precision of the noise, and weights grow. Between stretches of training, the prior and the noise of
each output are therefore estimated by expectation-maximisation from samples of the posterior.
"""

from __future__ import annotations

import numpy as np

from .._core.matrices import cholesky, product
from .._random import NOISE, ORDER, child_seed, stream
from ..generative import Sampler, sample_causes
from .causes import BLOCK_ROWS, draw_network, learning_rates, run_epochs

#: Stretches of training, and rounds of estimation after each.
STRETCHES, ROUNDS = 5, 3

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


def train_density(values, observed, plan, start, weights, seed):
    """Train a network and estimate the precision of each output.

    Parameters
    ----------
    values : ndarray of shape (n, K)
        Of the network's dtype; 0 where not observed.
    observed : bool ndarray of shape (n, K)
    plan : Plan
        With an output precision of 1.
    start : float64 ndarray of shape (K,)
        The precisions at the start.
    weights : float64 ndarray of shape (K,)
        Factors of the precisions while weights are learned, not in the estimates.
    seed : SeedSequence

    Returns
    -------
    network : Network
    precisions : float64 ndarray of shape (K,)
    curve : list of float
        Mean energy of each epoch.
    """
    n = len(values)
    plan = with_epochs(plan, n)
    network = draw_network(plan, seed, values.dtype)
    _stiffen(network)
    rates, order = learning_rates(plan, n), stream(seed, ORDER)
    decay = plan.alpha / rates.sum()
    precisions, curve = start, []
    n_stretches = min(STRETCHES, len(rates))
    for k, part in enumerate(np.array_split(rates, n_stretches)):
        factors = (observed * precisions * weights).astype(values.dtype)
        title = f"part {k + 1} of {n_stretches}"
        curve += run_epochs(network, values, factors, plan, part, order, title, decay)
        for index in range(ROUNDS):
            own = child_seed(seed, NOISE, k, index)
            precisions = estimate(network, values, observed, precisions, plan.method, own)
    return network, precisions, curve


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
    least = LEAST_NOISE * np.mean(np.square(values[observed], dtype=np.float64))
    return 1 / np.maximum(noise, max(least, np.finfo(np.float32).tiny))


def _absorb(network, mean, L):
    """Causes ``mean + L z`` with z standard normal: their first layer as a function of z."""
    W = network.weights[0].astype(np.float64)
    network.biases[0] += network.scales[0] * product(mean[None], W)[0]
    network.weights[0][:] = product(L.T, W)


def _stiffen(network):
    if network.n_layers > 1 and set(network.activations) <= _UNBOUNDED:
        network.scales[0] *= np.sqrt(STIFFNESS)
        network.scales[-1] /= np.sqrt(STIFFNESS)
