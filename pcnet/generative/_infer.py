"""`infer_causes`: inference with a free input and outputs that are observed in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_no_overflow
from .._core.binding import is_converged
from .._network_checks import check_finite_fields, check_layers, objective_of
from .._network_core import core_batch, fill, unpadded
from .._objective import Objective
from .._types import Bools, Float64s, Floats, Ints, Loss, Method
from ..inference import InferenceMethod, QuasiNewton
from ..inference._method import check_precision, resolve_method
from ..network import Network, check_network
from ._amortizer import amortized_activities, check_amortizer, start_from
from ._langevin import Langevin
from ._observed import check_observed, weigh_outputs
from ._prior import Prior, free_input_network, resolve_prior


@dataclass(frozen=True, eq=False)  # eq=False: == of arrays has no single truth value
class CauseResult:
    """The causes and hidden activities that inference reached.

    Attributes
    ----------
    causes : ndarray, (n, D)
        z_0.
    activities : list of ndarray, (n, n_l)
        z_1..z_H and, last, the output mu_L, which also predicts the outputs that are not observed.
    errors : list of ndarray
        e_0 (n, D), in standard deviations of the prior; e_1..e_H; and last the output's delta, 0
        where nothing is observed. For the weights' gradients at the result:
        ``net.weight_gradients(result.causes, result.errors[1:], result.activities)``.
    energy : ndarray of float64, (n,)
        ``1/2 |e_0|^2 + sum_l 1/2 |e_l|^2 +`` the weighted loss of the observed outputs.
    n_steps : ndarray of int, (n,)
    n_passes : ndarray of float64, (n,)
        Passes; a forward and a backward pass are 1.
    converged : ndarray of bool, (n,)
    status : ndarray of int, (n,)
        How inference ended, see `pcnet.inference.Status`.
    """

    causes: Floats
    activities: list[Floats]
    errors: list[Floats]
    energy: Float64s
    n_steps: Ints
    n_passes: Float64s
    converged: Bools
    status: Ints

    def __repr__(self):  # without the arrays, which are too long to print
        return (
            f"CauseResult({len(self.energy)} samples, mean energy {self.energy.mean():.4g}, "
            f"{self.n_passes.mean():.3g} passes a sample, {self.converged.mean():.0%} converged)"
        )


def infer_causes(
    net: Network,
    Y: ArrayLike,
    method: Method = "quasi_newton",
    *,
    prior: Prior | None = None,
    loss: Loss | None = None,
    output_precision: ArrayLike | None = None,
    errors: Sequence[ArrayLike] | None = None,
    amortizer: Network | None = None,
) -> CauseResult:
    """Minimise each sample's energy over the input and the hidden activities, given outputs.

    ``F = 1/2 |e_0|^2 + sum_{l<=H} 1/2 |e_l|^2 + sum_k precision_k loss(mu_Lk, y_k)`` with
    ``z_0 = mean + e_0 / sqrt(prior precision)``: the negative log of the joint density of causes,
    hidden activities and observed outputs, up to a constant. An output that is not observed has
    precision 0 and no influence; the value that fits the rest best is its prediction.

    Parameters
    ----------
    net : Network
        From causes (D) to outputs (K).
    Y : array-like, (n, K)
        Outputs, NaN where not observed. Ranges as for `pcnet.infer`.
    method : {"quasi_newton", "error"}, an object of one of these methods, or `Langevin`
    prior : Prior, optional
        Default: mean 0, precision 1.
    loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
    output_precision : float, array-like (K,) or (n, K), or None
        Precision of all, of each, or of each sample's outputs; in arrays 0 or more, 0 for outputs
        that are not observed. None: as for ``loss`` the value in ``net.objective``, or else
        "squared_error" and 1.
    errors : list of ndarray, optional
        e_0..e_H to start from, such as ``errors`` of an earlier result; an output's delta after
        them is ignored. Default: 0. Needs a `QuasiNewton` method or `Langevin`.
    amortizer : Network, optional
        A network from outputs to causes through the same hidden layers in reverse, as
        `HybridTrainer` trains it. Inference starts from its activities; it reads 0 where an output
        is not observed. Not together with ``errors``. Needs such a method, too.

    Returns
    -------
    CauseResult

    Raises
    ------
    ValueError
        An argument has a wrong shape or value.
    FloatingPointError
        The energy is not finite at the start.

    Notes
    -----
    With rectified activations (relu) and biases of 0, all derivatives vanish where all causes are
    0, and inference stays there. Use a smooth activation, or a prior's mean other than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import infer_causes
    >>> net = Network.init((2, 16, 5), "tanh", random_state=0)
    >>> Y = np.ones((3, 5))
    >>> Y[:, 2:] = np.nan
    >>> result = infer_causes(net, Y, output_precision=10.0)
    >>> result.causes.shape, result.activities[-1].shape
    ((3, 2), (3, 5))
    """
    check_network(net)
    check_finite_fields(net)
    method = resolve_cause_method(method)
    if amortizer is not None:
        check_amortizer(net, amortizer)
        if errors is not None:
            raise ValueError("errors must be None with an amortizer, which gives the start")
    warm = None if errors is None and amortizer is None else check_takes_errors(method)
    given = Given.of(net, Y, prior, loss, output_precision)
    check_precision(method, given.objective, net.dtype)
    free, n = given.free, len(given.Y)
    batch = core_batch(free, n)
    batch.output_precisions = given.factors
    no_input = np.zeros((n, 1), net.dtype)
    if warm is None:
        method.run(batch, no_input, given.Y, given.objective)
    else:
        if amortizer is None:
            fill(batch.errors, _start(free, errors, n))
        else:
            start = amortized_activities(amortizer, given.seen, given.prior)
            start_from(batch, start, no_input, given.Y, given.objective)
        warm.run_from_errors(batch, no_input, given.Y, given.objective)
    activities, errors = unpadded(free, batch.activities, n), unpadded(free, batch.errors, n)
    check_no_overflow("activities", activities)
    check_no_overflow("errors", errors)
    return CauseResult(
        causes=given.causes(activities[0]),
        activities=activities[1:],
        errors=errors,
        energy=batch.energy[:n].copy(),
        n_steps=batch.n_steps[:n].copy(),
        n_passes=batch.n_half_passes[:n] / 2,
        converged=is_converged(batch.status[:n]),
        status=batch.status[:n].copy(),
    )


class Given(NamedTuple):
    """What is inferred, checked: from the arguments of `infer_causes`.

    Attributes
    ----------
    free : Network
        With the causes as its first layer.
    Y : ndarray, (n, K)
        0 where not observed.
    observed : bool ndarray, (n, K), or None
        None: all are.
    objective : Objective
    factors : ndarray, (n, K), or None
        Of the objective's output precision; 0 where not observed.
    """

    free: Network
    prior: Prior
    Y: Floats
    observed: Bools | None
    objective: Objective
    factors: Floats | None

    @classmethod
    def of(
        cls,
        net: Network,
        Y: ArrayLike,
        prior: Prior | None,
        loss: Loss | None,
        output_precision: ArrayLike | None,
    ) -> Given:
        prior = resolve_prior(prior)
        objective = objective_of(net, loss, None, 0.0)
        Y, observed = check_observed(net, Y, objective.loss)
        objective, factors = weigh_outputs(net, objective, output_precision, Y, observed)
        return cls(free_input_network(net, prior), prior, Y, observed, objective, factors)

    @property
    def seen(self) -> Floats:
        """The outputs, 0 where their factor is 0."""
        if self.factors is None:
            return self.Y
        return np.where(self.factors > 0, self.Y, self.Y.dtype.type(0))

    def causes(self, first: Floats) -> Floats:
        """z_0 from the activities of the first layer, ``sqrt(precision) z_0``."""
        with np.errstate(over="ignore"):
            causes = first / first.dtype.type(np.sqrt(self.prior.precision))
        check_no_overflow("causes", [causes], "the precision of the prior is too small")
        return causes


def resolve_cause_method(method: Method) -> InferenceMethod:
    """The method of a ``method`` argument."""
    method = resolve_method(method, "method")
    if not method.takes_output_precisions:
        raise ValueError(
            "method must be 'quasi_newton' or 'error', or such an object: these weigh each output "
            f"by its precision; got {method!r}"
        )
    return method


def check_starts_warm(method: InferenceMethod) -> QuasiNewton:
    """The method, if it starts from given errors."""
    if not isinstance(method, QuasiNewton):
        raise ValueError(
            f"method must be 'quasi_newton' to start from given errors; got {method!r}"
        )
    return method


def check_takes_errors(method: InferenceMethod) -> QuasiNewton | Langevin:
    """The method, if it starts from given errors, or goes on from them."""
    return method if isinstance(method, Langevin) else check_starts_warm(method)


def _start(free, errors, n):
    """e_0..e_H, checked; an output's delta after them is dropped."""
    if isinstance(errors, (list, tuple)) and len(errors) == free.n_layers:
        errors = errors[:-1]
    return check_layers(free, "errors", errors, n, free.n_layers - 1)
