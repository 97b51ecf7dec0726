"""Cholesky factorisation of a symmetric positive definite block tridiagonal matrix."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular


class BlockCholesky:
    """L L^T of a block tridiagonal matrix, L block bidiagonal: O(H N^3) time, O(H N^2) memory.

    Parameters
    ----------
    diagonal : iterable of ndarray, (n_l, n_l)
        D_1..D_H, symmetric.
    above : iterable of ndarray, (n_l, n_{l+1})
        B_1..B_{H-1}, the blocks beside the diagonal, above it.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is not positive definite.
    """

    def __init__(self, diagonal, above):
        self._roots, self._couplings = [], []
        above = iter(above)
        for D in diagonal:
            if self._roots:
                # the factor's block below its diagonal, transposed: C = L_l^-1 B_l
                C = solve_triangular(self._roots[-1], next(above), lower=True, check_finite=False)
                D = D - C.T @ C
                self._couplings.append(C)
            self._roots.append(_root(D, len(self._roots)))

    def solve_rows(self, v):
        """x with x_i (L L^T) = v_i for each row i; v and x are lists of (m, n_l)."""
        y = []
        for i, (root, part) in enumerate(zip(self._roots, v)):
            part = part.T - self._couplings[i - 1].T @ y[-1] if i else part.T
            y.append(solve_triangular(root, part, lower=True, check_finite=False))
        x = []
        for i in range(len(y) - 1, -1, -1):
            part = y[i] - self._couplings[i] @ x[0] if x else y[i]
            root = self._roots[i]
            x.insert(0, solve_triangular(root, part, lower=True, trans=1, check_finite=False))
        return [part.T for part in x]


def _root(D, index):
    try:
        return cholesky(D, lower=True, check_finite=False)
    except LinAlgError:
        raise np.linalg.LinAlgError(
            f"the Hessian is not positive definite (found at hidden layer {index + 1}): these "
            "activities are not near a minimum of the energy; take those that pcnet.infer "
            "returns, or gauss_newton=True"
        ) from None
