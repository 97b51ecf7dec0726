"""Pilot runs for "auto" arguments: short trainings on a part of the samples.

If the loss of the held-out samples is lowest before the end, the network has begun to fit noise.
The fit that follows then uses a larger weight decay and fewer epochs. The same samples give the
temperature of a classifier's probabilities. The training loss shows neither, because the networks
interpolate their samples.
"""

import copy
import time
from numbers import Integral
from typing import NamedTuple

import numpy as np

from .._core.reference import loss_values
from .._data.rows import RowSubset
from .._random import PILOT_ORDER, PILOT_PARTS, stream
from ..callbacks import Callback
from ..inference._method import resolve_method
from ..solvers import Adam, resolve_solver
from .loop import train
from .minibatches import (
    AUTO_BATCH_SIZE,
    AUTO_BATCHES,
    LEAST_AUTO_BATCH_SIZE,
    Minibatches,
    evenly,
)
from .rates import auto_learning_rate
from .run import Plan, Run
from .schedule import Schedule
from .stopping import MaxTime

#: Epochs of a pilot (or as many as give this number of updates), and its weight decay.
PILOT_EPOCHS, PILOT_UPDATES, PILOT_ALPHA = 20, 60, 2.0
#: Fewer samples give no usable estimate.
TOO_FEW_SAMPLES = 64
#: Below this number each half predicts the other; above it one half suffices.
TWO_WAYS_BELOW = 600
#: A pilot trains on at least this many samples, if half of all are as many ...
LEAST_TRAINED = 500
#: ... and on at most this fraction of them.
LARGEST_SHARE = 0.25
#: Largest number of samples that a pilot predicts, and of numbers stored for them.
MOST_PREDICTED, MOST_KEPT = 1000, 1_000_000
#: Fraction of `max_time` that each pilot may take.
TIME_SHARE = 0.1

_WINDOW = 0.25  # fraction of the epochs over which the curve of losses is smoothed


class PilotResult(NamedTuple):
    """Results of the pilots on the held-out samples.

    Attributes
    ----------
    rise : float
        Rise of their loss from its minimum to the end, over the minimum; 0 if it fell to the end.
    outputs, targets : ndarray of shape (n_samples, n_outputs)
        Outputs for them at the minimum, and their targets.
    weight : ndarray of shape (n_samples,) or None
    seconds : float
        Time that the pilots took.
    """

    rise: float
    outputs: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    seconds: float


def run_pilots(estimator, data, limit, seed):
    """Train on parts of the samples and predict the others.

    Parameters
    ----------
    estimator : estimator
        With an untrained network; it is not changed.
    data : TrainingData
    limit : int or None
        Largest number of epochs; None: the default number of a pilot.
    seed : int
        Seed of the parts and of the order of the samples.

    Returns
    -------
    PilotResult or None
        None: too few samples, or training diverged, which the following fit will report.

    Raises
    ------
    KeyboardInterrupt
    """
    rows = data.row_numbers
    if len(rows) <= TOO_FEW_SAMPLES:
        return None
    started = time.monotonic()
    curves, outputs, held_out = [], [], []
    for trained, rest in _parts(rows, data.targets.strata, data, seed):
        recorder = _train(estimator, data, trained, rest, limit, seed)
        if not recorder.outputs:
            return None
        outputs.append(recorder.outputs)
        curves.append(recorder.losses)
        held_out.append(rest)
    n = min(map(len, curves))
    sizes = [_total_weight(data.weight, rest) for rest in held_out]
    curve = np.average([curve[:n] for curve in curves], axis=0, weights=sizes)
    best, rise = lowest(curve)
    held_out = np.concatenate(held_out)
    return PilotResult(
        rise,
        np.concatenate([kept[best] for kept in outputs]),
        data.targets.array(data.X.dtype, held_out),
        data.weight_of(held_out),
        time.monotonic() - started,
    )


def lowest(curve):
    """Index of the lowest value of a smoothed curve, and how much the curve rises after it.

    Parameters
    ----------
    curve : ndarray of shape (n_epochs,)

    Returns
    -------
    index : int
        The last index if the curve falls to its end or has fewer than five values.
    rise : float
        Rise from the lowest to the last value, over the lowest; at least 0.
    """
    last = len(curve) - 1
    window = max(3, int(_WINDOW * len(curve)))
    if len(curve) < window + 2:
        return last, 0.0
    smooth = np.convolve(curve, np.full(window, 1.0 / window), "valid")
    best = int(np.argmin(smooth))
    if best == len(smooth) - 1:
        return last, 0.0
    return best + window // 2, float(smooth[-1] / max(smooth[best], 1e-300) - 1.0)


def _parts(rows, classes, data, seed):
    """Pairs (training rows, rows to predict), both sorted, with equal fractions of each class."""
    order = stream(seed, PILOT_PARTS).permutation(len(rows))
    if classes is not None:
        order = order[np.argsort(classes[rows][order], kind="stable")]
    mixed, n = rows[order], len(rows)
    if n < TWO_WAYS_BELOW:
        first, second = np.sort(mixed[::2]), np.sort(mixed[1::2])
        return [(first, second), (second, first)]
    trained = evenly(n, min(n // 2, max(LEAST_TRAINED, int(LARGEST_SHARE * n))))
    rest = np.setdiff1d(np.arange(n), trained, assume_unique=True)
    kept = max(200, MOST_KEPT // (PILOT_EPOCHS * data.targets.n_outputs))
    rest = rest[evenly(len(rest), min(len(rest), MOST_PREDICTED, kept))]
    return [(np.sort(mixed[trained]), np.sort(mixed[rest]))]


def _total_weight(weight, rows):
    return float(len(rows)) if weight is None else max(float(weight[rows].sum()), 1e-300)


def _train(estimator, data, rows, rest, limit, seed):
    """Train a copy of the network; return the observer with the outputs for the rest."""
    network = estimator.network_
    solver, batch_size = resolve_solver(estimator.solver), estimator.batch_size
    rate, shape = estimator.learning_rate_init, estimator.learning_rate
    if solver.full_batch:  # its result is about that of minibatches
        solver, batch_size, rate, shape = Adam(), "auto", "auto", "linear"
    if batch_size == "auto":  # small, so that 20 epochs have enough updates
        batch_size = min(AUTO_BATCH_SIZE, max(LEAST_AUTO_BATCH_SIZE, len(rows) // AUTO_BATCHES))
    minibatches = Minibatches(
        data.X,
        data.targets,
        data.weight,
        rows,
        batch_size,
        estimator.shuffle,
        estimator.n_shards or 1,
    )
    if rate == "auto":
        rate = auto_learning_rate(solver, network, len(rows) / minibatches.n_batches)
    n_epochs = max(PILOT_EPOCHS, -(-PILOT_UPDATES // minibatches.n_batches))
    n_epochs = n_epochs if limit is None else min(n_epochs, limit)
    n_steps = n_epochs * minibatches.n_batches
    schedule = Schedule(_shortened(shape, n_steps), rate, n_steps, estimator.power_t)
    recorder = _Recorder(data, rest)
    max_time = None if estimator.max_time is None else TIME_SHARE * estimator.max_time
    method = copy.deepcopy(resolve_method(estimator.inference)).for_training(network, None)
    trainer = estimator._make_trainer(network, method, solver, minibatches)
    trainer.writes_network = False
    run = Run(
        trainer,
        Plan(
            minibatches,
            schedule,
            max_iter=n_epochs,
            weight_decay=min(schedule.weight_decay(PILOT_ALPHA), 0.5 / rate),
            max_time=max_time,
        ),
        stream(seed, PILOT_ORDER),
        observers=[recorder, *([] if max_time is None else [MaxTime()])],
    )
    train(run)
    trainer.close()
    if run.stop_reason == "interrupted":
        raise KeyboardInterrupt
    if run.stop_reason == "diverged":
        recorder.outputs.clear()
    return recorder


def _shortened(shape, n_steps):
    """A schedule with a warm-up, if given as a number of steps, that fits into a pilot."""
    warmup = getattr(shape, "warmup", 0)
    if not isinstance(warmup, Integral) or warmup == 0 or warmup < n_steps // 2:
        return shape
    shape = copy.copy(shape)
    shape.warmup = n_steps // 2
    return shape


class _Recorder(Callback):
    """Records outputs and mean loss of the held-out samples after each epoch."""

    def __init__(self, data, rows):
        self.X = RowSubset(data.X, rows)  # a view: subset() may copy
        self.Y = data.targets.array(data.X.dtype, rows)
        self.weight = data.weight_of(rows)
        self.outputs, self.losses = [], []

    def on_epoch_end(self, run, record):
        outputs = run.optimizer.output(self.X)
        values = loss_values(run.optimizer.objective.loss, outputs, self.Y)
        self.outputs.append(outputs)
        self.losses.append(float(np.average(values, weights=self.weight)))
