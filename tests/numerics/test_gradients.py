"""Every gradient of Network against central differences of its energy.

float64, activities away from kinks. Other tests compare the energies with the golden values and
the reference.
"""

import numpy as np
import pytest

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    PARAMETERIZATIONS,
    STEP,
    central_differences,
    make_activities,
    make_batch,
    make_network,
    objective,
    relative_error,
)

MARGIN = 1e-3  # the distance to kinks is larger than STEP
SIZES = (3, 4, 4, 3, 2)  # one layer that can have a skip, one that cannot
N_SAMPLES = 3


@pytest.fixture(params=[False, True], ids=["plain", "skip"])
def skip(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["nobias", "bias"])
def bias(request):
    return request.param


@pytest.fixture(params=PARAMETERIZATIONS)
def parameterization(request):
    return request.param


@pytest.fixture(params=LOSSES)
def loss(request):
    return request.param


@pytest.fixture(params=ACTIVATIONS)
def net(request, parameterization, skip, bias):
    net = make_network(
        SIZES, request.param, parameterization=parameterization, skip=skip, bias=bias, gamma=0.7
    )
    assert list(net.skips) == [False, skip, False, False]
    return net


@pytest.mark.covering(1)  # the loss enters by the outputs' deltas alone
def test_weight_and_bias_gradients(net, loss, tolerance):
    X, Y = make_batch(net, N_SAMPLES, loss)
    z = make_activities(net, N_SAMPLES, MARGIN)
    options = {"loss": loss, "output_precision": 0.6, "activity_decay": 0.2}
    errors = reference.errors(net, X, Y, z, objective(**options))
    by_weight, by_bias = net.weight_gradients(X, errors, z)

    def energy():
        # the decay term does not depend on the weights
        return net.energy(X, Y, z, **options).sum()

    expected = [central_differences(energy, w) for w in net.weights]
    assert relative_error(by_weight, expected) <= tolerance("float64", "difference")
    if net.biases is not None:
        expected = [central_differences(energy, b) for b in net.biases]
        assert relative_error(by_bias, expected) <= tolerance("float64", "difference")


@pytest.mark.covering(1)
def test_activity_gradients(net, loss, tolerance):
    X, Y = make_batch(net, N_SAMPLES, loss)
    z = make_activities(net, N_SAMPLES, MARGIN)
    options = {"loss": loss, "output_precision": 0.6, "activity_decay": 0.2}

    def energy():
        """F summed over the samples: its gradient is the one per sample."""
        decay = 0.5 * options["activity_decay"] * sum(np.sum(a**2) for a in z)
        return N_SAMPLES * net.energy(X, Y, z, **options).sum() + decay

    gradients = net.activity_gradients(X, Y, z, **options)
    expected = [central_differences(energy, a) for a in z]
    assert relative_error(gradients, expected) <= tolerance("float64", "difference")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_derivatives_of_the_reference(name, tolerance):
    z = np.linspace(-6, 6, 241)
    z = z[np.abs(np.abs(z) - 1) > 0.01]
    z = z[np.abs(z) > 0.01]
    above, below = reference.activation(name, z + STEP), reference.activation(name, z - STEP)
    expected = (above - below) / (2 * STEP)
    error = relative_error(reference.activation_derivative(name, z), expected)
    assert error <= tolerance("float64", "difference")


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("kink", [-1.0, 0.0, 1.0])
def test_derivatives_at_kinks_are_left_values(name, kink, dtype):
    """At a kink the derivative is its limit from the left; relu'(0) = 0."""
    at, left = np.array([kink], dtype), np.array([kink - 1e-4], dtype)
    difference = reference.activation_derivative(name, at) - reference.activation_derivative(
        name, left
    )
    assert abs(difference[0]) <= 3e-4  # all second derivatives are below 3


@pytest.mark.parametrize("loss", LOSSES)
def test_output_delta_of_the_reference(loss, tolerance):
    rng = np.random.default_rng(0)
    mu = 2 * rng.standard_normal((4, 3))
    Y = np.eye(3)[[0, 1, 2, 1]]
    expected = -central_differences(lambda: 0.3 * reference.loss_values(loss, mu, Y).sum(), mu)
    error = relative_error(reference.output_delta(loss, mu, Y, 0.3), expected)
    assert error <= tolerance("float64", "difference")


def test_log_loss_without_overflow():
    """Outputs of +-1e4: losses by hand, no warning (warnings are errors)."""
    mu, Y = np.array([[1e4, -1e4], [-1e4, 1e4]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert np.array_equal(reference.loss_values("log_loss", mu, Y), [0.0, 2e4])
    assert np.array_equal(reference.loss_values("logistic", mu, Y), [0.0, 2e4])
