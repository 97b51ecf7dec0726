"""Error optimization: plain gradient descent in error space."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import check_count, check_positive, check_share
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes


@dataclass(eq=False, repr=False)
class ErrorOptimization(InferenceMethod):
    """Gradient descent on the errors with one fixed rate, as in error optimisation (ePC).

    With ``z_l = mu_l + eps_l`` and eps the free variables [1]_, from eps = 0, all layers at once:
    ``u <- momentum u + (eps - v)`` and ``eps <- eps - rate u``, where v are the responses to the
    output's delta (`ErrorDescent`). A step costs one backward pass, for v, and one forward pass,
    for z from eps.

    Parameters
    ----------
    n_steps : int, default 16
        0 or more.
    rate : float, default 0.1
        Positive. If ``n_steps * rate`` is far below 1, the weight gradient is that of
        backpropagation times a factor, not that of an equilibrium.
    momentum : float, default 0.0
        From 0 to below 1.

    See Also
    --------
    ErrorDescent : the same descent with an adaptive step size for each sample.

    Notes
    -----
    The method has no convergence test: no sample counts as converged.

    The descent is the published one; the network is pcnet's. In the paper
    ``z_l = f(W_l z_{l-1}) + e_l``: the error is added after the activation function. In pcnet
    ``z_l = W_l f(z_{l-1}) + eps_l``: it is added before. Both networks compute the same function
    where all errors are 0 and take the same steps where f is the identity. Both weight gradients
    tend to backpropagation's as the output precision falls. Otherwise the errors differ, to first
    order by ``e = f'(W z) eps``, and so do the equilibria. Where f' is 0, only the paper's error
    changes the activity after f.

    References
    ----------
    .. [1] Goemaere et al., "Error Optimization: Overcoming Exponential Signal Decay in Deep
       Predictive Coding Networks", arXiv:2505.20137.
    """

    n_steps: int = 16
    rate: float = 0.1
    momentum: float = 0.0

    steps_option = "n_steps"
    has_end_test = False

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("rate", self.rate)
        check_share("momentum", self.momentum)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        # as Python floats: NumPy scalars would convert float32 to float64
        rate, momentum = float(self.rate), float(self.momentum)
        passes = Passes(batch, X, Y, objective)
        responses, velocity = batch.like_activities(), batch.like_activities()
        passes.start(responses if self.n_steps else None)
        for step in range(1, self.n_steps + 1):
            velocity.hidden *= momentum
            velocity.hidden += batch.errors.hidden - responses.hidden
            batch.errors.hidden -= rate * velocity.hidden
            passes.forward_from_errors(responses if step < self.n_steps else None)
            passes.end_step()
        passes.report()
