"""Checkpoints of a run: when they are written, and the state from which training continues."""

import os
import pickle
import secrets
from contextlib import suppress
from pathlib import Path

from .._warnings import warn
from ..callbacks import Callback, Checkpoint
from ..callbacks._checkpoint import path_of
from .checkpoint_file import read_header, remove_stale

# ---------------------------------------------------------------- the state of a run


_PROGRESS = ("n_epochs", "n_steps", "batch", "n_samples_seen", "first_loss")


def run_state(run):
    """The state needed to continue training, except the weights and the solver's moments.

    The order of an epoch is not stored but drawn again from the random state at the start of the
    epoch.

    Parameters
    ----------
    run : Run

    Returns
    -------
    dict
        For `restore_run`; can be pickled if the observers' states can.
    """
    within = run.batch > 0
    return {
        **{name: getattr(run, name) for name in _PROGRESS},
        "stop_reason": run.stop_reason,
        "seconds": run.seconds(),
        "n_plateaus": run.schedule.n_plateaus,
        "sums": {**vars(run.sums), "by_sample": run.sums.by_sample.copy()},
        "random_state": (
            run.epoch_random_state if within else run.random_state.bit_generator.state
        ),
        "observers": _observer_states(run),
    }


def restore_run(run, state):
    """Restore in a new run what `run_state` returned, without optimiser and history.

    A run that stopped at a plateau stays stopped. A run that was interrupted or reached its time
    limit continues.
    """
    vars(run).update((name, state[name]) for name in _PROGRESS)
    run.seconds_before = state["seconds"]
    run.schedule.n_plateaus = state["n_plateaus"]
    vars(run.sums).update(state["sums"], by_sample=state["sums"]["by_sample"].copy())
    run.random_state.bit_generator.state = state["random_state"]
    run.epoch_random_state = state["random_state"]
    run.stop_reason = state["stop_reason"] if state["stop_reason"] == "plateau" else None
    for name, observer in _named_observers(run):
        if name in state["observers"]:
            observer.restore(state["observers"][name])


def _observer_states(run):
    states = {name: observer.state() for name, observer in _named_observers(run)}
    return {name: state for name, state in states.items() if state is not None}


def _named_observers(run):
    """Observers by class and number; those that only print may differ between processes."""
    names = [type(observer).__qualname__ for observer in run.observers]
    for i, observer in enumerate(run.observers):
        yield f"{names[i]}:{names[:i].count(names[i])}", observer


# ---------------------------------------------------------------- when it is saved


def resolve_checkpoint(checkpoint):
    """Return the `Checkpoint` of a ``checkpoint`` argument, or None.

    Raises
    ------
    TypeError, ValueError
        The argument is not None, a path or a `Checkpoint`; the file cannot be written; or it exists
        and is not a checkpoint, and would be overwritten.
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


class CheckpointWriter(Callback):
    """Saves a run at the times that `Checkpoint` sets. It must be the last observer.

    Parameters
    ----------
    checkpoint : Checkpoint
    save : callable
        ``save(run, path, run_id)`` writes the file; its header has ``run_id`` as "run".
    """

    def __init__(self, checkpoint, save):
        self.checkpoint = checkpoint
        self.save = save
        self._path = os.path.abspath(checkpoint.path)  # valid also if the working folder changes
        self._run_id = secrets.token_hex(8)
        self._replaceable = {None, self._run_id}  # ids of runs
        self._saved_at = None
        self._has_warned = False

    def on_fit_begin(self, run):
        self._saved_at = run.clock()
        remove_stale(self._path)
        with suppress(OSError):  # handled at the first write
            self._replaceable.add(self._present_run())

    def on_batch_end(self, run, report):
        # the end of an epoch is saved in on_epoch_end, with its row of the history
        if self._minutes_are_over(run) and run.batch < run.n_batches:
            self._write(run)

    def on_epoch_end(self, run, record):
        every = self.checkpoint.every_epochs
        ends = run.stop_reason is not None or run.n_epochs >= run.max_iter
        if ends or (every and run.n_epochs % every == 0) or self._minutes_are_over(run):
            self._write(run)

    def on_fit_end(self, run):
        # the time limit ended an epoch early; Ctrl-C may have interrupted a step
        if run.stop_reason in ("max_time", "callback") and run.batch:
            try:
                self._write(run)
            except KeyboardInterrupt:  # training is complete: keep its result
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
        except ValueError:  # not a checkpoint
            return ""
        return None if header is None else str(header.get("run", ""))

    def _another_run_writes(self):
        if self._present_run() in self._replaceable:
            return False
        self._warn(
            "has been written by another run since this one began, which no longer writes it. Give "
            "each run a separate file. Training"
        )
        return True

    def _warn(self, text):
        """Warn once that the file is not written."""
        if not self._has_warned:
            self._has_warned = True
            warn(
                f"The checkpoint {str(self.checkpoint.path)!r} {text} goes on; an older file is "
                "unharmed."
            )
