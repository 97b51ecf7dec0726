"""The objective of inference: losses, other terms of the energy, and their checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import NOT_OF_ONES_OWN, check_count, check_positive, our_name
from ._core.binding import HUBER_DELTA, LOSS_CODES
from ._options import Options, real_interval
from ._types import Loss, LossName

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


@dataclass(eq=False, repr=False)
class Blocks(Options):
    """Consecutive outputs with a loss of their own each, such as numbers and then a class.

    The loss of a sample is the sum over the blocks. The outputs of a block with ``"log_loss"`` are
    the logits of one softmax.

    Parameters
    ----------
    losses : sequence of str or Huber
        The loss of each block.
    sizes : sequence of int
        Its number of outputs; their sum is that of the network's outputs.

    Examples
    --------
    Four numbers, and a class among three:

    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import infer_causes
    >>> from pcnet.losses import Blocks
    >>> net = Network.init((2, 16, 7), "tanh", random_state=0)
    >>> Y = np.full((1, 7), np.nan)
    >>> Y[0, 4:] = 0, 1, 0
    >>> result = infer_causes(net, Y, loss=Blocks(["squared_error", "log_loss"], [4, 3]))
    >>> result.causes.shape
    (1, 2)
    """

    losses: Sequence[LossName | Huber]
    sizes: Sequence[int]

    def check(self) -> None:
        """Raise unless losses and sizes are valid.

        Raises
        ------
        TypeError, ValueError
        """
        for name in ("losses", "sizes"):
            entries = getattr(self, name)
            if isinstance(entries, str) or not np.ndim(entries) == 1 or not len(entries):
                raise ValueError(
                    f"{name} of Blocks must be a list with an entry for each block of outputs; got "
                    f"{entries!r}"
                )
        for size in self.sizes:
            check_count("sizes of Blocks", size, smallest=1)
        if len(self.losses) != len(self.sizes):
            raise ValueError(
                f"Blocks must have as many losses as sizes; got {len(self.losses)} and "
                f"{len(self.sizes)}"
            )
        for loss in self.losses:
            if isinstance(loss, Blocks):
                raise TypeError("losses of Blocks must be names or Huber objects; got Blocks")
            check_loss(loss)


def loss_parts(loss: Loss) -> list[tuple[Any, slice]]:
    """The losses of a checked loss, with the outputs of each."""
    if not isinstance(loss, Blocks):
        return [(loss, slice(None))]
    ends = np.cumsum(loss.sizes).tolist()
    return [(own, slice(start, end)) for own, start, end in zip(loss.losses, [0, *ends], ends)]


def columns_text(name: str, columns: slice) -> str:
    """A name, and which of its columns, for errors."""
    return name if columns.stop is None else f"{name}[:, {columns.start}:{columns.stop}]"


def check_loss(loss: Loss) -> None:
    """Raise unless ``loss`` is one of `LOSSES`, a `Huber` with a valid delta, or valid `Blocks`.

    Raises
    ------
    ValueError
        The name is unknown, or an option is out of range.
    TypeError
        The argument is neither a name nor such an object.
    """
    if isinstance(loss, Blocks):
        loss.check()
    elif isinstance(loss, Huber):
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
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or Blocks
        1/2 ||y - mu||^2; - sum_k y_k log softmax(mu)_k; one logistic per output; Huber's loss, see
        `Huber`; half the Poisson deviance of rates exp(mu); or a loss for each of several blocks of
        outputs, see `Blocks`.
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
    any number; `Blocks`: each as its loss.

    Parameters
    ----------
    loss : str, Huber or Blocks
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
    if isinstance(loss, Blocks):
        if sum(loss.sizes) != Y.shape[1]:
            raise ValueError(
                f"sizes of Blocks must add up to the {Y.shape[1]} columns of {name}; got "
                f"{list(loss.sizes)}"
            )
        for own, outputs in loss_parts(loss):
            check_targets(own, Y[:, outputs], columns_text(name, outputs))
        return
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
