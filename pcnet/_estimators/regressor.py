"""Regression with predictive-coding networks."""

from __future__ import annotations

from typing import Any, Literal, Self

from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils._param_validation import StrOptions

from .._objective import Huber
from .._training.run import FitCall
from .._types import (
    Activations,
    Auto,
    Callbacks,
    CheckpointPath,
    Features,
    Float64s,
    Floats,
    Method,
    Parameterization,
    RandomState,
    Schedule,
    Scoring,
    Solver,
    Widths,
)
from ..network import Network
from .argument_names import explain_unknown_arguments
from .automatic import Regime
from .base import BasePC, trains_by_minibatches
from .continuous import ContinuousEncoder
from .conversion import regressor_from_mlp, regressor_from_network
from .decorators import available_if, fit_context
from .docstrings import fill_docstring


@fill_docstring(
    stratified="",
    out_activations='{"identity", "exp"}',
    loss_unit="that of standardised targets, summed over outputs (half the squared error, Huber's "
    "loss,\n    or half the Poisson deviance)",
    score="R2",
)
class PCRegressor(MultiOutputMixin, RegressorMixin, BasePC):
    """Regressor that trains a deep network with predictive coding.

    {LEARNING}

    Targets may have any scale. The estimator standardises each output by the weighted mean and
    standard deviation of the `y` given to `fit` (or to the first calls of `partial_fit`, until it
    has varied over 32 rows). Predictions are in the units of `y`. ``loss="huber"`` uses the median
    and 1.4826 times the median absolute deviation, which are robust to outliers;
    ``loss="poisson"`` only divides targets by their mean. Weights, losses and energies below are
    those of standardised targets.

    Parameters
    ----------
    {NETWORK_PARAMETERS}
    loss : {"squared_error", "huber", "poisson"} or Huber, default="squared_error"
        Loss of the output layer:

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
    PCClassifier : The classifier, for labels.

    Notes
    -----
    {PILOTS}

    {NOTES}

    There is no `score_samples` as in the classifier: with free y, the minimum of the energy is 0
    for all x. `energy` gives the energy of samples with known y.

    References
    ----------
    {REFERENCES}

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

    y_mean_: Float64s
    y_scale_: Float64s

    _parameter_constraints = {
        **BasePC._parameter_constraints,
        "loss": [StrOptions({"squared_error", "huber", "poisson"}), Huber],
    }

    #: Regimes for data without and with noise that the network fits.
    _regimes = (Regime(alpha=1.0, max_iter=35), Regime(alpha=4.0, max_iter=25))

    @explain_unknown_arguments
    def __init__(
        self,
        hidden_layer_sizes: Widths = (128, 128),
        activation: Activations = "relu",
        *,
        parameterization: Parameterization = "mupc",
        skip: bool = True,
        fit_intercept: bool = True,
        loss: Literal["squared_error", "huber", "poisson"] | Huber = "squared_error",
        output_precision: float | Auto = "auto",
        gamma: float = 1.0,
        activity_decay: float = 0.0,
        inference: Method = "error",
        alpha: float | Auto = "auto",
        solver: Solver = "adam",
        batch_size: int | Auto = "auto",
        n_shards: int | None = None,
        learning_rate: Schedule = "linear",
        learning_rate_init: float | Auto = "auto",
        power_t: float = 0.5,
        max_iter: int | Auto = "auto",
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        warm_start: bool = False,
        verbose: int = False,
        dtype: DTypeLike | None = None,
        transform_layer: int = -1,
        scoring: Scoring = None,
        max_time: float | None = None,
        input_scaling: Literal["standard", "max"] | None = None,
        callbacks: Callbacks = None,
        checkpoint: CheckpointPath | None = None,
    ) -> None:
        self._set_arguments(locals())

    @available_if(trains_by_minibatches)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Features, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one epoch on the given samples, at the constant rate `learning_rate_init_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets. A first call with 32 rows or more determines the standardisation; otherwise
            all calls do until there are 32 rows. An output that is constant over these rows is
            adapted until it has varied.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.

        Returns
        -------
        self : PCRegressor

        Raises
        ------
        ValueError, TypeError
            An argument or the data are invalid; the estimator is then unchanged.
        FloatingPointError
            Training diverged; the estimator keeps its last finite weights.
        """
        return self._fit(X, y, sample_weight, FitCall(incremental=True))

    def predict(self, X: Features) -> Floats:
        """Predict targets, in the units of the training `y`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            A single column gives a 1-d array. Its dtype is that of the network, but float64 if
            float32 cannot represent the training targets: if their mean is more than 8000 times
            their scale, or either is near the limits of float32.

        Raises
        ------
        FloatingPointError
            Finite features overflow in the network, or a prediction overflows.
        """
        return self._encoder.decode(self._outputs(X))

    @classmethod
    def from_network(
        cls, network: Network, *, y_mean: ArrayLike = 0.0, y_scale: ArrayLike = 1.0, **params: Any
    ) -> Self:
        """A fitted regressor with a given network.

        It does not train; `partial_fit`, or `fit` with ``warm_start=True``, continue from these
        weights with a new optimiser.

        Parameters
        ----------
        network : Network
            Copied.
        y_mean, y_scale : float or array-like of shape (n_outputs,), default=0 and 1
            Predictions are ``outputs * y_scale + y_mean``; the scale is positive.
        **params
            Arguments of the constructor; not those that the network determines
            (hidden_layer_sizes, activation, parameterization, skip, fit_intercept, gamma, dtype).

        Returns
        -------
        PCRegressor

        Raises
        ------
        TypeError
            ``network`` is no Network.
        ValueError
            `y_mean` or `y_scale` has a wrong shape or value, or an argument is invalid.
        """
        return regressor_from_network(cls, network, y_mean, y_scale, params)

    @classmethod
    def from_mlp(cls, mlp: Any, **params: Any) -> Self:
        """A fitted regressor that computes the same function as an `MLPRegressor`.

        The functions are equal up to rounding: "sp" without skips, targets not standardised.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPRegressor
            Fitted.
        **params
            As for `PCClassifier.from_mlp`; `loss` is the MLP's.

        Returns
        -------
        PCRegressor

        Raises
        ------
        TypeError
            ``mlp`` is no MLPRegressor.
        NotFittedError
            It is not fitted.
        ValueError
            Its loss is not one of PCRegressor.
        """
        return regressor_from_mlp(cls, mlp, params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    @property
    def _encoder(self):
        return ContinuousEncoder(
            self.loss,
            getattr(self, "y_mean_", None),
            getattr(self, "y_scale_", None),
            getattr(self, "out_activation_", None),
            getattr(self, "_seen_targets", None),
        )
