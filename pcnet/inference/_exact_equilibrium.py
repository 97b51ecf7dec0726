"""The equilibrium of linear networks in closed form."""

from __future__ import annotations

import numpy as np

from .._core.binding import Batch, Status
from .._core.sums import solve_positive
from .._objective import Objective
from .._types import Floats
from ._method import InferenceMethod
from ._passes import Passes


class ExactEquilibrium(InferenceMethod):
    """The minimum of the energy of a linear network, in a fixed number of passes.

    With identity activations and squared error the output's delta at equilibrium is
    ``delta = r S^-1``, with r = y - mu_L of the feed-forward pass and
    ``S = I / lambda + sum_l P_l^T P_l``. P_l (n_l, K) is the derivative of mu_L by z_l. The errors
    are the responses to it, ``e_l = delta P_l^T``. A backward pass of the K unit deltas gives all
    P_l, so the cost is linear in the depth.

    Raises
    ------
    ValueError
        Raised by `run` if an activation is not the identity or the loss not squared_error. Also if
        the objective has an activity decay, with which the errors are not responses to one delta.

    References
    ----------
    .. [1] Innocenti et al., "Only Strict Saddles in the Energy Landscape of Predictive Coding
       Networks?", arXiv:2408.11979.
    """

    trace_steps = 1

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        _check_linear(batch.network, objective)
        passes = Passes(batch, X, Y, objective)
        n, n_outputs = len(X), batch.network.layer_sizes[-1]
        S = np.eye(n_outputs) / objective.output_precision + _responses_gram(batch, n_outputs)
        passes.start()
        delta = batch.errors[-1][:n, :n_outputs]
        delta[:] = solve_positive(S, delta.T.astype(np.float64) / objective.output_precision).T
        passes.backward(batch.errors)
        passes.forward_from_errors()
        passes.n_half_passes += -(-n_outputs // n)  # unit deltas, n of them per pass
        passes.end_step()
        passes.report(Status.CONVERGED)


def _check_linear(network, objective):
    bent = [name for name in network.activations if name != "identity"]
    if bent:
        raise ValueError(
            "ExactEquilibrium computes the equilibrium of linear networks only, activation="
            f"'identity'; this one has {bent[0]!r}. Use 'error' for it"
        )
    if objective.loss != "squared_error":
        raise ValueError(
            "ExactEquilibrium needs loss='squared_error', whose equilibrium is linear in the "
            f"target; got {objective.loss!r}. Use 'error' for it"
        )
    if objective.activity_decay > 0:
        raise ValueError(
            "ExactEquilibrium needs activity_decay=0; got "
            f"{objective.activity_decay!r}. Use 'error' with a small tol for it"
        )


def _responses_gram(batch, n_outputs):
    """sum_l P_l^T P_l, (K, K) float64, from the responses to the unit deltas."""
    units, at_once = np.eye(n_outputs), batch.capacity
    parts = []
    for start in range(0, n_outputs, at_once):
        deltas, out = batch.like_activities(), batch.like_activities()
        n = min(at_once, n_outputs - start)
        deltas[-1][:n, :n_outputs] = units[start : start + n]
        # a linear network has the same responses at all activities
        batch.backward(n, out, errors=deltas)
        parts.append([rows[:n].astype(np.float64) for rows in out[:-1]])
    gram = np.zeros((n_outputs, n_outputs))
    for layer in zip(*parts, strict=True):
        rows = np.concatenate(layer)
        gram += np.einsum("ij,kj->ik", rows, rows)
    return gram
