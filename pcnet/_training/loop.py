"""The minibatch loop, between the estimators and the compiled training step.

One `MinibatchLoop` lives for one call of ``fit`` or ``partial_fit``. It only knows a `Run` and its
observers, and returns to Python between minibatches: that is where Ctrl-C arrives and where
anything that watches or saves a run belongs.
"""

from contextlib import ExitStack

import numpy as np
from sklearn.model_selection import train_test_split

from .._data.rows import as_rows
from ..callbacks import Callback

#: ``batch_size="auto"`` is at most this many samples, ...
AUTO_BATCH_SIZE = 64
#: ... and fewer, so that an epoch has this many batches, ...
AUTO_BATCHES = 16
#: ... but no fewer than this.
LEAST_AUTO_BATCH_SIZE = 16


def auto_batch_size(n_samples, incremental=False):
    """The batch size that "auto" stands for.

    Small data sets get small batches: the number of updates decides how well they are fitted.
    No more samples than `AUTO_BATCH_SIZE` are one batch, so that weights are repetitions there.
    `partial_fit`, which does not know how many samples will come, uses the largest size.
    """
    size = AUTO_BATCH_SIZE
    if n_samples > size and not incremental:
        size = max(LEAST_AUTO_BATCH_SIZE, min(size, n_samples // AUTO_BATCHES))
    return min(size, n_samples)


class Minibatches:
    """Cuts rows of ``X`` into minibatches, through buffers that are allocated once.

    The rows are spread evenly: ``ceil(n / batch_size)`` batches whose sizes differ by at most
    one. A short last batch would take a full-sized optimiser step on the word of few samples.

    Parameters
    ----------
    X : Rows, or C-contiguous ndarray, of shape (n_all, n_features)
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
        self.X = as_rows(X)
        self.targets = targets
        self.sample_weight = sample_weight
        self.rows = rows
        self.shuffle = shuffle
        self.n_samples = len(X) if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_samples)
        self.n_batches = -(-self.n_samples // self.batch_size)
        self._X_batch = np.empty((self.batch_size, X.shape[1]), dtype=X.dtype)
        self._Y_batch = np.empty((self.batch_size, targets.n_outputs), dtype=X.dtype)

    def epoch(self, random_state, start=0):
        """Yield (X, Y, sample_weight) of each batch; valid until the next one is asked for.

        The first ``start`` batches are left out; the order is drawn as if they were not.
        """
        order = self._order(random_state)
        first, start = start, start * self.n_samples // self.n_batches
        for i in range(first, self.n_batches):
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
        X = self.X.take(rows, self._X_batch[:n])
        Y = self.targets.batch(rows, self._Y_batch[:n])
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return X, Y, weight


class MinibatchLoop:
    """Trains a network epoch by epoch.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run):
        self.run = run
        self._per_batch = [
            o for o in run.observers if type(o).on_batch_end is not Callback.on_batch_end
        ]

    def __call__(self):
        """Train until an observer, ``max_iter``, Ctrl-C or divergence ends it.

        The last two are noted in ``stop_reason``, not raised: the weights are finite and usable
        in either case, and the caller decides what to keep and what to say.
        """
        run = self.run
        with ExitStack() as ends:
            try:
                for observer in run.observers:
                    ends.callback(observer.on_fit_end, run)
                    observer.on_fit_begin(run)
                while run.stop_reason is None:
                    if run.n_epochs >= run.max_iter:
                        run.request_stop("max_iter")
                    else:
                        self._epoch()
            except KeyboardInterrupt:
                run.stop_reason = "interrupted"
            run.sync()  # a step may have been interrupted after its update

    def _epoch(self):
        run = self.run
        run.begin_epoch()
        for observer in run.observers:
            observer.on_epoch_begin(run)
        for X, Y, weight in run.minibatches.epoch(run.random_state, start=run.batch):
            rate = run.rate()
            # Only here: the FloatingPointError of a callback, scorer or schedule is its own.
            try:
                report = run.trainer.step(
                    X, Y, rate, sample_weight=weight, weight_decay=run.weight_decay
                )
            except FloatingPointError as error:
                run.diverge(error)
                return
            run.add(report, weight)
            for observer in self._per_batch:
                if observer.on_batch_end(run, report):
                    run.request_stop(observer.stop_reason)
            if run.stop_reason is not None and run.batch < run.minibatches.n_batches:
                return  # a partial epoch leaves no row
        self._end_epoch()

    def _end_epoch(self):
        run = self.run
        try:
            record = run.end_epoch()
        except FloatingPointError as error:
            run.diverge(error)
            return
        for observer in run.observers:
            record.update(observer.measure(run))
        run.keep_record()
        for observer in run.observers:
            if observer.on_epoch_end(run, record):
                run.request_stop(observer.stop_reason)


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
