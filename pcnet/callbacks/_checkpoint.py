"""Where and when a run is saved."""

from __future__ import annotations

import os
from numbers import Integral
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from .._checks import real_interval


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

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_epochs: int | None = 1,
        every_minutes: float | None = None,
    ) -> None:
        self.path = path
        self.every_epochs = every_epochs
        self.every_minutes = every_minutes

    def exists(self) -> bool:
        """Whether there is a file to go on from; an empty one is none."""
        path = Path(path_of(self.path, "path"))
        return path.is_file() and path.stat().st_size > 0


def path_of(checkpoint, name="checkpoint"):
    """The path in a path or a `Checkpoint`."""
    if isinstance(checkpoint, (str, os.PathLike)):
        return checkpoint
    if isinstance(checkpoint, Checkpoint):
        return checkpoint.path
    given = checkpoint if isinstance(checkpoint, type) else type(checkpoint)
    raise TypeError(f"{name} must be a path or a Checkpoint object, got {given.__name__}")
