"""Classification with predictive-coding networks."""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, Self

from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._checks import check_positive
from .._data.rows import check_rows
from .._prediction.energy import class_energies, has_one_label, novelty_scores
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
from .conversion import classifier_from_mlp, classifier_from_network
from .decorators import available_if, fit_context
from .docstrings import fill_docstring
from .labels import ClassEncoder, MultilabelEncoder
from .temperature import DEFAULT_TEMPERATURE


@fill_docstring(
    default_temperature=DEFAULT_TEMPERATURE,
    stratified=" (of each class its share)",
    out_activations='{"softmax", "logistic", "identity"}',
    loss_unit='nats for "log_loss", half the summed squared error for "squared_error"',
    score="Accuracy",
)
class PCClassifier(ClassifierMixin, BasePC):
    """Classifier that trains a deep network with predictive coding.

    {LEARNING}

    Parameters
    ----------
    {NETWORK_PARAMETERS}
    loss : {"auto", "squared_error", "log_loss"}, default="auto"
        Loss of the output layer: half the squared distance to the one-hot target, or the
        cross-entropy of the softmax (for multilabel targets, of one logistic per column). Both
        estimate probabilities; "squared_error" predicts more accurately in deep networks, but
        needs hidden layers of at least ``n_classes - 1`` units (`fit` warns). "auto" is
        "log_loss" if a layer is narrower, else "squared_error".
    {INFERENCE_PARAMETERS}
    {TRAINING_PARAMETERS}
    temperature : "auto" or float, default="auto"
        `predict_proba` divides the outputs by it, from 0.001 to 1000; smaller values give
        probabilities closer to 0 and 1. It changes neither training nor `predict`. "auto" is
        measured on held-out samples of a pilot (see Notes). It is {default_temperature} after a
        first `partial_fit`; later calls measure it on their samples before training, and raise
        it if these require it. With ``loss="log_loss"`` it is 1.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with `sample_weight`; labels missing in a dict have weight
        1. "balanced" is inversely proportional to the (weighted) frequency; `partial_fit` does not
        accept it, as it does not know the frequencies. Not for multilabel targets.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The sorted labels. There is one output column per class, also for two classes. For
        multilabel targets, the column numbers.
    temperature_ : float
        The temperature of `predict_proba`.
    {ATTRIBUTES}

    Raises
    ------
    {RAISES}

    See Also
    --------
    PCRegressor : The regressor, for real-valued targets.

    Notes
    -----
    {PILOTS}

    {NOTES}

    References
    ----------
    {REFERENCES}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from pcnet import PCClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), PCClassifier(random_state=0)).fit(X, y)
    >>> model.score(X, y) > 0.95
    True
    """

    classes_: NDArray[Any]
    temperature_: float

    _parameter_constraints = {
        **BasePC._parameter_constraints,
        "loss": [StrOptions({"auto", "log_loss", "squared_error"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "temperature": [StrOptions({"auto"}), Interval(Real, 1e-3, 1e3, closed="both")],
    }

    #: Regimes for data without and with noise that the network fits.
    _regimes = (Regime(alpha=1.0, max_iter=50), Regime(alpha=12.0, max_iter=25))

    @explain_unknown_arguments
    def __init__(
        self,
        hidden_layer_sizes: Widths = (128, 128),
        activation: Activations = "relu",
        *,
        parameterization: Parameterization = "mupc",
        skip: bool = True,
        fit_intercept: bool = True,
        loss: Literal["auto", "log_loss", "squared_error"] = "auto",
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
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        temperature: float | Auto = "auto",
    ) -> None:
        self._set_arguments(locals())

    @available_if(trains_by_minibatches)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given samples, at the constant rate `learning_rate_init_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels, not necessarily of all classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.
        classes : array-like of shape (n_classes,), default=None
            All labels of all calls; required in the first call unless `fit` was called before.

        Returns
        -------
        self : PCClassifier

        Raises
        ------
        ValueError, TypeError
            An argument or the data are invalid; the estimator is then unchanged.
        FloatingPointError
            Training diverged; the estimator keeps its last finite weights.
        """
        return self._fit(X, y, sample_weight, FitCall(incremental=True, classes=classes))

    def predict(self, X: Features) -> NDArray[Any]:
        """Predict labels: the class with the largest output.

        For multilabel targets: all labels with a probability above one half.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        return self._encoder.decode(self._outputs(X))

    def predict_proba(self, X: Features) -> Floats:
        """Predict the probability of each class.

        It is the softmax of the outputs over the temperature T, ``temperature_``. With
        ``loss="log_loss"`` T is 1. With ``loss="squared_error"`` the energy defines the
        probability. For output noise of variance T, class k has the energy
        ``|onehot_k - mu|^2 / (2 T)``, and ``p(k) ~ exp(-energy) ~ exp(mu_k / T)``. T is measured
        on held-out samples. Multilabel: the logistic function of each output over T, with
        ``loss="squared_error"`` of ``(mu - 1/2) / T``.

        Probabilities are strictly between 0 and 1 and have the order of the outputs. The largest
        is that of the label from `predict`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets,
            where each column is the probability of one label.

        References
        ----------
        Guo, C. et al. (2017). On calibration of modern neural networks. arXiv:1706.04599
        """
        return self._encoder.probabilities(self._outputs(X))

    def predict_log_proba(self, X: Features) -> Floats:
        """Predict the natural logarithm of `predict_proba`, without its underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._encoder.log_probabilities(self._outputs(X))

    def decision_function(self, X: Features) -> Floats:
        """Raw outputs of the network: the confidence scores that `predict` uses.

        Unlike `predict_proba` with ``loss="squared_error"`` they have no ties near 0 and 1, so
        rankings such as the ROC curve have their full resolution.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            The outputs mu_L, one column per class; `predict` takes the largest. For two classes
            ``mu_L[:, 1] - mu_L[:, 0]``, positive if `predict` gives ``classes_[1]``.
            Multilabel: positive if the label is predicted, mu_L itself for "log_loss" and
            ``mu_L - 1/2`` for "squared_error".
        """
        return self._encoder.decision(self._outputs(X))

    @available_if(has_one_label)
    def class_energies(self, X: Features, *, inference: Method | None = None) -> Float64s:
        """Equilibrium energy of each sample with each class clamped in turn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        inference : str, InferenceMethod or None, default=None
            As for `energy`.

        Returns
        -------
        energies : float64 ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; the smallest energy marks the most plausible class.
        """
        check_is_fitted(self)
        X = self._scaled(check_rows(self, X, dtype=self._features_dtype()))
        return class_energies(self.network_, self._objective(), X, inference)

    @available_if(has_one_label)
    def score_samples(
        self, X: Features, *, sharpness: float = 10.0, inference: Method | None = None
    ) -> Float64s:
        """Score for novelty detection from the class energies; low values mean novel samples.

        ``log sum_k exp(-sharpness / lambda * F*(x, class k))``, where F* is `class_energies` and
        lambda is `output_precision_`. F* / lambda is of the order of the loss at any depth, so one
        sharpness suits all networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sharpness : float, default=10.0
            Positive. ``sharpness=model.output_precision_`` gives ``log sum_k exp(-F*)``, the
            log-likelihood of x (up to a constant) under the model of the energy. This ranks novel
            samples *above* known ones: with lambda <= 1 the wrong classes dominate the sum, and a
            sample between two classes has a larger sum. From about 10 on the best class dominates.
        inference : str, InferenceMethod or None, default=None
            As for `energy`.

        Returns
        -------
        scores : float64 ndarray of shape (n_samples,)
            Higher for samples that resemble the training data.
        """
        check_positive("sharpness", sharpness)
        energies = self.class_energies(X, inference=inference)
        return novelty_scores(energies, sharpness, self.output_precision_)

    @classmethod
    def from_network(
        cls,
        network: Network,
        classes: ArrayLike | None = None,
        *,
        multilabel: bool = False,
        **params: Any,
    ) -> Self:
        """A fitted classifier with a given network.

        It does not train; `partial_fit`, or `fit` with ``warm_start=True``, continue from these
        weights with a new optimiser.

        Parameters
        ----------
        network : Network
            Copied.
        classes : array-like of shape (n_outputs,), default=None
            Label of each output column, all different. None: 0, 1, ... The columns of `network_`
            are sorted by label, like `classes_`. Not for multilabel targets.
        multilabel : bool, default=False
            Whether each output is a separate label, present or absent.
        **params
            Arguments of the constructor, such as `loss`, which defines the meaning of the outputs;
            not those that the network determines (hidden_layer_sizes, activation,
            parameterization, skip, fit_intercept, gamma, dtype).

        Returns
        -------
        PCClassifier

        Raises
        ------
        TypeError
            ``network`` is no Network.
        ValueError
            `classes` do not fit the outputs, or an argument is invalid.
        """
        return classifier_from_network(cls, network, classes, multilabel, params)

    @classmethod
    def from_mlp(cls, mlp: Any, **params: Any) -> Self:
        """A fitted classifier that computes the same function as an `MLPClassifier`.

        The functions are equal up to rounding: "sp" without skips, ``loss="log_loss"``. With two
        classes the MLP has one output m and a logistic function, pcnet two outputs (0, m) and a
        softmax.

        Parameters
        ----------
        mlp : sklearn.neural_network.MLPClassifier
            Fitted.
        **params
            Arguments of the constructor that replace those of the MLP. Copied from the MLP are: the
            solver "adam" or "sgd" with its options, learning_rate, learning_rate_init, power_t,
            max_iter, shuffle, random_state, tol, n_iter_no_change, early_stopping,
            validation_fraction, warm_start and verbose. `alpha` is 0 unless given, because its
            meaning differs (here weight decay, not divided by n_samples).

        Returns
        -------
        PCClassifier

        Raises
        ------
        TypeError
            ``mlp`` is no MLPClassifier.
        NotFittedError
            It is not fitted.
        """
        return classifier_from_mlp(cls, mlp, params)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def _encoder(self):
        kind = MultilabelEncoder if getattr(self, "_multilabel", False) else ClassEncoder
        return kind(
            getattr(self, "classes_", None),
            self.class_weight,
            getattr(self, "out_activation_", None),
            getattr(self, "temperature_", None),
        )
