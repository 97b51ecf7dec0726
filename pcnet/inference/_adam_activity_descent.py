"""Activity descent with Adam's step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._checks import check_adam_epsilon, check_count, check_positive, check_share
from .._types import Floats
from ._descent import descend_activities
from ._method import InferenceMethod

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class AdamActivityDescent(InferenceMethod):
    """Descent on the activities with Adam, which makes small gradients of far layers count.

    ``m <- beta_1 m + (1 - beta_1) g``, ``v <- beta_2 v + (1 - beta_2) g^2``, g = dF/dz of all
    layers at once, and ``z <- z - rate m' / (sqrt(v') + epsilon)`` with m' and v' free of their
    bias towards the start. A step moves each activity by about ``rate``, whatever its gradient, so
    the end is no closer to the equilibrium than that.

    Parameters
    ----------
    n_steps : int, default 20
        0 or more.
    rate : float, default 0.01
        Positive.
    beta_1, beta_2 : float, default 0.9 and 0.999
        From 0 to below 1.
    epsilon : float, default 1e-8
        Positive.

    Notes
    -----
    No sample counts as converged: the method has no test.

    References
    ----------
    .. [1] Kingma, Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980.
    """

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True

    def __init__(
        self,
        n_steps: int = 20,
        rate: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.n_steps = n_steps
        self.rate = rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("rate", self.rate)
        check_share("beta_1", self.beta_1)
        check_share("beta_2", self.beta_2)
        check_positive("epsilon", self.epsilon)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        # floats of Python: NumPy's would widen float32
        options = self.rate, self.beta_1, self.beta_2, self.epsilon
        rate, beta_1, beta_2, epsilon = map(float, options)
        check_adam_epsilon("epsilon", epsilon, batch.activities.hidden.dtype)
        m, v = np.zeros_like(batch.activities.hidden), np.zeros_like(batch.activities.hidden)

        def step(t, g):
            m[:] = beta_1 * m + (1 - beta_1) * g
            v[:] = beta_2 * v + (1 - beta_2) * g * g
            root = np.sqrt(v / (1 - beta_2**t)) + epsilon
            return (rate / (1 - beta_1**t)) * m / root

        descend_activities(batch, X, Y, objective, self.n_steps, step)
