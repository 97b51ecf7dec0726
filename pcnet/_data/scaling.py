"""Scaling of the features in the estimators, batch by batch, without a copy of the data.

The scaling is measured and applied in float64, whatever the network's dtype: float32 would round
away the variation of timestamps or map coordinates. Columns are measured in units of a power of two
near their largest value, so that squares neither overflow nor underflow, and a column times any
power of two gives the same bits.
"""

from typing import NamedTuple

import numpy as np

from .rows import FLOAT64_ROWS, Rows, SparseRows
from .sparse import scaled_inputs

KINDS = ("standard", "max")

#: Dtypes of features that will be scaled; they are converted to the network's dtype later.
ANY_DTYPE = [np.float64, np.float32]

#: A column is constant if its standard deviation is at most this fraction of its largest value.
CONSTANT = 10 * np.finfo(np.float64).eps

_FAR = 2.0**1000  # the difference of two values below this does not overflow
_NEARER = 2.0**-8
_SMALL = 2.0**-27
_SMALLEST = np.nextafter(0.0, 1.0)


class ScaledRows(Rows):
    """``(x - mean) / scale`` of other rows, computed in float64 for each batch.

    Parameters
    ----------
    source : Rows
    mean : float64 ndarray of shape (n_features,), or None
        None: no centring.
    scale : float64 ndarray of shape (n_features,)
    dtype : dtype
        Dtype of the scaled rows.
    """

    def __init__(self, source, mean, scale, dtype):
        super().__init__(source.shape, dtype)
        self.source = source
        self.mean = mean
        self.scale = scale

    def take(self, rows, out):
        if isinstance(rows, slice):
            rows = range(rows.start, rows.stop)
        for start in range(0, len(out), FLOAT64_ROWS):
            self._take_some(rows[start : start + FLOAT64_ROWS], out[start : start + FLOAT64_ROWS])
        return out

    def sparse(self, rows):
        part = None if self.mean is not None else self.source.sparse(rows)
        return None if part is None else scaled_inputs(part, self.scale, self.dtype)

    def _take_some(self, rows, out):
        if isinstance(rows, range):
            rows = slice(rows.start, rows.stop)
        space = out if self.source.dtype == out.dtype else np.empty(out.shape, self.source.dtype)
        taken = self.source.take(rows, space)  # maybe a view of the data: read only
        standardise(taken, self.mean, self.scale, out)


def standardise(values, mean, scale, out):
    """``(values - mean) / scale`` per column, computed in float64.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
    mean : float64 ndarray of shape (n_columns,), or None
        None: 0.
    scale : float64 ndarray of shape (n_columns,)
    out : ndarray of shape (n, n_columns)
        May be ``values``. Values beyond float32 become infinite.

    Returns
    -------
    ndarray
        ``out``.
    """
    with np.errstate(over="ignore", under="ignore"):
        if mean is None:
            return np.divide(values, scale, out=out)
        wide = out if out.dtype == np.float64 else np.empty(out.shape)
        if np.abs(mean).max(initial=0) > _FAR:
            near = np.where(np.abs(mean) > _FAR, _NEARER, 1.0)
            values, mean, scale = values * near, mean * near, scale * near
        return np.divide(np.subtract(values, mean, out=wide), scale, out=out)


def power_of_two(values):
    """The largest power of two that is at most each value; 1 for 0."""
    units = np.ldexp(1.0, np.frexp(values)[1] - 1)
    return np.where(values > 0, units, 1.0)


# ---------------------------------------------------------------- statistics


class ColumnStatistics(NamedTuple):
    """Statistics of rows for scaling, per column.

    Attributes
    ----------
    n : int
        Number of rows of positive weight.
    low, high, mean, std : float64 ndarray of shape (n_features,)
        Smallest and largest value; weighted mean and standard deviation.
    """

    n: int
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    std: np.ndarray

    @property
    def largest(self):
        """Largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def constant(self):
        """Whether the column does not vary, up to rounding."""
        return self.std <= CONSTANT * self.largest


def measure(rows, sample_weight=None, columns=None):
    """`ColumnStatistics` of rows.

    Parameters
    ----------
    rows : Rows
    sample_weight : ndarray of shape (n_samples,), default=None
        Only ratios matter; samples of weight 0 do not count.
    columns : int ndarray, default=None
        None: all.
    """
    weight = np.ones(len(rows)) if sample_weight is None else sample_weight
    counted = np.flatnonzero(weight > 0)
    weight = weight[counted] / weight[counted].sum()
    if isinstance(rows, SparseRows):
        return _measure_sparse(rows.X[counted], weight, columns)
    index = counted if len(counted) < len(rows) else None
    if rows.is_sparse:
        return _measure_in_order(rows, weight, columns, index)

    def of_blocks(function, *arguments):
        return rows.map_blocks(function, FLOAT64_ROWS, weight, columns, *arguments, index=index)

    n_columns = rows.shape[1] if columns is None else len(columns)
    low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    for lowest, highest in of_blocks(_range_of_block):
        np.minimum(low, lowest, out=low)
        np.maximum(high, highest, out=high)
    unit = power_of_two(np.maximum(np.abs(low), np.abs(high)))
    mean, variance = np.zeros((2, n_columns))
    for part in of_blocks(_mean_of_block, unit):
        mean += part
    for part in of_blocks(_variance_of_block, unit, mean):
        variance += part
    return _statistics(len(counted), low, high, unit, mean, np.sqrt(variance))


def _range_of_block(block, weight, columns):
    block = block if columns is None else block[:, columns]
    return block.min(axis=0), block.max(axis=0)


def _mean_of_block(block, weight, columns, unit):
    block = block if columns is None else block[:, columns]
    return np.einsum("i,ij->j", weight, block / unit)


def _variance_of_block(block, weight, columns, unit, mean):
    block = block if columns is None else block[:, columns]
    # a sum of deviations from the mean keeps its digits
    return np.einsum("i,ij->j", weight, np.square(block / unit - mean))


def measure_observed(X, observed):
    """`ColumnStatistics` of the observed entries; n counts rows, and empty columns are 0.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    observed : bool ndarray of shape (n_samples, n_features)
    """
    X = np.where(observed, X, 0.0)
    low = np.min(X, axis=0, where=observed, initial=np.inf)
    high = np.max(X, axis=0, where=observed, initial=-np.inf)
    count, empty = observed.sum(axis=0), ~observed.any(axis=0)
    low[empty] = high[empty] = 0
    count[empty] = 1
    unit = power_of_two(np.maximum(np.abs(low), np.abs(high)))
    mean = (X / unit).sum(axis=0) / count
    rest = np.where(observed, X / unit - mean, 0.0)
    std = np.sqrt(np.square(rest).sum(axis=0) / count)
    return _statistics(len(X), low, high, unit, mean, std)


def _measure_sparse(X, weight, columns):
    from sklearn.utils.sparsefuncs import mean_variance_axis

    X = (X if columns is None else X[:, columns]).astype(np.float64)  # a copy
    X.sum_duplicates()
    low, high = (np.ravel(part.toarray()) for part in (X.min(axis=0), X.max(axis=0)))
    unit = power_of_two(np.maximum(np.abs(low), np.abs(high)))
    X.data /= unit[X.indices]
    mean, variance = mean_variance_axis(X, axis=0, weights=weight)
    std = np.sqrt(np.maximum(variance, 0))  # rounding may give less
    return _statistics(len(weight), low, high, unit, mean, std)


def _measure_in_order(rows, weight, columns, index):
    """As `_measure_sparse`, for `DaskRows`: part by part, with scikit-learn's sums in its order.

    The bits are the same unless scikit-learn was built to round products and sums at once.
    """
    n_columns = rows.shape[1] if columns is None else len(columns)

    def fold(function, state, *arguments):
        return rows.fold(function, state, weight, columns, *arguments, index=index)

    low, high = fold(_extend_range, (np.full(n_columns, np.inf), np.full(n_columns, -np.inf)))
    unit = power_of_two(np.maximum(np.abs(low), np.abs(high)))
    mean, stored, n_stored = fold(_add_values, np.zeros((3, n_columns)), unit)
    whole = weight.sum()
    mean = mean / whole
    correction, variance = fold(_add_deviations, np.zeros((2, n_columns)), unit, mean)
    rest = np.where(n_stored < len(weight), whole - stored, 0.0)  # of the zeros that are not stored
    correction = np.square(correction - rest * mean) / whole
    variance = (variance + rest * np.square(mean) - correction) / whole
    return _statistics(len(weight), low, high, unit, mean, np.sqrt(np.maximum(variance, 0)))


def _part_of_sparse(X, weight, columns, unit=1.0):
    """A matrix of float64, in units, and the weight of each stored entry."""
    X = (X if columns is None else X[:, columns]).astype(np.float64)  # a copy
    X.sum_duplicates()
    if np.ndim(unit):
        X.data /= unit[X.indices]
    return X, np.repeat(weight, np.diff(X.indptr))


def _extend_range(state, X, weight, columns):
    X, _ = _part_of_sparse(X, weight, columns)
    low, high = (np.ravel(part.toarray()) for part in (X.min(axis=0), X.max(axis=0)))
    return np.minimum(state[0], low), np.maximum(state[1], high)


def _add_values(state, X, weight, columns, unit):
    """Adds, in order, the values times their weights, the weights, and the number of entries."""
    X, weight = _part_of_sparse(X, weight, columns, unit)
    state = state.copy()
    for total, values in zip(state, (X.data * weight, weight, 1.0), strict=True):
        np.add.at(total, X.indices, values)
    return state


def _add_deviations(state, X, weight, columns, unit, mean):
    """Adds, in order, the deviations from the mean times their weights, and their squares."""
    X, weight = _part_of_sparse(X, weight, columns, unit)
    rest = X.data - mean[X.indices]
    state = state.copy()
    for total, values in zip(state, (rest * weight, rest * rest * weight), strict=True):
        np.add.at(total, X.indices, values)
    return state


def _statistics(n, low, high, unit, mean, std):
    """Statistics from mean and deviation in units of ``unit``; constants equal their mean."""
    with np.errstate(over="ignore"):
        mean = np.clip(mean * unit, low, high)
    return ColumnStatistics(n, low, high, mean, np.where(low == high, 0.0, std * unit))


def combine(a, b):
    """`ColumnStatistics` of the rows of both arguments."""
    n = a.n + b.n
    low, high = np.minimum(a.low, b.low), np.maximum(a.high, b.high)
    unit = power_of_two(np.maximum(np.abs(low), np.abs(high)))
    means, deviations = np.stack([a.mean, b.mean]) / unit, np.stack([a.std, b.std]) / unit
    share = np.array([[a.n], [b.n]]) / n
    variance = (share * np.square(deviations)).sum(axis=0)
    variance += share.prod() * np.square(means[0] - means[1])
    return _statistics(n, low, high, unit, (share * means).sum(axis=0), np.sqrt(variance))


def scaling_of(statistics, kind, centred=True):
    """Mean and scale of the scaling of features.

    A constant feature has the scale 1, as in StandardScaler, limited to the range from 1e-8 times
    its absolute value to that value: another value later must be neither too large nor lost. If it
    varies by rounding, its scale is a power of two near its absolute value.

    Parameters
    ----------
    statistics : ColumnStatistics
    kind : {"standard", "max"}
        Mean and standard deviation, or the largest absolute value, of each feature.
    centred : bool
        Whether "standard" subtracts the mean.

    Returns
    -------
    mean : float64 ndarray of shape (n_features,), or None
        None if features are not centred.
    scale : float64 ndarray of shape (n_features,)
        Above 0.
    """
    largest = statistics.largest
    if kind == "max":
        return None, np.where(largest > 0, largest, 1.0)
    unit = power_of_two(largest)
    one = np.clip(1.0, _SMALL * unit, unit)
    one = np.where(statistics.low == statistics.high, one, unit)
    scale = np.where(statistics.constant, one, statistics.std)
    return statistics.mean if centred else None, np.maximum(scale, _SMALLEST)


def fit_scaling(rows, sample_weight, kind):
    """`scaling_of` for rows; sparse data are not centred, as they would become dense."""
    return scaling_of(measure(rows, sample_weight), kind, not rows.is_sparse)


# ---------------------------------------------------------------- targets

#: A normal distribution's standard deviation over its median absolute deviation.
MAD_OF_NORMAL = 1.4826


def target_scaling(y, sample_weight=None, loss="squared_error", provisional=False):
    """Centre and unit of the standardisation of targets, per output.

    Parameters
    ----------
    y : float64 ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), default=None
        Only ratios matter; samples of weight 0 do not count.
    loss : {"squared_error", "huber", "poisson"}, default="squared_error"
        Mean and standard deviation; median and 1.4826 times the median absolute deviation, which
        are robust to outliers; or 0 and the mean.
    provisional : bool, default=False
        Whether more targets will follow: then an output that is 0 in all samples has the scale 1
        also for "poisson".

    Returns
    -------
    mean, scale : float64 ndarray of shape (n_outputs,)
        The scale of a constant target (up to rounding) is 1, limited to the range from its rounding
        to its absolute value.

    Raises
    ------
    ValueError
        An output is 0 in all samples with "poisson": its rate has no logarithm.
    """
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    y, weight = y[weight > 0], weight[weight > 0]
    # In units of a power of two near the largest value squares neither overflow nor underflow.
    unit = power_of_two(np.abs(y).max(axis=0))
    y = y / unit
    mean = np.clip(np.average(y, axis=0, weights=weight), y.min(axis=0), y.max(axis=0))
    if loss == "poisson":
        if not provisional and not np.all(mean > 0):
            raise ValueError(
                "loss='poisson' needs a y above 0 in some sample of positive weight, but output "
                f"{int(np.argmin(mean))} is 0 in all of them; leave it out or give more samples"
            )
        return np.zeros_like(mean), np.where(mean > 0, mean * unit, 1.0)
    scale = np.sqrt(np.average(np.square(y - mean), axis=0, weights=weight))
    constant = scale <= CONSTANT
    if loss == "huber":
        mean = _weighted_median(y, weight)
        spread = MAD_OF_NORMAL * _weighted_median(np.abs(y - mean), weight)
        # more than half of the values may be equal; std then depends on outliers only
        scale = np.where(spread > CONSTANT * np.abs(mean), spread, scale)
    varies = y.min(axis=0) < y.max(axis=0)
    with np.errstate(over="ignore"):
        one = np.clip(1 / unit, np.where(varies, CONSTANT, 0.0), 1.0)
    return mean * unit, np.where(constant, one, scale) * unit


def has_scale(y, loss):
    """Whether targets (n_samples, n_outputs) determine the unit of each output, (n_outputs,)."""
    if loss == "poisson":
        return np.any(y > 0, axis=0)
    low, high = y.min(axis=0), y.max(axis=0)
    return high / 2 - low / 2 > CONSTANT * np.maximum(np.abs(low), np.abs(high))


def _weighted_median(values, weight):
    """Per column: the mean of the values at which half of the weight is reached and exceeded."""
    medians = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        share = np.cumsum(weight[order])
        half = 0.5 * share[-1]
        rounding = np.finfo(np.float64).eps * len(share) * share[-1]  # largest rounding of the sums
        low = np.searchsorted(share, half - rounding)
        high = np.searchsorted(share, half + rounding, side="right")
        medians.append(0.5 * column[order[low]] + 0.5 * column[order[high]])
    return np.array(medians)
