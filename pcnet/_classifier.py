"""Classification with predictive-coding networks."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions

from ._base import AUTO_BATCH_SIZE, AUTO_PRECISION, BasePC, FitCall
from ._conversion import ClassifierConversion
from ._data import check_rows_and_targets
from ._docstrings import fill_docstring
from ._targets import (
    ClassTargets,
    MatrixTargets,
    check_labels,
    class_weight_per_class,
    encode_labels,
    find_classes,
)
from .callbacks._validation import gather_validation_set


@fill_docstring(
    auto_precision=AUTO_PRECISION,
    auto_batch_size=AUTO_BATCH_SIZE,
    stratified=" (of each class its share)",
    out_activations='{"softmax", "logistic", "identity"}',
    loss_unit='nats for "log_loss", half the summed squared error for "squared_error"',
    score="Accuracy",
)
class PCClassifier(ClassifierConversion, ClassifierMixin, BasePC):
    """Classifier that trains a deep network with predictive coding.

    For each minibatch, the activities of all hidden layers settle to the minimum of an energy
    while input and target are held fixed (inference); then every layer changes its weights by
    what it sees locally. Predictions are one forward pass.

    Parameters
    ----------
    {NETWORK_PARAMETERS}
    loss : {"squared_error", "log_loss"}, default="squared_error"
        What the output layer minimises: half the squared distance to the one-hot target, or the
        cross-entropy of the softmax (for multilabel targets, of one logistic per column). Both
        estimate probabilities; "squared_error" predicts more accurately in deep networks.
    {INFERENCE_PARAMETERS}
    {TRAINING_PARAMETERS}
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with `sample_weight`; labels that a dict leaves out
        weigh 1. "balanced" is inversely proportional to (weighted) frequency, and is not for
        `partial_fit`, which cannot know the frequencies. Not for multilabel targets.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted. There is one output column per class, also for two classes. For
        multilabel targets, the column numbers.
    {ATTRIBUTES}

    Raises
    ------
    {RAISES}

    See Also
    --------
    PCRegressor : The same for real-valued targets.

    Notes
    -----
    The same data, arguments and `random_state` give the same bits with any number of threads.
    Only the ratios of sample weights matter, within a minibatch; a weight of 0 is the same as
    leaving the sample out. Weights do not enter inference.

    Ctrl-C during `fit` warns and keeps the present weights.

    References
    ----------
    Rao, R. P. N. and Ballard, D. H. (1999). Predictive coding in the visual cortex.
    doi:10.1038/4580

    Innocenti, F. et al. (2025). muPC: scaling predictive coding to 100+ layer networks.
    arXiv:2505.13124

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

    _parameter_constraints = {
        **BasePC._parameter_constraints,
        "loss": [StrOptions({"log_loss", "squared_error"})],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

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
        alpha=0.03,
        solver="adam",
        batch_size="auto",
        learning_rate="linear",
        learning_rate_init=0.03,
        power_t=0.5,
        max_iter=50,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        warm_start=False,
        verbose=False,
        dtype=None,
        scoring=None,
        max_time=None,
        input_scaling=None,
        callbacks=None,
        checkpoint=None,
        class_weight=None,
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
            scoring=scoring,
            max_time=max_time,
            input_scaling=input_scaling,
            callbacks=callbacks,
            checkpoint=checkpoint,
        )
        self.class_weight = class_weight

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
        """Train on data X and labels y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, best of about unit scale.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels (numbers or strings), or a 0/1 matrix for multilabel classification.
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
        self : PCClassifier
        """
        own = gather_validation_set(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, FitCall(validation=own))

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on the given samples, at the constant rate `learning_rate_init`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels, not necessarily of all classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever occur; needed in the first call, unless `fit` came before.

        Returns
        -------
        self : PCClassifier
        """
        return self._fit(X, y, sample_weight, FitCall(incremental=True, classes=classes))

    def predict(self, X):
        """Predict labels: the class with the largest output.

        Multilabel targets: each label whose probability is above one half.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        decisions = self._decide(self._outputs(X))
        return decisions if self._multilabel else self.classes_[decisions]

    def predict_proba(self, X):
        """Predict the probability of each class.

        With ``loss="log_loss"`` it is the softmax of the outputs (multilabel: the logistic
        function of each). With ``loss="squared_error"`` the outputs themselves estimate the
        probabilities, for the least-squares fit to a one-hot target is its mean, P(class | x);
        but they may leave [0, 1] and not sum to 1. The result is the closest point that does
        not: their Euclidean projection onto the probability simplex, which keeps the order of
        the classes and may be exactly 0 (multilabel: outputs clipped to what lies between 0 and
        1).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets,
            where each column is the probability of one label.
        """
        return self._probabilities(self._outputs(X))

    def _probabilities(self, outputs):
        if self.out_activation_ == "softmax":
            return softmax(outputs, axis=1)
        if self.out_activation_ == "logistic":
            return expit(outputs)
        if self._multilabel:
            rounding = np.finfo(outputs.dtype).eps
            return np.clip(outputs, rounding, 1 - rounding)
        return project_to_simplex(outputs)

    def predict_log_proba(self, X):
        """Predict the natural logarithm of `predict_proba`, without underflow for "log_loss".

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            -inf where ``loss="squared_error"`` predicts a probability of exactly 0.
        """
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return log_softmax(outputs, axis=1)
        if self.out_activation_ == "logistic":
            return log_expit(outputs)
        with np.errstate(divide="ignore"):
            return np.log(self._probabilities(outputs))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    # ------------------------------------------------------------ for BasePC

    def _check_X_y(self, X, y, *, dtype, reset):
        X, y = check_rows_and_targets(self, X, y, dtype=dtype, reset=reset, multi_output=True)
        return X, check_labels(y)

    def _encode_targets(self, y, sample_weight, *, call, warm, dtype):
        if call.incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see how "
                "frequent each class is; pass a dict, such as that of "
                "sklearn.utils.class_weight.compute_class_weight on all labels"
            )
        self._set_classes(y, call, warm)
        if not self._multilabel:
            codes = encode_labels(y, self.classes_)
            weight = self._times_class_weight(sample_weight, codes)
            return ClassTargets(codes, len(self.classes_)), weight
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is not supported for multilabel targets; weigh samples with "
                "sample_weight instead"
            )
        return MatrixTargets(y.astype(dtype)), sample_weight

    def _encode_validation(self, y, dtype):
        if (y.ndim == 2) != self._multilabel or (y.ndim == 2 and y.shape[1] != self.n_outputs_):
            raise ValueError(
                f"its y has the shape {y.shape}, unlike the y to train on; give labels of the "
                "same kind"
            )
        if self._multilabel:
            return MatrixTargets(y.astype(dtype))
        codes = encode_labels(y, self.classes_, remedy="Leave out what cannot be predicted")
        return ClassTargets(codes, len(self.classes_))

    def _set_classes(self, y, call, warm):
        """Fix ``classes_`` in a first call; in later ones hold `y` and `classes` against it."""
        found = find_classes(y)
        if not warm:
            if call.incremental and call.classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: the array of all "
                    "labels that will ever occur"
                )
            given = found if call.classes is None else np.unique(call.classes)
            self._multilabel = y.ndim == 2
            if self._multilabel and len(given) != y.shape[1]:
                raise ValueError(
                    f"classes names {len(given)} labels, but the multilabel y has {y.shape[1]} "
                    "columns; one label per column is expected"
                )
            self.classes_ = given
            return
        if call.classes is not None and not np.array_equal(np.unique(call.classes), self.classes_):
            raise ValueError(
                f"`classes={call.classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        expected = (len(y), self.n_outputs_) if self._multilabel else (len(y),)
        if y.shape != expected:
            raise ValueError(
                f"y has the shape {y.shape}, but after the previous call {expected} is expected; "
                "go on with the same kind of targets, or fit a new estimator"
            )
        if not call.incremental and not np.array_equal(found, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )

    def _times_class_weight(self, sample_weight, codes):
        if self.class_weight is None:
            return sample_weight
        per_class = class_weight_per_class(self.class_weight, self.classes_, codes, sample_weight)
        weight = per_class[codes]
        return weight if sample_weight is None else weight * sample_weight

    def _loss_and_activation(self):
        if self.loss == "squared_error":
            return "squared_error", "identity"
        return ("logistic", "logistic") if self._multilabel else ("log_loss", "softmax")

    def _decide(self, outputs):
        """Column of the largest output; multilabel: 0/1 matrix of probabilities above 1/2."""
        if not self._multilabel:
            return np.argmax(outputs, axis=1)
        threshold = 0.0 if self.out_activation_ == "logistic" else 0.5
        return (outputs > threshold).astype(np.int64)

    def _stratify(self, targets):
        return None if self._multilabel else targets.codes

    def _scorer(self, X, targets, rows, sample_weight):
        y_true = targets.values[rows] if self._multilabel else targets.codes[rows]
        weight = None if sample_weight is None else sample_weight[rows]

        def score(predict_outputs):
            outputs = predict_outputs(X)
            if not np.isfinite(outputs).all():
                return np.nan
            return float(accuracy_score(y_true, self._decide(outputs), sample_weight=weight))

        return score


def project_to_simplex(outputs):
    """Closest probability vector to each row: ``argmin ||p - outputs||, p >= 0, sum p = 1``.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_classes)

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes)
        ``max(outputs - theta, 0)`` with one theta per row.

    References
    ----------
    Duchi, J. et al. (2008). Efficient projections onto the l1-ball. ICML, figure 1.
    doi:10.1145/1390156.1390191
    """
    # Rows are shifted so that their maximum is 0: the projection does not change, and large
    # outputs keep their digits in the sums.
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    descending = -np.sort(-shifted, axis=1)
    ranks = np.arange(1, outputs.shape[1] + 1)
    theta = (np.cumsum(descending, axis=1) - 1) / ranks
    n_positive = np.count_nonzero(descending > theta, axis=1)
    theta = theta[np.arange(len(outputs)), n_positive - 1]
    probabilities = np.maximum(shifted - theta[:, np.newaxis], 0).astype(outputs.dtype)
    return probabilities / probabilities.sum(axis=1, keepdims=True)
