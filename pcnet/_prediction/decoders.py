"""Decoders: from a network's outputs to labels, probabilities and numbers.

They are the parts of the estimators' encoders that a server needs, too.
"""

import numpy as np

from .._checks import all_finite
from .._core.binding import largest_of_rows
from .._data.checks import check_overflow
from .._data.scaling import standardise
from .._objective import Huber
from .probabilities import expit, inside, log_expit, log_softmax, logits, softmax

#: Predictions are float64 if float32 rounds the mean of y by more than this fraction of its scale,
COARSEST = 1e-3
#: or cannot represent values this many times larger or smaller.
FAR = 1e6

#: Targets of Huber's loss are clipped to this distance, in units of their scale.
FARTHEST_OUTLIER = 1e6

#: The largest of so many outputs is found without giving up the GIL.
FEW_OUTPUTS = 4096

NAME_CLASSES = "Name all classes in the first call: partial_fit(X, y, classes=...)"
_KNOWN_CLASSES = "Only classes known from training have an energy"


class ClassDecoder:
    """One label of several classes per sample, by attributes of its subclass.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    temperature : float
    """

    def decide(self, outputs):
        """Column of the largest output."""
        if outputs.size <= FEW_OUTPUTS and outputs.flags.c_contiguous:
            return largest_of_rows(outputs)
        return np.argmax(outputs, axis=1)

    def decode(self, outputs):
        return self.classes[self.decide(outputs)]

    def decision(self, outputs):
        """Confidence scores; with two classes a single one, positive for the second."""
        return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs

    def probabilities(self, outputs):
        """Probability of each class, (n_samples, n_classes)."""
        found = softmax(logits(outputs, self.temperature, multilabel=False))
        return found if found.shape[1] == 1 else inside(found)

    def log_probabilities(self, outputs):
        """Logarithm of `probabilities`, without its underflow."""
        return log_softmax(logits(outputs, self.temperature, multilabel=False))

    def clamp(self, y, dtype):
        """One-hot targets of checked labels, (n_samples, n_classes)."""
        check_shape(y, (len(y),))
        targets = np.zeros((len(y), len(self.classes)), dtype)
        targets[np.arange(len(y)), encode_labels(y, self.classes, _KNOWN_CLASSES)] = 1
        return targets


class MultilabelDecoder:
    """Several labels per sample, each present or absent, by attributes of its subclass.

    Attributes
    ----------
    classes : ndarray of shape (n_labels,)
    temperature : float
    activation : {"identity", "logistic"}
    """

    def decide(self, outputs):
        """0/1 matrix: labels whose probability is above 1/2."""
        return (outputs > self._threshold).astype(np.int64)

    decode = decide

    def decision(self, outputs):
        """Confidence scores, positive for labels that `decode` gives."""
        return outputs - outputs.dtype.type(self._threshold)

    def probabilities(self, outputs):
        """Probability of each label, (n_samples, n_labels)."""
        return inside(expit(self._logits(outputs)))

    def log_probabilities(self, outputs):
        """Logarithm of `probabilities`, without its underflow."""
        return log_expit(self._logits(outputs))

    def clamp(self, y, dtype):
        """Targets of a checked 0/1 matrix."""
        check_shape(y, (len(y), len(self.classes)))
        return y.astype(dtype)

    def _logits(self, outputs):
        return logits(outputs, self.temperature, multilabel=self.activation == "identity")

    @property
    def _threshold(self):
        return 0.0 if self.activation == "logistic" else 0.5


class ContinuousDecoder:
    """Numbers in any unit, standardised for the network, by attributes of its subclass.

    Attributes
    ----------
    loss : {"squared_error", "huber", "poisson"} or Huber
    mean, scale : float64 ndarray of shape (n_outputs,)
    activation : {"identity", "exp"}
    """

    def decode(self, outputs):
        """Predictions in the units of y, (n_samples,) or (n_samples, n_outputs).

        Raises
        ------
        FloatingPointError
            A prediction overflows.
        """
        y = self.in_units_of_y(outputs)
        with np.errstate(over="ignore"):
            y = y.astype(outputs.dtype if self.float32_holds_targets() else np.float64, copy=False)
        check_overflow(all_finite(y))
        return y[:, 0] if y.shape[1] == 1 else y

    def float32_holds_targets(self):
        """Whether float32 resolves the targets; if not, predictions are float64."""
        limits, mean = np.finfo(np.float32), np.abs(self.mean)
        largest, smallest = float(limits.max) / FAR, float(limits.tiny) * FAR
        resolved = mean * float(limits.eps) <= COARSEST * self.scale
        held = (np.maximum(mean, self.scale) < largest) & (self.scale > smallest)
        return bool(np.all(resolved & held))

    def clamp(self, y, dtype):
        """Standardised targets of checked numbers (n_samples, n_outputs)."""
        self.check_n_outputs(y)
        if self.activation == "exp":
            check_counts(y)
        return self.standardised(y, dtype)

    @property
    def loss_name(self):
        return "huber" if isinstance(self.loss, Huber) else self.loss

    def check_n_outputs(self, y):
        if y.shape[1] != len(self.mean):
            raise ValueError(
                f"y has {y.shape[1]} outputs, but the previous call saw {len(self.mean)}; go on "
                "with the same outputs, or fit a new estimator"
            )

    def standardised(self, y, dtype):
        y = standardise(y, self.mean, self.scale, np.empty(y.shape, dtype))
        if self.loss_name == "huber":
            # Beyond it the gradient is the same, but the mean loss would count as divergence.
            limit = max(FARTHEST_OUTLIER, 10 * getattr(self.loss, "delta", 0.0))
            np.clip(y, -limit, limit, out=y)
        return y

    def in_units_of_y(self, outputs):
        """Predictions in float64; infinite on overflow."""
        with np.errstate(over="ignore", under="ignore"):
            return self.rates(outputs) * self.scale + self.mean

    def rates(self, outputs):
        """Predictions in units of the scale, before the mean is added."""
        outputs = outputs.astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(outputs) if self.activation == "exp" else outputs


# ---------------------------------------------------------------- targets of energies


def check_shape(y, shape):
    """Raise unless labels for the network have the shape of those in training."""
    if y.shape != shape:
        raise ValueError(
            f"y has the shape {y.shape}, but {shape} is expected after the previous call; pass the "
            "same kind of targets, or fit a new estimator"
        )


def encode_labels(y, classes, remedy=NAME_CLASSES):
    """Index of each label in the sorted ``classes``; ``remedy`` ends the error's text.

    Raises
    ------
    ValueError
        A label is not among the classes.
    """
    try:
        codes = np.searchsorted(classes, y)
        known = classes[np.minimum(codes, len(classes) - 1)] == y
    except TypeError:  # labels that cannot be compared, such as strings with numbers
        known = np.zeros(len(y), dtype=bool)
    if not np.all(known):
        unseen = np.unique(y[~np.asarray(known)])
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}, "
            f"`y` also has {unseen}. {remedy}"
        )
    return codes


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
