"""Encoder of real-valued targets, which are standardised for training."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from .._data.checks import LABELS_HINT
from .._data.first_calls import follow_targets
from .._data.scaling import target_scaling
from .._prediction.decoders import ContinuousDecoder, check_counts
from .targets import MatrixTargets, TargetEncoder


@dataclass(frozen=True)
class ContinuousEncoder(ContinuousDecoder, TargetEncoder):
    """Targets in any unit, one output column each: ``(y - mean) / scale``.

    Attributes
    ----------
    loss : {"squared_error", "huber", "poisson"} or Huber
        The estimator's argument. "poisson": outputs are logarithms of ``y / scale``.
    mean, scale : float64 ndarray of shape (n_outputs,)
        ``y_mean_`` and ``y_scale_``.
    activation : {"identity", "exp"}
        ``out_activation_``.
    seen : dict or None
        State of `follow_targets` until the scaling is fixed.
    """

    loss: Any
    mean: Any = None
    scale: Any = None
    activation: str | None = None
    seen: Any = None

    def check(self, y):
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        try:
            return y.reshape(len(y), -1).astype(np.float64, copy=False)
        except ValueError as error:
            raise ValueError(f"y holds text: {error}{LABELS_HINT}") from error

    def fit(self, y, sample_weight, call):
        if self.loss_name == "poisson":
            check_counts(y)
        if call.incremental:
            return self._followed(y, sample_weight, None)
        mean, scale = target_scaling(y, sample_weight, self.loss_name)
        return replace(self, mean=mean, scale=scale, seen=None)

    def refit(self, y, sample_weight, call):
        name, logarithms = self.loss_name, self.activation == "exp"
        if name == "poisson":
            check_counts(y)
        if (name == "poisson") != logarithms:
            trained = "logarithms" if logarithms else "values, not logarithms"
            raise ValueError(
                f"loss is {name!r} now, but the network was trained to output {trained}, and "
                "warm_start and partial_fit continue with that network. Set it back, or call fit "
                "with warm_start=False"
            )
        self.check_n_outputs(y)
        return self if self.seen is None else self._followed(y, sample_weight, self.seen)

    def _followed(self, y, sample_weight, seen):
        """Adapt the scaling as long as the first calls of `partial_fit` have not fixed it."""
        scaling = self.mean, self.scale
        seen, mean, scale = follow_targets(seen, y, sample_weight, self.loss_name, scaling)
        return replace(self, mean=mean, scale=scale, seen=seen)

    def attributes(self):
        return {"y_mean_": self.mean, "y_scale_": self.scale, "_seen_targets": self.seen}

    def encode(self, y, dtype):
        return MatrixTargets(self.standardised(y, dtype))

    def encode_validation(self, y, dtype):
        if y.shape[1] != len(self.mean):
            raise ValueError(
                f"its y has {y.shape[1]} outputs, but the y to train on has {len(self.mean)}"
            )
        if self.loss_name == "poisson":
            check_counts(y)
        return self.encode(y, dtype)

    def objective(self, loss, layer_sizes):
        return loss, "exp" if loss == "poisson" else "identity"

    def is_decodable(self, outputs):
        return np.isfinite(self.in_units_of_y(outputs)).all()

    def score(self, targets, outputs, sample_weight):
        # R2 is the same for standardised and for raw targets
        predicted = self.rates(outputs)
        if not np.isfinite(predicted).all():  # nan instead of a warning per epoch
            return np.nan
        return float(r2_score(targets.values, predicted, sample_weight=sample_weight))
