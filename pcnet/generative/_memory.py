"""Associative memory: stored patterns are recalled from a part."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_count, check_float_array, check_positive
from .._network_checks import check_activation
from .._objective import Objective
from .._random import seed_of
from .._types import Activations, Float64s, Floats, RandomState
from ..inference import QuasiNewton
from ..network import Network
from ._infer import infer_causes
from ._observed import check_observed_rows
from ._prior import Prior
from ._trainer import CauseTrainer

#: Root mean square of scaled entries: outputs that the weights reach in a few updates.
_SIZE = 0.3


class RecurrentMemory:
    """Linear memory: each unit is predicted from all others, and recall minimises the errors.

    The energy of a pattern is ``1/2 |x - x W - b|^2`` with a diagonal of 0 in W, as in recurrent
    predictive-coding networks [1]_. Those learn W by many gradient steps. Here it is the exact
    minimum over the patterns, with a small decay: ``W_ij = - P_ij / P_jj``, where P is the inverse
    of the patterns' scatter matrix plus the decay. Recall is exact, too, a linear least-squares
    problem for each set of missing entries.

    Parameters
    ----------
    decay : float, default 1e-6
        Of the weights: of ``1/2 decay |W|^2`` with patterns scaled to a mean variance of 1.
        Positive.

    Attributes
    ----------
    weights_ : ndarray, (K, K)
        W; column j predicts unit j.
    bias_ : ndarray, (K,)
        The vector b.

    See Also
    --------
    AssociativeMemory : a network with hidden layers.

    References
    ----------
    .. [1] Tang, Salvatori, Millidge, Song, Lukasiewicz, Bogacz, "Recurrent predictive coding models
       for associative memory employing covariance learning", PLOS Computational Biology 19(4),
       2023.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet.generative import RecurrentMemory
    >>> patterns = np.random.default_rng(0).standard_normal((5, 40))
    >>> memory = RecurrentMemory().fit(patterns)
    >>> partial = patterns.copy()
    >>> partial[:, 10:] = np.nan
    >>> bool(np.abs(memory.recall(partial) - patterns).max() < 1e-3)
    True
    """

    weights_: Float64s
    bias_: Float64s

    def __init__(self, decay: float = 1e-6) -> None:
        self.decay = decay

    def fit(self, patterns: ArrayLike) -> Self:
        """Store patterns.

        Parameters
        ----------
        patterns : array-like, (n, K)
            Complete, at least two.
        """
        check_positive("decay", self.decay)
        X = _check_patterns(patterns)
        mean = X.mean(axis=0)
        X = X - mean
        size = self.decay * max(np.mean(X**2) * len(X), np.finfo(float).tiny)
        # the inverse of X^T X + size I, times size, by that of the smaller matrix
        inner = np.linalg.solve(X @ X.T + size * np.eye(len(X)), X)
        precision = np.eye(X.shape[1]) - X.T @ inner
        weights = -precision / np.diag(precision)
        np.fill_diagonal(weights, 0)
        self.weights_, self.bias_ = weights, mean - mean @ weights
        return self

    def energy(self, X: ArrayLike) -> Floats:
        """``1/2 |x - x W - b|^2`` of each row (n, K): low for stored patterns, (n,)."""
        _check_fitted(self, "bias_")
        X = check_float_array("X", X, np.float64, 2, (None, len(self.bias_)))
        errors = X - X @ self.weights_ - self.bias_
        return 0.5 * np.einsum("ij,ij->i", errors, errors)

    def recall(self, partial: ArrayLike) -> Floats:
        """Fill missing entries with the values of least energy.

        Parameters
        ----------
        partial : array-like, (n, K)
            NaN where missing.

        Returns
        -------
        ndarray, (n, K)
            Given entries as they are.
        """
        _check_fitted(self, "bias_")
        X, observed = check_observed_rows("partial", partial, len(self.bias_), np.float64)
        if observed is None:
            return X.copy()
        X = X.copy()
        to_errors = np.eye(len(self.bias_)) - self.weights_
        masks, which = np.unique(observed, axis=0, return_inverse=True)
        for i, seen in enumerate(masks):
            rows = np.flatnonzero(which.ravel() == i)
            given = self.bias_ - X[np.ix_(rows, seen)] @ to_errors[seen]
            solution = np.linalg.lstsq(to_errors[~seen].T, given.T, rcond=None)[0]
            X[np.ix_(rows, ~seen)] = solution.T
        return X


class AssociativeMemory:
    """Memory in a generative network: recall infers the causes of the entries that are given.

    The network learns to predict the patterns from causes of their own, whose inference goes on
    from epoch to epoch. In recall, missing entries have precision 0. They take no part in the
    inference, and are read off the prediction. This minimises the same energy as a descent on the
    missing entries, which takes thousands of steps [1]_, in tens of passes.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, default (256,)
    activation : str or sequence of str, default "tanh"
    n_components : int, default 32
        Number of causes.
    output_precision : float, default 10
        Of the entries, centred and scaled to a mean variance of 1. Higher: recall trusts the given
        entries more, and takes more passes.
    max_iter : int, default 600
        Updates of the weights, each with all patterns.
    learning_rate : float, default 0.03
        Of Adam at the first update; it falls linearly to 0.
    random_state : int, RandomState, Generator or None
        Seed of the weights and of the causes' start.

    Attributes
    ----------
    network_ : Network
        From causes to centred and scaled patterns.
    mean_ : ndarray, (K,)
    scale_ : float
        Of all entries, so that their root mean square is 0.3.
    energy_curve_ : ndarray, (max_iter,)
        Mean energy of the patterns before each update.

    See Also
    --------
    RecurrentMemory : linear and exact, for fewer patterns than given entries.

    References
    ----------
    .. [1] Salvatori et al., "Associative memories via predictive coding", NeurIPS 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet.generative import AssociativeMemory
    >>> patterns = np.sign(np.random.default_rng(0).standard_normal((10, 40)))
    >>> memory = AssociativeMemory((64,), n_components=10, random_state=0).fit(patterns)
    >>> partial = patterns.copy()
    >>> partial[:, 20:] = np.nan
    >>> bool((np.sign(memory.recall(partial)) == patterns).all())
    True
    """

    network_: Network
    mean_: Float64s
    scale_: float
    energy_curve_: Float64s

    def __init__(
        self,
        hidden_layer_sizes: Any = (256,),
        activation: Activations = "tanh",
        n_components: int = 32,
        output_precision: float = 10.0,
        max_iter: int = 600,
        learning_rate: float = 0.03,
        random_state: RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.n_components = n_components
        self.output_precision = output_precision
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, patterns: ArrayLike) -> Self:
        """Store patterns.

        Parameters
        ----------
        patterns : array-like, (n, K)
            Complete, at least two.
        """
        check_count("n_components", self.n_components, smallest=1)
        check_count("max_iter", self.max_iter, smallest=1)
        check_positive("output_precision", self.output_precision)
        check_positive("learning_rate", self.learning_rate)
        X = _check_patterns(patterns)
        mean = X.mean(axis=0)
        scale = float(np.sqrt(np.mean((X - mean) ** 2))) / _SIZE or 1.0
        targets = ((X - mean) / scale).astype(np.float32)
        of_weights, of_causes = seed_of(self.random_state).spawn(2)
        sizes = (self.n_components, *_sizes(self.hidden_layer_sizes), X.shape[1])
        check_activation(self.activation, len(sizes) - 2)
        network = Network.init(sizes, self.activation, bias=True, random_state=of_weights)
        objective = Objective("squared_error", self.output_precision / _SIZE**2)
        trainer = CauseTrainer(network, objective, max_batch_size=len(X))
        errors = trainer.start_errors(len(X))
        draw = np.random.default_rng(of_causes)
        errors[0][:] = draw.standard_normal(errors[0].shape)  # patterns begin apart
        curve = np.empty(self.max_iter)
        for i in range(self.max_iter):
            rate = self.learning_rate * (1 - i / self.max_iter)
            curve[i] = trainer.step(targets, learning_rate=rate, errors=errors).energy
        trainer.sync()
        network.objective = objective
        self.network_, self.mean_, self.scale_, self.energy_curve_ = network, mean, scale, curve
        return self

    def energy(self, X: ArrayLike) -> Float64s:
        """Least energy of each row (n, K), NaN where missing: low for stored patterns, (n,)."""
        return self._infer("X", X)[2].energy

    def recall(self, partial: ArrayLike) -> Floats:
        """Fill missing entries with the network's predictions.

        Parameters
        ----------
        partial : array-like, (n, K)
            NaN where missing.

        Returns
        -------
        ndarray, (n, K)
            Given entries as they are.
        """
        X, observed, result = self._infer("partial", partial)
        predicted = self.mean_ + self.scale_ * result.activities[-1].astype(np.float64)
        return X.copy() if observed is None else np.where(observed, X, predicted)

    def _infer(self, name, X):
        _check_fitted(self, "network_")
        X, observed = check_observed_rows(name, X, len(self.mean_), np.float64)
        scaled = (X - self.mean_) / self.scale_
        if observed is not None:
            scaled[~observed] = np.nan
        method = QuasiNewton(max_steps=300, tol=1e-4)
        return X, observed, infer_causes(self.network_, scaled, method, prior=Prior())


def _check_fitted(memory, attribute):
    if not hasattr(memory, attribute):
        raise ValueError(
            f"This {type(memory).__name__} is not fitted yet; call fit(patterns) before recall"
        )


def _sizes(hidden_layer_sizes):
    given = hidden_layer_sizes
    return tuple(given) if isinstance(given, (list, tuple)) else (given,)


def _check_patterns(patterns) -> Floats:
    X = check_float_array("patterns", patterns, np.float64, 2)
    if len(X) < 2:
        raise ValueError(f"patterns must have at least 2 rows; got {len(X)}")
    return X
