"""Base class of both estimators: a fit, from checked arguments to attributes."""

from __future__ import annotations

import copy
from abc import abstractmethod
from contextlib import contextmanager
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.exceptions import ConvergenceWarning

from .._data.checks import check_sample_weight
from .._data.feature_scale import warn_if_unscaled
from .._data.first_calls import SETTLE_ROWS
from .._data.rows import check_rows_and_targets
from .._network_checks import check_terms
from .._network_core import make_read_only
from .._random import ORDER, remember, seed_of, split_seed, stream
from .._saved_state import StateMixin
from .._training.centring import centre_inputs
from .._training.checkpoint import restore_run
from .._training.history import truncate_history
from .._training.loop import train
from .._training.messages import describe_risen_energy, describe_unfinished_inference
from .._training.minibatches import TrainingData, split_rows, weighted_rows
from .._training.run import FitCall
from .._training.shards import make_trainer
from .._training.start import make_minibatches, make_observers, make_run
from .._training.validation import (
    Validation,
    ValidationSet,
    gather_validation_set,
    held_out_validation,
    own_validation,
    train_score,
)
from .._types import CheckpointPath, Features, ValidationData
from .._warnings import warn
from ..callbacks._sklearn import CallbackSupportMixin, begin_tasks
from ..inference import Objective
from ..parameterization import prepare_narrow_layers
from ..solvers import LBFGS, resolve_solver
from .argument_names import explain_unknown_arguments
from .arguments import ARCHITECTURE, EstimatorArguments
from .automatic import LEAST_UPDATES, resolve_automatic
from .decorators import fit_context
from .fitted import FittedEstimator
from .objective_state import copy_of_options, loss_unit, precision_of, scoring_unit
from .resume import (
    apply_saved,
    checkpoint_writer,
    fingerprint_data,
    fingerprint_validation,
    read_saved_run,
)


def trains_by_minibatches(estimator):
    """Whether there is a `partial_fit`, for scikit-learn's ``available_if``."""
    if estimator.solver == "lbfgs" or isinstance(estimator.solver, LBFGS):
        raise AttributeError(
            f"partial_fit is not available with solver={estimator.solver!r}, which uses all "
            "samples in each step; use 'adam' or 'sgd', or warm_start=True with fit"
        )
    return True


@contextmanager
def unchanged_on_error(estimator):
    """Restore the estimator's attributes if the block raises."""
    before = dict(vars(estimator))
    history = before.get("history_", {})
    columns, n_epochs = list(history), len(history.get("loss", []))
    undo_draws = [remember(before.get(name)) for name in ("random_state", "_random_state")]
    try:
        yield
    except BaseException:
        for undo in undo_draws:  # random generators change in place
            undo()
        vars(estimator).clear()
        vars(estimator).update(before)
        truncate_history(history, columns, n_epochs)  # the history grows in place
        raise


class BasePC(FittedEstimator, StateMixin, CallbackSupportMixin, EstimatorArguments):
    """Common part of PCClassifier and PCRegressor; not for direct use."""

    @explain_unknown_arguments
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation_data: ValidationData = None,
        X_val: Features | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train on data X and targets y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, preferably of about unit scale.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            A classifier's labels (numbers or strings), or a 0/1 matrix for multilabel
            classification; a regressor's targets, in any unit.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample's gradient, at least 0.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Samples on which the network is measured after each epoch. They are not used for
            training, and none of `X` is held out. With `early_stopping` they decide when to stop.
        X_val, y_val, sample_weight_val : array-like, default=None
            The same as three arguments, the form that
            ``Pipeline(transform_input=["X_val"])`` can transform.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError, TypeError
            An argument or the data are invalid; the estimator is then unchanged.
        FloatingPointError
            Training diverged; the estimator keeps its last finite weights.
        """
        own = gather_validation_set(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, FitCall(validation=own))

    @fit_context(prefer_skip_nested_validation=True)
    def resume(
        self,
        X: Features,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        checkpoint: CheckpointPath | None = None,
        validation_data: ValidationData = None,
        X_val: Features | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Continue an interrupted `fit` from its checkpoint, on the same data.

        The result has the same bits as if `fit` had not been interrupted. The estimator must have
        the same arguments, except `verbose`, `callbacks`, `checkpoint` and `max_time`. A run that
        was complete is restored without further training.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        checkpoint : str, path-like or Checkpoint, default=None
            The file to continue from. None: that of the estimator's argument `checkpoint`.
        validation_data, X_val, y_val, sample_weight_val
            As for `fit`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            There is no checkpoint, or the arguments or the data are not those of its run.
        FloatingPointError
            Training diverged; the estimator keeps its last finite weights.
        """
        saved = read_saved_run(self, self.checkpoint if checkpoint is None else checkpoint)
        own = gather_validation_set(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, FitCall(validation=own, saved=saved))

    # ------------------------------------------------------------ data

    @property
    @abstractmethod
    def _encoder(self):
        """The `TargetEncoder` of the attributes."""

    def _check_X_y(self, X, y, *, dtype, reset):
        """Validate data; return X as `Rows` and y in the form for the encoder."""
        options = {"multi_output": True, "y_numeric": is_regressor(self)}
        X, y = check_rows_and_targets(self, X, y, dtype=dtype, reset=reset, **options)
        return X, self._encoder.check(y)

    def _fit_encoder(self, y, sample_weight, call, warm):
        """Set the attributes that describe y; return the encoder."""
        fit = self._encoder.refit if warm else self._encoder.fit
        encoder = fit(y, sample_weight, call)
        vars(self).update(encoder.attributes())
        return encoder

    # ------------------------------------------------------------ a fit from start to end

    def _fit(self, X, y, sample_weight, call):
        most = LEAST_UPDATES if self.max_iter == "auto" else self.max_iter
        tasks = begin_tasks(self, X, y, sample_weight, 1 if call.incremental else most)
        with unchanged_on_error(self):
            run = self._prepare(X, y, sample_weight, call, tasks)
            train(run)
            self._record(run)
            make_read_only(self.network_)
            if tasks is not None and run.stop_reason != "diverged":
                tasks.end_fit()
        self._report(run, call)
        return self

    def _prepare(self, X, y, sample_weight, call, tasks):
        """Check and encode the data, set new attributes; return the `Run`."""
        warm = hasattr(self, "network_") and (call.incremental or self.warm_start)
        if call.saved is not None:
            warm = True
            apply_saved(self, call.saved)
        self._check_options(call, warm)
        given = ValidationSet(X, y)
        X, y = self._check_X_y(X, y, dtype=self._data_dtype(warm), reset=not warm)
        sample_weight = check_sample_weight(sample_weight, len(X))
        given = given._replace(sample_weight=sample_weight)
        data_print = fingerprint_data(self, call.saved, X, y, sample_weight)

        data = self._encode(X, y, sample_weight, call, warm)
        data, validation = self._hold_out(data, given, call, tasks)
        validation_print = fingerprint_validation(call, data_print, validation)
        if not (warm or self._full_batch or (call.incremental and len(X) < SETTLE_ROWS)):
            self._input_centre = centre_inputs(
                self.network_, data.X, sample_weight, data.row_numbers
            )
        minibatches = make_minibatches(self, data, call.incremental)
        self._begin_training(validation)
        seconds = resolve_automatic(self, data, call, not warm, minibatches.n_batches)

        writer = checkpoint_writer(self, data_print, validation_print)
        observers = make_observers(self, [validation, train_score(self, data)], tasks, writer)
        run = make_run(self, minibatches, observers, call.incremental, seconds)
        self.learning_rate_init_ = None if self._full_batch else run.schedule.learning_rate_init
        if call.saved is not None:
            restore_run(run, call.saved.run)
        return run

    def _encode(self, X, y, sample_weight, call, warm):
        """Encode targets, copy or draw the network, scale features; return `TrainingData`."""
        dtype = self._network_dtype(X, warm)
        encoder = self._fit_encoder(y, sample_weight, call, warm)
        targets = encoder.encode(y, dtype)
        weight = encoder.weigh(targets, sample_weight)
        if warm:
            self.network_ = self.network_.copy()  # an exception keeps the old one
        else:
            self._initialize(X.shape[1], targets.n_outputs, dtype)
        self._fit_scaling(X, sample_weight, call, warm)
        X = self._scaled(X)
        if not warm:
            warn_if_unscaled(
                X,
                small_is_fine=self.parameterization == "sp",
                names=getattr(self, "feature_names_in_", None),
            )
        return TrainingData(X, targets, sample_weight, weight, weighted_rows(weight))

    def _hold_out(self, data, given, call, tasks):
        """The data without the held-out rows, and the observer that validates on these, or None."""
        if call.validation is not None:
            return data, own_validation(self, call.validation)
        if not self.early_stopping:
            return data, None
        rows, held_out = split_rows(
            data.row_numbers, self.validation_fraction, self._split_seed, data.targets.strata
        )
        if tasks is not None:
            tasks.rows = rows
        return data._replace(rows=rows), held_out_validation(self, data, given, held_out)

    def _initialize(self, n_features, n_outputs, dtype):
        seed = seed_of(self.random_state)
        network = self._draw_network(n_features, n_outputs, seed, dtype)
        prepare_narrow_layers(network)
        self._encoder.warn_of_narrow_layers(self.loss, network.layer_sizes)
        self._begin_with(network, seed)

    def _begin_with(self, network, seed):
        """Take a network that this estimator has not trained yet."""
        self._random_state = stream(seed, ORDER)
        vars(self).pop("_trained", None)
        self._warned = ()  # warnings that calls of partial_fit do not repeat
        self._architecture = {name: self._architecture_argument(name) for name in ARCHITECTURE}
        self.network_ = network
        # Drawn once: later warm starts on the same data must not validate on training samples.
        self._split_seed = split_seed(seed)
        self._optimizer_state = None
        self._solver_type = None
        vars(self).pop("inference_", None)  # learned with another network
        self._input_centre = None
        self.n_outputs_ = network.layer_sizes[-1]
        self.t_ = 0
        self.history_ = {}

    def _take_over(self, network):
        """Set the fitted attributes for a network that was trained elsewhere."""
        self._validate_params()
        self._check_values()
        if self.input_scaling is not None:
            raise ValueError(
                f"input_scaling={self.input_scaling!r} needs data to measure; leave it out, and "
                "scale the features as the network expects them"
            )
        self.input_mean_ = self.input_scale_ = None
        self._begin_with(network, seed_of(self.random_state))
        self.n_features_in_ = network.layer_sizes[0]
        self._describe_objective()
        resolve_automatic(self, None, FitCall(incremental=True), fresh=True)
        self.n_iter_ = 0
        self.learning_rate_init_ = None
        self.loss_ = self.best_loss_ = np.inf
        self.validation_scores_ = self.best_validation_score_ = None
        self.stop_reason_ = self.validation_loss_curve_ = None
        make_read_only(network)
        return self

    def _describe_objective(self) -> None:
        """Store the objective of the next training, independent of later changes of arguments."""
        network = self.network_
        loss, self.out_activation_ = self._encoder.objective(self.loss, network.layer_sizes)
        network.objective = Objective(
            loss=copy_of_options(loss),
            output_precision=precision_of(self, loss),
            activity_decay=float(self.activity_decay),
        )
        check_terms(network, network.objective)
        self._trained = {
            **getattr(self, "_trained", {}),
            "inference": copy_of_options(self.inference),
        }

    def _begin_training(self, validation):
        """Store the objective; if the unit of losses or scores changes, start a new history."""
        trained, before = getattr(self, "_trained", {}), self.network_.objective
        self._describe_objective()
        if before is not None and loss_unit(before.loss) != loss_unit(self._objective().loss):
            self.history_ = {}
            self._optimizer_state = None  # its moments belong to the other loss
        solver_type = type(resolve_solver(self.solver)).__name__
        if solver_type != self._solver_type:  # moments of another solver cannot be used
            self._solver_type, self._optimizer_state = solver_type, None
        if validation is not None:
            scoring = scoring_unit(self.scoring)
            if trained.get("scoring", scoring) != scoring:
                self.history_ = {}
            self._trained["scoring"] = scoring

    def _without_connections(self):
        """A shallow copy to be saved, of an estimator that needs no other process."""
        return copy.copy(self)

    def _make_trainer(self, network, method, solver, minibatches, state=None):
        """The optimiser of one training on minibatches."""
        return make_trainer(self, network, method, solver, minibatches, state)

    # ------------------------------------------------------------ after the loop

    def _record(self, run):
        """Set the attributes that describe the training."""
        self._keep_inference(run.optimizer.method)
        self._optimizer_state = run.optimizer.release()
        self.t_ += run.n_samples_seen
        self._describe(run)

    def _keep_inference(self, method):
        """Keep the method of the training if it has learned parameters."""
        vars(self).pop("inference_", None)
        if method._learns:
            self.inference_ = method

    def _describe(self, run):
        """Set the attributes that summarise the history."""
        self.n_iter_ = run.n_epochs
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.inf
        self.stop_reason_ = run.stop_reason
        self.best_loss_ = None if self.early_stopping else min(self.loss_curve_, default=np.inf)
        if not any(isinstance(observer, Validation) for observer in run.observers):
            self.validation_scores_ = None
            self.validation_loss_curve_ = None
            self.best_validation_score_ = None
            return
        self.validation_scores_ = list(self._curve("validation_score"))
        self.validation_loss_curve_ = list(self._curve("validation_loss"))
        scores = [score for score in run.recent("validation_score") if not np.isnan(score)]
        self.best_validation_score_ = max(scores, default=-np.inf)

    def _report(self, run, call):
        """Raise or warn if training diverged, was interrupted or ended early."""
        if run.stop_reason == "diverged":
            raise FloatingPointError(run.optimizer.describe_divergence(run)) from run.error
        if run.stop_reason == "interrupted":
            warn(
                f"Training interrupted by user after {self.n_iter_} epochs; the estimator keeps "
                "the weights it had then.",
            )
        method, precision = run.optimizer.method, self.output_precision_
        for text in (
            describe_unfinished_inference(run, method, self.n_layers_ - 1, precision),
            describe_risen_energy(run, method, precision),
        ):
            if text and not (call.incremental and text in self._warned):
                self._warned = (*self._warned, text)
                warn(text, ConvergenceWarning)
        if run.stop_reason == "max_iter" and not call.incremental:
            text = run.optimizer.describe_limit(run)
            if text:
                warn(text, ConvergenceWarning)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
