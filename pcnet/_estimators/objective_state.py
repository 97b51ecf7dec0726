"""State from the arguments of a fit: copied options, output precision, units of the history."""

import copy

from .._core.binding import HUBER_DELTA
from .._objective import Huber
from .._options import Options
from ..inference._learning import learns_feed_forward
from ..inference._method import resolve_method
from ..solvers import resolve_solver

#: ``output_precision="auto"`` is this over the number of layers. With larger values inference takes
#: longer and converges less often; towards 0 training tends to backpropagation.
AUTO_PRECISION = 3.5

#: The same with L-BFGS and losses other than the squared error: it minimises the energy at
#: equilibrium, whose minimum is far from that of the loss unless the activities change very little.
LBFGS_PRECISION = 3.5e-5


def precision_of(estimator, loss):
    """The output precision with which an estimator trains a loss."""
    if estimator.output_precision != "auto":
        return float(estimator.output_precision)
    own = resolve_method(estimator.inference).auto_precision
    if own is not None:
        return float(own)
    lbfgs = resolve_solver(estimator.solver).full_batch
    unit = LBFGS_PRECISION if lbfgs and learns_feed_forward(loss) else AUTO_PRECISION
    return unit / estimator.n_layers_


def copy_of_options(value):
    """A copy of an object with options, which ``set_params`` does not change.

    Names, and other objects than `Options`, are returned unchanged.
    """
    return copy.deepcopy(value) if isinstance(value, Options) else value


def loss_unit(loss):
    """A value that is equal for losses whose values can be compared."""
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
