"""The optimiser of a fit on a cluster: the client's side of the members."""

from __future__ import annotations

import asyncio
from functools import partial

import numpy as np

from .._data.rows import RowSubset
from .._data.scaling import ScaledRows
from .._network_core import network_output, parameters
from .._training.minibatches import len_of
from .._training.optimizer import step_report
from .._training.shards import SampleReports
from .._training.trainer import MinibatchOptimizer, shares
from ._member import Failure, Member, Scaling, Shard
from ._rows import DaskRows


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
        self._n_steps = 0
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

        async def ask():
            calls = [
                self.session.call(k, self._futures[k].key, method, *own)
                for k, own in arguments.items()
            ]
            return await asyncio.gather(*calls)

        return self.session.wait_for(ask())

    # ------------------------------------------------------------ steps

    def steps(self, run):
        for rows in run.minibatches.selections(run.random_state, run.batch):
            yield partial(self._step, run.minibatches, rows)

    def _step(self, minibatches, rows, learning_rate, weight_decay):
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
        self._n_steps += 1
        arguments = [
            (self._n_steps, shards[a:b], learning_rate, weight_decay)
            for a, b in zip(cuts, cuts[1:], strict=False)
        ]
        found = self._ask_all("step", arguments)
        failures = [result for result in found if isinstance(result, Failure)]
        if failures:
            error = min(failures, key=lambda failure: failure.shard).error
            self.session.explain(error)
            raise error
        reports = [report for own in found for report in own]
        return step_report(SampleReports.joined(reports), share, weight)

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
        self._ask_all("load", [(self.network,)] * len(self._futures))

    def output(self, X):
        rows, index = _source(X)
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
        futures, self._futures = self._futures, []
        self.session.drop(futures)


def _source(X):
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
