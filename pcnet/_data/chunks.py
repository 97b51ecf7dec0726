"""Features in several arrays or files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .._checks import check_iterable


class Chunks:
    """Features in several arrays of rows, in order, as the ``X`` of the estimators.

    Results have the same bits as with one array of all rows: epochs, shuffling over all rows, early
    stopping, prediction. That array is never created, nor one of floats: the chunks are neither
    copied nor converted as a whole, and their rows are converted batch by batch.

    Parameters
    ----------
    chunks : sequence of array-like of shape (n_k, n_features), or of paths
        Arrays of booleans, integers or floats of any dtypes, also memory maps, with at least one
        row each. A path (str or path-like) names an ``.npy`` file, which is opened as a memory
        map.

    Attributes
    ----------
    chunks : list of ndarray
    shape : tuple of int, (n_samples, n_features)
    dtype : dtype
        Dtype of the concatenated array.

    Raises
    ------
    ValueError
        There are no chunks, or a chunk is empty, not two-dimensional, not of numbers, or has
        another number of columns than the first.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Chunks, PCClassifier
    >>> X = np.random.default_rng(0).integers(0, 3, (60, 5), dtype=np.uint8)
    >>> y = X[:, 0] > X[:, 1]
    >>> chunks = Chunks([X[:20], X[20:]])
    >>> model = PCClassifier((8,), random_state=0).fit(chunks, y)
    >>> model.predict(chunks).shape
    (60,)
    """

    def __init__(self, chunks: Sequence[ArrayLike | str | PathLike[str]]) -> None:
        if isinstance(chunks, (np.ndarray, str, bytes, os.PathLike)):
            raise TypeError(
                "chunks must be a sequence of arrays or paths, such as [X1, X2]; got "
                f"{type(chunks).__name__}. One array needs no Chunks"
            )
        chunks = check_iterable("chunks", chunks, "a sequence of arrays or paths, such as [X1, X2]")
        self.chunks = [_as_array(f"chunks[{i}]", chunk) for i, chunk in enumerate(chunks)]
        if not self.chunks:
            raise ValueError("chunks must hold at least one array; got none")
        n_features = self.chunks[0].shape[1]
        for i, chunk in enumerate(self.chunks):
            if chunk.shape[1] != n_features:
                raise ValueError(
                    f"chunks[{i}] has {chunk.shape[1]} columns, but chunks[0] has {n_features}; "
                    "all must have the same features"
                )
        self.shape = (sum(len(chunk) for chunk in self.chunks), n_features)
        self.dtype = np.result_type(*(chunk.dtype for chunk in self.chunks))
        self._starts = np.cumsum([0, *(len(chunk) for chunk in self.chunks[:-1])])

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Chunks({len(self.chunks)} chunks, shape {self.shape}, {self.dtype})"

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Some rows as an array of `dtype`, for splits and searches of scikit-learn.

        Parameters
        ----------
        rows : slice, or array of bool or int
        """
        if isinstance(rows, tuple) and len(rows) == 2 and rows[1] is Ellipsis:
            rows = rows[0]
        index = np.arange(len(self))[rows]
        of = np.searchsorted(self._starts, index, side="right") - 1
        if index.ndim == 0:
            return self.chunks[of][index - self._starts[of]].astype(self.dtype)
        out = np.empty((len(index), self.shape[1]), self.dtype)
        for k in np.unique(of):
            there = of == k
            out[there] = self.chunks[k][index[there] - self._starts[k]]
        return out

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("Chunks become one array only by a copy")
        return np.concatenate(self.chunks, dtype=self.dtype if dtype is None else dtype)


def _open(name, path):
    """The array in a file, as a memory map."""
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{name} names a file that is not there: {os.fspath(path)!r}; give the path of an "
            ".npy file that numpy.save wrote"
        ) from None
    except (EOFError, ValueError) as error:
        raise ValueError(
            f"{name} must be an .npy file with one array of numbers; {os.fspath(path)!r} is not: "
            f"{error}"
        ) from error


def _as_array(name, chunk):
    """A chunk as a two-dimensional array of numbers, not copied if it is one."""
    if isinstance(chunk, (str, os.PathLike)):
        chunk = _open(name, chunk)
        if not isinstance(chunk, np.ndarray):
            raise ValueError(f"{name} must be an .npy file with one array; got an .npz archive")
    try:
        array = np.asanyarray(chunk)
    except ValueError:
        raise ValueError(f"{name} must be an array; got parts whose shapes differ") from None
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise ValueError(
            f"{name} must hold booleans, integers or floats of at most 64 bits, got "
            f"{array.dtype}; stack sparse matrices with scipy.sparse.vstack instead"
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} must have two dimensions, (rows, features), none of them empty; got shape "
            f"{array.shape}"
        )
    return array
