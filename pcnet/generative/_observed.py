"""Targets of which some are not observed, and the precision of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_float_array, check_positive, check_representable, rows_hint
from .._objective import Objective, check_targets
from .._types import Floats, Loss
from ..network import Network


def check_observed(net: Network, Y: ArrayLike, loss: Loss) -> tuple[Floats, Floats | None]:
    """Targets (n, K), 0 where NaN, and the mask of those that are observed; None: all are.

    Raises
    ------
    ValueError
        A wrong shape, an infinite target, or an observed one outside the loss's range; with
        ``"log_loss"`` a row that is observed in part.
    """
    n_outputs = net.layer_sizes[-1]
    values = np.asarray(Y)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    if missing.any():
        values = np.where(missing, 0, values)
    values = check_float_array(
        "Y", values, net.dtype, 2, (None, n_outputs), copy=False, hint=rows_hint("Y", n_outputs)
    )
    rows = ~missing.any(axis=1)
    if loss == "log_loss":
        partial = np.flatnonzero(~rows & ~missing.all(axis=1))
        if len(partial):
            raise ValueError(
                "Y must hold rows of probabilities that are observed or NaN as a whole with "
                f"loss='log_loss'; row {partial[0]} is NaN in part. Set all of it to NaN"
            )
        check_targets(loss, values[rows])
    else:
        check_targets(loss, values)
    return values, ~missing if missing.any() else None


def weigh_outputs(
    net: Network, objective: Objective, output_precision: ArrayLike | None, Y: Floats, observed
) -> tuple[Objective, Floats | None]:
    """The objective, and factors (n, K) of the outputs or None.

    ``output_precision`` is a number, the objective's; or an array (K,) or (n, K), whose entries
    are the factors at a precision of 1.
    """
    if output_precision is None or np.ndim(output_precision) == 0:
        precision = objective.output_precision if output_precision is None else output_precision
        check_positive("output_precision", precision)
        check_representable("output_precision", precision, net.dtype)
        factors = None if observed is None else observed.astype(net.dtype)
        return Objective(objective.loss, precision), factors
    factors = np.asarray(output_precision)
    if factors.shape not in (Y.shape, Y.shape[1:]):
        raise ValueError(
            f"output_precision must be a number or an array of shape {Y.shape[1:]} or {Y.shape}, "
            f"one for each output; got shape {factors.shape}"
        )
    factors = check_float_array("output_precision", factors, net.dtype, factors.ndim)
    if (factors < 0).any():
        raise ValueError(
            "output_precision must be 0 or more in each entry, 0 for outputs that are not "
            f"observed; got {factors.min():g}"
        )
    factors = np.broadcast_to(factors, Y.shape)
    if observed is not None:
        factors = np.where(observed, factors, 0).astype(net.dtype)
    return Objective(objective.loss, 1.0), np.ascontiguousarray(factors)
