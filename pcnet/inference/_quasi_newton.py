"""L-BFGS on the errors, for energies that are worse conditioned than those of classification."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import check_count, check_positive
from .._core.binding import MOST_MEMORY, Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod


@dataclass(eq=False, repr=False)
class QuasiNewton(InferenceMethod):
    """L-BFGS of each sample on the errors instead of the activities.

    The free variables are eps, with ``z_l = mu_l + eps_l``, as in `ErrorDescent`. Each sample keeps
    its last ``memory`` steps and the changes of its gradient over them, which give the direction
    [1]_ in place of the negative gradient. Its inverse Hessian starts from a multiple of the
    identity; in the first 8 steps from one for each layer, if outputs are at least twice as many as
    the units of any hidden layer. The first step is that of `ErrorDescent`; later steps have size
    1, and backtracking shortens them until the energy meets Armijo's condition. No sample's energy
    rises, and a sample that has ended costs no further computation.

    It takes fewer passes than `ErrorDescent` where many outputs are observed or the output
    precision is high, as in generative networks (`pcnet.generative`). In classifiers it takes
    about as many, and each takes longer: the directions cost ``4 * memory`` operations for each
    hidden unit and step. See ``docs/inference.md`` for figures.

    Parameters
    ----------
    max_steps : int, default 100
        Largest number of accepted steps of a sample; 0 or more.
    tol : float, default 0.03
        A sample has converged when ``||g||^2 / 2 <= tol (F_0 - F + ||g||^2 / 2)``, g being the
        gradient, F the energy and F_0 that of the feed-forward state; 0 or more. In linear networks
        the share of the excess energy that is left, (F - F*) / (F_0 - F*), is then at most tol, see
        Notes. With the default, nine in ten samples of a decoder of the digits with 2 hidden layers
        kept less than 1 %.
    energy_tol : float, default 1e-6
        A sample also ends when a step lowers its energy by less than this fraction; 0 or more, 0
        turns the test off. Such samples, and those whose energy can fall by no more than rounding,
        do not count as converged.
    memory : int, default 5
        Steps that a sample keeps, from 1 to 20. They take ``2 memory + 1`` times the memory of the
        hidden activities of 64 samples for each thread.

    See Also
    --------
    ErrorDescent : the default method.

    Notes
    -----
    With a loss that is convex and a linear network, F - ||eps||^2 / 2 is convex, so the excess
    energy F - F* is at most ||g||^2 / 2, from any start. In other networks this is an estimate.

    References
    ----------
    .. [1] Liu, Nocedal, "On the limited memory BFGS method for large scale optimization",
       Mathematical Programming 45, 1989.
    """

    max_steps: int = 100
    tol: float = 0.03
    energy_tol: float = 1e-6
    memory: int = 5

    steps_option = "max_steps"
    takes_sparse = True
    takes_output_precisions = True

    def check(self) -> None:
        check_count("max_steps", self.max_steps)
        check_positive("tol", self.tol, or_zero=True)
        check_positive("energy_tol", self.energy_tol, or_zero=True)
        check_count("memory", self.memory, smallest=1)
        if self.memory > MOST_MEMORY:
            raise ValueError(f"memory must be at most {MOST_MEMORY}; got {self.memory!r}")

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        self._run(batch, X, Y, objective, from_errors=False)

    def run_from_errors(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """As `run`, starting from the hidden errors that the batch holds.

        Samples whose energy is higher there than in the feed-forward state start from 0. It costs
        one forward pass more.
        """
        self._run(batch, X, Y, objective, from_errors=True)

    def _run(self, batch, X, Y, objective, from_errors):
        batch.quasi_newton(
            X,
            Y,
            objective.loss,
            objective.output_precision,
            objective.activity_decay,
            self.max_steps,
            self.tol,
            self.energy_tol,
            self.memory,
            from_errors=from_errors,
        )
