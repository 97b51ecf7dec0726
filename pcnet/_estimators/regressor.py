"""Regression with predictive-coding networks."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from .._checks import all_finite
from .._data.checks import check_overflow
from .._data.rows import check_rows_and_targets
from .._data.scaling import standardise
from .._training.minibatches import AUTO_BATCH_SIZE, AUTO_BATCHES, LEAST_AUTO_BATCH_SIZE
from .._training.run import FitCall
from ..callbacks._validation import gather_validation_set
from ..losses import Huber
from .automatic import Regime, describe_regimes
from .base import BasePC, trains_by_minibatches
from .conversion import RegressorConversion
from .docstrings import fill_docstring
from .energy import EnergyMixin
from .first_calls import follow_targets
from .objective_state import AUTO_PRECISION
from .targets import MatrixTargets, check_counts, target_scaling

#: Predictions are float64 where float32 rounds the mean of y by more than this share of its scale,
COARSEST = 1e-3
#: or holds no values this many times larger or smaller.
FAR = 1e6

#: Targets of Huber's loss that lie further out, in units of their scale, count as this far out.
FARTHEST_OUTLIER = 1e6


#: For data that the network learns without fitting noise, and for others.
_REGIMES = (Regime(alpha=1.0, max_iter=35), Regime(alpha=4.0, max_iter=25))


@fill_docstring(
    auto_precision=AUTO_PRECISION,
    auto_batch_size=AUTO_BATCH_SIZE,
    auto_batches=AUTO_BATCHES,
    least_auto_batch_size=LEAST_AUTO_BATCH_SIZE,
    **describe_regimes(*_REGIMES),
    stratified="",
    out_activations='{"identity", "exp"}',
    loss_unit="that of standardised targets, summed over outputs (half the squared error, Huber's "
    "loss,\n    or half the Poisson deviance)",
    score="R2",
)
class PCRegressor(EnergyMixin, RegressorConversion, MultiOutputMixin, RegressorMixin, BasePC):
    """Regressor that trains a deep network with predictive coding.

    For each minibatch, the activities of all hidden layers settle to the minimum of an energy
    while input and target are held fixed (inference); then every layer updates its weights from
    its own activities and errors. Predictions are one forward pass.

    Targets may have any scale: each output is standardised inside, by the weighted mean and
    standard deviation of the `y` given to `fit` (or to the first calls of `partial_fit`, until 32
    rows have been seen in which it varies), and predictions come back in the units of `y`. With
    ``loss="huber"`` it is the median and the median absolute deviation times 1.4826, which
    outliers do not move; with ``loss="poisson"`` targets are only divided by their mean. The
    weights, losses and energies below are those of standardised targets.

    Parameters
    ----------
    {NETWORK_PARAMETERS}
    loss : {"squared_error", "huber", "poisson"} or Huber, default="squared_error"
        What the output layer minimises:

        - "squared_error": half the squared error; outputs estimate means;
        - "huber": squared for small residuals, linear for those above 1.35 units of spread, so
          that the gradient of an outlier in y is bounded; :class:`~pcnet.losses.Huber` sets the
          bound, ``Huber(delta=0.5)``;
        - "poisson": half the Poisson deviance, for counts and rates (y >= 0). The network's
          outputs are logarithms, predictions are their exponentials.
    {INFERENCE_PARAMETERS}
    {TRAINING_PARAMETERS}

    Attributes
    ----------
    y_mean_, y_scale_ : float64 ndarray of shape (n_outputs,)
        Centre and unit that standardise targets: mean and standard deviation (median and scaled
        median absolute deviation for Huber's loss, 0 and the mean for "poisson"); the scale of a
        constant target is 1, or its absolute value if that is smaller.
    {ATTRIBUTES}

    Raises
    ------
    {RAISES}

    See Also
    --------
    PCClassifier : The same for labels.

    Notes
    -----
    Pilots: where `alpha` or `max_iter` is "auto" and there are more than 64 samples, `fit` first
    trains copies of the network for some 20 epochs on a part of the samples (each half in turn
    below 600; then a half, but at most 500 or a quarter) and measures the loss of others. If it
    falls to the end, the network fits no noise; if it is lowest before and rises by 1 % or more,
    noise alone decides on both. Pilots take about a fifth of the time of a fit of
    50 epochs; with both arguments given there are none.

    The same data, arguments and `random_state` give the same bits with any number of threads.
    Only the ratios of sample weights matter, within a minibatch; a weight of 0 is the same as
    leaving the sample out. Weights do not enter inference.

    There is no `score_samples` as in the classifier: with y free, the least energy is 0 for every
    x. `energy` rates samples whose y is known.

    Ctrl-C during `fit` warns and keeps the present weights; during a pilot, before there are any,
    KeyboardInterrupt is raised and the estimator stays as it was.

    References
    ----------
    Rao, R. P. N. and Ballard, D. H. (1999). Predictive coding in the visual cortex.
    doi:10.1038/4580

    Innocenti, F. et al. (2025). muPC: scaling predictive coding to 100+ layer networks.
    arXiv:2505.13124

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from pcnet import PCRegressor
    >>> X, y = make_friedman1(n_samples=300, random_state=0)
    >>> model = make_pipeline(StandardScaler(), PCRegressor(random_state=0)).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _parameter_constraints = {
        **BasePC._parameter_constraints,
        "loss": [StrOptions({"squared_error", "huber", "poisson"}), Huber],
    }

    _regimes = _REGIMES

    def __init__(
        self,
        hidden_layer_sizes=(128, 128),
        activation="relu",
        *,
        parameterization="mupc",
        skip=True,
        fit_intercept=True,
        loss="squared_error",
        output_precision="auto",
        gamma=1.0,
        activity_decay=0.0,
        inference="error",
        alpha="auto",
        solver="adam",
        batch_size="auto",
        learning_rate="linear",
        learning_rate_init="auto",
        power_t=0.5,
        max_iter="auto",
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        verbose=False,
        dtype=None,
        transform_layer=-1,
        scoring=None,
        max_time=None,
        input_scaling=None,
        callbacks=None,
        checkpoint=None,
    ):
        super().__init__(
            hidden_layer_sizes,
            activation,
            parameterization=parameterization,
            skip=skip,
            fit_intercept=fit_intercept,
            loss=loss,
            output_precision=output_precision,
            gamma=gamma,
            activity_decay=activity_decay,
            inference=inference,
            alpha=alpha,
            solver=solver,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            verbose=verbose,
            dtype=dtype,
            transform_layer=transform_layer,
            scoring=scoring,
            max_time=max_time,
            input_scaling=input_scaling,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        validation_data=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train on data X and targets y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, best of about unit scale.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, in any unit.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Samples to measure the network on after each epoch. They are not trained on; none of
            `X` is then held out. With `early_stopping` they decide when to stop.
        X_val, y_val, sample_weight_val : array-like, default=None
            The same in three arguments, the form that
            ``Pipeline(transform_input=["X_val"])`` can transform.

        Returns
        -------
        self : PCRegressor
        """
        own = gather_validation_set(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, FitCall(validation=own))

    @available_if(trains_by_minibatches)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on the given samples, at the constant rate `learning_rate_init_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. Those of the first call set the standardisation for good if it brings 32 rows
            or more; else all calls do until so many have come. An output that is constant that
            long goes on until it has varied.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.

        Returns
        -------
        self : PCRegressor
        """
        return self._fit(X, y, sample_weight, FitCall(incremental=True))

    def predict(self, X):
        """Predict targets, in the units of the `y` trained on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One column comes back as a 1-d array. Of the type that the network computes in, but
            float64 where float32 could not hold the targets trained on: where their mean is more
            than 8000 times their scale, or where either is near the ends of float32.

        Raises
        ------
        FloatingPointError
            Finite features overflow on their way through the network, or the prediction does.
        """
        y = self._in_units_of_y(self._outputs(X))
        with np.errstate(over="ignore"):
            y = y.astype(self._target_dtype(), copy=False)
        check_overflow(all_finite(y))
        return y[:, 0] if y.shape[1] == 1 else y

    def _in_units_of_y(self, outputs):
        """Predictions in float64; infinite on overflow."""
        with np.errstate(over="ignore", under="ignore"):
            return self._rates(outputs) * self.y_scale_ + self.y_mean_

    def _predictable(self, outputs):
        return np.isfinite(self._in_units_of_y(outputs)).all()

    def _rates(self, outputs):
        """The same in units of `y_scale_`, before `y_mean_` is added."""
        outputs = outputs.astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(outputs) if self.out_activation_ == "exp" else outputs

    def _target_dtype(self):
        """The network's type, or float64 if float32 is too coarse for the targets."""
        return self.network_.dtype if self._float32_holds_targets() else np.dtype(np.float64)

    def _float32_holds_targets(self):
        limits, mean, scale = np.finfo(np.float32), np.abs(self.y_mean_), self.y_scale_
        largest, smallest = float(limits.max) / FAR, float(limits.tiny) * FAR
        resolved = mean * float(limits.eps) <= COARSEST * scale
        held = (np.maximum(mean, scale) < largest) & (scale > smallest)
        return bool(np.all(resolved & held))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    # ------------------------------------------------------------ for BasePC

    def _check_X_y(self, X, y, *, dtype, reset):
        options = {"multi_output": True, "y_numeric": True}
        X, y = check_rows_and_targets(self, X, y, dtype=dtype, reset=reset, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y.reshape(len(y), -1).astype(np.float64, copy=False)

    def _encode_targets(self, y, sample_weight, *, call, warm, dtype):
        loss = "huber" if isinstance(self.loss, Huber) else self.loss
        if loss == "poisson":
            check_counts(y)
        if not warm:
            self._fit_target_scaling(y, sample_weight, loss, call)
        elif (loss == "poisson") != (self.out_activation_ == "exp"):
            trained = "logarithms" if self.out_activation_ == "exp" else "values, not logarithms"
            raise ValueError(
                f"loss is {loss!r} now, but the network was trained to output {trained}, and "
                "warm_start and partial_fit go on with the same network. Set it back, or call fit "
                "with warm_start=False"
            )
        else:
            self._check_n_outputs(y)
            seen = vars(self).pop("_seen_targets", None)
            if seen is not None:
                self._follow_targets(y, sample_weight, loss, seen)
        return MatrixTargets(self._standardise(y, dtype)), sample_weight

    def _fit_target_scaling(self, y, sample_weight, loss, call):
        vars(self).pop("_seen_targets", None)
        if call.incremental:
            self._follow_targets(y, sample_weight, loss, None)
        else:
            self.y_mean_, self.y_scale_ = target_scaling(y, sample_weight, loss)

    def _follow_targets(self, y, sample_weight, loss, seen):
        """Adapt the scaling as long as the first calls of `partial_fit` have not fixed it."""
        scaling = None if seen is None else (self.y_mean_, self.y_scale_)
        seen, self.y_mean_, self.y_scale_ = follow_targets(seen, y, sample_weight, loss, scaling)
        if seen is not None:
            self._seen_targets = seen

    def _check_n_outputs(self, y):
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {y.shape[1]} outputs, but the previous call saw {self.n_outputs_}; go on "
                "with the same outputs, or fit a new estimator"
            )

    def _standardise(self, y, dtype):
        y = standardise(y, self.y_mean_, self.y_scale_, np.empty(y.shape, dtype))
        if isinstance(self.loss, Huber) or self.loss == "huber":
            # Further out the gradient is the same; the mean loss is not to look like divergence.
            limit = max(FARTHEST_OUTLIER, 10 * getattr(self.loss, "delta", 0.0))
            np.clip(y, -limit, limit, out=y)
        return y

    def _clamped_targets(self, y):
        self._check_n_outputs(y)
        if self.out_activation_ == "exp":
            check_counts(y)
        return self._standardise(y, self.network_.dtype)

    def _encode_validation(self, y, dtype):
        if y.shape[1] != self.n_outputs_:
            raise ValueError(
                f"its y has {y.shape[1]} outputs, but the y to train on has {self.n_outputs_}"
            )
        if self.loss == "poisson":
            check_counts(y)
        return MatrixTargets(self._standardise(y, dtype))

    def _loss_and_activation(self):
        return self.loss, "exp" if self.loss == "poisson" else "identity"

    def _scorer(self, X, targets, rows, sample_weight):
        # R2 is the same for standardised and for raw targets
        y_true = targets.values[rows]
        weight = None if sample_weight is None else sample_weight[rows]

        def score(predict_outputs):
            predicted = self._rates(predict_outputs(X))
            if not np.isfinite(predicted).all():  # no score, rather than a warning an epoch
                return np.nan
            return float(r2_score(y_true, predicted, sample_weight=weight))

        return score
