"""Inference: methods that move the hidden activities to the equilibrium of the energy.

Each method is an object that holds its own options; `infer` applies one to a batch.
"""

from types import MappingProxyType

from .._core.binding import Batch, LayerRows, Status
from .._objective import Objective
from ._activity_descent import ActivityDescent, AdamActivityDescent
from ._augmented_lagrangian import AugmentedLagrangian
from ._backprop import Backprop, ZeroDivergence
from ._error_descent import ErrorDescent, ProspectiveConfiguration
from ._error_optimization import ErrorOptimization
from ._exact_equilibrium import ExactEquilibrium
from ._forward_update import ForwardUpdate
from ._gauss_seidel import GaussSeidel
from ._gradient_flow import GradientFlow
from ._incremental import IncrementalDescent
from ._infer import InferenceResult, infer
from ._learned_precision import LearnedPrecision
from ._learning import WeightUpdate, learning_gradients
from ._method import InferenceMethod
from ._nesterov import NesterovDescent
from ._nudged import Nudged
from ._passes import Passes
from ._precision_descent import PrecisionDescent
from ._quasi_newton import QuasiNewton

#: The names of the methods, each for an object with default options.
METHODS = MappingProxyType(
    {
        "error": ErrorDescent,
        "quasi_newton": QuasiNewton,
        "activity": ActivityDescent,
        "adam_activity": AdamActivityDescent,
        "nesterov": NesterovDescent,
        "error_optimization": ErrorOptimization,
        "gauss_seidel": GaussSeidel,
        "gradient_flow": GradientFlow,
        "augmented_lagrangian": AugmentedLagrangian,
        "exact": ExactEquilibrium,
        "prospective": ProspectiveConfiguration,
        "incremental": IncrementalDescent,
        "nudged": Nudged,
        "forward_update": ForwardUpdate,
        "precision": PrecisionDescent,
        "learned_precision": LearnedPrecision,
        "backprop": Backprop,
        "zero_divergence": ZeroDivergence,
    }
)

__all__ = [
    "METHODS",
    "ActivityDescent",
    "AdamActivityDescent",
    "AugmentedLagrangian",
    "Backprop",
    "Batch",
    "ErrorDescent",
    "ErrorOptimization",
    "ExactEquilibrium",
    "ForwardUpdate",
    "GaussSeidel",
    "GradientFlow",
    "IncrementalDescent",
    "InferenceMethod",
    "InferenceResult",
    "LayerRows",
    "LearnedPrecision",
    "NesterovDescent",
    "Nudged",
    "Objective",
    "Passes",
    "PrecisionDescent",
    "ProspectiveConfiguration",
    "QuasiNewton",
    "Status",
    "WeightUpdate",
    "ZeroDivergence",
    "infer",
    "learning_gradients",
]
