"""Predictive coding at its equilibrium compared with backpropagation.

References
----------
Innocenti, F. et al. (2025), arXiv:2505.13124 and arXiv:2602.07697: with muPC the energy converges
to the loss, and its gradients to backpropagation's, if the network is much wider than deep.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._network_core import parameters
from .._types import Float64s, Loss, Method
from ..inference import ErrorDescent, infer, learning_gradients
from ..network import Network
from ._backprop import backprop_gradients, cosine
from ._checks import check_problem, feed_forward
from ._equilibrium import equilibrium_energy, equilibrium_weight_gradients
from ._newton import is_quadratic

#: Inference of nonlinear networks, with a tighter tolerance than in training.
EXACT = ErrorDescent(max_steps=500, tol=1e-4, energy_tol=1e-10)


class BackpropComparison(NamedTuple):
    """Differences between predictive coding and backpropagation for one network.

    Attributes
    ----------
    energy_to_loss_ratio : float
        Mean F* / (lambda times the mean feed-forward loss), from 0 to 1; 1 if the energy equals
        the loss.
    gradient_cosine : float
        Cosine of the weight gradients of all layers as one vector.
    layer_cosines : ndarray, (L,)
        Cosine for each layer; nan if a gradient is 0.
    """

    energy_to_loss_ratio: float
    gradient_cosine: float
    layer_cosines: Float64s


def compare_with_backprop(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
    method: Method | None = None,
) -> BackpropComparison:
    """Compare equilibrium energy and weight gradients with loss and backpropagation's gradients.

    Linear networks with the squared error are solved in closed form, others by inference.

    Parameters
    ----------
    net : Network
        The computation is in float64.
    X : array-like, (n, D)
    Y : array-like, (n, K)
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    method : str or inference object, optional
        Method of inference. Default: the closed form, or an `ErrorDescent` with at most 500 steps
        and a tolerance of 1e-4.

    Returns
    -------
    BackpropComparison

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import compare_with_backprop
    >>> net = Network.from_weights([[[1.0]], [[1.0]]], activation="identity")
    >>> compare_with_backprop(net, [[1.0]], [[3.0]]).energy_to_loss_ratio
    0.5
    """
    net, X, Y, objective = check_problem(net, X, Y, loss, output_precision)
    energy, weights = _equilibrium(net, X, Y, objective, method)
    target, _ = backprop_gradients(net, X, Y, objective.loss)
    lost = reference.loss_values(objective.loss, feed_forward(net, X)[-1], Y).mean()
    lost *= objective.output_precision
    return BackpropComparison(
        energy_to_loss_ratio=float(energy / lost) if lost > 0 else 1.0,
        gradient_cosine=cosine(_one_vector(weights), _one_vector(target)),
        layer_cosines=np.array([cosine(a, b) for a, b in zip(weights, target)]),
    )


def _equilibrium(net, X, Y, objective, method):
    """Mean energy and its weight gradients at the equilibrium."""
    if method is None and is_quadratic(net, objective):
        problem = (net, X, Y, objective.output_precision, 0.0)
        return equilibrium_energy(*problem).mean(), equilibrium_weight_gradients(*problem)[0]
    method = EXACT if method is None else method
    result = infer(net, X, Y, method, *objective.terms)
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    return result.energy.mean(), weights


def _one_vector(arrays):
    return np.concatenate([a.ravel() for a in arrays])


# size of the step relative to the weights, for a derivative by central differences
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
    """Cosine between the change of the output and the direction of its target, for each sample.

    Each sample is learned separately by an infinitesimal step of plain gradient descent on weights
    and biases, ``d theta = - g``. The result is the cosine of the change ``d mu_L`` of the sample's
    feed-forward output with ``- d loss / d mu_L`` (y - mu_L for the squared error). 1 means exactly
    towards the target. In [1]_ predictive coding has higher values than backpropagation; with pcnet
    this holds for linear networks but not for all others.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    method, loss, output_precision, activity_decay
        As for `pcnet.infer`.

    Returns
    -------
    ndarray of float64, (n,)
        From -1 to 1; nan if a sample is at its target or its step does not change the output.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.

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
    net, X, Y, objective = check_problem(net, X, Y, loss, output_precision, activity_decay)
    options = (method, *objective.terms)
    wanted = reference.output_delta(objective.loss, feed_forward(net, X)[-1], Y, 1.0)
    moved = np.array([_output_change(net, X[[i]], Y[[i]], options) for i in range(len(X))])
    with np.errstate(invalid="ignore"):
        norms = np.linalg.norm(moved, axis=1) * np.linalg.norm(wanted, axis=1)
        return np.sum(moved * wanted, axis=1) / norms


def _output_change(net, x, y, options):
    """d mu_L (K,) along minus the gradients of one sample, up to a positive factor."""
    weights, biases = learning_gradients(net, x, y, *options)
    gradients = [*weights, *(biases or [])]
    arrays = parameters(net)
    size = np.sqrt(sum(np.vdot(g, g) for g in gradients))
    reach = _REACH * (1 + np.sqrt(sum(np.vdot(a, a) for a in arrays))) / size if size > 0 else 0.0
    ends = []
    for sign in (-1.0, 1.0):
        moved = net.copy()
        for array, gradient in zip(parameters(moved), gradients, strict=True):
            array += sign * reach * gradient
        ends.append(reference.forward(moved, x)[-1][0])
    return ends[0] - ends[1]
