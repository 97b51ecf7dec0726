"""Activity descent, the standard method of the predictive-coding literature, and Adam's variant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._checks import check_adam_epsilon, check_count, check_positive, check_share
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes, sample_rates
from ._rows import add_scaled, hidden_blocks


@dataclass(eq=False, repr=False)
class ActivityDescent(InferenceMethod):
    """Gradient descent on the activities, ``z_l <- z_l - rate dF/dz_l``, all layers at once.

    It starts from the feed-forward state and takes a fixed number of steps. The output's delta
    propagates down by one layer per step and is attenuated at each layer. Deep networks therefore
    stay far from equilibrium; with `ErrorDescent` they do not. The step applies to each sample's
    own energy and is not divided by the batch size.

    Parameters
    ----------
    n_steps : int, default 20
        0 or more. Common choices are the number of hidden layers or more.
    rate : float or None, default None
        Positive. Above 2 / (largest eigenvalue of the activity Hessian) the descent diverges;
        `infer` and training warn if the energy rose. None: for each sample 1 / (that eigenvalue at
        the feed-forward state), and 0.5 at most. Eight power iterations of one pass each estimate
        the eigenvalue.
    momentum : float, default 0.0
        From 0 to below 1. Heavy ball [2]_: ``u <- momentum u + dF/dz``, ``z <- z - rate u``.

    Notes
    -----
    The method has no convergence test: no sample counts as converged.

    References
    ----------
    .. [1] Innocenti, "Towards Scaling Deep Neural Networks with Predictive Coding",
       arXiv:2510.23323.
    .. [2] Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Comput.
       Math. Math. Phys. 4, 1964, doi:10.1016/0041-5553(64)90137-5.
    """

    n_steps: int = 20
    rate: float | None = None
    momentum: float = 0.0

    steps_option = "n_steps"
    has_end_test = False
    takes_sparse = True
    rounds_errors = True

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        if self.rate is not None:
            check_positive("rate", self.rate)
        check_share("momentum", self.momentum)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        if self.rate is not None and not self.momentum:
            batch.activity_descent(X, Y, *objective.terms, self.n_steps, self.rate)
        else:
            self._run_by_passes(Passes(batch, X, Y, objective))

    def _run_by_passes(self, passes):
        batch = passes.batch
        gradient, velocity = batch.like_activities(), np.zeros_like(batch.activities.hidden)
        activities, slopes = hidden_blocks(batch.activities), hidden_blocks(gradient)
        passes.start()
        rates = sample_rates(passes, self.rate) if self.n_steps > 0 else None
        for _ in range(self.n_steps):
            passes.activity_gradients(gradient)
            if self.momentum > 0:
                # as a Python float: a NumPy scalar would convert float32 to float64
                velocity[:] = float(self.momentum) * velocity + gradient.hidden
                gradient.hidden[:] = velocity
            add_scaled(activities, -rates, slopes)
            passes.residuals()
            passes.end_step()
        passes.report()


@dataclass(eq=False, repr=False)
class AdamActivityDescent(InferenceMethod):
    """Descent on the activities with Adam's step, which rescales small gradients.

    ``m <- beta_1 m + (1 - beta_1) g``, ``v <- beta_2 v + (1 - beta_2) g^2``, g = dF/dz of all
    layers at once, and ``z <- z - rate m' / (sqrt(v') + epsilon)``, m' and v' being the
    bias-corrected moments. Each step moves an activity by about ``rate``, whatever its gradient,
    so the distance to the equilibrium stays of that order.

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
    The method has no convergence test: no sample counts as converged.

    References
    ----------
    .. [1] Kingma, Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980.
    """

    n_steps: int = 20
    rate: float = 0.01
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("rate", self.rate)
        check_share("beta_1", self.beta_1)
        check_share("beta_2", self.beta_2)
        check_positive("epsilon", self.epsilon)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        # as Python floats: NumPy scalars would convert float32 to float64
        options = self.rate, self.beta_1, self.beta_2, self.epsilon
        rate, beta_1, beta_2, epsilon = map(float, options)
        check_adam_epsilon("epsilon", epsilon, batch.activities.hidden.dtype)
        passes, gradient = Passes(batch, X, Y, objective), batch.like_activities()
        z, g = batch.activities.hidden, gradient.hidden
        m, v = np.zeros_like(z), np.zeros_like(z)
        passes.start()
        for t in range(1, self.n_steps + 1):
            passes.activity_gradients(gradient)
            m[:] = beta_1 * m + (1 - beta_1) * g
            v[:] = beta_2 * v + (1 - beta_2) * g * g
            root = np.sqrt(v / (1 - beta_2**t)) + epsilon
            z -= (rate / (1 - beta_1**t)) * m / root
            passes.residuals()
            passes.end_step()
        passes.report()
