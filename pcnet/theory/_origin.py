"""The Hessians of loss and equilibrated energy at all weights 0, in closed form.

The derivation is in docs/saddles.md. With c = f'(0), delta the output delta over lambda at a zero
output (y for the squared error), and G the inverse of the tridiagonal (H, H) matrix
``T = A^T A + decay I``, A = I with -tau_{l+1} below the diagonal (l = 1..H - 1), the energy has

    d^2F* / dW_L^2    = - lambda^2 a_L^2 c^2 G_HH    I (kron) mean(delta^T delta)
    d^2F* / dW_1 dW_L = - lambda a_1 a_L c G_1H      mean(x^T delta), for weights of one unit
    d^2F* / dW_1^2    = a_1^2 (1 - G_11)             mean(x^T x) (kron) I

and no other block. Without decay G_11 = 1; G_HH = 1 + the number of consecutive skips directly
below the output; and G_1H is 1 if every layer from 2 to H has a skip (also if H = 1), else 0. The
Hessian of the loss has only the block d^2L / dW_1 dW_L with lambda G_1H = 1 or 0, so it is 0 unless
all these layers have skips.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_choice
from .._core import reference
from .._types import Float64s, Loss
from ..network import Network
from ._checks import check_network, check_problem, raises_on_overflow
from ._weight_hessian import weight_slices

KINDS = ("energy", "loss")

#: Activations that are not differentiable at 0, or not 0 there.
_UNFIT = ("leaky_relu", "logistic", "relu", "selu")


def at_origin(net: Network) -> Network:
    """A copy of a network with all weights 0, in float64; the network itself is unchanged.

    Parameters
    ----------
    net : Network

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    net = check_network(net)
    net.weights = [np.zeros_like(W) for W in net.weights]
    return net


@raises_on_overflow
def origin_hessian(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    of: Literal["energy", "loss"] = "energy",
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> Float64s:
    """The Hessian by the weights at all weights 0, from its closed form.

    Parameters
    ----------
    net : Network
        The result depends on its shape, scales, skips and activations, not on its weights. It must
        have no biases (or zeros), at least one hidden layer, and activations that are smooth at 0
        and 0 there: identity, tanh, hard_tanh, gelu, silu.
    X : array-like, (n, D)
    Y : array-like, (n, K)
    of : {"energy", "loss"}
        The energy at equilibrium, or the feed-forward loss.
    loss, output_precision, activity_decay
        As for `pcnet.infer`; ``of="loss"`` does not use the last two.

    Returns
    -------
    ndarray of float64, (n_weights, n_weights)
        In the order of `weight_slices`.

    Raises
    ------
    ValueError
        The network does not fit, or an argument has a wrong shape or value.

    Examples
    --------
    >>> from pcnet import Network
    >>> from pcnet.theory import origin_hessian
    >>> net = Network.from_weights([[[5.0]], [[5.0]]], activation="identity")
    >>> origin_hessian(net, [[1.0]], [[1.0]])
    array([[ 0., -1.],
           [-1., -1.]])
    >>> origin_hessian(net, [[1.0]], [[1.0]], of="loss")
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    blocks = _blocks("origin_hessian", net, X, Y, of, (loss, output_precision, activity_decay))
    sizes, slices = net.layer_sizes, weight_slices(net)
    hessian = np.zeros((slices[-1].stop, slices[-1].stop))
    first, last = slices[0], slices[-1]
    hessian[first, first] = np.kron(blocks.first, np.eye(sizes[1]))
    hessian[last, last] = np.kron(np.eye(sizes[-2]), blocks.last)
    if blocks.cross is not None:
        # entry ((i, j), (j', k)) is cross_ik if j = j'
        cross = np.einsum("ik,jm->ijmk", blocks.cross, np.eye(sizes[1]))
        hessian[first, last] = cross.reshape(hessian[first, last].shape)
        hessian[last, first] = hessian[first, last].T
    return hessian


@raises_on_overflow
def predicted_origin_eigenvalues(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    of: Literal["energy", "loss"] = "energy",
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> Float64s:
    """Eigenvalues of `origin_hessian`, computed without the matrix.

    Without decay and without a skip in every layer from 2 to H they are
    ``- lambda^2 a_L^2 c^2 G_HH`` times the eigenvalues of mean(delta^T delta), with the number of
    units of the last hidden layer as multiplicity, and 0. With sp, lambda = 1 and no skips they are
    the eigenvalues of ``-Sigma_yy``, and 0.

    Parameters
    ----------
    net, X, Y, of, loss, output_precision, activity_decay
        As for `origin_hessian`.

    Returns
    -------
    ndarray of float64, (n_weights,)
        In ascending order.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    FloatingPointError
        The result overflows float64.
    """
    function = "predicted_origin_eigenvalues"
    blocks = _blocks(function, net, X, Y, of, (loss, output_precision, activity_decay))
    sizes = net.layer_sizes
    if blocks.cross is None:
        parts = [np.tile(np.linalg.eigvalsh(blocks.first), sizes[1])]
        parts.append(np.tile(np.linalg.eigvalsh(blocks.last), sizes[-2]))
    else:
        unit = np.block([[blocks.first, blocks.cross], [blocks.cross.T, blocks.last]])
        parts = [np.tile(np.linalg.eigvalsh(unit), sizes[1])]
    n_weights = weight_slices(net)[-1].stop
    others = np.zeros(n_weights - sum(part.size for part in parts))
    return np.sort(np.concatenate([*parts, others]))


class _Blocks(NamedTuple):
    """Blocks of one hidden unit: (D, D), (D, K) or None, (K, K)."""

    first: np.ndarray
    cross: np.ndarray | None
    last: np.ndarray


def _blocks(function, net, X, Y, of, terms):
    check_choice("of", of, KINDS)
    net, X, Y, objective = check_problem(net, X, Y, *terms, needs_hidden=function)
    _check_origin(net, function)
    delta = reference.output_delta(objective.loss, np.zeros_like(Y), Y, 1.0)
    gain = net.scales[-1] * _slope_at_zero(net)
    coupled = all(net.skips[1:-1])
    cross = -net.scales[0] * gain * (X.T @ delta) / len(X) if coupled else None
    D, K = net.layer_sizes[0], net.layer_sizes[-1]
    if of == "loss":
        return _Blocks(np.zeros((D, D)), cross, np.zeros((K, K)))
    G = np.linalg.inv(_chain(net.skips[1:-1], objective.activity_decay))
    precision = objective.output_precision
    # without decay G_11 is 1 up to rounding
    rest = 1.0 - G[0, 0] if objective.activity_decay > 0 else 0.0
    return _Blocks(
        net.scales[0] ** 2 * rest * (X.T @ X) / len(X),
        precision * G[0, -1] * cross if coupled else None,
        -((precision * gain) ** 2) * G[-1, -1] * (delta.T @ delta) / len(X),
    )


def _chain(skips, decay):
    """T = A^T A + decay I, (H, H), the activity Hessian of one unit of each hidden layer."""
    A = np.eye(len(skips) + 1) - np.diag(np.asarray(skips, dtype=np.float64), -1)
    return A.T @ A + decay * np.eye(len(A))


def _slope_at_zero(net):
    """c = f'(0) of the activation below the output."""
    return float(reference.activation_derivative(net.activations[-1], np.zeros(1))[0])


def _check_origin(net, function):
    unfit = sorted(set(net.activations) & set(_UNFIT))
    if unfit:
        raise ValueError(
            f"{function} needs activations that are smooth at 0 and 0 there (identity, tanh, "
            f"hard_tanh, gelu, silu); got {', '.join(map(repr, unfit))}. Use energy_hessian or "
            "loss_hessian at weights near 0"
        )
    if net.biases is not None and any(np.any(b) for b in net.biases):
        raise ValueError(
            f"{function} needs a network without biases, or with zeros: others move the "
            "activities away from 0"
        )
