"""Targets of which some are not observed, and the precision of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._checks import (
    as_array,
    check_float_array,
    check_positive,
    check_representable,
    rows_hint,
)
from .._objective import Objective, check_targets, columns_text, loss_parts
from .._types import Bools, Floats, Loss
from ..network import Network


def check_observed(net: Network, Y: ArrayLike, loss: Loss) -> tuple[Floats, Bools | None]:
    """Targets (n, K), 0 where NaN or masked, and the mask of those observed; None: all are.

    Raises
    ------
    ValueError
        A wrong shape, an infinite target, or an observed one outside the loss's range; with
        ``"log_loss"`` a row that is observed in part.
    """
    values, observed = check_observed_rows("Y", Y, net.layer_sizes[-1], net.dtype)
    missing = np.zeros(values.shape, bool) if observed is None else ~observed
    check_whole_rows("Y", "NaN", missing, loss)
    for own, outputs in loss_parts(loss):
        part = values[:, outputs]
        if own == "log_loss":
            part = part[~missing[:, outputs].any(axis=1)]
        check_targets(own, part, columns_text("Y", outputs))
    return values, observed


def check_observed_rows(
    name: str, Y: ArrayLike, n_columns: int, dtype: Any
) -> tuple[Floats, Bools | None]:
    """An array (n, n_columns), 0 where NaN or masked, and the mask of its other entries; None: all.

    Raises
    ------
    ValueError
        A wrong shape, or an infinite entry.
    """
    values = as_array(name, Y, 2)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    if isinstance(Y, np.ma.MaskedArray):
        missing = missing | np.ma.getmaskarray(Y)
    if missing.any():
        values = np.where(missing, 0, values)
    if values.dtype.kind == "f" and np.isinf(values).any():
        place = np.argwhere(np.isinf(values))[0]
        raise ValueError(
            f"{name} must be finite, or NaN where not observed; got {values[tuple(place)]} at "
            f"{place.tolist()}. Set values that are not observed to NaN"
        )
    if Y is not None:
        Y = values
    values = check_float_array(
        name, Y, dtype, 2, (None, n_columns), copy=False, hint=rows_hint(name, n_columns)
    )
    return values, ~missing if missing.any() else None


def check_whole_rows(name: str, mark: str, missing: Bools, loss: Loss) -> None:
    """Raise if a row of the mask (n, K) marks the outputs of a log loss as missing in part."""
    for own, outputs in loss_parts(loss):
        if own != "log_loss":
            continue
        part = missing[:, outputs]
        partial = np.flatnonzero(part.any(axis=1) & ~part.all(axis=1))
        if len(partial):
            raise ValueError(
                f"{name} must mark rows of probabilities as not observed as a whole with "
                f"loss='log_loss'; row {partial[0]} is {mark} in part. Set all of it to {mark}"
            )


def check_factors(name: str, factors: Floats) -> None:
    """Raise unless all factors of the output precision are finite and 0 or more."""
    least, most = factors.min(), factors.max()
    if not 0 <= least <= most < np.inf:
        raise ValueError(
            f"{name} must be finite and 0 or more in each entry, 0 for outputs that are not "
            f"observed; got {least:g} to {most:g}"
        )


def weigh_outputs(
    net: Network, objective: Objective, output_precision: ArrayLike | None, Y: Floats, observed
) -> tuple[Objective, Floats | None]:
    """The objective, and factors (n, K) of the outputs or None.

    ``output_precision`` is a number, the objective's; or an array (K,) or (n, K), whose entries
    are the factors at a precision of 1.
    """
    given = None if output_precision is None else as_array("output_precision", output_precision)
    if given is None or given.ndim == 0:
        precision: Any = objective.output_precision if given is None else output_precision
        check_positive("output_precision", precision)
        check_representable("output_precision", precision, net.dtype)
        factors = None if observed is None else np.ascontiguousarray(observed, net.dtype)
        return Objective(objective.loss, precision), factors
    if given.shape not in (Y.shape, Y.shape[1:]):
        raise ValueError(
            f"output_precision must be a number or an array of shape {Y.shape[1:]} or {Y.shape}, "
            f"one for each output; got shape {given.shape}"
        )
    factors = check_float_array("output_precision", given, net.dtype, given.ndim)
    check_factors("output_precision", factors)
    factors = np.broadcast_to(factors, Y.shape)
    check_whole_rows("output_precision", "0", factors == 0, objective.loss)
    if observed is not None:
        factors = np.where(observed, factors, 0).astype(net.dtype)
    return Objective(objective.loss, 1.0), np.ascontiguousarray(factors)
