"""Error optimization: plain gradient descent in error space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._checks import check_count, check_positive, check_share
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes

if TYPE_CHECKING:
    from .._core.binding import Batch
    from ..inference import Objective


class ErrorOptimization(InferenceMethod):
    """Gradient descent on the errors with one fixed rate, as in error optimisation (ePC) [1]_.

    With ``z_l = mu_l + eps_l`` and eps the free variables, from eps = 0, all layers at once:
    ``u <- momentum u + (eps - v)`` and ``eps <- eps - rate u``, where v are the responses to the
    output's delta (`ErrorDescent`), one backward pass. One forward pass makes z of eps.

    Parameters
    ----------
    n_steps : int, default 16
        0 or more.
    rate : float, default 0.1
        Positive. With ``n_steps * rate`` far below 1 the result is a scaled gradient of
        backpropagation, not an equilibrium.
    momentum : float, default 0.0
        From 0 to below 1.

    See Also
    --------
    ErrorDescent : the same descent with a step size for each sample that no user has to set.

    Notes
    -----
    No sample counts as converged: the method has no test.

    The descent is the published one, the network is pcnet's. There ``z_l = f(W_l z_{l-1}) + e_l``:
    an error is added after the activation function. Here ``z_l = W_l f(z_{l-1}) + eps_l``: before
    it. Both compute the same function where all errors are 0, take the same steps where f is the
    identity, and come to backpropagation's weight gradients as the output precision falls. Else
    they weigh errors differently, to first order ``e = f'(W z) eps``, and have other equilibria;
    where f' is 0, only the published error can move z.

    References
    ----------
    .. [1] Goemaere et al., "Error Optimization: Overcoming Exponential Signal Decay in Deep
       Predictive Coding Networks", arXiv:2505.20137.
    """

    steps_option = "n_steps"
    has_end_test = False

    def __init__(self, n_steps: int = 16, rate: float = 0.1, momentum: float = 0.0) -> None:
        self.n_steps = n_steps
        self.rate = rate
        self.momentum = momentum

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("rate", self.rate)
        check_share("momentum", self.momentum)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        rate, momentum = float(self.rate), float(self.momentum)  # NumPy's would widen float32
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
