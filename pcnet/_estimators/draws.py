"""Outputs drawn from networks, with a spread that is measured on hidden entries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..generative import Sampler, sample_causes
from .causes import BLOCK_ROWS, predict_outputs

#: Share of the observed entries that is hidden to measure the spread, and the least number.
SPREAD_SHARE, SPREAD_ENTRIES = 0.1, 20

#: Factors among which `measure_spread` chooses.
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)

#: Draws of each hidden entry, and hidden entries of a column that the table's mean counts for.
_DRAWS, _PRIOR_ENTRIES = 8, 10


class Spread(NamedTuple):
    """How the draws of a network deviate from its predictions.

    Attributes
    ----------
    factor : float64 ndarray of shape (n_columns,)
        From 0 to 1: of the deviations that the posterior gives.
    noise : float64 ndarray of shape (n_columns,)
        Standard deviation of the independent rest.
    """

    factor: np.ndarray
    noise: np.ndarray

    def without(self, columns):
        """The same but for some columns, whose draws are the predictions."""
        return Spread(np.where(columns, 0.0, self.factor), np.where(columns, 0.0, self.noise))


def measure_spread(networks, values, hidden, method, rng):
    """The `Spread` with which draws deviate from the mean prediction as hidden entries do.

    The networks' differences count as a part of it. Of the factors of `FACTORS` it takes the one
    that makes the hidden entries most likely, as normal numbers around their predictions; each
    column's noise then makes the mean square of the deviations right.

    Parameters
    ----------
    networks : list of Network
        Trained without the hidden entries.
    values : ndarray of shape (n, n_columns)
        Standardised, NaN where not observed.
    hidden : bool ndarray of shape (n, n_columns)
    method : QuasiNewton
    rng : Generator
    """
    n_columns = values.shape[1]
    if np.count_nonzero(hidden) < SPREAD_ENTRIES:
        precision = networks[0].objective.output_precision
        return Spread(np.ones(n_columns), np.full(n_columns, 1 / np.sqrt(precision)))
    rows = np.flatnonzero(hidden.any(axis=1))
    values, hidden = values[rows], hidden[rows]
    partial = np.where(hidden, np.nan, values).astype(values.dtype)
    predicted = np.array([predict_outputs([network], partial, method) for network in networks])
    centre = predicted.mean(axis=0)
    error = np.where(hidden, np.square(values - centre), 0.0)
    between = np.square(predicted - centre).mean(axis=0) * hidden
    within = np.zeros(values.shape)
    n_draws = max(1, _DRAWS // len(networks))
    for network, own in zip(networks, predicted, strict=True):
        for _ in range(n_draws):
            within += np.square(_draw(network, partial, method, rng) - own)
    within *= hidden / (n_draws * len(networks))
    count = hidden.sum(axis=0)
    sizes = [_column_means(part, count) for part in (error, between, within)]
    found = [_fit_noise(factor, *sizes) for factor in FACTORS]
    parts = [part[hidden] for part in (error, between, within)]
    costs = [_cost(spread, *parts, np.nonzero(hidden)[1]) for spread in found]
    return found[int(np.argmin(costs))]


def _column_means(parts, count):
    """Means of the columns' hidden entries, drawn to that of the table by some entries."""
    overall = parts.sum() / count.sum()
    return (parts.sum(axis=0) + _PRIOR_ENTRIES * overall) / (count + _PRIOR_ENTRIES)


def _fit_noise(factor, error, between, within):
    """The `Spread` of a factor, smaller where the posterior alone deviates too much."""
    rest = np.maximum(0.0, error - between)
    most = np.sqrt(rest / np.maximum(within, np.finfo(np.float64).tiny))
    factors = np.minimum(factor, most)
    return Spread(factors, np.sqrt(np.maximum(0.0, rest - np.square(factors) * within)))


def _cost(spread, error, between, within, columns):
    """Mean negative log density of the hidden entries, up to a constant."""
    own = np.square(spread.factor)[columns] * within + np.square(spread.noise)[columns]
    whole = np.maximum(own + between, 1e-12)
    return np.mean(np.log(whole) + error / whole)


def draw_outputs(network, values, spread, method, rng):
    """A draw of all outputs of each row, float64 (n, n_columns).

    Parameters
    ----------
    network : Network
    values : ndarray of shape (n, n_columns)
        Of the network's dtype, NaN where not observed.
    spread : Spread
    method : QuasiNewton
    rng : Generator
    """
    predicted = predict_outputs([network], values, method)
    drawn = np.empty(values.shape)
    for start in range(0, len(values), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        drawn[block] = _draw(network, values[block], method, rng)
    noise = spread.noise * rng.standard_normal(drawn.shape)
    return predicted + spread.factor * (drawn - predicted) + noise


def _draw(network, values, method, rng):
    """A draw of the noiseless outputs."""
    return sample_causes(network, values, 1, Sampler(method), random_state=rng).activities[-1][0]
