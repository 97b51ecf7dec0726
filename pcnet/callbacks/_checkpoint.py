"""Files from which an interrupted run goes on."""

import os
import pickle
import secrets
from contextlib import suppress
from numbers import Integral
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from .._checks import real_interval
from .._training.checkpoint_file import read_header, remove_stale
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
    The end of training is always saved. An existing file keeps its permissions, and must be a
    checkpoint or empty. The file is a pickle: only load files that you trust.

    Examples
    --------
    >>> from pcnet.callbacks import Checkpoint
    >>> Checkpoint("run.ckpt", every_epochs=None, every_minutes=10).exists()
    False
    """

    _parameter_constraints = {
        "path": [str, os.PathLike],
        "every_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "every_minutes": [real_interval(0, closed="neither"), None],
    }

    def __init__(self, path, every_epochs=1, every_minutes=None):
        self.path = path
        self.every_epochs = every_epochs
        self.every_minutes = every_minutes

    def exists(self):
        """Whether there is a file to go on from; an empty one is none."""
        path = Path(path_of(self.path, "path"))
        return path.is_file() and path.stat().st_size > 0


def resolve_checkpoint(checkpoint):
    """Return the `Checkpoint` that a ``checkpoint`` argument stands for, or None.

    Raises
    ------
    TypeError, ValueError
        Anything but None, a path and a `Checkpoint`; a file that cannot be written, or that is
        not a checkpoint and would be lost.
    """
    if checkpoint is None:
        return None
    path = path_of(checkpoint)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(path)
    checkpoint._validate_params()
    _check_file(os.fspath(checkpoint.path))
    return checkpoint


def _check_file(path):
    if "\0" in path:
        raise ValueError(f"checkpoint: {path!r} holds a null character; name a file")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise ValueError(f"checkpoint: {path!r} is a folder; name a file")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise ValueError(
            f"checkpoint: {str(target.parent)!r} is not a folder that can be written to"
        )
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise ValueError(f"checkpoint: {path!r} is not a regular file; name another one")
    try:
        read_header(target)
    except ValueError:
        raise ValueError(
            f"checkpoint: the file {path!r} exists and is not a checkpoint; name another one, or "
            "remove it"
        ) from None
    except OSError as error:
        raise ValueError(f"checkpoint: {path!r} cannot be read: {error.strerror}") from None


def path_of(checkpoint, name="checkpoint"):
    """The path in a path or a `Checkpoint`."""
    if isinstance(checkpoint, (str, os.PathLike)):
        return checkpoint
    if isinstance(checkpoint, Checkpoint):
        return checkpoint.path
    given = checkpoint if isinstance(checkpoint, type) else type(checkpoint)
    raise TypeError(f"{name} must be a path or a Checkpoint object, got {given.__name__}")


class CheckpointWriter(Callback):
    """Saves a run when it is time to. It must be the last observer.

    Parameters
    ----------
    checkpoint : Checkpoint
    save : callable
        ``save(run, path, run_id)`` writes the file; its header has ``run_id`` as "run".
    """

    def __init__(self, checkpoint, save):
        self.checkpoint = checkpoint
        self.save = save
        self._path = os.path.abspath(checkpoint.path)  # whatever becomes of the working folder
        self._run_id = secrets.token_hex(8)
        self._replaceable = {None, self._run_id}  # ids of runs
        self._saved_at = None
        self._has_warned = False

    def on_fit_begin(self, run):
        self._saved_at = run.clock()
        remove_stale(self._path)
        with suppress(OSError):  # comes up again when there is something to write
            self._replaceable.add(self._present_run())

    def on_batch_end(self, run, report):
        # the end of an epoch is saved with its row of the history
        if self._minutes_are_over(run) and run.batch < run.n_batches:
            self._write(run)

    def on_epoch_end(self, run, record):
        every = self.checkpoint.every_epochs
        ends = run.stop_reason is not None or run.n_epochs >= run.max_iter
        if ends or (every and run.n_epochs % every == 0) or self._minutes_are_over(run):
            self._write(run)

    def on_fit_end(self, run):
        # out of time in the middle of an epoch; Ctrl-C may have come in the middle of a step
        if run.stop_reason in ("max_time", "callback") and run.batch:
            try:
                self._write(run)
            except KeyboardInterrupt:  # the training is complete: keep its result
                run.stop_reason = "interrupted"

    def _minutes_are_over(self, run):
        minutes = self.checkpoint.every_minutes
        return minutes is not None and run.clock() - self._saved_at >= 60 * minutes

    def _write(self, run):
        self._saved_at = run.clock()
        try:
            if not self._another_run_writes():
                self.save(run, self._path, self._run_id)
        except (OSError, MemoryError, pickle.PicklingError) as error:
            self._warn(f"could not be written: {str(error) or type(error).__name__}. Training")

    def _present_run(self):
        """Id of the run that has written the file; None without a file, "" if it has no id."""
        try:
            header = read_header(self._path)
        except ValueError:  # something else
            return ""
        return None if header is None else str(header.get("run", ""))

    def _another_run_writes(self):
        if self._present_run() in self._replaceable:
            return False
        self._warn(
            "has been written by another run since this one began, which leaves it alone now. Give "
            "each run a file of its own. Training"
        )
        return True

    def _warn(self, text):
        """Say once what has become of the file."""
        if not self._has_warned:
            self._has_warned = True
            warn(
                f"The checkpoint {str(self.checkpoint.path)!r} {text} goes on; an older file is "
                "unharmed."
            )
