"""Tests whether a point in weight space is a strict saddle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._checks import check_choice, check_positive
from .._types import Float64s
from ..network import Network
from ._energy_hessian import energy_hessian
from ._loss_hessian import loss_hessian
from ._origin import KINDS
from ._weight_hessian import WeightHessian, flatten_weights, split_weights

#: Up to this number of weights the dense matrix is diagonalised.
DENSE_SIZE = 600
MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class SaddleVerdict:
    """Result of `is_strict_saddle`; as a condition, true if the point is a strict saddle.

    Attributes
    ----------
    is_critical : bool
        The largest gradient entry is at most ``threshold``.
    is_strict : bool
        Critical, and the smallest eigenvalue is below ``- threshold``.
    gradient : float
        Largest absolute entry of the gradient by the weights.
    smallest_eigenvalue : float
        Smallest eigenvalue of the Hessian by the weights.
    escape : list of ndarray, (n_{l-1}, n_l)
        Unit eigenvector of that eigenvalue: the descent direction at a strict saddle.
    threshold : float
        tol times the sum of the function's value and the Hessian's norm.
    """

    is_critical: bool
    is_strict: bool
    gradient: float
    smallest_eigenvalue: float
    escape: list[Float64s]
    threshold: float

    def __bool__(self):
        return self.is_strict


def is_strict_saddle(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    of: Literal["energy", "loss"] = "energy",
    tol: float = 1e-6,
    **objective: Any,
) -> SaddleVerdict:
    """Whether a network's weights are a critical point with a direction of negative curvature.

    Gradient descent leaves a strict saddle exponentially fast. It leaves a saddle whose Hessian has
    no negative eigenvalue, such as that of a deep network's loss at the origin, much more slowly
    [1]_. Up to 600 weights the Hessian is diagonalised. Beyond that, Lanczos iteration on products
    computes its smallest eigenvalue.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)
    Y : array-like, (n, K)
    of : {"energy", "loss"}
        The energy at equilibrium, or the feed-forward loss.
    tol : float, default 1e-6
        Positive. A gradient entry or a negative eigenvalue counts if its absolute value exceeds
        tol times (value of the function + largest absolute eigenvalue).
    **objective
        ``loss``; for the energy also ``output_precision``, ``activity_decay`` and ``activities``,
        as for `energy_hessian`.

    Returns
    -------
    SaddleVerdict
        True as a condition if the point is a strict saddle; false for a minimum and for a point
        that is not critical.

    Raises
    ------
    RuntimeError
        Lanczos iteration did not converge.

    References
    ----------
    .. [1] Innocenti, F. et al. (2024). Only Strict Saddles in the Energy Landscape of Predictive
       Coding Networks? arXiv:2408.11979

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import at_origin, is_strict_saddle
    >>> net = at_origin(Network.init((2, 3, 3, 1), "tanh", skip=False))
    >>> X, Y = np.array([[1.0, 2.0]]), np.array([[3.0]])
    >>> bool(is_strict_saddle(net, X, Y)), bool(is_strict_saddle(net, X, Y, of="loss"))
    (True, False)
    """
    check_choice("of", of, KINDS)
    check_positive("tol", tol)
    hessian = (energy_hessian if of == "energy" else loss_hessian)(net, X, Y, **objective)
    smallest, norm, escape = smallest_eigenpair(hessian)
    threshold = tol * (abs(hessian.value) + norm)
    gradient = float(np.abs(flatten_weights(hessian.gradients)).max())
    critical = gradient <= threshold
    return SaddleVerdict(
        critical,
        critical and smallest < -threshold,
        gradient,
        smallest,
        split_weights(hessian.net, escape),
        threshold,
    )


def smallest_eigenpair(hessian: WeightHessian) -> tuple[float, float, Float64s]:
    """Smallest eigenvalue with its unit eigenvector, and the largest absolute eigenvalue.

    Parameters
    ----------
    hessian : WeightHessian

    Returns
    -------
    smallest, norm : float
        Smallest eigenvalue, and largest absolute eigenvalue.
    vector : ndarray, (n_weights,)
        Unit eigenvector of the smallest eigenvalue.

    Raises
    ------
    TypeError
        ``hessian`` is no `WeightHessian`.
    RuntimeError
        Lanczos iteration did not converge.
    """
    if not isinstance(hessian, WeightHessian):
        raise TypeError(
            "hessian must be what loss_hessian or energy_hessian returns, got "
            f"{type(hessian).__name__}"
        )
    if hessian.shape[0] <= DENSE_SIZE:
        matrix = hessian.toarray()
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        return float(values[0]), float(np.abs(values).max()), vectors[:, 0]
    start = np.random.default_rng(0).standard_normal(hessian.shape[0])
    start /= np.linalg.norm(start)
    if not np.any(hessian @ start):  # ARPACK does not accept 0 as the start
        return 0.0, 0.0, start
    options = {"k": 1, "v0": start, "maxiter": MAX_ITERATIONS}
    try:
        norm = abs(eigsh(hessian, which="LM", tol=1e-2, return_eigenvectors=False, **options)[0])
        # Hessians have many eigenvalues at 0, which cannot meet a relative tolerance
        shift = 1.1 * norm
        shifted = LinearOperator(hessian.shape, lambda v: shift * v - hessian @ v, dtype=np.float64)
        values, vectors = eigsh(shifted, which="LA", tol=1e-9, **options)
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"the smallest eigenvalue of a Hessian of {hessian.shape[0]} weights did not converge "
            f"in {MAX_ITERATIONS} Lanczos iterations; try a smaller network or fewer samples"
        ) from error
    return float(shift - values[0]), float(norm), vectors[:, 0]
