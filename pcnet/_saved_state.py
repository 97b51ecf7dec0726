"""Saved estimators: the format of their state, and reading of older formats."""

from __future__ import annotations

from typing import Self

from ._options import with_new_arguments
from ._version import __version__
from ._warnings import warn

#: Number of the format of an estimator's attributes. Increase it, and convert older states in
#: `upgraded_state`, if attributes are renamed or change their meaning; not for new arguments.
FORMAT = 1

_FORMAT_KEY = "_pcnet_format"
_VERSION_KEY = "_pcnet_version"


#: Arguments that name files which `fit` writes or `resume` reads.
PATHS = ("checkpoint",)


class StateWithPaths(dict):
    """The state in a pickle or a copy, both of which keep paths.

    A pickle can run any code when loaded, so paths add no risk, and worker processes need them.
    """


class StateMixin:
    """Adds the format to saved state, and reads older formats.

    It applies to pickle, joblib, skops and copy, which use ``__getstate__``. Only pickles (also
    joblib's) and copies keep `PATHS`: files of other formats must not decide which files are
    written, or which pickles are loaded.
    """

    def __getstate__(self):
        state = super().__getstate__()
        return {**_without_paths(state), _FORMAT_KEY: FORMAT, _VERSION_KEY: __version__}

    def __reduce_ex__(self, protocol):
        function, arguments, state, *rest = super().__reduce_ex__(protocol)
        paths = {name: value for name, value in vars(self).items() if name in PATHS}
        return function, arguments, StateWithPaths(state | paths), *rest

    def __setstate__(self, state):
        upgraded = upgraded_state(state, type(self))
        if not isinstance(state, StateWithPaths):
            dropped = [name for name in PATHS if upgraded.get(name) is not None]
            upgraded = _without_paths(upgraded)
            if dropped:
                warn(
                    f"{', '.join(dropped)} of the {type(self).__name__} in this file was dropped: "
                    "a file does not decide what is written or read. Set it again with set_params "
                    "if you trust it."
                )
        super().__setstate__(upgraded)

    def drop_optimizer_state(self) -> Self:
        """Free the solver's memory: with Adam two thirds of a fitted estimator's size.

        Predictions, energies and the history keep their bits. Further training (`partial_fit`, or
        `fit` with ``warm_start=True``) starts with a new optimiser, as after `from_network`. Call
        it before saving a model that will only predict.

        Returns
        -------
        self : estimator

        Raises
        ------
        NotFittedError
            The estimator is not fitted.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        self._optimizer_state = None
        return self


def _without_paths(state):
    return {name: None if name in PATHS else value for name, value in state.items()}


def upgraded_state(state, cls):
    """Attributes of an estimator of class ``cls`` in the current format.

    Parameters
    ----------
    state : dict
        State from `StateMixin` of this or an older version; not changed.
    cls : type
        Arguments of its constructor that are missing in ``state`` get their defaults.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        A newer version saved it, in a format that this one does not know.
    """
    state = dict(state)
    version = state.pop(_VERSION_KEY, "0.1.0")
    found = state.pop(_FORMAT_KEY, 1)
    if found > FORMAT:
        raise ValueError(
            f"this {cls.__name__} was saved by pcnet {version} in format {found}; pcnet "
            f"{__version__} reads formats up to {FORMAT}. Update pcnet to {version} or later"
        )
    return with_new_arguments(state, cls)
