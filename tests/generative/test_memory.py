"""Associative memories: closed forms of the linear one, recall, bad input."""

import numpy as np
import pytest

from pcnet.generative import AssociativeMemory, RecurrentMemory

from ..helpers import relative_error
from .test_bad_input import refuses

RNG = np.random.default_rng(0)
PATTERNS = 2 + 3 * RNG.standard_normal((5, 30))


def ridge(patterns, decay):
    """Each unit from all others, by least squares with decay, one after the other."""
    X = patterns - patterns.mean(axis=0)
    size = decay * np.mean(X**2) * len(X)
    W = np.zeros((X.shape[1],) * 2)
    for j in range(X.shape[1]):
        others = np.delete(np.arange(X.shape[1]), j)
        A = X[:, others]
        W[others, j] = np.linalg.solve(A.T @ A + size * np.eye(len(others)), A.T @ X[:, j])
    return W, patterns.mean(axis=0) @ (np.eye(len(W)) - W)


@pytest.mark.parametrize("n", [5, 60], ids=["fewer", "more"])
def test_recurrent_weights_are_those_of_ridge_regression(n):
    """With fewer and with more patterns than units."""
    patterns = 1 + RNG.standard_normal((n, 30)) @ RNG.standard_normal((30, 30))
    memory = RecurrentMemory(decay=1e-3).fit(patterns)
    W, b = ridge(patterns, 1e-3)
    assert relative_error(memory.weights_, W) < 1e-8
    assert relative_error(memory.bias_, b) < 1e-8
    assert not np.diag(memory.weights_).any()
    errors = patterns - patterns @ W - b
    np.testing.assert_allclose(memory.energy(patterns), 0.5 * np.sum(errors**2, axis=1), rtol=1e-6)


def test_recurrent_recall_is_the_least_energy():
    """No change of a missing entry lowers the energy, though the decay is large."""
    memory = RecurrentMemory(decay=0.1).fit(PATTERNS)
    partial = np.where(RNG.random((8, 30)) < 0.4, np.nan, RNG.standard_normal((8, 30)))
    partial[3] = np.nan
    full = memory.recall(partial)
    given = ~np.isnan(partial)
    np.testing.assert_array_equal(full[given], partial[given])
    errors = full - full @ memory.weights_ - memory.bias_
    gradient = errors @ (np.eye(30) - memory.weights_).T
    assert np.abs(gradient[~given]).max() < 1e-10 * np.abs(gradient).max()


def test_recurrent_energy_of_five_patterns():
    """Far below the 3e-7 that 200 epochs of Adam leave of 5 images."""
    patterns = (RNG.random((5, 200)) < 0.2).astype(float)
    memory = RecurrentMemory().fit(patterns)
    assert memory.energy(patterns).max() < 1e-10
    partial = patterns.copy()
    partial[:, 100:] = np.nan
    np.testing.assert_allclose(memory.recall(partial), patterns, atol=1e-5)
    new = (RNG.random((5, 200)) < 0.2).astype(float)
    assert memory.energy(new).min() > 1


def test_network_recalls_what_a_descent_on_the_missing_entries_would():
    """Entries that equal their predictions have errors of 0: the energy is that of the others."""
    memory = AssociativeMemory((20,), n_components=5, max_iter=200, random_state=0).fit(PATTERNS)
    partial = PATTERNS.copy()
    partial[:, ::2] = np.nan
    recalled = memory.recall(partial)
    np.testing.assert_array_equal(recalled[:, 1::2], PATTERNS[:, 1::2])
    np.testing.assert_allclose(memory.energy(recalled), memory.energy(partial), rtol=0.02)
    moved = recalled.copy()
    moved[:, ::2] += 0.5 * RNG.standard_normal(moved[:, ::2].shape)
    assert (memory.energy(moved) > memory.energy(partial)).all()


def test_network_stores_signs(threads):
    patterns = np.sign(RNG.standard_normal((20, 60)))
    found = []
    for n_threads in (1, 2):
        with threads(n_threads):
            memory = AssociativeMemory((64,), n_components=20, random_state=0).fit(patterns)
            partial = patterns.copy()
            partial[:, 30:] = np.nan
            found.append(memory.recall(partial))
    assert (np.sign(found[0]) == patterns).mean() > 0.99
    assert found[0].tobytes() == found[1].tobytes()
    curve = memory.energy_curve_
    assert curve[-1] < 0.05 * curve[0]
    new = np.sign(RNG.standard_normal((20, 60)))
    assert memory.energy(new).min() > 3 * memory.energy(patterns).max()
    np.testing.assert_array_equal(memory.recall(patterns), patterns)


@pytest.mark.parametrize("memory", [RecurrentMemory(), AssociativeMemory((4,), max_iter=2)])
def test_constant_patterns_and_all_missing(memory):
    constant = np.tile(PATTERNS[:1], (3, 1))
    np.testing.assert_allclose(
        memory.fit(constant).recall(np.full((2, 30), np.nan)), constant[:2], rtol=1e-5
    )


@pytest.mark.parametrize("memory", [RecurrentMemory(), AssociativeMemory((4,), max_iter=2)])
def test_bad_input(memory):
    refuses(lambda: memory.fit(PATTERNS[:1]), ValueError, "^patterns must have at least 2 rows")
    refuses(lambda: memory.fit(PATTERNS[0]), ValueError, "^patterns must have 2 dimension")
    refuses(lambda: memory.fit(np.full((3, 4), np.nan)), ValueError, "^patterns must be finite")
    refuses(lambda: memory.recall(PATTERNS), ValueError, "not fitted")
    memory.fit(PATTERNS)
    refuses(lambda: memory.recall(PATTERNS[:, :4]), ValueError, "^partial must have 30 columns")
    refuses(
        lambda: memory.recall(np.full((2, 30), np.inf)), ValueError, "^partial must be finite, or"
    )
    refuses(lambda: memory.energy(PATTERNS[:, :4]), ValueError, "^X must have 30 columns")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"n_components": 0}, ValueError, "^n_components must be"),
        ({"max_iter": 0}, ValueError, "^max_iter must be"),
        ({"output_precision": 0.0}, ValueError, "^output_precision must be"),
        ({"learning_rate": -1.0}, ValueError, "^learning_rate must be"),
        ({"hidden_layer_sizes": (0,)}, ValueError, "layer"),
        ({"activation": "sine"}, ValueError, "^activation must be"),
        ({"random_state": "seed"}, ValueError, "^random_state"),
    ],
)
def test_bad_options(options, error, text):
    memory = AssociativeMemory(**options)
    refuses(lambda: memory.fit(PATTERNS), error, text)
    assert not hasattr(memory, "network_")


def test_bad_decay():
    refuses(lambda: RecurrentMemory(decay=0.0).fit(PATTERNS), ValueError, "^decay must be")
