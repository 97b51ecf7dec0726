"""Targets as training reads them, and what an encoder makes of them."""

from abc import ABC, abstractmethod

import numpy as np


class ClassTargets:
    """One-hot targets, kept as one integer per sample and spelled out batch by batch.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,) of int
        Index of each sample's class.
    n_outputs : int
        Number of classes K.

    Attributes
    ----------
    strata : ndarray of shape (n_samples,) of int, or None
        Classes by which a split of the samples is stratified; None: split at random.
    """

    def __init__(self, codes, n_outputs):
        self.codes = self.strata = codes
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

    Attributes
    ----------
    strata : None
        As of `ClassTargets`.
    """

    strata = None

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


class TargetEncoder(ABC):
    """What depends on the kind of targets: from `y` to the network's targets, outputs back to `y`.

    An encoder is a value: `fit` and `refit` return one, whose `attributes` the estimator keeps;
    the estimator's ``_encoder`` makes the encoder from them again.
    """

    @abstractmethod
    def check(self, y):
        """Return `y`, after scikit-learn's checks, in the form that the other methods take."""

    @abstractmethod
    def fit(self, y, sample_weight, call):
        """Return the encoder that a first `FitCall` determines."""

    @abstractmethod
    def refit(self, y, sample_weight, call):
        """Return the encoder for one more `FitCall`, which must suit those before."""

    @abstractmethod
    def attributes(self):
        """Attributes of the estimator, a dict."""

    @abstractmethod
    def encode(self, y, dtype):
        """Return `ClassTargets` or `MatrixTargets` to train on."""

    def weigh(self, targets, sample_weight):
        """Return the weight of each sample in training, or None."""
        return sample_weight

    @abstractmethod
    def encode_validation(self, y, dtype):
        """Return the targets of a validation set, in the terms of those to train on."""

    @abstractmethod
    def clamp(self, y, dtype):
        """Return the targets of a fitted network as an array (n_samples, n_outputs)."""

    @abstractmethod
    def objective(self, loss, layer_sizes):
        """Return the loss to minimise and ``out_activation_`` for the argument `loss`."""

    def warn_of_narrow_layers(self, loss, layer_sizes):  # noqa: B027
        """Warn if the hidden layers have too few units for these targets; never by default."""

    @abstractmethod
    def decode(self, outputs):
        """Return predictions from the network's outputs (n_samples, n_outputs)."""

    def is_decodable(self, outputs):
        """Whether `decode` returns finite predictions for these outputs."""
        return np.isfinite(outputs).all()

    @abstractmethod
    def score(self, targets, outputs, sample_weight):
        """Return the estimator's ``score`` of outputs; nan if they are not finite."""
