"""The NumPy reference against the golden values: it is the oracle of the core's tests."""

import numpy as np

from .. import reference
from ..helpers import relative_error


def test_all_cases_are_here():
    from . import cases

    assert len(cases.NAMES) == 12


def test_forward(case, dtype, tolerance):
    X, _ = case.batch(dtype)
    activities = reference.forward(case.plain_network(dtype), X)
    expected = [*case.hidden("ffwd"), case.arrays[f"ffwd{case.n_hidden + 1}"]]
    assert all(z.dtype == dtype for z in activities)
    assert relative_error(activities, expected) <= tolerance(dtype, "golden")


def test_layer_energies(case, dtype, tolerance):
    X, Y = case.batch(dtype)
    z = [z.astype(dtype) for z in case.hidden("z")]
    net, objective = case.plain_network(dtype), case.plain_objective
    energies = reference.layer_energies(net, X, Y, z, objective)
    expected = case.arrays["energy_layers"]
    assert relative_error(energies.mean(axis=0), expected) <= tolerance(dtype, "golden")
    total = reference.sample_energies(net, X, Y, z, objective).mean()
    assert relative_error(total, case.energy_total) <= tolerance(dtype, "golden")


def test_activity_gradients(case, dtype, tolerance):
    X, Y = case.batch(dtype)
    z = [z.astype(dtype) for z in case.hidden("z")]
    gradients = reference.activity_gradients(
        case.plain_network(dtype), X, Y, z, case.plain_objective
    )
    assert all(g.dtype == dtype for g in gradients)
    assert relative_error(gradients, case.hidden("dF_dz")) <= tolerance(dtype, "golden")


def test_weight_gradients(case, dtype, tolerance):
    X, Y = case.batch(dtype)
    z = [z.astype(dtype) for z in case.hidden("z")]
    net = case.plain_network(dtype)
    errors = reference.errors(net, X, Y, z, case.plain_objective)
    weights, biases = reference.weight_gradients(net, X, errors, z)
    assert all(g.dtype == dtype for g in weights + biases)
    assert relative_error(weights, case.layers("dF_dW")) <= tolerance(dtype, "golden")
    if case.meta["bias"]:
        assert relative_error(biases, case.layers("dF_db")) <= tolerance(dtype, "golden")


def test_activity_descent(case, dtype, tolerance):
    X, Y = case.batch(dtype)
    net, objective = case.plain_network(dtype), case.plain_objective
    end = reference.activity_descent(
        net, X, Y, objective, n_steps=case.meta["T"], rate=case.meta["activity_lr"]
    )
    assert relative_error(end.activities, case.hidden("gd_z")) <= tolerance(dtype, "golden")
    weights, _ = reference.weight_gradients(net, X, end.errors, end.activities)
    assert relative_error(weights, case.layers("gd_dF_dW")) <= tolerance(dtype, "golden")
    before = np.mean(end.energy_traces, axis=0)[:-1]
    assert relative_error(before, case.descent_trace) <= tolerance(dtype, "golden")


def test_error_descent_reaches_the_equilibrium(linear_case, tolerance):
    case = linear_case
    X, Y = case.batch(np.float64)
    net = case.plain_network(np.float64)
    end = reference.error_descent(
        net, X, Y, case.plain_objective, max_steps=10_000, tol=1e-9, energy_tol=0.0
    )
    energy, z = case.arrays["equil_energy"], case.hidden("equil_z")
    assert relative_error(end.energy.mean(), energy) <= tolerance("float64", "equilibrium_energy")
    assert relative_error(end.activities, z) <= tolerance("float64", "equilibrium_activities")


def test_adam(case, dtype, tolerance):
    weights = [w.astype(dtype) for w in case.layers("W")]
    gradients = [g.astype(dtype) for g in case.layers("gd_dF_dW")]
    updated = []
    for w, g in zip(weights, gradients, strict=True):
        zero = np.zeros_like(w)
        w, m, v = reference.adam_step(w, g, zero, zero, 1, case.meta["adam_lr"])
        assert w.dtype == m.dtype == v.dtype == dtype
        updated.append(w)
    assert relative_error(updated, case.layers("adam_W")) <= tolerance(dtype, "golden")
