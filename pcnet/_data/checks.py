"""Checks of arguments for several modules; each error names a remedy.

scikit-learn is imported where it is called: scaling and rows of features need NumPy only.
"""

import operator
from numbers import Number

import numpy as np

from .._checks import check_core_dtype, shown

MAX_WIDTH = 2**31 - 1  # a C int


def check_data(estimator, *arrays, **options):
    """scikit-learn's ``validate_data``, returning C-contiguous arrays.

    Values that do not fit into float32 raise its ValueError, without NumPy's warning. If features
    contain text, a note in the error names the columns.
    """
    from sklearn.utils.validation import validate_data

    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return validate_data(estimator, *arrays, order="C", **options)
    except OverflowError as error:
        raise ValueError(
            f"{_not_floats(arrays)} holds an integer that no float can hold; scale it"
        ) from error
    except TypeError as error:  # NumPy's text names no argument
        if "float() argument" not in str(error):
            raise
        raise TypeError(f"{_not_floats(arrays)} must hold real numbers: {error}") from error
    except ValueError as error:
        if "string to float" not in str(error):
            raise
        named = ValueError(f"{_not_floats(arrays)} holds text: {error}")
        text = _text_columns(arrays[0])
        if text:
            named.add_note(
                f"X holds text in the columns {', '.join(map(repr, text))}: encode it first, for "
                "example with OneHotEncoder in a ColumnTransformer, or TfidfVectorizer"
            )
        raise named from error


def _not_floats(arrays):
    """Name of the first of (X, y) that does not convert to floats."""
    for name, array in zip(("X", "y"), arrays):
        try:
            np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return name
    return "X"


def _text_columns(X):
    """Names, or numbers, of the columns that do not convert to floats."""
    if np.ndim(X) != 2:
        return []
    is_frame = hasattr(X, "columns")
    columns = ((name, X[name]) for name in X.columns) if is_frame else enumerate(np.asarray(X).T)
    found = []
    for name, column in columns:
        try:
            np.asarray(column, dtype=np.float64)
        except (TypeError, ValueError):
            found.append(name)
    return found


def is_finite(X):
    """Whether floats (C-contiguous) are finite, in one pass: their sum of squares shows most."""
    flat = X.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.einsum("i,i->", flat, flat)) or np.isfinite(flat).all())


def raise_not_finite(estimator, X):
    """Raise scikit-learn's ValueError for values of which some are NaN or infinite."""
    from sklearn.utils.validation import assert_all_finite

    with np.errstate(over="ignore", invalid="ignore"):
        assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")


def check_overflow(finite):
    """Raise FloatingPointError unless the outputs for finite features are finite."""
    if not finite:
        raise FloatingPointError(
            "what the network computes for some row of X is not finite: the row's values, though "
            "finite, are so large that activities or outputs overflow. Scale the features as those "
            "trained on were, leave such rows out, or use dtype='float64'"
        )


def check_hidden_layer_sizes(hidden_layer_sizes):
    """Return ``hidden_layer_sizes`` as a tuple of Python ints.

    Parameters
    ----------
    hidden_layer_sizes : int or iterable of int
        Widths of the hidden layers, input side first. An int is one layer.

    Raises
    ------
    ValueError
        A width is not an integer, is below 1 or above 2^31 - 1.
    """
    iterable = hasattr(hidden_layer_sizes, "__iter__")
    sizes = list(hidden_layer_sizes) if iterable else [hidden_layer_sizes]
    return tuple(_check_width(size, hidden_layer_sizes) for size in sizes)


def _check_width(size, hidden_layer_sizes):
    try:
        width = operator.index(size)
    except TypeError:
        width = None
    if width is None or isinstance(size, (bool, np.bool_)):
        raise ValueError(
            "hidden_layer_sizes must hold integers such as (128, 128), got "
            f"{size!r} of type {type(size).__name__}"
        )
    if not 1 <= width <= MAX_WIDTH:
        raise ValueError(
            f"hidden_layer_sizes must be > 0 and at most {MAX_WIDTH}, got "
            f"{shown(hidden_layer_sizes)}; leave a layer out rather than giving it width 0"
        )
    return width


def check_transform_layer(transform_layer, n_hidden):
    """Raise ValueError unless ``transform_layer`` is the index of one of the hidden layers.

    Without hidden layers the default -1 is accepted.
    """
    if -n_hidden <= transform_layer < n_hidden or (n_hidden == 0 and transform_layer == -1):
        return
    expected = f"from {-n_hidden} to {n_hidden - 1}" if n_hidden else "-1"
    raise ValueError(
        f"transform_layer must be {expected} with {n_hidden} hidden layers (0 is the lowest, -1 "
        f"the highest), got {transform_layer}"
    )


def check_dtype(dtype):
    """Return the NumPy dtype of a ``dtype`` argument, or None.

    Parameters
    ----------
    dtype : {None, "float32", "float64"} or a NumPy type
        None: that of the data.

    Raises
    ------
    ValueError
        The type is another one: the core computes in float32 and float64 only.
    """
    return None if dtype is None else check_core_dtype(dtype, "None (follow X), ")


def check_sample_weight(sample_weight, n_samples):
    """Return ``sample_weight`` as float64 of shape (n_samples,), or None.

    A scalar weight is the same as None: only ratios of weights matter. The result is divided by a
    power of two so that its largest weight is from 1 to below 2, independent of the unit.

    Raises
    ------
    ValueError
        The shape is wrong, a weight is negative or not finite, or all weights are 0.
    """
    if sample_weight is None:
        return None
    from sklearn.utils.validation import check_array

    if isinstance(sample_weight, Number):
        sample_weight = np.full(n_samples, sample_weight)
    try:
        sample_weight = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=np.float64,
            order="C",
            input_name="sample_weight",
            ensure_min_samples=0,
        )
    except (OverflowError, TypeError, ValueError) as error:
        if "sample_weight" in str(error):
            raise
        raise ValueError(f"sample_weight must be one finite number a sample: {error}") from error
    if sample_weight.ndim != 1:
        raise ValueError(
            "Sample weights must be 1D array or scalar, got "
            f"{sample_weight.ndim}D array; give one weight per sample"
        )
    if sample_weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight.shape == {sample_weight.shape}, expected ({n_samples},): "
            "one weight per row of X"
        )
    if np.any(sample_weight < 0):
        raise ValueError(
            f"sample_weight must not be negative, got a weight of {sample_weight.min()}; "
            "0 leaves a sample out"
        )
    if not np.any(sample_weight > 0):
        raise ValueError(
            "sample_weight must contain at least one non-zero number, otherwise nothing is left "
            "to train on"
        )
    return normalised_weight(sample_weight)


def normalised_weight(weight):
    """Weights over a power of two, so that the largest is from 1 to below 2; zeros stay 0."""
    largest = weight.max(initial=0.0)
    return weight / np.ldexp(1.0, np.frexp(largest)[1] - 1) if largest > 0 else weight
