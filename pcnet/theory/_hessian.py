"""The Hessian of one sample's energy by its hidden activities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.sparse.linalg import LinearOperator

from .._checks import check_float_array
from .._core import reference
from .._types import Float64s, Loss
from ..network import Network
from ._checks import check_activities, check_sample, raises_on_overflow
from ._curvature import activation_second_derivative, output_curvature
from ._linearization import Linearization, linearization_at


class BlockCholesky:
    """L L^T of a block tridiagonal matrix, L block bidiagonal: O(H N^3) time, O(H N^2) memory.

    Parameters
    ----------
    diagonal : iterable of ndarray, (n_l, n_l)
        D_1..D_H, symmetric.
    above : iterable of ndarray, (n_l, n_{l+1})
        B_1..B_{H-1}, the blocks of the first superdiagonal.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is not positive definite.
    """

    def __init__(self, diagonal, above):
        self._roots, self._couplings = [], []
        above = iter(above)
        for D in diagonal:
            if self._roots:
                # the factor's block below its diagonal, transposed: C = L_l^-1 B_l
                C = solve_triangular(self._roots[-1], next(above), lower=True, check_finite=False)
                D = D - C.T @ C
                self._couplings.append(C)
            self._roots.append(_root(D, len(self._roots)))

    def solve_rows(self, v):
        """x with x_i (L L^T) = v_i for each row i; v and x are lists of (m, n_l)."""
        y = []
        for i, (root, part) in enumerate(zip(self._roots, v)):
            part = part.T - self._couplings[i - 1].T @ y[-1] if i else part.T
            y.append(solve_triangular(root, part, lower=True, check_finite=False))
        x = []
        for i in range(len(y) - 1, -1, -1):
            part = y[i] - self._couplings[i] @ x[0] if x else y[i]
            root = self._roots[i]
            x.insert(0, solve_triangular(root, part, lower=True, trans=1, check_finite=False))
        return [part.T for part in x]


def _root(D, index):
    try:
        return cholesky(D, lower=True, check_finite=False)
    except LinAlgError:
        raise np.linalg.LinAlgError(
            f"the Hessian is not positive definite (found at hidden layer {index + 1}): these "
            "activities are not near a minimum of the energy; take those that pcnet.infer "
            "returns, or gauss_newton=True"
        ) from None


@raises_on_overflow
def activity_hessian(
    net: Network,
    x: ArrayLike,
    y: ArrayLike,
    activities: Sequence[ArrayLike] | None = None,
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
    gauss_newton: bool = False,
) -> ActivityHessian:
    """d^2F / dz^2 of one sample, as an operator with products, solves and `toarray`.

    With the notation of `pcnet.theory.linearize`,

        H_z = A^T A + lambda G^T B G + decay I - diag(a_{l+1} (e_{l+1} W_{l+1}^T) f''(z_l))

    where B is the loss's second derivative by the output and e_L its delta. It is block
    tridiagonal. The last term is 0 for piecewise linear activations (identity, relu) and, at the
    feed-forward state, in all layers but the highest hidden one. The Gauss-Newton part omits it
    and is never indefinite.

    Parameters
    ----------
    net : Network
    x : array-like, (1, D) or (D,)
        One sample.
    y : array-like, (1, K) or (K,)
        Its target.
    activities : list of array-like, (1, n_l), optional
        z_1..z_H; an output after them is ignored. Default: the feed-forward ones.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        None: that of ``net.objective``, or else "squared_error".
    output_precision : float or None
        lambda, positive. None: that of ``net.objective``, or else 1.
    activity_decay : float or None
        0 or more. None: that of ``net.objective``, or else 0.
    gauss_newton : bool, default False
        Whether to omit the term with f''.

    Returns
    -------
    ActivityHessian
        (H N, H N), with units in the order of the layers.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type, ``x`` has more than one row, or the network
        has no hidden layer.

    Examples
    --------
    >>> from pcnet import Network
    >>> from pcnet.theory import activity_hessian
    >>> net = Network.from_weights([[[1.0]], [[2.0]], [[3.0]]], activation="identity")
    >>> activity_hessian(net, [[1.0]], [[0.0]]).toarray()
    array([[ 5., -2.],
           [-2., 10.]])
    """
    net, x, y, objective = check_sample(
        "activity_hessian", net, x, y, loss, output_precision, activity_decay
    )
    z = check_activities(net, x, activities)
    if not isinstance(gauss_newton, (bool, np.bool_)):
        raise TypeError(f"gauss_newton must be True or False; got {gauss_newton!r}")
    return hessian_of(net, x, y, z, objective, gauss_newton)


def hessian_of(net, x, y, z, objective, gauss_newton=False):
    """`ActivityHessian` of checked arguments: a float64 network, rows of one sample."""
    linear = linearization_at(net, z)
    output = reference.predictions(net, x, z)[-1]
    C = objective.output_precision * output_curvature(objective.loss, output, y)
    bends = None
    if not gauss_newton:
        errors = reference.errors(net, x, y, z, objective)
        bends = np.concatenate([_bend(net, i, errors[i + 1], a) for i, a in enumerate(z)])
    return ActivityHessian(linear, C, objective.activity_decay, bends)


def _bend(net, hidden, above, z):
    """- a_{l+1} (e_{l+1} W_{l+1}^T) f''(z_l), (n_l,), l = hidden + 1."""
    name = net.activations[hidden + 1]
    sent = net.scales[hidden + 1] * (above @ net.weights[hidden + 1].T)
    return -(sent * activation_second_derivative(name, z))[0]


class ActivityHessian(LinearOperator):
    """H_z of one sample, (H N, H N), made by `activity_hessian`.

    ``H @ v`` costs two passes through the network and never forms the matrix.

    Attributes
    ----------
    linearization : Linearization
        A and G.
    curvature : ndarray, (1, K, K)
        lambda B.
    decay : float
    bends : ndarray, (H N,)
        Diagonal of the term with f''; 0 in a Gauss-Newton Hessian.
    """

    def __init__(
        self,
        linearization: Linearization,
        curvature: Float64s,
        decay: float = 0.0,
        bends: Float64s | None = None,
    ) -> None:
        widths = linearization.net.layer_sizes[1:-1]
        size = sum(widths)
        super().__init__(np.float64, (size, size))
        self.linearization = linearization
        self.curvature = curvature
        self.decay = float(decay)
        self.bends = np.zeros(size) if bends is None else bends
        self._edges = np.cumsum(widths)[:-1]

    @property
    def is_gauss_newton(self) -> bool:
        """Whether the term with f'' is 0, so that only decay adds to the Gauss-Newton part."""
        return not np.any(self.bends)

    def _split(self, rows):
        return np.split(rows, self._edges, axis=1)

    def _matmat(self, V):
        product = self.linearization.gauss_newton(self._split(V.T), self.curvature)
        return np.concatenate(product, axis=1).T + (self.decay + self.bends)[:, None] * V

    def _matvec(self, v):
        return self._matmat(v.reshape(-1, 1))[:, 0]

    def _adjoint(self):
        return self

    def solve(self, v: ArrayLike) -> Float64s:
        """H_z^-1 v.

        The Gauss-Newton part without decay takes two passes. Decay or curved activations need a
        block Cholesky factorisation, O(H N^3), computed once.

        Parameters
        ----------
        v : ndarray, (H N,) or (H N, m)

        Returns
        -------
        ndarray, shape of v

        Raises
        ------
        numpy.linalg.LinAlgError
            The Hessian is not positive definite.
        """
        return self._flat(self.solve_layers, v)

    def solve_layers(self, v: list[Float64s]) -> list[Float64s]:
        """H_z^-1 v for vectors as a list over the layers.

        Parameters
        ----------
        v : list of ndarray, (m, n_l)

        Returns
        -------
        list of ndarray, (m, n_l)
        """
        if self.is_gauss_newton and self.decay == 0:
            return self.linearization.gauss_newton_solve(v, self.curvature)
        return self._cholesky.solve_rows(v)

    def _flat(self, solve, v):
        v = check_float_array("v", v, np.float64, None, copy=False)
        if v.ndim not in (1, 2) or len(v) != self.shape[0]:
            raise ValueError(
                f"v must have the shape ({self.shape[0]},) or ({self.shape[0]}, m), an entry for "
                f"each hidden unit; got {v.shape}"
            )
        rows = v.reshape(self.shape[0], -1).T
        return np.concatenate(solve(self._split(rows)), axis=1).T.reshape(np.shape(v))

    @cached_property
    def _cholesky(self):
        return BlockCholesky(*self._blocks())

    def shifted_solve(self, shift: float) -> Callable[[Float64s], Float64s]:
        """v -> (H_z - shift I)^-1 v by block Cholesky.

        Parameters
        ----------
        shift : float
            Below all eigenvalues of H_z.

        Returns
        -------
        callable
            From ndarray, (H N,) or (H N, m), to the same shape.

        Raises
        ------
        numpy.linalg.LinAlgError
            The shift is not below all eigenvalues.
        """
        solve = BlockCholesky(*self._blocks(shift)).solve_rows
        return lambda v: self._flat(solve, v)

    def _blocks(self, shift=0.0):
        """Generators of the blocks on the diagonal and of those above it."""
        own = np.split(1.0 + self.decay - shift + self.bends, self._edges)
        n_hidden = self.linearization.n_hidden

        def diagonal():
            for i in range(n_hidden):
                J = self._layer_map(i)
                block = J @ (J if i < n_hidden - 1 else J @ self.curvature[0]).T
                yield np.diag(own[i]) + (block + block.T) / 2  # symmetric despite rounding

        return diagonal(), (-self._layer_map(i) for i in range(n_hidden - 1))

    def _layer_map(self, hidden):
        """J_{l+1}, (n_l, n_{l+1}), l = hidden + 1."""
        net, gain = self.linearization.net, self.linearization.gains[hidden]
        J = gain[0][:, None] * net.weights[hidden + 1]
        return J + np.eye(len(J)) if net.skips[hidden + 1] else J

    def toarray(self) -> Float64s:
        """The dense matrix, ndarray (H N, H N)."""
        H = np.zeros(self.shape)
        diagonal, above = self._blocks()
        edges = [0, *self._edges, self.shape[0]]
        places = [slice(*ends) for ends in zip(edges, edges[1:])]
        for place, block in zip(places, diagonal):
            H[place, place] = block
        for here, there, block in zip(places, places[1:], above):
            H[here, there] = block
            H[there, here] = block.T
        return H
