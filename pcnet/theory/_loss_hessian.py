"""The Hessian of the feed-forward loss by the weights, by Pearlmutter's R-operator."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._core import reference
from .._types import Loss
from ..network import Network
from ._backprop import backprop_errors
from ._checks import check_problem, feed_forward, raises_on_overflow
from ._weight_hessian import Tangent, WeightHessian, output_pull


@raises_on_overflow
def loss_hessian(
    net: Network, X: ArrayLike, Y: ArrayLike, loss: Loss | None = None
) -> WeightHessian:
    """d^2L / dW^2 of the mean feed-forward loss, exact.

    A product with it is the derivative of backpropagation's gradients along a direction in weight
    space. It costs one tangent of the forward pass and one of the backward pass [1]_. At kinks
    (relu) the second derivative of the activation counts as 0.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
        Targets, as for `backprop_gradients`.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".

    Returns
    -------
    WeightHessian
        Its ``value`` is the loss, its ``gradients`` are backpropagation's.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.

    References
    ----------
    .. [1] Pearlmutter, B. A. (1994). Fast exact multiplication by the Hessian.
       doi:10.1162/neco.1994.6.1.147

    Examples
    --------
    The loss of y = w_2 w_1 x has a saddle at the origin:

    >>> from pcnet import Network
    >>> from pcnet.theory import loss_hessian
    >>> net = Network.from_weights([[[0.0]], [[0.0]]], activation="identity")
    >>> loss_hessian(net, [[1.0]], [[2.0]]).toarray() + 0.0
    array([[ 0., -2.],
           [-2.,  0.]])
    """
    net, X, Y, objective = check_problem(net, X, Y, loss, 1.0)
    *hidden, output = activities = feed_forward(net, X)
    errors = backprop_errors(net, activities, Y, objective.loss)
    tangent = Tangent(net, X, hidden, errors)
    pull = output_pull(objective, output, Y)
    return WeightHessian(
        net,
        lambda dW: _product(tangent, pull, dW),
        reference.loss_values(objective.loss, output, Y).mean(),
        reference.weight_gradients(net, X, errors, hidden)[0],
    )


def _product(tangent, pull, dW):
    dz = [None]  # the change of the input, then those of z_1..z_H and mu_L
    for index, change in enumerate(dW):
        dz.append(tangent.prediction(index, change, dz[-1]))
    above = pull(dz[-1])
    products = []
    for index in range(len(dW) - 1, -1, -1):
        products.insert(0, tangent.weight_gradient(index, above, dz[index]))
        if index:
            above = tangent.feedback(index, dW[index], above, dz[index])
    return products
