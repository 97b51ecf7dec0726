"""The start of methods that are made of single passes, and the energies on their way."""

import numpy as np

from ._rows import hidden_blocks, sample_squares


def start_feed_forward(batch, X, Y, objective, responses=None):
    """The feed-forward state: hidden errors 0, the output's delta, and the losses reported.

    Parameters
    ----------
    batch : Batch
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective
    responses : LayerRows, optional
        OUT the responses to the output's delta, for a backward pass more.

    Returns
    -------
    ndarray of float64, (n,)
        Energy of each sample, decay included.
    """
    n = len(X)
    batch.errors.hidden[:] = 0
    losses, layers = batch.forward_from_errors(
        X,
        Y,
        objective.loss,
        objective.output_precision,
        objective.activity_decay,
        from_errors=False,
        responses=responses,
    )
    batch.loss[:n] = losses
    energies = with_decay(layers.sum(axis=1), batch, objective)
    check_finite(energies)
    return energies


def sample_energies(batch, X, Y, objective, must_be_finite=True):
    """Energy of each sample at the batch's present activities, (n,); writes their errors."""
    layers = batch.evaluate(X, Y, objective.loss, objective.output_precision)
    energies = with_decay(layers.sum(axis=1), batch, objective)
    if must_be_finite:
        check_finite(energies)
    return energies


def with_decay(energies, batch, objective):
    """Add the activity decay of the batch's present activities to ``energies`` (n,), in place."""
    if objective.activity_decay > 0:
        squares = sample_squares(hidden_blocks(batch.activities), len(energies))
        energies += 0.5 * objective.activity_decay * squares
    return energies


def has_risen(before, after):
    """Whether the mean energy rose where inference was to lower it, by more than rounding.

    The second term is for networks that fit their targets, whose energy is all rounding.
    """
    return after > 1.01 * before + 1e-8


def check_finite(energies):
    """Raise if an energy is not finite."""
    if not np.all(np.isfinite(energies)):
        raise FloatingPointError(
            "the energy is not finite: inference diverged, or the network's outputs have "
            "overflowed. Lower the rate of inference or the learning rate, scale the inputs to "
            "about unit variance, or use parameterization='mupc' for deep networks"
        )
