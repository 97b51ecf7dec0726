"""Checks of the arguments of a `Network`, and of fields that users change."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import (
    NOT_OF_ONES_OWN,
    WEIGHTS_HINT,
    all_finite,
    check_choice,
    check_flag,
    check_float_array,
    check_iterable,
    check_positive,
    check_representable,
    rows_hint,
    shown,
)
from ._core import binding
from ._objective import Blocks, Huber, Objective, check_targets, loss_parts
from ._types import Activation, Activations, Floats, Loss
from .parameterization import PARAMETERIZATIONS, default_skips

if TYPE_CHECKING:
    from .network import Network


ACTIVATIONS = tuple(binding.ACTIVATION_CODES)


def check_activation(activation: Activations, n_hidden: int) -> Activation | tuple[Activation, ...]:
    """Return the value of `Network.activation`.

    Parameters
    ----------
    activation : str or sequence of str
        One of `ACTIVATIONS`, or one for each hidden layer.
    n_hidden : int

    Returns
    -------
    str or tuple of str
        A name if all hidden layers have the same, else one for each.
    """
    if isinstance(activation, str):
        check_choice("activation", activation, ACTIVATIONS)
        return activation
    if not isinstance(activation, (list, tuple)):
        raise TypeError(
            "activation must be a name such as 'relu', or a list of names, one per hidden layer; "
            f"got {activation!r}" + (NOT_OF_ONES_OWN if callable(activation) else "")
        )
    if len(activation) != n_hidden:
        raise ValueError(
            f"activation must name one function per hidden layer ({n_hidden}), got "
            f"{len(activation)}; one string applies to all layers"
        )
    for index, name in enumerate(activation):
        check_choice(f"activation[{index}]", name, ACTIVATIONS)
    return activation[0] if len(set(activation)) == 1 else tuple(activation)


def check_per_layer(name, values, length):
    if not np.iterable(values) or isinstance(values, str):
        raise TypeError(
            f"{name} must be a list of {length} entries, one per layer; got {type(values).__name__}"
        )
    values = list(values)
    if len(values) != length:
        raise ValueError(f"{name} must have {length} entries, one per layer; got {len(values)}")
    return values


def check_skips(skips, sizes):
    n_layers = len(sizes) - 1
    if skips is None:
        return np.zeros(n_layers, dtype=bool)
    skips = check_per_layer("skips", skips, n_layers)
    skips = np.array([check_flag(f"skips[{i}]", skip) for i, skip in enumerate(skips)], dtype=bool)
    possible = default_skips(sizes)
    if np.any(skips & ~possible):
        layer = int(np.flatnonzero(skips & ~possible)[0]) + 1
        raise ValueError(
            f"skips[{layer - 1}] sets an identity connection into layer {layer}, but only "
            "hidden layers that are as wide as the hidden layer below can have one; set it False"
        )
    return skips


def check_matrices(weights: Sequence[ArrayLike]) -> list[Floats]:
    """Copies of W_1..W_L with matching shapes, float64 unless all are float32."""
    weights = check_iterable("weights", weights, "a list of matrices, one per layer")
    if not weights:
        raise ValueError("weights must hold at least one matrix; got an empty list")
    float32 = all(np.asarray(w).dtype.newbyteorder("=") == np.float32 for w in weights)
    dtype = np.dtype(np.float32 if float32 else np.float64)
    matrices = [
        check_float_array(f"weights[{i}]", w, dtype, 2, hint=WEIGHTS_HINT)
        for i, w in enumerate(weights)
    ]
    check_chain(matrices)
    return matrices


def check_vectors(
    biases: Sequence[ArrayLike], sizes: Sequence[int], dtype: np.dtype[Any]
) -> list[Floats]:
    """Copies of b_1..b_L, of the given sizes and dtype."""
    biases = check_per_layer("biases", biases, len(sizes))
    return [
        check_float_array(f"biases[{i}]", b, dtype, 1, (n,))
        for i, (b, n) in enumerate(zip(biases, sizes, strict=True))
    ]


def check_chain(weights):
    """Raise unless each matrix has a row for each column of the previous one."""
    for i, (below, above) in enumerate(zip(weights, weights[1:], strict=False)):
        if below.shape[1] != above.shape[0]:
            raise ValueError(
                f"weights[{i + 1}] must have {below.shape[1]} rows, one for each column of "
                f"weights[{i}]; got shape {above.shape}"
            )


def check_scales(scales, n_layers, dtype):
    """Raise unless there is a number for each layer that ``dtype`` can represent."""
    for i, scale in enumerate(check_per_layer("scales", scales, n_layers)):
        if not isinstance(scale, Real) or isinstance(scale, (bool, np.bool_)):
            raise TypeError(f"scales[{i}] must be a number; got {scale!r}")
        check_representable(f"scales[{i}]", scale, dtype)


def check_gamma(gamma, scales, dtype):
    """Raise unless ``dtype`` can represent the output's scale, which gamma divides."""
    limits = np.finfo(dtype)
    if not float(limits.tiny) <= scales[-1] <= float(limits.max):
        raise ValueError(
            f"gamma must leave the scale of the output, 1 / (width gamma), in the range of "
            f"{np.dtype(dtype)}, {limits.tiny:.2g} to {limits.max:.2g}; got gamma={gamma!r}, which "
            f"makes it {scales[-1]:.3g}. Use a gamma nearer to 1"
        )


def check_fields(net):
    """Raise unless the network's fields, which users may replace, are consistent."""
    weights = net.weights
    if not isinstance(weights, (list, tuple)) or not weights:
        raise TypeError(f"weights must be a list of matrices, one per layer; got {shown(weights)}")
    _check_field("weights[0]", weights[0], getattr(weights[0], "dtype", None), 2)
    dtype = weights[0].dtype
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"weights[0] must be float32 or float64; got {dtype}")
    for i, W in enumerate(weights):
        _check_field(f"weights[{i}]", W, dtype, 2)
    check_chain(weights)
    n_layers, sizes = len(weights), net.layer_sizes
    if net.biases is not None:
        for i, b in enumerate(check_per_layer("biases", net.biases, n_layers)):
            _check_field(f"biases[{i}]", b, dtype, 1)
            if len(b) != sizes[i + 1]:
                raise ValueError(f"biases[{i}] must have {sizes[i + 1]} entries; got {len(b)}")
    check_scales(net.scales, n_layers, dtype)
    check_skips(check_per_layer("skips", net.skips, n_layers), sizes)
    if net.parameterization is not None:
        check_choice("parameterization", net.parameterization, PARAMETERIZATIONS)
    check_positive("gamma", net.gamma)
    check_activation(net.activation, n_layers - 1)
    if net.objective is not None and not isinstance(net.objective, Objective):
        raise TypeError(
            "objective must be a pcnet.inference.Objective or None; got " + shown(net.objective)
        )


@contextmanager
def named_errors(net):
    """Replace Python's errors on fields that users have replaced by those of `check_fields`."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError):
        check_fields(net)  # names the one that is no matrix
        raise


def check_finite_fields(net):
    """`check_fields`, and a check that no weight or bias is NaN or infinite."""
    check_fields(net)
    for name, arrays in (("weights", net.weights), ("biases", net.biases or [])):
        for i, array in enumerate(arrays):
            if not all_finite(array):
                raise ValueError(
                    f"{name}[{i}] must be finite, but holds NaN or infinity: training of your own "
                    "has diverged, or other values were written into it. Use the values from "
                    "before, and a smaller learning rate"
                )


def check_rows(
    net: Network, name: str, values: ArrayLike, n_columns: int, n_samples: int | None = None
) -> Floats:
    """An array of the network's dtype, (n, n_columns), finite, with at least one row."""
    shape = (n_samples, n_columns)
    hint = rows_hint(name, n_columns)
    return check_float_array(name, values, net.dtype, 2, shape, copy=False, hint=hint)


def check_layers(
    net: Network, name: str, arrays: Sequence[ArrayLike], n_samples: int, length: int
) -> list[NDArray[Any]]:
    """Arrays (n, n_l) of the first ``length`` layers, each checked by `check_rows`."""
    return [
        check_rows(net, f"{name}[{i}]", a, net.layer_sizes[i + 1], n_samples)
        for i, a in enumerate(check_per_layer(name, arrays, length))
    ]


def check_activities(
    net: Network, activities: Sequence[ArrayLike], n_samples: int
) -> list[NDArray[Any]]:
    """z_1..z_H; an output after them, as from `Network.forward`, is dropped."""
    if isinstance(activities, (list, tuple)) and len(activities) == net.n_layers:
        activities = activities[:-1]
    return check_layers(net, "activities", activities, n_samples, net.n_layers - 1)


def check_inputs(net: Network, X: ArrayLike) -> NDArray[Any]:
    """Inputs (n, D) checked by `check_rows`, after a check of the network's fields.

    `SparseInputs`, which estimators have checked, stay as they are.
    """
    check_finite_fields(net)
    if isinstance(X, binding.SparseInputs):
        return X
    return check_rows(net, "X", X, net.layer_sizes[0])


def check_clamped(
    net: Network, X: ArrayLike, Y: ArrayLike, loss: Loss
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs (n, D) and targets (n, K) in the range of a loss; see `check_inputs`."""
    X = check_inputs(net, X)
    Y = check_rows(net, "Y", Y, net.layer_sizes[-1], len(X))
    check_targets(loss, Y)
    return X, Y


def objective_of(net, loss=None, output_precision=None, activity_decay=None):
    """The checked `Objective` of these terms; None selects the network's own, or the default."""
    own = Objective() if net.objective is None else net.objective
    objective = Objective(
        own.loss if loss is None else loss,
        own.output_precision if output_precision is None else output_precision,
        own.activity_decay if activity_decay is None else activity_decay,
    )
    check_terms(net, objective)
    return objective


def check_terms(net, objective):
    """Raise unless the network's dtype can represent the numbers of an objective."""
    check_fields(net)
    check_representable("output_precision", objective.output_precision, net.dtype)
    check_representable("activity_decay", objective.activity_decay, net.dtype)
    for loss, _ in loss_parts(objective.loss):
        if isinstance(loss, Huber):
            check_representable("delta of Huber's loss", loss.delta, net.dtype)
    n_outputs = net.layer_sizes[-1]
    if isinstance(objective.loss, Blocks) and sum(objective.loss.sizes) != n_outputs:
        raise ValueError(
            f"sizes of Blocks must add up to the network's {n_outputs} outputs; got "
            f"{list(objective.loss.sizes)}"
        )


def _check_field(name, array, dtype, ndim):
    if not isinstance(array, np.ndarray) or array.ndim != ndim:
        raise TypeError(
            f"{name} must be a NumPy array of {ndim} dimension(s); got {type(array).__name__} of "
            f"shape {np.shape(array)}"
        )
    if not array.size:
        raise ValueError(f"{name} must have at least one entry; got shape {array.shape}")
    if array.dtype != dtype:
        raise TypeError(
            f"{name} must be {dtype} like weights[0]; got {array.dtype}. Write into the array, "
            f"net.{name}[:] = .., which keeps its dtype, or convert it: .astype(net.dtype)"
        )


def check_order(net: Network, X: Any, errors: Any, activities: Any) -> None:
    """Raise if errors and activities are exchanged.

    They are lists of the same shapes, so only values can show it. In the right order z_1 minus its
    prediction is e_1. They are exchanged if this holds only with the two exchanged. Errors that a
    method of inference reports for learning only may satisfy neither, and are accepted. A few
    samples suffice.
    """
    if not activities:
        return
    x, e, z = (a[:4].astype(np.float64) for a in (X, errors[0], activities[0]))
    with np.errstate(over="ignore", invalid="ignore"):  # NaN is accepted here
        mu = net.scales[0] * np.einsum("ij,jk->ik", x, net.weights[0].astype(np.float64))
        if net.biases is not None:
            mu += net.biases[0]
        rounding = 1e-3 * np.abs(mu).max()
        exchanged = np.abs(z - mu - e).max() > rounding >= np.abs(e - mu - z).max()
    if exchanged:
        raise ValueError(
            "errors and activities are exchanged: what came as activities are the errors of what "
            "came as errors. Write weight_gradients(X, result.errors, result.activities)"
        )
