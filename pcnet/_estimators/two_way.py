"""Bidirectional predictive coding of `PCGenerative`: its fit, and what the two networks answer.

The generator leads from causes to columns, the recognizer back. The first causes are the targets y,
the others are free. Both networks share one energy, see `pcnet.generative.infer_bidirectional`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._core.matrices import cholesky, product
from .._network_core import make_read_only
from .._prediction.probabilities import log_softmax
from .._random import NETWORKS, NOISE, ORDER, PILOT_PARTS, SAMPLES, child_seed, seed_of, stream
from ..generative import BidirectionalTrainer, infer_bidirectional
from .causes import BLOCK_ROWS, check_inference, draw_network, learning_rates
from .likelihood import LEAST_NOISE, with_epochs
from .recognition import mirrored
from .target_block import ClassBlock

#: By default the recognizer's precision is so many times the generator's, times the columns for
#: each output of y: the errors of many columns would outweigh those of y.
RECOGNIZER_WEIGHT = 10.0

#: Rows of the pilot that measures how sharp probabilities are, the share on which it is tested, and
#: the least number of these.
PILOT_ROWS, TEST_SHARE, TEST_ROWS = 1000, 0.2, 20

#: Binary logarithms of the factors of squared distances among which the pilot chooses, and the
#: shares of entries that it hides: one factor would be too large where entries are missing.
SHARPNESS, HIDDEN = np.arange(-6, 8.25, 0.25), (0.0, 0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class TwoWay:
    """What a fitted pair has beside its networks.

    Attributes
    ----------
    precision : float
        p_g, the generator's; the recognizer's is 1.
    n_targets : int
        The first causes, those of y.
    means : float64 ndarray of shape (n_regressors, n_free)
        Of the free causes, as a linear function of `regressors`.
    spread : float64 ndarray of shape (n_free, n_free)
        Lower triangular: a normal draw times its transpose is added to the mean.
    sharpness : float64 ndarray of shape (2, n)
        Shares of missing entries, and for each the binary logarithm of a factor: log probabilities
        are minus half the squared distances to the classes' targets times this.
    """

    precision: float
    n_targets: int
    means: Any
    spread: Any
    sharpness: Any


class Settled(NamedTuple):
    """As `CauseResult`, as far as `PCGenerative` reads it."""

    causes: Any
    activities: list[Any]  # the generator's prediction of the columns
    energy: Any


class Drawn(NamedTuple):
    """As `CauseSamples`, as far as `PCGenerative` reads it."""

    activities: list[Any]
    outputs: Any


def generator_precision(model, n_targets):
    """p_g of a model's arguments."""
    if model.target_weight != "auto":
        return 1 / float(model.target_weight)
    if not n_targets:
        return 1.0
    return n_targets / (RECOGNIZER_WEIGHT * len(model.columns_))


# ---------------------------------------------------------------- fit


def fit_pair(model, outputs, plan, seed):
    """Train both networks and set the attributes that describe them.

    Parameters
    ----------
    model : PCGenerative
        With the attributes of its columns and targets.
    outputs : ndarray of shape (n, K)
        Of X and of y, NaN where missing.
    plan : Plan
        Of the generator.
    seed : SeedSequence

    Returns
    -------
    precisions : float64 ndarray of shape (n_columns,)
        Of the noise of columns.
    curve : list of float
        Mean energy of each epoch.
    """
    n_columns = len(model.columns_)
    values, targets = outputs[:, :n_columns].copy(), outputs[:, n_columns:].copy()
    precision = generator_precision(model, targets.shape[1])
    networks, curve = train_pair(values, targets, plan, precision, seed)
    for network in networks:
        make_read_only(network)
    known = ~np.isnan(targets).any(axis=1)
    causes = settle(networks, precision, values, targets, plan.method).causes.astype(np.float64)
    design, free = regressors(model._block, targets[known]), causes[known, targets.shape[1] :]
    sizes = np.maximum(np.square(design).sum(axis=0), np.finfo(np.float64).tiny)
    means = product(design.T, free) / sizes[:, None]  # the columns of the design are orthogonal
    rest = free - product(design, means)
    covariance = product(rest.T, rest) / len(rest)
    floor = 1e-6 * np.trace(covariance) / len(covariance) + np.finfo(np.float32).tiny
    spread = cholesky((covariance + floor * np.eye(len(covariance)))[None])[0]
    sharpness = np.zeros((2, 1))
    if isinstance(model._block, ClassBlock) and model._block.n_outputs:
        pilot = child_seed(seed, PILOT_PARTS)
        sharpness = _measure_sharpness(values[known], targets[known], plan, precision, pilot)
    model.network_, model.recognizer_ = networks
    model._two_way = TwoWay(precision, targets.shape[1], means, spread, sharpness)
    observed = ~np.isnan(values)
    rest = np.where(observed, values - networks[0].output(causes.astype(values.dtype)), 0.0)
    noise = np.square(rest).sum(axis=0, dtype=np.float64) / np.maximum(observed.sum(axis=0), 1)
    least = LEAST_NOISE * np.mean(np.square(values[observed], dtype=np.float64))
    return 1 / np.maximum(noise, max(least, np.finfo(np.float32).tiny)), curve


def train_pair(values, targets, plan, precision, seed, title=""):
    """A generator and a recognizer, and the mean energy of each epoch.

    Before each epoch the missing values become what the generator predicts from the observed ones
    of their row, and are then held. If they were free while the targets are given, they would
    become whatever makes the recognizer right, and it would learn nothing from them.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        NaN where missing.
    targets : ndarray of shape (n, n_targets)
        NaN where not known.
    plan : Plan
    precision : float
        The generator's.
    seed : SeedSequence
    title : str
        Of the lines that are printed if the plan is verbose.
    """
    n = len(values)
    plan = with_epochs(plan, n)
    rates, order = learning_rates(plan, n), stream(seed, ORDER)
    decay = plan.alpha / rates.sum()
    networks = [
        draw_network(plan, child_seed(seed, NETWORKS, 0), values.dtype),
        mirrored(plan, values.shape[1], child_seed(seed, NETWORKS, 1), values.dtype),
    ]
    trainer = BidirectionalTrainer(
        *networks, precision, method=plan.method, max_batch_size=min(n, plan.batch_size)
    )
    missing = np.isnan(values)
    gaps = np.flatnonzero(missing.any(axis=1))
    means = np.where(missing, 0, values).sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
    filled = np.where(missing, means.astype(values.dtype), values)
    causes = np.full((n, plan.layer_sizes[0]), np.nan, values.dtype)
    causes[:, : targets.shape[1]] = targets
    curve = []
    for epoch, own in enumerate(rates):
        if epoch and len(gaps):
            trainer.sync()
            unknown = np.full((len(gaps), targets.shape[1]), np.nan, values.dtype)
            found = settle(networks, precision, values[gaps], unknown, plan.method)
            filled[gaps] = np.where(missing[gaps], found.activities[0], values[gaps])
        total, rows = 0.0, order.permutation(n)
        for rate, part in zip(own, np.array_split(rows, len(own)), strict=True):
            report = trainer.step(
                causes[part], filled[part], learning_rate=float(rate), weight_decay=decay
            )
            total += len(part) * report.energy
        curve.append(total / n)
        if plan.verbose:
            print(f"{title}epoch {epoch + 1} of {len(rates)}: mean energy {curve[-1]:.4g}")
    trainer.sync()
    return networks, curve


def regressors(block, targets):
    """What the means of free causes are linear functions of: the class; 1 and the target; or 1."""
    n = len(targets)
    if isinstance(block, ClassBlock) and block.n_outputs:
        return np.eye(block.n_outputs)[targets.argmax(axis=1)]
    return np.hstack([np.ones((n, 1)), targets.astype(np.float64)])


def _measure_sharpness(values, targets, plan, precision, seed):
    """The `TwoWay.sharpness` that makes hidden labels most likely, by a pilot on some rows."""
    rows = stream(seed, ORDER).permutation(len(values))[:PILOT_ROWS]
    n_test = int(TEST_SHARE * len(rows))
    if n_test < TEST_ROWS:
        return np.zeros((2, 1))
    test, train = rows[:n_test], rows[n_test:]
    networks, _ = train_pair(values[train], targets[train], plan, precision, seed, "pilot, ")
    classes, codes = np.unique(targets, axis=0, return_inverse=True)
    truth = np.eye(len(classes))[codes.reshape(-1)[test]]
    truth += (1 / len(classes) - truth) / (n_test + 1)  # a row more, of any class
    unknown = np.full((n_test, targets.shape[1]), np.nan, values.dtype)
    rng, found = stream(seed, PILOT_PARTS), []
    for share in HIDDEN:
        part = np.where(rng.random(values[test].shape) < share, np.nan, values[test])
        causes = settle(networks, precision, part.astype(values.dtype), unknown, plan.method).causes
        squares = distances(causes[:, : targets.shape[1]], classes)
        costs = [-np.sum(truth * log_softmax(-0.5 * 2.0**k * squares)) for k in SHARPNESS]
        found.append((np.isnan(part).mean(), SHARPNESS[int(np.argmin(costs))]))
    return np.array(found).T


# ---------------------------------------------------------------- answers


def settle(networks, precision, values, targets, method):
    """Inference of rows (n, n_columns) and targets (n, n_targets), NaN where not known.

    Complete rows are inferred apart from the others, so that no row depends on the rest.
    """
    generator, recognizer = networks
    n, n_causes = len(values), generator.layer_sizes[0]
    causes = np.full((n, n_causes), np.nan, values.dtype)
    causes[:, : targets.shape[1]] = targets
    found = Settled(causes, [np.empty_like(values)], np.empty(n))
    gaps = np.isnan(values).any(axis=1)
    for rows in (np.flatnonzero(~gaps), np.flatnonzero(gaps)):
        for start in range(0, len(rows), BLOCK_ROWS):
            own = rows[start : start + BLOCK_ROWS]
            result = infer_bidirectional(
                generator, recognizer, causes[own], values[own], method,
                generator_precision=precision,
            )  # fmt: skip
            found.causes[own], found.energy[own] = result.causes, result.energy
            found.activities[0][own] = result.outputs - result.generator_errors[-1]
    return found


def infer_pair(model, outputs):
    """`settle` with a fitted model's networks."""
    split = len(model.columns_)
    method = check_inference(model.inference, tol=1e-4)
    networks = model.network_, model.recognizer_
    return settle(
        networks, model._two_way.precision, outputs[:, :split], outputs[:, split:], method
    )


def distances(found, targets):
    """Squared distance of each row (n, k) to each of the targets (K, k), (n, K)."""
    squares = np.empty((len(found), len(targets)))
    for k, target in enumerate(targets):
        squares[:, k] = np.square(found - target, dtype=np.float64).sum(axis=1)
    return squares


def log_probabilities(model, outputs):
    """Log probability of each class, (n, n_classes)."""
    block, state = model._block, model._two_way
    found = infer_pair(model, outputs).causes[:, : state.n_targets]
    if not block.n_outputs:  # a single class
        return np.zeros((len(outputs), 1))
    missing = np.isnan(outputs[:, : len(model.columns_)]).mean(axis=1)
    factors = 2.0 ** np.interp(missing, *state.sharpness)
    return log_softmax(-0.5 * factors[:, None] * distances(found, block.targets))


def draw_rows(model, outputs, n_samples, random_state):
    """Draws of rows without observed entries, given their targets if these are known.

    Targets that are not known are drawn by the frequencies of `fit`, free causes from a normal
    distribution given the targets, and columns from their noise around the generator's prediction.

    Returns
    -------
    Drawn
        With arrays (n_samples, n, n_columns).
    """
    network, state, block = model.network_, model._two_way, model._block
    seed = seed_of(random_state)
    rng, split = stream(seed, SAMPLES), len(model.columns_)
    n = n_samples * len(outputs)
    targets = np.full((n, state.n_targets), np.nan)
    given = outputs[:, split:]
    if given.shape[1]:
        targets[:] = np.tile(given, (n_samples, 1))
    unknown = np.isnan(targets).any(axis=1)
    if state.n_targets and isinstance(block, ClassBlock):
        codes = rng.choice(len(block.mean), n, p=block.mean)
        targets[unknown] = block.targets[codes[unknown]]
    elif state.n_targets:
        targets[unknown] = rng.standard_normal(targets.shape)[unknown]
    free = product(regressors(block, targets), state.means)
    free += product(rng.standard_normal(free.shape), state.spread.T)
    causes = np.hstack([targets, free]).astype(network.dtype)
    mu = network.output(causes).reshape(n_samples, len(outputs), split)
    noise = stream(seed, NOISE).standard_normal(mu.shape) / np.sqrt(model.output_precision_)
    return Drawn([mu], mu + noise)
