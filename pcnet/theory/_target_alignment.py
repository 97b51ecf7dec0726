"""How straight a step of learning leads from the output to the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Float64s, Loss, Method
from ..inference import learning_gradients
from ._checks import check_clamped, check_network, feed_forward, objective_of

if TYPE_CHECKING:
    from ..network import Network


# of the weights' step, over their size: small enough for a derivative by central differences
_REACH = 1e-5


def target_alignment(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    method: Method = "error",
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> Float64s:
    """Cosine between the way the output goes and the way to its target, for each sample.

    Every sample is learned from alone, by an infinitely small step of plain gradient descent on
    weights and biases, ``d theta = - g``; the change ``d mu_L`` of its own feed-forward output is
    then held against the direction of its target, ``- d loss / d mu_L`` (y - mu_L for the squared
    error). 1 is straight towards it. This is the measure of [1]_, in which predictive coding
    surpasses backpropagation; here it does on linear networks, not on all others.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    method, loss, output_precision, activity_decay
        As in `pcnet.infer`.

    Returns
    -------
    ndarray of float64, (n,)
        nan where a sample is at its target, or does not move its output.

    References
    ----------
    .. [1] Song et al., "Inferring neural activity before plasticity as a foundation for learning
       beyond backpropagation", Nature Neuroscience 27, 348-358, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import target_alignment
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> target_alignment(net, np.ones((2, 4)), np.eye(3)[:2]).shape
    (2,)
    """
    net = check_network(net)
    objective = objective_of(net, loss, output_precision, activity_decay)
    X, Y = check_clamped(net, X, Y, objective)
    options = (method, *vars(objective).values())
    wanted = reference.output_delta(objective.loss, feed_forward(net, X)[-1], Y, 1.0)
    moved = np.array([_output_change(net, X[[i]], Y[[i]], options) for i in range(len(X))])
    with np.errstate(invalid="ignore"):
        norms = np.linalg.norm(moved, axis=1) * np.linalg.norm(wanted, axis=1)
        return np.sum(moved * wanted, axis=1) / norms


def _output_change(net, x, y, options):
    """d mu_L (K,) along minus the gradients of one sample, up to a positive factor."""
    weights, biases = learning_gradients(net, x, y, *options)
    gradients = [*weights, *(biases or [])]
    arrays = [*net.weights, *(net.biases or [])]
    size = np.sqrt(sum(np.vdot(g, g) for g in gradients))
    reach = _REACH * (1 + np.sqrt(sum(np.vdot(a, a) for a in arrays))) / size if size > 0 else 0.0
    ends = []
    for sign in (-1.0, 1.0):
        moved = net.copy()
        for array, gradient in zip([*moved.weights, *(moved.biases or [])], gradients, strict=True):
            array += sign * reach * gradient
        ends.append(reference.forward(moved, x)[-1][0])
    return ends[0] - ends[1]
