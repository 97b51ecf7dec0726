"""Predictive coding as a trust-region method, to second order at the feed-forward activities.

With g = dF/dz at the feed-forward activities z^ and I the Fisher information of the activities
under the network's generative model (each layer Gaussian around its prediction, the output by
its loss at precision lambda),

    F(z^ + dz) = F(z^) + g dz + 1/2 dz I dz + O(dz^3)
    dz*        = - I^-1 g                     the step to the equilibrium: natural gradient
    F*         = F(z^) - 1/2 g I^-1 g

The hidden errors are 0 at z^. I therefore differs from the Hessian of F at z^ only by the curvature
of the activation below the output, a term of the order of the residual, as are the cubic terms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._network_checks import objective_of
from .._objective import loss_parts
from .._types import Float64s, Loss
from ..network import Network
from ._backprop import backprop_gradients
from ._checks import (
    check_inputs,
    check_network,
    check_problem,
    check_sample,
    feed_forward,
    raises_on_overflow,
)
from ._curvature import change_of_curvature, output_curvature
from ._hessian import ActivityHessian, hessian_of
from ._linearization import linearization_at, linearized_equilibrium
from ._newton import settle
from ._weight_hessian import Tangent


@raises_on_overflow
def fisher_preconditioner(
    net: Network,
    x: ArrayLike,
    y: ArrayLike | None = None,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> ActivityHessian:
    """The Fisher information of one sample's hidden activities at the feed-forward state.

    ``I = A^T A + lambda G^T B G`` in the notation of `pcnet.theory.linearize`: the squared change
    of all predictions for a change of the activities. For log_loss, logistic and poisson B is the
    Fisher information of the outputs; for the squared error it is the identity.

    Parameters
    ----------
    net : Network
    x : array-like, (1, D) or (D,)
        One sample.
    y : array-like, (1, K) or (K,), optional
        Its target; only Huber's loss needs it.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.

    Returns
    -------
    ActivityHessian
        Positive definite; it has ``@``, ``solve`` and ``toarray``.

    Raises
    ------
    ValueError
        ``x`` has more than one row, Huber's loss has no ``y``, or a shape or value is wrong.
    """
    net = check_network(net)
    if y is None:
        loss = objective_of(net, loss).loss
        y = np.empty((1, net.layer_sizes[-1]))
        for own, outputs in loss_parts(loss):
            if not isinstance(own, str) or own == "huber":
                raise ValueError("Huber's loss is curved near the target only: pass y, (1, K)")
            y[:, outputs] = 1.0 / y[:, outputs].size  # valid for every loss
    net, x, y, objective = check_sample("fisher_preconditioner", net, x, y, loss, output_precision)
    return hessian_of(net, x, y, feed_forward(net, x)[:-1], objective, gauss_newton=True)


@raises_on_overflow
def predicted_activity_step(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> list[Float64s]:
    """The step - I^-1 g from the feed-forward activities towards the equilibrium.

    It takes two passes for all samples. It is exact for linear networks with the squared error;
    otherwise its error is of second order in lambda and in the residual.

    Parameters
    ----------
    net, X, Y, loss, output_precision
        As for `pcnet.infer`.

    Returns
    -------
    list of float64 ndarray, (n, n_l)
        Changes of z_1..z_H.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    z, _ = linearized_equilibrium(net, X, Y, None, loss, output_precision)
    return [a - b for a, b in zip(z, feed_forward(*check_inputs(net, X))[:-1])]


@raises_on_overflow
def predicted_equilibrium_energy(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> Float64s:
    """Second-order prediction of each sample's energy at equilibrium, F(z^) - 1/2 g I^-1 g.

    It is exact for linear networks with the squared error; otherwise its error is of third order in
    lambda and in the residual.

    Parameters
    ----------
    net, X, Y, loss, output_precision
        As for `pcnet.infer`.

    Returns
    -------
    ndarray of float64, (n,)

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    return linearized_equilibrium(net, X, Y, None, loss, output_precision)[1]


class GradientDecomposition(NamedTuple):
    """Parts of predictive coding's weight gradient, each a list of arrays like the weights.

    Attributes
    ----------
    total : list of ndarray
        dF*/dW at the equilibrium: the gradient of predictive coding.
    backprop : list of ndarray
        lambda dL/dW: the gradient of backpropagation times lambda.
    trust_region : list of ndarray
        total - backprop: the part that inference adds.
    predicted_trust_region : list of ndarray
        trust_region to second order: the gradient of - 1/2 g I^-1 g.
    """

    total: list[Float64s]
    backprop: list[Float64s]
    trust_region: list[Float64s]
    predicted_trust_region: list[Float64s]


@raises_on_overflow
def gradient_decomposition(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> GradientDecomposition:
    """Split predictive coding's weight gradient into backpropagation's and the trust region's.

    ``dF*/dW = lambda dL/dW + d/dW (F* - lambda L)``. F* - lambda L is the change of the energy in
    inference, - 1/2 g I^-1 g to second order. It is of second order in lambda, the first part of
    first order. The direction therefore tends to backpropagation's as lambda falls.

    Parameters
    ----------
    net, X, Y, loss, output_precision
        As for `pcnet.infer`.

    Returns
    -------
    GradientDecomposition
        The prediction is exact for linear networks with the squared error; otherwise its error is
        of third order in lambda.

    Raises
    ------
    RuntimeError, numpy.linalg.LinAlgError
        As for `newton_equilibrium`.
    """
    net, X, Y, objective = check_problem(
        net, X, Y, loss, output_precision, needs_hidden="gradient_decomposition"
    )
    z = settle(net, X, Y, objective)
    errors = reference.errors(net, X, Y, z, objective)
    total = reference.weight_gradients(net, X, errors, z)[0]
    backprop = backprop_gradients(net, X, Y, objective.loss)[0]
    backprop = [objective.output_precision * g for g in backprop]
    predicted = _model_gradients(net, X, Y, objective)
    return GradientDecomposition(
        total,
        backprop,
        [t - b for t, b in zip(total, backprop)],
        [p - b for p, b in zip(predicted, backprop)],
    )


def _model_gradients(net, X, Y, objective):
    """Gradients of mean F(z^) - 1/2 g I^-1 g by the weights, a list of (n_{l-1}, n_l).

    This is the minimum over dz of the energy of the network linearised at its forward pass,

        Q = lambda loss(mu_L + u_L) to second order + sum_l 1/2 ||dz_l - u_l||^2,
        u_l = a_l (f'(z^_{l-1}) dz_{l-1}) W_l + tau_l dz_{l-1},

    so its gradient is that of Q at fixed dz. W_l acts on u_l and on z^_l and the layers above; b_l
    below is the derivative of Q by z^_l, propagated down from the output.
    """
    *hidden, output = feed_forward(net, X)
    step = predicted_activity_step(net, X, Y, objective.loss, objective.output_precision)
    delta = reference.output_delta(objective.loss, output, Y, objective.output_precision)
    curvature = objective.output_precision * output_curvature(objective.loss, output, Y)
    linear = linearization_at(net, hidden)
    moved = linear.output(step)
    bent = np.einsum("nk,nkj->nj", moved, curvature)
    errors = [*linear.errors(step), delta - bent]  # - dQ/du_l
    third = objective.output_precision * change_of_curvature(objective.loss, output, Y, moved)
    fed_back = [bent - delta + 0.5 * third]
    # feed-forward activities, with the errors of Q instead of those of the energy
    tangent = Tangent(net, X, hidden, errors)
    gradients = []
    for index in range(net.n_layers - 1, -1, -1):
        below = step[index - 1] if index else None
        b, scale = fed_back[-1], net.scales[index] / len(X)
        gradient = scale * (tangent.sent_up[index].T @ b)
        if index:
            gradient -= scale * ((tangent.slopes[index] * below).T @ errors[index])
            bend = net.scales[index] * tangent.pulls[index] * tangent.bends[index] * below
            fed_back.append(reference.feedback(net, index, b, hidden[index - 1]) - bend)
        gradients.insert(0, gradient)
    return gradients
