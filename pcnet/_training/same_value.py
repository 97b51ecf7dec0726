"""Comparison of arguments by value."""

from collections.abc import Mapping
from numbers import Number

import numpy as np

_NUMBERS = (Number, np.number, np.bool_)


def same_value(first, second, _open=()):
    """Whether two arguments have the same value.

    Numbers compare by value (NaN equals NaN), lists and tuples by their items; arrays need the same
    shape and dtype. Objects compare by type and by ``get_params`` if they have it, else by ``==``
    or by their pickled state. Functions and classes compare by identity.
    """
    pair = (id(first), id(second))
    if first is second or pair in _open:  # a pair inside itself: the other items decide
        return True
    _open = (*_open, pair)
    if isinstance(first, _NUMBERS) and isinstance(second, _NUMBERS):
        return bool(first == second or (first != first and second != second))
    if isinstance(first, str) and isinstance(second, str):  # np.str_ too
        return first == second
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return _same_arrays(first, second, _open)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return _same_items(first, second, _open)
    if type(first) is not type(second) or isinstance(first, type):
        return False
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(
            same_value(value, second[key], _open) for key, value in first.items()
        )
    if hasattr(first, "get_params"):
        return same_value(first.get_params(deep=False), second.get_params(deep=False), _open)
    return _same_objects(first, second, _open)


def _same_items(first, second, open_pairs):
    return len(first) == len(second) and all(
        same_value(a, b, open_pairs) for a, b in zip(first, second)
    )


def _same_arrays(first, second, open_pairs):
    if not (isinstance(first, np.ndarray) and isinstance(second, np.ndarray)):
        lists = [a.tolist() if isinstance(a, np.ndarray) else a for a in (first, second)]
        return same_value(*lists, open_pairs)
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.dtype.kind == "O":
        return _same_items(first.ravel().tolist(), second.ravel().tolist(), open_pairs)
    return np.array_equal(first, second, equal_nan=first.dtype.kind in "fc")


def _same_objects(first, second, open_pairs):
    try:
        if first == second:
            return True
    except Exception:  # such as the == of a dataclass with arrays
        pass
    try:
        states = [value.__reduce_ex__(4) for value in (first, second)]
    except Exception:  # functions and other objects that compare by identity
        return False
    if any(isinstance(state, str) for state in states):
        return states[0] == states[1]
    # (constructor, its arguments, state, iterators of items)
    parts = [[*state[:3], *(list(items or ()) for items in state[3:5])] for state in states]
    return _same_items(*parts, open_pairs)
