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

from .._core.binding import half_log_determinants
from .._core.matrices import product
from .._core.reference import ACTIVATIONS
from .._core.threads import effective_n_threads
from .._network_checks import check_finite_fields, objective_of
from .._objective import loss_parts
from .._types import Float64s, Floats, Method
from ..inference import QuasiNewton
from ..network import Network, check_network
from ._infer import infer_causes
from ._observed import check_observed, weigh_outputs
from ._prior import Prior, resolve_prior

#: Inference whose energies are exact to about 1e-10 of the excess energy.
PRECISE = QuasiNewton(max_steps=1000, tol=1e-10, energy_tol=1e-12)

#: Numbers in the curvatures of different precisions that are held at once.
_HELD = 2**22

#: Largest trace of a curvature from which parts are subtracted: beside the identity, their rounding
#: is then below 1e-11.
_MOST_SUBTRACTED = 4e4


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
        Outputs, NaN where not observed. Those of other losses than the squared error must be NaN.
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
        An argument has a wrong shape or value, or an observed output has another loss in
        ``net.objective`` than the squared error.
    FloatingPointError
        An energy or an activity is not finite.

    Notes
    -----
    The determinant is found layer by layer, in about ``sum_l n_l^3 / 3 + n_l^2 n_{l-1} + n_l
    n_{l-1}^2`` operations for n_l causes or hidden units, whatever the number of outputs. Each
    different set of missing outputs takes ``2 n_H^2`` more for each output that is missing, or
    observed if fewer are.

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
    prior = resolve_prior(prior)
    values, observed = check_observed(net, Y, objective.loss)
    for loss, outputs in loss_parts(objective.loss):
        if loss != "squared_error" and (observed is None or observed[:, outputs].any()):
            raise ValueError(
                "net must have the loss 'squared_error' for all observed outputs, which then have "
                f"a normal density; its objective has {loss!r}. Outputs of other losses must be NaN"
            )
    precisions = output_precisions(net, values, observed, output_precision)
    given = values if observed is None else np.where(observed, values, values.dtype.type(np.nan))
    result = infer_causes(
        net, given, method, prior=prior, output_precision=precisions.astype(net.dtype)
    )
    complete = None  # the precisions of a complete row, where all rows have the same
    if len(values) and (output_precision is None or np.ndim(output_precision) < 2):
        complete = output_precisions(net, values[:1], None, output_precision)[0]
        for loss, outputs in loss_parts(objective.loss):
            if loss != "squared_error":  # missing in all rows
                complete[outputs] = 0
    density = 0.5 * _log_scales(precisions).sum(axis=1) - result.energy
    halves = _half_log_determinants(net, result, precisions, complete, prior)
    if not np.isfinite(halves).all():
        raise FloatingPointError(
            "the curvature of the energy is not finite: weights or output precisions are too large "
            f"for float64; the largest precision is {precisions.max():g}"
        )
    return np.where((precisions > 0).any(axis=1), density - halves, 0.0)


def output_precisions(
    net: Network, Y: Floats, observed: ArrayLike | None, output_precision: ArrayLike | None
) -> Float64s:
    """The precision of each output of each sample, (n, K), 0 where not observed."""
    objective, factors = weigh_outputs(
        net, objective_of(net, None, None, 0.0), output_precision, Y, observed
    )
    precisions = np.full(Y.shape, objective.output_precision, dtype=np.float64)
    return precisions if factors is None else precisions * factors.astype(np.float64)


def _log_scales(precisions):
    """log(precision / (2 pi)), 0 where not observed."""
    with np.errstate(divide="ignore"):
        return np.where(precisions > 0, np.log(precisions / (2 * np.pi)), 0.0)


def _half_log_determinants(net, result, precisions, complete, prior):
    """1/2 log det A of each sample."""
    *weights, last = [
        a * W.astype(np.float64) for a, W in zip(net.scales, net.weights, strict=True)
    ]
    squares = [product(W, W.T) for W in weights]
    curvatures = _OutputCurvatures(last, complete)
    every: Any = slice(None)
    z = [a.astype(np.float64) for a in (result.causes, *result.activities[:-1])]
    if set(net.activations) == {"identity"}:  # A depends on the precisions alone
        precisions, first, every = np.unique(
            precisions, axis=0, return_index=True, return_inverse=True
        )
        z, every = [a[first] for a in z], every.ravel()
    slopes = [np.full(z[0].shape, 1 / np.sqrt(prior.precision))]
    slopes += [ACTIVATIONS[name][1](a) for name, a in zip(net.activations[1:], z[1:], strict=True)]
    halves = np.empty(len(precisions))
    shared = (precisions == precisions[:1]).all()
    n_rows = max(1, len(precisions) if shared else _HELD // len(last) ** 2)
    for start in range(0, len(precisions), n_rows):
        rows = slice(start, start + n_rows)
        halves[rows] = half_log_determinants(
            weights,
            squares,
            net.skips[:-1],
            [slope[rows] for slope in slopes],
            *curvatures.of(precisions[rows]),
            effective_n_threads(),
        )
    return halves[every]


class _OutputCurvatures:
    """V = W Lambda W^T for the precisions of samples.

    Where less than half of a row is missing, V is that of the complete row less the missing part.
    """

    def __init__(self, W, complete):
        self.W, self.complete = W, complete
        if complete is not None:
            self.whole = self._of_columns(complete, complete > 0)
            if np.trace(self.whole) > _MOST_SUBTRACTED:
                self.complete = None

    def of(self, precisions):
        """V of each different row of precisions (n, K), and the number of each row's."""
        own, every = np.unique(precisions, axis=0, return_inverse=True)
        V = np.empty((len(own), len(self.W), len(self.W)))
        for row, out in zip(own, V, strict=True):
            out[:] = self._of_row(row)
        return V, every.ravel().astype(np.intc)

    def _of_row(self, row):
        if self.complete is None:
            return self._of_columns(row, row > 0)
        missing = (row == 0) & (self.complete > 0)
        if 2 * np.count_nonzero(missing) > len(row):
            return self._of_columns(row, row > 0)
        return self.whole - self._of_columns(self.complete, missing)

    def _of_columns(self, precisions, chosen):
        if not chosen.any():
            return 0.0
        W = self.W[:, chosen]
        return product(W * precisions[chosen], W.T)
