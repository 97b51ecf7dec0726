"""What both estimators offer beside `predict`: attributes, transform, energy, infer, summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._checks import all_finite
from .._data.checks import check_overflow, check_transform_layer
from .._data.first_calls import follow_inputs
from .._data.rows import SparseRows, check_finite_rows, check_rows
from .._data.scaling import ANY_DTYPE, ScaledRows, fit_scaling
from .._network_core import network_output
from .._types import Features, Float64s, Floats, Method, available_if
from ..inference import infer
from .energy import clamped_energies
from .outputs import hidden_activities
from .summary import summarise

if TYPE_CHECKING:
    from .._estimators.summary import Summary
    from ..inference import InferenceResult
    from ..network import Network


def _has_hidden_layer(estimator):
    """Whether there is a `transform`, for scikit-learn's ``available_if``."""
    network = getattr(estimator, "network_", None)
    sizes = estimator.hidden_layer_sizes if network is None else network.layer_sizes[1:-1]
    if hasattr(sizes, "__len__") and len(sizes) == 0:
        raise AttributeError(
            "transform gives the activities of a hidden layer, but this network has none; "
            "give hidden_layer_sizes at least one width and fit again"
        )
    return True


class FittedEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Attributes read from the network and the history, and passes through the network."""

    # ------------------------------------------------------------ attributes

    network_: Network
    learning_rate_init_: float | None
    n_outputs_: int
    out_activation_: str
    output_precision_: float
    alpha_: float
    max_iter_: int
    n_iter_: int
    t_: int
    loss_: float
    history_: dict[str, list[float]]
    stop_reason_: str | None
    best_loss_: float | None
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    input_mean_: Float64s | None
    input_scale_: Float64s | None
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    @property
    def loss_curve_(self) -> list[float]:
        return self._curve("loss")

    @property
    def penalty_curve_(self) -> list[float]:
        return self._curve("penalty")

    @property
    def energy_curve_(self) -> list[float]:
        return self._curve("energy")

    @property
    def n_inference_steps_(self) -> list[float]:
        return self._curve("n_steps")

    @property
    def n_inference_passes_(self) -> list[float]:
        return self._curve("n_passes")

    @property
    def converged_fraction_(self) -> list[float]:
        return self._curve("converged")

    @property
    def ended_fraction_(self) -> list[float]:
        return self._curve("ended")

    def _curve(self, column):
        return self.history_.get(column, [])

    @property
    def coefs_(self) -> list[Floats]:
        return self.network_.weights

    @property
    def intercepts_(self) -> list[Floats]:
        network = self.network_
        if network.biases is not None:
            return network.biases
        return [np.zeros(W.shape[1], dtype=W.dtype) for W in network.weights]

    @property
    def layer_scales_(self) -> Float64s:
        return self.network_.scales

    @property
    def n_layers_(self) -> int:
        return self.network_.n_layers

    # ------------------------------------------------------------ methods

    def transform(self, X: Features) -> Floats:
        """Activities z of the hidden layer `transform_layer`, after a feed-forward pass.

        As all activities here they are taken before the activation function, which belongs to
        the next layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)

        Raises
        ------
        FloatingPointError
            Finite features overflow on their way through the network.
        """
        activities = self._of_rows(
            X, lambda rows: hidden_activities(self.network_, rows, self._transform_index())
        )
        check_overflow(all_finite(activities))
        return activities

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns of `transform`: the lowercased class name and a number.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        self._transform_index()  # says what is wrong, where scikit-learn would say "not fitted"
        return super().get_feature_names_out(input_features)

    def _transform_index(self):
        """The chosen hidden layer, counted from 0 at the input."""
        widths = self.network_.layer_sizes[1:-1]
        check_transform_layer(self.transform_layer, len(widths))
        return self.transform_layer % len(widths)

    def fit_transform(self, X: Features, y: ArrayLike | None = None, **fit_params: Any) -> Floats:
        """`fit`, then `transform` of the same X.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)
        """
        return super().fit_transform(X, y, **fit_params)

    @property
    def _n_features_out(self):
        _has_hidden_layer(self)
        try:
            return self.network_.layer_sizes[1 + self._transform_index()]
        except ValueError as error:  # transform_layer out of range: tools ask hasattr
            raise AttributeError(str(error)) from error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.float64, np.float32]
        return tags

    def energy(self, X: Features, y: ArrayLike, *, inference: Method | None = None) -> Float64s:
        """Equilibrium energy of each sample, with its input and its target held fixed.

        How hard the trained network finds it to reconcile x with y: the least sum of squared
        prediction errors of all layers, the output's counted `output_precision_` times, that any
        hidden activities reach. Large values point to mislabelled or unusual samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels known from training (multilabel: a 0/1 matrix), or the regressor's targets.
        inference : str, InferenceMethod or None, default=None
            None: ``ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)``, more exact than in
            training.

        Returns
        -------
        energy : float64 ndarray of shape (n_samples,)
            The energy that training minimises, `activity_decay` included; a regressor's in
            standardised targets. Divide by `output_precision_` to compare networks.

        Warns
        -----
        ConvergenceWarning
            The limit of steps cut off more than a tenth of the samples.
        """
        check_is_fitted(self)
        X, Y = self._clamp(X, y)
        return clamped_energies(self.network_, self._objective(), X, [Y], inference)[:, 0]

    def infer(self, X: Features, y: ArrayLike, *, method: Method | None = None) -> InferenceResult:
        """Inference as in training: hidden activities that reconcile samples with their targets.

        `pcnet.infer` on `network_` with the loss, output precision and activity decay that it was
        trained with; samples and targets are as in `fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As in `energy`.
        method : str, InferenceMethod or None, default=None
            A name of `pcnet.inference.METHODS`, or an object. None: the method of the training.

        Returns
        -------
        InferenceResult
            Activities, errors, energies and what they took; activities and errors in the
            network's units, a regressor's outputs in standardised targets.

        Raises
        ------
        ValueError, FloatingPointError
            As by `pcnet.infer`.

        Warns
        -----
        ConvergenceWarning
            A method that is to lower the energy left its mean higher than at the start.

        See Also
        --------
        energy : the energies alone, by default closer to equilibrium, in less memory.
        """
        check_is_fitted(self)
        rows, Y = self._clamp(X, y)
        X = np.empty(rows.shape, self.network_.dtype)
        for part, block in rows.blocks():
            X[part] = block
        if method is None:  # not the argument `inference`, which may have been set since
            method = getattr(self, "inference_", self._trained["inference"])
        return infer(self.network_, X, Y, method, **vars(self._objective()))

    def summary(
        self,
        X: Features | None = None,
        y: ArrayLike | None = None,
        *,
        n_features: int | None = None,
        n_outputs: int | None = None,
        n_samples: int | None = None,
    ) -> Summary:
        """Layers, parameters, memory and estimated time, before or after `fit`.

        Nothing about the estimator changes, and no random numbers of its `random_state` are
        drawn.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), default=None
            Only its shape and type are looked at.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Its classes or columns are counted.
        n_features, n_outputs, n_samples : int, default=None
            In place of X and y. Not needed after `fit`, but for the time, which needs the number
            of samples; when given, or X or y, the network is the one that `fit` would make. What
            training takes is that of the next `fit`, with the arguments as they are now.

        Returns
        -------
        Summary
            Printed as a table; see its attributes. The time is extrapolated from some steps of
            an untrained network on random data. Training makes inference longer, by a factor of
            1 to 3 as a rule, and may end before `max_iter`. float64 is assumed if neither
            `dtype` nor X says otherwise.

        Raises
        ------
        ValueError
            The network's size is not known, or is given twice with different values.
        """
        return summarise(
            self, X, y, n_features=n_features, n_outputs=n_outputs, n_samples=n_samples
        )

    # ------------------------------------------------------------ rows for the network

    def _outputs(self, X):
        """Outputs mu_L of the network, shape (n_samples, n_outputs).

        Raises
        ------
        FloatingPointError
            Finite features overflow on their way through the network.
        """
        if "network_" not in vars(self):  # check_is_fitted takes as long as a small prediction
            check_is_fitted(self)
        rows = check_rows(self, X, dtype=self._features_dtype(), finite=False)
        outputs, suspect = network_output(self.network_, self._scaled(rows))
        if suspect:  # to look at all of X first would cost a fifth of a small network's time
            check_finite_rows(self, rows)
        check_overflow(not suspect and all_finite(outputs))
        return outputs

    def _of_rows(self, X, function):
        """``function`` of the checked rows of X (`Rows`)."""
        check_is_fitted(self)
        return function(self._scaled(check_rows(self, X, dtype=self._features_dtype())))

    def _features_dtype(self):
        """What `check_rows` is to make of features: scaled ones keep float64 until they are."""
        return self.network_.dtype if self.input_scale_ is None else ANY_DTYPE

    def _fit_scaling(self, X, sample_weight, call, warm):
        """Measure what `input_scaling` asks for, if this call is one that does."""
        seen = vars(self).pop("_seen_inputs", None) if warm else None
        if not warm:
            self.input_mean_ = self.input_scale_ = None
        if self.input_scaling is None or (warm and seen is None):
            return
        if not warm and not call.incremental:
            self.input_mean_, self.input_scale_ = fit_scaling(X, sample_weight, self.input_scaling)
            return
        centred = self.input_mean_ is not None if warm else not isinstance(X, SparseRows)
        scaling = self.input_mean_, self.input_scale_
        seen, self.input_mean_, self.input_scale_ = follow_inputs(
            seen, X, sample_weight, self.input_scaling, scaling, centred
        )
        if seen is not None:
            self._seen_inputs = seen

    def _scaled(self, X):
        """The rows as the network sees them."""
        if self.input_scale_ is None:
            return X
        return ScaledRows(X, self.input_mean_, self.input_scale_, self.network_.dtype)

    def _clamp(self, X, y):
        """Checked samples, as `Rows`, and targets as the network takes them, (n, K)."""
        X, y = self._check_X_y(X, y, dtype=self._features_dtype(), reset=False)
        return self._scaled(X), self._encoder.clamp(y, self.network_.dtype)


# Not as decorators: scikit-learn wraps the methods for set_output when the class is made, and its
# wrapping would undo them.
for _name in ("transform", "fit_transform", "get_feature_names_out"):
    setattr(FittedEstimator, _name, available_if(_has_hidden_layer)(vars(FittedEstimator)[_name]))
