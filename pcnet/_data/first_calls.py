"""Scaling of inputs and targets over the first calls of `partial_fit`.

One row, or a constant column, does not determine a scale. The scaling is therefore measured again,
over all rows seen, until each column has varied over at least `SETTLE_ROWS` rows; then it is fixed.
The weights are not adapted to a new scaling, because so few rows have changed them little.

The statistics are dicts of arrays, which pickle and skops can save; None when all is fixed.
"""

import numpy as np

from .scaling import (
    ColumnStatistics,
    combine,
    has_scale,
    measure,
    scaling_of,
    target_scaling,
)

#: Number of rows that fix the scaling of a column, from the first call in which it varies.
SETTLE_ROWS = 32

#: Smaller changes of the scaling, in units of the scale, are rounding and are ignored.
_ROUNDING = 1e-9


def follow_inputs(seen, rows, sample_weight, kind, scaling, centred):
    """Scaling of the features, updated with the rows of one call.

    Parameters
    ----------
    seen : dict or None
        The ``seen`` that the last call returned; None in the first.
    rows : Rows
    sample_weight : ndarray of shape (n_samples,), or None
        Used within the call only.
    kind : {"standard", "max"}
    scaling : tuple (mean, scale)
        The current scaling; not read in the first call.
    centred : bool

    Returns
    -------
    seen : dict or None
    mean, scale : float64 ndarray of shape (n_features,), or None
    """
    first = seen is None
    columns = None if first else seen["columns"]
    found = measure(rows, sample_weight, columns)
    n_rows = found.n
    if not first:
        found = combine(ColumnStatistics(**seen["statistics"]), found)
    varies = found.largest > 0 if kind == "max" else ~found.constant
    new = scaling_of(found, kind, centred)
    columns = np.arange(len(found.low)) if first else columns
    mean, scale = new if first else _updated(*scaling, *new, columns)
    n_varied = varies * n_rows + (0 if first else seen["n_varied"])
    open_ = n_varied < SETTLE_ROWS
    if not open_.any():
        return None, mean, scale
    statistics = found._asdict()
    kept = {name: values[open_] for name, values in statistics.items() if name != "n"}
    seen = {"columns": columns[open_], "n_varied": n_varied[open_]}
    return seen | {"statistics": {"n": found.n, **kept}}, mean, scale


def follow_targets(seen, y, sample_weight, loss, scaling):
    """Centre and unit of the targets, updated with those of one call.

    Medians need the targets, which are stored without repetitions until the scaling is fixed.

    Parameters
    ----------
    seen : dict or None
        The ``seen`` that the last call returned; None in the first.
    y : float64 ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), or None
        Used within the call only.
    loss : str
        As for `target_scaling`.
    scaling : tuple (mean, scale)
        The current scaling; not read in the first call.

    Returns
    -------
    seen : dict or None
    mean, scale : float64 ndarray of shape (n_outputs,)
    """
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    y, weight = y[weight > 0], weight[weight > 0]
    weight = weight / weight.mean()
    n_rows, columns, n_varied = len(y), np.arange(y.shape[1]), 0
    if seen is not None:
        columns, n_varied = seen["columns"], seen["n_varied"]
        y = np.concatenate([seen["y"], y[:, columns]])
        weight = np.concatenate([seen["weight"], weight])
    new = target_scaling(y, weight, loss, provisional=True)
    mean, scale = new if seen is None else _updated(*scaling, *new, columns)
    n_varied = n_varied + has_scale(y, loss) * n_rows
    open_ = n_varied < SETTLE_ROWS
    if not open_.any():
        return None, mean, scale
    y, of = np.unique(y[:, open_], axis=0, return_inverse=True)
    weight = np.bincount(of.ravel(), weights=weight)
    seen = {"columns": columns[open_], "n_varied": n_varied[open_], "y": y, "weight": weight}
    return seen, mean, scale


def _updated(mean, scale, new_mean, new_scale, columns):
    """Copies of mean and scale with the new values in some columns, where they differ."""
    near = np.abs(new_scale / scale[columns] - 1) <= _ROUNDING
    if mean is not None:
        shift = new_mean / new_scale - mean[columns] / new_scale
        near &= np.abs(shift) <= _ROUNDING
        mean = mean.copy()
        mean[columns] = np.where(near, mean[columns], new_mean)
    scale = scale.copy()
    scale[columns] = np.where(near, scale[columns], new_scale)
    return mean, scale
