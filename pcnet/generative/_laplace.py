"""The posterior of causes and hidden errors as a normal distribution around the most likely ones.

Near them outputs are taken as linear in the errors eps = (e_0, ..., e_H), which are standard
normal a priori: ``mu_L ~ mu_L* + (eps - eps*) J``. The posterior's inverse covariance is then
``A = I + J Lambda J^T``, with the outputs' precisions in Lambda. This is the approximation of
Laplace with the Gauss-Newton Hessian, exact for linear networks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._core.matrices import cholesky, product
from .._core.reference import ACTIVATIONS
from .._network_checks import check_finite_fields, objective_of
from .._types import Float64s, Floats, Method
from ..inference import QuasiNewton
from ..network import Network, check_network
from ._infer import CauseResult, infer_causes
from ._observed import check_observed, weigh_outputs
from ._prior import Prior, resolve_prior

#: Inference whose energies are exact to about 1e-10 of the excess energy.
PRECISE = QuasiNewton(max_steps=1000, tol=1e-10, energy_tol=1e-12)

#: Numbers in the matrices A that are held at once.
_HELD = 2**22


def log_density(
    net: Network,
    Y: ArrayLike,
    method: Method = PRECISE,
    *,
    prior: Prior | None = None,
    output_precision: ArrayLike | None = None,
) -> Float64s:
    """Log density of each sample's observed outputs, with causes and hidden errors integrated out.

    The density of causes and outputs is ``exp(-F)`` over its integral, F being the energy of
    `infer_causes` with the squared error. The integral over the causes is that of a normal
    distribution around the most likely ones:

    ``log p(y) = -F* - 1/2 log det(I + J Lambda J^T) + 1/2 sum_k log(precision_k / (2 pi))``

    over the observed outputs k, with the Jacobian J of the outputs by all errors at F*. It is exact
    for linear networks, where it is the log density of a normal distribution.

    Parameters
    ----------
    net : Network
    Y : array-like, (n, K)
        Outputs, NaN where not observed.
    method : QuasiNewton or ErrorDescent
        Default: ``QuasiNewton(1000, 1e-10, 1e-12)``.
    prior : Prior, optional
    output_precision : float, array-like (K,) or (n, K), or None
        As for `infer_causes`.

    Returns
    -------
    ndarray of float64, (n,)
        0 for samples without observed outputs.

    Raises
    ------
    ValueError
        An argument has a wrong shape or value, or the loss of ``net.objective`` is not the squared
        error.
    FloatingPointError
        An energy or an activity is not finite.

    Notes
    -----
    Each sample takes ``d^3 / 3`` operations for d causes and hidden units.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import log_density
    >>> net = Network.init((2, 16, 5), "tanh", random_state=0)
    >>> near, far = log_density(net, [np.zeros(5), np.full(5, 9.0)], output_precision=10.0)
    >>> bool(near > far)
    True
    """
    check_network(net)
    check_finite_fields(net)
    objective = objective_of(net, None, None, 0.0)
    if objective.loss != "squared_error":
        raise ValueError(
            "net must have the loss 'squared_error', whose outputs have a normal density; its "
            f"objective has {objective.loss!r}"
        )
    prior = resolve_prior(prior)
    values, observed = check_observed(net, Y, objective.loss)
    precisions = output_precisions(net, values, observed, output_precision)
    result = infer_causes(
        net, values, method, prior=prior, output_precision=precisions.astype(net.dtype)
    )
    return log_densities(net, result, precisions, prior)


def output_precisions(
    net: Network, Y: Floats, observed: ArrayLike | None, output_precision: ArrayLike | None
) -> Float64s:
    """The precision of each output of each sample, (n, K), 0 where not observed."""
    objective, factors = weigh_outputs(
        net, objective_of(net, None, None, 0.0), output_precision, Y, observed
    )
    precisions = np.full(Y.shape, objective.output_precision, dtype=np.float64)
    return precisions if factors is None else precisions * factors.astype(np.float64)


def log_densities(
    net: Network, result: CauseResult, precisions: Float64s, prior: Prior
) -> Float64s:
    """Log density of the samples of an inference with these precisions (n, K)."""
    with np.errstate(divide="ignore"):
        logs = np.log(precisions / (2 * np.pi))
    density = 0.5 * np.where(precisions > 0, logs, 0).sum(axis=1) - result.energy
    d = sum(net.layer_sizes[:-1])
    n_rows = max(1, _HELD // d**2)
    linear = set(net.activations) == {"identity"} or net.n_layers == 1
    for start in range(0, len(precisions), n_rows):
        rows = slice(start, start + n_rows)
        own = precisions[rows]
        z = [a[rows].astype(np.float64) for a in (result.causes, *result.activities[:-1])]
        every: Any = slice(None)
        if linear:  # A depends on the precisions alone
            own, first, every = np.unique(own, axis=0, return_index=True, return_inverse=True)
            z, every = [a[first] for a in z], every.ravel()
        density[rows] -= _half_log_determinants(_curvature(net, z, own, prior))[every]
    return density


def _half_log_determinants(A):
    return np.log(np.einsum("njj->nj", cholesky(A))).sum(axis=1)


def _curvature(net, z, precisions, prior):
    """A of each sample at the activities z = [z_0, ..., z_H]; its lower triangle."""
    n, root = len(precisions), np.sqrt(prior.precision)
    slopes = [np.ones(z[0].shape)]
    slopes += [ACTIVATIONS[name][1](a) for name, a in zip(net.activations[1:], z[1:], strict=True)]
    slopes[0] /= root
    last = net.scales[-1] * net.weights[-1].astype(np.float64)
    V = _weighted_products(last, precisions)
    sides = [None] * net.n_layers  # U_l: from the errors of layer l to f(z_H)
    chain = None  # from z_{l+1} to z_H
    for layer in reversed(range(net.n_layers - 1)):
        W = net.scales[layer] * net.weights[layer].astype(np.float64)
        if chain is None:
            step = np.broadcast_to(W, (n, *W.shape))
        else:
            columns = chain.transpose(1, 0, 2).reshape(len(W[0]), -1)
            step = product(W, columns).reshape(len(W), n, -1).transpose(1, 0, 2)
        step = slopes[layer][:, :, None] * step
        if net.skips[layer]:
            step = step + (np.eye(len(W))[None] if chain is None else chain)
        chain = step
        sides[layer] = chain * slopes[-1][:, None, :]
    return _blocks(sides, slopes[-1], V)


def _weighted_products(W, precisions):
    """W Lambda W^T for the outputs' precisions of each sample; one matrix if they are equal."""
    if (precisions == precisions[:1]).all():
        return product(W * precisions[0], W.T)[None]
    return np.stack([product(W * row, W.T) for row in precisions])


def _blocks(sides, slope, V):
    """I + U V U^T for U = (U_0, ..., U_H), where U_H is diagonal: ``slope``."""
    n, top = slope.shape
    sizes = [top if U is None else U.shape[1] for U in sides]
    ends = np.cumsum(sizes)
    A = np.empty((n, ends[-1], ends[-1]))
    for i, U in enumerate(sides):
        if U is None:
            half = slope[:, :, None] * V
        elif len(V) == 1:
            half = product(U.reshape(-1, top), V[0]).reshape(U.shape)
        else:
            half = np.einsum("nij,njk->nik", U, V)
        for j, other in enumerate(sides[: i + 1]):  # the lower triangle
            if other is None:
                block = half * slope[:, None, :]
            else:
                block = np.einsum("nik,njk->nij", half, other)
            A[:, ends[i] - sizes[i] : ends[i], ends[j] - sizes[j] : ends[j]] = block
    A[:, np.arange(ends[-1]), np.arange(ends[-1])] += 1
    return A
