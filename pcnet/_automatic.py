"""What the arguments that are "auto" stand for in one training: set as attributes before it."""

import copy
from typing import NamedTuple

import numpy as np

from ._data import RowSubset
from ._pilot import run_pilots
from ._temperature import DEFAULT_TEMPERATURE, RunningTemperature, fit_temperature

#: Of the penalty that L-BFGS minimises.
LBFGS_ALPHA = 0.03
#: Iterations of L-BFGS, as in scikit-learn's MLP.
LBFGS_MAX_ITER = 200

#: ``max_iter="auto"`` makes at least so many updates, however few the samples.
LEAST_UPDATES = 300

_MOST_STREAMED = 500  # samples of one call of `partial_fit` that the temperature looks at


class Regime(NamedTuple):
    """Weight decay and epochs for one kind of data."""

    alpha: float
    max_iter: int


def describe_regimes(smooth, noisy):
    """The numbers of both regimes as `fill_docstring` takes them."""
    return {
        "alpha_smooth": f"{smooth.alpha:g}",
        "alpha_noisy": f"{noisy.alpha:g}",
        "max_iter_smooth": smooth.max_iter,
        "max_iter_noisy": noisy.max_iter,
        "least_updates": LEAST_UPDATES,
        "alpha_lbfgs": LBFGS_ALPHA,
        "max_iter_lbfgs": LBFGS_MAX_ITER,
    }


def resolve_automatic(estimator, data, call, fresh, n_batches=1):
    """Set ``alpha_``, ``max_iter_`` and, for a classifier, ``temperature_``.

    Values given are used as they are. "auto" is measured by pilots in a first fit (`run_pilots`),
    and kept in those that go on from it.

    Parameters
    ----------
    estimator : estimator
        With its network and objective.
    data : PilotData
    call : FitCall
    fresh : bool
        Whether the network has not been trained yet.
    n_batches : int, default=1
        Minibatches of an epoch.

    Returns
    -------
    float
        Seconds that the pilots took.
    """
    pilot = None
    if fresh and not call.incremental and _asks(estimator):
        automatic = estimator.max_iter == "auto" or estimator._full_batch
        limit = None if automatic else estimator.max_iter
        pilot = run_pilots(estimator, data, limit, estimator._split_seed)
    _set_regime(estimator, pilot, fresh, n_batches)
    if hasattr(estimator, "temperature"):
        _set_temperature(estimator, pilot, fresh)
        if call.incremental and not fresh:
            _follow_stream(estimator, data)
    return 0.0 if pilot is None else pilot.seconds


def _asks(estimator):
    """Whether any argument of this estimator is to be measured."""
    names = [] if estimator._full_batch else ["alpha", "max_iter"]
    names += ["temperature"] * _measures_temperature(estimator)
    return any(isinstance(getattr(estimator, name), str) for name in names)


def _measures_temperature(estimator):
    return (
        getattr(estimator, "temperature", None) == "auto"
        and estimator.out_activation_ == "identity"
    )


def _set_regime(estimator, pilot, fresh, n_batches):
    measured = estimator._regimes[int(pilot is not None and pilot.fits_noise)]
    enough = -(-LEAST_UPDATES // n_batches)
    measured = measured._replace(max_iter=max(measured.max_iter, enough))
    if estimator._full_batch:
        measured = Regime(LBFGS_ALPHA, LBFGS_MAX_ITER)
    for name, value in measured._asdict().items():
        given = getattr(estimator, name)
        kept = None if fresh else getattr(estimator, f"{name}_", None)
        automatic = value if kept is None else kept
        setattr(estimator, f"{name}_", automatic if isinstance(given, str) else given)


def _set_temperature(estimator, pilot, fresh):
    if estimator.temperature != "auto":
        estimator.temperature_ = float(estimator.temperature)
    elif estimator.out_activation_ != "identity":
        estimator.temperature_ = 1.0
    elif pilot is not None:
        estimator.temperature_ = fit_temperature(
            pilot.outputs, pilot.targets, pilot.weight, estimator._multilabel
        )
    elif fresh or not hasattr(estimator, "temperature_"):
        estimator.temperature_ = DEFAULT_TEMPERATURE


def _follow_stream(estimator, data):
    """Let samples of `partial_fit` move the temperature before they are trained on."""
    if not _measures_temperature(estimator):
        return
    running = copy.copy(getattr(estimator, "_running_temperature", None)) or RunningTemperature()
    rows = np.arange(len(data.X)) if data.rows is None else data.rows
    rows = rows[:_MOST_STREAMED]
    outputs = estimator.network_.core_output(RowSubset(data.X, rows))[0]
    targets = np.empty((len(rows), data.targets.n_outputs), dtype=outputs.dtype)
    running.add(outputs, data.targets.batch(rows, targets), estimator._multilabel)
    estimator._running_temperature = running
    estimator.temperature_ = running.temperature
