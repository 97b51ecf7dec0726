"""What a ``callbacks`` argument stands for."""

from ._base import Callback


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
