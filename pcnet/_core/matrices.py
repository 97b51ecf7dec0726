"""Products and factorisations of matrices without BLAS; `sums.py` gives the reason."""

import numpy as np

from . import binding
from .threads import effective_n_threads


def product(A, B):
    """A B, computed by the core: the same bits on any number of threads.

    Parameters
    ----------
    A : ndarray of shape (n, k)
    B : ndarray of shape (k, m)

    Returns
    -------
    ndarray of shape (n, m)
        Of the dtype of B, float32 or float64.
    """
    B = np.ascontiguousarray(B)
    sizes = B.shape
    packed = binding.allocate_packed(sizes, B.dtype)
    binding.pack_weights([B], packed, None)
    network = binding.CoreNetwork(
        sizes, ["identity"], [False], [1.0], B.dtype, biases=None, packed=[packed, None]
    )
    A = np.ascontiguousarray(A, B.dtype)
    out = np.empty((len(A), sizes[1]), B.dtype)
    binding.output(network, A, out, effective_n_threads())
    return out


def cholesky(A):
    """Lower triangular L of each matrix A = L L^T.

    Parameters
    ----------
    A : float64 ndarray of shape (n, k, k)
        Symmetric and positive definite; only the lower triangles are read.

    Returns
    -------
    float64 ndarray of shape (n, k, k)
        Above the diagonals 0.

    Raises
    ------
    numpy.linalg.LinAlgError
        A matrix is not positive definite.
    """
    L = np.zeros(A.shape)
    for j in range(A.shape[1]):
        column = A[:, j:, j] - np.einsum("nik,nk->ni", L[:, j:, :j], L[:, j, :j])
        if not (column[:, 0] > 0).all():
            raise np.linalg.LinAlgError("the matrix is not positive definite")
        L[:, j:, j] = column / np.sqrt(column[:, :1])
    return L
