"""One activation per hidden layer: the core against the reference, and gradients by differences."""

import numpy as np
import pytest

import pcnet
from pcnet import Network
from pcnet.inference import ActivityDescent, ErrorDescent

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    make_activities,
    make_batch,
    make_network,
    objective,
    relative_error,
)

SIZES = (5, 9, 9, 7, 9, 9, 3)
MIXED = ("relu", "tanh", "identity", "gelu", "silu")
OPTIONS = {"output_precision": 0.6, "activity_decay": 0.1}


@pytest.fixture
def net(dtype):
    return make_network(SIZES, list(MIXED), dtype=dtype)


def test_names_of_a_mixed_network(net):
    assert net.activation == MIXED
    assert net.activations == ["identity", *MIXED]
    assert net.copy().activations == net.activations
    given = Network.from_weights(net.weights, net.biases, net.activation, net.scales, net.skips)
    assert given.activation == MIXED
    assert "mixed activations" in repr(net)


def test_forward_by_hand():
    """Each function applies to the activities of one hidden layer, before the weights above it."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(s) for s in ((2, 3), (3, 4), (4, 2))]
    net = Network.from_weights(weights, activation=["tanh", "relu"])
    X = rng.standard_normal((6, 2))
    first = X @ weights[0]
    second = np.tanh(first) @ weights[1]
    np.testing.assert_allclose(net.output(X), np.maximum(second, 0) @ weights[2], rtol=1e-12)


def test_passes_and_gradients(net, n_samples, dtype, tolerance):
    close = tolerance(dtype, "reference")
    X, Y = make_batch(net, n_samples)
    z = make_activities(net, n_samples)
    problem = objective(**OPTIONS)
    assert relative_error(net.forward(X), reference.forward(net, X)) <= close
    gradients = net.activity_gradients(X, Y, z, **OPTIONS)
    assert relative_error(gradients, reference.activity_gradients(net, X, Y, z, problem)) <= close
    errors = reference.errors(net, X, Y, z, problem)
    by_weight, _ = net.weight_gradients(X, errors, z)
    assert relative_error(by_weight, reference.weight_gradients(net, X, errors, z)[0]) <= close


def test_inference(net, n_samples, dtype, tolerance):
    X, Y = make_batch(net, n_samples)
    for Method, expected_method, options in (
        (ErrorDescent, reference.error_descent, {"max_steps": 2, "tol": 0.0, "energy_tol": 0.0}),
        (ActivityDescent, reference.activity_descent, {"n_steps": 3, "rate": 0.1}),
    ):
        result = pcnet.infer(net, X, Y, method=Method(**options), **OPTIONS)
        expected = expected_method(net, X, Y, objective(**OPTIONS), **options)
        close = tolerance(dtype, "inference")
        assert relative_error(result.activities[:-1], expected.activities) <= close
        assert relative_error(result.energy, expected.energy) <= close


def test_list_of_equal_names_is_that_name(n_samples):
    one, many = (make_network(SIZES, a) for a in ("gelu", ["gelu"] * 5))
    assert many.activation == "gelu"
    X, _ = make_batch(one, n_samples)
    for a, b in zip(one.forward(X), many.forward(X), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_by_central_differences(tolerance):
    net = make_network((3, 4, 4, 3, 2), ["tanh", "selu", "logistic"])
    X, Y = make_batch(net, 3)
    z = make_activities(net, 3, margin=1e-3)
    gradients = net.activity_gradients(X, Y, z, **OPTIONS)
    step = 1e-5
    for array, gradient in zip(z, gradients, strict=True):
        for index in np.ndindex(array.shape):
            kept, energies = array[index], []
            for moved in (kept + step, kept - step):
                array[index] = moved
                decay = 0.5 * OPTIONS["activity_decay"] * sum(np.sum(a**2) for a in z)
                energies.append(3 * net.energy(X, Y, z, **OPTIONS).sum() + decay)
            array[index] = kept
            difference = (energies[0] - energies[1]) / (2 * step)
            assert abs(difference - gradient[index]) <= 1e-6


def test_bad_activations():
    sizes = (3, 4, 4, 2)
    with pytest.raises(ValueError, match=r"one function per hidden layer \(2\), got 3"):
        Network.init(sizes, ["relu"] * 3)
    with pytest.raises(ValueError, match=r"activation\[1\] must be one of"):
        Network.init(sizes, ["relu", "softplus"])
    with pytest.raises(ValueError, match=r"activation\[0\] must be one of"):
        Network.init(sizes, [None, "relu"])
    with pytest.raises(TypeError, match="activation must be a name"):
        Network.init(sizes, 3)
    weights = [np.ones((3, 4)), np.ones((4, 2))]
    with pytest.raises(ValueError, match=r"one function per hidden layer \(1\), got 2"):
        Network.from_weights(weights, activation=["relu", "tanh"])


def test_a_network_without_hidden_layers():
    net = Network.init((3, 2), [], parameterization="sp", random_state=0)
    assert net.activations == ["identity"]
    assert set(ACTIVATIONS) >= set(net.activations)
