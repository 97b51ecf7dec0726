"""Values of "auto" arguments for one training, set as attributes before it."""

from typing import NamedTuple

from .._data.rows import RowSubset
from .._network_core import network_output
from .._training.minibatches import evenly
from .._training.pilot import run_pilots
from ..inference import Backprop, ErrorDescent, ZeroDivergence
from ..inference._method import resolve_method
from .temperature import DEFAULT_TEMPERATURE, fit_temperature, follow, start_following

#: Factor of the penalty that L-BFGS minimises.
LBFGS_ALPHA = 0.03
#: Iterations of L-BFGS, as in scikit-learn's MLP.
LBFGS_MAX_ITER = 200

#: ``max_iter="auto"`` makes at least this many updates, also with few samples.
LEAST_UPDATES = 300

#: ``alpha="auto"`` is at least the number of samples seen in training over this (2,000 batches of
#: 64), and exactly that with methods of inference that were not tested with larger values.
SAMPLES_PER_ALPHA = 128_000
TRIED_METHODS = (ErrorDescent, Backprop, ZeroDivergence)

#: Relative rise of the losses of a pilot above which the data count as fully noisy.
FULL_RISE = 0.01

_MOST_STREAMED = 500  # samples of one call of `partial_fit` that the temperature uses


class Regime(NamedTuple):
    """Weight decay and epochs for one kind of data."""

    alpha: float
    max_iter: int


def describe_regimes(smooth, noisy):
    """The numbers of both regimes for `fill_docstring`."""
    return {
        "alpha_smooth": f"{smooth.alpha:g}",
        "alpha_noisy": f"{noisy.alpha:g}",
        "max_iter_smooth": smooth.max_iter,
        "max_iter_noisy": noisy.max_iter,
        "least_updates": LEAST_UPDATES,
        "samples_per_alpha": f"{SAMPLES_PER_ALPHA:,}",
        "alpha_lbfgs": LBFGS_ALPHA,
        "max_iter_lbfgs": LBFGS_MAX_ITER,
    }


class Measured(NamedTuple):
    """Results of the pilots, which an estimator keeps for fits that continue training."""

    noise: float = 0.0  # from 0 (no noise is fitted) to 1
    temperature: float = DEFAULT_TEMPERATURE


def resolve_automatic(estimator, data, call, fresh, n_batches=1):
    """Set ``alpha_``, ``max_iter_`` and, for a classifier, ``temperature_``.

    Given values are used unchanged. Pilots in a first fit (`run_pilots`) measure the others; fits
    that continue training reuse the results.

    Parameters
    ----------
    estimator : estimator
        With its network and objective.
    data : TrainingData or None
    call : FitCall
    fresh : bool
        Whether the network has not been trained yet.
    n_batches : int, default=1
        Number of minibatches of an epoch.

    Returns
    -------
    float
        Duration of the pilots in seconds.
    """
    pilot = None
    if fresh:
        estimator._measured, estimator._stream = tuple(Measured()), None
    if fresh and not call.incremental and _asks(estimator):
        automatic = estimator.max_iter == "auto" or estimator._full_batch
        limit = None if automatic else estimator.max_iter
        pilot = run_pilots(estimator, data, limit, estimator._split_seed)
    if pilot is not None:
        noise = min(1.0, pilot.rise / FULL_RISE)
        temperature = DEFAULT_TEMPERATURE
        if _measures_temperature(estimator):
            temperature = fit_temperature(
                pilot.outputs, pilot.targets, pilot.weight, estimator._multilabel
            )
        estimator._measured = tuple(Measured(noise, temperature))
    measured = Measured(*estimator._measured)
    n_samples = 0 if data is None else data.n_samples
    _set_regime(estimator, measured.noise, n_batches, n_samples)
    if hasattr(estimator, "temperature"):
        _set_temperature(estimator, measured.temperature)
        if call.incremental and not fresh and _measures_temperature(estimator):
            _follow_stream(estimator, data)
    return 0.0 if pilot is None else pilot.seconds


def _asks(estimator):
    """Whether any argument of this estimator must be measured."""
    names = [] if estimator._full_batch else ["alpha", "max_iter"]
    names += ["temperature"] * _measures_temperature(estimator)
    return any(isinstance(getattr(estimator, name), str) for name in names)


def _measures_temperature(estimator):
    return (
        getattr(estimator, "temperature", None) == "auto"
        and estimator.out_activation_ == "identity"
    )


def _set_regime(estimator, noise, n_batches, n_samples):
    """Set ``max_iter_``, then ``alpha_``: longer training needs more decay, or it fits noise."""
    alpha, max_iter = LBFGS_ALPHA, LBFGS_MAX_ITER
    if not estimator._full_batch:
        smooth, noisy = estimator._regimes
        tried = isinstance(resolve_method(estimator.inference), TRIED_METHODS)
        noise = noise if tried else 0.0
        max_iter = round(smooth.max_iter + noise * (noisy.max_iter - smooth.max_iter))
        max_iter = max(max_iter, -(-LEAST_UPDATES // n_batches))
    estimator.max_iter_ = max_iter if estimator.max_iter == "auto" else estimator.max_iter
    if not estimator._full_batch:
        alpha = n_samples * estimator.max_iter_ / SAMPLES_PER_ALPHA
        if tried:
            alpha = max(alpha, smooth.alpha * (noisy.alpha / smooth.alpha) ** noise)
    estimator.alpha_ = alpha if estimator.alpha == "auto" else estimator.alpha


def _set_temperature(estimator, measured):
    if estimator.temperature != "auto":
        estimator.temperature_ = float(estimator.temperature)
    else:
        estimator.temperature_ = 1.0 if estimator.out_activation_ != "identity" else measured


def _follow_stream(estimator, data):
    """Update the temperature from samples of `partial_fit` before training on them."""
    rows = data.row_numbers
    rows = rows[evenly(len(rows), min(len(rows), _MOST_STREAMED))]
    outputs = network_output(estimator.network_, RowSubset(data.X, rows))[0]
    targets, weight = data.targets.array(outputs.dtype, rows), data.weight_of(rows)
    stream = estimator._stream
    if stream is None:
        stream = start_following(estimator.temperature_)
    stream, found = follow(stream, outputs, targets, weight, estimator._multilabel)
    estimator._stream = stream
    estimator.temperature_ = max(found, estimator.temperature_)
