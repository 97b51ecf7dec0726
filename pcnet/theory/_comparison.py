"""Predictive coding at its equilibrium held against backpropagation.

References
----------
Innocenti, F. et al. (2025), arXiv:2505.13124 and arXiv:2602.07697: with muPC the energy converges
to the loss, and its gradients to backpropagation's, where the network is much wider than deep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Float64s, Loss, Method
from ..inference import ErrorDescent, infer
from ._backprop import backprop_gradients, cosine
from ._checks import check_clamped, check_network, feed_forward, objective_of
from ._equilibrium import equilibrium_energy, equilibrium_weight_gradients

if TYPE_CHECKING:
    from ..network import Network


#: Nonlinear networks' equilibrium: more exact than in training.
EXACT = ErrorDescent(max_steps=500, tol=1e-4, energy_tol=1e-10)


class BackpropComparison(NamedTuple):
    """What sets predictive coding apart from backpropagation, at one network.

    Attributes
    ----------
    energy_to_loss_ratio : float
        Mean F* / (lambda times the mean feed-forward loss): between 0 and 1, and 1 where the
        energy is the loss.
    gradient_cosine : float
        Of the weight gradients of all layers, taken as one vector.
    layer_cosines : ndarray, (L,)
        Of each layer; nan where a gradient is 0.
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
    """Equilibrium energy and weight gradients against the loss and backpropagation's gradients.

    Linear networks with the squared error are solved in closed form, others by inference.

    Parameters
    ----------
    net : Network
        Computed in float64.
    X : array-like, (n, D)
    Y : array-like, (n, K)
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    method : str or inference object, optional
        How inference is done; default: the closed form, or an `ErrorDescent` with at most 500
        steps and a tolerance of 1e-4.

    Returns
    -------
    BackpropComparison

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import compare_with_backprop
    >>> net = Network.from_weights([[[1.0]], [[1.0]]], activation="identity")
    >>> compare_with_backprop(net, [[1.0]], [[3.0]]).energy_to_loss_ratio
    0.5
    """
    net = check_network(net)
    objective = objective_of(net, loss, output_precision)
    X, Y = check_clamped(net, X, Y, objective)
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
    is_linear = set(net.activations) == {"identity"} and objective.loss == "squared_error"
    if is_linear and method is None:
        problem = (net, X, Y, objective.output_precision, 0.0)
        return equilibrium_energy(*problem).mean(), equilibrium_weight_gradients(*problem)[0]
    method = EXACT if method is None else method
    result = infer(net, X, Y, method, **vars(objective))
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    return result.energy.mean(), weights


def _one_vector(arrays):
    return np.concatenate([a.ravel() for a in arrays])
