"""Langevin dynamics: closed forms of linear networks, and the variance that weights learn."""

import numpy as np
import pytest

from pcnet import Network
from pcnet.generative import CauseTrainer, HybridTrainer, Langevin, Prior, infer_causes
from pcnet.inference import Objective
from pcnet.solvers import SGD

from .energies import problem
from .test_bad_input import refuses
from .two_way import pair

N = 20_000


def sampling_error(variance, n=N):
    """Four standard errors of the variance of n normal numbers."""
    return 4 * variance * np.sqrt(2 / n)


@pytest.mark.parametrize("step_size", [0.02, 0.2])
def test_posterior_of_one_cause(step_size):
    """z ~ N(m, 1), y ~ N(w z, 1): curvature h = 1 + w^2; variance 1 / (h (1 - step h / 2))."""
    m, w, y = 0.2, 2.0, 1.0
    h = 1 + w**2
    net = Network.from_weights([[[w]]])
    method = Langevin(step_size, int(6 / (h * step_size)), random_state=0)
    z = infer_causes(net, np.full((N, 1), y), method, prior=Prior(m)).causes[:, 0]
    variance = 1 / (h * (1 - step_size * h / 2))
    assert abs(z.mean() - (m + w * y) / h) < 4 * np.sqrt(variance / N)
    assert abs(z.var() - variance) < sampling_error(variance)


def test_posterior_of_two_layers_with_missing_outputs():
    """The joint density of all errors: precision I + A^T A for outputs A eps with unit noise."""
    rng = np.random.default_rng(1)
    W = [rng.standard_normal((2, 3)), rng.standard_normal((3, 4))]
    net = Network.from_weights(W, activation="identity")
    y = np.array([1.0, -2.0, np.nan, 0.5])
    A = np.concatenate([W[0] @ W[1], W[1]])[:, [0, 1, 3]]  # from e_0 and e_1 to observed outputs
    H = np.eye(5) + A @ A.T
    largest, step = np.linalg.eigvalsh(H)[-1], 0.01
    assert step < 1 / largest
    n, method = 4000, Langevin(step, 300, random_state=3)
    result = infer_causes(net, np.tile(y, (n, 1)), method)
    eps = np.concatenate(result.errors[:2], axis=1)
    mean = np.linalg.solve(H, A @ y[[0, 1, 3]])
    covariance = np.linalg.inv(H - step / 2 * H @ H)
    np.testing.assert_allclose(eps.mean(axis=0), mean, atol=5 / np.sqrt(n))
    np.testing.assert_allclose(np.cov(eps.T), covariance, atol=sampling_error(1.0, n))
    np.testing.assert_allclose(result.causes, result.errors[0])


def fit_normal(method, n_updates=150):
    """Weight and bias of y = w z + b + noise, z ~ N(0, 1), from samples of N(1, 5)."""
    rng = np.random.default_rng(0)
    Y = 1 + np.sqrt(5) * rng.standard_normal((2000, 1))
    Y = (Y - Y.mean()) / Y.std() * np.sqrt(5) + 1
    net = Network.from_weights([[[1.0]]], [[0.0]])
    trainer = CauseTrainer(net, Objective(), method=method, max_batch_size=2000)
    errors = trainer.start_errors(2000)
    for i in range(n_updates):
        trainer.step(Y, learning_rate=0.1 * (1 - i / n_updates), errors=errors)
    trainer.sync()
    return net.weights[0].item(), net.biases[0].item()


def test_weights_learn_the_variance_from_samples_alone():
    """N(1, 5) is w = 2, b = 1: y has the variance w^2 + 1. From the mode, w only grows."""
    w, b = fit_normal(Langevin(0.02, 10, random_state=0))
    assert abs(w**2 + 1 - 5) < 0.5
    assert abs(b - 1) < 0.2
    assert fit_normal("quasi_newton")[0] > 4


def test_kept_errors_are_the_chains():
    """A step goes on from where the last one ended, with new random numbers."""
    net, Y = problem()
    method = Langevin(1e-8, 1, random_state=0)
    trainer = CauseTrainer(net, Objective(), method=method, solver=SGD())
    errors, seen = trainer.start_errors(len(Y)), (~np.isnan(Y)).astype(float)
    moves = []
    for _ in range(2):
        before = [e.copy() for e in errors]
        trainer.step(Y, seen, learning_rate=0.0, errors=errors)
        moves.append(np.concatenate([a - b for a, b in zip(errors, before, strict=True)], axis=1))
    assert all(0.9 < move.std() / np.sqrt(2e-8) < 1.1 for move in moves)
    assert abs(np.corrcoef(moves[0].ravel(), moves[1].ravel())[0, 1]) < 0.3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_seeds_and_threads(dtype, threads):
    net, Y = problem((3, 40, 40, 30), n_samples=70, dtype=dtype)
    found = []
    for n_threads, seed in ((1, 0), (2, 0), (1, 1)):
        with threads(n_threads):
            method = Langevin(0.02, 3, random_state=seed)
            result = infer_causes(net, Y, method)
            found.append(result.causes.tobytes())
            assert result.n_steps.tolist() == [3] * 70
            assert not result.converged.any()
    assert found[0] == found[1] != found[2]


def test_start_from_an_amortizer():
    nets = pair()
    Y = np.ones((6, 5))
    trainer = HybridTrainer(*nets, method=Langevin(0.01, 20, random_state=0))
    before = nets[1].weights[0].copy()
    trainer.step(Y, learning_rate=0.1)
    trainer.sync()
    assert (nets[1].weights[0] != before).any()
    none = Langevin(n_steps=0)
    result = infer_causes(nets[0], Y, none, amortizer=nets[1])
    np.testing.assert_allclose(result.causes, nets[1].output(Y), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"step_size": 0.0}, ValueError, "^step_size must be"),
        ({"step_size": "small"}, TypeError, "^step_size must be"),
        ({"n_steps": -1}, ValueError, "^n_steps must be"),
        ({"random_state": "seed"}, ValueError, "^random_state"),
        ({"step_size": 50.0, "n_steps": 2000}, FloatingPointError, "^Langevin dynamics diverged"),
    ],
)
def test_bad_input(options, error, text):
    net, Y = problem()
    refuses(lambda: infer_causes(net, Y, Langevin(**options)), error, text)
