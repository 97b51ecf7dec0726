"""Outputs drawn from the distribution that a loss stands for."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtr, ndtri

from .._objective import Objective, loss_parts
from .._types import Float64s, Floats
from ..losses import Huber

#: exp of more than this is no longer a rate that a Poisson number can be drawn for.
_LARGEST_LOG_RATE = 43.0


def draw_outputs(
    rng: np.random.Generator, objective: Objective, mu: Floats, precision: Float64s
) -> Float64s:
    """Outputs y for predictions mu, float64 (n, K).

    Squared error: normal, of variance 1 / precision; Huber's loss: of density ``exp(-precision
    loss)``; "logistic": 0 or 1; "log_loss": one-hot rows; "poisson": counts, the last three for any
    precision. Where the precision is 0, which is no distribution, y is the mean.

    Parameters
    ----------
    rng : Generator
    objective : Objective
        Of which the loss is used.
    mu : ndarray, (n, K)
    precision : ndarray, (n, K)
        0 or more.
    """
    wide: Float64s = mu.astype(np.float64)
    parts = [
        _draw(rng, loss, wide[:, outputs], precision[:, outputs])
        for loss, outputs in loss_parts(objective.loss)
    ]
    return np.concatenate(parts, axis=1)


def _draw(rng, loss, wide, precision):
    if loss == "logistic":
        return (rng.random(wide.shape) < expit(wide)).astype(np.float64)
    if loss == "log_loss":  # the largest of mu + Gumbel noise
        chosen = np.argmax(wide + rng.gumbel(size=wide.shape), axis=1)
        return np.eye(wide.shape[1])[chosen]
    if loss == "poisson":
        return rng.poisson(np.exp(np.minimum(wide, _LARGEST_LOG_RATE))).astype(np.float64)
    known = precision > 0
    scale = 1 / np.sqrt(np.where(known, precision, 1.0))
    if loss == "squared_error":
        noise = rng.standard_normal(wide.shape)
    else:
        delta = loss.delta if isinstance(loss, Huber) else Huber().delta
        noise = _huber_noise(rng, delta / scale)
    return wide + np.where(known, scale * noise, 0.0)


def output_means(objective: Objective, mu: Floats) -> Float64s:
    """The mean of `draw_outputs`, float64 (n, K)."""
    wide: Float64s = mu.astype(np.float64)
    parts = [_mean(loss, wide[:, outputs]) for loss, outputs in loss_parts(objective.loss)]
    return np.concatenate(parts, axis=1)


def _mean(loss, wide):
    if loss == "logistic":
        return expit(wide)
    if loss == "log_loss":
        shifted = np.exp(wide - wide.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    if loss == "poisson":
        return np.exp(np.minimum(wide, _LARGEST_LOG_RATE))
    return wide


def _huber_noise(rng, bend):
    """Numbers of density exp(-Huber's loss), whose bend is ``bend``: normal, exponential tails."""
    inner = np.sqrt(2 * np.pi) * (2 * ndtr(bend) - 1)
    tails = 2 * np.exp(-0.5 * bend**2) / bend
    uniform, sign = rng.random(bend.shape), np.where(rng.random(bend.shape) < 0.5, -1.0, 1.0)
    centre = ndtri(ndtr(-bend) + uniform * (2 * ndtr(bend) - 1))
    tail = sign * (bend + rng.exponential(size=bend.shape) / bend)
    return np.where(rng.random(bend.shape) * (inner + tails) < inner, centre, tail)
