"""The objective of inference: losses, other terms of the energy, and their checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import NOT_OF_ONES_OWN, check_positive, our_name
from ._core.binding import HUBER_DELTA, LOSS_CODES
from ._options import Options, real_interval
from ._types import Loss

LOSSES = tuple(LOSS_CODES)

#: Tolerance of the sum 1 of a row of probabilities, and of negative entries: the rounding of rows
#: that were computed in float32.
SUM_ROUNDING, ZERO_ROUNDING = 1e-3, 1e-6


@dataclass(eq=False, repr=False)
class Huber(Options):
    """Squared error for small residuals, absolute error for large ones.

    With r = y - mu, an output costs ``r^2 / 2`` where ``|r| <= delta`` and
    ``delta (|r| - delta / 2)`` beyond: the gradient of an outlier is bounded by delta.

    Parameters
    ----------
    delta : float, default=1.35
        Residual at which the loss becomes linear, greater than 0, in the unit of the targets.
        :class:`~pcnet.PCRegressor` measures targets in multiples of their spread, the median
        absolute deviation scaled to that of a normal distribution. 1.35 keeps 95 % of the
        efficiency of the squared error without outliers.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. doi:10.1214/aoms/1177703732

    Examples
    --------
    >>> from pcnet import PCRegressor
    >>> from pcnet.losses import Huber
    >>> model = PCRegressor(loss=Huber(delta=0.5))
    """

    delta: float = HUBER_DELTA

    _parameter_constraints = {"delta": [real_interval(0, closed="neither")]}


def check_loss(loss: Loss) -> None:
    """Raise unless ``loss`` is one of `LOSSES` or a `Huber` with a valid delta.

    Raises
    ------
    ValueError
        The name is unknown, or an option is out of range.
    TypeError
        The argument is neither a name nor a `Huber`.
    """
    if isinstance(loss, Huber):
        loss._validate_params()
    elif isinstance(loss, type) and issubclass(loss, Huber):
        raise TypeError("loss must be an object, got the class Huber; write Huber(delta=1.35)")
    elif loss not in LOSSES if isinstance(loss, str) else True:
        error = ValueError if isinstance(loss, str) else TypeError
        raise error(
            f"loss must be one of {', '.join(map(repr, LOSSES))} or an object such as "
            f"pcnet.losses.Huber(delta=1.35); got {loss!r}"
            + (NOT_OF_ONES_OWN if callable(loss) else our_name(loss, LOSSES))
        )


@dataclass(frozen=True)
class Objective:
    """The terms of the energy that are not the network's.

    ``F = sum_l 1/2 ||e_l||^2 + output_precision * loss + activity_decay / 2 sum_l ||z_l||^2``

    Parameters
    ----------
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"} or Huber
        1/2 ||y - mu||^2; - sum_k y_k log softmax(mu)_k; one logistic per output; Huber's loss, see
        `Huber`; or half the Poisson deviance of rates exp(mu).
    output_precision : float
        lambda, positive. 1 is usual in the literature; lambda -> 0 gives backpropagation.
    activity_decay : float
        0 or more.
    """

    loss: Loss = "squared_error"
    output_precision: float = 1.0
    activity_decay: float = 0.0

    def __post_init__(self):
        check_loss(self.loss)
        check_positive("output_precision", self.output_precision)
        check_positive("activity_decay", self.activity_decay, or_zero=True)

    @property
    def terms(self) -> tuple[Loss, float, float]:
        """Loss, output precision and activity decay, as ``infer(net, X, Y, method, *terms)``."""
        return self.loss, self.output_precision, self.activity_decay

    def __str__(self):
        text = f"{self.loss} at output precision {self.output_precision:.3g}"
        decay = self.activity_decay
        return f"{text} and activity decay {decay:.3g}" if decay else text


def check_targets(loss: Loss, Y: NDArray[Any], name: str = "Y") -> None:
    """Raise unless targets are in the range of the loss.

    ``"log_loss"``: each row holds probabilities, which sum to 1 (one-hot rows, or soft labels);
    ``"logistic"``: from 0 to 1; ``"poisson"``: 0 or more; ``"squared_error"`` and Huber's loss:
    any number.

    Parameters
    ----------
    loss : str or Huber
        A checked loss.
    Y : ndarray, (n, K)
        Finite.
    name : str
        Name of the targets in error messages.

    Raises
    ------
    ValueError
        A target is out of range.
    """
    if loss == "log_loss":
        sums = Y.sum(axis=1, dtype=np.float64)
        wrong = (Y < -ZERO_ROUNDING).any(axis=1) | ~(np.abs(sums - 1) <= SUM_ROUNDING)
        wanted = "a row of probabilities of sum 1 for each sample"
        remedy = (
            f"Of class labels 0, 1, .. make one-hot rows: np.eye({Y.shape[1]})[labels]; for "
            "several labels a sample use loss='logistic'"
        )
    elif loss == "logistic":
        wrong = ((Y < 0) | (Y > 1)).any(axis=1)
        wanted = "0 or 1, or probabilities between them"
        remedy = "For targets of any size use loss='squared_error' or 'huber'"
    elif loss == "poisson":
        wrong = (Y < 0).any(axis=1)
        wanted = "counts or rates of 0 or more"
        remedy = "For targets of either sign use loss='squared_error' or 'huber'"
    else:
        return
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f"{name} must hold {wanted} with loss={loss!r}; got {_shown(Y[row])} in row {row}. "
            f"{remedy}"
        )


def _shown(row, most=6):
    text = ", ".join(f"{value:g}" for value in row[:most])
    return f"[{text}, ..]" if len(row) > most else f"[{text}]"
