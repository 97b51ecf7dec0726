"""Scores after each epoch: the validation samples and the scorers."""

import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils import _safe_indexing

from .._core.reference import loss_values
from .._data.checks import check_sample_weight
from .._random import SCORED_ROWS, stream
from ..callbacks import Callback

_TRAIN_SCORE_ROWS = 1000


class ValidationSet(NamedTuple):
    """Validation samples as given by the user."""

    X: Any
    y: Any
    sample_weight: Any = None


def gather_validation_set(validation_data, X_val, y_val, sample_weight_val):
    """Return the `ValidationSet` of the arguments of ``fit``, or None.

    Raises
    ------
    ValueError
        Both forms of the argument are given, or one is incomplete.
    """
    parts = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    given = [name for name, value in parts.items() if value is not None]
    if validation_data is not None:
        if given:
            raise ValueError(
                f"validation_data and {', '.join(given)} name two validation sets; give one of "
                "validation_data=(X, y) and X_val=X, y_val=y"
            )
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ValueError(
                "validation_data must be (X, y) or (X, y, sample_weight), got "
                f"{type(validation_data).__name__}"
                + (f" of {len(validation_data)}" if hasattr(validation_data, "__len__") else "")
            )
        return ValidationSet(*validation_data)
    if not given:
        return None
    if X_val is None or y_val is None:
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"{', '.join(given)} without {missing}: a validation set needs both")
    return ValidationSet(X_val, y_val, sample_weight_val)


def own_validation(estimator, given):
    """The `Validation` of a user's `ValidationSet`.

    Raises
    ------
    TypeError, ValueError
        The set does not fit the estimator, or has fewer than two samples.
    """
    try:
        X, y = estimator._check_X_y(
            given.X, given.y, dtype=estimator._features_dtype(), reset=False
        )
        X = estimator._scaled(X)
        if len(X) < 2:
            raise ValueError("it needs at least 2 samples, got 1")
        targets = estimator._encoder.encode_validation(y, estimator.network_.dtype)
        weight = check_sample_weight(given.sample_weight, len(X))
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"The validation set cannot be used: {error}") from error
    given = given._replace(sample_weight=weight)
    score = _scorer(estimator, targets, weight)
    return Validation(X, targets, weight, score, resolve_scoring(estimator), given)


def held_out_validation(estimator, data, given, rows):
    """The `Validation` of rows of `TrainingData` that ``early_stopping`` holds out.

    ``given`` is the `ValidationSet` of all the data, in the form that scorers receive.
    """
    X, targets, weight = data.part(rows)
    scoring = resolve_scoring(estimator)
    if isinstance(scoring, Scorers):
        parts = (None if part is None else _safe_indexing(part, rows) for part in given)
        given = ValidationSet(*parts)
    else:
        given = None
    return Validation(X, targets, weight, _scorer(estimator, targets, weight), scoring, given)


def train_score(estimator, data):
    """The `TrainScore` if progress lines are printed, else None."""
    if not estimator.verbose:
        return None
    rows = some_rows(data.row_numbers, estimator._split_seed)
    if len(rows) < 2:  # R2 is not defined
        return None
    X, targets, weight = data.part(rows)
    return TrainScore(X, _scorer(estimator, targets, weight))


def resolve_scoring(estimator):
    """The ``scoring`` argument of `Validation`."""
    scoring = estimator.scoring
    if scoring is None or (isinstance(scoring, str) and scoring == "loss"):
        return scoring
    return Scorers(scoring, estimator)


def _scorer(estimator, targets, sample_weight):
    """Function that scores outputs for these samples."""
    return lambda outputs: estimator._encoder.score(targets, outputs, sample_weight)


class Validation(Callback):
    """Measures loss and scores of a validation set.

    Parameters
    ----------
    X : Rows
        Its features, in the network's dtype.
    targets : ClassTargets or MatrixTargets
        Targets of these samples.
    sample_weight : ndarray or None
    score : callable
        ``score(outputs) -> float`` gives the estimator's own score.
    scoring : None, "loss" or Scorers
        The monitored value: the estimator's score, minus the loss, or the first of the scorers.
    given : ValidationSet
        The same samples in the form that scorers receive.
    """

    def __init__(self, X, targets, sample_weight, score, scoring, given):
        self.X = X
        self.Y = targets.array(X.dtype)
        self.sample_weight = sample_weight
        self.score = score
        self.scoring = scoring
        self.given = given

    def measure(self, run):
        outputs = run.optimizer.output(self.X)
        finite = np.isfinite(outputs).all()
        loss = np.nan
        if finite:
            values = loss_values(run.optimizer.objective.loss, outputs, self.Y)
            loss = float(np.average(values, weights=self.sample_weight))
        record = {"validation_loss": loss}
        if self.scoring is None:
            record["validation_score"] = self.score(outputs)
        elif self.scoring == "loss":
            record["validation_score"] = -loss
        elif finite and run.estimator._encoder.is_decodable(outputs):
            record |= self.scoring(run, self.given, outputs)
        else:
            record |= {"validation_score": np.nan}
        return record


class Scorers:
    """scikit-learn scorers, called with the estimator at the current weights.

    Parameters
    ----------
    scoring : str, callable, list, tuple or dict
        As for scikit-learn's ``cross_validate``.
    estimator : estimator
        Its methods are checked against those that the scorers need.
    """

    def __init__(self, scoring, estimator):
        if isinstance(scoring, (list, tuple)):
            if not scoring or not all(isinstance(name, str) for name in scoring):
                raise ValueError(
                    f"scoring must name at least one scorer, each by a string; got {scoring!r}"
                )
            self.scorers = {name: get_scorer(name) for name in scoring}
        elif isinstance(scoring, dict):
            if not scoring:
                raise ValueError("scoring must hold at least one scorer, got an empty dict")
            self.scorers = {
                name: check_scoring(estimator, scoring=scorer) for name, scorer in scoring.items()
            }
        else:
            name = scoring if isinstance(scoring, str) else None
            self.scorers = {name: check_scoring(estimator, scoring=scoring)}

    def __call__(self, run, given, outputs):
        """Columns of the record; "validation_score" is the first score."""
        view = fitted_view(run, known=(given.X, outputs))
        weight = {} if given.sample_weight is None else {"sample_weight": given.sample_weight}
        scores = {}
        for name, scorer in self.scorers.items():
            value = scorer(view, given.X, given.y, **weight)
            scores.update(value if isinstance(value, dict) else {name: value})
        scores = {name: float(value) for name, value in scores.items()}
        columns = {f"validation_{name}": v for name, v in scores.items() if name is not None}
        return {"validation_score": next(iter(scores.values()))} | columns


class TrainScore(Callback):
    """Measures the estimator's score on at most 1000 of the training samples.

    Parameters
    ----------
    X : Rows
        The samples to score.
    score : callable
        As for `Validation`.
    """

    def __init__(self, X, score):
        self.X = X
        self.score = score

    def measure(self, run):
        return {"train_score": self.score(run.optimizer.output(self.X))}


def some_rows(rows: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """At most 1000 of the row numbers ``rows``.

    They have their own seed, so that the score does not change the training.
    """
    if len(rows) <= _TRAIN_SCORE_ROWS:
        return rows
    rng = stream(seed, SCORED_ROWS)
    chosen = rng.choice(len(rows), _TRAIN_SCORE_ROWS, replace=False)
    return rows[np.sort(chosen)]


def fitted_view(run, known=None):
    """A shallow copy of the estimator that predicts with the current weights.

    It shares the weights with the run, which changes them. ``known`` is a pair (X, outputs): the
    view returns these outputs for the same object X instead of computing them.
    """
    view = copy.copy(run.estimator)
    view.network_ = run.network
    view.n_iter_ = run.n_epochs
    if known is not None:
        (X_known, outputs), compute = known, view._outputs
        view._outputs = lambda X: outputs if X is X_known else compute(X)
    return view
