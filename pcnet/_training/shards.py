"""Minibatches in shards: gradients that are summed before the solver's step.

Each shard of a batch goes through inference alone, so that memory is needed for one shard. Their
gradients are added pairwise, in an order that depends on the number of shards only. The weights
therefore have the same bits whether one process computes all shards or several machines do.
"""

from typing import NamedTuple

import numpy as np

from .._core.binding import PackedGradient
from .._types import Float64s, Floats, Ints
from ..inference._learning import weight_updates
from .minibatches import len_of
from .optimizer import step_report
from .trainer import Trainer, shares


def make_trainer(estimator, network, method, solver, minibatches, state=None):
    """The `Trainer` of a network for these minibatches, with the estimator's objective."""
    kind = Trainer if minibatches.n_shards == 1 else ShardTrainer
    return kind(
        network,
        estimator._objective(),
        method,
        solver,
        minibatches.shard_size,
        state=state,
        centre=estimator._input_centre,
    )


def check_shards(n_shards, solver, method):
    """Raise ValueError unless solver and method of inference work with so many shards."""
    if n_shards == 1:
        return
    if solver.full_batch:
        raise ValueError(
            f"n_shards={n_shards} cuts minibatches, which solver='lbfgs' does not use: it sums the "
            "gradients of all samples block by block anyway. Set n_shards=None, or use 'adam' or "
            "'sgd'"
        )
    if method._learns or not method.one_update:
        raise ValueError(
            f"n_shards={n_shards} sums the gradients of a batch for one update of the weights, but "
            f"{type(method).__name__} "
            + ("learns parameters of its own" if method._learns else "updates them more than once")
            + ". Set n_shards=None, or use another method of inference, such as 'error'"
        )


class SampleReports(NamedTuple):
    """Results of inference, as in a `Batch`, each of shape (n_samples,)."""

    loss: Float64s
    energy: Float64s
    n_steps: Ints
    n_half_passes: Ints
    status: Ints

    @classmethod
    def of_batch(cls, batch, n):
        """Copies of the first n entries."""
        return cls(*(getattr(batch, name)[:n].copy() for name in cls._fields))

    @classmethod
    def joined(cls, parts):
        """Those of all shards, in order."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))


class Node(NamedTuple):
    """The sum of ``size`` neighbours, the first of which has the number ``start``."""

    start: int
    size: int
    values: PackedGradient | Floats


class PairwiseSum:
    """Sums gradients, or arrays of equal shapes, along a fixed binary tree.

    They are numbered. Two neighbouring nodes of 2^k each are added if the first starts at a
    multiple of 2^(k + 1); at the end the rest is added, the last two first. So the sum of some
    neighbours, computed elsewhere, can be added as a few nodes.

    Attributes
    ----------
    nodes : list of Node
        The sums so far.
    """

    def __init__(self):
        self.nodes = []

    def add(self, node):
        """Add the next node; its values, and those of earlier nodes, may change.

        Returns
        -------
        list
            Values that are no longer needed.
        """
        self.nodes.append(node)
        unused = []
        while len(self.nodes) > 1:
            left, right = self.nodes[-2:]
            if left.size != right.size or left.start % (2 * left.size):
                break
            unused.append(self._join())
        return unused

    def total(self):
        """The sum of all."""
        while len(self.nodes) > 1:
            self._join()
        return self.nodes[0].values

    def _join(self):
        right, left = self.nodes.pop(), self.nodes.pop()
        values = left.values
        with np.errstate(over="ignore", invalid="ignore"):  # the step reports it
            values += right.values
        self.nodes.append(Node(left.start, left.size + right.size, values))
        return right.values


class ShardTrainer(Trainer):
    """A `Trainer` that sums the gradients of a batch's shards; its batch has memory for one."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._unused = []  # gradients

    def steps(self, run):
        for rows in run.minibatches.selections(run.random_state, run.batch):
            yield _Step(self, run.minibatches, rows)

    def shard_gradient(self, X, Y, share, gradient):
        """Infer the activities of a shard and write its part of the batch's gradient.

        Parameters
        ----------
        X, Y : as for `step`
        share : ndarray of float64, (n,)
            The samples' normalised weights in the batch.
        gradient : PackedGradient

        Returns
        -------
        SampleReports

        Raises
        ------
        ValueError
            The method updates the weights more than once.
        """
        batch = self._batch
        updates = weight_updates(
            self.method, batch, X, Y, self.objective, share, self._feed_forward
        )
        batch.packed_gradients(*self._centred(next(updates)), gradient)
        if next(updates, None) is not None:
            raise ValueError(
                f"n_shards needs a method of inference that updates the weights once for each "
                f"batch, and {type(self.method).__name__} does so more often; set n_shards=None"
            )
        return SampleReports.of_batch(batch, len(share))

    def take_gradient(self):
        """A `PackedGradient` of the network, of any values."""
        return self._unused.pop() if self._unused else PackedGradient(self._core_network)

    def give_back(self, gradients):
        """Use these gradients again."""
        self._unused += gradients

    def learn_from(self, gradient, learning_rate, weight_decay):
        """Make the solver's step from the `PackedGradient` of a whole batch."""
        self._update.set_gradients(gradient)
        self.learn((), learning_rate, weight_decay)


class _Step:
    """The step of a batch in shards."""

    def __init__(self, trainer, minibatches, rows):
        self.trainer = trainer
        self.minibatches = minibatches
        self.parts = minibatches.shards(rows)
        weights = [minibatches.weight_of(part) for part in self.parts]
        self.weight = None if weights[0] is None else np.concatenate(weights)
        self.share = shares(self.weight, len_of(rows))

    def __call__(self, learning_rate, weight_decay):
        trainer, total, reports, start = self.trainer, PairwiseSum(), [], 0
        for k, part in enumerate(self.parts):
            X, Y = self.minibatches.gather(part, trainer.takes_sparse)
            share = self.share[start : start + len_of(part)]
            start += len(share)
            gradient = trainer.take_gradient()
            reports.append(trainer.shard_gradient(X, Y, share, gradient))
            trainer.give_back(total.add(Node(k, 1, gradient)))
        rest = [node.values for node in total.nodes]
        trainer.learn_from(total.total(), learning_rate, weight_decay)
        trainer.give_back(rest)
        return step_report(SampleReports.joined(reports), self.share, self.weight)
