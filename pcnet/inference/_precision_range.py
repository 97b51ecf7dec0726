"""Which output precisions a method can compute with, by the width of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    from ..inference import InferenceMethod, Objective


# Errors are proportional to lambda where it is small. Methods that find them as differences of
# activities of about 1 lose them to the rounding of these.
_ROUNDINGS = 4096
# The others sum their squares, which must be well above the smallest number.
_SQUARES = 1e6


def check_precision(method: InferenceMethod, objective: Objective, dtype: DTypeLike) -> None:
    """Raise if the errors of the hidden layers would vanish, or drown in rounding.

    Parameters
    ----------
    method : InferenceMethod
        One with a true ``rounds_errors`` finds its errors as differences of activities.
    objective : Objective
    dtype : dtype

    Raises
    ------
    ValueError
        The output precision is too small.
    """
    limits = np.finfo(dtype)
    smallest, why = _SQUARES * float(np.sqrt(limits.tiny)), "vanish"
    remedies = "a larger one, or inference='backprop', the limit of small precisions"
    if method.rounds_errors:
        smallest, why = _ROUNDINGS * float(limits.eps), "drown in the rounding of the activities"
        remedies = (
            "a larger one, inference='error', whose errors are numbers of their own, or "
            "'backprop', the limit of small precisions"
        )
    if objective.output_precision < smallest:
        raise ValueError(
            f"output_precision must be at least {smallest:.1e} for {type(method).__name__} in "
            f"{np.dtype(dtype).name}, below which the errors of the hidden layers {why}; got "
            f"{objective.output_precision!r}. Use {remedies}"
        )
