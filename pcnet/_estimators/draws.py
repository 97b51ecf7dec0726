"""Outputs drawn from models, with a spread that is measured on hidden entries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..generative import Sampler, sample_causes
from ..inference import QuasiNewton
from ..network import Network
from .causes import BLOCK_ROWS, predict_outputs

#: Share of the observed entries that is hidden to measure the spread, and the least number.
SPREAD_SHARE, SPREAD_ENTRIES = 0.1, 20

#: Factors among which `measure_spread` chooses.
FACTORS = (0.0, 0.25, 0.5, 0.75, 1.0)

#: Draws of each hidden entry, and hidden entries of a column that the table's mean counts for.
_DRAWS, _PRIOR_ENTRIES = 8, 10


class Spread(NamedTuple):
    """How the draws of a model deviate from its predictions.

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


class NetworkModel(NamedTuple):
    """A network and the inference of its causes, as a model of rows beside `FactorModel`."""

    network: Network
    method: QuasiNewton

    @property
    def noise(self):
        """Variance of each column's noise."""
        variance = 1 / self.network.objective.output_precision
        return np.full(self.network.layer_sizes[-1], variance)

    def predict(self, values):
        """Predictions of all entries of rows (n, n_columns), NaN where not observed."""
        return predict_outputs([self.network], values, self.method)

    def draw(self, values, rng):
        """The same with causes and hidden activities that are drawn from their posterior."""
        drawn = np.empty(values.shape)
        for start in range(0, len(values), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            samples = sample_causes(
                self.network, values[block], 1, Sampler(self.method), random_state=rng
            )
            drawn[block] = samples.activities[-1][0]
        return drawn


def measure_spread(models, values, hidden, rng):
    """The `Spread` with which draws deviate from the mean prediction as hidden entries do.

    The models' differences count as a part of it. Of the factors of `FACTORS` it takes the one
    that makes the hidden entries most likely, as normal numbers around their predictions; each
    column's noise then makes the mean square of the deviations right.

    Parameters
    ----------
    models : list of NetworkModel or FactorModel
        Trained without the hidden entries.
    values : ndarray of shape (n, n_columns)
        Standardised, NaN where not observed.
    hidden : bool ndarray of shape (n, n_columns)
    rng : Generator
    """
    n_columns = values.shape[1]
    if np.count_nonzero(hidden) < SPREAD_ENTRIES:
        return Spread(np.ones(n_columns), np.sqrt(models[0].noise))
    rows = np.flatnonzero(hidden.any(axis=1))
    values, hidden = values[rows], hidden[rows]
    partial = np.where(hidden, np.nan, values).astype(values.dtype)
    predicted = np.array([model.predict(partial) for model in models])
    centre = predicted.mean(axis=0)
    error = np.where(hidden, np.square(values - centre), 0.0)
    between = np.square(predicted - centre).mean(axis=0) * hidden
    within = np.zeros(values.shape)
    n_draws = max(1, _DRAWS // len(models))
    for model, own in zip(models, predicted, strict=True):
        for _ in range(n_draws):
            within += np.square(model.draw(partial, rng) - own)
    within *= hidden / (n_draws * len(models))
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


def draw_outputs(model, values, spread, rng):
    """A draw of all outputs of each row, float64 (n, n_columns).

    Parameters
    ----------
    model : NetworkModel or FactorModel
    values : ndarray of shape (n, n_columns)
        Standardised, NaN where not observed.
    spread : Spread
    rng : Generator
    """
    predicted = model.predict(values)
    drawn = model.draw(values, rng)
    noise = spread.noise * rng.standard_normal(drawn.shape)
    return predicted + spread.factor * (drawn - predicted) + noise
