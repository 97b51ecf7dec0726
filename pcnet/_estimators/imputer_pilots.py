"""Pilots of an imputer: the weight decay of its networks, and the share of its linear model."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._random import PILOT_PARTS, stream
from .causes import learning_rates, predict_outputs, train_one
from .factors import fit_factors

#: Weight decays among which pilots choose: the first two, and then the third or the fourth, beside
#: the better one of them. And that of tables with too little to measure.
ALPHAS, USUAL_ALPHA = (3.0, 1.0, 0.3, 10.0), 1.0

#: Most rows of a pilot, the share of observed entries that it hides, and the least number of them.
PILOT_ROWS, PILOT_SHARE, PILOT_ENTRIES = 500, 0.2, 20

#: Networks are trained beside the linear model if those of pilots make the mean square of errors
#: smaller by the second fraction. Two pilots are enough where they gain less than the first, one
#: where the share of its network in the prediction is less than the third.
SOME_GAIN, LEAST_GAIN, LEAST_SHARE = 0.01, 0.02, 0.1


def measure(
    values: np.ndarray,
    observed: np.ndarray,
    plan: Any,
    n_factors: int,
    alpha: float | None,
    share: float | None,
    seed: np.random.SeedSequence,
) -> tuple[float, float]:
    """The weight decay and the linear model's share with which hidden entries are predicted best.

    Pilots on some of the rows measure them: a linear model and one to three networks. A training
    on more rows makes more updates, in which weights grow further: the decay found grows with the
    square root of their number.

    Parameters
    ----------
    values, observed, plan, seed
        As for `train_networks`; the plan's alpha is not used.
    n_factors : int
        Causes of the linear model.
    alpha, share : float or None
        Given, or None if they are to be measured.

    Returns
    -------
    alpha, share : float
        With a share of 1 no networks are needed.
    """
    usual = (USUAL_ALPHA if alpha is None else alpha, 1.0 if share is None else share)
    if share == 1 or (alpha is not None and share is not None):
        return usual
    growth = _growth(plan, len(values))
    values, known, hidden = _hide(values, observed, stream(seed, PILOT_PARTS))
    if np.count_nonzero(hidden) < PILOT_ENTRIES:
        return usual
    given, factors = np.where(known, values, 0), known.astype(values.dtype)
    partial, truth = np.where(known, values, np.nan), values[hidden].astype(np.float64)
    linear = np.zeros(len(truth))
    if share != 0:
        linear = fit_factors(given, known, n_factors).predict(partial)[hidden]
    usual_error = np.mean(np.square(linear - truth))
    found: dict[float, tuple[float, float]] = {}
    for own in (*ALPHAS[:2], None) if alpha is None else (alpha,):
        if own is None:
            own = ALPHAS[3] if found[ALPHAS[0]] < found[ALPHAS[1]] else ALPHAS[2]
        title = f"pilot with alpha={own:g}"
        network, _ = train_one(given, factors, plan._replace(alpha=own), seed, title)
        predicted = predict_outputs([network], partial, plan.method)[hidden]
        found[own] = blend(linear, predicted, truth, share)
        least = min(found.values())[0]
        small = found[own][1] > 1 - LEAST_SHARE
        if share is None and (small if len(found) == 1 else least > (1 - SOME_GAIN) * usual_error):
            return usual
    if share is None and least > (1 - LEAST_GAIN) * usual_error:
        return usual
    best = min(found, key=lambda own: found[own])
    return best * growth if alpha is None else alpha, found[best][1]


def _growth(plan, n):
    """Factor of the decay of a training on n rows beside that of a pilot."""
    more = learning_rates(plan, n).size / learning_rates(plan, min(n, PILOT_ROWS)).size
    return float(np.sqrt(max(1.0, more)))


def _hide(values, observed, rng):
    """Values of some rows, and masks of their entries: what stays observed, and what is hidden."""
    rows = np.sort(rng.permutation(len(values))[:PILOT_ROWS])
    observed = observed[rows]
    hidden = observed & (rng.random(observed.shape) < PILOT_SHARE)
    return values[rows], observed & ~hidden, hidden


def blend(linear, others, truth, share):
    """Mean square of the errors of ``share * linear + (1 - share) * others``, and the share.

    The share is the best one if it is None.
    """
    if share is None:
        apart = linear - others
        size = np.mean(np.square(apart))
        share = float(np.clip(np.mean(apart * (truth - others)) / size, 0, 1)) if size > 0 else 1.0
    return float(np.mean(np.square(share * linear + (1 - share) * others - truth))), share
