"""Networks with inferred causes: training on tables with missing entries, and predictions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from .._data.scaling import standardise
from .._network_core import make_read_only
from .._random import NETWORKS, ORDER, child_seed, stream
from ..generative import CauseTrainer, infer_causes
from ..inference import InferenceMethod, Objective, QuasiNewton
from ..network import Network

#: Standardised values of larger size count as this large in inference: their squares must not
#: overflow.
FAR = 1e6

#: Rows whose causes are inferred at once; limits memory.
BLOCK_ROWS = 2048

#: Epochs of an imputer's automatic training: 20; up to 60 if it makes fewer updates than the first
#: number, down to 8 if it makes more than the second.
IMPUTER_UPDATES, IMPUTER_EPOCHS = (120, 1600), (60, 20, 8)


def refuse_sparse(estimator: Any, X: Any) -> None:
    """Raise TypeError if X is sparse."""
    if issparse(X):
        raise TypeError(
            f"X is sparse, but {type(estimator).__name__} needs a dense array: its zeros count as "
            "observed. Give X.toarray()"
        )


class Plan(NamedTuple):
    """How networks are drawn and trained.

    Attributes
    ----------
    alpha : float
        Weights without a gradient fall to ``exp(-alpha)`` of their values.
    n_epochs : int, or "auto" until the number of rows is known
    learning_rate : float
        Of the first step; it falls linearly to 0.
    verbose : bool
        Whether to print a line for each epoch.
    """

    layer_sizes: tuple[int, ...]
    activation: Any
    parameterization: str
    output_precision: float
    method: InferenceMethod
    alpha: float
    batch_size: int
    learning_rate: float
    n_epochs: int | str
    verbose: bool


def check_inference(inference, tol=None):
    """The `QuasiNewton` of an ``inference`` argument; ``tol``: that of the name's object."""
    if isinstance(inference, QuasiNewton):
        inference.check()
        return inference
    if not isinstance(inference, str) or inference != "quasi_newton":
        raise ValueError(
            "inference must be 'quasi_newton' or a pcnet.inference.QuasiNewton, which start from "
            f"given errors and weigh each output; got {inference!r}"
        )
    return QuasiNewton() if tol is None else QuasiNewton(tol=tol)


def usual_components(n_columns):
    """The automatic number of causes."""
    return min(16, max(1, n_columns // 2))


def standardised(values, observed, mean, scale, dtype):
    """Standardised values of the network's dtype, limited to `FAR`; 0 where not observed.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
    observed : bool ndarray of shape (n, n_columns)
    mean, scale : float64 ndarray of shape (n_columns,)
    dtype : dtype
    """
    wide = np.where(observed, values, mean)
    wide = standardise(wide, mean, scale, np.empty(wide.shape))
    np.clip(wide, -FAR, FAR, out=wide)
    wide[~observed] = 0
    return wide.astype(dtype)


def train_networks(values, observed, plan, seed, n_networks, resample=None):
    """Train networks from different random weights.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        Standardised, of the networks' dtype; 0 where not observed.
    observed : bool ndarray of shape (n, n_columns)
    plan : Plan
    seed : SeedSequence
    n_networks : int
    resample : Generator, optional
        Draws the rows of each network, with replacement. Default: all rows once.

    Returns
    -------
    networks : list of Network
    curves : float ndarray of shape (n_networks, n_epochs), or (1, 0) without networks
        Mean energy of each epoch.
    """
    networks, curves = [], []
    for index in range(n_networks):
        own = child_seed(seed, NETWORKS, index)
        title = f"network {index + 1} of {n_networks}"
        factors = observed.astype(values.dtype)
        if resample is None:
            network, curve = train_one(values, factors, plan, own, title)
        else:
            rows = np.sort(resample.integers(len(values), size=len(values)))
            network, curve = train_one(values[rows], factors[rows], plan, own, title)
        networks.append(network)
        curves.append(curve)
    return networks, np.array(curves) if curves else np.zeros((1, 0))


def train_one(values, factors, plan, seed, title):
    """A trained network, and the mean energy of each of its epochs."""
    network = draw_network(plan, seed, values.dtype)
    rates = learning_rates(plan, len(values))
    curve = run_epochs(network, values, factors, plan, rates, stream(seed, ORDER), title)
    make_read_only(network)
    return network, curve


def draw_network(plan, seed, dtype):
    """A network with random weights and the plan's objective."""
    network = Network.init(
        plan.layer_sizes,
        plan.activation,
        plan.parameterization,
        bias=True,
        random_state=seed,
        dtype=dtype,
    )
    _start_rectified_units(network, seed)
    network.objective = Objective(output_precision=plan.output_precision)
    return network


def imputer_epochs(max_iter, n, batch_size):
    """The epochs of an imputer's networks on n rows; ``max_iter`` unless that is "auto"."""
    if max_iter != "auto":
        return max_iter
    n_batches = max(1, -(-n // batch_size))
    (few, many), (most, usual, least) = IMPUTER_UPDATES, IMPUTER_EPOCHS
    return int(np.clip(few // n_batches, min(usual, max(least, many // n_batches)), most))


def learning_rates(plan, n):
    """The rate of each minibatch of n samples, (n_epochs, n_batches)."""
    n_batches = -(-n // plan.batch_size)
    n_epochs = plan.n_epochs
    rates = plan.learning_rate * np.arange(n_epochs * n_batches, 0, -1) / (n_epochs * n_batches)
    return rates.reshape(n_epochs, n_batches)


def run_epochs(network, values, factors, plan, rates, order, title, decay=None):
    """Train a network in place, an epoch for each row of rates; return the mean energies.

    Parameters
    ----------
    network : Network
    values, factors : ndarray of shape (n, n_columns)
        Outputs, and factors of the network's output precision, 0 where not observed.
    plan : Plan
    rates : ndarray of shape (n_epochs, n_batches)
    order : Generator
        Of the order of rows.
    title : str
        Of the lines that are printed if the plan is verbose.
    decay : float, optional
        Of the weights, in units of the rate. Default: the plan's alpha over the sum of the rates.
    """
    n, n_epochs = len(values), len(rates)
    trainer = CauseTrainer(
        network,
        network.objective,
        method=plan.method,
        max_batch_size=min(n, plan.batch_size),
    )
    errors = trainer.start_errors(n)  # each row's inference starts where it ended before
    decay = plan.alpha / rates.sum() if decay is None else decay
    curve = []
    for epoch in range(n_epochs):
        energy = trainer.epoch(
            values,
            factors,
            learning_rates=rates[epoch],
            order=order.permutation(n),
            weight_decay=decay,
            errors=errors,
        )
        curve.append(energy)
        if plan.verbose:
            print(f"{title}, epoch {epoch + 1} of {n_epochs}: mean energy {curve[-1]:.4g}")
    trainer.sync()
    return curve


def _start_rectified_units(network, seed):
    """Draw the biases of ReLU units, whose derivative at 0 is 0: causes of 0 would never move."""
    rng = stream(seed, NETWORKS)
    for activation, biases in zip(network.activations[1:], network.biases, strict=False):
        if activation == "relu":
            biases[:] = rng.standard_normal(len(biases))


def predict_outputs(networks, values, method):
    """Mean of the networks' predictions of all outputs, float64 (n, n_columns).

    Parameters
    ----------
    networks : list of Network
    values : ndarray of shape (n, n_columns)
        Of the networks' dtype, NaN where not observed.
    method : QuasiNewton
    """
    total = np.zeros(values.shape)
    for start in range(0, len(values), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        for network in networks:
            total[block] += infer_causes(network, values[block], method).activities[-1]
    return total / len(networks)
