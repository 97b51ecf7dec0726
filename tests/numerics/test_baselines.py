"""Backpropagation, zero divergence and the exact equilibrium against closed forms."""

import numpy as np
import pytest

import pcnet
from pcnet._core import binding
from pcnet._network_core import core_network, unpadded
from pcnet.inference import Backprop, ErrorDescent, ExactEquilibrium, ZeroDivergence
from pcnet.theory import backprop_gradients

from .. import reference
from ..golden import cases
from ..helpers import ACTIVATIONS, LOSSES, make_batch, make_network, relative_error
from . import closed_forms

BASELINES = [Backprop(), ZeroDivergence()]


@pytest.mark.covering(2)
@pytest.mark.parametrize("method", BASELINES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_weight_gradients_equal_backpropagation(activation, loss, method, tolerance):
    net = make_network((5, 9, 9, 9, 7, 4), activation)
    X, Y = make_batch(net, 70, loss)
    result = pcnet.infer(net, X, Y, method, loss=loss, output_precision=0.3)
    weights, biases = net.weight_gradients(X, result.errors, result.activities)
    expected = backprop_gradients(net, X, Y, loss)
    close = tolerance("float64", "reference")
    assert relative_error([w / 0.3 for w in weights], expected[0]) <= close
    assert relative_error([b / 0.3 for b in biases], expected[1]) <= close
    assert np.all(result.n_passes == 1)
    np.testing.assert_allclose(
        result.energy, 0.3 * reference.loss_values(loss, net.forward(X)[-1], Y), rtol=1e-13
    )


@pytest.mark.parametrize("method", BASELINES)
def test_decay_is_differentiated_too(method):
    """Central differences of lambda loss + decay / 2 sum |z|^2 of the feed-forward pass."""
    net = make_network((3, 5, 5, 2), "tanh")
    X, Y = make_batch(net, 6)
    problem = {"output_precision": 0.7, "activity_decay": 0.2}

    def total():
        z = net.forward(X)
        decay = 0.1 * sum(np.sum(hidden**2, axis=1) for hidden in z[:-1])
        return np.mean(0.7 * 0.5 * np.sum((Y - z[-1]) ** 2, axis=1) + decay)

    result = pcnet.infer(net, X, Y, method, **problem)
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    for W, gradient in zip(net.weights, weights, strict=True):
        for at in [(0, 0), (2, 1)]:
            kept = W[at]
            W[at] = kept + 1e-5
            above = total()
            W[at] = kept - 1e-5
            difference = (above - total()) / 2e-5
            W[at] = kept
            assert gradient[at] == pytest.approx(difference, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh", "selu"])
def test_one_gauss_seidel_sweep_at_rate_one_is_backpropagation(activation, tolerance):
    net = make_network((5, 9, 9, 9, 4), activation)
    X, Y = make_batch(net, 20)
    batch = binding.Batch(core_network(net), 20, 1)
    batch.forward_from_errors(X, Y, from_errors=False)
    batch.gauss_seidel_sweep(20, 1.0)
    deltas = pcnet.infer(net, X, Y, "backprop").errors
    close = tolerance("float64", "reference")
    assert relative_error(unpadded(net, batch.errors, 20), deltas) <= close


LINEAR = [name for name in cases.NAMES if cases.load(name).is_linear]


@pytest.mark.parametrize("name", LINEAR)
def test_exact_equilibrium_against_golden_values(name, tolerance):
    case = cases.load(name)
    X, Y = case.batch(np.float64)
    net = case.network(np.float64)
    result = pcnet.infer(net, X, Y, ExactEquilibrium(), **case.objective)
    close = tolerance("float64", "golden")
    assert relative_error(result.energy.mean(), case.arrays["equil_energy"]) <= close
    assert relative_error(result.activities[: case.n_hidden], case.hidden("equil_z")) <= close
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    assert relative_error(weights, case.layers("equil_dF_dW")) <= close


@pytest.mark.parametrize("n_samples", [1, 2, 70])
@pytest.mark.parametrize("precision", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
def test_exact_equilibrium_solves_the_block_system(skip, precision, n_samples, tolerance):
    """Biases, unequal widths, more outputs than samples."""
    net = make_network((4, 7, 5, 5, 6, 3), "identity", skip=skip)
    X, Y = make_batch(net, n_samples)
    result = pcnet.infer(net, X, Y, ExactEquilibrium(), output_precision=precision)
    z = closed_forms.equilibrium(net, X, Y, precision)
    close = tolerance("float64", "golden")
    assert relative_error(result.activities[: len(z)], z) <= close
    energies = closed_forms.equilibrated_energies(net, X, Y, precision)
    assert relative_error(result.energy, energies) <= close
    assert np.all(result.converged)
    assert result.energy_trace[-1] == pytest.approx(result.energy.mean())
    gradients = net.activity_gradients(X, Y, z, output_precision=precision)
    assert max(np.abs(g).max() for g in gradients) < 1e-10


def test_exact_equilibrium_refuses_nonlinear_networks_and_other_losses():
    net = make_network((4, 6, 6, 3), "tanh")
    X, Y = make_batch(net, 5)
    with pytest.raises(ValueError, match=r"linear networks only.*'tanh'"):
        pcnet.infer(net, X, Y, ExactEquilibrium())
    net = make_network((4, 6, 6, 3), "identity")
    with pytest.raises(ValueError, match="squared_error"):
        pcnet.infer(net, X, Y, ExactEquilibrium(), loss="huber")
    with pytest.raises(ValueError, match="activity_decay=0"):
        pcnet.infer(net, X, Y, ExactEquilibrium(), activity_decay=0.1)


def test_descent_ends_at_the_exact_equilibrium(tolerance):
    net = make_network((4, 6, 6, 6, 3), "identity")
    X, Y = make_batch(net, 9)
    exact = pcnet.infer(net, X, Y, ExactEquilibrium())
    descent = pcnet.infer(net, X, Y, ErrorDescent(2000, 1e-9, 0.0))
    close = tolerance("float64", "equilibrium_activities")
    assert relative_error(descent.activities, exact.activities) <= close
