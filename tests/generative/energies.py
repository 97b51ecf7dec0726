"""The energy of a network with a free input and outputs observed in part, in NumPy."""

import numpy as np

from pcnet._objective import loss_parts
from pcnet.generative import Prior
from pcnet.losses import Blocks

from .. import reference
from ..helpers import make_batch, make_network

#: Of the outputs of `problem`: those of the log loss are observed or missing together.
BLOCKS = Blocks(["squared_error", "log_loss", "poisson"], [2, 2, 1])
PRIOR = Prior(np.array([0.4, -0.3, 0.2]), 2.5)


def activities(net, prior, errors):
    """z_0 and [z_1, ..., mu_L] at the errors e_0..e_H."""
    causes = prior.mean + errors[0] / np.sqrt(prior.precision)
    return causes, reference.propagate(net, causes, errors[1:])


def observed_losses(mu, Y, loss, precisions):
    """Each sample's loss, its outputs' parts times their precisions; NaN targets of precision 0."""
    if isinstance(loss, Blocks):
        ends = np.cumsum(loss.sizes)
        parts = zip(loss.losses, ends - loss.sizes, ends, strict=True)
        return sum(
            observed_losses(mu[:, i:j], Y[:, i:j], own, precisions[:, i:j]) for own, i, j in parts
        )
    Y = np.where(precisions > 0, Y, 0)
    if loss == "log_loss":  # not a sum over the outputs
        log_sum = np.log(np.exp(mu).sum(axis=1, keepdims=True))
        return np.sum(precisions * Y * (log_sum - mu), axis=1)
    parts = reference.loss_values(loss, mu.reshape(-1, 1), Y.reshape(-1, 1))
    return np.sum(precisions * parts.reshape(Y.shape), axis=1)


def energies(net, Y, errors, *, prior, loss, precisions):
    """F of each sample at the errors e_0..e_H."""
    mu = activities(net, prior, errors)[1][-1]
    squares = sum(np.sum(e**2, axis=1) for e in errors)
    return 0.5 * squares + observed_losses(mu, Y, loss, precisions)


def problem(
    sizes=(3, 6, 6, 5), activation="tanh", n_samples=12, *, loss="squared_error", **network
):
    """A network, and targets (n, K) of which some are NaN; with the log loss whole rows."""
    net = make_network(sizes, activation, **network)
    Y = make_batch(net, n_samples, loss)[1]
    rng = np.random.default_rng(5)
    missing = rng.random(Y.shape) < 0.4
    for own, outputs in loss_parts(loss):
        if own == "log_loss":
            missing[:, outputs] = missing[:, outputs][:, :1]
    missing[0], missing[1] = False, True
    Y[missing] = np.nan
    return net, Y
