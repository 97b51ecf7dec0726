"""The Hessian of the equilibrated energy by the weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._types import Loss
from ..network import Network
from ._checks import check_activities, check_problem, raises_on_overflow
from ._linearization import linearize_linear
from ._newton import activity_solver, is_quadratic, settle
from ._weight_hessian import Tangent, WeightHessian, output_pull


@raises_on_overflow
def energy_hessian(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
    activities: Sequence[ArrayLike] | None = None,
) -> WeightHessian:
    """d^2F* / dW^2 of the mean energy at equilibrium, exact.

    F*(W) = F(W, z*(W)) with dF/dz = 0 at z*, so differentiating through the equilibrium gives

        d^2F* / dW^2 = F_WW - F_Wz F_zz^-1 F_zW

    for every network. A product costs four passes and a solve with F_zz. For linear networks
    without decay it uses the closed form F* = 1/2 r S^-1 r^T instead, with O(depth) passes and no
    factorisation.

    Parameters
    ----------
    net, X, Y, loss, output_precision, activity_decay
        As for `pcnet.infer`.
    activities : list of array-like, (n, n_l), optional
        Start of the search for the equilibrium, as for `newton_equilibrium`.

    Returns
    -------
    WeightHessian
        Its ``value`` is F* (mean, decay included), its ``gradients`` are dF*/dW.

    Raises
    ------
    RuntimeError, numpy.linalg.LinAlgError
        As for `newton_equilibrium`.

    Examples
    --------
    The energy of y = w_2 w_1 x at the origin, where the loss has eigenvalues -1 and 1:

    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import energy_hessian
    >>> net = Network.from_weights([[[0.0]], [[0.0]]], activation="identity")
    >>> H = energy_hessian(net, [[1.0]], [[1.0]]).toarray() + 0.0
    >>> H
    array([[ 0., -1.],
           [-1., -1.]])
    >>> np.linalg.eigvalsh(H).round(3)
    array([-1.618,  0.618])
    """
    net, X, Y, objective = check_problem(net, X, Y, loss, output_precision, activity_decay)
    if activities is not None:
        activities = check_activities(net, X, activities)
    z = settle(net, X, Y, objective, activities) if net.n_layers > 1 else []
    errors = reference.errors(net, X, Y, z, objective)
    closed = is_quadratic(net, objective) and objective.activity_decay == 0
    rule = ClosedFormProduct if closed else ImplicitProduct
    return WeightHessian(
        net,
        rule(net, X, Y, z, errors, objective),
        reference.sample_energies(net, X, Y, z, objective).mean(),
        reference.weight_gradients(net, X, errors, z)[0],
    )


class ImplicitProduct:
    """dW -> (F_WW - F_Wz F_zz^-1 F_zW) dW at an equilibrium, for any network."""

    def __init__(self, net, X, Y, z, errors, objective):
        self._tangent = Tangent(net, X, z, errors)
        self._pull = output_pull(objective, reference.predictions(net, X, z)[-1], Y)
        self._solve = activity_solver(net, X, Y, z, objective)

    def __call__(self, dW):
        still = [None] * len(dW)
        e = self._errors(dW, still)
        # F_zW dW: the change of e_l, less the change of the feedback from the layer above
        forces = [
            e[i] - self._tangent.feedback(i + 1, dW[i + 1], e[i + 1]) for i in range(len(dW) - 1)
        ]
        dz = [None, *(-x for x in self._solve(forces))]
        e = self._errors(dW, dz)
        return [self._tangent.weight_gradient(i, e[i], dz[i]) for i in range(len(dW))]

    def _errors(self, dW, dz):
        """Changes of e_1..e_L; dz holds those of z_0..z_H, None for no change."""
        mu = [self._tangent.prediction(i, change, dz[i]) for i, change in enumerate(dW)]
        own = [0.0 if z is None else z for z in dz[1:]]
        return [*(z - m for z, m in zip(own, mu)), self._pull(mu[-1])]


class ClosedFormProduct:
    """The same product for linear networks, from F* = mean 1/2 r S^-1 r^T.

    With delta = r S^-1 the errors at equilibrium are e_l = delta P_l^T, and the activities follow
    from them by a forward pass. Differentiated along dW:

        d delta = (dr - delta dS) S^-1
        dS      = sum_l dP_l^T P_l + P_l^T dP_l
        dP_l    = a_{l+1} dW_{l+1} P_{l+1} + K_{l+1} dP_{l+1},    P_L = I
    """

    def __init__(self, net, X, Y, z, errors, objective):
        self._net = net
        self._tangent = Tangent(net, X, z, errors)
        self._feed_forward = Tangent(net, X, reference.forward(net, X)[:-1], errors)
        linear = linearize_linear(net)
        self._jacobians = [np.eye(net.layer_sizes[-1])]  # P_L, P_{L-1}, .., P_1: (n_l, K)
        self._jacobians += [P[0].T for P in reversed(linear.jacobians)]
        self._S = linear.rescaling(objective.output_precision)[0]

    def __call__(self, dW):
        n_layers = len(dW)
        above = self._output_errors(dW)
        e = [above]
        for index in range(n_layers - 1, 0, -1):
            e.insert(0, self._tangent.feedback(index, dW[index], e[0]))
        dz, products = None, []
        for index in range(n_layers):
            products.append(self._tangent.weight_gradient(index, e[index], dz))
            dz = self._tangent.prediction(index, dW[index], dz) + e[index]
        return products

    def _output_errors(self, dW):
        """d delta of each sample, (n, K)."""
        dmu = None
        for index, change in enumerate(dW):
            dmu = self._feed_forward.prediction(index, change, dmu)
        dS = self._rescaling(dW)
        delta = self._tangent.errors[-1]
        return np.linalg.solve(self._S, (-dmu - delta @ dS).T).T

    def _rescaling(self, dW):
        net, dP = self._net, np.zeros_like(self._jacobians[0])
        dS = np.zeros_like(self._S)
        pairs = zip(self._jacobians, self._jacobians[1:])
        for index, (above, here) in zip(range(len(dW) - 1, 0, -1), pairs):
            skipped = dP if net.skips[index] else 0.0
            dP = net.scales[index] * (dW[index] @ above + net.weights[index] @ dP) + skipped
            dS += dP.T @ here + here.T @ dP
        return dS
