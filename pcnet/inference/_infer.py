"""`infer`: inference on one batch, with a detailed result."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from .._checks import check_no_overflow
from .._core.binding import Status, is_converged
from .._network_checks import check_clamped, objective_of
from .._network_core import core_batch, unpadded
from .._types import Bools, Float64s, Floats, Ints, Loss, Method
from .._warnings import convergence_warning, warn
from ..network import Network, check_network
from ._method import check_precision, check_reported, resolve_method
from ._passes import has_risen


@dataclass(frozen=True, eq=False)  # eq=False: == of arrays has no single truth value
class InferenceResult:
    """The state that inference reached, with its energies, steps and passes.

    Attributes
    ----------
    activities : list of ndarray, (n, n_l)
        z_1..z_H and, last, the output mu_L.
    errors : list of ndarray, (n, n_l)
        e_1..e_H and, last, the output's delta: ``output_precision`` times y - mu_L
        (squared_error; bounded by huber), y - softmax(mu_L) (log_loss), y - logistic(mu_L)
        (logistic) or y - exp(mu_L) (poisson). Some methods report instead the errors from which
        the weights learn; their docstrings state it.
    energy : ndarray of float64, (n,)
        Each sample's energy at the end, decay included.
    n_steps : ndarray of int, (n,)
        Steps taken (accepted, for methods that can reject one).
    n_passes : ndarray of float64, (n,)
        Passes of each sample, the feed-forward pass included. One forward and one backward pass
        count as 1: 2 forward passes and 1 backward pass are 1.5.
    converged : ndarray of bool, (n,)
        Whether the gradient met the method's tolerance, or was predicted to.
    status : ndarray of int, (n,)
        How inference ended: 0 limit of steps, 1 converged, 2 the energy fell too little,
        3 no step lowers the energy by more than rounding, 4 converged as predicted. `Status` names
        these numbers.
    energy_trace : ndarray of float64, (steps + 1,)
        Mean energy after 0, 1, .. steps; samples that ended keep their last energy.
    """

    activities: list[Floats]
    errors: list[Floats]
    energy: Float64s
    n_steps: Ints
    n_passes: Float64s
    converged: Bools
    status: Ints
    energy_trace: Float64s

    def __repr__(self):  # without the arrays, which are too long to print
        shares = [((self.status == status).mean(), status.text) for status in Status]
        ends = ", ".join(
            f"{share:.0%} {text}" for share, text in sorted(shares)[::-1] if share >= 0.005
        )
        return (
            f"InferenceResult({len(self.energy)} samples, mean energy {self.energy.mean():.4g}, "
            f"{self.n_passes.mean():.3g} passes a sample, {ends})"
        )


def infer(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    method: Method = "error",
    loss: Loss | None = None,
    output_precision: float | None = None,
    activity_decay: float | None = None,
) -> InferenceResult:
    """Minimise each sample's energy over the hidden activities, input and target clamped.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
        Targets: any numbers (squared_error, huber), rows of probabilities of sum 1, such as
        one-hot ones (log_loss), numbers from 0 to 1 (logistic) or of at least 0 (poisson).
    method : str or inference object
        A name of `pcnet.inference.METHODS` selects a method with its default options: "error",
        "quasi_newton", "activity", "adam_activity", "nesterov", "error_optimization",
        "gauss_seidel", "gradient_flow", "augmented_lagrangian", "exact", "prospective",
        "incremental", "nudged", "forward_update", "precision", "learned_precision", "backprop" or
        "zero_divergence".
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
    output_precision : float or None
        lambda, positive.
    activity_decay : float or None
        0 or more. None, the default of all three: the value in ``net.objective``, which training
        an estimator sets on its ``network_``. Without an objective: "squared_error", 1 and 0.

    Returns
    -------
    InferenceResult

    Raises
    ------
    ValueError
        An argument has a wrong shape or value, a target is out of the loss's range, or a weight is
        NaN. Also if the output precision is so small that the hidden errors would be lost to
        rounding in the network's dtype.
    RuntimeError
        A user-defined method has left no report.
    FloatingPointError
        The energy is not finite at the start, a method without safeguards diverged, or an
        activity or error overflowed.

    Warns
    -----
    ConvergenceWarning
        A method that minimises the energy ended with a higher mean energy than at the start: its
        rate is too large.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network, infer
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> result = infer(net, np.ones((2, 4)), np.eye(3)[:2])
    >>> bool(np.all(result.converged))
    True
    """
    check_network(net)
    objective = objective_of(net, loss, output_precision, activity_decay)
    method = resolve_method(method, "method of inference")
    if X is None or Y is None:
        raise TypeError(
            "X and Y must both be arrays, got None: infer clamps both. For a network with a free "
            'input or target see "Free ends" in the documentation (docs/experiments.md)'
        )
    check_precision(method, objective, net.dtype)
    X, Y = check_clamped(net, X, Y, objective.loss)
    n = len(X)
    batch = core_batch(net, n * method.rows_per_sample, trace_steps=method.trace_steps)
    method.run(batch, X, Y, objective)
    check_reported(method, batch, n)
    if batch.n_steps[:n].any() and method.minimizes_energy:
        _warn_if_risen(method, batch.trace[0], batch.energy[:n].mean())
    activities, errors = unpadded(net, batch.activities, n), unpadded(net, batch.errors, n)
    check_no_overflow("activities", activities)
    check_no_overflow("errors", errors)
    return InferenceResult(
        activities=activities,
        errors=errors,
        energy=batch.energy[:n].copy(),
        n_steps=batch.n_steps[:n].copy(),
        n_passes=batch.n_half_passes[:n] / 2,
        converged=is_converged(batch.status[:n]),
        status=batch.status[:n].copy(),
        energy_trace=batch.trace[: batch.n_steps.max() + 1].copy(),
    )


def _warn_if_risen(method, before, after):
    """Warn; the text has no numbers, so that Python shows it once per line of the user's code."""
    if has_risen(before, after):
        warn(
            "Inference raised the mean energy from what it was at the start: the rate of "
            f"{method!r} is too large for this network. Lower it until energy_trace falls (plain "
            "descent diverges above largest_stable_rate of pcnet.theory.extreme_eigenvalues), "
            "lower output_precision, or use method='error', which never raises the energy",
            convergence_warning(),
        )
