"""From labels and target values to what the network is trained on, and back."""

import numpy as np
import scipy.sparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from .._data.scaling import CONSTANT, power_of_two

#: A normal distribution's standard deviation over its median absolute deviation.
MAD_OF_NORMAL = 1.4826


class ClassTargets:
    """One-hot targets, kept as one integer per sample and spelled out batch by batch.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        Index of each sample's class.
    n_outputs : int
        Number of classes K.
    """

    def __init__(self, codes, n_outputs):
        self.codes = codes
        self.n_outputs = n_outputs

    def batch(self, rows, out):
        """Targets of the samples ``rows`` (index array or slice), written into ``out`` (n, K)."""
        out.fill(0)
        out[np.arange(len(out)), self.codes[rows]] = 1
        return out

    def part(self, rows):
        """The targets of some samples, as an object of the same kind."""
        return ClassTargets(self.codes[rows], self.n_outputs)


class MatrixTargets:
    """Targets given as numbers.

    Parameters
    ----------
    values : C-contiguous ndarray of shape (n_samples, n_outputs)
        In the dtype of the network.
    """

    def __init__(self, values):
        self.values = values
        self.n_outputs = values.shape[1]

    def batch(self, rows, out):
        """Targets of the samples ``rows``; a slice comes back as a view, ``out`` untouched."""
        if isinstance(rows, slice):
            return self.values[rows]
        # mode="clip" lets NumPy write straight into out; rows are in range by construction
        return np.take(self.values, rows, axis=0, out=out, mode="clip")

    def part(self, rows):
        """The targets of some samples, as an object of the same kind."""
        return MatrixTargets(self.values[rows])


# ---------------------------------------------------------------- classification


def check_labels(y):
    """Return labels as a 1-d array, or a 0/1 matrix as a 2-d int64 array (multilabel).

    Raises
    ------
    ValueError
        Missing labels, continuous values, several columns of class labels, an indicator not of
        0 and 1.
    """
    if y.ndim == 2 and y.shape[1] == 1 and not scipy.sparse.issparse(y):
        y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O" and any(label is None for label in y.flat):
        raise ValueError("Input y contains None among its labels; drop those samples or label them")
    check_classification_targets(y)
    if y.ndim == 1:
        return y
    if scipy.sparse.issparse(y):
        y = y.toarray()
    kind = type_of_target(y)
    if kind != "multilabel-indicator" or not np.isin(y, (0, 1)).all():
        raise ValueError(
            f"Unknown label type: y of shape {y.shape} must be a multilabel indicator of 0 and 1, "
            f"got {kind}. Fit one classifier per column for several columns of classes "
            "(sklearn.multioutput.MultiOutputClassifier)"
        )
    return np.ascontiguousarray(y, dtype=np.int64)


def find_classes(y):
    """Sorted classes of checked labels; the column numbers for multilabel."""
    return np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)


def encode_labels(
    y, classes, remedy="Name all classes in the first call: partial_fit(X, y, classes=...)"
):
    """Index of each label in the sorted ``classes``; ``remedy`` ends the error's text.

    Raises
    ------
    ValueError
        A label is not among the classes.
    """
    try:
        codes = np.searchsorted(classes, y)
        known = classes[np.minimum(codes, len(classes) - 1)] == y
    except TypeError:  # labels that do not compare, such as strings with numbers
        known = np.zeros(len(y), dtype=bool)
    if not np.all(known):
        unseen = np.unique(y[~np.asarray(known)])
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}, "
            f"`y` also has {unseen}. {remedy}"
        )
    return codes


def class_weight_per_class(class_weight, classes, codes, sample_weight=None):
    """Weight of each class.

    Parameters
    ----------
    class_weight : dict or "balanced"
        Label -> weight; labels left out weigh 1. "balanced": inversely proportional to the
        (weighted) frequency, ``sum w / (n_present * w_class)``.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,) of int
    sample_weight : ndarray of shape (n_samples,), default=None

    Returns
    -------
    weights : float64 ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        A label that is not a class; a weight that is negative or not finite.
    """
    if isinstance(class_weight, str):
        mass = np.bincount(codes, weights=sample_weight, minlength=len(classes))
        present = mass > 0
        weights = np.zeros(len(classes))
        weights[present] = mass.sum() / (present.sum() * mass[present])
        return weights
    labels = classes.tolist()
    unknown = [label for label in class_weight if label not in labels]
    if unknown:
        raise ValueError(
            f"class_weight has the labels {unknown}, which are not among the classes {labels}"
        )
    try:
        weights = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        weights = np.array([np.nan])
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise ValueError(f"class_weight must hold finite weights >= 0, got {class_weight!r}")
    return weights


# ---------------------------------------------------------------- regression


def check_counts(y):
    """Raise unless y may be counts or rates of a Poisson distribution, some above 0.

    Raises
    ------
    ValueError
        A negative value.
    """
    if np.any(y < 0):
        raise ValueError(
            f"loss='poisson' needs y >= 0, counts or rates; got {y.min()}. Use 'squared_error' or "
            "'huber' for targets of either sign"
        )


def target_scaling(y, sample_weight=None, loss="squared_error", provisional=False):
    """Centre and unit by which targets are standardised, per output.

    Parameters
    ----------
    y : float64 ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), default=None
        Only ratios matter; samples of weight 0 do not count.
    loss : {"squared_error", "huber", "poisson"}, default="squared_error"
        Mean and standard deviation; median and 1.4826 times the median absolute deviation, which
        outliers do not move; or 0 and the mean.
    provisional : bool, default=False
        Whether more targets will come: then an output that is 0 in every sample has the scale 1
        for "poisson", too.

    Returns
    -------
    mean, scale : float64 ndarray of shape (n_outputs,)
        The scale is 1 where the target is constant (up to rounding), as far as 1 is neither above
        its absolute value nor below its rounding.

    Raises
    ------
    ValueError
        "poisson" with an output that is 0 in every sample: its rate has no logarithm.
    """
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    y, weight = y[weight > 0], weight[weight > 0]
    # In units of a power of two near the largest value squares neither overflow nor vanish.
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
        # more than half of the values may be equal; an outlier, which std is made of, tells nothing
        scale = np.where(spread > CONSTANT * np.abs(mean), spread, scale)
    varies = y.min(axis=0) < y.max(axis=0)
    with np.errstate(over="ignore"):
        one = np.clip(1 / unit, np.where(varies, CONSTANT, 0.0), 1.0)
    return mean * unit, np.where(constant, one, scale) * unit


def has_scale(y, loss):
    """Whether targets (n_samples, n_outputs) tell the unit of each output, (n_outputs,) of bool."""
    if loss == "poisson":
        return np.any(y > 0, axis=0)
    low, high = y.min(axis=0), y.max(axis=0)
    return high / 2 - low / 2 > CONSTANT * np.maximum(np.abs(low), np.abs(high))


def _weighted_median(values, weight):
    """Per column: the middle of the values at which half of the weight is reached and passed."""
    medians = []
    for column in values.T:
        order = np.argsort(column, kind="stable")
        share = np.cumsum(weight[order])
        half = 0.5 * share[-1]
        rounding = np.finfo(np.float64).eps * len(share) * share[-1]  # of the sums, at most
        low = np.searchsorted(share, half - rounding)
        high = np.searchsorted(share, half + rounding, side="right")
        medians.append(0.5 * column[order[low]] + 0.5 * column[order[high]])
    return np.array(medians)
