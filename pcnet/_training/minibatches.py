"""The rows of each step: batch size, order of the batches, rows held out."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from .._data.rows import Rows, as_rows
from .._data.sparse import with_features
from .._types import Float64s

#: ``batch_size="auto"`` is at most this many samples, ...
AUTO_BATCH_SIZE = 64
#: ... and fewer, so that an epoch has this many batches, ...
AUTO_BATCHES = 16
#: ... but no fewer than this.
LEAST_AUTO_BATCH_SIZE = 16


def auto_batch_size(n_samples, incremental=False):
    """The value of ``batch_size="auto"``.

    Small data sets get small batches, since the fit depends on the number of updates.
    Up to `AUTO_BATCH_SIZE` samples are one batch, so that a sample weight equals a repetition.
    `partial_fit` does not know the number of samples to come and uses the largest size.
    """
    size = AUTO_BATCH_SIZE
    if n_samples > size and not incremental:
        size = max(LEAST_AUTO_BATCH_SIZE, min(size, n_samples // AUTO_BATCHES))
    return min(size, n_samples)


class TrainingData(NamedTuple):
    """The samples of a fit, checked and encoded.

    Attributes
    ----------
    X : Rows
    targets : ClassTargets or MatrixTargets
    sample_weight : ndarray of float64 of shape (n_all,), or None
        The user's sample weights.
    weight : ndarray of float64 of shape (n_all,), or None
        Weights for training: sample weights times class weights.
    rows : ndarray of int, or None
        Training rows; None: all rows.
    """

    X: Any
    targets: Any
    sample_weight: Any = None
    weight: Any = None
    rows: Any = None

    @property
    def n_samples(self) -> int:
        """Number of training rows."""
        return len(self.X) if self.rows is None else len(self.rows)

    @property
    def row_numbers(self) -> NDArray[np.intp]:
        """Numbers of the training rows."""
        return np.arange(len(self.X)) if self.rows is None else self.rows

    def part(self, rows: NDArray[np.intp]) -> tuple[Rows, Any, Float64s | None]:
        """X, targets and sample weight of some rows, to validate on."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return self.X.subset(rows), self.targets.part(rows), weight

    def weight_of(self, rows: NDArray[np.intp]) -> Float64s | None:
        """Weight for training of some rows, or None."""
        return None if self.weight is None else self.weight[rows]


def weighted_rows(weight):
    """Rows of positive weight; None if all rows have it. Rows of weight 0 are removed.

    Raises
    ------
    ValueError
        No row has a positive weight.
    """
    if weight is None or np.all(weight > 0):
        return None
    rows = np.flatnonzero(weight > 0)
    if len(rows) == 0:
        raise ValueError(
            "All samples have zero weight once sample_weight is multiplied with class_weight; "
            "nothing is left to train on"
        )
    return rows


class Minibatches:
    """Splits rows of ``X`` into minibatches, with buffers that are allocated once.

    There are ``ceil(n / batch_size)`` batches, whose sizes differ by at most one. A short last
    batch would make a full optimiser step from few samples. Each batch can be cut into shards,
    which are processed one after the other or on several machines.

    Parameters
    ----------
    X : Rows, or C-contiguous ndarray, of shape (n_all, n_features)
        It is never copied as a whole.
    targets : ClassTargets or MatrixTargets
    sample_weight : float64 ndarray of shape (n_all,), or None
    rows : int ndarray of shape (n_samples,), or None
        Training rows; None: all rows.
    batch_size : int
        Largest size of a batch.
    shuffle : bool
        Whether each epoch visits the rows in a new random order.
    n_shards : int, default=1
        Shards of a batch.
    """

    def __init__(self, X, targets, sample_weight, rows, batch_size, shuffle, n_shards=1):
        self.X = as_rows(X)
        self.targets = targets
        self.sample_weight = sample_weight
        self.rows = rows
        self.shuffle = shuffle
        self.n_samples = len(X) if rows is None else len(rows)
        self.batch_size = min(batch_size, self.n_samples)
        self.n_batches = -(-self.n_samples // self.batch_size)
        self.n_shards = n_shards

    @property
    def shard_size(self):
        """Largest size of a shard; that of a batch without shards."""
        return -(-self.batch_size // self.n_shards)

    @functools.cached_property
    def _buffers(self):
        sizes = self.X.shape[1], self.targets.n_outputs
        return [np.empty((self.shard_size, size), dtype=self.X.dtype) for size in sizes]

    def epoch(self, random_state, start=0, sparse=False):
        """Yield (X, Y, sample_weight) of each batch; valid until the next one.

        The first ``start`` batches are skipped; the order is that of the full epoch. With
        ``sparse`` X may be `SparseInputs`.
        """
        for rows in self.selections(random_state, start):
            yield *self.gather(rows, sparse), self.weight_of(rows)

    def selections(self, random_state, start=0):
        """Yield the rows of each batch, a slice or an array of int."""
        order = self._order(random_state)
        first, start = start, start * self.n_samples // self.n_batches
        for i in range(first, self.n_batches):
            stop = (i + 1) * self.n_samples // self.n_batches
            yield slice(start, stop) if order is None else order[start:stop]
            start = stop

    def shards(self, rows):
        """Cut the rows of a batch, in ascending order, into shards of nearly equal sizes.

        Neighbouring rows often lie on the same machine. One shard keeps the order of the batch.

        Returns
        -------
        list
            Of `n_shards` slices or arrays of int, or of one for each row if there are fewer.
        """
        if self.n_shards == 1:
            return [rows]
        n = len_of(rows)
        n_shards = min(self.n_shards, n)
        cuts = [k * n // n_shards for k in range(n_shards + 1)]
        if isinstance(rows, slice):
            return [slice(rows.start + a, rows.start + b) for a, b in zip(cuts, cuts[1:])]
        rows = np.sort(rows)
        return [rows[a:b] for a, b in zip(cuts, cuts[1:])]

    def _order(self, random_state):
        if not self.shuffle:
            return self.rows
        order = random_state.permutation(self.n_samples)
        return order if self.rows is None else self.rows[order]

    def gather(self, rows, sparse):
        """X and Y of a batch or shard; valid until the next one."""
        n = len_of(rows)
        X = self.X.sparse(rows) if sparse else None
        if X is None:
            X = self.X.take(rows, self._buffers[0][:n])
        else:
            X = with_features(X)
        return X, self.targets.batch(rows, self._buffers[1][:n])

    def weight_of(self, rows):
        """Weights of the rows of a batch or shard, or None."""
        return None if self.sample_weight is None else self.sample_weight[rows]


def len_of(rows):
    """Number of rows of a slice or an array of int."""
    return rows.stop - rows.start if isinstance(rows, slice) else len(rows)


def evenly(n: int, n_chosen: int) -> NDArray[np.intp]:
    """``n_chosen`` indices below n, evenly spaced."""
    return np.arange(n_chosen) * n // n_chosen


def split_rows(
    rows: NDArray[np.intp],
    fraction: float,
    seed: int,
    stratify: NDArray[np.intp] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split row numbers into a training and a validation part.

    Parameters
    ----------
    rows : int ndarray
    fraction : float
        Fraction to hold out, in (0, 1).
    seed : int
        The same seed and rows give the same split.
    stratify : ndarray of shape (n_samples,), default=None
        Class of each row, for equal fractions of each class in both parts.

    Returns
    -------
    train, validation : int ndarray
        Both sorted.

    Raises
    ------
    ValueError
        There are too few samples, or too few of one class.
    """
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
