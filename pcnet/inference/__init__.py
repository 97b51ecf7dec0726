"""Inference: how the hidden activities reach the equilibrium of the energy.

Every method is an object that holds its own options; `infer` applies one to a batch.
"""

from ._activity_descent import ActivityDescent
from ._adam_activity_descent import AdamActivityDescent
from ._backprop import Backprop
from ._error_descent import ErrorDescent
from ._error_optimization import ErrorOptimization
from ._exact_equilibrium import ExactEquilibrium
from ._gauss_seidel import GaussSeidel
from ._infer import InferenceResult, infer
from ._objective import Objective
from ._resolve import resolve_method
from ._zero_divergence import ZeroDivergence

__all__ = [
    "ActivityDescent",
    "AdamActivityDescent",
    "Backprop",
    "ErrorDescent",
    "ErrorOptimization",
    "ExactEquilibrium",
    "GaussSeidel",
    "InferenceResult",
    "Objective",
    "ZeroDivergence",
    "infer",
    "resolve_method",
]
