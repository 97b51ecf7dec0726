"""The core's Adam update with the golden gradients against the golden weights."""

import numpy as np

from ..helpers import relative_error, solver_step


def test_adam(case, dtype, tolerance):
    """One plain step: no scaling of rate or gradient."""
    updated = []
    for w, g in zip(case.layers("W"), case.layers("gd_dF_dW"), strict=True):
        w, g = np.array(w, dtype, order="C"), np.array(g, dtype, order="C")
        options, zeros = ("adam", 0.9, 0.999, 1e-8), np.zeros_like(w)
        updated.append(solver_step(options, 1, case.meta["adam_lr"], g, w, zeros, zeros)[0])
    assert relative_error(updated, case.layers("adam_W")) <= tolerance(dtype, "golden")
