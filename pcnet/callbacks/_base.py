"""The protocol of everything that watches a run, and what a ``callbacks`` argument stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._training.optimizer import StepReport
    from .._training.run import Run


class Callback:
    """Watches a run of ``fit`` or ``partial_fit``; override the methods you need.

    After each epoch, first all observers `measure`, then the epoch's row is added to
    ``run.history``, then `on_epoch_end` is called.

    Attributes
    ----------
    stop_reason : str
        What ``stop_reason_`` of the estimator says if this callback ends the run.
    """

    stop_reason = "callback"

    def on_fit_begin(self, run: Run) -> None:
        """Before the first step."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first minibatch of an epoch."""

    def on_batch_end(self, run: Run, report: StepReport) -> bool | None:
        """After an optimiser step; return True to stop at once. Costs nothing if not overridden.

        ``report`` is a `StepReport`: the step's loss, energy and inference counts.
        """

    def measure(self, run: Run) -> dict[str, float]:
        """Columns that this observer adds to the epoch's record, as a dict."""
        return {}

    def on_epoch_end(self, run: Run, record: dict[str, float]) -> bool | None:
        """After an epoch, with its row of the history (a dict); return True to stop."""

    def on_fit_end(self, run: Run) -> None:
        """After the last step, in reverse order of the observers.

        Called also after Ctrl-C, divergence or an exception, if `on_fit_begin` was.
        """

    def state(self) -> Any:
        """What a checkpoint must keep of this observer; None if nothing."""

    def restore(self, state: Any) -> None:
        """Take over what `state` gave."""


class EachEpoch(Callback):
    """Calls ``function(run)`` after each epoch; if that returns True, training stops."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, run, record):
        # not for just any true value: many a function returns what it happens to hold
        return self.function(run) is True


def resolve_callbacks(callbacks):
    """Return the list of `Callback` objects that a ``callbacks`` argument stands for.

    Parameters
    ----------
    callbacks : None, callable, Callback, or list or tuple of the last two

    Raises
    ------
    TypeError
        Anything else; the message says which entry.
    """
    if callbacks is None:
        return []
    if not isinstance(callbacks, (list, tuple)):
        return [_resolve(callbacks, "callbacks")]
    return [_resolve(entry, f"callbacks[{i}]") for i, entry in enumerate(callbacks)]


def _resolve(entry, name):
    if isinstance(entry, Callback):
        return entry
    if isinstance(entry, type):
        raise TypeError(f"{name} must be an object, got the class {entry.__name__}; call it")
    if hasattr(entry, "on_fit_task_end"):
        raise TypeError(
            f"{name} is a callback of scikit-learn ({type(entry).__name__}); register it by "
            "set_callbacks(...) instead"
        )
    if not callable(entry):
        raise TypeError(
            f"{name} must be a function of the run or a pcnet.callbacks.Callback, got "
            f"{type(entry).__name__}"
        )
    return EachEpoch(entry)
