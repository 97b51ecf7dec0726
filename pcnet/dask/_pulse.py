"""Whether scheduler and workers still answer.

A process that is stopped, or whose event loop is blocked, keeps its connections. Dask gives up such
a worker after `distributed.scheduler.worker-ttl`, 5 minutes by default, and such a scheduler never.
"""

from __future__ import annotations

import asyncio
import time

import dask
from dask.utils import parse_timedelta
from distributed.actor import ProxyRPC

#: Seconds from an answer to the next question.
SCHEDULER_SECONDS, WORKER_SECONDS = 0.4, 5.0
#: What a look counts for at most, in seconds: this process itself may have been stopped.
MOST_SECONDS = 1.0


#: Key of Dask's configuration: how long a process may be silent before it counts as lost.
TIMEOUT_KEY, TIMEOUT = "pcnet.worker-timeout", "30s"


def patience():
    """Seconds without an answer after which a process counts as lost."""
    return parse_timedelta(dask.config.get(TIMEOUT_KEY, TIMEOUT))


class Pulse:
    """Asks the scheduler and workers, without waiting, whether they are there.

    Parameters
    ----------
    client : Client
    """

    def __init__(self, client):
        self.client = client
        self._questions = {None: _Question(client.scheduler.ncores, SCHEDULER_SECONDS)}
        self._looked_at = time.monotonic()

    def look(self, workers):
        """Ask, and see what has been answered.

        Parameters
        ----------
        workers : list of str

        Returns
        -------
        present : collection of str, or None if not known yet
            Addresses of the workers that the scheduler has.
        silent : list of str or None
            Addresses of those that have not answered for too long; None: the scheduler.
        """
        for address in workers:
            if address not in self._questions:
                there = ProxyRPC(self.client.scheduler, address)
                self._questions[address] = _Question(there.echo, WORKER_SECONDS, data=None)
        now = time.monotonic()
        passed, self._looked_at = min(now - self._looked_at, MOST_SECONDS), now
        for question in self._questions.values():
            question.look(now, passed, self.client.loop.asyncio_loop)
        most = patience()
        silent = [a for a, question in self._questions.items() if question.silence > most]
        return self._questions[None].answer, silent


class _Question:
    """One that is asked again and again.

    Attributes
    ----------
    answer : object
        The last one, or None.
    silence : float
        Seconds for which it has been missing.
    """

    def __init__(self, ask, pause, **arguments):
        self._ask, self._pause, self._arguments = ask, pause, arguments
        self._asked, self._answered_at = None, -float("inf")
        self.answer, self.silence = None, 0.0

    def look(self, now, passed, loop):
        if self._asked is not None:
            if not self._asked.done():
                self.silence += passed
                return
            if self._asked.exception() is None:
                self.answer, self.silence, self._answered_at = self._asked.result(), 0.0, now
            self._asked = None
        if now - self._answered_at >= self._pause:
            self._asked = asyncio.run_coroutine_threadsafe(self._call(), loop)

    async def _call(self):
        return await self._ask(**self._arguments)
