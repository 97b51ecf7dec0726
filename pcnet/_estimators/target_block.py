"""The targets of a joint model: more outputs of its network, which may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from .._checks import shown


@dataclass(frozen=True, eq=False)
class ClassBlock:
    """Labels: an output for each class.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    mean : float64 ndarray of shape (n_classes,)
        Frequencies of the classes.
    loss : {"log_loss", "squared_error"}
        With the log loss outputs are logits and targets one-hot; with the squared error targets are
        centred, in units of a common spread.
    """

    classes: Any
    mean: Any
    loss: str

    @property
    def n_outputs(self):
        return len(self.classes) if len(self.classes) > 1 else 0

    @property
    def targets(self):
        """The targets of each class, (n_classes, n_outputs)."""
        one_hot = np.eye(len(self.classes))[:, : self.n_outputs]
        if self.loss == "log_loss" or not self.n_outputs:
            return one_hot
        return (one_hot - self.mean) / np.sqrt(np.mean(self.mean * (1 - self.mean)))

    def encode(self, y):
        """Outputs of labels, (n, n_outputs); NaN where `is_missing`."""
        known = ~is_missing(y)
        labels = self.classes.tolist()
        unknown = sorted({label for label in y[known].tolist() if label not in labels}, key=str)
        if unknown:
            raise ValueError(
                f"y must hold labels that fit saw, {shown(labels)}; got {shown(unknown)}"
            )
        codes = np.searchsorted(self.classes, y[known].astype(self.classes.dtype))
        outputs = np.full((len(y), self.n_outputs), np.nan)
        outputs[known] = self.targets[codes]
        return outputs


@dataclass(frozen=True, eq=False)
class ValueBlock:
    """Numbers: one standardised output.

    Attributes
    ----------
    mean, scale : float
    """

    mean: float
    scale: float

    n_outputs = 1
    loss = "squared_error"

    def encode(self, y):
        """Outputs of numbers, (n, 1); NaN where missing."""
        y = _as_floats(y)
        if np.isinf(y).any():
            raise ValueError("y must be finite, or NaN where it is not known; got infinity")
        return ((y - self.mean) / self.scale)[:, None]

    def decode(self, outputs):
        """Numbers of outputs (n, 1)."""
        return self.mean + self.scale * outputs[:, 0].astype(np.float64)


def check_targets(y, n_samples):
    """y as a 1-d array without None: floats, or labels."""
    y = column_or_1d(y, warn=True)
    check_consistent_length(np.empty(n_samples), y)
    if y.dtype.kind == "O":
        missing = is_missing(y)
        kinds = {type(label) for label in y[~missing]}
        if not all(issubclass(kind, (str, int, float, np.generic)) for kind in kinds):
            raise ValueError(f"y must hold labels or numbers; got {shown(y.tolist())}")
        if all(issubclass(kind, (int, float, np.number)) for kind in kinds):
            try:
                return np.where(missing, np.nan, y).astype(np.float64)
            except OverflowError:
                raise ValueError("y must hold numbers that floats can hold") from None
    return y


def is_missing(y):
    """Which entries of a 1-d array are NaN or None."""
    if y.dtype.kind == "f":
        return np.isnan(y)
    if y.dtype.kind == "O":
        return np.array([label is None or label != label for label in y], dtype=bool)
    return np.zeros(len(y), dtype=bool)


def fit_block(y, loss):
    """The block of checked targets: classes with this loss, unless y holds fractions.

    Raises
    ------
    ValueError
        All of y is missing, or it holds infinity or labels of several kinds.
    """
    known = y[~is_missing(y)]
    if not len(known):
        raise ValueError(
            "y must hold a known target, but all of them are missing. Leave y out to train on X "
            "alone"
        )
    if known.dtype.kind == "f":
        if not np.isfinite(known).all():
            raise ValueError("y must be finite, or NaN where it is not known; got infinity")
        if (known != np.round(known)).any():
            scale = float(np.std(known))
            return ValueBlock(float(np.mean(known)), scale if scale > 0 else 1.0)
    try:
        classes, counts = np.unique(known, return_counts=True)
    except TypeError:
        raise ValueError(
            f"y must hold labels that can be sorted, of one kind; got {shown(known.tolist())}"
        ) from None
    if known.dtype.kind == "O":
        classes = np.array(classes.tolist())
    return ClassBlock(classes, counts / counts.sum(), loss)


def _as_floats(y):
    try:
        return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"y must hold numbers, as in fit; got {shown(y)}") from None
