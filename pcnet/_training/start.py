"""Start of a fit: from checked data and an estimator's arguments to its `Run`.

`make_minibatches` comes first, because the values of "auto" arguments depend on the number of
batches. `make_observers` and `make_run` follow when the estimator has ``alpha_`` and ``max_iter_``.
"""

from sklearn.base import BaseEstimator

from .._warnings import warn
from ..callbacks._base import resolve_callbacks
from ..inference._method import check_precision, resolve_method
from ..solvers import resolve_solver
from .lbfgs import BLOCK, FullBatch
from .minibatches import AUTO_BATCH_SIZE, Minibatches, auto_batch_size
from .pilot import TIME_SHARE
from .progress import make_progress
from .rates import auto_learning_rate
from .run import Plan, Run
from .schedule import LEAST_DECAY_STEPS, LEAST_INCREMENTAL_DECAY_STEPS, Schedule
from .stopping import MaxTime, Plateau


def make_minibatches(estimator, data, incremental):
    """The `Minibatches` of one fit over `TrainingData`; blocks of all samples for L-BFGS."""
    full_batch = resolve_solver(estimator.solver).full_batch
    size = batch_size_of(estimator, data.n_samples, incremental)
    if not (full_batch or incremental) and estimator.batch_size not in ("auto", size):
        warn(
            f"Got `batch_size` {estimator.batch_size} larger than sample size {data.n_samples}. "
            "It is going to be clipped",
        )
    shuffle = estimator.shuffle and not full_batch
    n_shards = estimator.n_shards or 1
    return Minibatches(data.X, data.targets, data.weight, data.rows, size, shuffle, n_shards)


def batch_size_of(
    estimator: BaseEstimator, n_samples: int | None, incremental: bool = False
) -> int:
    """Largest size of a minibatch, or of a block with L-BFGS; None: of any number of samples."""
    if resolve_solver(estimator.solver).full_batch:
        size = BLOCK
    elif estimator.batch_size == "auto":
        size = AUTO_BATCH_SIZE if n_samples is None else auto_batch_size(n_samples, incremental)
    else:
        size = estimator.batch_size
    return size if n_samples is None else min(size, n_samples)


def make_observers(estimator, measuring, tasks, writer):
    """All observers of a run, in the order of their calls.

    Parameters
    ----------
    estimator : estimator
    measuring : list of Callback or None
        Observers that add columns to the history, which the others read.
    tasks : SklearnTasks or None
    writer : CheckpointWriter or None
        Called last, so that it saves the complete state.

    Returns
    -------
    list of Callback
    """
    observers = list(measuring)
    # L-BFGS has its own stopping test
    if estimator.early_stopping or not resolve_solver(estimator.solver).full_batch:
        plateau = Plateau(estimator.tol, estimator.n_iter_no_change, score=estimator.early_stopping)
        observers.append(plateau)
    observers += [tasks, *resolve_callbacks(estimator.callbacks)]
    observers += [make_progress(estimator.verbose) if estimator.verbose else None]
    observers += [None if estimator.max_time is None else MaxTime(), writer]
    return [observer for observer in observers if observer is not None]


def make_run(estimator, minibatches, observers, incremental, seconds):
    """The `Run` that trains an estimator's network.

    Parameters
    ----------
    estimator : estimator
        It must have its network, objective, ``alpha_`` and ``max_iter_``.
    minibatches : Minibatches
    observers : list of Callback
    incremental : bool
        One epoch at a constant rate, for `partial_fit`.
    seconds : float
        Time that the fit has taken so far; it counts towards `max_time`.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        The warm-up is longer than the fit, ``alpha`` is too large, the dtype cannot represent the
        output precision, or L-BFGS cannot use the method.
    """
    max_iter = 1 if incremental else estimator.max_iter_
    max_time = None
    if estimator.max_time is not None and not incremental:
        max_time = max(estimator.max_time - seconds, TIME_SHARE * estimator.max_time)
    n_steps = max_iter * minibatches.n_batches
    solver = resolve_solver(estimator.solver)
    if solver.full_batch:
        schedule, weight_decay = Schedule("constant", 0.0, n_steps), float(estimator.alpha_)
    else:
        shape = "constant" if incremental else estimator.learning_rate
        rate = _base_rate(estimator, solver, minibatches)
        schedule = Schedule(shape, rate, n_steps, estimator.power_t)
        weight_decay = _weight_decay(estimator, schedule, incremental)
    return Run(
        _make_optimizer(estimator, solver, minibatches),
        Plan(minibatches, schedule, max_iter, weight_decay, max_time),
        estimator._random_state,
        observers=observers,
        history=estimator.history_,
        estimator=estimator,
    )


def _base_rate(estimator, solver, minibatches):
    """The learning rate of the argument `learning_rate_init`."""
    if estimator.learning_rate_init != "auto":
        return float(estimator.learning_rate_init)
    batch_size = minibatches.n_samples / minibatches.n_batches
    return auto_learning_rate(solver, estimator.network_, batch_size)


def _weight_decay(estimator, schedule, incremental):
    """Decay of one step over its rate, so that the whole fit decays by ``exp(-alpha_)``."""
    least = LEAST_DECAY_STEPS
    if incremental:  # each call is an epoch of a fit of unknown length
        least = max(LEAST_INCREMENTAL_DECAY_STEPS, estimator.max_iter_ * schedule.n_steps)
    decay = schedule.weight_decay(float(estimator.alpha_), least)
    if estimator.alpha == "auto":
        return min(decay, 0.5 / schedule.learning_rate_init)
    if decay * schedule.learning_rate_init >= 1:
        limit = estimator.alpha_ / (decay * schedule.learning_rate_init)
        raise ValueError(
            f"alpha={estimator.alpha_} would set all weights to 0 in a single step; with the steps "
            f"of this fit it must be below {limit:.3g} (1 is usual)"
        )
    return decay


def _make_optimizer(estimator, solver, minibatches):
    """The `Optimizer` of a solver, with its memory from an earlier fit, if any."""
    network, objective = estimator.network_, estimator._objective()
    method = resolve_method(estimator.inference)
    method = method.for_training(network, getattr(estimator, "inference_", None))
    check_precision(method, objective, network.dtype)
    if solver.full_batch:
        alpha, tol = float(estimator.alpha_), float(estimator.tol)
        return FullBatch(network, objective, method, solver, minibatches, alpha, tol)
    return estimator._make_trainer(network, method, solver, minibatches, estimator._optimizer_state)
