"""Saving a run in the middle, and going on with it in another process, to the same bits."""

import copy
import hashlib
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import _fit_context

from . import _core
from ._checkpoint_file import read_checkpoint, write_checkpoint
from ._data import Rows
from ._run import FitCall
from ._version import __version__
from ._warnings import warn
from .callbacks._checkpoint import path_of
from .callbacks._validation import gather_validation_set

_FINGERPRINT_ROWS = 256

#: What may differ when a run goes on; the rest decides on its bits.
_FREE = ("verbose", "callbacks", "checkpoint", "max_time")

#: What scikit-learn's callbacks set on an estimator while it is fitted.
_TRANSIENT = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
)


class SavedRun(NamedTuple):
    """The payload of a checkpoint."""

    estimator: Any  # fitted, as if training had ended then
    t_before: int  # its t_ when the run began
    run: dict  # Run.state()
    data: str  # fingerprints
    validation: str | None


class ResumeMixin:
    """Adds ``resume`` to an estimator."""

    @_fit_context(prefer_skip_nested_validation=True)
    def resume(
        self,
        X,
        y,
        sample_weight=None,
        *,
        checkpoint=None,
        validation_data=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Go on with an interrupted `fit`, from its checkpoint, on the same data.

        The result has the same bits as if `fit` had not been interrupted. The estimator must have
        the same arguments, except `verbose`, `callbacks`, `checkpoint` and `max_time`; a run that
        was complete comes back as it was.

        Parameters
        ----------
        X, y, sample_weight
            As given to `fit`.
        checkpoint : str, path-like or Checkpoint, default=None
            The file to go on from. None: that of the argument `checkpoint` of the estimator.
        validation_data, X_val, y_val, sample_weight_val
            As given to `fit`.

        Returns
        -------
        self : estimator
        """
        source = self.checkpoint if checkpoint is None else checkpoint
        if source is None:
            raise ValueError(
                "resume needs to know where the run was saved: set the estimator's checkpoint, or "
                "call resume(X, y, checkpoint=path)"
            )
        header, saved = read_checkpoint(path_of(source))
        _check_arguments(saved.estimator, self)
        isa = _core.default_isa()
        if header["instruction_set"] != isa:
            warn(
                f"The run was started with the instructions {header['instruction_set']}, this "
                f"machine uses {isa}: it goes on, but not to the same bits."
            )
        own = gather_validation_set(validation_data, X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, FitCall(validation=own, saved=saved))


def load_checkpoint(path):
    """Load the estimator from a checkpoint, as if training had ended at that moment.

    It predicts; ``estimator.resume(X, y)`` goes on with the training. Its `callbacks`, and
    `scoring` if that is not a name, are not in the file. Loading can run code: load no files from
    strangers.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    PCClassifier or PCRegressor
    """
    return read_checkpoint(path)[1].estimator


def save_run(run, path, data, validation):
    """Write the checkpoint of a run; ``data`` and ``validation`` are fingerprints."""
    estimator = run.estimator
    view = copy.copy(estimator)
    for name in _TRANSIENT:
        vars(view).pop(name, None)
    view.network_ = run.network
    view._optimizer_state = run.trainer.state()
    view._keep_inference(run.trainer.method)
    view._describe(run)
    view.t_ = estimator.t_ + run.n_samples_seen
    view.callbacks = None
    if not _is_name(view.scoring):
        view.scoring = None
    header = {
        "pcnet": __version__,
        "dtype": str(run.network.dtype),
        "instruction_set": _core.default_isa(),
        "epoch": run.n_epochs,
        "batch": run.batch,
    }
    payload = SavedRun(view, estimator.t_, run.state(), data, validation)
    write_checkpoint(path, header, payload)


def apply_saved(estimator, saved):
    """Give the estimator the fitted attributes that the saved one has."""
    arguments = estimator.get_params(deep=False)
    for name, value in vars(saved.estimator).items():
        if name not in arguments:
            setattr(estimator, name, value)
    estimator.t_ = saved.t_before


def check_fingerprint(saved, found, what):
    """Raise unless the data are those that the run was started on."""
    if saved != found:
        raise ValueError(
            f"the {what} are not those that the run was started on, in this order; pass the same, "
            "or start a new run with fit"
        )


def fingerprint(*arrays):
    """Digest of shapes, dtypes, all of 1-d arrays and some rows of others; None stands for itself.

    `Rows` count as the dense array that they spell out. It reads at most 256 rows of a matrix, so
    that it costs little where data are on disk.
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if array is None:
            digest.update(b"none")
            continue
        digest.update(repr((array.shape, array.dtype.kind)).encode())
        if len(array.shape) > 1:
            rows = np.linspace(0, len(array) - 1, min(len(array), _FINGERPRINT_ROWS)).astype(int)
            if isinstance(array, Rows):
                array = array.take(rows, np.empty((len(rows), array.shape[1]), array.dtype))
            else:
                array = array[rows]
        if array.dtype.kind == "O":
            array = array.astype(str)
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _check_arguments(old, new):
    if type(old) is not type(new):
        raise ValueError(
            f"the checkpoint is one of {type(old).__name__}, not of {type(new).__name__}"
        )
    before, now = old.get_params(deep=True), new.get_params(deep=True)
    for name in sorted({*before, *now}):
        if name.split("__")[0] in _FREE:
            continue
        a, b = before.get(name), now.get(name)
        if name == "random_state" and not _is_seed(a, b):
            continue  # the state itself is in the file
        if name == "scoring" and not _is_name(b):
            continue  # functions are not
        if repr(a) != repr(b):
            hint = "; to train longer, use warm_start afterwards" if name == "max_iter" else ""
            raise ValueError(
                f"{name} was {a!r} when the run was started and is {b!r} now; set it back to go on "
                f"with the same run{hint}"
            )


def _is_seed(*values):
    return not any(isinstance(value, np.random.RandomState) for value in values)


def _is_name(scoring):
    return scoring is None or isinstance(scoring, (str, list, tuple))
