"""Error descent, the default method, and prospective configuration, a tighter error descent."""

from __future__ import annotations

from dataclasses import dataclass

from .._checks import check_count, check_flag, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod

# The smallest tol at which ends are predicted: what the outputs do not show matters below.
_LEAST_PREDICTED = 0.01


@dataclass(eq=False, repr=False)
class ErrorDescent(InferenceMethod):
    """Adaptive gradient descent on the errors instead of the activities.

    The free variables are eps, with ``z_l = mu_l + eps_l``. One backward pass takes the output's
    delta to all layers, whereas descent on the activities moves it by one layer per step. The
    equilibria and their weight gradients are the same. With the response
    ``v_l = a_{l+1} (v_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} v_{l+1} - decay z_l`` (v_L the output
    delta), each sample moves by ``eps <- eps + s (v - eps)``. Its first step is
    ``1 / (1 + lambda (u H u / |u|^2) |v|^2 / |delta|^2)``, u = delta and H the loss's second
    derivative. It is exact where delta is an eigenvector of P^T P; P, with a row for each hidden
    unit and a column for each output, is the derivative of mu_L by eps. With activity decay the
    first step is 1. Later steps are the sample's Barzilai-Borwein steps [1]_. Backtracking shrinks
    each step until the energy meets Armijo's condition. The energy of no sample rises, and a sample
    that has ended costs no further computation.

    Parameters
    ----------
    max_steps : int, default 30
        Largest number of accepted steps of a sample; 0 or more.
    tol : float, default 0.05
        A sample has converged when ||v - eps|| <= tol ||v||; 0 or more. With the default, all
        samples of trained 30- and 128-layer networks kept at most 1 % of their excess energy
        (MNIST, see benchmarks/README.md). With 0.2 some samples keep more; 0.01 takes 40 % more
        passes.
    energy_tol : float, default 1e-6
        A sample also ends when a step lowers its energy by less than this fraction; 0 or more, 0
        turns the test off. Such samples, and those whose energy can fall by no more than rounding,
        do not count as converged.
    predict_convergence : bool, default True
        Whether a sample also ends when its outputs predict that it is as close to equilibrium as
        `tol` asks, which saves the backward pass that would check it; see Notes. Such samples count
        as converged. Without effect with activity decay or with ``tol < 0.01``.

    See Also
    --------
    ActivityDescent : the standard method of the literature.

    Notes
    -----
    The error-space formulation is that of [2]_.

    The prediction: without activity decay ``v = delta P^T``. While P stays the same, as in linear
    networks, ``eps = a P^T`` and the next direction is ``(delta - a) P^T``, where each step adds
    ``s (delta - a)`` to a, which starts at 0. A sample ends after a step if

    - ``|delta' - a|^2 |v|^2 / (2 |delta|^2) <= tol^2 (F0 - F)``: the energy still to lose, against
      that lost so far; delta' is the delta after the step, delta and v are those before it;
    - ``|<delta, mu_L' - mu_L> - s <v, v - eps>| <= 0.2 tol (F0 - F)``: the output mu_L moved as far
      along delta as P told.

    On networks of 3 to 128 layers trained on MNIST 94 to 99 % of the samples ended so, and at least
    99 % kept at most 1 % of their excess energy. Fewer do where inference changes P much, as in
    untrained networks or at output precision 1: see ``docs/equilibrium.md``.

    References
    ----------
    .. [1] Barzilai, Borwein, "Two-Point Step Size Gradient Methods", IMA J. Numer. Anal. 8, 1988.
    .. [2] Goemaere et al., "Error Optimization: Overcoming Exponential Signal Decay in Deep
       Predictive Coding Networks", arXiv:2505.20137.
    """

    max_steps: int = 30
    tol: float = 0.05
    energy_tol: float = 1e-6
    predict_convergence: bool = True

    steps_option = "max_steps"
    takes_sparse = True
    takes_output_precisions = True

    def check(self) -> None:
        check_count("max_steps", self.max_steps)
        check_positive("tol", self.tol, or_zero=True)
        check_positive("energy_tol", self.energy_tol, or_zero=True)
        check_flag("predict_convergence", self.predict_convergence)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        predict = self.predict_convergence and self.tol >= _LEAST_PREDICTED
        batch.error_descent(
            X, Y, *objective.terms, self.max_steps, self.tol, self.energy_tol, predict
        )


@dataclass(eq=False, repr=False)
class ProspectiveConfiguration(ErrorDescent):
    """Predictive coding as prospective configuration: inference close to equilibrium.

    With input and target clamped, the activities first reach the equilibrium of the energy, which
    is the configuration that the network should have *after* learning [1]_. Then the weights are
    updated towards it, ``dW_l = a_l f_l(z_{l-1})^T e_l``. This is `ErrorDescent` with tighter
    tolerances and output precision 1, which ``output_precision="auto"`` of the estimators means.
    Lower precisions, the default of the other methods, keep the activities closer to the
    feed-forward ones and the gradient closer to backpropagation's. The effect grows with the depth.

    Parameters
    ----------
    max_steps : int, default 200
    tol : float, default 1e-3
    energy_tol : float, default 1e-8
    predict_convergence : bool, default True
        Ranges and meaning as for `ErrorDescent`.

    References
    ----------
    .. [1] Song, Millidge, Salvatori, Lukasiewicz, Xu, Bogacz, "Inferring neural activity before
       plasticity as a foundation for learning beyond backpropagation", Nature Neuroscience 27,
       348-358, 2024.
    """

    max_steps: int = 200
    tol: float = 1e-3
    energy_tol: float = 1e-8

    #: The value of ``output_precision="auto"``.
    auto_precision = 1.0
    #: The weights learn from the equilibrium with every loss, as the method is defined.
    learns_settled = True
