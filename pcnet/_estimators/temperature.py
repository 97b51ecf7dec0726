"""The temperature of the probabilities from least-squares outputs."""

import numpy as np

from .._prediction.probabilities import log_expit, log_softmax, logits

#: Temperature before the noise was measured: a compromise between clean and noisy data.
DEFAULT_TEMPERATURE = 0.2

#: Candidates in steps of 6 %, finer than a thousand samples can resolve.
_CANDIDATES = np.geomspace(0.02, 2.0, 80)

_BLOCK = 100_000  # number of outputs per block of candidates, to save memory


def log_losses(outputs, targets, sample_weight, multilabel):
    """Mean negative log-likelihood of targets in [0, 1] at each candidate, in nats per sample."""
    losses = np.empty(len(_CANDIDATES))
    for part in np.array_split(np.arange(len(_CANDIDATES)), 1 + outputs.size // _BLOCK):
        scaled = logits(outputs, _CANDIDATES[part][:, np.newaxis, np.newaxis], multilabel)
        if multilabel:
            values = targets * log_expit(scaled) + (1 - targets) * log_expit(-scaled)
        else:
            values = targets * log_softmax(scaled)
        losses[part] = -np.average(values.sum(axis=-1), axis=1, weights=sample_weight)
    return losses


def fit_temperature(outputs, targets, sample_weight=None, multilabel=False):
    """Temperature of the largest likelihood of samples that were not used in training.

    Targets are smoothed by 1 / (n + 2), so that a few samples, all predicted correctly, do not give
    a temperature of 0 (Platt, 1999, section 2.2).

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_outputs)
        Outputs of samples that were not used in training.
    targets : ndarray of shape (n_samples, n_outputs)
        One-hot; 0 and 1 if multilabel.
    sample_weight : ndarray of shape (n_samples,), default=None
    multilabel : bool, default=False

    Returns
    -------
    float
        From 0.02 to 2.
    """
    outputs = outputs.astype(np.float64)
    share = 1.0 / (len(outputs) + 2.0)
    uniform = 0.5 if multilabel else 1.0 / outputs.shape[1]
    smoothed = (1.0 - share) * targets + share * uniform
    losses = log_losses(outputs, smoothed, sample_weight, multilabel)
    return float(_CANDIDATES[int(np.argmin(losses))])


#: Number of samples of a stream after which the weight of a sample falls by the factor e.
_MEMORY = 2000.0
#: Weight of the initial temperature of a stream, in samples: one wrong sample changes it little.
_WORTH = 200.0


def start_following(temperature):
    """Losses of the candidates at the start of a stream, lowest at ``temperature``.

    Returns
    -------
    ndarray
        For `follow`.
    """
    return 0.5 * _WORTH * np.square(np.log(_CANDIDATES / temperature))


def follow(losses, outputs, targets, sample_weight, multilabel):
    """Temperature of a stream, from samples that are predicted before training on them.

    Parameters
    ----------
    losses : ndarray
        Result of `start_following` or of the last call; it is not changed.
    outputs, targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,) or None
    multilabel : bool

    Returns
    -------
    losses : ndarray
        For the next call.
    temperature : float
    """
    n = len(outputs)
    new = log_losses(outputs.astype(np.float64), targets, sample_weight, multilabel)
    losses = np.exp(-n / _MEMORY) * losses + n * new
    return losses, float(_CANDIDATES[int(np.argmin(losses))])
