"""Centring: the solver's updates use centred inputs if the inputs are far from 0.

If the inputs have a mean c that is large relative to their spread, the gradients of all weights of
a unit have mostly one sign. A step of Adam then changes the unit's value mainly by a constant that
is common to all samples. After a few steps a rectifier is inactive for all samples, where its
gradient is 0, or active for all, where it is linear. The solver therefore treats the first layer as

    mu_1 = a_1 (x - c) W_1 + b',    b' = b_1 + a_1 c W_1

whose mean depends on b' alone [1]_. The gradient of W_1 is that of inputs x - c, that of b' is that
of b_1. Network, predictions and saved weights apply to the uncentred inputs: after each step b_1
is computed from b' and W_1.

References
----------
.. [1] LeCun, Bottou, Orr, Mueller, "Efficient BackProp", 1998, section 4.3.
"""

import numpy as np
from numpy.typing import NDArray

from .._core import binding
from .._core.threads import effective_n_threads
from .._data.rows import FLOAT64_ENTRIES, FLOAT64_ROWS, Rows, RowSubset
from .._types import Float64s
from ..network import Network
from .minibatches import evenly

#: Inputs are centred if the square of their mean, summed over the features, is at least this
#: fraction of their mean square: if the mean is at least 4/3 of the spread.
LEAST_SHARE = 0.64
#: Above this fraction samples differ by little more than rounding.
LARGEST_SHARE = 1 - 1e-9
#: Largest number of samples that are examined.
MOST_ROWS = 1000


def centre_inputs(
    network: Network, X: Rows, sample_weight: Float64s | None, rows: NDArray[np.intp]
) -> Float64s | None:
    """Find the centre of the inputs, if needed, and set the first biases to centre the units.

    Networks without hidden layers or biases, and those of the parameterization ``"sp"``, are not
    changed.

    Parameters
    ----------
    network : Network
        With initial weights; if there is a centre, its first biases are set.
    X, sample_weight, rows
        As for `find_centre`.

    Returns
    -------
    ndarray of float64 of shape (n_features,), or None
        The ``centre`` of a `Trainer`.
    """
    is_scaled = network.parameterization in ("mupc", "ntp")
    if not is_scaled or network.n_layers == 1 or network.biases is None:
        return None
    centre = find_centre(X, sample_weight, rows)
    if centre is not None:
        moved = network.scales[0] * np.einsum("i,ij->j", centre, network.weights[0])
        network.biases[0][:] = -moved
    return centre


def find_centre(X: Rows, sample_weight: Float64s | None, rows: NDArray[np.intp]) -> Float64s | None:
    """The mean of the inputs, if it is large relative to their spread.

    Parameters
    ----------
    X : Rows
    sample_weight : ndarray of shape (n_samples,), or None
    rows : int ndarray
        Training rows, of positive weight.

    Returns
    -------
    ndarray of float64 of shape (n_features,), or None
        None if the mean is small relative to the spread, or there is no spread.
    """
    n = min(len(rows), MOST_ROWS)
    rows = rows[evenly(len(rows), n)]
    weight = np.ones(n) if sample_weight is None else sample_weight[rows]
    weight = weight / weight.max()
    weight /= weight.sum()
    mean, square = np.zeros(X.shape[1]), 0.0
    n_block = int(np.clip(2 * FLOAT64_ENTRIES // X.shape[1], 16, FLOAT64_ROWS))
    with np.errstate(over="ignore", invalid="ignore"):  # training raises an error for such values
        for part, block in RowSubset(X, rows).blocks(n_block):
            block = block.astype(np.float64)
            mean += np.einsum("i,ij->j", weight[part], block)
            square += np.einsum("i,ij,ij->", weight[part], block, block)
        needed = LEAST_SHARE * square <= np.square(mean).sum() < LARGEST_SHARE * square < np.inf
    return mean if needed else None


class Centring:
    """Centred inputs for a `Trainer`, with the biases adapted after each step.

    Parameters
    ----------
    centre : ndarray of shape (n_features,)
    network : Network
        With biases.
    packed : list of ndarray
        Its packed weights, which the solver updates in place.
    n_rows : int
        Largest number of rows of a minibatch.
    """

    def __init__(self, centre, network, packed, n_rows):
        sizes, dtype = network.layer_sizes[:2], network.dtype
        self._layer = binding.CoreNetwork(
            sizes, ["identity"], [False], network.scales[:1], dtype, packed=(packed[:1], None)
        )
        self._centre = np.ascontiguousarray(centre[None], dtype=dtype)
        self._rows = np.empty((n_rows, sizes[0]), dtype)
        self._before, self._after = np.empty((2, 1, sizes[1]), dtype)

    def begin(self):
        """Record the current weights."""
        self._read(self._after)

    def centred(self, X):
        """The inputs (n, D) minus the centre; valid until the next call."""
        return np.subtract(X, self._centre, out=self._rows[: len(X)])

    def follow(self, biases):
        """Correct b_1 after a step in which the solver updated W_1, and b_1 in place of b'."""
        self._before, self._after = self._after, self._before
        self._read(self._after)
        biases -= self._after[0]
        biases += self._before[0]

    def _read(self, out):
        """a_1 c W_1 with the current weights."""
        binding.output(self._layer, self._centre, out, effective_n_threads())
