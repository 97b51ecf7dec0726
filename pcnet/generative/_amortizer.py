"""A network from outputs to causes, the amortizer: its activities start the inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._core.binding import Batch
from .._network_checks import check_finite_fields
from .._network_core import fill
from .._objective import Objective
from .._types import Floats
from ..network import Network, check_network
from ._prior import Prior


def check_amortizer(net: Network, amortizer: Network, name: str = "amortizer") -> None:
    """Raise unless a network has the layers of ``net`` in reverse, and its dtype."""
    check_network(amortizer, name)
    check_finite_fields(amortizer)
    wanted = net.layer_sizes[::-1]
    if amortizer.layer_sizes != wanted:
        raise ValueError(
            f"{name} must have the layer sizes {wanted}, those of the generator in reverse; got "
            f"{amortizer.layer_sizes}"
        )
    if amortizer.dtype != net.dtype:
        raise ValueError(f"{name} must be {net.dtype} like the generator; got {amortizer.dtype}")


def start_from(
    batch: Batch, activities: Sequence[Floats], X: Floats, Y: Floats, objective: Objective
) -> None:
    """Write the errors of given hidden activities into a batch: a forward pass."""
    fill(batch.activities, [*activities])
    batch.evaluate(X, Y, objective.loss, objective.output_precision)


def amortized_activities(amortizer: Network, seen: Floats, prior: Prior) -> list[Any]:
    """sqrt(precision) z_0, z_1..z_H of the amortizer, for the network with a free input.

    ``seen`` are the outputs, 0 where not observed.
    """
    *hidden, causes = amortizer.forward(seen)
    return [causes.dtype.type(np.sqrt(prior.precision)) * causes, *reversed(hidden)]
