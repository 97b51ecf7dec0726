"""The minibatch loop, between the estimators and the compiled training step.

One `TrainingLoop` lives for one call of ``fit`` or ``partial_fit``. It only knows arrays, a
trainer and rules, no estimator, and returns to Python between minibatches: that is where Ctrl-C
arrives and where anything that watches or saves a run belongs.
"""

import time
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

# An epoch whose mean loss exceeds the first minibatch's by this factor has diverged, even if
# every number is still finite: float64 can hide an explosion for long in a shallow network.
DIVERGED = 1e8


class EpochReport(NamedTuple):
    """What one epoch did; means are over samples."""

    loss: float  # feed-forward loss, weighted, without output precision and penalty
    penalty: float  # alpha / 2 * sum of squared weights, after the epoch
    energy: float  # after inference, weighted
    n_steps: float  # inference steps
    n_passes: float  # forward + backward passes of inference
    converged: float  # share of samples that met the gradient test
    ended: float  # share that ended by any test before the limit
    learning_rate: float  # of the epoch's last step
    validation_score: float | None
    seconds: float


class Minibatches:
    """Cuts rows of ``X`` into minibatches, through buffers that are allocated once.

    The rows are spread evenly: ``ceil(n / batch_size)`` batches whose sizes differ by at most
    one. A short last batch would take a full-sized optimiser step on the word of few samples.

    Parameters
    ----------
    X : C-contiguous ndarray of shape (n_all, n_features)
        Never copied as a whole.
    targets : ClassTargets or MatrixTargets
    sample_weight : float64 ndarray of shape (n_all,), or None
    rows : int ndarray of shape (n_samples,), or None
        The rows to train on; None is all of them.
    batch_size : int
        Largest size of a batch.
    shuffle : bool
        Whether each epoch visits the rows in a new random order.
    """

    def __init__(self, X, targets, sample_weight, rows, batch_size, shuffle):
        self.X = X
        self.targets = targets
        self.sample_weight = sample_weight
        self.rows = rows
        self.shuffle = shuffle
        self.n_samples = len(X) if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_samples)
        self.n_batches = -(-self.n_samples // self.batch_size)
        self._X_batch = np.empty((self.batch_size, X.shape[1]), dtype=X.dtype)
        self._Y_batch = np.empty((self.batch_size, targets.n_outputs), dtype=X.dtype)

    def epoch(self, random_state):
        """Yield (X, Y, sample_weight) of each batch; valid until the next one is asked for."""
        order = self._order(random_state)
        start = 0
        for i in range(self.n_batches):
            stop = (i + 1) * self.n_samples // self.n_batches
            rows = slice(start, stop) if order is None else order[start:stop]
            yield self._gather(rows, stop - start)
            start = stop

    def _order(self, random_state):
        if not self.shuffle:
            return self.rows
        order = random_state.permutation(self.n_samples)
        return order if self.rows is None else self.rows[order]

    def _gather(self, rows, n):
        if isinstance(rows, slice):
            X = self.X[rows]
        else:
            X = np.take(self.X, rows, axis=0, out=self._X_batch[:n], mode="clip")
        Y = self.targets.batch(rows, self._Y_batch[:n])
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return X, Y, weight


class _EpochSums:
    """Running sums of step reports, by total sample weight or by number of samples."""

    def __init__(self):
        self.weight = self.loss = self.energy = 0.0
        self.n_samples = 0
        self.by_sample = np.zeros(4)

    def add(self, report, sample_weight):
        n = report.n_samples
        weight = float(n) if sample_weight is None else float(sample_weight.sum())
        self.weight += weight
        self.loss += weight * report.loss
        self.energy += weight * report.energy
        self.n_samples += n
        steps = (report.n_steps, report.n_passes, report.converged, report.ended)
        self.by_sample += np.multiply(n, steps)


class StoppingRule:
    """When training no longer pays: ``tol`` and ``n_iter_no_change``, as in scikit-learn's MLP.

    Parameters
    ----------
    trainer : Trainer
        What is being trained.
    tol : float
        An epoch counts as progress when it beats the best so far by at least ``tol``.
    n_iter_no_change : int or inf
        More than this many epochs in a row without progress is a plateau.
    score : callable, default=None
        ``score(predict_outputs) -> float``, higher is better, where ``predict_outputs(X)`` gives
        the network's outputs. When given, it is watched instead of the loss, and the weights of
        the best epoch are kept for `restore_best`.
    """

    def __init__(self, trainer, tol, n_iter_no_change, score=None):
        self.trainer = trainer
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.score = score
        self.best = -np.inf  # of the score, or of minus the loss
        self.n_no_change = 0
        self._best_parameters = None

    def end_epoch(self, loss):
        """Take note of an epoch; return its validation score, or None without ``score``.

        The trainer must have been synchronised with its network.
        """
        score = None if self.score is None else self.score(self.trainer.output)
        value = -loss if score is None else score
        # written so that a NaN is no progress
        self.n_no_change = 0 if value >= self.best + self.tol else self.n_no_change + 1
        if value > self.best:
            self.best = value
            if score is not None:
                self._keep_parameters()
        return score

    def reached_plateau(self):
        """Whether progress has stopped; the count then starts again."""
        if self.n_no_change <= self.n_iter_no_change:
            return False
        self.n_no_change = 0
        return True

    def restore_best(self):
        """Put back the weights of the epoch with the best score, if one was scored."""
        if self._best_parameters is not None:
            for kept, array in zip(self._best_parameters, parameters(self.trainer.network)):
                np.copyto(array, kept)

    def _keep_parameters(self):
        if self._best_parameters is None:
            self._best_parameters = [np.empty_like(a) for a in parameters(self.trainer.network)]
        for kept, array in zip(self._best_parameters, parameters(self.trainer.network)):
            np.copyto(kept, array)


def parameters(network):
    """All weight and bias arrays of a network in one list."""
    return [*network.weights, *(network.biases or [])]


class TrainingLoop:
    """Trains a network epoch by epoch.

    Parameters
    ----------
    trainer : Trainer
        One ``step`` per minibatch; ``sync`` brings the network up to date.
    minibatches : Minibatches
    schedule : Schedule
    stopping : StoppingRule
    random_state : RandomState
        Orders the samples.
    weight_decay : float, default=0.0
        Decoupled L2 penalty: each step multiplies weights by ``1 - rate * weight_decay``.
    observer : callable, default=None
        ``observer(n_epochs, report)`` is called after each epoch.

    Attributes
    ----------
    history : list of EpochReport
        Of the completed epochs.
    n_steps : int
        Optimiser steps so far: the schedule's time.
    n_samples_seen : int
    outcome : {None, "max_iter", "plateau", "interrupted", "diverged"}
        Why `run` returned.
    error : FloatingPointError or None
        What happened when the outcome is "diverged".
    """

    def __init__(
        self,
        trainer,
        minibatches,
        schedule,
        stopping,
        random_state,
        *,
        weight_decay=0.0,
        observer=None,
    ):
        self.trainer = trainer
        self.minibatches = minibatches
        self.schedule = schedule
        self.stopping = stopping
        self.random_state = random_state
        self.weight_decay = weight_decay
        self.observer = observer
        self.history = []
        self.n_steps = 0
        self.n_samples_seen = 0
        self.outcome = None
        self.error = None
        self._first_loss = None

    def run(self, max_iter):
        """Train until ``max_iter`` epochs, a plateau, Ctrl-C or divergence.

        The last two are noted in ``outcome``, not raised: the weights are finite and usable in
        either case, and the caller decides what to keep and what to say.
        """
        try:
            while self.outcome is None:
                self._run_epoch()
                if self.stopping.reached_plateau() and self.schedule.plateau():
                    self.outcome = "plateau"
                elif len(self.history) >= max_iter:
                    self.outcome = "max_iter"
        except KeyboardInterrupt:
            self.outcome = "interrupted"
        except FloatingPointError as error:
            self.outcome = "diverged"
            self.error = error
        self.trainer.sync()
        self.stopping.restore_best()

    def _run_epoch(self):
        start = time.perf_counter()
        sums = _EpochSums()
        rate = 0.0
        for X, Y, weight in self.minibatches.epoch(self.random_state):
            rate = self.schedule.rate(self.n_steps)
            report = self.trainer.step(
                X, Y, rate, sample_weight=weight, weight_decay=self.weight_decay
            )
            self.n_steps += 1
            self.n_samples_seen += report.n_samples
            sums.add(report, weight)
            if self._first_loss is None:
                self._first_loss = report.loss
        loss = sums.loss / sums.weight
        self._check_divergence(loss)
        self.trainer.sync()  # observers, scores and copies of the best weights read the network
        n_steps, n_passes, converged, ended = (sums.by_sample / sums.n_samples).tolist()
        report = EpochReport(
            loss=loss,
            penalty=self._penalty(),
            energy=sums.energy / sums.weight,
            n_steps=n_steps,
            n_passes=n_passes,
            converged=converged,
            ended=ended,
            learning_rate=rate,
            validation_score=self.stopping.end_epoch(loss),
            seconds=time.perf_counter() - start,
        )
        self.history.append(report)
        if self.observer is not None:
            self.observer(len(self.history), report)

    def _check_divergence(self, loss):
        if not loss <= DIVERGED * (1.0 + self._first_loss):
            raise FloatingPointError(
                f"the mean loss rose from {self._first_loss:.3g} in the first minibatch to "
                f"{loss:.3g} in epoch {len(self.history) + 1}"
            )

    def _penalty(self):
        if self.weight_decay == 0.0:
            return 0.0
        squares = sum(float(np.vdot(W, W)) for W in self.trainer.network.weights)
        return 0.5 * self.weight_decay * squares


def split_rows(rows, n_samples, fraction, seed, stratify=None):
    """Split row numbers into a training and a validation part.

    Parameters
    ----------
    rows : int ndarray, or None for ``arange(n_samples)``
    n_samples : int
    fraction : float
        Share to hold out, in (0, 1).
    seed : int
        The same seed and rows give the same split.
    stratify : ndarray of shape (n_samples,), default=None
        Class of each row, for equal shares of each class on both sides.

    Returns
    -------
    train, validation : int ndarray
        Both sorted.

    Raises
    ------
    ValueError
        Too few samples, or too few of one class.
    """
    rows = np.arange(n_samples) if rows is None else rows
    try:
        train, validation = train_test_split(
            rows,
            test_size=fraction,
            random_state=seed,
            stratify=None if stratify is None else stratify[rows],
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True could not hold out validation_fraction={fraction} of "
            f"{len(rows)} samples: {error} Give more samples or set early_stopping=False."
        ) from error
    if len(validation) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            f"(now {fraction}) or the size of your dataset ({len(rows)} samples)."
        )
    return np.sort(train), np.sort(validation)
