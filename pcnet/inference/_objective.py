"""What inference minimises, besides the errors of the hidden layers."""

from dataclasses import dataclass

from .._checks import check_positive
from ..losses import Huber, check_loss


@dataclass(frozen=True)
class Objective:
    """The terms of the energy that are not the network's.

    ``F = sum_l 1/2 ||e_l||^2 + output_precision * loss + activity_decay / 2 sum_l ||z_l||^2``

    Parameters
    ----------
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"} or Huber
        1/2 ||y - mu||^2; - sum_k y_k log softmax(mu)_k; one logistic per output; squared up to a
        bend and straight beyond, see `pcnet.losses.Huber`; or half the Poisson deviance of rates
        exp(mu).
    output_precision : float
        lambda, positive. 1 is the setting of the literature; lambda -> 0 is backpropagation.
    activity_decay : float
        Not negative.
    """

    loss: str | Huber = "squared_error"
    output_precision: float = 1.0
    activity_decay: float = 0.0

    def __post_init__(self):
        check_loss(self.loss)
        check_positive("output_precision", self.output_precision)
        check_positive("activity_decay", self.activity_decay, or_zero=True)
