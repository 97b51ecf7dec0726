"""Objects with options, which scikit-learn clones and searches, without an import of it."""

from __future__ import annotations

import copy
import inspect
import sys
from numbers import Integral, Real
from typing import Any, NamedTuple, Self

import numpy as np

from ._checks import LARGEST, our_name, shown


class Options:
    """Base class of objects that hold the arguments of their constructor under the same names.

    scikit-learn needs only `get_params` and `set_params` to clone such an object and to search its
    options inside an estimator (``solver__beta_2``).
    """

    #: Allowed values of options: lists of None, "boolean", "auto", a type or an `Interval`.
    _parameter_constraints: dict[str, list[Any]] = {}

    @classmethod
    def _get_param_names(cls) -> list[str]:
        return sorted(_parameters(cls))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options by name.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add options of options, as ``name__option``.

        Returns
        -------
        dict
        """
        params: dict[str, Any] = {}
        for name in self._get_param_names():
            value = getattr(self, name)
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                inner = value.get_params().items()
                params.update((f"{name}__{option}", of_option) for option, of_option in inner)
            params[name] = value
        return params

    def set_params(self, **params: Any) -> Self:
        """Set options, also those of options (``name__option=value``).

        Returns
        -------
        self

        Raises
        ------
        ValueError
            There is no such option.
        """
        names = self._get_param_names()
        nested: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, has_inner, option = key.partition("__")
            if name not in names:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: "
                    f"{names!r}."
                )
            if has_inner:
                nested.setdefault(name, {})[option] = value
            else:
                setattr(self, name, value)
        for name, options in nested.items():
            getattr(self, name).set_params(**options)
        return self

    def copy_options(self) -> Self:
        """A new object with copies of the options; what it has learned is left out."""
        params = self.get_params(deep=False)
        return type(self)(**{name: _copied(value) for name, value in params.items()})

    def __repr__(self):
        defaults = {name: repr(p.default) for name, p in _parameters(type(self)).items()}
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if _shows_defaults() or repr(value) != defaults[name]
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self):
        return vars(self).copy()  # never None, which skops would pass to __setstate__

    def __setstate__(self, state):
        vars(self).update(with_new_arguments(dict(state), type(self)))

    def _validate_params(self):
        """Raise `InvalidOptionError` unless all options are as `_parameter_constraints` says."""
        for name, allowed in self._parameter_constraints.items():
            value = getattr(self, name)
            if not any(_is_allowed(value, constraint) for constraint in allowed):
                *most, last = (_text_of(constraint) for constraint in allowed)
                wanted = f"{', '.join(most)} or {last}" if most else last
                raise InvalidOptionError(
                    f"The {name!r} parameter of {type(self).__name__} must be {wanted}. Got "
                    f"{value!r} instead."
                )


def resolve_options(name, value, by_name, kind, example, hint=""):
    """The object of an argument that takes a name or an object with options.

    Parameters
    ----------
    name : str
        Of the argument, for errors.
    value : str or object of ``kind``
        A name selects the object with its default options.
    by_name : mapping of str to class
    kind : type or tuple of type
    example : str
        Code of an object, for errors.
    hint : str, default=""
        End of the error for a value that is neither a name nor an object.

    Returns
    -------
    object of ``kind``
        With checked options; a given object is returned without a copy.

    Raises
    ------
    ValueError
        The name is unknown, or an option is out of range.
    TypeError
        The argument is neither a name nor such an object.
    """
    wanted = f"{name} must be one of {', '.join(map(repr, by_name))} or an object such as {example}"
    if isinstance(value, str):
        if value in by_name:
            return by_name[value]()
        is_class = value in {cls.__name__ for cls in by_name.values()}
        quoted = f". Without quotes that is an object: {value}()"
        meant = quoted if is_class else our_name(value, by_name)
        raise ValueError(f"{wanted}; got {value!r}{meant}")
    if isinstance(value, type):
        raise TypeError(
            f"{name} must be an object, got the class {value.__name__}; write {value.__name__}()"
        )
    if not isinstance(value, kind):
        raise TypeError(f"{wanted}; got {shown(value)}{hint}")
    value._validate_params()
    return value


class InvalidOptionError(ValueError, TypeError):
    """The value of an option has the wrong type or is out of range."""


class Interval(NamedTuple):
    """Numbers within two ends, as scikit-learn's class of this name.

    Attributes
    ----------
    type : {Integral, Real, float}
        float: numbers that are no integers.
    low, high : float
    closed : {"left", "right", "both", "neither"}
        The ends that belong to it.
    """

    type: Any
    low: float
    high: float
    closed: str


def real_interval(low, closed):
    """Finite numbers from ``low`` on ("left"), or above it ("neither"), as `Interval`."""
    return Interval(Real, low, LARGEST, {"left": "both", "neither": "right"}[closed])


def with_new_arguments(state, cls):
    """Add the defaults of arguments of a class's constructor that are missing in a saved state."""
    for name, parameter in _parameters(cls).items():
        if parameter.default is not parameter.empty:
            state.setdefault(name, parameter.default)
    return state


def _parameters(cls):
    if cls.__init__ is object.__init__:
        return {}
    parameters = inspect.signature(cls.__init__).parameters
    named = {name: p for name, p in parameters.items() if name != "self"}
    for name, p in named.items():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            stars = "*" if p.kind == p.VAR_POSITIONAL else "**"
            raise RuntimeError(
                f"the constructor of {cls.__name__} must name each option; it has {stars}{name}, "
                "which a copy of the object would lose"
            )
    return named


def _copied(value):
    if isinstance(value, Options):
        return value.copy_options()
    return copy.deepcopy(value)


def _shows_defaults():
    """Whether scikit-learn's setting is to print default options, too."""
    sklearn = sys.modules.get("sklearn")
    return sklearn is not None and not sklearn.get_config()["print_changed_only"]


def _is_allowed(value, constraint):
    if isinstance(constraint, Interval):
        return _is_within(value, constraint)
    if constraint == "boolean":
        return isinstance(value, (bool, np.bool_))
    if constraint is None or isinstance(constraint, str):
        return value is None if constraint is None else isinstance(value, str) and value == "auto"
    return isinstance(value, constraint)


def _is_within(value, interval):
    kind, low, high, closed = interval
    is_integer = isinstance(value, Integral)
    if not isinstance(value, Real) or (kind is not Real and is_integer != (kind is Integral)):
        return False
    above = value >= low if closed in ("left", "both") else value > low
    below = value <= high if closed in ("right", "both") else value < high
    return bool(above and below)  # False for NaN


def _text_of(constraint):
    if isinstance(constraint, Interval):
        kind, low, high, closed = constraint
        name = "an int" if kind is Integral else "a float"
        low, high = (low, high) if kind is Integral else (float(low), float(high))
        opening = "[" if closed in ("left", "both") else "("
        closing = "]" if closed in ("right", "both") else ")"
        return f"{name} in the range {opening}{low}, {high}{closing}"
    if constraint == "boolean":
        return "an instance of 'bool' or an instance of 'numpy.bool_'"
    if constraint is None or isinstance(constraint, str):
        return "None" if constraint is None else f"a str among {{{constraint!r}}}"
    module = "" if constraint.__module__ == "builtins" else f"{constraint.__module__}."
    return f"an instance of '{module}{constraint.__qualname__}'"
