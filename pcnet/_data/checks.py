"""Checks of arguments for several modules; each error names a remedy.

scikit-learn is imported where it is called: scaling and rows of features need NumPy only.
"""

import operator
from numbers import Number

import numpy as np

from .._checks import check_core_dtype, listed, shown

MAX_WIDTH = 2**31 - 1  # a C int

#: End of an error text about text as the target of a regressor.
LABELS_HINT = ". A regressor needs numbers; PCClassifier learns labels"
MISSING_TARGETS = (
    "Input y contains NaN. Leave out the rows without a label or target: those where "
    "pandas.isna(y) is True"
)


def check_data(estimator, *arrays, **options):
    """scikit-learn's ``validate_data``, returning C-contiguous arrays unless ``order`` is given.

    Values that do not fit into float32 raise its ValueError, without NumPy's warning. Errors about
    dates, text, and missing or ragged targets name the remedy. If features contain text, a note in
    the error names the columns.
    """
    from sklearn.utils.validation import validate_data

    refuse_dates(arrays[0])
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return validate_data(estimator, *arrays, **{"order": "C", **options})
    except OverflowError as error:
        raise ValueError(
            f"{_not_floats(arrays)} holds an integer that no float can hold; scale it"
        ) from error
    except TypeError as error:  # NumPy's text names no argument
        if "boolean value of NA" in str(error):  # pandas.NA among labels
            raise ValueError(MISSING_TARGETS) from error
        if "float() argument" not in str(error):
            raise
        raise TypeError(f"{_not_floats(arrays)} must hold real numbers: {error}") from error
    except ValueError as error:
        _explain(error, arrays)
        raise


def refuse_dates(X):
    """Raise a ValueError that names the columns of dates: as numbers, missing dates would be huge.

    Times of day, spans of time and arrays of dates are refused alike.
    """
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        pairs = zip(X.columns, X.dtypes)
    else:
        pairs = [(None, X.dtype)] if isinstance(X, np.ndarray) else []
    found = [name for name, dtype in pairs if _is_of_time(dtype)]
    if found:
        columns = "" if None in found else f" in the columns {listed(found)}"
        raise ValueError(
            f"X holds dates or times{columns}: convert them to numbers first, such as the days "
            "since the first date, (dates - dates.min()).dt.days"
        )


def _is_of_time(dtype):
    """Whether a dtype of NumPy or of a library of frames is one of dates, times or spans."""
    kind = getattr(dtype, "kind", None)  # that of polars has none
    if kind not in (None, "O"):
        return kind in "mM"
    return str(dtype).lower().startswith(("date", "time", "duration", "period"))


def _explain(error, arrays):
    """Raise scikit-learn's or NumPy's ValueError about X or y with a remedy, if there is one."""
    text = str(error)
    if "string to float" in text:
        name = _not_floats(arrays)
        named = ValueError(f"{name} holds text: {text}{LABELS_HINT if name == 'y' else ''}")
        columns = _text_columns(arrays[0])
        if columns:
            named.add_note(
                f"X holds text in the columns {listed(columns)}: encode it first, "
                "for example with OneHotEncoder in a ColumnTransformer, or TfidfVectorizer"
            )
        raise named from error
    if len(arrays) == 2 and "contains NaN" in text:  # X is looked at later
        raise ValueError(MISSING_TARGETS) from error
    if "inhomogeneous" in text:
        if len(arrays) == 2 and _not_floats(arrays) == "y":
            raise ValueError(
                "y holds lists of different lengths. For several labels a sample, make a matrix "
                "of 0 and 1 with sklearn.preprocessing.MultiLabelBinarizer"
            ) from error
        raise ValueError(
            "X holds rows of different lengths; give each sample the same features"
        ) from error


def _not_floats(arrays):
    """Name of the first of (X, y) that does not convert to floats."""
    for name, array in zip(("X", "y"), arrays):
        if isinstance(array, np.ndarray) and array.dtype.kind in "biuf":
            continue
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


def raise_not_finite(estimator, values):
    """Raise the ValueError about features, of some rows, of which some are NaN or infinite."""
    name = type(estimator).__name__
    bad = np.isnan(values)
    if not bad.any():
        bad = np.isinf(values)
        problem = f"Input X contains infinity or a value too large for {values.dtype!r}."
        remedy = "Scale such features, or leave these rows out"
    else:
        problem = f"Input X contains NaN.\n{name} does not accept missing values."
        remedy = (
            "Fill them in first, by pcnet.PCImputer or scikit-learn's SimpleImputer before it in "
            "a Pipeline, or leave these rows out"
        )
    where = ""
    if values.ndim == 2:
        column = int(bad.any(axis=0).argmax())
        names = getattr(estimator, "feature_names_in_", None)
        where = f" The first are in column {column if names is None else repr(names[column])}."
    raise ValueError(f"{problem}{where} {remedy}")


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
