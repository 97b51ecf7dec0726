"""Support of scikit-learn 1.9's callbacks: epochs, optionally batches, as tasks of a fit."""

from __future__ import annotations

from typing import Any

from sklearn.utils import _safe_indexing

from .._checks import shown
from ._base import Callback

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Replacement of scikit-learn's class of this name."""

        def set_callbacks(self, *callbacks):
            """Raise: this version of scikit-learn has no callbacks."""
            raise RuntimeError(
                "set_callbacks needs scikit-learn 1.9 or newer; update it, or use the argument "
                "callbacks"
            )


def with_batches(callback: Any) -> Any:
    """Let a scikit-learn callback also observe minibatches, as tasks below their epoch.

    This costs about 0.1 ms per batch or more. scikit-learn's progress bars then show one bar per
    epoch.

    Parameters
    ----------
    callback : scikit-learn callback
        The function sets its attribute ``batch_tasks = True``.

    Returns
    -------
    callback
        The same object, for ``set_callbacks(with_batches(ProgressBar()))``.

    Raises
    ------
    TypeError
        ``callback`` is no scikit-learn callback.
    """
    if isinstance(callback, type) or not hasattr(callback, "on_fit_task_end"):
        raise TypeError(
            "callback must be a callback object of scikit-learn, such as "
            f"sklearn.callback.ProgressBar(); got {shown(callback)}. Functions, and objects of "
            "pcnet.callbacks, see minibatches without it (on_batch_end)"
        )
    callback.batch_tasks = True
    return callback


class SklearnTasks(Callback):
    """Reports the epochs and batches of a run to scikit-learn's callbacks.

    Parameters
    ----------
    estimator : estimator
    root : CallbackContext
        The task "fit".
    X, y, sample_weight
        The user's arguments of ``fit``.
    """

    def __init__(self, estimator, root, X, y, sample_weight):
        self.estimator = estimator
        self.root = root
        self.given = (X, y, sample_weight)
        self.rows = None  # the training rows, if others were held out
        callbacks = getattr(estimator, "_skl_callbacks", [])
        self.has_callbacks = bool(callbacks)
        self.has_batches = any(getattr(c, "batch_tasks", False) for c in callbacks)
        self._epoch = self._batch = None

    # ------------------------------------------------------------ the hooks of the loop

    def on_fit_begin(self, run):
        self.root.call_on_fit_task_begin(estimator=self.estimator, **self._data())

    def on_epoch_begin(self, run):
        if not self.has_callbacks:
            return
        n_batches = run.n_batches if self.has_batches else 0
        self._epoch = self.root.subcontext(task_name="epoch", max_subtasks=n_batches)
        self._epoch.call_on_fit_task_begin(
            estimator=self.estimator, **self._data(), reconstruction_attributes=_fitted(run)
        )
        self._begin_batch(run)

    def on_batch_end(self, run, report):
        if self._batch is None:
            return False
        stop = self._end_batch()
        self._begin_batch(run)
        return stop

    def on_epoch_end(self, run, record):
        return self._end_epoch(run)

    def on_fit_end(self, run):
        if run.stop_reason not in (None, "diverged"):  # otherwise an exception is being raised
            self._end_batch()
            self._end_epoch(run)

    def end_fit(self):
        """End the task "fit"; the estimator has all its attributes now."""
        self.root.call_on_fit_task_end(
            estimator=self.estimator, **self._data(), reconstruction_attributes={}
        )

    # ------------------------------------------------------------ tasks and their data

    def _begin_batch(self, run):
        if self.has_batches and run.batch < run.n_batches:
            self._batch = self._epoch.subcontext(task_name="batch")
            self._batch.call_on_fit_task_begin(estimator=self.estimator)

    def _end_batch(self):
        batch, self._batch = self._batch, None
        return batch is not None and batch.call_on_fit_task_end(estimator=self.estimator)

    def _end_epoch(self, run):
        epoch, self._epoch = self._epoch, None
        return epoch is not None and epoch.call_on_fit_task_end(
            estimator=self.estimator, **self._data(), reconstruction_attributes=_fitted(run)
        )

    def _data(self):
        """X, y and metadata as functions, evaluated only for hooks that use them."""
        X, y, weight = self.given
        return {
            "X": lambda: self._training_part(X),
            "y": lambda: self._training_part(y),
            "metadata": lambda: (
                None if weight is None else {"sample_weight": self._training_part(weight)}
            ),
        }

    def _training_part(self, data):
        return data if self.rows is None else _safe_indexing(data, self.rows)


def _fitted(run):
    """Attributes by which a copy of the estimator predicts with the current weights."""
    return lambda: {
        "network_": run.network.copy(),
        "n_iter_": run.n_epochs,
        "history_": {name: list(column) for name, column in run.history.items()},
    }


def begin_tasks(estimator, X, y, sample_weight, max_iter):
    """Create the task "fit" if a scikit-learn callback can use it; return `SklearnTasks`.

    It must be called before any block that restores the estimator's attributes on errors, since
    scikit-learn ends its tasks by these attributes.
    """
    if not (hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")):
        return None
    root = estimator._init_callback_context(max_subtasks=max_iter)
    return SklearnTasks(estimator, root, X, y, sample_weight)
