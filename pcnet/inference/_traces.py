"""The energies of each sample step by step, for methods whose samples end at different steps."""

import numpy as np


class SampleTraces:
    """What each sample's energy was after 0, 1, .. steps; memory grows with the steps taken.

    Parameters
    ----------
    batch : Batch
        Nothing is kept if it has no trace.
    n_samples : int
    """

    def __init__(self, batch, n_samples):
        self._batch = batch
        self._energies = None if batch.trace is None else np.full((n_samples, 8), np.nan)

    def write(self, rows, steps, energies):
        """Note the energies of samples after so many steps each; the steps of one come in order.

        Parameters
        ----------
        rows, steps : ndarray of int, (m,)
        energies : ndarray of float64, (m,)
        """
        if self._energies is None or not len(rows):
            return
        room = self._energies.shape[1]
        if steps.max() >= room:
            more = max(int(steps.max()) + 1 - room, room)
            self._energies = np.pad(self._energies, ((0, 0), (0, more)), constant_values=np.nan)
        self._energies[rows, steps] = energies

    def report(self):
        """Write their mean into the batch's trace; each goes on with its last energy."""
        if self._energies is None:
            return
        last = np.count_nonzero(~np.isnan(self._energies), axis=1) - 1
        steps = np.minimum(np.arange(last.max() + 1), last[:, None])
        self._batch.write_trace(0, np.take_along_axis(self._energies, steps, axis=1).mean(axis=0))
