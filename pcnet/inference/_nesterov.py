"""Nesterov's accelerated descent on the activities."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .._checks import check_count, check_positive, check_share
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes, sample_rates


@dataclass(eq=False, repr=False)
class NesterovDescent(InferenceMethod):
    """Nesterov's accelerated gradient descent on the activities, all layers at once.

    From the feed-forward state ``y_0 = z_0``, step t = 1, 2, .. [1]_ is

    - ``z_t = y_{t-1} - rate dF/dz(y_{t-1})``;
    - ``y_t = z_t + momentum (z_t - z_{t-1})``.

    A step costs as much as one of `ActivityDescent`. On a quadratic energy of condition number k
    that needs about k steps, and this method about ``sqrt(k)``. In residual networks k grows with
    the square of the depth [2]_, so that the number of steps grows with the depth itself; take
    twice the number of layers or more. The output's delta still moves down one layer per step.

    Parameters
    ----------
    n_steps : int, default 64
        0 or more.
    rate : float or None, default None
        As for `ActivityDescent`, and stable up to 1 / (largest eigenvalue of the activity Hessian).
        None: that limit for each sample, by eight power iterations, and 0.5 at most.
    momentum : float or None, default None
        From 0 to below 1. None: ``(sqrt(k) - 1) / (sqrt(k) + 1)`` with k = ``condition_number``.
    condition_number : float or None, default None
        Of the activity Hessian, at least 1; see `pcnet.theory.extreme_eigenvalues`. None: from the
        depth. With n = 2 L - 1 for L layers, ``k = (cos(pi / n) / sin(pi / (2 n)))^2``, about
        1.6 L^2: that of residual layers which pass the activity below on unchanged, with a free
        output. Not to be given together with ``momentum``.

    See Also
    --------
    ActivityDescent : the same without acceleration; its ``momentum`` is that of the heavy ball.
    ErrorDescent : reaches the equilibrium in a few passes at any depth.

    Notes
    -----
    The energy need not fall at every step. The energies of the trace are those of y, where the
    gradients are computed; the last one, and the result, are those of z. The method has no
    convergence test: no sample counts as converged. It takes one pass more than `ActivityDescent`
    if ``rate`` is None, for the feed-forward state.

    References
    ----------
    .. [1] Nesterov, "Introductory Lectures on Convex Optimization", 2004, section 2.2, scheme
       (2.2.11): the constant step for strongly convex functions.
    .. [2] https://github.com/tarun-ks/predictive-coding-depth-scaling, 2026: a study with PC-ALM's
       reference code of condition numbers and of momentum on the activities.
    """

    n_steps: int = 64
    rate: float | None = None
    momentum: float | None = None
    condition_number: float | None = None

    steps_option = "n_steps"
    has_end_test = False
    takes_sparse = True
    rounds_errors = True

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        if self.rate is not None:
            check_positive("rate", self.rate)
        if self.momentum is not None:
            check_share("momentum", self.momentum)
        if self.condition_number is None:
            return
        check_positive("condition_number", self.condition_number)
        if self.condition_number < 1:
            raise ValueError(
                "condition_number must be at least 1, the largest eigenvalue over the smallest; "
                f"got {self.condition_number!r}"
            )
        if self.momentum is not None:
            raise ValueError(
                "momentum and condition_number must not both be given, as one follows from the "
                f"other; got {self.momentum!r} and {self.condition_number!r}. Leave one at None"
            )

    def momentum_for(self, n_layers: int) -> float:
        """The momentum in a network of that many layers.

        Parameters
        ----------
        n_layers : int
            L, 1 or more.

        Returns
        -------
        float
        """
        if self.momentum is not None:
            return float(self.momentum)
        if self.condition_number is not None:
            root = math.sqrt(self.condition_number)
        else:
            angle = math.pi / (2 * n_layers - 1)
            root = max(1.0, math.cos(angle) / math.sin(angle / 2))
        return (root - 1) / (root + 1)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        momentum = self.momentum_for(len(batch.activities))
        rates, extra, rate = None, 0, self.rate
        if rate is None and self.n_steps > 0:
            passes = Passes(batch, X, Y, objective)
            passes.start()
            rates, extra, rate = sample_rates(passes, None), passes.n_half_passes, 1.0
        batch.activity_descent(
            X, Y, *objective.terms, self.n_steps, rate or 1.0, momentum=momentum, rates=rates
        )
        batch.n_half_passes[: len(X)] += extra
