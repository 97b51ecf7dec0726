"""Checks of arguments: an error names the argument, the expectation, the value and the remedy."""

import difflib
import math
import sys
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: Integers may be larger than any float.
LARGEST = sys.float_info.max


#: Names in other libraries and the literature for some of pcnet's choices.
_ELSEWHERE = {
    "linear": "identity",
    "sigmoid": "logistic",
    "swish": "silu",
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "ce": "log_loss",
    "cross_entropy": "log_loss",
    "categorical_crossentropy": "log_loss",
    "bce": "logistic",
    "binary_cross_entropy": "logistic",
    "standard": "sp",
    "mup": "mupc",
    "pc": "activity",
    "adam": "adam_activity",
    "nag": "nesterov",
    "accelerated": "nesterov",
    "bp": "backprop",
    "backpropagation": "backprop",
    "zil": "zero_divergence",
    "z_il": "zero_divergence",
    "ipc": "incremental",
    "epc": "error",
    "error_descent": "error",
    "activity_descent": "activity",
    "exact_equilibrium": "exact",
    "pc_alm": "augmented_lagrangian",
    "ode": "gradient_flow",
}

#: Choices of other libraries that pcnet does not have -> the one for the same purpose.
_NEAREST = {
    "absolute_error": "huber",
    "mean_absolute_error": "huber",
    "mae": "huber",
    "l1": "huber",
}

#: End of an error text for a function instead of a name.
NOT_OF_ONES_OWN = ". Functions of your own cannot be passed: the core is compiled with these"


def check_choice(name, value, choices):
    """Raise unless ``value`` is one of the strings ``choices``."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}"
            + our_name(value, choices)
        )


def our_name(value, choices):
    """End of an error text: the one of ``choices`` that ``value`` may mean, if any.

    It is the choice that other libraries or papers call ``value``, or the most similar name.
    """
    name = str(value).lower().replace("-", "_").replace(" ", "_")
    found = _ELSEWHERE.get(name)
    if found in choices:
        return f". Here that is {found!r}"
    nearest = _NEAREST.get(name)
    if nearest in choices:
        return f". It is not there; {nearest!r} has the same purpose"
    alike = difflib.get_close_matches(name, choices, n=1)
    return f". Did you mean {alike[0]!r}?" if isinstance(value, str) and alike else ""


def check_positive(name, value, *, or_zero=False):
    """Raise unless ``value`` is a finite number above 0 (or 0, if allowed)."""
    wanted = "a finite number, 0 or more" if or_zero else "a finite number above 0"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be {wanted}; got {shown(value)}")
    if not is_finite(value) or value < 0 or (value == 0 and not or_zero):
        raise ValueError(f"{name} must be {wanted}; got {shown(value)}")


def is_finite(value):
    """Whether a float can represent a real number of any type, finite."""
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def check_share(name, value):
    """Raise unless ``value`` is a number from 0 to below 1."""
    check_positive(name, value, or_zero=True)
    if value >= 1:
        raise ValueError(f"{name} must be from 0 to below 1; got {value!r}")


def check_count(name, value, smallest=0):
    """Raise unless ``value`` is an integer of at least ``smallest`` that fits into a C int."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer of at least {smallest}; got {shown(value)}")
    if value < smallest:
        raise ValueError(f"{name} must be an integer of at least {smallest}; got {shown(value)}")
    if value >= 2**31 - 1:
        raise ValueError(f"{name} must be below 2**31 - 1; got {shown(value)}")


def check_flag(name, value):
    """``value`` as a bool; a TypeError unless it is a bool, 0 or 1."""
    is_flag = isinstance(value, (bool, np.bool_, Integral)) and value in (0, 1)
    if not is_flag:
        raise TypeError(f"{name} must be True or False; got {shown(value)}")
    return bool(value)


def check_core_dtype(dtype, others=""):
    """The NumPy dtype; a ValueError unless it is one of the core's. ``others`` begins the text."""
    try:
        resolved = np.dtype(dtype)
    except TypeError:
        resolved = None
    # by name: for NumPy a float64 dtype equals None
    if resolved is None or resolved.name not in ("float32", "float64"):
        raise ValueError(
            f"dtype must be {others}'float32' or 'float64', or the NumPy types of these names; got "
            f"{dtype!r}"
        )
    return resolved


def check_iterable(name, values, wanted):
    """The entries of ``values`` as a list; a TypeError unless it is an ordered iterable."""
    if not np.iterable(values) or isinstance(values, (str, bytes)):
        raise TypeError(f"{name} must be {wanted}; got {shown(values)}")
    return list(values)


def check_layer_sizes(layer_sizes):
    """The sizes (inputs, hidden widths, outputs) as a tuple of int."""
    sizes = check_iterable("layer_sizes", layer_sizes, "integers such as (784, 128, 10)")
    if len(sizes) < 2:
        raise ValueError(
            f"layer_sizes must hold two integers or more, inputs first; got {shown(layer_sizes)}"
        )
    for index, size in enumerate(sizes):
        check_count(f"layer_sizes[{index}]", size, smallest=1)
    return tuple(int(size) for size in sizes)


def shown(value, limit=80):
    """Text of a value for errors, of limited length."""
    try:
        text = repr(value)
    except ValueError:  # Python does not print integers of thousands of digits
        return f"an integer of {value.bit_length()} bits"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def listed(values, most=5):
    """Text of the first values of a list for messages, and of the number of the others."""
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    text = ", ".join(shown(value) for value in values[:most])
    more = len(values) - most
    return f"{text} and {more:,} more" if more > 0 else text


def check_representable(name, value, dtype):
    """Raise unless a number is 0 or keeps its digits in ``dtype``, where the core computes with it.

    Parameters
    ----------
    name : str
    value : float or int
    dtype : dtype
        float32 or float64.
    """
    limits = np.finfo(dtype)
    size = abs(float(value)) if is_finite(value) else np.inf
    if size != 0 and not float(limits.tiny) <= size <= float(limits.max):
        raise ValueError(
            f"{name} must be in the range of {np.dtype(dtype)}, in which this network computes: "
            f"{limits.tiny:.2g} to {limits.max:.2g} in size; got {shown(value)}"
            + (". Use a network of float64 weights" if limits.dtype == np.float32 else "")
        )


def check_adam_epsilon(name, epsilon, dtype):
    """Raise unless Adam's m / (sqrt(v) + epsilon) is bounded in ``dtype`` for any gradient.

    Squares of gradients below the root of the smallest normal number are 0: with a smaller
    epsilon the quotient would be huge there, and 0 / 0 where the gradient is 0.
    """
    limits, kind = np.finfo(dtype), np.dtype(dtype).name
    least, most = float(np.sqrt(limits.tiny)), float(limits.max)
    if not least <= epsilon <= most:
        raise ValueError(
            f"{name} must be at least {least:.2g} in {kind}, where squares of smaller gradients "
            f"are 0, and at most {most:.2g}; got {shown(epsilon)}. 1e-8 is usual; float64 takes "
            f"{float(np.sqrt(np.finfo(np.float64).tiny)):.2g} and more"
        )


def all_finite(array):
    """Whether an array holds neither NaN nor infinity."""
    with np.errstate(over="ignore", invalid="ignore"):
        total = array.sum()  # without a temporary array; it may overflow
    return bool(np.isfinite(total) or np.isfinite(array).all())


#: End of an error text about an overflow in a computation.
OVERFLOW_REMEDY = (
    "the inputs, targets or weights are too large. Scale the inputs and targets to about unit "
    "variance, or make the network of float64 weights"
)


def check_no_overflow(what, arrays, remedy=OVERFLOW_REMEDY):
    """Raise a FloatingPointError that names the first layer whose array is not finite.

    Parameters
    ----------
    what : str
        Name of the arrays, in the plural.
    arrays : sequence of ndarray
        Arrays of the layers 1, 2, ..
    remedy : str
    """
    for layer, array in enumerate(arrays, 1):
        if not all_finite(array):
            raise FloatingPointError(
                f"the {what} of layer {layer} are not finite in {array.dtype}: {remedy}"
            )


#: End of an error text about weights that are no matrix.
WEIGHTS_HINT = (
    ". Give a row for each unit below and a column for each unit of the layer: [[w]] between two "
    "single units"
)


def rows_hint(name, n_columns):
    """End of an error text about an array without a row for each sample."""
    hint = ". Give a row for each sample: [x] for a single one"
    if n_columns == 1:
        return f"{hint}, {name.lower()}[:, None] for a list of numbers, [[x]] for one number"
    if name == "Y":
        return f"{hint}. Of class labels 0, 1, .. make one-hot rows: np.eye({n_columns})[labels]"
    return hint


def check_float_array(
    name: str,
    values: Any,
    dtype: DTypeLike,
    ndim: int | None,
    shape: tuple[int | None, ...] | None = None,
    *,
    copy: bool = True,
    hint: str = "",
) -> NDArray[Any]:
    """A finite, C-contiguous, aligned array of this dtype.

    Parameters
    ----------
    name : str
        Name in error messages.
    values : array-like
    dtype : dtype
        Any real numbers are converted to it.
    ndim : int or None
        None: any.
    shape : tuple of int or None
        None: any length of at least 1.
    copy : bool
        Whether the result must not share memory with ``values``.
    hint : str
        End of an error about too few dimensions or columns.

    Returns
    -------
    ndarray
    """
    array = as_array(name, values, ndim)
    if values is None:
        raise TypeError(f"{name} must be an array of numbers; got None")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; got {_kind_of(array)}")
    ndim = array.ndim if ndim is None else ndim
    if array.ndim != ndim:
        raise ValueError(
            f"{name} must have {ndim} dimension(s); got shape {array.shape}"
            + (hint if array.ndim < ndim else "")
        )
    for axis, (found, wanted) in enumerate(zip(array.shape, shape or (None,) * ndim, strict=True)):
        if found == 0 or (wanted is not None and found != wanted):
            raise ValueError(
                f"{name} must have {'at least 1' if wanted is None else wanted} "
                f"{('rows', 'columns')[axis] if ndim == 2 else 'entries'}; got shape {array.shape}"
                + (hint if (axis, found) == (1, 1) else "")
            )
    with np.errstate(over="ignore"):
        converted = np.array(array, dtype=dtype, order="C", copy=True if copy else None)
    if not converted.flags.aligned:  # such as np.frombuffer with an offset, which C must not read
        converted = converted.copy()
    if not all_finite(converted):
        raise ValueError(
            f"{name} must be finite in {np.dtype(dtype)}, but contains NaN or infinity; impute or "
            "drop those rows, or scale the values"
        )
    return converted


def as_array(name: str, values: Any, ndim: int | None = None) -> NDArray[Any]:
    """``np.asarray``, whose error names the argument; ndim: as for `check_float_array`."""
    try:
        return np.asarray(values)
    except ValueError:  # NumPy's text names no argument
        dimensions = "" if ndim is None else f" of {ndim} dimension(s)"
        raise ValueError(
            f"{name} must be one array{dimensions}; got a {type(values).__name__} of "
            "parts whose shapes differ"
        ) from None


def _kind_of(array):
    """Kind of the entries of an array without floats."""
    if array.dtype.kind == "O" and not array.size:
        return "nothing"
    if any(isinstance(value, Integral) and not is_finite(value) for value in array.flat):
        return "integers that no float can hold"
    return f"dtype {array.dtype}"
