"""Digests of data, to check that a run is resumed with the same data."""

import hashlib

import numpy as np

from .rows import ChunkedRows, ConvertedRows, DenseRows, Rows, SparseRows

_PIECE_BYTES = 2**22  # hashed per block: no large copy, and Ctrl-C works in between


def fingerprint(*arrays):
    """Digest of all values, with shapes and dtypes; None is allowed.

    Data are read in blocks, as stored: a memory map or `ChunkedRows` are never loaded as a whole,
    and a sparse matrix does not become dense. The digest depends on the values and their order, not
    on strides, byte order, or the division of rows into chunks of one dtype.

    Parameters
    ----------
    *arrays : ndarray, Rows or None
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(b"none" if array is None else repr(tuple(array.shape)).encode())
        dtype = None
        for stored in () if array is None else _stored(array):
            for piece in _pieces(stored):
                if piece.dtype != dtype:
                    dtype = piece.dtype
                    digest.update(dtype.str.encode())
                digest.update(piece.view(np.uint8) if piece.size else b"")
    return digest.hexdigest()


def _stored(array):
    """The arrays with the values of an array or of `Rows`."""
    if isinstance(array, ChunkedRows):
        for part in array.parts:
            yield from _stored(part)
    elif isinstance(array, SparseRows):
        yield array.X.indptr.astype(np.int64)  # SciPy chooses the type by the size
        for indices in _slices(array.X.indices):
            yield indices.astype(np.int64)
        yield array.X.data
    elif isinstance(array, (DenseRows, ConvertedRows)):
        yield array.X
    elif isinstance(array, Rows):
        for _, block in array.blocks():
            yield block
    elif array.dtype.kind in "OU":  # labels: the width of the dtype is not part of them
        yield np.array([str(value) for value in array.ravel().tolist()])
    else:
        yield array


def _pieces(array):
    for piece in _slices(array):
        native = piece.dtype.newbyteorder("=")
        yield np.ascontiguousarray(piece, dtype=native).reshape(-1)


def _slices(array):
    n = max(1, _PIECE_BYTES // max(1, array.nbytes // max(1, len(array))))
    for start in range(0, len(array), n):
        yield array[start : start + n]
