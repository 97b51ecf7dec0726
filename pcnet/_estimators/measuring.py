"""What an estimator measures while it trains: which samples, by which scores."""

from sklearn.utils import _safe_indexing

from .._data.checks import check_sample_weight
from .._training.validation import Scorers, TrainScore, Validation, ValidationSet, some_rows


class MeasuringMixin:
    """Makes the observers that measure scores, for `BasePC`."""

    def _own_validation(self, given):
        """Observer of a validation set that the user gave."""
        try:
            X, y = self._check_X_y(given.X, given.y, dtype=self._features_dtype(), reset=False)
            X = self._scaled(X)
            if len(X) < 2:
                raise ValueError("it needs at least 2 samples, got 1")
            targets = self._encoder.encode_validation(y, self.network_.dtype)
            weight = check_sample_weight(given.sample_weight, len(X))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"The validation set cannot be used: {error}") from error
        given = given._replace(sample_weight=weight)
        score = self._scorer(X, targets, weight)
        return Validation(X, targets, weight, score, self._resolve_scoring(), given)

    def _held_out(self, given, X, targets, rows, sample_weight):
        """Observer of training samples that `early_stopping` holds out."""
        X = X.subset(rows)
        scoring = self._resolve_scoring()
        if isinstance(scoring, Scorers):
            parts = (None if part is None else _safe_indexing(part, rows) for part in given)
            given = ValidationSet(*parts)
        else:
            given = None
        targets = targets.part(rows)
        weight = None if sample_weight is None else sample_weight[rows]
        score = self._scorer(X, targets, weight)
        return Validation(X, targets, weight, score, scoring, given)

    def _resolve_scoring(self):
        """What `Validation` takes as its ``scoring``."""
        if self.scoring is None or (isinstance(self.scoring, str) and self.scoring == "loss"):
            return self.scoring
        return Scorers(self.scoring, self)

    def _train_score(self, X, targets, rows, sample_weight):
        """Observer of the training score, for who reads progress lines; else None."""
        if not self.verbose:
            return None
        rows = some_rows(rows, len(X), self._split_seed)
        if len(rows) < 2:  # R2 is not defined
            return None
        X = X.subset(rows)
        weight = None if sample_weight is None else sample_weight[rows]
        return TrainScore(X, self._scorer(X, targets.part(rows), weight))

    def _scorer(self, X, targets, sample_weight):
        """Function that scores what ``predict_outputs(X)`` returns."""
        return lambda predict_outputs: self._encoder.score(
            targets, predict_outputs(X), sample_weight
        )
