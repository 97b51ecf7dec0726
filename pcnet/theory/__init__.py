"""What predictive coding computes, beside backpropagation: the theory as functions.

Everything here is plain NumPy and SciPy in float64, written to be read beside its equations
(docs/theory.md). Modules are loaded when first used, so `import pcnet` stays light.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same names for editors and type checkers, which do not run __getattr__
    from ._backprop import backprop_gradients as backprop_gradients
    from ._backprop import in_float64 as in_float64
    from ._comparison import BackpropComparison as BackpropComparison
    from ._comparison import compare_with_backprop as compare_with_backprop
    from ._curvature import activation_second_derivative as activation_second_derivative
    from ._curvature import output_curvature as output_curvature
    from ._energy_hessian import energy_hessian as energy_hessian
    from ._equilibrium import equilibrium_activities as equilibrium_activities
    from ._equilibrium import equilibrium_energy as equilibrium_energy
    from ._equilibrium import equilibrium_rescaling as equilibrium_rescaling
    from ._equilibrium import equilibrium_weight_gradients as equilibrium_weight_gradients
    from ._hessian import ActivityHessian as ActivityHessian
    from ._hessian import activity_hessian as activity_hessian
    from ._linearization import Linearization as Linearization
    from ._linearization import linearize as linearize
    from ._linearized import linearized_equilibrium as linearized_equilibrium
    from ._linearized import linearized_rescaling as linearized_rescaling
    from ._loss_hessian import loss_hessian as loss_hessian
    from ._newton import newton_equilibrium as newton_equilibrium
    from ._origin import at_origin as at_origin
    from ._origin import origin_hessian as origin_hessian
    from ._origin import predicted_origin_eigenvalues as predicted_origin_eigenvalues
    from ._saddle import SaddleVerdict as SaddleVerdict
    from ._saddle import is_strict_saddle as is_strict_saddle
    from ._saddle import smallest_eigenpair as smallest_eigenpair
    from ._shapes import backprop_comparison_sweep as backprop_comparison_sweep
    from ._shapes import forward_norms as forward_norms
    from ._shapes import learning_rate_transfer as learning_rate_transfer
    from ._shapes import over_shapes as over_shapes
    from ._spectrum import Spectrum as Spectrum
    from ._spectrum import extreme_eigenvalues as extreme_eigenvalues
    from ._target_alignment import target_alignment as target_alignment
    from ._trust_region import GradientDecomposition as GradientDecomposition
    from ._trust_region import fisher_preconditioner as fisher_preconditioner
    from ._trust_region import gradient_decomposition as gradient_decomposition
    from ._trust_region import predicted_activity_step as predicted_activity_step
    from ._trust_region import predicted_equilibrium_energy as predicted_equilibrium_energy
    from ._weight_hessian import WeightHessian as WeightHessian
    from ._weights import flatten_weights as flatten_weights
    from ._weights import split_weights as split_weights
    from ._weights import weight_slices as weight_slices

#: Module (below this package) -> the names it gives to `pcnet.theory`.
_HOMES = {
    "_backprop": ("backprop_gradients", "in_float64"),
    "_comparison": ("BackpropComparison", "compare_with_backprop"),
    "_curvature": ("activation_second_derivative", "output_curvature"),
    "_energy_hessian": ("energy_hessian",),
    "_equilibrium": (
        "equilibrium_activities",
        "equilibrium_energy",
        "equilibrium_rescaling",
        "equilibrium_weight_gradients",
    ),
    "_hessian": ("ActivityHessian", "activity_hessian"),
    "_linearization": ("Linearization", "linearize"),
    "_linearized": ("linearized_equilibrium", "linearized_rescaling"),
    "_loss_hessian": ("loss_hessian",),
    "_newton": ("newton_equilibrium",),
    "_origin": ("at_origin", "origin_hessian", "predicted_origin_eigenvalues"),
    "_saddle": ("SaddleVerdict", "is_strict_saddle", "smallest_eigenpair"),
    "_shapes": (
        "backprop_comparison_sweep",
        "forward_norms",
        "learning_rate_transfer",
        "over_shapes",
    ),
    "_spectrum": ("Spectrum", "extreme_eigenvalues"),
    "_target_alignment": ("target_alignment",),
    "_trust_region": (
        "GradientDecomposition",
        "fisher_preconditioner",
        "gradient_decomposition",
        "predicted_activity_step",
        "predicted_equilibrium_energy",
    ),
    "_weight_hessian": ("WeightHessian",),
    "_weights": ("flatten_weights", "split_weights", "weight_slices"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value  # the next time without this detour
    return value


def __dir__():
    return sorted({*globals(), *__all__})
