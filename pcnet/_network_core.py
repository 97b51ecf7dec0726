"""A `Network` as the compiled core takes it, and what the core computed as arrays of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ._core import binding
from ._core.threads import effective_n_threads
from ._data.rows import as_rows
from ._network_checks import (
    check_activities,
    check_clamped,
    check_fields,
    check_terms,
    objective_of,
)
from ._types import Floats

if TYPE_CHECKING:
    from ._objective import Objective
    from .network import Network

#: Rows of one call into the core for outputs: Python sees a Ctrl-C between calls only.
OUTPUT_ROWS = 2**14


def core_network(net: Network, backward: bool = True) -> binding.CoreNetwork:
    """The network as the core takes it, its weights packed."""
    check_fields(net)
    sizes = net.layer_sizes
    packed = (
        binding.allocate_packed(sizes, net.dtype),
        binding.allocate_packed(sizes, net.dtype, transposed=True) if backward else None,
    )
    binding.pack_weights([_ready(W) for W in net.weights], *packed)
    return binding.CoreNetwork(
        sizes,
        net.activations,
        net.skips,
        net.scales,
        net.dtype,
        biases=None if net.biases is None else [_ready(b) for b in net.biases],
        packed=packed,
    )


def core_batch(net: Network, n_samples: int, trace_steps: int | None = None) -> binding.Batch:
    """Memory for one call on n samples."""
    return binding.Batch(core_network(net), n_samples, effective_n_threads(), trace_steps)


def network_output(net: Network, X: Any) -> tuple[Floats, bool]:
    """`core_output` of a network."""
    return core_output(core_network(net, backward=False), X)


def core_output(network: binding.CoreNetwork, X: Any) -> tuple[Floats, bool]:
    """Feed-forward outputs of rows that nobody need have looked at.

    Parameters
    ----------
    network : CoreNetwork
    X : Rows, or C-contiguous ndarray, (n, D)
        Of the network's dtype.

    Returns
    -------
    outputs : ndarray, (n, K)
        mu_L.
    suspect : bool
        Whether X may hold inf or nan. It holds neither if this is False.
    """
    out = np.empty((len(X), network.layer_sizes[-1]), network.dtype)
    suspect = False
    for whole, block in as_rows(X).blocks():
        for start in range(0, len(block), OUTPUT_ROWS):
            rows = block[start : start + OUTPUT_ROWS]
            to = out[whole][start : start + OUTPUT_ROWS]
            suspect |= binding.output(network, rows, to, effective_n_threads())
    return out, suspect


def batch_at(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    activities: Sequence[ArrayLike],
    terms: tuple[Any, Any, Any],
) -> tuple[binding.Batch, Floats, Floats, Objective]:
    """A batch at given activities, with its checked inputs, targets and objective.

    ``terms`` are loss, output precision and activity decay, as `objective_of` takes them.
    """
    check_fields(net)
    objective = objective_of(net, *terms)
    check_terms(net, **vars(objective))
    X, Y = check_clamped(net, X, Y, objective.loss)
    batch = core_batch(net, len(X))
    fill(batch.activities, check_activities(net, activities, len(X)))
    return batch, X, Y, objective


def unpadded(net: Network, arrays: Sequence[Floats], n_samples: int) -> list[Floats]:
    """A batch's arrays without the room beyond each layer's units and the samples."""
    widths = net.layer_sizes[1 : 1 + len(arrays)]
    return [a[:n_samples, :n].copy() for a, n in zip(arrays, widths, strict=True)]


def fill(rows: Iterable[Floats], arrays: Sequence[Floats]) -> None:
    """Write arrays (n, n_l) into a batch's, which are larger."""
    for row, array in zip(rows, arrays, strict=False):
        row[: array.shape[0], : array.shape[1]] = array


def _ready(array: Floats) -> Floats:
    """The array, C-contiguous and aligned as the core reads it; a copy only where it is not."""
    return np.require(array, requirements=["C", "A"])
