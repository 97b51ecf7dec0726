"""Losses with options, as small scikit-learn objects; the others are known by their names."""

from numbers import Real

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from ._arguments import NOT_OF_ONES_OWN, our_name
from ._core import HUBER_DELTA, LOSS_CODES

__all__ = ["Huber", "check_loss"]

LOSSES = tuple(LOSS_CODES)


class Huber(BaseEstimator):
    """Squared error for small residuals, absolute error for large ones.

    With r = y - mu, an output costs ``r^2 / 2`` where ``|r| <= delta`` and
    ``delta (|r| - delta / 2)`` beyond: a wild target pulls by no more than delta.

    Parameters
    ----------
    delta : float, default=1.35
        Where the loss turns straight, greater than 0, in the unit of the targets trained on.
        :class:`~pcnet.PCRegressor` measures targets in multiples of their spread, the median
        absolute deviation scaled to that of a normal distribution. 1.35 keeps 95 % of the
        efficiency of the squared error where there are no outliers.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. doi:10.1214/aoms/1177703732

    Examples
    --------
    >>> from pcnet import PCRegressor
    >>> from pcnet.losses import Huber
    >>> model = PCRegressor(loss=Huber(delta=0.5))
    """

    _parameter_constraints = {"delta": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, delta=HUBER_DELTA):
        self.delta = delta


def check_loss(loss):
    """Raise unless ``loss`` is one of `LOSSES` or a `Huber` with a delta in its range.

    Raises
    ------
    ValueError
        Unknown name, or an option out of its range.
    TypeError
        Neither a name nor a `Huber`.
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
