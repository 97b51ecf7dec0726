"""The order in which all weights of a network stand in one vector: layer by layer, row-major."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_float_array
from .._network_checks import check_fields
from .._types import Float64s
from ..network import check_network

if TYPE_CHECKING:
    from ..network import Network


def weight_slices(net: Network) -> list[slice]:
    """Where each layer's weights stand in a vector of all weights.

    W_1 comes first, each matrix row by row: entry (i, j) of W_l, (n_{l-1}, n_l), stands at
    ``slices[l - 1].start + i * n_l + j``. Weight Hessians have their rows and columns in this
    order; biases are not among the unknowns.

    Parameters
    ----------
    net : Network

    Returns
    -------
    list of slice, (L,)

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
    """
    slices = weight_slices(net)
    size = slices[-1].stop
    vector = check_float_array("vector", vector, np.float64, 1, (size,))
    return [vector[part].reshape(W.shape) for part, W in zip(slices, net.weights)]


def flatten_weights(weights: Sequence[ArrayLike]) -> Float64s:
    """One vector from matrices W_1..W_L, in the order of `weight_slices`.

    Parameters
    ----------
    weights : list of array-like, (n_{l-1}, n_l)

    Returns
    -------
    ndarray of float64, (n_weights,)
    """
    if isinstance(weights, str) or not np.iterable(weights) or not len(weights := list(weights)):
        raise TypeError(f"weights must be a list of matrices, one a layer; got {weights!r}")
    return np.concatenate(
        [
            check_float_array(f"weights[{i}]", W, np.float64, 2, copy=False).ravel()
            for i, W in enumerate(weights)
        ]
    )
