"""The prior of the free input, and the network in which it is one more layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._checks import as_array, check_float_array, check_positive, check_representable, shown
from .._network_checks import check_fields
from .._types import Floats
from ..network import Network


@dataclass(frozen=True, eq=False)
class Prior:
    """The normal prior of a free input: ``z_0 = mean + e_0 / sqrt(precision)``, e_0 ~ N(0, I).

    Parameters
    ----------
    mean : float or array-like, (D,), default 0
    precision : float, default 1
        Positive: the inverse of the variance.
    """

    mean: ArrayLike = 0.0
    precision: float = 1.0

    def __post_init__(self):
        check_positive("precision of the prior", self.precision)


def resolve_prior(prior: Prior | None) -> Prior:
    """The prior of a ``prior`` argument."""
    if prior is None:
        return Prior()
    if not isinstance(prior, Prior):
        raise TypeError(
            f"prior must be a pcnet.generative.Prior or None; got {shown(prior)}. Write "
            "Prior(mean=.., precision=..)"
        )
    return prior


def free_input_network(net: Network, prior: Prior) -> Network:
    """The network with its input as the first hidden layer, on a constant input of 0.

    Its layer 1 has weights of 0 and predicts the prior's mean, so its error is e_0 and its activity
    ``sqrt(precision) z_0``, in which layer 2's scale is divided by ``sqrt(precision)``: the energy
    has ``1/2 |e_0|^2``. Its other weights, and its biases where ``net`` has any, are the arrays
    of ``net``.
    """
    check_fields(net)
    mean, root = _mean(net, prior), float(np.sqrt(prior.precision))
    check_representable("precision of the prior", prior.precision, net.dtype)
    weights = [np.zeros((1, len(mean)), net.dtype), *net.weights]
    biases = net.biases
    if biases is None and mean.any():
        biases = [np.zeros(n, net.dtype) for n in net.layer_sizes[1:]]
    if biases is not None:
        biases = [(root * mean).astype(net.dtype), *biases]
    return Network(
        weights,
        biases,
        np.array([1.0, net.scales[0] / root, *net.scales[1:]]),
        np.array([False, *net.skips]),
        ("identity", *net.activations[1:]),
        None,
        1.0,
    )


def _mean(net: Network, prior: Prior) -> Floats:
    n_causes = net.layer_sizes[0]
    mean = as_array("mean of the prior", prior.mean)
    if mean.ndim == 0:
        mean = np.full(n_causes, mean)
    return check_float_array("mean of the prior", mean, net.dtype, 1, (n_causes,))
