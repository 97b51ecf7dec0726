"""Encoder of real-valued targets, which are standardised for training."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from .._checks import all_finite
from .._data.checks import check_overflow
from .._data.first_calls import follow_targets
from .._data.scaling import standardise, target_scaling
from .._objective import Huber
from .targets import MatrixTargets, TargetEncoder

#: Predictions are float64 if float32 rounds the mean of y by more than this fraction of its scale,
COARSEST = 1e-3
#: or cannot represent values this many times larger or smaller.
FAR = 1e6

#: Targets of Huber's loss are clipped to this distance, in units of their scale.
FARTHEST_OUTLIER = 1e6


@dataclass(frozen=True)
class ContinuousEncoder(TargetEncoder):
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
        return y.reshape(len(y), -1).astype(np.float64, copy=False)

    def fit(self, y, sample_weight, call):
        if self._loss_name == "poisson":
            check_counts(y)
        if call.incremental:
            return self._followed(y, sample_weight, None)
        mean, scale = target_scaling(y, sample_weight, self._loss_name)
        return replace(self, mean=mean, scale=scale, seen=None)

    def refit(self, y, sample_weight, call):
        name, logarithms = self._loss_name, self.activation == "exp"
        if name == "poisson":
            check_counts(y)
        if (name == "poisson") != logarithms:
            trained = "logarithms" if logarithms else "values, not logarithms"
            raise ValueError(
                f"loss is {name!r} now, but the network was trained to output {trained}, and "
                "warm_start and partial_fit continue with that network. Set it back, or call fit "
                "with warm_start=False"
            )
        self._check_n_outputs(y)
        return self if self.seen is None else self._followed(y, sample_weight, self.seen)

    def _followed(self, y, sample_weight, seen):
        """Adapt the scaling as long as the first calls of `partial_fit` have not fixed it."""
        scaling = self.mean, self.scale
        seen, mean, scale = follow_targets(seen, y, sample_weight, self._loss_name, scaling)
        return replace(self, mean=mean, scale=scale, seen=seen)

    def attributes(self):
        return {"y_mean_": self.mean, "y_scale_": self.scale, "_seen_targets": self.seen}

    def encode(self, y, dtype):
        return MatrixTargets(self._standardise(y, dtype))

    def encode_validation(self, y, dtype):
        if y.shape[1] != len(self.mean):
            raise ValueError(
                f"its y has {y.shape[1]} outputs, but the y to train on has {len(self.mean)}"
            )
        if self._loss_name == "poisson":
            check_counts(y)
        return self.encode(y, dtype)

    def clamp(self, y, dtype):
        self._check_n_outputs(y)
        if self.activation == "exp":
            check_counts(y)
        return self._standardise(y, dtype)

    def objective(self, loss, layer_sizes):
        return loss, "exp" if loss == "poisson" else "identity"

    def decode(self, outputs):
        """Predictions in the units of y, (n_samples,) or (n_samples, n_outputs).

        Raises
        ------
        FloatingPointError
            A prediction overflows.
        """
        y = self._in_units_of_y(outputs)
        with np.errstate(over="ignore"):
            y = y.astype(outputs.dtype if self.float32_holds_targets() else np.float64, copy=False)
        check_overflow(all_finite(y))
        return y[:, 0] if y.shape[1] == 1 else y

    def is_decodable(self, outputs):
        return np.isfinite(self._in_units_of_y(outputs)).all()

    def score(self, targets, outputs, sample_weight):
        # R2 is the same for standardised and for raw targets
        predicted = self._rates(outputs)
        if not np.isfinite(predicted).all():  # nan instead of a warning per epoch
            return np.nan
        return float(r2_score(targets.values, predicted, sample_weight=sample_weight))

    def float32_holds_targets(self):
        """Whether float32 resolves the targets; if not, predictions are float64."""
        limits, mean = np.finfo(np.float32), np.abs(self.mean)
        largest, smallest = float(limits.max) / FAR, float(limits.tiny) * FAR
        resolved = mean * float(limits.eps) <= COARSEST * self.scale
        held = (np.maximum(mean, self.scale) < largest) & (self.scale > smallest)
        return bool(np.all(resolved & held))

    @property
    def _loss_name(self):
        return "huber" if isinstance(self.loss, Huber) else self.loss

    def _check_n_outputs(self, y):
        if y.shape[1] != len(self.mean):
            raise ValueError(
                f"y has {y.shape[1]} outputs, but the previous call saw {len(self.mean)}; go on "
                "with the same outputs, or fit a new estimator"
            )

    def _standardise(self, y, dtype):
        y = standardise(y, self.mean, self.scale, np.empty(y.shape, dtype))
        if self._loss_name == "huber":
            # Beyond it the gradient is the same, but the mean loss would count as divergence.
            limit = max(FARTHEST_OUTLIER, 10 * getattr(self.loss, "delta", 0.0))
            np.clip(y, -limit, limit, out=y)
        return y

    def _in_units_of_y(self, outputs):
        """Predictions in float64; infinite on overflow."""
        with np.errstate(over="ignore", under="ignore"):
            return self._rates(outputs) * self.scale + self.mean

    def _rates(self, outputs):
        """Predictions in units of the scale, before the mean is added."""
        outputs = outputs.astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(outputs) if self.activation == "exp" else outputs


def check_counts(y):
    """Raise unless y may be counts or rates of a Poisson distribution, some above 0.

    Raises
    ------
    ValueError
        A negative value.
    """
    if np.any(y < 0):
        raise ValueError(
            f"loss='poisson' needs y >= 0, counts or rates; got {y.min()}. Use 'squared_error' or "
            "'huber' for targets of either sign"
        )
