"""Weight updates and weight gradients from the result of inference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_flag, check_no_overflow
from .._core.binding import Batch
from .._network_checks import check_clamped, objective_of
from .._network_core import core_batch
from .._objective import Objective
from .._types import Float64s, Floats, Loss, Method
from ..network import Network, check_network
from ._method import InferenceMethod, check_precision, resolve_method


class WeightUpdate(NamedTuple):
    """Input rows and weights of one weight update; the batch has the activities and errors.

    Attributes
    ----------
    X : ndarray, (rows, D)
        The input of each row of the batch.
    sample_weight : ndarray of float64, (rows,)
        Normalised weights: the factor of each row's gradient in their sum; 1 / n each for n
        samples of equal weight. They may be negative.
    """

    X: Floats
    sample_weight: Float64s


def weight_updates(
    method: InferenceMethod,
    batch: Batch,
    X: Floats,
    Y: Floats,
    objective: Objective,
    sample_weight: Float64s,
    feed_forward: bool = False,
) -> Iterator[WeightUpdate]:
    """Run a method on a batch; yield a `WeightUpdate` for each update of the weights.

    Parameters
    ----------
    method : InferenceMethod
    batch : Batch
        With at least ``rows_per_sample`` rows for each sample.
    X, Y : ndarray, (n, D) and (n, K)
    objective : Objective
    sample_weight : ndarray of float64, (n,)
        Normalised weights of the samples, of sum 1.
    feed_forward : bool, default False
        See `learning_gradients`.

    Yields
    ------
    WeightUpdate
    """
    whole = WeightUpdate(X, sample_weight)
    return_to_start = feed_forward and not _learns_its_own_way(method)
    for update in method.weight_updates(batch, X, Y, objective, sample_weight):
        if return_to_start:
            _return_to_feed_forward(batch, X, Y, objective)
        yield whole if update is None else update


def learns_feed_forward(loss: Loss) -> bool:
    """Whether networks are trained on this loss with ``feed_forward``, see `learning_gradients`.

    True for all losses but the squared error.
    """
    return loss != "squared_error"


def _learns_its_own_way(method):
    return method._updates_weights_itself or method.learns_settled or not method.minimizes_energy


def _return_to_feed_forward(batch, X, Y, objective):
    """Restore feed-forward activities and output delta, keep the errors; costs a forward pass."""
    batch.forward_from_errors(X, Y, objective.loss, objective.output_precision, from_errors=False)
    batch.n_half_passes[: len(X)] += 1


def learning_gradients(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    method: Method = "error",
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
    feed_forward: bool = False,
) -> tuple[list[Floats], list[Floats] | None]:
    """The weight gradients of a method of inference.

    For most methods these are ``net.weight_gradients(X, errors, activities)`` of the result of
    `infer`; some methods learn from another state or from several. If a method updates the weights
    more than once, the result is the sum over its updates at fixed weights.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    method, loss, output_precision, activity_decay
        As for `infer`.
    feed_forward : bool, default False
        Whether the weights learn from the final hidden errors with the feed-forward activities z^0
        and the feed-forward output's delta, ``dW_l = a_l f_l(z^0_{l-1})^T e_l``, instead of the
        final ones. Estimators train all losses but the squared error this way: with the final
        activities, training of deep networks does not minimise the loss (see "Losses other than
        the squared error" in docs/deep-losses.md). Methods with a rule of their own ignore it:
        those with ``weight_updates``, and "prospective", "backprop", "zero_divergence" and
        "augmented_lagrangian".

    Returns
    -------
    weights : list of ndarray, (n_{l-1}, n_l)
        Gradients by the unscaled weights, mean over the samples.
    biases : list of ndarray, (n_l,), or None
        Gradients by the biases; None without biases.

    Raises
    ------
    ValueError, FloatingPointError
        As for `infer`, and if a gradient overflowed.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.inference import learning_gradients
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> weights, biases = learning_gradients(net, np.ones((2, 4)), np.eye(3)[:2], "error")
    >>> [W.shape for W in weights]
    [(4, 16), (16, 16), (16, 3)]
    """
    check_network(net)
    objective = objective_of(net, loss, output_precision, activity_decay)
    method = resolve_method(method, "method of inference")
    # on a copy: a method with learned parameters must not change here
    method = method.for_training(net, method)
    feed_forward = check_flag("feed_forward", feed_forward)
    check_precision(method, objective, net.dtype)
    X, Y = check_clamped(net, X, Y, objective.loss)
    batch = core_batch(net, len(X) * method.rows_per_sample)
    total: list[Floats] = []
    sample_weight = np.full(len(X), 1.0 / len(X))
    for update in weight_updates(method, batch, X, Y, objective, sample_weight, feed_forward):
        weights, biases = batch.weight_gradients(*update)
        parts = [*weights, *(biases or [])]
        total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
    weights, biases = total[: net.n_layers], total[net.n_layers :]
    check_no_overflow("weight gradients", weights)
    check_no_overflow("bias gradients", biases)
    return weights, None if net.biases is None else biases
