"""Tables whose columns are numbers or categories: their encoding for networks, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import validate_data

from .._checks import listed, shown
from .._data.checks import check_data, refuse_dates
from .categorical import as_table, column_of, find_categorical, find_missing, title_of
from .causes import refuse_sparse


class Table(NamedTuple):
    """A table as an imputer takes it.

    Attributes
    ----------
    source : array or frame
    values : float ndarray of shape (n, n_encoded)
        Categories encoded; anything where missing.
    missing : bool ndarray of shape (n, D)
    """

    source: Any
    values: np.ndarray
    missing: np.ndarray


def read_table(imputer: Any, X: Any, reset: bool) -> tuple[MixedTable | None, Table]:
    """The encoding of tables, None for numbers alone, and a `Table`.

    With ``reset`` it is that of X; otherwise that of the fitted imputer.
    """
    refuse_sparse(imputer, X)
    value = imputer.missing_values
    marker = None if is_nan(value) else value
    mixed = None if reset else imputer._mixed
    if reset:
        categorical = find_categorical(X, imputer.categorical_features)
        mixed = None if categorical is None else MixedTable(categorical, marker)
    if mixed is None:
        finite = "allow-nan" if marker is None else True
        options = {"dtype": [np.float64, np.float32], "ensure_all_finite": finite}
        try:
            X = check_data(imputer, X, reset=reset, **options)
        except ValueError as error:
            if "holds text" in str(error):
                error.add_note("Or name the columns of text in categorical_features")
            raise
        return None, Table(X, X, np.isnan(X) if marker is None else marker == X)
    X = as_table(X)
    validate_data(imputer, X, reset=reset, skip_check_array=True)
    if reset:
        mixed.fit(X)
    return mixed, Table(X, *mixed.encode(X))


def returns_frames(imputer: Any, X: Any) -> bool:
    """Whether `transform` makes frames of pandas of X, which is one."""
    return hasattr(X, "iloc") and _get_output_config("transform", imputer)["dense"] == "pandas"


def is_nan(value: Any) -> bool:
    """Whether a value of any type is the float nan."""
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


class MixedTable:
    """The encoding of a table in which some columns hold categories.

    A categorical column becomes one column of 0 and 1 for each category that `fit` has seen, all of
    them missing where it is.

    Attributes
    ----------
    categories : dict from int to ndarray
        The sorted categories of each categorical column.
    spans : list of (int, int)
        First and last + 1 encoded column of each column.
    """

    def __init__(self, categorical: np.ndarray, marker: float | None) -> None:
        self.categorical = categorical
        self.marker = marker
        self.categories: dict[int, np.ndarray] = {}
        self.spans: list[tuple[int, int]] = []

    def fit(self, X: Any) -> MixedTable:
        start = 0
        for j, categorical in enumerate(self.categorical):
            width = 1
            if categorical:
                column = column_of(X, j)
                self.categories[j] = _categories(
                    column[~find_missing(column, self.marker)], title_of(X, j)
                )
                width = len(self.categories[j])
            self.spans.append((start, start + width))
            start += width
        return self

    @property
    def n_encoded(self) -> int:
        return self.spans[-1][1]

    @property
    def is_code(self) -> np.ndarray:
        """Mask of the encoded columns that stand for categories."""
        mask = np.zeros(self.n_encoded, dtype=bool)
        for j in self.categories:
            mask[slice(*self.spans[j])] = True
        return mask

    def encode(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """The encoded table, float64 with NaN where missing, and the mask (n, D) of what is.

        Raises
        ------
        ValueError
            A category that `fit` has not seen.
        """
        n = len(X)
        encoded = np.full((n, self.n_encoded), np.nan)
        missing = np.zeros((n, len(self.categorical)), dtype=bool)
        numeric = np.flatnonzero(~self.categorical)
        if len(numeric):
            missing[:, numeric], values = self._numbers(X, numeric)
            encoded[:, [self.spans[j][0] for j in numeric]] = values
        for j, categories in self.categories.items():
            column = column_of(X, j)
            missing[:, j] = find_missing(column, self.marker)
            rows = np.flatnonzero(~missing[:, j])
            start, stop = self.spans[j]
            encoded[rows, start:stop] = 0
            encoded[rows, start + _codes(column[rows], categories, title_of(X, j))] = 1
        return encoded, missing

    def _numbers(self, X, numeric):
        part = X.iloc[:, numeric] if hasattr(X, "iloc") else X[:, numeric.tolist()]
        refuse_dates(part)
        finite = "allow-nan" if self.marker is None else True
        options = {"dtype": np.float64, "ensure_all_finite": finite, "input_name": "X"}
        try:
            values = check_array(part, **options)
        except (TypeError, ValueError) as error:
            text = [j for j in numeric.tolist() if not _holds_numbers(column_of(X, j))]
            text = [X.columns[j] for j in text] if hasattr(X, "columns") else text
            if not text:
                raise
            raise ValueError(
                f"the columns {listed(text)} of X hold values that are not numbers; name them "
                "in categorical_features too, or convert them"
            ) from error
        missing = np.isnan(values) if self.marker is None else values == self.marker
        return missing, np.where(missing, np.nan, values)

    def widen(self, mask: np.ndarray) -> np.ndarray:
        """A mask of columns (n, D) as one of encoded columns."""
        return np.repeat(mask, [stop - start for start, stop in self.spans], axis=1)

    def choose(self, filled: np.ndarray, rng: np.random.Generator | None) -> dict[int, np.ndarray]:
        """Codes (n,) of each categorical column, from predictions of the encoded columns.

        Without a generator the most likely category; else one drawn with the predictions as
        probabilities.
        """
        chosen = {}
        for j in self.categories:
            start, stop = self.spans[j]
            codes = filled[:, start:stop]
            if not codes.shape[1]:
                continue  # no category: the column is dropped
            if rng is not None:
                shares = np.clip(codes, 1e-12, None).cumsum(axis=1)
                points = rng.random((len(codes), 1)) * shares[:, -1:]
                chosen[j] = np.minimum((points >= shares).sum(axis=1), stop - start - 1)
            else:
                chosen[j] = np.argmax(codes, axis=1)
        return chosen

    def block_scale(self, scale: np.ndarray) -> np.ndarray:
        """Scales of the encoded columns, one for all categories of a column."""
        scale = scale.copy()
        for j in self.categories:
            start, stop = self.spans[j]
            scale[start:stop] = np.sqrt(np.square(scale[start:stop]).sum())
        return scale

    def check_kept(self, kept: np.ndarray, names: np.ndarray) -> None:
        """Raise if a column without a category is kept: there is nothing to fill it with."""
        for j, categories in self.categories.items():
            if j in kept and not len(categories):
                raise ValueError(
                    f"the categorical column {shown(names[j])} of X has no observed value, so no "
                    "category to fill it with; drop it, or set keep_empty_features=False"
                )

    def restore(
        self,
        X: Any,
        filled: np.ndarray,
        missing: np.ndarray,
        chosen: dict[int, np.ndarray],
        kept: np.ndarray,
        as_frame: bool,
    ) -> list[Any]:
        """Columns of the table with their missing entries filled.

        Parameters
        ----------
        X : array or frame
            As it was given.
        filled : ndarray of shape (n, n_encoded)
        missing : bool ndarray of shape (n, D)
        chosen : dict from int to ndarray
            As of `choose`.
        kept : int ndarray
            The columns to return.
        as_frame : bool
            Whether to return Series, those of categories with the dtype that they have in X.

        Returns
        -------
        list of ndarray or Series
            Arrays of objects, or of X's dtype if X is an array of floats.
        """
        return [self._restored(X, j, filled, missing[:, j], chosen, as_frame) for j in kept]

    def _restored(self, X, j, filled, missing, chosen, as_frame):
        if j not in self.categories:
            values = filled[:, self.spans[j][0]]
            if isinstance(X, np.ndarray) and X.dtype.kind == "f":
                values = values.astype(X.dtype)
                values[~missing] = X[~missing, j]
            return _series(values, X) if as_frame else values
        numeric = not as_frame and _is_numeric(X)
        values = X[:, j].copy() if numeric else column_of(X, j).copy()
        values[missing] = imputed = self.categories[j][chosen[j][missing]]
        if not as_frame:
            return values
        series = X.iloc[:, j]
        if hasattr(series, "cat"):
            new = [c for c in dict.fromkeys(imputed) if c not in series.cat.categories]
            series = series.cat.add_categories(new)
        return _series(values, X, series.dtype)


def with_flags(columns: list[Any], flags: np.ndarray) -> Any:
    """Columns side by side with flags (n, n_flags) as 0 and 1: an array, or a frame of Series."""
    if columns and hasattr(columns[0], "iloc"):
        import pandas

        columns = columns + [_series(flag.astype(float), columns[0]) for flag in flags.T]
        return pandas.concat(columns, axis=1, ignore_index=True)
    numeric = all(column.dtype.kind in "fiub" for column in columns)
    dtype = np.result_type(*columns) if numeric and columns else object
    return np.column_stack([np.asarray(c, dtype) for c in [*columns, *flags.T]])


def _holds_numbers(column):
    try:
        column[~find_missing(column, None)].astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _is_numeric(X):
    return isinstance(X, np.ndarray) and X.dtype.kind in "fiub"


def _series(values, like, dtype=None):
    import pandas

    return pandas.Series(values, like.index, dtype)


def _categories(observed, title):
    if not len(observed):
        return np.array([], dtype=object)
    try:
        return np.array(sorted(set(observed.tolist())), dtype=object)
    except TypeError as error:
        raise TypeError(
            f"the categorical column {title} of X holds values that cannot be compared: {error}. "
            "Convert them to one type, for example to strings"
        ) from error


def _codes(observed, categories, title):
    code_of = {category: code for code, category in enumerate(categories)}
    codes = np.array([code_of.get(value, -1) for value in observed.tolist()], dtype=np.intp)
    unknown = sorted({str(value) for value in observed[codes < 0]})
    if unknown:
        raise ValueError(
            f"the categorical column {title} of X holds {listed(unknown)}, which fit has not "
            f"seen; its categories are {listed(categories)}. Set such entries to missing, or "
            "fit with rows that hold them"
        )
    return codes
