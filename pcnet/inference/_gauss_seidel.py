"""Reverse Gauss-Seidel sweeps over the activities."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import check_count, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes


@dataclass(eq=False, repr=False)
class GaussSeidel(InferenceMethod):
    """Descent on the activities layer by layer from the top, each using the new layer above.

    One sweep is, for l = H..1, ``z_l <- z_l - rate dF/dz_l`` at the current activities. The
    output's delta reaches the first layer in one sweep; `ActivityDescent` takes H steps. A sweep
    costs as much as a step: one backward pass, and one forward pass for the errors.

    Parameters
    ----------
    n_sweeps : int, default 20
        0 or more.
    rate : float, default 0.5
        Positive. Stable below 2 / (1 + largest eigenvalue of K_l K_l^T), K_l being the Jacobian of
        a layer's prediction, lambda times that for the output's.

    Notes
    -----
    At rate 1, the errors after the first sweep are backpropagation's deltas. The method has no
    convergence test: no sample counts as converged.

    References
    ----------
    .. [1] Saad, "Iterative Methods for Sparse Linear Systems", 2003, section 4.1 : the sweep.
    """

    n_sweeps: int = 20
    rate: float = 0.5

    steps_option = "n_sweeps"
    has_end_test = False
    rounds_errors = True

    def check(self) -> None:
        check_count("n_sweeps", self.n_sweeps)
        check_positive("rate", self.rate)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        passes = Passes(batch, X, Y, objective)
        passes.start()
        for _ in range(self.n_sweeps):
            passes.gauss_seidel_sweep(self.rate)
            passes.residuals()
            passes.end_step()
        passes.report()
