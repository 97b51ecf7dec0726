"""Targets for training, and the base class of their encoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._types import Floats


class Targets(ABC):
    """Base class of the targets of all samples.

    Attributes
    ----------
    n_outputs : int
        Columns of the targets, K.
    strata : ndarray of shape (n_samples,) of int, or None
        Classes by which a split of the samples is stratified; None (default): split at random.
    """

    n_outputs: int
    strata: NDArray[np.intp] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def batch(self, rows: NDArray[np.intp] | slice, out: Floats) -> Floats:
        """Targets of the samples ``rows``, written into ``out`` (n, K) unless they are a view."""

    @abstractmethod
    def part(self, rows: NDArray[np.intp]) -> Targets:
        """The targets of the given samples, as an object of the same class."""

    @property
    @abstractmethod
    def decisions(self) -> NDArray[Any]:
        """The targets as a classifier decides: column numbers, or a matrix of 0 and 1."""

    def array(self, dtype: DTypeLike, rows: NDArray[np.intp] | None = None) -> Floats:
        """Targets (n, K) of the samples ``rows``, or of all."""
        n = len(self) if rows is None else len(rows)
        out = np.empty((n, self.n_outputs), dtype)
        return self.batch(slice(None) if rows is None else rows, out)


class ClassTargets(Targets):
    """One-hot targets, stored as one integer per sample and expanded batch by batch.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        Index of each sample's class.
    n_outputs : int
        Number of classes K.
    """

    def __init__(self, codes, n_outputs):
        self.codes = self.strata = codes
        self.n_outputs = n_outputs

    def __len__(self):
        return len(self.codes)

    def batch(self, rows, out):
        out.fill(0)
        out[np.arange(len(out)), self.codes[rows]] = 1
        return out

    def part(self, rows):
        return ClassTargets(self.codes[rows], self.n_outputs)

    @property
    def decisions(self):
        return self.codes


class MatrixTargets(Targets):
    """Targets given as numbers.

    Parameters
    ----------
    values : C-contiguous ndarray of shape (n_samples, n_outputs)
        In the dtype of the network.
    """

    def __init__(self, values):
        self.values = values
        self.n_outputs = values.shape[1]

    def __len__(self):
        return len(self.values)

    def batch(self, rows, out):
        if isinstance(rows, slice):
            return self.values[rows]
        # with mode="clip" NumPy writes directly into out; rows are in range by construction
        return np.take(self.values, rows, axis=0, out=out, mode="clip")

    def part(self, rows):
        return MatrixTargets(self.values[rows])

    @property
    def decisions(self):
        return self.values


class TargetEncoder(ABC):
    """Base class of encoders: from `y` to the network's targets, and from outputs to `y`.

    An encoder is immutable: `fit` and `refit` return a new one, whose `attributes` the estimator
    stores. The estimator's ``_encoder`` makes an encoder from these.
    """

    @abstractmethod
    def check(self, y):
        """Check `y` after scikit-learn's checks; return it in the form for the other methods."""

    @abstractmethod
    def fit(self, y, sample_weight, call):
        """Return the encoder for a first `FitCall`."""

    @abstractmethod
    def refit(self, y, sample_weight, call):
        """Return the encoder for a further `FitCall`, which must suit the earlier ones."""

    @abstractmethod
    def attributes(self):
        """Attributes of the estimator, a dict."""

    @abstractmethod
    def encode(self, y, dtype):
        """Return `ClassTargets` or `MatrixTargets` for training."""

    def weigh(self, targets, sample_weight):
        """Return the weight of each sample in training, or None."""
        return sample_weight

    @abstractmethod
    def encode_validation(self, y, dtype):
        """Return the targets of a validation set, encoded like those of training."""

    @abstractmethod
    def clamp(self, y, dtype):
        """Return the targets for a fitted network as an array (n_samples, n_outputs)."""

    @abstractmethod
    def objective(self, loss, layer_sizes):
        """Return the loss to minimise and ``out_activation_`` for the argument `loss`."""

    def warn_of_narrow_layers(self, loss, layer_sizes):  # noqa: B027
        """Warn if the hidden layers have too few units for these targets; default: no warning."""

    @abstractmethod
    def decode(self, outputs):
        """Return predictions from the network's outputs (n_samples, n_outputs)."""

    def is_decodable(self, outputs):
        """Whether `decode` returns finite predictions for these outputs."""
        return np.isfinite(outputs).all()

    @abstractmethod
    def score(self, targets, outputs, sample_weight):
        """Return the estimator's ``score`` of outputs; nan if they are not finite."""
