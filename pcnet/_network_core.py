"""A `Network` as the compiled core takes it, and what the core computed as arrays of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._core import binding
from ._core.threads import effective_n_threads
from ._data.rows import INPUT_ROWS, as_rows
from ._network_checks import (
    check_activities,
    check_clamped,
    check_fields,
    objective_of,
)
from ._objective import Objective
from ._types import Floats

if TYPE_CHECKING:
    from .network import Network

_READ_ONLY = "_read_only"  # in the state of a pickled network


class PackedWeights(NamedTuple):
    """A read-only network as the core takes it, and what its weights were packed from."""

    arrays: list[Floats]
    rest: tuple[Any, ...]
    core: binding.CoreNetwork
    small_calls: binding.SmallCalls
    backward: bool


class KeptPackedWeights:
    """The part of `Network` that holds its packed weights, which no pickle or copy takes along."""

    _packed: PackedWeights | None = None

    def __getstate__(self):
        state = {name: value for name, value in vars(self).items() if name != "_packed"}
        return {**state, _READ_ONLY: is_read_only(self)}

    def __setstate__(self, state):
        state = dict(state)
        read_only = state.pop(_READ_ONLY, False)
        vars(self).update(state)
        if read_only:
            make_read_only(self)


def core_network(net: Network, backward: bool = True) -> binding.CoreNetwork:
    """The network as the core takes it, its weights packed.

    The weights of a network that was made read-only (`make_read_only`) are packed once, and again
    only after another array has taken the place of one of them. Arrays that can be written are
    packed in every call: NumPy does not say when one is written.
    """
    kept = getattr(net, "_packed", None)
    if kept is not None and (kept.backward or not backward) and _is_current(net, kept):
        return kept.core
    check_fields(net)
    core = _pack(net, backward)
    if is_read_only(net):
        small = binding.SmallCalls(core)
        net._packed = PackedWeights(parameters(net), _other_fields(net), core, small, backward)
    return core


def pack(net: Network, backward: bool = True) -> tuple[list[Any], Any, Any]:
    """A network's weights, packed, their packed transposes or None, and its biases or None."""
    sizes = net.layer_sizes
    forward = binding.allocate_packed(sizes, net.dtype)
    transposes = binding.allocate_packed(sizes, net.dtype, transposed=True) if backward else None
    binding.pack_weights([_ready(W) for W in net.weights], forward, transposes)
    return forward, transposes, None if net.biases is None else [_ready(b) for b in net.biases]


def _pack(net, backward):
    forward, transposes, biases = pack(net, backward)
    return binding.CoreNetwork(
        net.layer_sizes,
        net.activations,
        net.skips,
        net.scales,
        net.dtype,
        biases=biases,
        packed=[forward, transposes],
    )


def make_read_only(net: Network) -> None:
    """Replace the arrays of weights and biases by read-only copies, which are packed once.

    They are copies because a view of the old arrays could still be written. Memory maps stay: a
    copy would take the memory that they save.
    """
    for arrays in (net.weights, net.biases or []):
        for i, array in enumerate(arrays):
            if not isinstance(array, np.memmap):
                arrays[i] = np.array(array, order="C")
                arrays[i].flags.writeable = False


def is_read_only(net: Network) -> bool:
    """Whether the weights and biases are as `make_read_only` leaves them."""
    return all(a.flags.owndata and not a.flags.writeable for a in parameters(net))


def parameters(net: Network) -> list[Floats]:
    """All weight and bias arrays of a network."""
    return [*net.weights, *(net.biases or [])]


def _other_fields(net):
    """What else the core's network was made from, by value."""
    return np.array(net.scales).tobytes(), np.array(net.skips).tobytes(), net.activation


def _is_current(net, kept):
    try:
        arrays = parameters(net)
        return (
            len(arrays) == len(kept.arrays)
            and all(a is b and not a.flags.writeable for a, b in zip(arrays, kept.arrays))
            and _other_fields(net) == kept.rest
        )
    except (AttributeError, TypeError, ValueError):  # a field was replaced: `check_fields` says it
        return False


def core_batch(net: Network, n_samples: int, trace_steps: int | None = None) -> binding.Batch:
    """Memory for one call on n samples."""
    return binding.Batch(core_network(net), n_samples, effective_n_threads(), trace_steps)


def network_output(net: Network, X: Any) -> tuple[Floats, bool]:
    """`core_output` of a network."""
    return core_output(core_network(net, backward=False), X)


def small_outputs(net: Network, X: Any) -> Floats | None:
    """Outputs of a few rows by the shortest way, or None: see `binding.SmallCalls`.

    The result is None, too, until the weights of a read-only network are packed.
    """
    kept = getattr(net, "_packed", None)
    if kept is None or not _is_current(net, kept):
        return None
    return kept.small_calls.outputs(X)


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
    for whole, block in as_rows(X).inputs():
        for start in range(0, len(block), INPUT_ROWS):
            rows = block[start : start + INPUT_ROWS]
            to = out[whole][start : start + INPUT_ROWS]
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
