"""Encoders of class labels and of multilabel targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from .._checks import listed, shown
from .._data.checks import normalised_weight
from .._prediction.decoders import (
    NAME_CLASSES,
    ClassDecoder,
    MultilabelDecoder,
    check_shape,
    encode_labels,
)
from .._warnings import warn
from .targets import ClassTargets, MatrixTargets, TargetEncoder


@dataclass(frozen=True)
class LabelEncoder(TargetEncoder):
    """Base class of both encoders of a classifier.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        ``classes_``.
    class_weight : dict, "balanced" or None
    activation : str
        ``out_activation_``.
    temperature : float
        ``temperature_``.
    """

    classes: Any = None
    class_weight: Any = None
    activation: str | None = None
    temperature: float | None = None

    def check(self, y):
        return check_labels(y)

    def fit(self, y, sample_weight, call):
        self._check_class_weight(call)
        if call.incremental and call.classes is None:
            raise ValueError(
                "classes must be passed on the first call to partial_fit: the array of all "
                "labels that will ever occur"
            )
        classes = find_classes(y) if call.classes is None else check_classes(call.classes)
        if y.ndim == 2 and len(classes) != y.shape[1]:
            raise ValueError(
                f"classes names {len(classes)} labels, but the multilabel y has {y.shape[1]} "
                "columns; one label per column is expected"
            )
        if y.ndim == 2 and not call.incremental and is_one_hot(y):
            warn(
                "each row of y has exactly one label. If that is always so, pass the labels, "
                "y.argmax(axis=1): a matrix is learned as labels of which a row may have several "
                "or none"
            )
        kind = MultilabelEncoder if y.ndim == 2 else ClassEncoder
        return kind(classes, self.class_weight)

    def refit(self, y, sample_weight, call):
        self._check_class_weight(call)
        found = find_classes(y)
        if call.classes is not None and not np.array_equal(
            check_classes(call.classes), self.classes
        ):
            raise ValueError(
                f"`classes={call.classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes!r}"
            )
        check_shape(y, self._shape(y))
        if not call.incremental and not np.array_equal(found, self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {found}"
            )
        return self

    def _check_class_weight(self, call):
        if call.incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see how "
                "frequent each class is; pass a dict, such as that of "
                "sklearn.utils.class_weight.compute_class_weight on all labels"
            )

    def attributes(self):
        return {"classes_": self.classes, "_multilabel": isinstance(self, MultilabelEncoder)}

    def encode_validation(self, y, dtype):
        if y.shape != self._shape(y):
            raise ValueError(
                f"its y has the shape {y.shape}, unlike the y to train on; give labels of the "
                "same kind"
            )
        return self.encode(y, dtype, "Leave out what cannot be predicted")

    def score(self, targets, outputs, sample_weight):
        if not np.isfinite(outputs).all():
            return np.nan
        decided = self.decide(outputs)
        return float(accuracy_score(targets.decisions, decided, sample_weight=sample_weight))


class ClassEncoder(ClassDecoder, LabelEncoder):
    """One label of several classes per sample: one output column per class."""

    def _shape(self, y):
        return (len(y),)

    def encode(self, y, dtype, remedy=NAME_CLASSES):
        return ClassTargets(encode_labels(y, self.classes, remedy), len(self.classes))

    def weigh(self, targets, sample_weight):
        if self.class_weight is None:
            return sample_weight
        codes = targets.codes
        per_class = class_weight_per_class(self.class_weight, self.classes, codes, sample_weight)
        weight = normalised_weight(per_class)[codes]
        return normalised_weight(weight if sample_weight is None else weight * sample_weight)

    def objective(self, loss, layer_sizes):
        if loss == "auto":
            too_narrow = _narrowest(layer_sizes) < layer_sizes[-1] - 1
            loss = "log_loss" if too_narrow else "squared_error"
        return loss, "softmax" if loss == "log_loss" else "identity"

    def warn_of_narrow_layers(self, loss, layer_sizes):
        narrowest, n_classes = _narrowest(layer_sizes), layer_sizes[-1]
        if loss == "squared_error" and narrowest < n_classes - 1:
            warn(
                f"the narrowest hidden layer has {narrowest} units for {n_classes} classes. With "
                "loss='squared_error' the outputs then span too few directions to keep all classes "
                f"apart: set loss='log_loss', or give each layer {n_classes - 1} units or more"
            )


class MultilabelEncoder(MultilabelDecoder, LabelEncoder):
    """Several labels per sample, each present or absent: one output column per label."""

    def _shape(self, y):
        return (len(y), len(self.classes))

    def encode(self, y, dtype, remedy=None):
        return MatrixTargets(y.astype(dtype))

    def weigh(self, targets, sample_weight):
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is not supported for multilabel targets; weigh samples with "
                "sample_weight instead"
            )
        return sample_weight

    def objective(self, loss, layer_sizes):
        if loss == "log_loss":
            return "logistic", "logistic"
        return "squared_error", "identity"


def _narrowest(layer_sizes):
    """Units of the narrowest layer between inputs and classes."""
    return min(layer_sizes[1:-1], default=layer_sizes[-1])


# ---------------------------------------------------------------- labels


def check_classes(classes):
    """Sorted labels from the argument ``classes`` of `partial_fit`.

    Raises
    ------
    ValueError
        The argument is no 1-d array of labels that can be sorted.
    """
    labels = np.asarray(classes)
    if (
        labels.ndim != 1
        or not labels.size
        or (labels.dtype.kind in "fc" and np.isnan(labels).any())
    ):
        raise ValueError(
            "classes must be the array of all labels that will ever occur, such as [0, 1]; got "
            f"{shown(classes)}"
        )
    try:
        return np.unique(labels)
    except TypeError:
        raise ValueError(
            f"classes must hold labels that can be sorted, of one kind; got {shown(classes)}"
        ) from None


def check_labels(y):
    """Return labels as a 1-d array, or a 0/1 matrix as a 2-d int64 array (multilabel).

    Raises
    ------
    ValueError
        Labels are missing or continuous, there are several columns of class labels, or an
        indicator matrix has values other than 0 and 1.
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


def is_one_hot(y):
    """Whether a 0/1 matrix (n, n_labels) of many rows and three columns or more is one-hot."""
    return len(y) >= 20 and y.shape[1] >= 3 and bool((y.sum(axis=1) == 1).all())


def find_classes(y):
    """Sorted classes of checked labels; the column numbers for multilabel."""
    return np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)


def class_weight_per_class(class_weight, classes, codes, sample_weight=None):
    """Weight of each class.

    Parameters
    ----------
    class_weight : dict or "balanced"
        Label -> weight; missing labels have weight 1. "balanced": inversely proportional to the
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
        A label is no class, or a weight is negative or not finite.
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
            f"class_weight has the labels [{listed(unknown)}], which are not among the classes "
            f"[{listed(labels)}]"
        )
    try:
        weights = np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        weights = np.array([np.nan])
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise ValueError(f"class_weight must hold finite weights >= 0, got {class_weight!r}")
    return weights
