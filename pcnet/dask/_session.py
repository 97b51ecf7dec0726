"""What one fit uses of a cluster: its workers, their rows, and calls that cannot wait forever."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from contextlib import suppress
from typing import Any

import numpy as np
from dask.base import is_dask_collection
from distributed import CancelledError, Client, KilledWorker, default_client
from distributed.actor import ProxyRPC
from distributed.protocol import to_serialize

from .._warnings import warn
from . import _parts
from ._pulse import TIMEOUT_KEY, Pulse, patience
from ._rows import DaskRows

#: Seconds between looks for lost workers while waiting; no answer is delayed by it.
LOOK_SECONDS = 0.5
#: Seconds that the scheduler may take to notice a worker that no longer answers.
NOTICE_SECONDS = 10.0
#: Seconds that a worker that does not answer may take to stop.
RESTART_SECONDS = 10.0


class WorkerLostError(RuntimeError):
    """A worker of the cluster, or the scheduler, was lost during a fit, or does not answer.

    Attributes
    ----------
    workers : tuple of str
        Addresses of the lost workers; empty: the scheduler was lost.
    """

    def __init__(self, message: str, workers: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.workers = workers

    def __reduce__(self):
        return type(self), (*self.args, self.workers)


class SchedulerLostError(WorkerLostError):
    """The scheduler was lost, so that no fit can continue; users get a `WorkerLostError`."""


def client_of(client: Any) -> Client:
    """The client of an estimator's argument `client`.

    Raises
    ------
    ValueError, TypeError
        There is none, or it is asynchronous.
    """
    if client is None:
        try:
            client = default_client()
        except ValueError:
            raise ValueError(
                "there is no Dask client: make one, such as client = distributed.Client(address), "
                "or give the estimator client=..."
            ) from None
    if not isinstance(client, Client):
        raise TypeError(f"client must be a distributed.Client or None; got {client!r}")
    if client.asynchronous:
        raise ValueError("client is asynchronous, and fit waits: give a Client(address) without it")
    return client


def give_up(client: Client, workers: tuple[str, ...]) -> None:
    """Let Dask restart workers that do not answer, or forget them if it cannot; wait for that."""
    stopped = list(set(workers) & set(client.nthreads()))
    if not stopped:
        return
    client.sync(
        client.scheduler.restart_workers,
        workers=stopped,
        timeout=RESTART_SECONDS,
        wait_for_workers=False,
        on_error="return",
        stimulus_id=f"pcnet-does-not-answer-{time.time()}",
    )
    end = time.monotonic() + NOTICE_SECONDS
    while set(stopped) & set(client.nthreads()) and time.monotonic() < end:
        time.sleep(0.1)


class Session:
    """The use of a cluster by one fit. At its end nothing of it is left there.

    Parameters
    ----------
    client : Client

    Attributes
    ----------
    workers : list of str
        Addresses of the workers that take part: those with rows to train on, in their order.
    rows : list of DaskRows
    """

    def __init__(self, client):
        self.client = client
        self.workers = []
        self.rows = []
        self._own = []  # futures that only this session uses
        self._blocks = []  # futures of the user's blocks
        self._lost = None
        self._running = None  # the last coroutine
        self._pulse = Pulse(client)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        blocks, self._blocks, self.rows = self._blocks, [], []
        self.drop(self._own)
        for future in blocks:
            future.release()

    # ------------------------------------------------------------ waiting

    def check(self):
        """Raise `WorkerLostError` if a worker of the session has left the cluster."""
        try:
            if self._lost is None:
                self._look()
        except WorkerLostError as error:
            self._lost = error
        if self._lost is not None:
            raise self._lost

    def _look(self):
        if self.client.status != "running":
            raise SchedulerLostError("the connection to Dask's scheduler was lost")
        there, silent = self._pulse.look(self.workers)
        gone = tuple(address for address in self.workers if address not in (there or self.workers))
        if gone or there == {}:
            names = ", ".join(gone) or "all workers"
            raise WorkerLostError(f"Dask lost {names} during the fit", gone)
        if silent:
            kind = SchedulerLostError if None in silent else WorkerLostError
            stopped = () if None in silent else tuple(silent)
            raise kind(
                f"{', '.join(stopped) or 'the scheduler of Dask'} has not answered for "
                f"{patience():g} s ({TIMEOUT_KEY} in Dask's configuration), though its "
                "connection is open",
                stopped,
            )

    def results(self, futures):
        """Results of Dask futures, in order."""
        self.wait_for_all(futures)
        return self.client.gather(futures)

    def wait_for_all(self, futures):
        """Wait until Dask futures are done; raise the error of the first that failed."""
        try:
            for future in futures:  # distributed.wait asks the default client
                while not future.done():
                    with suppress(TimeoutError):
                        future.exception(timeout=LOOK_SECONDS)
                        break
                    self.check()
                if future.status != "finished":
                    future.result()
        except (CancelledError, KilledWorker) as error:
            self.check()
            raise RuntimeError(
                f"Dask has lost blocks of X or y and cannot compute them again ({error}): give fit "
                "a collection that Dask can compute, or the arrays themselves"
            ) from error

    def start(self, coroutine):
        """Run a coroutine in the client's event loop; after Ctrl-C it goes on."""
        self._running = asyncio.run_coroutine_threadsafe(coroutine, self.client.loop.asyncio_loop)

    def finish(self):
        """Result of the last coroutine of `start`."""
        running = self._running
        while not concurrent.futures.wait([running], timeout=LOOK_SECONDS).done:
            try:
                self.check()
            except WorkerLostError:
                running.cancel()
                raise
        error = running.exception()
        if error is not None:
            self.explain(error)
        return running.result()

    def explain(self, error):
        """Raise `WorkerLostError` if an error of a member came from a lost worker."""
        if isinstance(error, (FloatingPointError, ValueError, TypeError)):
            return
        end = time.monotonic() + NOTICE_SECONDS
        while time.monotonic() < end:  # the scheduler may notice it later
            self.check()
            time.sleep(0.1)

    def settle(self):
        """Wait for what Ctrl-C has interrupted, whatever its result."""
        if self._lost is not None:
            raise self._lost
        if self._running is not None and not self._running.done():
            with suppress(Exception):
                self.finish()

    def drop(self, futures):
        """Release futures of `submit`."""
        keys = {future.key for future in futures}
        self._own = [future for future in self._own if future.key not in keys]
        if self.client.status == "running":
            self.client.cancel(futures, force=True)

    async def call(self, number, key, method, *arguments):
        """Result of a method of the actor ``key`` on a worker of the session.

        Handles of actors would call it by the default client.
        """
        client, address = self.client, self.workers[number]
        direct = client.direct_to_workers
        rpc = client.rpc(address) if direct else ProxyRPC(client.scheduler, address)
        found = await rpc.actor_execute(
            function=method, actor=key, args=[to_serialize(value) for value in arguments]
        )
        if found["status"] != "OK":
            raise found["exception"]
        return found["result"]

    def submit(self, function, *arguments, worker, **options):
        """A task on one worker; its future lives as long as the session."""
        future = self.client.submit(
            function, *arguments, workers=[worker], pure=False, allow_other_workers=False, **options
        )
        self._own.append(future)
        return future

    # ------------------------------------------------------------ data

    def run_on_parts(self, rows, tasks):
        """Results of ``function(part, *arguments)`` by worker, for a dict of such tuples."""
        futures = [
            self.client.submit(
                function, rows.parts[owner], *arguments, workers=[self.workers[owner]], pure=False
            )
            for owner, (function, *arguments) in tasks.items()
        ]
        try:
            return dict(zip(tasks, self.results(futures), strict=True))
        finally:
            self.client.cancel(futures)

    def run_in_turn(self, rows, jobs, state):
        """The last state of ``state = function(part, state, *arguments)``.

        Parameters
        ----------
        rows : DaskRows
        jobs : list of tuple (owner, function, *arguments)
        state : object
        """
        futures = []
        for owner, function, *arguments in jobs:
            state = self.client.submit(
                function,
                rows.parts[owner],
                state,
                *arguments,
                workers=[self.workers[owner]],
                pure=False,
            )
            futures.append(state)
        try:
            return self.results(futures[-1:])[0]
        finally:
            self.client.cancel(futures)

    def gather(self, values):
        """A collection of one number or label a row, on the client; other values unchanged."""
        if not is_dask_collection(values):
            return values
        futures = self.client.compute([values])
        self._blocks += futures
        return np.asarray(self.results(futures)[0])

    def place(self, X, dtype):
        """`DaskRows` of X, whose blocks stay on the workers that hold them.

        Parameters
        ----------
        X : Dask array or data frame, or an array, data frame or sparse matrix
        dtype : dtype
        """
        first = not self.rows
        workers = sorted(self.client.nthreads()) if first else self.workers
        if not workers:
            raise WorkerLostError("the Dask cluster has no workers")
        futures = _blocks_of(self, X, workers)
        self._blocks += futures
        self.wait_for_all(futures)
        holders = _holders(self.client, futures, workers)
        if first:
            self.workers = list(dict.fromkeys(holders))
            if len(futures) < len(workers):
                warn(
                    f"X has {len(futures)} blocks of rows, so that only {len(self.workers)} of "
                    f"{len(workers)} workers train; give it more blocks, such as "
                    "X.rechunk({0: 'auto'}) or X.repartition(npartitions=...)"
                )
        owners = [self.workers.index(address) for address in holders]
        parts = {}
        for owner in sorted(set(owners)):
            own = [future for future, of in zip(futures, owners, strict=True) if of == owner]
            parts[owner] = self.submit(_parts.join_blocks, dtype, *own, worker=self.workers[owner])
        described = [
            self.submit(_parts.describe, part, worker=self.workers[owner])
            for owner, part in parts.items()
        ]
        descriptions = dict(zip(parts, self.results(described), strict=True))
        lengths = {owner: iter(found.lengths) for owner, found in descriptions.items()}
        blocks = [(owner, next(lengths[owner])) for owner in owners]
        rows = DaskRows(self, len(self.rows), dtype, parts, blocks, descriptions)
        self.rows.append(rows)
        values = [found.not_finite for found in descriptions.values()]
        return rows, next((found for found in values if found is not None), None)


def _blocks_of(session, X, workers):
    """Futures of the blocks of X, computed where they are or where neighbours are."""
    client = session.client
    if not is_dask_collection(X):
        cuts = [k * X.shape[0] // len(workers) for k in range(len(workers) + 1)]
        slices = X.iloc if hasattr(X, "iloc") else X
        return [
            client.scatter(slices[a:b], workers=[worker], hash=False)
            for a, b, worker in zip(cuts, cuts[1:], workers, strict=False)
            if b > a
        ]
    if hasattr(X, "rechunk") and len(X.chunks[1]) > 1:
        X = X.rechunk({1: -1})
    delayed = np.ravel(X.to_delayed()).tolist()
    futures = []
    for k, worker in enumerate(workers):
        own = delayed[k * len(delayed) // len(workers) : (k + 1) * len(delayed) // len(workers)]
        if own:
            futures += client.compute(own, workers=[worker], allow_other_workers=True)
    return futures


def _holders(client, futures, workers):
    """The worker of each block: one that holds it, or the next in turn."""
    who_has = client.who_has(futures)
    found = []
    for k, future in enumerate(futures):
        there = [address for address in who_has[future.key] if address in workers]
        found.append(there[0] if there else workers[k * len(workers) // len(futures)])
    return found
