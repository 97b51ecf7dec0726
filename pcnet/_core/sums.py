"""Sums of products without BLAS.

BLAS uses its own threads on long arrays: the last bits would depend on their number, and
OpenBLAS's threads hang if another Python thread forks at the same time. Fits and predictions
therefore call no BLAS; `tests/project/test_no_blas.py` checks this.
"""

import numpy as np


def dot(a, b):
    """Inner product of two vectors, summed in float64.

    Parameters
    ----------
    a, b : ndarray of shape (n,)

    Returns
    -------
    float
    """
    return float(np.einsum("i,i->", a, b, dtype=np.float64))


def solve_positive(S, B):
    """Solution of S X = B by Cholesky's factorisation.

    Parameters
    ----------
    S : float64 ndarray of shape (k, k)
        Symmetric and positive definite; only its lower triangle is read.
    B : ndarray of shape (k, n)

    Returns
    -------
    float64 ndarray of shape (k, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        S is not positive definite.
    """
    k = len(S)
    factor, X = np.tril(S), np.array(B, dtype=np.float64)
    for j in range(k):
        column = factor[j:, j] - np.einsum("ik,k->i", factor[j:, :j], factor[j, :j])
        if not column[0] > 0:
            raise np.linalg.LinAlgError("the matrix is not positive definite")
        factor[j:, j] = column / np.sqrt(column[0])
        X[j] = (X[j] - np.einsum("k,kn->n", factor[j, :j], X[:j])) / factor[j, j]
    for j in reversed(range(k)):
        X[j] = (X[j] - np.einsum("k,kn->n", factor[j + 1 :, j], X[j + 1 :])) / factor[j, j]
    return X
