"""Hessians by the weights, as operators: products, blocks, and the dense matrix of small nets."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._types import Float64s
from ._weights import flatten_weights, split_weights, weight_slices

if TYPE_CHECKING:
    from ..network import Network


class WeightHessian(LinearOperator):
    """Second derivatives of a mean over samples by all weights, (n_weights, n_weights).

    Made by `loss_hessian` and `energy_hessian`. ``H @ v`` costs a few passes over the samples
    and never forms the matrix; `toarray` does, with one product a column. Rows and columns are in
    the order of `weight_slices`.

    Attributes
    ----------
    net : Network
        In float64.
    slices : list of slice, (L,)
        Where each layer stands.
    value : float
        The function itself, a mean over the samples.
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
        """The matrix itself, ndarray (n_weights, n_weights)."""
        return self._columns(slice(0, self.shape[0])).T

    def block(self, row_layer: int, column_layer: int) -> Float64s:
        """d2 / dW_k dW_l as a matrix; it costs one product for each weight of W_l.

        Parameters
        ----------
        row_layer, column_layer : int
            k and l, from 1 to L.

        Returns
        -------
        ndarray, (W_k.size, W_l.size)
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
        """The columns of the unknowns in a slice, one a row."""
        unit = np.zeros(self.shape[0])
        columns = np.empty((part.stop - part.start, self.shape[0]))
        for row, index in enumerate(range(part.start, part.stop)):
            unit[index] = 1.0
            columns[row] = self._matvec(unit)
            unit[index] = 0.0
        return columns
