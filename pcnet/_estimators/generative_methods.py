"""What a fitted `PCGenerative` answers: causes, rows, samples, densities and targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._checks import check_count, check_flag, check_float_array
from .._types import Float64s, Floats, RandomState
from .argument_names import NamedArguments
from .decorators import available_if
from .generative_model import (
    causes_of,
    check_X,
    class_energies,
    draw,
    in_units,
    inferred,
    labels_to_sample,
    log_densities_of,
    log_probabilities_of,
    outputs_of,
)
from .recognition import columns_of
from .target_block import ClassBlock, ValueBlock


def has_targets(model):
    """Whether `fit` got y, for scikit-learn's ``available_if``."""
    if getattr(model, "_block", False) is None:
        raise AttributeError("this model was fitted without y, so it predicts none: fit(X, y)")
    return True


def has_classes(model):
    """Whether `fit` got labels."""
    if has_targets(model) and isinstance(getattr(model, "_block", None), ValueBlock):
        raise AttributeError("this model was fitted to numbers y, not to labels; use predict")
    return True


def has_density(model):
    """Whether the model is a density, which a bidirectional one is not."""
    if getattr(model, "_two_way", None) is not None:
        raise AttributeError(
            "a bidirectional model has an energy, but no density: fit it with recognition=None or "
            "'hybrid' for densities and conditional samples, or use energy and reconstruct"
        )
    return True


def has_class_energies(model):
    """Whether energies are inferred with each class."""
    return has_classes(model) and has_density(model)


def has_recognizer(model):
    """Whether `fit` trained a recognizer."""
    if hasattr(model, "network_") and not hasattr(model, "recognizer_"):
        raise AttributeError(
            "this model was fitted without a recognizer: fit it with recognition='hybrid' or "
            "'bidirectional'"
        )
    return True


class GenerativeMethods(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, NamedArguments, BaseEstimator
):
    """The methods of `PCGenerative` other than `fit`; not for direct use."""

    # ------------------------------------------------------------ causes and rows

    def transform(self, X: ArrayLike) -> Floats:
        """The most likely causes of each row, given its observed entries.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Of the dtype of X. A priori causes are standard normal; in bidirectional models the
            first ones are the outputs of y.
        """
        rows, outputs = self._rows(X)
        return causes_of(self, outputs).astype(rows.dtype)

    @available_if(has_recognizer)
    def recognize(self, X: ArrayLike) -> Floats:
        """The recognizer's guess of the causes of each row: one feed-forward pass, no inference.

        It approximates `transform`, in a fraction of the time.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing: the recognizer reads the column's mean there.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Of the dtype of X.
        """
        rows, outputs = self._rows(X)
        values = columns_of(outputs, len(self.columns_))
        return self.recognizer_.output(values).astype(rows.dtype)

    def inverse_transform(self, X: ArrayLike) -> Floats:
        """The row that the network predicts for each row of causes, without noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Causes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        width = self.n_components_
        causes = check_float_array("X", X, self.network_.dtype, 2, (None, None))
        if causes.shape[1] != width:
            raise ValueError(
                f"X must have a column for each of the {width} causes, as transform gives them; "
                f"got {causes.shape[1]}"
            )
        single = getattr(X, "dtype", None) == np.float32
        return in_units(self, self.network_.output(causes), np.float32 if single else np.float64)

    def reconstruct(self, X: ArrayLike) -> Floats:
        """What the network predicts for all entries of each row, from those observed.

        It is the conditional mean of the missing entries, and of the others without their noise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        rows, outputs = self._rows(X)
        return in_units(self, inferred(self, outputs, lambda r: r.activities[-1]), rows.dtype)

    # ------------------------------------------------------------ samples

    def sample(
        self,
        n_samples: int = 1,
        y: Any = None,
        random_state: RandomState = None,
        *,
        noise: bool = True,
    ) -> Float64s:
        """Draw new rows.

        Parameters
        ----------
        n_samples : int, default=1
        y : label or number, or array-like of shape (n_samples,), default=None
            The target of all rows, or of each. Only after ``fit(X, y)``.
        random_state : int, RandomState, Generator or None, default=None
            None: NumPy's global RandomState.
        noise : bool, default=True
            Whether entries have the noise of their columns. Without it, rows are what the network
            predicts from causes and hidden activities that are drawn; pictures look better so.

        Returns
        -------
        float64 ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples, smallest=1)
        check_flag("noise", noise)
        if y is None:
            n_outputs = self.network_.layer_sizes[-1]
            drawn = draw(self, np.full((1, n_outputs), np.nan), n_samples, random_state)
            return in_units(self, (drawn.outputs if noise else drawn.activities[-1])[:, 0])
        drawn = draw(self, labels_to_sample(self, y, n_samples), 1, random_state)
        return in_units(self, (drawn.outputs if noise else drawn.activities[-1])[0])

    @available_if(has_density)
    def sample_conditional(
        self,
        X: ArrayLike,
        n_samples: int = 1,
        random_state: RandomState = None,
        *,
        noise: bool = True,
    ) -> Floats:
        """Draw the missing entries of each row, given the observed ones.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            NaN where entries are to be drawn.
        n_samples : int, default=1
            Samples of each row.
        random_state, noise
            As for `sample`.

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_features)
            Observed entries as they are in X. Constant columns are filled with their value.
        """
        rows, outputs = self._rows(X)
        check_count("n_samples", n_samples, smallest=1)
        check_flag("noise", noise)
        drawn = draw(self, outputs, n_samples, random_state)
        found = in_units(self, drawn.outputs if noise else drawn.activities[-1], rows.dtype)
        return np.where(np.isnan(rows), found, rows)

    # ------------------------------------------------------------ densities

    def energy(self, X: ArrayLike) -> Float64s:
        """The least energy of each row, 0 or more: low where the network explains the row well.

        For linear networks it is half the squared Mahalanobis distance of the observed entries. In
        bidirectional models it is that of `pcnet.generative.infer_bidirectional`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        float64 ndarray of shape (n_samples,)
        """
        _, outputs = self._rows(X)
        return inferred(self, outputs, lambda result: result.energy)

    @available_if(has_density)
    def score_samples(self, X: ArrayLike) -> Float64s:
        """Log density of the observed entries of each row; low values mean novel rows.

        Exact for linear networks, Laplace's approximation otherwise, see
        `~pcnet.generative.log_density`. Causes, hidden activities, missing entries and targets are
        integrated out.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing. Rows with different entries missing have densities of different
            dimensions, which cannot be compared.

        Returns
        -------
        float64 ndarray of shape (n_samples,)
        """
        _, outputs = self._rows(X)
        return log_densities_of(self, outputs)

    @available_if(has_density)
    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean of `score_samples`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.
        y : ignored
            For the accuracy of predictions use ``scoring="accuracy"`` in searches.

        Returns
        -------
        float
        """
        return float(np.mean(self.score_samples(X)))

    # ------------------------------------------------------------ targets

    @available_if(has_targets)
    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class of each row, or the expected number.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        _, outputs = self._rows(X)
        if isinstance(self._block, ClassBlock):
            return self.classes_[np.argmax(log_probabilities_of(self, outputs), axis=1)]
        if self._two_way is not None:
            return self._block.decode(inferred(self, outputs, lambda r: r.causes[:, :1]))
        last = slice(-self._block.n_outputs, None)
        return self._block.decode(inferred(self, outputs, lambda r: r.activities[-1][:, last]))

    @available_if(has_classes)
    def predict_proba(self, X: ArrayLike) -> Float64s:
        """Probability of each class, by the classifier of the row's causes (`classifier_`).

        In bidirectional models it is proportional to ``exp(-s d^2 / 2)``, with the distance d of
        the inferred targets from those of the class, and s measured in `fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        float64 ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        return np.exp(self.predict_log_proba(X))

    @available_if(has_classes)
    def predict_log_proba(self, X: ArrayLike) -> Float64s:
        """Natural logarithm of `predict_proba`, without its underflow.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        float64 ndarray of shape (n_samples, n_classes)
        """
        _, outputs = self._rows(X)
        return log_probabilities_of(self, outputs)

    @available_if(has_class_energies)
    def class_energies(self, X: ArrayLike) -> Float64s:
        """The least energy of each row with each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        float64 ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; the smallest energy marks the most probable class.
        """
        rows, _ = self._rows(X)
        return class_energies(self, rows)

    def _rows(self, X):
        """Checked rows, and the network's outputs with NaN for what is not known."""
        check_is_fitted(self)
        X = check_X(self, X, reset=False)
        return X, outputs_of(self, X)

    @property
    def _n_features_out(self):
        return self.n_components_
