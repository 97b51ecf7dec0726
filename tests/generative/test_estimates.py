"""Expectation-maximisation of the prior and the noise of a density, against its closed form."""

import numpy as np

from pcnet import Network
from pcnet._estimators.likelihood import estimate
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
