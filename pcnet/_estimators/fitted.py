"""Common attributes and methods: transform, energy, infer, summary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._checks import all_finite
from .._data.checks import check_overflow, check_transform_layer
from .._data.first_calls import follow_inputs
from .._data.rows import check_finite_rows, check_rows
from .._data.scaling import ANY_DTYPE, ScaledRows, fit_scaling
from .._network_checks import objective_of
from .._network_core import network_output, small_outputs
from .._prediction.energy import clamped_energies
from .._prediction.outputs import hidden_activities
from .._types import Features, Float64s, Floats, Method
from ..inference import InferenceResult, Objective, infer
from ..inference._method import resolve_method
from ..network import Network
from .decorators import available_if
from .summary import Summary, summarise


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


def _curve_of(column: str) -> Any:
    """The property for a column of the history."""

    def curve(self) -> list[float]:
        return self._curve(column)

    return property(curve)


class FittedEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Attributes read from the network and the history, and passes through the network."""

    # ------------------------------------------------------------ attributes

    network_: Network
    learning_rate_init_: float | None
    n_outputs_: int
    out_activation_: str
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

    loss_curve_: list[float] = _curve_of("loss")
    penalty_curve_: list[float] = _curve_of("penalty")
    energy_curve_: list[float] = _curve_of("energy")
    n_inference_steps_: list[float] = _curve_of("n_steps")
    n_inference_passes_: list[float] = _curve_of("n_passes")
    converged_fraction_: list[float] = _curve_of("converged")
    ended_fraction_: list[float] = _curve_of("ended")

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

    @property
    def output_precision_(self) -> float:
        return self._objective().output_precision

    def _objective(self) -> Objective:
        """The objective of the training, also if the arguments have changed since."""
        return objective_of(self.network_)

    # ------------------------------------------------------------ methods

    def transform(self, X: Features) -> Floats:
        """Activities z of the hidden layer `transform_layer`, after a feed-forward pass.

        They are the values before the activation function, which belongs to the next layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)

        Raises
        ------
        FloatingPointError
            Finite features overflow in the network.
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
        self._transform_index()  # raises a clear error; scikit-learn's would be "not fitted"
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
            As for `fit`.

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
        except ValueError as error:  # transform_layer out of range: callers use hasattr
            raise AttributeError(str(error)) from error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.float64, np.float32]
        return tags

    def energy(self, X: Features, y: ArrayLike, *, inference: Method | None = None) -> Float64s:
        """Equilibrium energy of each sample with input and target clamped.

        It is the minimum over the hidden activities of half the sum of squared prediction errors
        of all layers, the output's loss being multiplied by `output_precision_`. Large values
        indicate mislabelled or unusual samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels that occurred in training (multilabel: a 0/1 matrix), or a regressor's targets.
        inference : str, InferenceMethod or None, default=None
            None: ``ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)``, with tighter
            tolerances than in training.

        Returns
        -------
        energy : float64 ndarray of shape (n_samples,)
            The energy that training minimises, `activity_decay` included; for a regressor, of the
            standardised targets. Divide by `output_precision_` to compare networks.

        Raises
        ------
        ValueError
            A label is unknown, or the method does not end near the minimum of the energy.

        Warns
        -----
        ConvergenceWarning
            More than a tenth of the samples reached the limit of steps.
        """
        check_is_fitted(self)
        X, Y = self._clamp(X, y)
        return clamped_energies(self.network_, self._objective(), X, [Y], inference)[:, 0]

    def infer(self, X: Features, y: ArrayLike, *, method: Method | None = None) -> InferenceResult:
        """Inference as in training, with input and target clamped.

        It is `pcnet.infer` on `network_` with the loss, output precision and activity decay of its
        training; samples and targets are as for `fit`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As for `energy`.
        method : str, InferenceMethod or None, default=None
            A name of `pcnet.inference.METHODS`, or an object. None: the method of the training.

        Returns
        -------
        InferenceResult
            Activities, errors, energies, steps and passes. Activities and errors have the
            network's units; the outputs of a regressor are standardised targets.

        Raises
        ------
        ValueError, FloatingPointError
            As for `pcnet.infer`.

        Warns
        -----
        ConvergenceWarning
            A method that minimises the energy ended with a higher mean than at the start.

        See Also
        --------
        energy : only the energies, by default closer to equilibrium, with less memory.
        """
        check_is_fitted(self)
        rows, Y = self._clamp(X, y)
        if method is None:  # not the argument `inference`, which may have changed since
            method = getattr(self, "inference_", self._trained["inference"])
        method = resolve_method(method, "method of inference")
        inputs: Any = rows.sparse(slice(0, len(rows))) if method.takes_sparse else None
        if inputs is None:
            inputs = rows.toarray(self.network_.dtype)
        return infer(self.network_, inputs, Y, method, *self._objective().terms)

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

        The estimator does not change, and no random numbers are drawn from its `random_state`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), default=None
            Only its shape and type are used.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Its classes or columns are counted.
        n_features, n_outputs, n_samples : int, default=None
            Instead of X and y. After `fit` only `n_samples` is needed, for the time. If any of them
            or X or y is given, the network is the one that `fit` would make. Memory and time of
            training are those of the next `fit` with the current arguments.

        Returns
        -------
        Summary
            Prints as a table; see its attributes. The time is extrapolated from some steps of an
            untrained network on random data. During training inference takes longer, typically by
            a factor of 1 to 3; training may end before `max_iter`. The dtype is float64 unless
            `dtype` or X sets it.

        Raises
        ------
        ValueError
            The network's size is unknown, or two arguments give different values.
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
            Finite features overflow in the network.
        """
        if "network_" not in vars(self):  # check_is_fitted takes as long as a small prediction
            check_is_fitted(self)
        if self.input_scale_ is None and "feature_names_in_" not in vars(self):
            outputs = small_outputs(self.network_, X)
            if outputs is not None:
                return outputs
        rows = check_rows(self, X, dtype=self._features_dtype(), finite=False)
        outputs, suspect = network_output(self.network_, self._scaled(rows))
        if suspect:  # checking all of X first would take 20 % longer in small networks
            check_finite_rows(self, rows)
        check_overflow(not suspect and all_finite(outputs))
        return outputs

    def _of_rows(self, X, function):
        """``function`` of the checked rows of X (`Rows`)."""
        check_is_fitted(self)
        return function(self._scaled(check_rows(self, X, dtype=self._features_dtype())))

    def _features_dtype(self):
        """Dtype of the checked features: float64 if they are to be scaled."""
        return self.network_.dtype if self.input_scale_ is None else ANY_DTYPE

    def _fit_scaling(self, X, sample_weight, call, warm):
        """Measure the statistics for `input_scaling`, if this call must."""
        seen = vars(self).pop("_seen_inputs", None) if warm else None
        if not warm:
            self.input_mean_ = self.input_scale_ = None
        if self.input_scaling is None or (warm and seen is None):
            return
        if not warm and not call.incremental:
            self.input_mean_, self.input_scale_ = fit_scaling(X, sample_weight, self.input_scaling)
            return
        centred = self.input_mean_ is not None if warm else not X.is_sparse
        scaling = self.input_mean_, self.input_scale_
        seen, self.input_mean_, self.input_scale_ = follow_inputs(
            seen, X, sample_weight, self.input_scaling, scaling, centred
        )
        if seen is not None:
            self._seen_inputs = seen

    def _scaled(self, X):
        """The rows after `input_scaling`."""
        if self.input_scale_ is None:
            return X
        return ScaledRows(X, self.input_mean_, self.input_scale_, self.network_.dtype)

    def _clamp(self, X, y):
        """Checked samples, as `Rows`, and the network's targets, (n, K)."""
        X, y = self._check_X_y(X, y, dtype=self._features_dtype(), reset=False)
        return self._scaled(X), self._encoder.clamp(y, self.network_.dtype)


# Not as decorators: scikit-learn wraps the methods for set_output when the class is created, which
# would remove them.
for _name in ("transform", "fit_transform", "get_feature_names_out"):
    setattr(FittedEstimator, _name, available_if(_has_hidden_layer)(vars(FittedEstimator)[_name]))
