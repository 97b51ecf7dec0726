"""The optimiser of a fit on a cluster: the client's side of the members."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np

from .._data.rows import RowSubset
from .._data.scaling import ScaledRows
from .._network_core import network_output, parameters
from .._training.minibatches import len_of
from .._training.optimizer import step_report
from .._training.shards import SampleReports
from .._training.trainer import MinibatchOptimizer, shares
from .._types import Float64s
from ._member import Failure, Member, Scaling, Shard, Step
from ._rows import DaskRows


class _Plan(NamedTuple):
    """A batch: the shards of each member, and the samples' shares and weights (or None)."""

    shards: list[list[Shard]]
    share: Float64s
    weight: Float64s | None


class DaskTrainer(MinibatchOptimizer):
    """Lets the workers of a `Session` train a network.

    Parameters
    ----------
    session : Session
    training : Training
        Without its ``scalings``.
    X : Rows
        `DaskRows` to train on, or `ScaledRows` of them.
    """

    def __init__(self, session, training, X):
        self.session = session
        self.network = training.network
        self.objective = training.objective
        self.method = training.method
        self._number = 0  # of the last batch that was sent
        self._ahead = None  # its `_Plan`, if its step has not been made
        self._futures = []  # of the members
        self._X, scaling = _unscaled(X)
        scalings = [
            scaling._replace(is_sparse_enough=rows.is_sparse_enough) for rows in session.rows
        ]
        self._begin(training._replace(scalings=scalings))

    def _begin(self, training):
        session = self.session
        (given,) = session.client.scatter(
            [training], workers=session.workers, broadcast=True, hash=False
        )
        for number, worker in enumerate(session.workers):
            parts = [rows.parts.get(number) for rows in session.rows]
            self._futures.append(
                session.submit(Member, number, given, *parts, worker=worker, actor=True)
            )
        session.wait_for_all(self._futures)
        given.release()
        peers = [(w, f.key) for w, f in zip(session.workers, self._futures, strict=True)]
        found = self._ask_all("meet", [(peers,)] * len(peers))
        if len(set(found)) > 1:
            listed = ", ".join(f"{w}: {' of pcnet '.join(f)}" for (w, _), f in zip(peers, found))
            raise RuntimeError(
                "the workers would not compute the same bits, because they use different "
                f"instruction sets or versions of pcnet ({listed}). Install the same version, and "
                "set PCNET_ISA to the smallest instruction set in the environment of all workers"
            )

    def _ask_all(self, method, arguments):
        """Results of a method of all members, each with its tuple of arguments."""
        return self._ask(method, dict(enumerate(arguments)))

    def _ask(self, method, arguments):
        """Results of a method of some members, by a dict from their numbers to arguments."""
        self._start(method, arguments)
        return self.session.finish()

    def _start(self, method, arguments):
        """Ask without waiting; `Session.finish` has the results."""

        async def ask():
            calls = [
                self.session.call(k, self._futures[k].key, method, *own)
                for k, own in arguments.items()
            ]
            return await asyncio.gather(*calls)

        self.session.start(ask())

    # ------------------------------------------------------------ steps

    def steps(self, run):
        minibatches = run.minibatches
        selections = minibatches.selections(run.random_state, run.batch)
        plans = (self._plan(minibatches, rows) for rows in selections)
        self._ahead = None
        queue = [next(plans, None), next(plans, None)]
        while queue[0] is not None:
            yield partial(self._step, queue, plans)

    def _plan(self, minibatches, rows):
        parts = minibatches.shards(rows)
        weights = [minibatches.weight_of(part) for part in parts]
        weight = None if weights[0] is None else np.concatenate(weights)
        share = shares(weight, len_of(rows))
        ends = np.cumsum([0, *map(len_of, parts)])
        shards = [
            Shard(k, self._X.locate(part), minibatches.targets.part(part), share[a:b])
            for k, (part, a, b) in enumerate(zip(parts, ends, ends[1:], strict=False))
        ]
        n = len(self._futures)
        cuts = [k * len(shards) // n for k in range(n + 1)]
        return _Plan([shards[a:b] for a, b in zip(cuts, cuts[1:], strict=False)], share, weight)

    def _step(self, queue, plans, learning_rate, weight_decay):
        """Make the step of the first plan; meanwhile the workers get the second."""
        plan, following = queue
        if plan is not self._ahead:  # else the workers have begun
            self._number += 1
        none = [None] * len(self._futures)
        own = none if plan is self._ahead else plan.shards
        more = none if following is None else following.shards
        calls = [
            (pickle.dumps(Step(self._number, *shards, learning_rate, weight_decay)),)
            for shards in zip(own, more, strict=True)
        ]
        self._start("step", dict(enumerate(calls)))
        self._ahead = following
        if following is not None:
            self._number += 1
        queue[:] = following, next(plans, None)  # while the workers compute
        found = self.session.finish()
        failures = [result for result in found if isinstance(result, Failure)]
        if failures:
            error = min(failures, key=lambda failure: failure.shard).error
            self._ahead = None
            self.session.explain(error)
            raise error
        reports = SampleReports.joined([own for own in found if own is not None])
        return step_report(reports, plan.share, plan.weight)

    # ------------------------------------------------------------ weights and outputs

    def sync(self):
        self.session.settle()
        if self.writes_network:
            ((weights, biases),) = self._ask("weights", {0: ()})
            for array, values in zip(
                parameters(self.network), [*weights, *(biases or [])], strict=True
            ):
                array[...] = values

    def load(self):
        self._ahead = None
        self._ask_all("load", [(self.network,)] * len(self._futures))

    def output(self, X):
        rows, index = source_of(X)
        if not isinstance(rows, DaskRows):  # a validation set on the client
            self.sync()
            return network_output(self.network, X)[0]
        index = np.arange(len(X)) if index is None else index
        pieces = rows.locate(index)
        arguments = {piece.owner: (rows.number, piece.at) for piece in pieces}
        found = self._ask("output", arguments)
        out = np.empty((len(index), self.network.layer_sizes[-1]), self.network.dtype)
        for piece, values in zip(pieces, found, strict=True):
            out[piece.places] = values
        return out

    def state(self):
        return self._ask("state", {0: ()})[0]

    def release(self):
        state = self.state()
        self.close()
        return state

    def close(self):
        if self._ahead is not None and self._futures:
            with suppress(Exception):
                self._ask_all("settle", [()] * len(self._futures))
        futures, self._futures = self._futures, []
        self.session.drop(futures)


def source_of(X):
    """The rows behind subsets and scalings, and the numbers of those chosen (None: all)."""
    index = None
    while isinstance(X, (RowSubset, ScaledRows)):
        if isinstance(X, RowSubset):
            index = X.index if index is None else X.index[index]
        X = X.source
    return X, index


def _unscaled(X):
    if isinstance(X, ScaledRows):
        return X.source, Scaling(X.mean, X.scale, X.dtype, False)
    return X, Scaling(None, None, None, False)
