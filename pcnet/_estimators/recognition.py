"""Hybrid predictive coding of `PCGenerative`: a second network guesses the causes of rows."""

from __future__ import annotations

import numpy as np

from .._network_core import make_read_only
from .._objective import Objective
from .._random import NETWORKS, ORDER, PILOT_PARTS, child_seed, stream
from .._training.trainer import Trainer
from ..inference import ErrorDescent
from ..network import Network
from ..solvers import Adam
from .causes import learning_rates

#: Most rows that a recognizer learns from, each of them whole and with a part hidden: up to this
#: share of its entries.
MOST_ROWS, HIDDEN_SHARE = 10_000, 0.8

#: Updates of a recognizer's training, the least and most epochs, and the first rate.
UPDATES, EPOCHS, RATE = 3000, (10, 60), 0.03


def mirrored(plan, n_columns, seed, dtype):
    """A network from the columns to the causes, through the plan's hidden layers in reverse."""
    activation = plan.activation
    return Network.init(
        (n_columns, *plan.layer_sizes[-2::-1]),
        activation if isinstance(activation, str) else [*activation][::-1],
        plan.parameterization,
        bias=True,
        random_state=seed,
        dtype=dtype,
    )


def train_recognizer(outputs, n_columns, causes_of, plan, seed):
    """A network from rows to their most likely causes.

    It is a predictive-coding network for regression. Its targets are the settled causes of the
    rows, without their targets y: of the rows as they are, and with a random part hidden.

    Parameters
    ----------
    outputs : ndarray of shape (n, K)
        Of the training rows, NaN where missing.
    n_columns : int
        The first outputs are those of X; the others are those of y.
    causes_of : callable
        Causes (n, D) of outputs.
    plan : Plan
        Of the generative network.
    seed : SeedSequence

    Returns
    -------
    Network
        Read-only.
    """
    rng = stream(seed, PILOT_PARTS)
    rows = np.sort(rng.permutation(len(outputs))[:MOST_ROWS])
    whole = outputs[rows]
    whole[:, n_columns:] = np.nan
    share = HIDDEN_SHARE * rng.random((len(rows), 1))
    part = np.where(rng.random(whole.shape) < share, np.nan, whole).astype(whole.dtype)
    given = np.vstack([whole, part])
    causes = np.ascontiguousarray(causes_of(given), given.dtype)
    values = columns_of(given, n_columns)
    network = mirrored(plan, n_columns, child_seed(seed, NETWORKS), given.dtype)
    n, size = len(values), min(plan.batch_size, len(values))
    n_epochs = int(np.clip(UPDATES // -(-n // size), *EPOCHS))
    rates = learning_rates(plan._replace(n_epochs=n_epochs, learning_rate=RATE, batch_size=size), n)
    trainer = Trainer(network, Objective(), ErrorDescent(), Adam(), size)
    order = stream(seed, ORDER)
    for own in rates:
        epoch = order.permutation(n)
        for rate, part in zip(own, np.array_split(epoch, len(own)), strict=True):
            trainer.step(values[part], causes[part], float(rate))
    trainer.sync()
    make_read_only(network)
    return network


def columns_of(outputs, n_columns):
    """The outputs of X, 0 where missing, as a recognizer reads them."""
    values = np.ascontiguousarray(outputs[:, :n_columns])
    return np.where(np.isnan(values), values.dtype.type(0), values)


def start_errors(network, recognizer, outputs):
    """Errors of the generative network from which inference starts: e_0..e_H.

    Those of the recognizer's causes, with hidden layers as the causes predict them: the noise of
    hidden layers is small, so guesses of their activities would have a high energy.
    """
    causes = recognizer.output(columns_of(outputs, recognizer.layer_sizes[0]))
    widths = network.layer_sizes[1:-1]
    return [causes, *(np.zeros((len(outputs), width), causes.dtype) for width in widths)]
