"""The file and the times at which a run is saved."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from .._options import Interval, Options, real_interval


@dataclass(eq=False, repr=False)
class Checkpoint(Options):
    """File and times at which ``fit`` saves a run.

    The file is replaced atomically: if the process is killed, the old or the new file exists and is
    complete. ``resume`` continues from it.

    Parameters
    ----------
    path : str or path-like
        The file; its folder must exist.
    every_epochs : int or None, default=1
        Save after this number of epochs, 1 or more. None: not by epochs.
    every_minutes : float or None, default=None
        Save when this time has passed since the last save, also in the middle of an epoch;
        positive. None: not by time.

    Notes
    -----
    The end of training is always saved. An existing file must be a checkpoint or empty, and keeps
    its permissions. The file is a pickle: only load files that you trust.

    Examples
    --------
    >>> from pcnet.callbacks import Checkpoint
    >>> Checkpoint("run.ckpt", every_epochs=None, every_minutes=10).exists()
    False
    """

    path: str | os.PathLike[str]
    every_epochs: int | None = 1
    every_minutes: float | None = None

    _parameter_constraints = {
        "path": [str, os.PathLike],
        "every_epochs": [Interval(Integral, 1, math.inf, closed="left"), None],
        "every_minutes": [real_interval(0, closed="neither"), None],
    }

    def exists(self) -> bool:
        """Whether the file exists and is not empty, so that `resume` can continue from it.

        Returns
        -------
        bool
        """
        path = Path(path_of(self.path, "path"))
        return path.is_file() and path.stat().st_size > 0


def path_of(checkpoint, name="checkpoint"):
    """The path of a path or a `Checkpoint`."""
    if isinstance(checkpoint, (str, os.PathLike)):
        return checkpoint
    if isinstance(checkpoint, Checkpoint):
        return checkpoint.path
    given = checkpoint if isinstance(checkpoint, type) else type(checkpoint)
    raise TypeError(f"{name} must be a path or a Checkpoint object, got {given.__name__}")
