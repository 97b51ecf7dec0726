"""Descent on the activities by any rule that makes a step of the gradient."""

from ._passes import Passes


def descend_activities(batch, X, Y, objective, n_steps, step):
    """``z <- z - step(t, dF/dz)``, all layers at once, t = 1..n_steps, from the feed-forward state.

    Parameters
    ----------
    batch : Batch
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective
    n_steps : int
    step : callable
        Of t and the gradient of all hidden layers as one block (`LayerRows.hidden`); element by
        element, and 0 where that is 0.
    """
    passes = Passes(batch, X, Y, objective)
    gradient = batch.like_activities()
    passes.start()
    for t in range(1, n_steps + 1):
        passes.activity_gradients(gradient)
        batch.activities.hidden -= step(t, gradient.hidden)
        passes.residuals()
        passes.end_step()
    passes.report()
