"""Expectation-maximisation of the prior and the noise of a density, against its closed form."""

import numpy as np

from pcnet import Network
from pcnet._estimators.causes import Plan
from pcnet._estimators.likelihood import _Training, estimate
from pcnet.inference import Objective, QuasiNewton


def test_estimates_of_a_linear_network_are_those_of_its_posteriors():
    """The posterior of a row y is normal: precision P = 1 + lambda W W^T, mean lambda y W^T / P."""
    rng = np.random.default_rng(0)
    net = Network.init((3, 8), "identity", bias=True, dtype=np.float64, random_state=1)
    net.objective = Objective("squared_error")
    W = net.scales[0] * net.weights[0]
    mixing = np.array([[2.0, 1.5, 1.0], [0.0, 1.0, 0.8], [0.0, 0.0, 0.4]])
    Y = (rng.standard_normal((20_000, 3)) @ mixing + 1.0) @ W + rng.standard_normal((20_000, 8)) / 2
    lam = 2.0
    covariance = np.linalg.inv(np.eye(3) + lam * W @ W.T)
    means = lam * Y @ W.T @ covariance
    prior = covariance + np.cov(means.T)
    noise = np.mean((Y - means @ W) ** 2, axis=0) + np.diag(W.T @ covariance @ W)

    observed, seed = np.ones(Y.shape, dtype=bool), np.random.SeedSequence(0)
    found = estimate(net, Y, observed, np.full(8, lam), QuasiNewton(tol=1e-6), seed)
    np.testing.assert_allclose(1 / found, noise, rtol=0.05)
    new = net.scales[0] * net.weights[0]
    expected = W.T @ prior @ W
    assert np.abs(new.T @ new - expected).max() < 0.03 * np.abs(expected).max()
    np.testing.assert_allclose(net.biases[0], means.mean(axis=0) @ W, atol=0.05)


def test_part_of_the_training_that_lowers_the_density_is_taken_back():
    plan = Plan(
        layer_sizes=(2, 8, 5),
        activation="gelu",
        parameterization="mupc",
        output_precision=1.0,
        method=QuasiNewton(),
        alpha=2.0,
        batch_size=32,
        learning_rate=0.05,
        n_epochs=10,
        verbose=False,
    )
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 2)) @ rng.standard_normal((2, 5))
    values += 0.3 * rng.standard_normal(values.shape)
    start, observed = np.full(5, 10.0), np.ones(values.shape, dtype=bool)
    seed = np.random.SeedSequence(0)
    training = _Training(values, observed, plan, "squared_error", np.ones(5), seed)
    run = training.start(0, start)
    kept, precisions = [w.copy() for w in run.network.weights], run.precisions

    training.parts[1][:] = 3.0  # steps that are far too long
    best = training.density(run)
    after, found = training.go_on_or_return(1, run, best)
    assert found == best
    np.testing.assert_array_equal(after.precisions, precisions)
    for W, before in zip(after.network.weights, kept, strict=True):
        np.testing.assert_array_equal(W, before)

    training.parts[2][:] = 0.05
    after, found = training.go_on_or_return(2, after, best)
    assert found >= best
    assert not np.array_equal(after.network.weights[0], kept[0])
