"""The part of a training that one worker does: an actor with the network, and the worker's rows.

All members have the same weights and the same solver's memory. In each step a member computes the
gradients of its shards. Of the sum of all shards each member computes a slice, from what it asks of
the others, and asks them for the other slices; then each makes the same update. An entry's sum has
the same order of additions for any number of members.
"""

from __future__ import annotations

import asyncio
import pickle
from typing import Any, NamedTuple

import numpy as np
from distributed import get_worker
from distributed.protocol import to_serialize

from .._core.binding import default_isa
from .._core.threads import set_num_threads
from .._data.rows import DenseRows, RowSubset, SparseRows
from .._data.scaling import ScaledRows
from .._data.sparse import with_features
from .._training.shards import Node, PairwiseSum, SampleReports, ShardTrainer
from .._version import __version__
from . import _parts

#: Gradients up to this size are sent as a whole to all members, which saves a round of messages.
SMALL_BYTES = 2**18
#: Seconds between looks whether a training has ended.
LOOK_SECONDS = 2.0


class Scaling(NamedTuple):
    """The arguments of `ScaledRows`, and whether sparse rows stay sparse."""

    mean: Any
    scale: Any
    dtype: Any
    is_sparse_enough: bool


class Training(NamedTuple):
    """What all members of a training begin with."""

    network: Any
    objective: Any
    method: Any
    solver: Any
    shard_size: int
    state: Any
    centre: Any
    scalings: list[Scaling]  # of each `DaskRows` of the session


class Shard(NamedTuple):
    """One shard of a step.

    Attributes
    ----------
    number : int
        Its number in the batch.
    pieces : list of Piece
        Where its rows are.
    targets : Targets
    share : ndarray of float64
        Normalised sample weights.
    """

    number: int
    pieces: list[Any]
    targets: Any
    share: Any


class Step(NamedTuple):
    """What the client asks of a member in a step.

    Attributes
    ----------
    number : int
        Of the batch: one more than that of the batch before.
    shards : list of Shard, or None if they were sent with the step before
    following : list of Shard, or None
        Those of the next batch.
    learning_rate, weight_decay : float
    """

    number: int
    shards: list[Shard] | None
    following: list[Shard] | None
    learning_rate: float
    weight_decay: float


class Failure(NamedTuple):
    """An error of a step; ``shard`` is its shard, or infinite if it is of the update."""

    shard: float
    error: BaseException


class Member:
    """The actor.

    Parameters
    ----------
    number : int
    training : Training
    *parts : Part or None
        The rows of each `DaskRows` that lie here.
    """

    def __init__(self, number, training, *parts):
        self._worker = get_worker()
        self.number = number
        self.parts = parts
        self.scalings = training.scalings
        self.trainer = self._limited(_make_trainer, training)
        network = self.trainer.network
        sizes = network.layer_sizes[0], network.layer_sizes[-1]
        self._buffers = [np.empty((training.shard_size, n), network.dtype) for n in sizes]
        self._peers = []
        self._exchanges = {}
        self._sum = None  # gradient of the last batch
        self._lent = []  # gradients that others may still read
        self._job = None  # task of the batch that is being computed
        self._error = None  # of an update, after which no step can follow

    def meet(self, peers):
        """Take the list of (address, key) of all members; return what decides the bits."""
        self._peers = peers
        return default_isa(), __version__

    # ------------------------------------------------------------ a step

    async def step(self, call):
        """Make a step of this training with the other members.

        The gradient of the batch that follows is computed at once: its update waits for the client.

        Parameters
        ----------
        call : bytes
            A pickled `Step`.

        Returns
        -------
        SampleReports, or Failure
            Of the own shards.
        """
        call = pickle.loads(call)
        ahead = None if call.following is None else self._fetch(call.following)
        if call.shards is not None:
            self._begin(call.number, call.shards, self._fetch(call.shards))
        found = await self._job
        if isinstance(found, Failure):
            return found
        try:
            learn = self.trainer.learn_from
            await self._compute(learn, self._sum, call.learning_rate, call.weight_decay)
        except Exception as error:
            self._fail(error)
            return Failure(np.inf, error)
        if call.following is not None:
            self._begin(call.number + 1, call.following, ahead)
        return found

    def _begin(self, number, shards, first):
        """Start to compute a batch's gradient; ``first``: task for the rows of the first shard."""
        self._job = asyncio.create_task(self._sum_up(number, shards, first, self._job))

    async def _sum_up(self, number, shards, rows, previous):
        """The gradient of a batch, in `_sum`; returns the reports of the own shards, or a Failure.

        Others may still ask for the exchange before, so that it is kept.
        """
        if previous is not None:  # one that the client has given up
            await asyncio.wait([previous])
        self._exchanges = {k: kept for k, kept in self._exchanges.items() if k >= number - 1}
        exchange = self._exchange(number)
        self._sum = self._sum or self.trainer.take_gradient()
        shard, reports, sums, nodes = np.inf, [], PairwiseSum(), None
        try:
            for k, (shard, _, targets, share) in enumerate(shards):
                values, rows = await rows, self._fetch(shards[k + 1 :])
                if rows is None:  # what others have finished comes during the last shard
                    nodes = self._request("nodes", number, self._own_part)
                report = await self._compute(self._shard, values, targets, share, shard, sums)
                reports.append(report)
            shard = np.inf
            exchange.nodes.set_result(sums.nodes)
            nodes = nodes or self._request("nodes", number, self._own_part)
            await self._add_up(number, exchange, nodes)
        except Exception as error:
            exchange.fail(error)
            return Failure(shard, error)
        values = [node.values for node in sums.nodes]
        if self._is_small:  # others may still read them, but no longer those of the batch before
            values, self._lent = self._lent, values
        self.trainer.give_back(values)
        return SampleReports.joined(reports) if reports else None

    def _fetch(self, shards):
        """A task for the rows of the first of some shards; None if there is none."""
        if not shards:
            return None
        task = asyncio.create_task(self._assemble(0, shards[0].pieces))
        task.add_done_callback(_look_at)
        return task

    def _shard(self, rows, targets, share, number, sums):
        trainer, n = self.trainer, len(share)
        X = rows.sparse(slice(0, n)) if trainer.takes_sparse else None
        if X is None:
            X = rows.take(slice(0, n), self._buffers[0][:n])
        else:
            X = with_features(X)
        Y = targets.batch(slice(0, n), self._buffers[1][:n])
        gradient = trainer.take_gradient()
        report = trainer.shard_gradient(X, Y, share, gradient)
        trainer.give_back(sums.add(Node(number, 1, gradient)))
        return report

    async def _add_up(self, number, exchange, nodes):
        """The sum of all shards' gradients, in `_sum`; ``nodes``: task for those of all members."""
        flat = self._sum.flat
        nodes = [Node(*node) for some in await nodes for node in some]
        slices = None if self._is_small else self._request("total", number)
        await self._compute(_add_nodes, nodes, flat[self._own_part])
        exchange.total.set_result(None)
        if slices is None:
            return
        for k, values in enumerate(await slices):
            if k != self.number:
                flat[self._slice(k)] = values

    def _request(self, method, *arguments):
        """A task for the answers of all members."""
        asked = (self._ask(k, method, *arguments) for k in range(len(self._peers)))
        task = asyncio.gather(*asked)
        task.add_done_callback(_look_at)
        return task

    @property
    def _own_part(self):
        """The part of the gradient that this member sums."""
        return slice(None) if self._is_small else self._slice(self.number)

    @property
    def _is_small(self):
        return self._sum.flat.nbytes <= SMALL_BYTES

    def _slice(self, number):
        size, n = len(self._sum.flat), len(self._peers)
        return slice(number * size // n, (number + 1) * size // n)

    def _exchange(self, number):
        if number not in self._exchanges:
            self._exchanges[number] = exchange = _Exchange()
            if self._error is not None:
                exchange.fail(self._error)
        return self._exchanges[number]

    def _fail(self, error):
        """No step can follow; nobody may wait for one."""
        self._error = error
        for exchange in self._exchanges.values():
            exchange.fail(error)

    async def _wait(self, future):
        """Result of an exchange, which never comes if the training has ended meanwhile."""
        own = self._peers[self.number][1]
        while not (await asyncio.wait([future], timeout=LOOK_SECONDS))[0]:
            if self._worker.state.actors.get(own) is not self:
                raise KeyError(own)  # as Dask does for actors that are gone
        return future.result()

    # ------------------------------------------------------------ what members ask of each other

    async def nodes(self, number, part):
        """A slice of the sums of this member's shards."""
        nodes = await self._wait(self._exchange(number).nodes)
        return [(node.start, node.size, node.values.flat[part]) for node in nodes]

    async def total(self, number):
        """This member's slice of the sum of all shards."""
        await self._wait(self._exchange(number).total)
        return self._sum.flat[self._slice(self.number)]

    async def take(self, data, index):
        """Some of the rows that lie here, before scaling."""
        return _parts.take(self.parts[data], index)

    async def _ask(self, owner, method, *arguments):
        if owner == self.number:
            return await getattr(self, method)(*arguments)
        address, key = self._peers[owner]
        found = await self._worker.rpc(address).actor_execute(
            function=method, actor=key, args=[to_serialize(value) for value in arguments]
        )
        if found["status"] != "OK":
            raise found["exception"]
        return found["result"]

    async def _assemble(self, data, pieces):
        """`Rows` of a shard, scaled."""
        found = await asyncio.gather(
            *(self._ask(piece.owner, "take", data, piece.at) for piece in pieces)
        )
        scaling = self.scalings[data]
        places = np.concatenate([piece.places for piece in pieces])
        if hasattr(found[0], "indptr"):
            from scipy.sparse import vstack

            order = np.argsort(places)
            rows = SparseRows(vstack(found, format="csr")[order])
            rows.is_sparse_enough = scaling.is_sparse_enough
        else:
            values = np.empty((len(places), found[0].shape[1]), found[0].dtype)
            values[places] = found[0] if len(found) == 1 else np.concatenate(found)
            rows = DenseRows(values)
        return _scaled(rows, scaling)

    # ------------------------------------------------------------ what the client asks

    def output(self, data, index):
        """Outputs of the network for some of the rows that lie here."""
        rows = _scaled(self.parts[data].rows, self.scalings[data])
        return self._limited(self.trainer.output, RowSubset(rows, index))

    def weights(self):
        """The current weights and biases."""
        self.trainer.sync()
        network = self.trainer.network
        return network.weights, network.biases

    def load(self, network):
        """Continue with the weights of this network; the shards of the next step come anew."""
        own = self.trainer.network
        for arrays, given in ((own.weights, network.weights), (own.biases, network.biases)):
            for array, values in zip(arrays or [], given or [], strict=True):
                array[...] = values
        self.trainer.load()

    def state(self):
        """The solver's memory."""
        return self.trainer.state()

    async def settle(self):
        """Wait until nothing is computed any more."""
        if self._job is not None:
            await self._job

    async def _compute(self, function, *arguments):
        """Run a function in the worker's thread of actors, so that it answers meanwhile."""
        loop = asyncio.get_running_loop()
        thread = self._worker.executors["actor"]
        return await loop.run_in_executor(thread, self._limited, function, *arguments)

    def _limited(self, function, *arguments):
        with set_num_threads(self._worker.state.nthreads):
            return function(*arguments)


def _look_at(task):
    """Take note of the error of a task for which nobody may wait."""
    if not task.cancelled():
        task.exception()


class _Exchange:
    """What other members wait for in one step."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.nodes, self.total = loop.create_future(), loop.create_future()

    def fail(self, error):
        for future in (self.nodes, self.total):
            if not future.done():
                future.set_exception(error)
                future.exception()  # it need not be asked for


def _add_nodes(nodes, out):
    """The sum of all nodes; their arrays stay as they are."""
    if len(nodes) == 2:  # without copies
        with np.errstate(over="ignore", invalid="ignore"):  # the step reports it
            np.add(nodes[0].values, nodes[1].values, out=out)
        return
    total = PairwiseSum()
    for node in nodes:
        total.add(node._replace(values=np.array(node.values)))
    np.copyto(out, total.total())


def _make_trainer(training):
    return ShardTrainer(
        training.network.copy(), *training[1:5], state=training.state, centre=training.centre
    )


def _scaled(rows, scaling):
    if scaling.scale is None:
        return rows
    return ScaledRows(rows, scaling.mean, scaling.scale, scaling.dtype)
