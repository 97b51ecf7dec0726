"""The energy: zero at the predictions, never rising during error descent."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import ActivityDescent, ErrorDescent

from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    PARAMETERIZATIONS,
    make_batch,
    make_network,
)

SIZES = (5, 7, 7, 7, 6, 3)


@pytest.mark.covering(2)
@pytest.mark.parametrize("n_samples", [1, 33, 70])
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_zero_at_the_predictions(activation, parameterization, n_samples, dtype):
    """At z = mu and y = mu_L every layer's energy is exactly 0."""
    net = make_network(SIZES, activation, parameterization=parameterization, dtype=dtype)
    X, _ = make_batch(net, n_samples)
    activities = net.forward(X)
    energy = net.energy(X, activities[-1], activities[:-1])
    assert np.array_equal(energy, np.zeros(net.n_layers))


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_zero_at_the_predictions_of_scaled_layers(bias, skip, dtype):
    """Scales that round (the predictions a g, with nothing added): no fused z - a g may differ."""
    net = pcnet.Network.init(
        (16, 32, 32, 32, 10), "silu", skip=skip, bias=bias, random_state=0, dtype=dtype
    )
    X, _ = make_batch(net, 70)
    activities = net.forward(X)
    energy = net.energy(X, activities[-1], activities[:-1])
    assert np.array_equal(energy, np.zeros(net.n_layers))


def test_inference_keeps_a_perfect_prediction(dtype):
    net = make_network(SIZES, dtype=dtype)
    X, _ = make_batch(net, 40)
    activities = net.forward(X)
    result = pcnet.infer(net, X, activities[-1])
    assert np.array_equal(result.energy, np.zeros(40))
    assert np.all(result.converged)
    assert np.array_equal(result.n_steps, np.zeros(40))
    for z, start in zip(result.activities, activities, strict=False):
        assert np.array_equal(z, start)


@pytest.mark.covering(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_energy_of_no_sample_rises(activation, parameterization, loss, dtype):
    """A run of k + 1 steps is a run of k steps and one more: no sample's energy rises."""
    net = make_network(
        (5, *(8,) * 8, 3), activation, parameterization=parameterization, dtype=dtype
    )
    X, Y = make_batch(net, 35, loss)
    options = {"loss": loss, "output_precision": 2.0}
    before = pcnet.infer(net, X, Y, method=_steps(0), **options).energy
    start = before.mean()
    for n_steps in (1, 2, 3, 5, 9, 17):
        result = pcnet.infer(net, X, Y, method=_steps(n_steps), **options)
        assert np.all(result.energy <= before)
        assert np.all(np.diff(result.energy_trace) <= 0)
        assert result.energy_trace[0] == pytest.approx(start, rel=1e-12)
        before = result.energy
    assert before.mean() < start


def _steps(n_steps):
    return ErrorDescent(max_steps=n_steps, tol=1e-6, energy_tol=0.0)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("method", ["error", ActivityDescent(n_steps=8, rate=0.1)])
def test_result_energies_are_those_of_its_activities(method, decay, tolerance):
    """energy (n,), energy_trace and Network.energy have the same values."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 40)
    options = {"output_precision": 0.7, "activity_decay": decay}
    result = pcnet.infer(net, X, Y, method=method, **options)
    hidden = result.activities[: net.n_layers - 1]
    decay_term = 0.5 * decay * sum(np.sum(z**2) for z in hidden) / X.shape[0]
    expected = net.energy(X, Y, hidden, **options).sum() + decay_term
    close = tolerance("float64", "reference")
    assert result.energy.mean() == pytest.approx(expected, rel=close)
    assert result.energy_trace[-1] == pytest.approx(expected, rel=close)
    assert result.energy_trace[-1] < result.energy_trace[0]
