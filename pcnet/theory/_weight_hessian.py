"""Hessians by the weights: the order of the weights in a vector, products, and the R-operator.

`Tangent` gives the derivatives of predictions, errors and weight gradients along a direction. A
direction is a change dW_l of each weight matrix and a change dz_l of each hidden activity. The
rules are the derivatives of the passes of `pcnet._core.reference`, so a product with a Hessian
costs about two passes and never forms a matrix (Pearlmutter 1994, doi:10.1162/neco.1994.6.1.147).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from .._checks import check_float_array
from .._core import reference
from .._network_checks import check_fields
from .._types import Float64s
from ..network import Network, check_network
from ._curvature import activation_second_derivative, output_curvature
from ._linearization import linearization_at


def weight_slices(net: Network) -> list[slice]:
    """Positions of each layer's weights in a vector of all weights.

    W_1 comes first, each matrix row by row: entry (i, j) of W_l, (n_{l-1}, n_l), is at
    ``slices[l - 1].start + i * n_l + j``. Weight Hessians have their rows and columns in this
    order; biases are not included.

    Parameters
    ----------
    net : Network

    Returns
    -------
    list of slice, (L,)

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.

    Examples
    --------
    >>> from pcnet import Network
    >>> from pcnet.theory import weight_slices
    >>> weight_slices(Network.init((2, 3, 1)))
    [slice(0, 6, None), slice(6, 9, None)]
    """
    check_network(net)
    check_fields(net)
    ends = np.cumsum([0, *(W.size for W in net.weights)]).tolist()
    return [slice(*pair) for pair in zip(ends, ends[1:])]


def split_weights(net: Network, vector: ArrayLike) -> list[Float64s]:
    """Matrices shaped like W_1..W_L from one vector of all weights.

    Parameters
    ----------
    net : Network
    vector : array-like, (n_weights,)
        In the order of `weight_slices`.

    Returns
    -------
    list of ndarray of float64, (n_{l-1}, n_l)
        They share no memory with the vector.

    Raises
    ------
    ValueError
        The vector has another number of entries than the network has weights.
    """
    slices = weight_slices(net)
    size = slices[-1].stop
    vector = check_float_array("vector", vector, np.float64, 1, (size,))
    return [vector[part].reshape(W.shape) for part, W in zip(slices, net.weights)]


def flatten_weights(weights: Sequence[ArrayLike]) -> Float64s:
    """One vector from the matrices W_1..W_L, in the order of `weight_slices`.

    Parameters
    ----------
    weights : list of array-like, (n_{l-1}, n_l)

    Returns
    -------
    ndarray of float64, (n_weights,)

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    if isinstance(weights, str) or not np.iterable(weights) or not len(weights := list(weights)):
        raise TypeError(f"weights must be a list of matrices, one per layer; got {weights!r}")
    return np.concatenate(
        [
            check_float_array(f"weights[{i}]", W, np.float64, 2, copy=False).ravel()
            for i, W in enumerate(weights)
        ]
    )


class WeightHessian(LinearOperator):
    """Second derivatives of a mean over samples by all weights, (n_weights, n_weights).

    `loss_hessian` and `energy_hessian` return it. ``H @ v`` costs a few passes over the samples and
    does not form the matrix; `toarray` forms it with one product per column. Rows and columns are
    in the order of `weight_slices`.

    Attributes
    ----------
    net : Network
        In float64.
    slices : list of slice, (L,)
        Positions of each layer's weights.
    value : float
        Value of the function, a mean over the samples.
    gradients : list of ndarray, (n_{l-1}, n_l)
        Its gradients by W_1..W_L.
    """

    def __init__(
        self,
        net: Network,
        product: Callable[[list[Float64s]], list[Float64s]],
        value: float,
        gradients: list[Float64s],
    ) -> None:
        self.slices = weight_slices(net)
        size = self.slices[-1].stop
        super().__init__(np.float64, (size, size))
        self.net = net
        self.value = float(value)
        self.gradients = gradients
        self._product = product

    def _matvec(self, v):
        return flatten_weights(self._product(split_weights(self.net, np.ravel(v))))

    def _adjoint(self):
        return self

    def toarray(self) -> Float64s:
        """The dense matrix, ndarray (n_weights, n_weights)."""
        return self._columns(slice(0, self.shape[0])).T

    def block(self, row_layer: int, column_layer: int) -> Float64s:
        """The second derivatives by W_k and W_l as a matrix; costs one product per weight of W_l.

        Parameters
        ----------
        row_layer, column_layer : int
            k and l, from 1 to L.

        Returns
        -------
        ndarray, (W_k.size, W_l.size)

        Raises
        ------
        ValueError
            A layer is not an integer from 1 to L.
        """
        rows, columns = (
            self.slices[self._layer(name, layer) - 1]
            for name, layer in (("row_layer", row_layer), ("column_layer", column_layer))
        )
        return self._columns(columns)[:, rows].T

    def _layer(self, name, layer):
        if not isinstance(layer, Integral) or not 1 <= layer <= self.net.n_layers:
            raise ValueError(f"{name} must be a layer from 1 to {self.net.n_layers}; got {layer!r}")
        return layer

    def _columns(self, part):
        """The columns of the weights in a slice, one per row of the result."""
        unit = np.zeros(self.shape[0])
        columns = np.empty((part.stop - part.start, self.shape[0]))
        for row, index in enumerate(range(part.start, part.stop)):
            unit[index] = 1.0
            columns[row] = self._matvec(unit)
            unit[index] = 0.0
        return columns


class Tangent:
    """Directional derivatives of a network's passes at given activities and errors.

    Parameters
    ----------
    net : Network
        In float64.
    X : ndarray, (n, D)
    activities : list of ndarray, (n, n_l)
        z_1..z_H.
    errors : list of ndarray, (n, n_l)
        e_1..e_L: those of predictive coding, or backpropagation's.
    """

    def __init__(self, net, X, activities, errors):
        self.net = net
        self.errors = errors
        self._linear = linearization_at(net, activities)
        names = net.activations
        below = [X, *activities]
        self.sent_up = [reference.activation(name, z) for name, z in zip(names, below)]
        self.slopes = [reference.activation_derivative(name, z) for name, z in zip(names, below)]
        self.bends = [activation_second_derivative(name, z) for name, z in zip(names, below)]
        self.pulls = [e @ W.T for e, W in zip(errors, net.weights)]

    def prediction(self, index, dW, below=None):
        """Change of mu_l, l = index + 1; ``below`` is dz_{l-1}, None for no change."""
        change = self.net.scales[index] * (self.sent_up[index] @ dW)
        return change if below is None else change + self._linear.up(index - 1, below)

    def feedback(self, index, dW, above, z=None):
        """Change of the feedback from layer l = index + 1 to the activities of layer l - 1.

        The feedback is ``a_l (e_l W_l^T) f'(z_{l-1}) + tau_l e_l``. ``above`` is the change of e_l,
        ``z`` that of z_{l-1}, None for no change.
        """
        gain = self._linear.gains[index - 1]
        change = self._linear.down(index - 1, above) + gain * (self.errors[index] @ dW.T)
        if z is not None:
            change += self.net.scales[index] * self.pulls[index] * self.bends[index] * z
        return change

    def weight_gradient(self, index, above, below=None):
        """Change of the mean ``- a_l / n f_l(z_{l-1})^T e_l``; ``above`` is that of e_l."""
        change = self.sent_up[index].T @ above
        if below is not None:
            change = change + (self.slopes[index] * below).T @ self.errors[index]
        return -(self.net.scales[index] / len(above)) * change


def output_pull(objective, output, Y):
    """The map from changes of the outputs (n, K) to those of the output delta, - lambda B."""
    curvature = objective.output_precision * output_curvature(objective.loss, output, Y)
    return lambda change: -np.einsum("nk,nkj->nj", change, curvature)
