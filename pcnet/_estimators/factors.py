"""The linear network without hidden layers, trained by expectation-maximisation.

Its causes have a normal posterior in closed form. So training takes their uncertainty into account,
which training on the most likely causes ignores, and estimates the noise of each column: factor
analysis (Rubin and Thayer, "EM algorithms for ML factor analysis", Psychometrika 47, 1982) of
tables with missing entries.

Arrays of matrices have the rows of the table last, so that loops over the rows and columns of the
matrices act on all of these at once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core.matrices import cholesky, product
from .._types import Bools, Float64s, Floats

#: Most causes of an automatic model.
MOST_CAUSES = 32

#: Rounds on at most so many rows, and then rounds on all.
ROUNDS, ROUND_ROWS, LAST_ROUNDS = 6, 2000, 2

#: Subspace iterations of the start.
SUBSPACE_ROUNDS = 4

#: Least variance of a standardised column's noise.
LEAST_NOISE = 0.003

#: Decay of the weights, as that many entries of 0 for each cause; entries of the usual noise that
#: count beside those of a column, and that noise.
DECAY, NOISE_ENTRIES, USUAL_NOISE = 3.0, 5.0, 0.3

#: Rows whose matrices are held at once. A part of them is filled up to a multiple of the second
#: number: NumPy sums the last of a vector's rows in other instructions than those before.
_BLOCK, _MULTIPLE = 256, 64


class FactorModel(NamedTuple):
    """Rows are ``biases + z weights + noise`` with standard normal causes z.

    Attributes
    ----------
    weights : ndarray of shape (n_causes, n_columns)
    biases : ndarray of shape (n_columns,)
    noise : ndarray of shape (n_columns,)
        Variance of each column's noise.
    """

    weights: Floats
    biases: Floats
    noise: Floats

    def predict(self, values: Floats) -> Float64s:
        """Conditional means of all entries of rows, given the observed ones.

        Parameters
        ----------
        values : ndarray of shape (n, n_columns)
            NaN where not observed.

        Returns
        -------
        float64 ndarray of shape (n, n_columns)
        """
        return self._outputs(values, None)

    def draw(self, values: Floats, rng: np.random.Generator) -> Float64s:
        """The same with causes that are drawn from their posterior instead of its mean."""
        return self._outputs(values, rng)

    def _outputs(self, values, rng):
        n, dtype = len(values), self.weights.dtype
        outputs, pairs = np.empty(values.shape), _pairs(self.weights)
        for start in range(0, n, _BLOCK):
            block = values[start : start + _BLOCK]
            padded = np.full((-(-len(block) // _MULTIPLE) * _MULTIPLE, block.shape[1]), np.nan)
            padded[: len(block)] = block
            observed = ~np.isnan(padded)
            given = np.where(observed, padded, 0).astype(dtype)
            causes, L = self.causes(given, observed.astype(dtype), pairs)
            if rng is not None:
                normal = np.zeros(causes.shape)
                normal[:, : len(block)] = rng.standard_normal((len(block), len(causes))).T
                causes = causes + _back(L, normal.astype(dtype))
            found = self.biases + product(causes.T, self.weights)
            outputs[start : start + _BLOCK] = found[: len(block)]
        return outputs

    def causes(self, values: Floats, observed: Floats, pairs: Floats) -> tuple[Floats, Floats]:
        """Means (k, n) of the causes, and Cholesky factors (k, k, n) of their precisions.

        Parameters
        ----------
        values : ndarray of shape (n, n_columns)
            0 where not observed.
        observed : ndarray of shape (n, n_columns)
            0 or 1.
        pairs : ndarray
            `_pairs` of the weights.
        """
        precision = observed / self.noise
        L = _cholesky(_unpacked(product(pairs, precision.T), len(self.weights), 1.0), 1.0)
        force = product((values - self.biases) * precision, self.weights.T).T
        return _back(L, _forward(L, force)), L


def usual_factors(n_columns: int) -> int:
    """The automatic number of causes."""
    return min(MOST_CAUSES, n_columns)


def fit_factors(values: Floats, observed: Bools, n_causes: int) -> FactorModel:
    """Fit a model to the observed entries.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
        Standardised; 0 where not observed.
    observed : bool ndarray of shape (n, n_columns)
    n_causes : int

    Returns
    -------
    FactorModel
        Of the dtype of the values.
    """
    seen = observed.astype(values.dtype)
    model = _start(values.astype(np.float64), observed, n_causes)
    some = slice(None, None, -(-len(values) // ROUND_ROWS))
    for index in range(ROUNDS + LAST_ROUNDS):
        rows = some if index < ROUNDS else slice(None)
        model = FactorModel(*(part.astype(values.dtype) for part in model))
        model = _round(model, values[rows], seen[rows])
    return FactorModel(*(part.astype(values.dtype) for part in model))


def fit_models(values, observed, n_causes, n_models, resample=None):
    """Models of the same rows, or of rows drawn with replacement by the generator ``resample``."""
    models = []
    for _ in range(n_models):
        rows: Any = slice(None)
        if resample is not None:
            rows = np.sort(resample.integers(len(values), size=len(values)))
        models.append(fit_factors(values[rows], observed[rows], n_causes))
    return models


def _start(values, observed, n_causes):
    """About the first principal components, by subspace iterations."""
    n_columns = values.shape[1]
    scaled = values / np.sqrt(np.maximum(observed.sum(axis=0), 1))  # columns of length 1
    basis = np.eye(n_columns, n_causes)
    if n_causes < n_columns:
        basis = np.random.default_rng(0).standard_normal((n_columns, n_causes))
        for _ in range(SUBSPACE_ROUNDS):
            basis = _orthonormal(product(scaled.T, product(scaled, basis)))
    projected = product(scaled, basis)
    inner = product(projected.T, projected)
    rest = (np.square(scaled).sum() - np.trace(inner)) / max(1, n_columns - n_causes)
    inner[np.diag_indices(n_causes)] += LEAST_NOISE
    weights = product(cholesky(inner[None])[0].T, basis.T)
    noise = np.full(n_columns, max(rest, 5 * LEAST_NOISE))
    return FactorModel(weights, np.zeros(n_columns), noise)


def _orthonormal(vectors):
    """Columns (K, k) that span the same space."""
    inner = product(vectors.T, vectors)
    inner[np.diag_indices(len(inner))] += 1e-10 * np.trace(inner) / len(inner)
    L = cholesky(inner[None])[0]
    return _forward(L[:, :, None], np.ascontiguousarray(vectors.T)).T


def _round(model, values, observed):
    """One round of expectation-maximisation; float64."""
    n_causes, n_columns = model.weights.shape
    pairs = _pairs(model.weights)
    first, second = np.tril_indices(n_causes)
    moments: Any = 0.0  # sums of E z z^T over each column's entries
    means: Any = 0.0  # .. and of E z
    products: Any = 0.0  # .. and of x E z
    for start in range(0, len(values), _BLOCK):
        x, seen = values[start : start + _BLOCK], observed[start : start + _BLOCK]
        z, L = model.causes(x, seen, pairs)
        moments = moments + product(seen.T, (_inverse(L) + z[first] * z[second]).T)
        means = means + product(seen.T, z.T)
        products = products + product(x.T, z.T).astype(np.float64)
    counts = observed.sum(axis=0, dtype=np.float64)
    matrices = np.zeros((n_causes + 1, n_causes + 1, n_columns))
    matrices[:-1, :-1] = _unpacked(moments.astype(np.float64).T, n_causes, DECAY)
    matrices[-1, :-1] = means.T
    matrices[-1, -1] = counts + 1e-6
    sides = np.vstack([products.T, values.sum(axis=0, dtype=np.float64)])
    L = _cholesky(matrices, 1e-6)
    found = _back(L, _forward(L, sides))
    rest = np.square(values).sum(axis=0, dtype=np.float64) - (found * sides).sum(axis=0)
    noise = (rest + NOISE_ENTRIES * USUAL_NOISE) / (counts + NOISE_ENTRIES)
    return FactorModel(found[:-1], found[-1], np.maximum(noise, LEAST_NOISE))


# ---------------------------------------------------------------- matrices, rows of the table last


def _pairs(weights):
    """Products of two rows of the weights, a lower triangle of them: (k (k + 1) / 2, K)."""
    first, second = np.tril_indices(len(weights))
    return weights[first] * weights[second]


def _unpacked(triangles, n, diagonal):
    """Matrices (n, n, m) of lower triangles (n (n + 1) / 2, m), plus a multiple of I."""
    matrices = np.zeros((n, n, triangles.shape[1]), triangles.dtype)
    matrices[np.tril_indices(n)] = triangles
    matrices[np.arange(n), np.arange(n)] += triangles.dtype.type(diagonal)
    return matrices


def _cholesky(A, least):
    """L (k, k, m) of matrices A = L L^T, of which the lower triangles are read.

    ``least``: a bound of the squared diagonal of L, 1 for I plus a semidefinite matrix.
    """
    L = np.zeros_like(A)
    for j in range(len(A)):
        column = A[j:, j] - np.einsum("ikn,kn->in", L[j:, :j], L[j, :j])
        column[0] = np.maximum(column[0], A.dtype.type(least))
        L[j:, j] = column / np.sqrt(column[0])
    return L


def _forward(L, b):
    """Solutions of L x = b, (k, m)."""
    x = np.empty_like(b)
    for j in range(len(b)):
        x[j] = (b[j] - np.einsum("kn,kn->n", L[j, :j], x[:j])) / L[j, j]
    return x


def _back(L, b):
    """Solutions of L^T x = b, (k, m)."""
    x = np.empty_like(b)
    for j in reversed(range(len(b))):
        x[j] = (b[j] - np.einsum("kn,kn->n", L[j + 1 :, j], x[j + 1 :])) / L[j, j]
    return x


def _inverse(L):
    """Lower triangles (k (k + 1) / 2, m) of (L L^T)^-1."""
    k = len(L)
    R = np.zeros_like(L)  # L^-1
    for i in range(k):
        R[i, i] = 1 / L[i, i]
        R[i, :i] = -R[i, i] * np.einsum("jn,jmn->mn", L[i, :i], R[:i, :i])
    return np.concatenate([np.einsum("jn,jbn->bn", R[a:, a], R[a:, : a + 1]) for a in range(k)])
