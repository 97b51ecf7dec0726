"""Checkpoints of a run, from which another process continues with the same bits."""

from __future__ import annotations

import pickle
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from .._core import binding
from .._data.fingerprint import fingerprint
from .._network_core import parameters
from .._training.checkpoint import CheckpointWriter, resolve_checkpoint, run_state
from .._training.checkpoint_file import read_checkpoint, write_checkpoint
from .._training.same_value import same_value
from .._training.stopping import Plateau, with_parameters
from .._types import Estimator
from .._version import __version__
from .._warnings import warn
from ..callbacks._checkpoint import Checkpoint, path_of

#: Arguments that may differ when a run is resumed; any other would change its result.
_FREE = ("verbose", "callbacks", "checkpoint", "max_time", "client")

#: Attributes that scikit-learn's callbacks set on an estimator during a fit.
_TRANSIENT = (
    "_skl_callbacks",
    "_skl_callbacks_to_teardown",
    "_callback_fit_ctx",
    "_parent_callback_ctx",
)


_RANDOM = (np.random.RandomState, np.random.Generator)


class SavedRun(NamedTuple):
    """The payload of a checkpoint."""

    estimator: Any  # fitted, as if training had ended there: with the best weights
    weights: list  # parameters with which training continues
    scoring: Any  # arguments of the estimator, functions by their names
    t_before: int  # t_ of the estimator at the start of the run
    run: dict  # run_state(run)
    data: str  # fingerprints
    validation: str | None


def read_saved_run(estimator, source):
    """The saved run that an estimator continues.

    Parameters
    ----------
    estimator : estimator
    source : str, path-like, Checkpoint or None

    Returns
    -------
    SavedRun

    Raises
    ------
    ValueError
        There is no source or no checkpoint, or it is one of an estimator with other arguments.
    """
    if source is None:
        raise ValueError(
            "resume needs to know where the run was saved: set the estimator's checkpoint, or "
            "call resume(X, y, checkpoint=path)"
        )
    header, saved = read_checkpoint(path_of(source))
    _check_arguments(saved, estimator)
    isa = binding.default_isa()
    if header["instruction_set"] != isa:
        warn(
            f"The run was started with the instructions {header['instruction_set']}, this "
            f"machine uses {isa}: it goes on, but not to the same bits."
        )
    return saved


def load_checkpoint(path: str | PathLike[str]) -> Estimator:
    """Load the estimator from a checkpoint, as if training had ended there.

    It can predict; ``estimator.resume(X, y)`` continues the training. With `early_stopping` it has
    the best weights so far, as after `fit`, and `resume` continues from the last ones. Its
    `checkpoint` is the file that it was loaded from. The file does not contain `callbacks`, nor
    `scoring` if that is not a name. Loading can run code: only load files that you trust.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    PCClassifier or PCRegressor

    Raises
    ------
    OSError
        The file does not exist or cannot be read.
    ValueError
        The file is no checkpoint, is damaged, or has a newer format.
    """
    path = path_of(path, "path")
    estimator = read_checkpoint(path)[1].estimator
    if isinstance(estimator.checkpoint, Checkpoint):
        estimator.checkpoint.path = path
    else:
        estimator.checkpoint = path
    return estimator


def save_run(run, path, data, validation, run_id):
    """Write the checkpoint of a run; ``data`` and ``validation`` are fingerprints."""
    estimator = run.estimator
    view = estimator._without_connections()
    for name in _TRANSIENT:
        vars(view).pop(name, None)
    view.network_ = run.network
    for observer in run.observers:
        if isinstance(observer, Plateau):
            view.network_ = observer.final_network(run.network)
    view._optimizer_state = run.optimizer.state()
    view._keep_inference(run.optimizer.method)
    view._describe(run)
    if view.stop_reason_ is None and run.n_epochs >= run.max_iter:
        view.stop_reason_ = "max_iter"  # the loop sets it only afterwards
    view.t_ = estimator.t_ + run.n_samples_seen
    view.callbacks = None
    if not _is_name(view.scoring):
        view.scoring = None
    header = {
        "pcnet": __version__,
        "dtype": str(run.network.dtype),
        "instruction_set": binding.default_isa(),
        "epoch": run.n_epochs,
        "batch": run.batch,
        "run": run_id,
    }
    payload = SavedRun(
        estimator=view,
        weights=parameters(run.network),
        scoring=_describe_scoring(estimator.scoring),
        t_before=estimator.t_,
        run=run_state(run),
        data=data,
        validation=validation,
    )
    write_checkpoint(path, header, payload)


def _check_arguments_can_be_saved(estimator):
    """Raise ValueError if an argument that goes into the checkpoint cannot be pickled."""
    for name, value in estimator.get_params(deep=False).items():
        if name == "callbacks" or (name == "scoring" and not _is_name(value)):
            continue
        try:
            pickle.dumps(value)
        except Exception as error:
            raise ValueError(
                f"checkpoint: {name}={value!r} cannot be pickled ({error}), so that the run cannot "
                "be saved; define its class or function in a module, or set checkpoint=None"
            ) from error


def apply_saved(estimator, saved):
    """Copy the fitted attributes of the saved estimator, to continue training."""
    arguments = estimator.get_params(deep=False)
    for name, value in vars(saved.estimator).items():
        if name not in arguments:
            setattr(estimator, name, value)
    estimator.network_ = with_parameters(saved.estimator.network_, saved.weights)
    estimator.t_ = saved.t_before


def fingerprint_data(estimator, saved, X, y, sample_weight):
    """Fingerprint to save with a run; None if the run is neither saved nor resumed.

    Raises
    ------
    ValueError
        The data are not those of the `SavedRun`.
    """
    if estimator.checkpoint is None and saved is None:
        return None
    found = fingerprint(X, y, sample_weight)
    if saved is not None:
        _check_fingerprint(saved.data, found, "X, y and sample_weight")
    return found


def fingerprint_validation(call, data, validation):
    """Fingerprint of the user's validation set; ``data`` is that of the training data."""
    found = None
    if call.validation is not None and data is not None:
        found = fingerprint(validation.X, validation.Y, validation.sample_weight)
    if call.saved is not None:
        _check_fingerprint(call.saved.validation, found, "validation data")
    return found


def checkpoint_writer(estimator, data, validation):
    """The `CheckpointWriter` for the argument `checkpoint`, or None.

    ``data`` and ``validation`` are fingerprints.
    """
    checkpoint = resolve_checkpoint(estimator.checkpoint)
    if checkpoint is None:
        return None
    _check_arguments_can_be_saved(estimator)
    return CheckpointWriter(
        checkpoint, lambda run, path, run_id: save_run(run, path, data, validation, run_id)
    )


def _check_fingerprint(saved, found, what):
    """Raise unless the data are those of the start of the run."""
    if saved != found:
        raise ValueError(
            f"the {what} are not those that the run was started on; pass the same values in the "
            "same order and dtype, sparse if they were, or start a new run with fit"
        )


def _check_arguments(saved, new):
    old = saved.estimator
    if type(old) is not getattr(new, "_plain", type(new)):
        raise ValueError(
            f"the checkpoint is one of {type(old).__name__}, not of {type(new).__name__}"
        )
    before, now = old.get_params(deep=True), new.get_params(deep=True)
    before["scoring"], now["scoring"] = saved.scoring, _describe_scoring(new.scoring)
    for name in sorted({*before, *now}):
        if name.split("__")[0] in _FREE:
            continue
        a, b = before.get(name), now.get(name)
        if name == "random_state" and type(a) is type(b) and isinstance(a, _RANDOM):
            continue  # the file has the generator that was seeded from it
        if not same_value(a, b):
            raise ValueError(_describe_change(name, a, b))


def _describe_change(name, a, b):
    hint = "; to train longer, use warm_start afterwards" if name == "max_iter" else ""
    if repr(a) == repr(b):
        found = f"{name} had another value when the run was started, though both print as {a!r}"
    else:
        found = f"{name} was {a!r} when the run was started and is {b!r} now"
    return f"{found}; set it back to continue the same run{hint}"


def _is_name(scoring):
    return scoring is None or isinstance(scoring, (str, list, tuple))


def _describe_scoring(scoring):
    """Text for `scoring` in the file: a name, or the names of functions and objects."""
    if _is_name(scoring):
        return scoring
    if isinstance(scoring, dict):
        return {name: _describe_scoring(scorer) for name, scorer in scoring.items()}
    named = scoring if hasattr(scoring, "__qualname__") else type(scoring)
    return f"{named.__module__}.{named.__qualname__}"
