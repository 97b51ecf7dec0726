"""Network's passes and gradients against the reference."""

import numpy as np
import pytest

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    make_activities,
    make_batch,
    make_network,
    objective,
    relative_error,
    starts_threads,
)

OPTIONS = {"output_precision": 0.3, "activity_decay": 0.15}


def check_network(net, n_samples, loss, close):
    """All of Network against the reference, at random activities."""
    X, Y = make_batch(net, n_samples, loss)
    z = make_activities(net, n_samples)
    problem = objective(loss, **OPTIONS)

    forward = reference.forward(net, X)
    assert relative_error(net.forward(X), forward) <= close
    assert relative_error(net.output(X), forward[-1]) <= close

    energies = reference.layer_energies(net, X, Y, z, problem).mean(axis=0)
    assert relative_error(net.energy(X, Y, z, loss=loss, **OPTIONS), energies) <= close

    if z:
        gradients = net.activity_gradients(X, Y, z, loss=loss, **OPTIONS)
        expected = reference.activity_gradients(net, X, Y, z, problem)
        assert all(g.dtype == net.dtype for g in gradients)
        assert relative_error(gradients, expected) <= close
    else:
        assert net.activity_gradients(X, Y, z, loss=loss, **OPTIONS) == []

    errors = reference.errors(net, X, Y, z, problem)
    by_weight, by_bias = net.weight_gradients(X, errors, z)
    expected_by_weight, expected_by_bias = reference.weight_gradients(net, X, errors, z)
    assert relative_error(by_weight, expected_by_weight) <= close
    if net.biases is not None:
        assert relative_error(by_bias, expected_by_bias) <= close


@pytest.mark.covering(1)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_batch_sizes(activation, n_samples, dtype, tolerance):
    net = make_network((9, 13, 13, 13, 4), activation, dtype=dtype)
    check_network(net, n_samples, "squared_error", tolerance(dtype, "reference"))


@pytest.mark.covering(2)
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("loss", LOSSES)
def test_shapes(layer_sizes, loss, skip, bias, dtype, tolerance):
    net = make_network(layer_sizes, "tanh", skip=skip, bias=bias, dtype=dtype)
    check_network(net, 37, loss, tolerance(dtype, "reference"))


@pytest.mark.parametrize("parameterization", ["sp", "ntp", "mupc"])
def test_parameterizations(parameterization, n_samples, dtype, tolerance):
    net = make_network(
        (9, 13, 13, 13, 4), "gelu", parameterization=parameterization, gamma=0.3, dtype=dtype
    )
    check_network(net, n_samples, "log_loss", tolerance(dtype, "reference"))


def test_large_outputs(dtype):
    """Outputs of +-1e4 overflow no exponential: losses and deltas by the reference."""
    net = make_network((3, 4, 2), "identity", parameterization="sp", bias=False, dtype=dtype)
    net.weights[-1][:] *= 1e4
    X, Y = make_batch(net, 6, "log_loss")
    z = make_activities(net, 6)
    for loss in ("log_loss", "logistic"):
        energies = reference.layer_energies(net, X, Y, z, objective(loss)).mean(axis=0)
        assert np.all(np.isfinite(energies))
        assert relative_error(net.energy(X, Y, z, loss=loss), energies) <= 1e-5


def test_output_of_many_rows(dtype, threads):
    """output() of thousands of rows of a small network, on several threads."""
    net = make_network((5, 4, 4, 2), "tanh", dtype=dtype)
    X, _ = make_batch(net, 100_000)
    assert starts_threads(net.layer_sizes, len(X))
    with threads(3):
        assert np.array_equal(net.output(X), net.forward(X)[-1])
