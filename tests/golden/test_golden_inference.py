"""infer against the golden values: T descent steps, and the equilibrium of linear nets."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import ActivityDescent, ErrorDescent

from ..helpers import relative_error


@pytest.fixture
def descended(case, dtype):
    """The result of the case's T activity-descent steps."""
    X, Y = case.batch(dtype)
    method = ActivityDescent(n_steps=case.meta["T"], rate=case.meta["activity_lr"])
    return pcnet.infer(case.network(dtype), X, Y, method=method, **case.objective)


def test_activity_descent_activities(descended, case, dtype, tolerance):
    activities = descended.activities[: case.n_hidden]
    assert all(z.dtype == dtype for z in activities)
    assert relative_error(activities, case.hidden("gd_z")) <= tolerance(dtype, "golden")
    assert np.all(descended.n_steps == case.meta["T"])


def test_activity_descent_weight_gradients(descended, case, dtype, tolerance):
    X, _ = case.batch(dtype)
    net = case.network(dtype)
    weights, _ = net.weight_gradients(X, descended.errors, descended.activities)
    assert relative_error(weights, case.layers("gd_dF_dW")) <= tolerance(dtype, "golden")


def test_activity_descent_energy_trace(descended, case, dtype, tolerance):
    assert descended.energy_trace.shape == (case.meta["T"] + 1,)
    assert descended.energy_trace[-1] == pytest.approx(descended.energy.mean(), rel=1e-12)
    before = descended.energy_trace[:-1]
    assert relative_error(before, case.descent_trace) <= tolerance(dtype, "golden")


@pytest.fixture
def equilibrium(linear_case):
    """ErrorDescent until no step lowers the energy, float64."""
    X, Y = linear_case.batch(np.float64)
    method = ErrorDescent(max_steps=10_000, tol=1e-9, energy_tol=0.0)
    net = linear_case.network(np.float64)
    return net, X, pcnet.infer(net, X, Y, method=method, **linear_case.objective)


def test_equilibrium_energy(equilibrium, linear_case, tolerance):
    _, _, result = equilibrium
    expected = linear_case.arrays["equil_energy"]
    error = relative_error(result.energy.mean(), expected)
    assert error <= tolerance("float64", "equilibrium_energy")


def test_equilibrium_activities(equilibrium, linear_case, tolerance):
    _, _, result = equilibrium
    activities = result.activities[: linear_case.n_hidden]
    error = relative_error(activities, linear_case.hidden("equil_z"))
    assert error <= tolerance("float64", "equilibrium_activities")


def test_equilibrium_weight_gradients(equilibrium, linear_case, tolerance):
    """The gradient at equilibrium is the gradient of the equilibrated energy."""
    net, X, result = equilibrium
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    error = relative_error(weights, linear_case.layers("equil_dF_dW"))
    assert error <= tolerance("float64", "equilibrium_activities")
