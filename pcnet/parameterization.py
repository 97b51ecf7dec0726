"""Parameterizations: scales, initial weights and learning rates of the layers.

Weights are stored unscaled, with a scale a_l for each layer; D inputs, width N, L layers:

=========  ==========  =========================================  ============  ==================
name       a_1         a_l, hidden                                a_L           W at the start
=========  ==========  =========================================  ============  ==================
``sp``     1           1                                          1             U(-+1 / sqrt(n_in))
``ntp``    1/sqrt(D)   1/sqrt(N L) with a skip, else 1/sqrt(N)    1/sqrt(N)     N(0, 1)
``mupc``   1/sqrt(D)   1/sqrt(N L) with a skip, else 1/sqrt(N)    1/(N gamma)   N(0, 1)
=========  ==========  =========================================  ============  ==================

muPC [1]_ keeps the activities and their updates of order one at any width and depth, so networks
of 100 layers train, and a learning rate of a small network suits a large one.

References
----------
.. [1] Innocenti, Achour, Buckley, "muPC: Scaling Predictive Coding to 100+ Layer Networks",
   NeurIPS 2025, arXiv:2505.13124.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from ._checks import check_choice, check_flag, check_layer_sizes, check_positive, shown
from ._random import WEIGHTS, draw_normal, draw_uniform, run_side_by_side, stream
from ._types import Bools, Float64s, Floats, Parameterization

if TYPE_CHECKING:
    from .network import Network


PARAMETERIZATIONS = ("mupc", "ntp", "sp")


class Shape(NamedTuple):
    """Inputs, width and layers of a network."""

    n_inputs: int
    width: int
    n_layers: int


#: The shape at which all layers learn at the base rate, `learning_rate_init`.
BASE_SHAPE = Shape(n_inputs=784, width=128, n_layers=32)

#: Factor of the learning rate of biases in layers with a skip: they change all samples alike and
#: sum over the layers. At the full rate a 30-layer network loses 1 % of accuracy (MNIST). In the
#: first and last layer a small factor lowers the accuracy of low-dimensional problems.
BIAS_SHARE = 0.1

#: Change of the first layer's units in a step, relative to inputs of one sign. Standardised inputs
#: have both signs and cancel in part; inputs of the residual layers are activations, mostly of one
#: sign.
INPUT_SHARE = 0.7

#: Hidden layers with fewer units have smaller initial weights and rates, see `narrow_shares`.
NARROW = 16


class PerLayer(NamedTuple):
    """Factors of the weights and of the biases of each layer, each (L,) float64."""

    weights: Float64s
    biases: Float64s


def default_skips(layer_sizes: Sequence[int], skip: bool = True) -> Bools:
    """Layers with an identity connection: hidden to hidden, of equal width.

    Returns
    -------
    ndarray of bool, (L,)
    """
    layer_sizes, skip = check_layer_sizes(layer_sizes), check_flag("skip", skip)
    n_layers = len(layer_sizes) - 1
    equal = [n_in == n_out for n_in, n_out in zip(layer_sizes, layer_sizes[1:], strict=False)]
    inner = [0 < index < n_layers - 1 for index in range(n_layers)]
    return np.array([skip and e and i for e, i in zip(equal, inner, strict=True)], dtype=bool)


def layer_scales(
    layer_sizes: Sequence[int],
    parameterization: Parameterization,
    skips: Sequence[bool] | Bools,
    gamma: float = 1.0,
) -> Float64s:
    """The scales a_1..a_L of `pcnet.parameterization`'s table.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    parameterization : {"mupc", "ntp", "sp"}
    skips : sequence of bool, (L,)
    gamma : float, default 1.0
        Divides the output scale of ``"mupc"``.

    Returns
    -------
    ndarray of float64, (L,)
        A network without hidden layers has only a_1.
    """
    layer_sizes = check_layer_sizes(layer_sizes)
    check_choice("parameterization", parameterization, PARAMETERIZATIONS)
    check_positive("gamma", gamma)
    n_layers = len(layer_sizes) - 1
    if np.shape(skips) != (n_layers,):
        raise ValueError(f"skips must hold {n_layers} booleans, one per layer; got {shown(skips)}")
    if parameterization == "sp":
        return np.ones(n_layers)
    n_in = np.array(layer_sizes[:-1], dtype=np.float64)
    scales = 1.0 / np.sqrt(n_in * np.where(skips, n_layers, 1))
    if parameterization == "mupc" and n_layers > 1:
        scales[-1] = 1.0 / (n_in[-1] * gamma)
    return scales


def initial_weights(
    layer_sizes: Sequence[int],
    parameterization: Parameterization,
    seed: np.random.SeedSequence,
    dtype: DTypeLike,
    n_threads: int = 1,
) -> list[Floats]:
    """Weights W_1..W_L, drawn from the distributions of `pcnet.parameterization`'s table.

    Each layer has a separate stream of random numbers. float32 weights are rounded float64 ones.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    parameterization : {"mupc", "ntp", "sp"}
    seed : SeedSequence
    dtype : dtype
    n_threads : int, default 1
        Threads that draw large networks; the weights do not depend on it.

    Returns
    -------
    list of ndarray, (n_in, n_out)
    """
    weights, tasks = [], []
    for layer, shape in enumerate(zip(layer_sizes, layer_sizes[1:], strict=False)):
        weights.append(np.empty(shape, dtype=dtype))
        rng = stream(seed, WEIGHTS, layer)
        if parameterization == "sp":
            tasks.append(partial(draw_uniform, rng, 1.0 / np.sqrt(shape[0]), weights[-1]))
        else:
            tasks.append(partial(draw_normal, rng, weights[-1]))
    run_side_by_side(tasks, sum(w.size for w in weights), n_threads)
    return weights


def narrow_shares(layer_sizes: Sequence[int]) -> Float64s:
    """Each hidden layer's units over `NARROW`, at most 1.

    One step changes each unit by the same amount at any width. It may make a rectifier inactive for
    all samples, where its gradient is 0. A layer of 128 units then loses a few units, a layer of
    two units half of them.

    Returns
    -------
    ndarray of float64, (L - 1,)
    """
    return np.minimum(1.0, np.array(layer_sizes[1:-1], dtype=np.float64) / NARROW)


def prepare_narrow_layers(network: Network) -> None:
    """Adjust initial weights for hidden layers narrower than `NARROW`, in place.

    The output's weights are multiplied by `narrow_shares` of the layer below. With ``"mupc"`` the
    outputs start at about 1 / sqrt(N), so in a narrow network the first gradients would only shrink
    them by moving the units towards 0. Units of a narrow layer above the first, without a skip, get
    weights of sum 0 or more (by a change of sign), because the activities below have mostly one
    sign and would make half of the units inactive. ``"sp"`` networks and wider layers do not
    change.

    Parameters
    ----------
    network : Network
    """
    if network.parameterization not in ("mupc", "ntp") or network.n_layers == 1:
        return
    shares = narrow_shares(network.layer_sizes)
    network.weights[-1] *= network.dtype.type(shares[-1])
    for index in range(1, network.n_layers - 1):
        if shares[index] < 1 and not network.skips[index]:
            weights = network.weights[index]
            weights *= np.where(weights.sum(axis=0) < 0, -1, 1).astype(network.dtype)


def learning_rate_multipliers(network: Network) -> PerLayer:
    """Learning rate of each layer over the base rate, so that rates transfer between shapes.

    One Adam step changes each entry of W_l by about the rate. The resulting change of z_H and mu_L,
    summed over the layers, is independent of D, N and L with these factors, (D0, N0, L0) being the
    base shape: sqrt(D0 / D) for the input layer, sqrt(N0 L0 / (N L)) for a hidden layer with a skip
    and sqrt(N0 / N) without, gamma for the output layer. Biases have the factor 1, with a skip
    L0 / L times `BIAS_SHARE`.

    Shallow networks lack the base shape's sum over residual layers. Their factors are multiplied by
    `shallow_boost`, except that of the output's bias, which is not part of the sum. Hidden layers
    narrower than `NARROW` learn more slowly: by the square root of `narrow_shares` in the first
    layer, and by its square in those above, whose rectified inputs have one sign. ``"ntp"`` differs
    in the output layer (1 / sqrt(N), since its scale is larger). ``"sp"`` and networks from given
    weights have factors of 1.

    Returns
    -------
    PerLayer
    """
    _check_network(network)
    n_layers = network.n_layers
    weights, biases = np.ones(n_layers), np.ones(n_layers)
    if network.parameterization not in ("mupc", "ntp"):
        return PerLayer(weights, biases)
    n_in = np.array(network.layer_sizes[:-1], dtype=np.float64)
    depth = np.where(network.skips, BASE_SHAPE.n_layers / n_layers, 1.0)
    weights = np.sqrt(BASE_SHAPE.width / n_in * depth)
    biases = np.where(network.skips, BIAS_SHARE * depth, 1.0)
    if n_layers > 1:
        mupc = network.parameterization == "mupc"
        weights[-1] = network.gamma if mupc else 1.0 / np.sqrt(n_in[-1])
    weights[0] = np.sqrt(BASE_SHAPE.n_inputs / n_in[0])
    boost = shallow_boost(network.skips)
    weights *= boost
    biases[:-1] *= boost
    slower = narrow_shares(network.layer_sizes)
    slower[:1], slower[1:] = np.sqrt(slower[:1]), slower[1:] ** 2
    weights[:-1] *= slower
    biases[:-1] *= slower
    return PerLayer(weights, biases)


def shallow_boost(skips: Bools) -> float:
    """Factor of a shallow network's rates: the base shape's change of z_H over its own.

    With the rates of `learning_rate_multipliers` a step of size 1 changes z_H, through all layers
    below the output, by about

        sqrt(D0) `INPUT_SHARE` + sqrt(N0 L0) S / L + sqrt(N0) O

    with S skips and O other layers above the first. In residual networks S / L is 1 - 2 / L, so
    the sum hardly depends on a large depth. With one hidden layer it is 20, in the base shape 80.
    The factor compensates this: 4.1 for one hidden layer, 1.9 for two, 1.15 for eight. It is at
    least 1, and 1 without hidden layers.

    Parameters
    ----------
    skips : ndarray of bool, (L,)

    Returns
    -------
    float
    """
    n_inputs, width, base_layers = BASE_SHAPE
    n_layers, n_skips = len(skips), np.count_nonzero(skips)
    if n_layers == 1:
        return 1.0
    first, residual = INPUT_SHARE * np.sqrt(n_inputs), np.sqrt(width * base_layers)
    base = first + residual * (base_layers - 2) / base_layers
    own = first + residual * n_skips / n_layers + np.sqrt(width) * (n_layers - 2 - n_skips)
    return max(1.0, base / own)


def gradient_scales(network: Network, output_precision: float) -> PerLayer:
    """Factors that scale the gradients to order one for the solver.

    dF/dW_l is of order lambda a_l a_L (l < L) or lambda a_L (l = L), dF/db_l of order
    lambda a_L or lambda: 1e-8 in a 128-layer network, where Adam's epsilon would dominate.
    The factors are the inverses.

    Returns
    -------
    PerLayer
    """
    _check_network(network)
    check_positive("output_precision", output_precision)
    hidden = np.full(network.n_layers, output_precision * network.scales[-1])
    hidden[-1] = output_precision
    return PerLayer(1.0 / (hidden * network.scales), 1.0 / hidden)


# ---------------------------------------------------------------- checks


def _check_network(network):
    from .network import check_network  # imported here: network imports this module

    check_network(network, "network")
