"""Features on the workers of a cluster, as the steps of a fit see them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._data.rows import BLOCK_ENTRIES, Rows
from .._data.sparse import MOST_FILLED
from .._types import Ints
from . import _parts


class Piece(NamedTuple):
    """Those of some rows that one worker holds.

    Attributes
    ----------
    owner : int
        Number of the worker in the session.
    places : int ndarray
        Places among the rows asked for.
    at : int ndarray
        Row numbers in the worker's `Part`.
    """

    owner: int
    places: Ints
    at: Ints


class DaskRows(Rows):
    """Rows that lie on the workers. The client reads few of them at once.

    Parameters
    ----------
    session : Session
    number : int
        Number of this object among those of the session.
    dtype : dtype
    parts : dict
        Future of the `Part` of each worker that has one, by the worker's number.
    blocks : list of tuple (owner, length)
        The worker of each block, in the order of the rows.
    descriptions : dict
        `PartDescription` of each part.
    """

    def __init__(self, session, number, dtype, parts, blocks, descriptions):
        lengths = np.array([length for _, length in blocks], dtype=np.intp)
        n_features = next(iter(descriptions.values())).n_features
        super().__init__((int(lengths.sum()), n_features), dtype)
        self.session = session
        self.number = number
        self.parts = parts
        self._owners = np.array([owner for owner, _ in blocks], dtype=np.intp)
        self._starts = np.cumsum([0, *lengths[:-1]])
        self._offsets = np.zeros(len(blocks), dtype=np.intp)  # of each block in its part
        for owner in parts:
            own = self._owners == owner
            self._offsets[own] = np.cumsum([0, *lengths[own][:-1]])
        stored = [found.n_stored for found in descriptions.values()]
        self.is_sparse = stored[0] is not None
        most = n_features * (1 + MOST_FILLED * len(self))
        self.is_sparse_enough = self.is_sparse and sum(stored) <= most

    def locate(self, rows) -> list[Piece]:
        """The `Piece` of each worker that holds some of the rows (slice or int ndarray)."""
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        owners, index = self._place(rows)
        found = []
        for owner in np.unique(owners):
            places = np.flatnonzero(owners == owner)
            found.append(Piece(int(owner), places, index[places]))
        return found

    def _place(self, rows):
        """The worker of each row (int ndarray), and its number in the worker's `Part`."""
        block = np.searchsorted(self._starts, rows, side="right") - 1
        return self._owners[block], rows - self._starts[block] + self._offsets[block]

    def take(self, rows, out):
        pieces = self.locate(rows)
        values = self.session.run_on_parts(
            self, {piece.owner: (_parts.take_dense, piece.at) for piece in pieces}
        )
        for piece in pieces:
            out[piece.places] = values[piece.owner]
        return out

    def blocks(self, size=None):
        yield from super().blocks(size or max(16, BLOCK_ENTRIES // self.shape[1]))

    def fold(self, function, state, weight, *arguments, index=None):
        """``state = function(state, X, weight, *arguments)`` for parts of sparse rows, in order.

        Parameters
        ----------
        function : callable
            Its X is a CSR matrix of some rows, its weight are those of these rows.
        state : object
        weight, *arguments, index
            As for `map_blocks`.

        Returns
        -------
        object
            The last state.
        """
        index = np.arange(len(self)) if index is None else index
        owners, at = self._place(index)
        cuts = [0, *(np.flatnonzero(np.diff(owners)) + 1), len(index)]
        jobs = [
            (owners[a], _parts.fold, function, at[a:b], weight[a:b], arguments)
            for a, b in zip(cuts, cuts[1:], strict=False)
        ]
        return self.session.run_in_turn(self, jobs, state)

    def map_blocks(self, function, size, weight, *arguments, index=None):
        """As `Rows.map_blocks`. Blocks of a single worker are not moved."""
        index = np.arange(len(self)) if index is None else index
        jobs = {owner: [] for owner in self.parts}
        placed = []  # of each block: its worker and job there; or its rows
        for start in range(0, len(index), size):
            part = slice(start, start + size)
            pieces = self.locate(index[part])
            if len(pieces) == 1:
                owner = pieces[0].owner
                placed.append((owner, len(jobs[owner])))
                jobs[owner].append((pieces[0].at, weight[part]))
            else:
                placed.append((None, part))
        tasks = {
            owner: (_parts.call_on_blocks, function, own, arguments)
            for owner, own in jobs.items()
            if own
        }
        results = self.session.run_on_parts(self, tasks)
        for owner, at in placed:
            if owner is not None:
                yield results[owner][at]
                continue
            rows = index[at]
            block = self.take(rows, np.empty((len(rows), self.shape[1]), self.dtype))
            yield function(block, weight[at], *arguments)


class GatheredRows:
    """Some rows of `DaskRows` as scorers see them: an array that comes when somebody reads it.

    Most scorers only hand it to methods of the estimator, which know its outputs.
    """

    def __init__(self, rows, index):
        self._rows, self._index = rows, index
        self.shape, self.dtype, self.ndim = (len(index), rows.shape[1]), rows.dtype, 2
        self._values = None

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        if self._values is None:
            self._values = self._rows.take(self._index, np.empty(self.shape, self.dtype))
        return np.array(self._values, dtype=dtype)

    def __getitem__(self, key):
        return np.asarray(self)[key]
