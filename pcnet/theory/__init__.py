"""Functions of the theory: predictive coding compared with backpropagation.

All functions use NumPy and SciPy in float64; docs/theory.md has their equations.
"""

from ._backprop import backprop_gradients, in_float64
from ._comparison import BackpropComparison, compare_with_backprop, target_alignment
from ._cost import EnergyConstants, MethodCost, cost
from ._curvature import activation_second_derivative, output_curvature
from ._energy_hessian import energy_hessian
from ._equilibrium import (
    equilibrium_activities,
    equilibrium_energy,
    equilibrium_rescaling,
    equilibrium_weight_gradients,
)
from ._hessian import ActivityHessian, activity_hessian
from ._linearization import Linearization, linearize, linearized_equilibrium, linearized_rescaling
from ._loss_hessian import loss_hessian
from ._newton import newton_equilibrium
from ._origin import at_origin, origin_hessian, predicted_origin_eigenvalues
from ._saddle import SaddleVerdict, is_strict_saddle, smallest_eigenpair
from ._shapes import backprop_comparison_sweep, forward_norms, learning_rate_transfer, over_shapes
from ._spectrum import Spectrum, extreme_eigenvalues
from ._trust_region import (
    GradientDecomposition,
    fisher_preconditioner,
    gradient_decomposition,
    predicted_activity_step,
    predicted_equilibrium_energy,
)
from ._weight_hessian import WeightHessian, flatten_weights, split_weights, weight_slices

__all__ = [
    "ActivityHessian",
    "BackpropComparison",
    "EnergyConstants",
    "GradientDecomposition",
    "Linearization",
    "MethodCost",
    "SaddleVerdict",
    "Spectrum",
    "WeightHessian",
    "activation_second_derivative",
    "activity_hessian",
    "at_origin",
    "backprop_comparison_sweep",
    "backprop_gradients",
    "compare_with_backprop",
    "cost",
    "energy_hessian",
    "equilibrium_activities",
    "equilibrium_energy",
    "equilibrium_rescaling",
    "equilibrium_weight_gradients",
    "extreme_eigenvalues",
    "fisher_preconditioner",
    "flatten_weights",
    "forward_norms",
    "gradient_decomposition",
    "in_float64",
    "is_strict_saddle",
    "learning_rate_transfer",
    "linearize",
    "linearized_equilibrium",
    "linearized_rescaling",
    "loss_hessian",
    "newton_equilibrium",
    "origin_hessian",
    "output_curvature",
    "over_shapes",
    "predicted_activity_step",
    "predicted_equilibrium_energy",
    "predicted_origin_eigenvalues",
    "smallest_eigenpair",
    "split_weights",
    "target_alignment",
    "weight_slices",
]
