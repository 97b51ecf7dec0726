"""The base class of all observers of a run, and checks of ``callbacks`` arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .._training.optimizer import StepReport
    from .._training.run import Run


class Callback:
    """Observes a run of ``fit`` or ``partial_fit``; override the methods you need.

    After each epoch, `measure` of all observers is called first. Then the row of the epoch is
    added to ``run.history``, and `on_epoch_end` is called.

    Attributes
    ----------
    stop_reason : str
        The estimator's ``stop_reason_`` if this callback ends the run.
    """

    stop_reason = "callback"

    def on_fit_begin(self, run: Run) -> None:
        """Called before the first step.

        Parameters
        ----------
        run : Run
        """

    def on_epoch_begin(self, run: Run) -> None:
        """Called before the first minibatch of an epoch.

        Parameters
        ----------
        run : Run
        """

    def on_batch_end(self, run: Run, report: StepReport) -> bool | None:
        """Called after an optimiser step; not called at all if not overridden.

        Parameters
        ----------
        run : Run
        report : StepReport
            Loss, energy and inference counts of the step.

        Returns
        -------
        bool or None
            True stops training after this step.
        """

    def measure(self, run: Run) -> dict[str, float]:
        """Measure after an epoch.

        Parameters
        ----------
        run : Run

        Returns
        -------
        dict of str to float
            Columns for the row of the epoch in the history.
        """
        return {}

    def on_epoch_end(self, run: Run, record: dict[str, float]) -> bool | None:
        """Called after an epoch.

        Parameters
        ----------
        run : Run
        record : dict of str to float
            Row of the epoch in the history.

        Returns
        -------
        bool or None
            True stops training.
        """

    def on_fit_end(self, run: Run) -> None:
        """Called after the last step, in reverse order of the observers.

        It is also called after Ctrl-C, divergence or an exception, if `on_fit_begin` was called.

        Parameters
        ----------
        run : Run
        """

    def state(self) -> Any:
        """State of this observer for a checkpoint.

        Returns
        -------
        object or None
            Any object that can be pickled; None without state.
        """

    def restore(self, state: Any) -> None:
        """Restore the observer from a checkpoint.

        Parameters
        ----------
        state : object
            Result of `state`.
        """


class EachEpoch(Callback):
    """Calls ``function(run)`` after each epoch; if that returns True, training stops."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, run, record):
        # only True itself: functions often return other values unintentionally
        return self.function(run) is True


def resolve_callbacks(callbacks):
    """Return the list of `Callback` objects of a ``callbacks`` argument.

    Parameters
    ----------
    callbacks : None, callable, Callback, or list or tuple of the last two

    Raises
    ------
    TypeError
        The argument is something else; the message names the entry.
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
