"""``learning_rate_init="auto"``: a safe base rate for solver, network and batch size.

With the factors of `pcnet.parameterization` one rate suits all ``"mupc"`` networks; the other
parameterizations lack some or all of these factors.
"""

import numpy as np

from ..network import Network
from ..parameterization import NARROW
from ..solvers import SGD, Adam

#: Base rate of Adam in ``"mupc"`` networks. For smaller batches than this the noise of the
#: gradient requires a smaller rate, proportional to the square root of the batch size.
ADAM_RATE, ENOUGH_FOR_ADAM = 0.03, 8

#: Base rate of SGD per sample of a minibatch, and its maximum. The noise of the gradient limits
#: small batches, the curvature of the loss large ones. On small tables training did not diverge
#: below twice these rates. Momentum sums the steps, so the rate is multiplied by 1 - momentum.
SGD_RATE_PER_SAMPLE, LARGEST_SGD_RATE = 0.003, 0.1

#: Sum over the layers of |d mu_L / d W_l|^2 of a sample, times the layers' factors, in a ``"mupc"``
#: network of any shape. The change of the output in an SGD step is proportional to it.
MUPC_TANGENT = 40.0


def auto_learning_rate(solver: Adam | SGD, network: Network, batch_size: float) -> float:
    """The base learning rate for ``learning_rate_init="auto"``.

    Parameters
    ----------
    solver : Adam or SGD
    network : Network
    batch_size : float
        Mean number of samples in a minibatch.

    Returns
    -------
    float
    """
    if solver.normalizes_gradient:
        return _adam_rate(network) * min(1.0, np.sqrt(batch_size / ENOUGH_FOR_ADAM))
    momentum = getattr(solver, "momentum", 0.0)
    largest = min(SGD_RATE_PER_SAMPLE * batch_size, LARGEST_SGD_RATE)
    factor = min(4.0, MUPC_TANGENT / _tangent(network))
    return largest * factor * max(1.0 - momentum, 0.01)


def _adam_rate(network):
    if network.parameterization == "mupc":
        return ADAM_RATE
    if network.parameterization == "ntp":  # outputs of initial size 1, not 1 / sqrt(N)
        narrowest = min(network.layer_sizes[1:-1], default=np.inf)
        return ADAM_RATE * min(1.0, narrowest / (2 * NARROW))
    # one step changes a unit by rate * n_in, and the last hidden layer by the sum over layers
    widest = max(64, *network.layer_sizes[:-1])
    return 1.28 / widest * min(1.0, 16 / network.n_layers)


def _tangent(network):
    """The sum over layers that `MUPC_TANGENT` is for mupc, at unit inputs and the usual start."""
    sizes, scaled = network.layer_sizes, network.parameterization in ("mupc", "ntp")
    if network.n_layers == 1:  # no hidden layer bounds the effect of outliers
        return 3 * (MUPC_TANGENT if scaled else sizes[0])
    if scaled:  # the output scale of ntp is 1 / sqrt(N), not 1 / N
        return MUPC_TANGENT * (1.0 if network.parameterization == "mupc" else sizes[-2] ** 0.5 / 2)
    # Weights of variance 1 / (3 n_in); a rectifier halves the square of its input. With a skip a
    # layer multiplies activities and responses by 1 + 1/6.
    growth = (7 / 6) ** np.count_nonzero(network.skips)
    return growth * (sizes[0] / 3 + sum(sizes[1:-1]) / 18)
