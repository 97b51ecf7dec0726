"""Feed-forward outputs of sparse rows, whose zeros never become part of a product."""

from __future__ import annotations

import numpy as np

from ._core import binding
from ._core.threads import effective_n_threads

#: Rows that are computed at once, with the columns that any of them fills.
SPARSE_ROWS = 16

#: A block whose rows fill more than this share of all columns becomes dense as a whole.
MOST_FILLED = 0.25


def sparse_output(net, packed, X):
    """Outputs mu_L (n, K) with the bits of the same rows as a dense array.

    For each block of rows, the first layer has only the columns that one of them fills: a product
    adds up its terms in the order of the columns, and terms of 0 change no bit of a sum.

    Parameters
    ----------
    net : Network
    packed : PackedWeights
        Its packed weights.
    X : SparseRows
        Of the network's dtype.

    Returns
    -------
    outputs : ndarray, (n, K)
    suspect : bool
        As of `core_output`.
    """
    rows, sizes = X.X, net.layer_sizes
    out = np.empty((len(X), sizes[-1]), net.dtype)
    suspect, n_threads = False, effective_n_threads()
    for start in range(0, len(X), SPARSE_ROWS):
        to = out[start : start + SPARSE_ROWS]
        block, columns = _filled_part(rows, start, start + len(to))
        first = binding.allocate_packed((len(columns), sizes[1]), net.dtype)
        binding.pack_weights([np.take(net.weights[0], columns, axis=0)], first)
        layers = binding.CoreNetwork(
            (len(columns), *sizes[1:]),
            net.activations,
            net.skips,
            net.scales,
            net.dtype,
            biases=packed.biases,
            packed=([*first, *packed.forward[1:]], None),
        )
        suspect |= binding.output(layers, block, to, n_threads)
    return out, suspect


def is_sparse_enough(X):
    """Whether `sparse_output` takes these rows (`SparseRows`), and pays."""
    n_blocks = -(-len(X) // SPARSE_ROWS)
    return X.X.nnz <= MOST_FILLED * X.shape[1] * n_blocks and X.X.has_canonical_format


def _filled_part(rows, start, stop):
    """Rows of a CSR matrix as an array (n, n_filled), and the n_filled columns, ascending."""
    first, last = rows.indptr[start], rows.indptr[stop]
    columns, place = np.unique(rows.indices[first:last], return_inverse=True)
    if len(columns) == 0:
        columns = np.zeros(1, dtype=np.intp)
    block = np.zeros((stop - start, len(columns)), rows.dtype)
    of_row = np.repeat(np.arange(stop - start), np.diff(rows.indptr[start : stop + 1]))
    block[of_row, place] = rows.data[first:last]
    return block, columns
