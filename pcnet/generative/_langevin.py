"""Langevin dynamics on the errors: samples of the posterior instead of its mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import check_count, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._random import seed_of
from .._types import Floats, RandomState
from ..inference import InferenceMethod, Passes, QuasiNewton
from ..network import Network


@dataclass(eq=False, repr=False)
class Langevin(InferenceMethod):
    """Unadjusted Langevin dynamics: each sample ends in a random state, drawn from its posterior.

    From the most likely state (`QuasiNewton`), or from given errors, each step is
    ``eps <- eps - step_size dF/deps + sqrt(2 step_size) xi`` with standard normal xi [1]_. The
    density of the errors eps is that of the activities ``z_l = mu_l + eps_l``, because this map
    has determinant 1; but in the errors the energy is better conditioned, so fewer steps mix.

    With `CauseTrainer` the weights learn from samples instead of the mode, and so learn variances
    that the mode does not see. Where a trainer keeps the errors, the chains go on from epoch to
    epoch.

    Parameters
    ----------
    step_size : float, default 0.05
        Positive. In a direction of curvature h the steps need ``step_size < 2 / h`` and give the
        variance ``1 / (h (1 - step_size h / 2))`` instead of 1 / h.
    n_steps : int, default 100
        Steps before the state that is kept; 0 or more.
    random_state : int, RandomState, Generator or None
        Seed of xi. Each call of `infer_causes` starts anew from an int; a trainer continues.

    See Also
    --------
    QuasiNewton : the most likely state.

    References
    ----------
    .. [1] Oliviers, Bogacz, Meulemans, "Learning probability distributions of sensory inputs with
       Monte Carlo predictive coding", PLOS Computational Biology 20(10), 2024.

    Examples
    --------
    Two linear causes: the posterior of each has a variance of 1 / (1 + 4):

    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import Langevin, infer_causes
    >>> net = Network.from_weights([2 * np.eye(2)])
    >>> method = Langevin(step_size=0.01, n_steps=200, random_state=0)
    >>> samples = infer_causes(net, np.ones((5000, 2)), method).causes
    >>> samples.mean(axis=0).round(1), samples.var(axis=0).round(1)
    (array([0.4, 0.4]), array([0.2, 0.2]))
    """

    step_size: float = 0.05
    n_steps: int = 100
    random_state: RandomState | None = None

    steps_option = "n_steps"
    has_end_test = False
    minimizes_energy = False
    learns_settled = True
    takes_output_precisions = True

    def check(self) -> None:
        check_positive("step_size", self.step_size)
        check_count("n_steps", self.n_steps)

    @property
    def trace_steps(self) -> int:
        return QuasiNewton().trace_steps

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        QuasiNewton().run(batch, X, Y, objective)
        self.run_from_errors(batch, X, Y, objective)

    def run_from_errors(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """As `run`, from the hidden errors that the batch holds."""
        rng = self._generator()
        passes, responses = Passes(batch, X, Y, objective), batch.like_activities()
        sizes = batch.network.layer_sizes[1:-1]
        n, dtype = len(X), batch.network.dtype
        rate, size = dtype.type(self.step_size), dtype.type(np.sqrt(2 * self.step_size))
        for _ in range(self.n_steps):
            self._pass(passes, responses)
            for e, v, width in zip(batch.errors, responses, sizes, strict=False):
                e, v = e[:n, :width], v[:n, :width]
                v -= e
                e += rate * v
                e += size * rng.standard_normal(e.shape, dtype=dtype)
        self._pass(passes, None)
        passes.n_steps = self.n_steps
        passes.report()

    def _pass(self, passes, responses):
        try:
            passes.forward_from_errors(responses)
        except FloatingPointError:
            raise FloatingPointError(
                f"Langevin dynamics diverged: the energy is not finite. Lower the step_size, now "
                f"{self.step_size!r}, below 2 / the largest curvature of the energy"
            ) from None

    def _generator(self):
        return np.random.default_rng(seed_of(self.random_state))

    def continued(self) -> Langevin:
        """The method with one stream of random numbers for all of its runs."""
        return _Continued(self.step_size, self.n_steps, self.random_state)

    def for_training(self, network: Network, previous: InferenceMethod | None) -> InferenceMethod:
        return self.continued()


class _Continued(Langevin):
    """One stream of random numbers for all runs."""

    _stream: Any = None

    def _generator(self):
        if self._stream is None:
            self._stream = super()._generator()
        return self._stream
