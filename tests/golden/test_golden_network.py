"""Network against the golden values: forward, energies, activity and weight gradients."""

import numpy as np
import pytest

from .. import reference
from ..helpers import relative_error


@pytest.fixture
def problem(case, dtype):
    """Network, X, Y and the perturbed activities of a case."""
    X, Y = case.batch(dtype)
    return case.network(dtype), X, Y, [z.astype(dtype) for z in case.hidden("z")]


def test_forward(problem, case, dtype, tolerance):
    net, X, _, _ = problem
    activities = net.forward(X)
    expected = [*case.hidden("ffwd"), case.arrays[f"ffwd{case.n_hidden + 1}"]]
    assert all(z.dtype == dtype for z in activities)
    assert relative_error(activities, expected) <= tolerance(dtype, "golden")
    assert relative_error(net.output(X), expected[-1]) <= tolerance(dtype, "golden")


def test_energy(problem, case, dtype, tolerance):
    net, X, Y, z = problem
    energy = net.energy(X, Y, z, **case.objective)
    assert energy.dtype == np.float64
    assert relative_error(energy, case.arrays["energy_layers"]) <= tolerance(dtype, "golden")
    decay = 0.5 * case.objective["activity_decay"] * sum(np.sum(a.astype(float) ** 2) for a in z)
    total = energy.sum() + decay / X.shape[0]  # Network.energy does not contain the decay term
    assert relative_error(total, case.energy_total) <= tolerance(dtype, "golden")


def test_activity_gradients(problem, case, dtype, tolerance):
    net, X, Y, z = problem
    gradients = net.activity_gradients(X, Y, z, **case.objective)
    assert all(g.dtype == dtype for g in gradients)
    assert relative_error(gradients, case.hidden("dF_dz")) <= tolerance(dtype, "golden")


def test_weight_gradients(problem, case, dtype, tolerance):
    net, X, Y, z = problem
    # test_golden_reference compares the reference's errors with the golden values
    errors = reference.errors(case.plain_network(dtype), X, Y, z, case.plain_objective)
    weights, biases = net.weight_gradients(X, errors, z)
    assert all(g.dtype == dtype for g in weights)
    assert relative_error(weights, case.layers("dF_dW")) <= tolerance(dtype, "golden")
    if case.meta["bias"]:
        assert relative_error(biases, case.layers("dF_db")) <= tolerance(dtype, "golden")
