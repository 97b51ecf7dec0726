"""A network linearised at given activities: the matrix A of the errors, and derived matrices.

With rows for samples, small changes dz of the hidden activities change

    the errors of the hidden layers by    (A dz)_l = dz_l - dz_{l-1} J_l,    dz_0 = 0
    the output by                         G dz     = dz_H J_L
    J_l = a_l diag(f'(z_{l-1})) W_l + tau_l I

A is block bidiagonal with unit diagonal, so A^-1 is a forward pass and A^-T a backward pass. The
derivative of the feed-forward output by the activities of layer l is P_l = J_{l+1} .. J_L, and
R = (P_1^T, .., P_H^T) = G A^-1, as maps of columns. The linearisation of a linear network is exact
at every point.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._core import reference
from .._network_checks import objective_of
from .._types import Float64s, Loss
from ..network import Network
from ._checks import (
    check_activities,
    check_inputs,
    check_network,
    check_problem,
    raises_on_overflow,
)
from ._curvature import output_curvature


def linearize(
    net: Network, X: ArrayLike, activities: Sequence[ArrayLike] | None = None
) -> Linearization:
    """Linearise a network at given activities.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    activities : list of array-like, (n, n_l), optional
        z_1..z_H; an output after them is ignored. Default: the feed-forward ones.

    Returns
    -------
    Linearization

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    net, X = check_inputs(net, X)
    return linearization_at(net, check_activities(net, X, activities))


def linearization_at(net, activities):
    """`linearize` of checked arguments: a float64 network, z_1..z_H."""
    names = net.activations[1:]
    gains = [
        scale * reference.activation_derivative(name, z)
        for scale, name, z in zip(net.scales[1:], names, activities)
    ]
    return Linearization(net, gains)


def linearize_linear(net):
    """The linearisation of a linear network, the same for all samples and activities."""
    sizes = net.layer_sizes[1:-1]
    return Linearization(net, [np.full((1, n), a) for a, n in zip(net.scales[1:], sizes)])


class Linearization:
    """First derivatives of a network's predictions at given activities.

    Vectors are lists over the hidden layers of arrays (m, n_l). Each row is one vector; m is the
    number of samples, or any number if the linearisation is the same for all rows (a linear
    network, or one sample).

    Attributes
    ----------
    net : Network
        In float64.
    gains : list of ndarray, (n or 1, n_l)
        a_{l+1} f'(z_l) of the hidden layers l = 1..H.
    """

    def __init__(self, net: Network, gains: list[Float64s]) -> None:
        self.net = net
        self.gains = gains

    @property
    def n_hidden(self) -> int:
        return len(self.gains)

    def up(self, hidden: int, dz: Float64s) -> Float64s:
        """dz_l J_{l+1}, l = hidden + 1: the change of the prediction above a hidden layer.

        Parameters
        ----------
        hidden : int
            Index of the hidden layer, from 0.
        dz : ndarray, (m, n_l)

        Returns
        -------
        ndarray, (m, n_{l+1})
        """
        change = (self.gains[hidden] * dz) @ self.net.weights[hidden + 1]
        return change + dz if self.net.skips[hidden + 1] else change

    def down(self, hidden: int, above: Float64s) -> Float64s:
        """above J_{l+1}^T, l = hidden + 1: the feedback from the layer above to a hidden layer.

        Parameters
        ----------
        hidden : int
            Index of the hidden layer, from 0.
        above : ndarray, (m, n_{l+1})

        Returns
        -------
        ndarray, (m, n_l)
        """
        sent = (above @ self.net.weights[hidden + 1].T) * self.gains[hidden]
        return sent + above if self.net.skips[hidden + 1] else sent

    def errors(self, dz: list[Float64s]) -> list[Float64s]:
        """A dz: the changes of the hidden layers' errors; both lists of ndarray, (m, n_l)."""
        below: list[Any] = [0.0, *(self.up(i, z) for i, z in enumerate(dz[:-1]))]
        return [z - mu for z, mu in zip(dz, below)]

    def errors_transposed(self, e: list[Float64s]) -> list[Float64s]:
        """A^T e; both lists of ndarray, (m, n_l)."""
        above: list[Any] = [*(self.down(i, x) for i, x in enumerate(e[1:])), 0.0]
        return [x - sent for x, sent in zip(e, above)]

    def activities(self, e: list[Float64s]) -> list[Float64s]:
        """A^-1 e, a forward pass: changes of activities for those of errors, as of `errors`."""
        dz = [e[0]]
        for i, x in enumerate(e[1:]):
            dz.append(x + self.up(i, dz[-1]))
        return dz

    def responses(self, v: list[Float64s]) -> list[Float64s]:
        """A^-T v, a backward pass; both lists of ndarray, (m, n_l)."""
        u = [v[-1]]
        for i in range(self.n_hidden - 2, -1, -1):
            u.insert(0, v[i] + self.down(i, u[0]))
        return u

    def output(self, dz: list[Float64s]) -> Float64s:
        """G dz: the change of the output's prediction.

        Parameters
        ----------
        dz : list of ndarray, (m, n_l)

        Returns
        -------
        ndarray, (m, K)
        """
        return self.up(self.n_hidden - 1, dz[-1])

    def output_responses(self, r: Float64s) -> list[Float64s]:
        """R^T r = (r P_1^T, .., r P_H^T): a backward pass from the output.

        Parameters
        ----------
        r : ndarray, (m, K)

        Returns
        -------
        list of ndarray, (m, n_l)
        """
        return list(self._down_from(r))[::-1]

    def _down_from(self, r):
        for i in range(self.n_hidden - 1, -1, -1):
            r = self.down(i, r)
            yield r

    def _jacobians_from_above(self):
        """P_H^T, .., P_1^T, each (n or 1, K, n_l)."""
        n_rows = len(self.gains[0]) if self.gains else 1
        n_out = self.net.layer_sizes[-1]
        P = np.tile(np.eye(n_out), (n_rows, 1, 1))
        for i in range(self.n_hidden - 1, -1, -1):
            sent = (P @ self.net.weights[i + 1].T) * self.gains[i][:, None, :]
            P = sent + P if self.net.skips[i + 1] else sent
            yield P

    @cached_property
    def jacobians(self) -> list[Float64s]:
        """[P_1^T, .., P_H^T], each (n or 1, K, n_l); P_l is d mu_L / d z_l along the network."""
        return list(self._jacobians_from_above())[::-1]

    @cached_property
    def summed_jacobians(self) -> Float64s:
        """R R^T = sum_l P_l^T P_l, (n or 1, K, K), with memory for one layer."""
        n_rows, n_out = len(self.gains[0]) if self.gains else 1, self.net.layer_sizes[-1]
        total = np.zeros((n_rows, n_out, n_out))
        for P in self._jacobians_from_above():
            total += P @ P.transpose(0, 2, 1)
        return total

    def rescaling(self, output_precision: float) -> Float64s:
        """S = I / lambda + sum_l P_l^T P_l.

        Parameters
        ----------
        output_precision : float
            lambda, positive.

        Returns
        -------
        ndarray, (n or 1, K, K)
        """
        return self.summed_jacobians + np.eye(self.net.layer_sizes[-1]) / output_precision

    def gauss_newton(self, dz: list[Float64s], curvature: Float64s) -> list[Float64s]:
        """(A^T A + G^T C G) dz.

        Parameters
        ----------
        dz : list of ndarray, (m, n_l)
        curvature : ndarray, (n or 1, K, K)
            C, lambda times the second derivative of the loss by the output.

        Returns
        -------
        list of ndarray, (m, n_l)
        """
        # layer by layer, which reads the weights of a large network from memory only once
        error, product = dz[0], []
        for i in range(self.n_hidden - 1):
            above = dz[i + 1] - self.up(i, dz[i])
            product.append(error - self.down(i, above))
            error = above
        pull = _rows_times(self.output(dz), curvature)
        return [*product, error + self.down(self.n_hidden - 1, pull)]

    def gauss_newton_solve(self, v: list[Float64s], curvature: Float64s) -> list[Float64s]:
        """(A^T A + G^T C G)^-1 v by two passes: A^-1 (I + R^T C R)^-1 A^-T v.

        Woodbury's identity gives ``(I + R^T C R)^-1 = I - R^T (I + C R R^T)^-1 C R``, with a
        system of the size of the output; C may be singular.

        Parameters
        ----------
        v : list of ndarray, (m, n_l)
        curvature : ndarray, (n or 1, K, K)
            C, as for `gauss_newton`.

        Returns
        -------
        list of ndarray, (m, n_l)
        """
        u = self.responses(v)
        seen = sum(np.einsum("...kn,...n->...k", P, x) for P, x in zip(self.jacobians, u))
        inner = np.eye(curvature.shape[-1]) + curvature @ self.summed_jacobians
        pull = np.linalg.solve(inner, _rows_times(seen, curvature)[:, :, None])[:, :, 0]
        back = (np.einsum("...kn,...k->...n", P, pull) for P in self.jacobians)
        return self.activities([x - b for x, b in zip(u, back)])


def _rows_times(rows, matrices):
    """Each row (m, K) times its symmetric matrix, (m or 1, K, K)."""
    return (rows[:, None, :] @ matrices)[:, 0, :]


@raises_on_overflow
def linearized_rescaling(
    net: Network,
    X: ArrayLike,
    output_precision: float | None = None,
    activities: Sequence[ArrayLike] | None = None,
) -> Float64s:
    """The rescaling S of each sample for the network linearised at given activities.

    ``S = I / lambda + sum_l P_l^T P_l`` with ``P_l = d mu_L / d z_l`` along the network,
    f' being evaluated at the activities. It costs K backward passes per sample and forms no (N, N)
    matrix. For a linear network it is `equilibrium_rescaling`, the same for all samples.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    activities : list of array-like, (n, n_l), optional
        z_1..z_H. Default: the feed-forward ones.

    Returns
    -------
    ndarray of float64, (n, K, K)

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    objective = objective_of(check_network(net), None, output_precision)
    S = linearize(net, X, activities).rescaling(objective.output_precision)
    n = len(np.asarray(X))
    return S if len(S) == n else np.repeat(S, n, axis=0)  # no hidden layers


@raises_on_overflow
def linearized_equilibrium(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    activities: Sequence[ArrayLike] | None = None,
    loss: Loss | None = None,
    output_precision: float | None = None,
) -> tuple[list[Float64s], Float64s]:
    """Minimum of the quadratic model of the energy: one Gauss-Newton step.

    ``z - (A^T A + lambda G^T B G)^-1 dF/dz`` and ``F - 1/2 g (A^T A + lambda G^T B G)^-1 g^T``,
    g = dF/dz, each sample being linearised at its own activities. At the feed-forward ones and with
    the squared error the energy is ``1/2 r S^-1 r^T`` with S of `linearized_rescaling`. The result
    is exact for linear networks with the squared error. It needs memory for n H N K numbers.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    activities : list of array-like, (n, n_l), optional
        z_1..z_H. Default: the feed-forward ones.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.

    Returns
    -------
    activities : list of float64 ndarray, (n, n_l)
        Minimisers of the quadratic model.
    energy : float64 ndarray, (n,)
        Minimum of the quadratic model of each sample.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    net, X, Y, objective = check_problem(
        net, X, Y, loss, output_precision, needs_hidden="linearized_equilibrium"
    )
    z = check_activities(net, X, activities)
    gradient = reference.activity_gradients(net, X, Y, z, objective)
    output = reference.predictions(net, X, z)[-1]
    C = objective.output_precision * output_curvature(objective.loss, output, Y)
    step = linearization_at(net, z).gauss_newton_solve(gradient, C)
    gained = 0.5 * sum(np.sum(g * s, axis=1) for g, s in zip(gradient, step))
    energy = reference.sample_energies(net, X, Y, z, objective) - gained
    return [a - s for a, s in zip(z, step)], energy
