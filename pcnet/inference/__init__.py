"""Inference: how the hidden activities reach the equilibrium of the energy.

Every method is an object that holds its own options; `infer` applies one to a batch.
"""

from ._activity_descent import ActivityDescent
from ._error_descent import ErrorDescent
from ._infer import InferenceResult, infer, resolve_method
from ._objective import Objective

__all__ = [
    "ActivityDescent",
    "ErrorDescent",
    "InferenceResult",
    "Objective",
    "infer",
    "resolve_method",
]
