"""The largest eigenvalue of the activity Hessian, for step sizes."""

import numpy as np

from ._rows import add_scaled, hidden_blocks, sample_squares

#: Power iterations of `stable_rates`, a pass each, and the largest rate that it gives.
POWER_STEPS, LARGEST_RATE = 8, 0.5


def largest_curvature(batch, X, Y, objective, rho=1.0, n_steps=8):
    """Largest eigenvalue of each sample's activity Hessian, by power iteration.

    Of ``rho sum_l 1/2 ||e_l||^2 + lambda loss + decay/2 sum_l ||z_l||^2`` at the feed-forward
    state. Products with the Hessian are differences of the gradient: one pass each. The estimate
    comes from below: a few iterations give it to some percent, enough for a step size.

    Parameters
    ----------
    batch : Batch
        In the feed-forward state, hidden errors 0 (`start_feed_forward`); left in it.
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective
    rho : float
    n_steps : int

    Returns
    -------
    ndarray of float64, (n,)
        At least ``rho``, the curvature of a lone error.
    """
    n, flat = len(X), batch.activities.flat
    if not len(batch.activities.hidden):
        return np.full(n, float(rho))
    start = batch.activities.flat.copy()
    at_start, gradients = batch.like_activities(), batch.like_activities()
    batch.activity_gradients(n, at_start, activity_decay=objective.activity_decay)
    delta = batch.errors[-1].copy()
    vectors, state = hidden_blocks(gradients), hidden_blocks(batch.activities)
    # far enough from the start for the difference to have half of the digits
    reach = np.sqrt(np.finfo(flat.dtype).eps * (1.0 + sample_squares(state, n)))
    _fill_randomly(gradients, batch.activities.kind[1], n)
    size = np.sqrt(sample_squares(vectors, n))
    for _ in range(n_steps):
        add_scaled(state, reach / size, vectors)
        batch.evaluate(X, Y, objective.loss, objective.output_precision)
        batch.errors.hidden *= flat.dtype.type(rho)
        batch.activity_gradients(n, gradients, activity_decay=objective.activity_decay)
        gradients.hidden -= at_start.hidden
        size = np.maximum(np.sqrt(sample_squares(vectors, n)), rho * reach)
        flat[:] = start
    batch.errors.hidden[:] = 0
    batch.errors[-1][:] = delta
    return size / reach


def stable_rates(passes, largest=LARGEST_RATE):
    """A step of gradient descent for each sample: 1 / (largest curvature), at most ``largest``.

    Parameters
    ----------
    passes : Passes
        At the feed-forward state, just started; the passes that it takes are counted.
    largest : float

    Returns
    -------
    ndarray of float64, (n,)
    """
    passes.n_half_passes += 2 * POWER_STEPS
    curvature = largest_curvature(
        passes.batch, passes.X, passes.Y, passes.objective, n_steps=POWER_STEPS
    )
    return np.minimum(largest, 1.0 / curvature)


def _fill_randomly(rows, widths, n):
    """The same fixed vector for all samples, whichever batch they are in."""
    rng = np.random.default_rng(0)
    for row, width in zip(rows, widths[:-1]):
        row[:n, :width] = rng.standard_normal(width)
