"""Learning from the forward pass: finite differences of the function that it minimises."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import (
    ActivityDescent,
    ErrorDescent,
    ForwardUpdate,
    PrecisionDescent,
    learning_gradients,
)

from .. import reference
from ..helpers import make_batch, make_network, relative_error


def forward_energy(net, X, Y, ends, precision):
    """sum_l 1/2 ||z_l - mu_l(z^0_{l-1})||^2 + lambda loss(mu_L), z^0 of the network before."""
    total = 0.0
    for index, (below, end) in enumerate(ends):
        mu = reference.predict_layer(net, index, below)
        if end is None:
            total += precision * reference.loss_values("log_loss", mu, Y).mean()
        else:
            total += 0.5 * np.sum((end - mu) ** 2) / len(X)
    return total


@pytest.mark.parametrize("method", ["error", ActivityDescent(5, 0.3), PrecisionDescent(6)])
def test_gradients_against_finite_differences(method, tolerance):
    net = make_network((4, 6, 6, 5, 3), "gelu")
    X, Y = make_batch(net, 8, "log_loss")
    options = {"loss": "log_loss", "output_precision": 0.7}
    result = pcnet.infer(net, X, Y, ForwardUpdate(method), **options)
    start = [X, *net.forward(X)[:-1]]
    ends = list(zip(start, [*result.activities[:-1], None], strict=True))
    weights, biases = learning_gradients(net, X, Y, ForwardUpdate(method), **options)
    rng = np.random.default_rng(0)
    for parameters, gradients in ((net.weights, weights), (net.biases, biases)):
        for array, gradient in zip(parameters, gradients, strict=True):
            direction, kept = rng.standard_normal(array.shape), array.copy()
            sides = []
            for sign in (1e-5, -1e-5):
                array[...] = kept + sign * direction
                sides.append(forward_energy(net, X, Y, ends, 0.7))
            array[...] = kept
            slope = (sides[0] - sides[1]) / 2e-5
            assert slope == pytest.approx(np.sum(gradient * direction), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("method", ["error", ErrorDescent(3, 0, 0), ActivityDescent(4, 0.2)])
def test_inference_is_that_of_the_method(method, dtype):
    net = make_network((4, 6, 6, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 8)
    inner = pcnet.infer(net, X, Y, method)
    outer = pcnet.infer(net, X, Y, ForwardUpdate(method))
    assert relative_error(outer.activities, inner.activities) == 0
    assert relative_error(outer.errors, inner.errors) == 0
    np.testing.assert_array_equal(outer.energy_trace, inner.energy_trace)


def test_one_hidden_layer_changes_only_the_output_gradient(tolerance):
    """One hidden layer: z_1 - z^0_1 is e_1; only the output's delta is taken at the start."""
    net = make_network((4, 6, 3), "tanh")
    X, Y = make_batch(net, 8)
    plain = learning_gradients(net, X, Y, "error")
    forward = learning_gradients(net, X, Y, ForwardUpdate("error"))
    assert relative_error(forward[0][0], plain[0][0]) <= tolerance("float64", "inference")
    assert relative_error(forward[0][1], plain[0][1]) > 1e-3
