"""What predictive coding computes, beside backpropagation: the theory as functions.

Everything here is plain NumPy and SciPy in float64, written to be read beside its equations
(docs/theory.md). Modules are loaded when first used, so `import pcnet` stays light.
"""

import importlib

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
