"""The augmented Lagrangian method: predictions as constraints, with multipliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._checks import check_choice, check_count, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes, largest_curvature, sample_rates
from ._rows import add_scaled, hidden_blocks

TIMINGS = ("pre", "post")


@dataclass(eq=False, repr=False)
class AugmentedLagrangian(InferenceMethod):
    """Descent on the activities with a multiplier for each of them (PC-ALM).

    The constraints are ``r_l = 0`` for the residuals ``r_l = z_l - mu_l`` of the hidden layers.
    With the duals d_l the augmented Lagrangian [1]_ is

    ``AL(z, d) = lambda loss(mu_L, y) + sum_l d_l r_l + rho / 2 ||r_l||^2``

    plus the activity decay. From the feed-forward state and d = 0, each of ``n_steps`` steps does

    - ``z_l <- z_l - rate dAL/dz_l``, all layers at once, ``inner_steps`` times;
    - ``d_l <- d_l + alpha r_l``.

    With alpha = 0 and rho = 1 this is `ActivityDescent`. At the fixed point the residuals are 0, z
    is the feed-forward state, and d are backpropagation's deltas times lambda. The fixed point is
    not an equilibrium of the energy: it gives the gradient of the loss, computed by local steps.
    The output's delta propagates down by about ``sqrt(alpha rate)`` layers per step, so
    ``n_steps`` should be at least twice the number of layers.

    Parameters
    ----------
    n_steps : int, default 64
        0 or more.
    alpha : float, default 1.0
        Step of the duals, 0 or more. With ``rate=None`` it must be below 2 rho, above which the
        modes of the largest curvature grow; values up to rho leave a margin.
    rho : float, default 1.0
        Positive.
    rate : float or None, default None
        Step of the activities, per sample; positive. None: 1 / lambda_max for each sample.
        lambda_max is the largest eigenvalue of AL's Hessian at the feed-forward state (d = 0),
        estimated by ``power_steps`` power iterations.
    inner_steps : int, default 1
        1 or more.
    timing : {"pre", "post"}, default "pre"
        The weights learn from the duals before (``"pre"``) or after (``"post"``) their last step.
    power_steps : int, default 8
        1 or more; each costs one pass. Not used with a given rate.

    See Also
    --------
    ActivityDescent : the same descent without duals.

    Notes
    -----
    The reported errors, from which the weights learn, are those of the augmented Lagrangian,
    ``rho r_l + d_l``; the output's delta is that of all methods. The energies are those of the
    activities, without the duals, and are not monotone. The method has no convergence test: no
    sample counts as converged.

    References
    ----------
    .. [1] Seely, Gould, "PC-ALM", arXiv:2605.31022.
    """

    n_steps: int = 64
    alpha: float = 1.0
    rho: float = 1.0
    rate: float | None = None
    inner_steps: int = 1
    timing: Literal["pre", "post"] = "pre"
    power_steps: int = 8

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True
    minimizes_energy = False

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("alpha", self.alpha, or_zero=True)
        check_positive("rho", self.rho)
        if self.rate is not None:
            check_positive("rate", self.rate)
        elif self.alpha >= 2 * self.rho:
            raise ValueError(
                "alpha must be below 2 * rho at the default rate, or the iteration becomes "
                f"unstable; got alpha={self.alpha} and rho={self.rho}. Lower alpha, or "
                "give a smaller rate"
            )
        check_count("inner_steps", self.inner_steps, 1)
        check_choice("timing", self.timing, TIMINGS)
        check_count("power_steps", self.power_steps, 1)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        passes = Passes(batch, X, Y, objective)
        passes.start()
        rates = self._rates(passes)
        duals, signals, gradients = (batch.like_activities() for _ in range(3))
        blocks, slopes = hidden_blocks(batch.activities), hidden_blocks(gradients)
        before = None
        for step in range(self.n_steps):
            for _ in range(self.inner_steps):
                self._signals(batch, duals, signals)
                passes.activity_gradients(gradients, errors=signals)
                add_scaled(blocks, -rates, slopes)
                passes.residuals()
            if step == self.n_steps - 1 and self.timing == "pre":
                before = duals.hidden.copy()
            duals.hidden += duals.flat.dtype.type(self.alpha) * batch.errors.hidden
            passes.end_step()
        if before is not None:
            duals.hidden[:] = before
        self._signals(batch, duals, batch.errors)
        passes.report()

    def _signals(self, batch, duals, out):
        """rho r + d of the hidden layers, and the output's delta; ``out`` may be the errors."""
        out[-1][:] = batch.errors[-1]
        np.multiply(batch.errors.hidden, out.flat.dtype.type(self.rho), out=out.hidden)
        out.hidden += duals.hidden

    def _rates(self, passes):
        if self.rate is not None:
            return sample_rates(passes, self.rate)
        return 1.0 / largest_curvature(passes, self.rho, self.power_steps)
