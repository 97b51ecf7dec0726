"""Inference: how the hidden activities reach the equilibrium of the energy.

Every method is an object that holds its own options; `infer` applies one to a batch.
"""

from .._core.binding import Batch, LayerRows, Status
from ._activity_descent import ActivityDescent
from ._adam_activity_descent import AdamActivityDescent
from ._augmented_lagrangian import AugmentedLagrangian
from ._backprop import Backprop
from ._error_descent import ErrorDescent
from ._error_optimization import ErrorOptimization
from ._exact_equilibrium import ExactEquilibrium
from ._forward_update import ForwardUpdate
from ._gauss_seidel import GaussSeidel
from ._gradient_flow import GradientFlow
from ._incremental import IncrementalDescent
from ._infer import InferenceResult, infer
from ._learned_precision import LearnedPrecision
from ._learning import WeightUpdate, learning_gradients, learns_feed_forward, weight_updates
from ._method import InferenceMethod, resolve_method
from ._nudged import Nudged
from ._objective import Objective
from ._passes import Passes
from ._precision_descent import PrecisionDescent
from ._precision_range import check_precision
from ._prospective import ProspectiveConfiguration
from ._zero_divergence import ZeroDivergence

__all__ = [
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
    "Nudged",
    "Objective",
    "Passes",
    "PrecisionDescent",
    "ProspectiveConfiguration",
    "Status",
    "WeightUpdate",
    "ZeroDivergence",
    "check_precision",
    "infer",
    "learning_gradients",
    "learns_feed_forward",
    "resolve_method",
    "weight_updates",
]
