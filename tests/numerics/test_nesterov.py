"""NesterovDescent: closed form and rate on linear networks, momentum, equilibrium."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import pcnet
from pcnet import Network
from pcnet.inference import ActivityDescent, ErrorDescent, NesterovDescent

from ..helpers import make_batch, make_network, relative_error
from . import closed_forms

SIZES = (4, *(6,) * 10, 3)


@pytest.fixture(scope="module")
def linear():
    """A linear network, a batch, and its energy as a quadratic: eigenvalues, vectors, minimum."""
    net = make_network(SIZES, "identity")
    X, Y = make_batch(net, 9)
    values, vectors = np.linalg.eigh(closed_forms.activity_hessian(net, 1.0))
    best = np.hstack(closed_forms.equilibrium(net, X, Y))
    return net, X, Y, values, vectors, best


def hidden(result):
    return np.hstack(result.activities[:-1])


@pytest.mark.parametrize("momentum", [0.5, 0.95])
@pytest.mark.parametrize("n_steps", [1, 2, 9, 40])
def test_modes_follow_the_closed_form(linear, n_steps, momentum, tolerance):
    """For eigenvalue v: d_{t+1} = (1 - rate v) ((1 + momentum) d_t - momentum d_{t-1})."""
    net, X, Y, values, vectors, best = linear
    rate = 0.9 / values[-1]
    factors = []
    for value in values:
        left = 1 - rate * value
        step = np.array([[left * (1 + momentum), -left * momentum], [1.0, 0.0]])
        # d_0 = d_{-1}: the first step has no momentum
        factors.append((np.linalg.matrix_power(step, n_steps) @ [1.0, 1.0])[0])
    start = np.hstack(net.forward(X)[:-1]) - best
    expected = best + start @ vectors @ np.diag(factors) @ vectors.T
    result = pcnet.infer(net, X, Y, NesterovDescent(n_steps, rate, momentum))
    assert relative_error(hidden(result), expected) <= tolerance("float64", "inference")
    assert np.all(result.n_passes == n_steps + 0.5)


def test_excess_energy_meets_nesterovs_bound(linear):
    """F - F* <= (F_0 - F* + m/2 |z_0 - z*|^2) (1 - 1 / sqrt(k))^t, m the smallest eigenvalue."""
    net, X, Y, values, _, best = linear
    k = values[-1] / values[0]
    assert k > 100
    start = pcnet.infer(net, X, Y, ActivityDescent(0, 0.1)).energy
    least = closed_forms.equilibrated_energies(net, X, Y, 1.0)
    distance = np.sum((np.hstack(net.forward(X)[:-1]) - best) ** 2, axis=1)
    for n_steps in (5, 20, 80):
        method = NesterovDescent(n_steps, 1 / values[-1], condition_number=k)
        excess = pcnet.infer(net, X, Y, method).energy - least
        bound = (start - least + values[0] / 2 * distance) * (1 - 1 / np.sqrt(k)) ** n_steps
        assert np.all(excess <= bound)
    plain = pcnet.infer(net, X, Y, ActivityDescent(80, 1 / values[-1])).energy - least
    assert np.all(20 * excess < plain)


def test_momentum_from_depth_is_that_of_a_chain():
    """Residual layers without weights and a free output."""
    for n_layers in (2, 3, 10):
        weights = [np.ones((1, 1)), *np.zeros((n_layers - 1, 1, 1))]
        skips = [0, *[1] * (n_layers - 2), 0]
        chain = Network.from_weights(weights, None, "identity", skips=skips)
        values = np.linalg.eigvalsh(closed_forms.activity_hessian(chain, 1.0))
        k = values[-1] / values[0]
        by_number = NesterovDescent(condition_number=k).momentum_for(n_layers)
        assert NesterovDescent().momentum_for(n_layers) == pytest.approx(by_number, abs=1e-12)
    assert NesterovDescent().momentum_for(1) == 0
    assert NesterovDescent(momentum=0.3).momentum_for(10) == 0.3


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_same_equilibrium_as_error_descent(activation, tolerance):
    net = make_network(SIZES, activation)
    X, Y = make_batch(net, 9)
    exact = pcnet.infer(net, X, Y, ErrorDescent(2000, 1e-9, 0.0), activity_decay=0.01)
    found = pcnet.infer(net, X, Y, NesterovDescent(1500), activity_decay=0.01)
    close = tolerance("float64", "equilibrium_activities")
    assert relative_error(found.activities, exact.activities) <= close


def test_no_momentum_is_activity_descent_to_the_bit(dtype):
    net = make_network(SIZES, "gelu", dtype=dtype)
    X, Y = make_batch(net, 70)
    plain = pcnet.infer(net, X, Y, ActivityDescent(12, 0.2))
    found = pcnet.infer(net, X, Y, NesterovDescent(12, 0.2, momentum=0.0))
    for a, b in zip(plain.activities + plain.errors, found.activities + found.errors, strict=True):
        np.testing.assert_array_equal(a, b)


def test_default_rate_is_that_of_each_sample(tolerance):
    """The first step reveals a sample's rate; alone with that rate, the sample ends at the same."""
    net = make_network(SIZES, "silu")
    X, Y = make_batch(net, 5)
    moved = hidden(pcnet.infer(net, X, Y, NesterovDescent(1))) - np.hstack(net.forward(X)[:-1])
    slopes = np.hstack(net.activity_gradients(X, Y, net.forward(X)[:-1]))
    rates = -np.sum(moved * slopes, axis=1) / np.sum(slopes**2, axis=1)
    assert np.ptp(rates) > 1e-6
    together = pcnet.infer(net, X, Y, NesterovDescent(9))
    for i, rate in enumerate(rates):
        alone = pcnet.infer(net, X[i : i + 1], Y[i : i + 1], NesterovDescent(9, rate))
        close = tolerance("float64", "inference")
        assert relative_error(hidden(alone), hidden(together)[i : i + 1]) <= close
        # the feed-forward state and eight power iterations
        assert together.n_passes[i] == alone.n_passes[0] + 8.5


def test_one_of_momentum_and_condition_number():
    with pytest.raises(ValueError, match="momentum and condition_number must not both be given"):
        NesterovDescent(momentum=0.5, condition_number=10.0).check()


def test_too_large_a_rate_warns():
    net = make_network(SIZES, "identity")
    X, Y = make_batch(net, 9)
    with pytest.warns(ConvergenceWarning, match="raised the mean energy"):
        pcnet.infer(net, X, Y, NesterovDescent(30, 0.9))
