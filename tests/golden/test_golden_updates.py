"""The core's Adam kernel, fed the golden gradients, against the golden weights."""

import numpy as np

from pcnet._core import binding

from ..helpers import relative_error


def test_adam(case, dtype, tolerance):
    """One plain step: no scaling of rate or gradient."""
    update = binding.Update("adam", 0.9, 0.999, 1e-8)
    update.begin(1, 1.0)
    updated = []
    for w, g in zip(case.layers("W"), case.layers("gd_dF_dW"), strict=True):
        w, g = np.array(w, dtype, order="C"), np.array(g, dtype, order="C")
        first, second = np.zeros_like(w), np.zeros_like(w)
        binding.apply_gradient(update, case.meta["adam_lr"], g, w, first, second)
        updated.append(w)
    assert relative_error(updated, case.layers("adam_W")) <= tolerance(dtype, "golden")
