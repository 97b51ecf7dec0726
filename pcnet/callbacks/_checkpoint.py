"""Files from which an interrupted run goes on."""

import os
from numbers import Integral, Real
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from .._warnings import warn
from ._base import Callback


class Checkpoint(BaseEstimator):
    """Where and when ``fit`` saves a run.

    The file is replaced in one step: whatever kills the process, there is an old or a new one, and
    it is whole. ``resume`` goes on from it.

    Parameters
    ----------
    path : str or path-like
        The file; its folder must exist.
    every_epochs : int or None, default=1
        Save after each such number of epochs. None: do not count epochs.
    every_minutes : float or None, default=None
        Save, in the middle of an epoch if need be, when so much time has passed since the last
        time.

    Notes
    -----
    The end of training is always saved. The file is a pickle: load none from strangers.

    Examples
    --------
    >>> from pcnet.callbacks import Checkpoint
    >>> Checkpoint("run.ckpt", every_epochs=None, every_minutes=10).exists()
    False
    """

    _parameter_constraints = {
        "path": [str, os.PathLike],
        "every_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "every_minutes": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, path, every_epochs=1, every_minutes=None):
        self.path = path
        self.every_epochs = every_epochs
        self.every_minutes = every_minutes

    def exists(self):
        """Whether there is a file to go on from."""
        return Path(self.path).exists()


def resolve_checkpoint(checkpoint):
    """Return the `Checkpoint` that a ``checkpoint`` argument stands for, or None.

    Raises
    ------
    TypeError, ValueError
        Anything but None, a path and a `Checkpoint`; a folder that cannot be written to.
    """
    if checkpoint is None:
        return None
    path = path_of(checkpoint)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(path)
    checkpoint._validate_params()
    folder = Path(checkpoint.path).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"checkpoint: {str(folder)!r} is not a folder that can be written to")
    if Path(checkpoint.path).is_dir():
        raise ValueError(f"checkpoint: {str(checkpoint.path)!r} is a folder; name a file")
    return checkpoint


def path_of(checkpoint):
    """The path in a path or a `Checkpoint`."""
    if isinstance(checkpoint, (str, os.PathLike)):
        return checkpoint
    if isinstance(checkpoint, Checkpoint):
        return checkpoint.path
    given = checkpoint if isinstance(checkpoint, type) else type(checkpoint)
    raise TypeError(f"checkpoint must be a path or a Checkpoint object, got {given.__name__}")


class CheckpointWriter(Callback):
    """Saves a run when it is time to. It must be the last observer.

    Parameters
    ----------
    checkpoint : Checkpoint
    save : callable
        ``save(run, path)`` writes the file.
    """

    def __init__(self, checkpoint, save):
        self.checkpoint = checkpoint
        self.save = save
        self._saved_at = None
        self._has_failed = False

    def on_fit_begin(self, run):
        self._saved_at = run.clock()

    def on_batch_end(self, run, report):
        # the end of an epoch is saved with its row of the history
        if self._minutes_are_over(run) and run.batch < run.minibatches.n_batches:
            self._write(run)

    def on_epoch_end(self, run, record):
        every = self.checkpoint.every_epochs
        ends = run.stop_reason is not None or run.n_epochs >= run.max_iter
        if ends or (every and run.n_epochs % every == 0) or self._minutes_are_over(run):
            self._write(run)

    def on_fit_end(self, run):
        # out of time in the middle of an epoch; Ctrl-C may have come in the middle of a step
        if run.stop_reason in ("max_time", "callback") and run.batch:
            self._write(run)

    def _minutes_are_over(self, run):
        minutes = self.checkpoint.every_minutes
        return minutes is not None and run.clock() - self._saved_at >= 60 * minutes

    def _write(self, run):
        self._saved_at = run.clock()
        try:
            self.save(run, self.checkpoint.path)
        except OSError as error:
            if not self._has_failed:
                warn(
                    f"The checkpoint {str(self.checkpoint.path)!r} could not be written: {error}. "
                    "Training goes on; an older file is unharmed."
                )
            self._has_failed = True
