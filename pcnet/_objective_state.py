"""What a fitted estimator keeps of its arguments: copies, and the units of its history."""

import copy

from sklearn.base import BaseEstimator

from ._core import HUBER_DELTA
from .losses import Huber


def copy_of_options(value):
    """A copy of an object with options, so that ``set_params`` does not reach it.

    Names, and objects that are no scikit-learn estimators, come back as they are.
    """
    return copy.deepcopy(value) if isinstance(value, BaseEstimator) else value


def loss_unit(loss):
    """What is equal for losses whose values can be compared."""
    if isinstance(loss, Huber):
        return "huber", float(loss.delta)
    return ("huber", HUBER_DELTA) if loss == "huber" else (loss, None)


def scoring_unit(scoring):
    """A text that is equal for values of ``scoring`` whose first scores can be compared."""
    if isinstance(scoring, dict):
        return scoring_unit(next(iter(scoring.values())))
    if isinstance(scoring, (list, tuple)):
        return scoring_unit(scoring[0])
    if scoring is None or isinstance(scoring, str):
        return scoring
    function = getattr(scoring, "_score_func", scoring)  # of scikit-learn's make_scorer
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '')}.{name}"
