"""Extreme eigenvalues of the activity Hessian, and the rates of activity descent they imply."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._checks import check_positive
from ._hessian import ActivityHessian

#: Up to this number of unknowns the dense matrix is no slower than Lanczos iteration.
DENSE_SIZE = 64
#: Limit of Lanczos restarts; a 128-layer network needs 4 at the default tolerance, 14 at 1e-6.
MAX_RESTARTS = 300


class Spectrum(NamedTuple):
    """The extreme eigenvalues of an activity Hessian, and the rates that follow from them.

    Near a minimum, each step of activity descent ``z <- z - rate dF/dz`` multiplies the distance to
    the minimum by I - rate H_z.

    Attributes
    ----------
    smallest, largest : float
        Smallest and largest eigenvalue.
    """

    smallest: float
    largest: float

    @property
    def condition_number(self) -> float:
        """largest / smallest; inf if smallest <= 0, as away from a minimum."""
        return self.largest / self.smallest if self.smallest > 0 else float("inf")

    @property
    def largest_stable_rate(self) -> float:
        """2 / largest: above it activity descent diverges."""
        return 2.0 / self.largest

    @property
    def optimal_rate(self) -> float:
        """2 / (smallest + largest): the rate with the best `contraction`."""
        return 2.0 / (self.smallest + self.largest)

    def contraction(self, rate: float) -> float:
        """Asymptotic factor of the distance in a step of activity descent.

        ``max(|1 - rate smallest|, |1 - rate largest|)``, the spectral radius of I - rate H_z;
        ``(k - 1) / (k + 1)`` at the optimal rate, k being the condition number.

        Parameters
        ----------
        rate : float
            Positive.

        Returns
        -------
        float
            Below 1 if the descent converges.
        """
        check_positive("rate", rate)
        return max(abs(1 - rate * self.smallest), abs(1 - rate * self.largest))

    def steps_to(self, share: float, rate: float | None = None) -> float:
        """Steps of activity descent until a fraction of the distance is left, asymptotically.

        Parameters
        ----------
        share : float
            Fraction of the initial distance, between 0 and 1.
        rate : float, optional
            Positive. Default: `optimal_rate`.

        Returns
        -------
        float
            inf if the descent does not converge.

        Raises
        ------
        ValueError, TypeError
            ``share`` is not a number between 0 and 1, or ``rate`` is not positive.
        """
        check_positive("share", share)
        if share >= 1:
            raise ValueError(f"share must be between 0 and 1; got {share!r}")
        factor = self.contraction(self.optimal_rate if rate is None else rate)
        if factor >= 1:
            return float("inf")
        return float(np.log(share) / np.log(factor)) if factor > 0 else 1.0


def extreme_eigenvalues(hessian: ActivityHessian, tol: float = 1e-3) -> Spectrum:
    """Smallest and largest eigenvalue of an activity Hessian, computed without the matrix.

    Lanczos iteration on products H v gives the largest, and on H^-1 v the smallest. For the
    Gauss-Newton part (linear networks, relu, or ``gauss_newton=True``) H^-1 v costs two passes, so
    128 layers of 512 units take seconds; decay only shifts the eigenvalues. With curved activations
    H - shift I is factorised by blocks in O(H N^3), the shift being below the spectrum.

    Parameters
    ----------
    hessian : ActivityHessian
    tol : float, default 1e-3
        Positive. Residual of the eigenvectors relative to the eigenvalue. The eigenvalues are more
        accurate: of 65,000 at the default, the largest to 1e-4 and the smallest to 1e-7.

    Returns
    -------
    Spectrum

    Raises
    ------
    ValueError, TypeError
        ``hessian`` is no `ActivityHessian`, or ``tol`` is not a positive number.
    numpy.linalg.LinAlgError
        The tolerance was not reached.

    Examples
    --------
    >>> from pcnet import Network
    >>> from pcnet.theory import activity_hessian, extreme_eigenvalues
    >>> net = Network.from_weights([[[1.0]], [[1.0]], [[2.0]]], activation="identity")
    >>> spectrum = extreme_eigenvalues(activity_hessian(net, [[1.0]], [[0.0]]))
    >>> round(spectrum.condition_number, 3), round(spectrum.largest_stable_rate, 3)
    (3.124, 0.377)
    """
    if not isinstance(hessian, ActivityHessian):
        raise TypeError(
            "hessian must be what pcnet.theory.activity_hessian returns, got "
            f"{type(hessian).__name__}"
        )
    check_positive("tol", tol)
    if hessian.shape[0] <= DENSE_SIZE:
        values = eigvalsh(hessian.toarray())
        return Spectrum(float(values[0]), float(values[-1]))
    # a fixed start gives the same result in each call; ARPACK's default is random
    options = {
        "k": 1,
        "ncv": 40,
        "tol": tol,
        "maxiter": MAX_RESTARTS,
        "v0": np.random.default_rng(0).standard_normal(hessian.shape[0]),
        "return_eigenvectors": False,
    }
    try:
        return _lanczos(hessian, options)
    except ArpackNoConvergence:
        raise np.linalg.LinAlgError(
            f"Lanczos iteration did not reach tol={tol!r} in {MAX_RESTARTS} restarts; take a "
            "larger tol, or numpy.linalg.eigvalsh(hessian.toarray()) of a small network"
        ) from None


def _lanczos(hessian, options):
    if hessian.is_gauss_newton:
        # the part without decay, whose inverse costs two passes; decay shifts its eigenvalues
        plain = ActivityHessian(hessian.linearization, hessian.curvature)
        shift, solve, added = 0.0, plain.solve, hessian.decay
    else:
        plain, added = hessian, 0.0
        shift = _below(hessian)
        solve = hessian.shifted_solve(shift)
    inverse = LinearOperator(plain.shape, solve, dtype=np.float64)
    smallest = eigsh(plain, sigma=shift, OPinv=inverse, which="LM", **options)[0]
    largest = eigsh(plain, which="LA", **options)[0]
    return Spectrum(float(smallest) + added, float(largest) + added)


def _below(hessian):
    """A lower bound of the spectrum; the Gauss-Newton part is positive semidefinite."""
    bound = hessian.decay + min(0.0, hessian.bends.min())
    return bound - 1e-3 * max(1.0, abs(bound))
