"""Hidden activities of many rows, computed in blocks."""

import copy

import numpy as np

from .._data.rows import as_rows
from .._network_core import core_batch

#: Rows per block if all activities are kept.
ROWS_PER_CALL = 256


def hidden_activities(network, X, index):
    """Feed-forward activities of one hidden layer, computed in blocks of rows.

    Parameters
    ----------
    network : Network
    X : Rows, or ndarray of shape (n, D)
        Of the network's dtype, C-contiguous, finite.
    index : int
        Hidden layer, from 0.

    Returns
    -------
    ndarray, (n, n_index)
    """
    part = _lowest_layers(network, index + 2)
    out = np.empty((len(X), part.layer_sizes[index + 1]), part.dtype)
    batch = core_batch(part, min(len(X), ROWS_PER_CALL))
    for part, rows in small_blocks(X):
        batch.forward(rows)
        out[part] = batch.activities[index][: len(rows), : out.shape[1]]
    return out


def small_blocks(X, sparse=True):
    """Yield (slice, rows) of at most `ROWS_PER_CALL` rows each, from first to last.

    Parameters
    ----------
    X : Rows or ndarray
    sparse : bool, default=True
        Whether rows may be `SparseInputs`.
    """
    for whole, block in as_rows(X).inputs() if sparse else as_rows(X).blocks():
        for start in range(0, len(block), ROWS_PER_CALL):
            rows = block[start : start + ROWS_PER_CALL]
            yield slice(whole.start + start, whole.start + start + len(rows)), rows


def _lowest_layers(network, n_layers):
    """A network of the first layers, sharing their weights; the last one has no skip."""
    part = copy.copy(network)
    part.weights = network.weights[:n_layers]
    part.biases = None if network.biases is None else network.biases[:n_layers]
    part.scales = network.scales[:n_layers]
    part.skips = network.skips[:n_layers].copy()
    part.skips[-1] = False  # the core supports no skip into an output
    if not isinstance(network.activation, str):  # one per hidden layer
        part.activation = network.activation[: n_layers - 1]
    return part
