"""The result of inference: the closed form for linear nets, stationary points for others."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import ActivityDescent, ErrorDescent, Status

from .. import reference
from ..helpers import (
    LOSSES,
    PARAMETERIZATIONS,
    make_batch,
    make_network,
    relative_error,
)
from . import closed_forms

TIGHT = ErrorDescent(max_steps=2000, tol=1e-9, energy_tol=0.0)
SMOOTH = ("identity", "tanh", "gelu", "silu", "logistic")


@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("precision", [1.0, 0.1, 4.0])
@pytest.mark.parametrize("gamma", [1.0, 0.5])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("sizes", [(4, 6, 3), (4, 6, 6, 6, 6, 3), (4, 7, 5, 5, 6, 2)])
def test_linear_nets(sizes, skip, gamma, precision, decay, tolerance):
    """ErrorDescent against z* of the block system; biases, unequal widths, decay."""
    net = make_network(sizes, "identity", skip=skip, gamma=gamma)
    X, Y = make_batch(net, 9)
    options = {"output_precision": precision, "activity_decay": decay}
    result = pcnet.infer(net, X, Y, method=TIGHT, **options)
    z = closed_forms.equilibrium(net, X, Y, precision, decay)
    error = relative_error(result.activities[: len(z)], z)
    assert error <= tolerance("float64", "equilibrium_activities")
    if decay == 0:
        energies = closed_forms.equilibrated_energies(net, X, Y, precision)
        error = relative_error(result.energy, energies)
        assert error <= tolerance("float64", "equilibrium_energy")


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_linear_activity_descent(parameterization, tolerance):
    """Activity descent with enough steps ends at the same z*."""
    net = make_network((4, 6, 6, 5, 3), "identity", parameterization=parameterization)
    X, Y = make_batch(net, 9)
    hessian = closed_forms.activity_hessian(net, 1.0)
    slowest, fastest = np.linalg.eigvalsh(hessian)[[0, -1]]
    n_steps = int(np.ceil(40 * fastest / slowest))  # the slowest mode has shrunk to e^-40
    method = ActivityDescent(n_steps=n_steps, rate=1.0 / fastest)
    result = pcnet.infer(net, X, Y, method=method)
    z = closed_forms.equilibrium(net, X, Y)
    error = relative_error(result.activities[: len(z)], z)
    assert error <= tolerance("float64", "equilibrium_activities")


@pytest.mark.covering(2)
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("activation", SMOOTH)
def test_smooth_nets_end_at_a_stationary_point(activation, parameterization, loss, decay):
    net = make_network((4, 6, 6, 6, 6, 3), activation, parameterization=parameterization)
    X, Y = make_batch(net, 9, loss)
    options = {"loss": loss, "output_precision": 0.8, "activity_decay": decay}
    result = pcnet.infer(net, X, Y, method=TIGHT, **options)
    start = net.activity_gradients(X, Y, net.forward(X)[:-1], **options)
    end = net.activity_gradients(X, Y, result.activities[:4], **options)
    # where rounding hides differences of the energy, the gradient is of order sqrt(eps)
    assert np.linalg.norm(np.hstack(end)) <= 1e-6 * np.linalg.norm(np.hstack(start))


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-4])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu", "selu"])
def test_converged_means_the_gradient_test(activation, tol):
    """`converged` means ||dF/d eps|| <= tol ||v|| where no end is predicted."""
    net = make_network((4, *(8,) * 12, 3), activation)
    X, Y = make_batch(net, 60)
    method = ErrorDescent(max_steps=60, tol=tol, energy_tol=1e-9, predict_convergence=False)
    result = pcnet.infer(net, X, Y, method=method, output_precision=1.0)
    gradient, pull = _error_space_norms(net, X, Y, result)
    met = gradient <= tol * pull * (1 + 1e-6)  # the test's two norms are rounded separately
    assert np.any(result.converged)
    assert np.all(met[result.converged])


@pytest.mark.parametrize("tol", [0.1, 0.05, 0.01])
@pytest.mark.parametrize("precision", [0.1, 1.0])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
def test_predicted_ends_of_linear_nets(skip, precision, tol):
    """In a linear net P = d mu_L / d eps is constant, and the excess energy at most
    cond(P P^T) tol^2 of that lost."""
    net = make_network((4, *(7,) * 5, 3), "identity", skip=skip)
    X, Y = make_batch(net, 60)
    result = pcnet.infer(net, X, Y, ErrorDescent(60, tol, 0.0), output_precision=precision)
    predicted = result.status == Status.PREDICTED
    assert np.mean(predicted) > 0.3
    best = closed_forms.equilibrated_energies(net, X, Y, precision)
    start = pcnet.infer(net, X, Y, ErrorDescent(0), output_precision=precision).energy
    square = closed_forms.rescaling(net, precision) - np.eye(3) / precision  # P P^T
    excess = (result.energy - best) / (start - result.energy)
    assert np.all(excess[predicted] <= np.linalg.cond(square) * tol**2)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_all_samples_stop_at_max_steps(activation):
    """No stopping test is met in three steps: all samples reach the limit, none converged."""
    net = make_network((4, *(8,) * 12, 3), activation)
    X, Y = make_batch(net, 60)
    method = ErrorDescent(max_steps=3, tol=1e-12, energy_tol=0.0)
    result = pcnet.infer(net, X, Y, method=method, output_precision=1.0)
    assert np.all(result.n_steps == 3)
    assert not np.any(result.converged)
    assert result.energy_trace.shape == (4,)


def _error_space_norms(net, X, Y, result):
    """||dF/d eps|| and ||v|| of each sample.

    v_l is the output delta propagated back to layer l (squared error, precision 1, no decay), and
    dF/d eps = eps - v.
    """
    hidden = result.activities[: net.n_layers - 1]
    above = Y - reference.predictions(net, X, hidden)[-1]
    v = []
    for index in range(net.n_layers - 1, 0, -1):
        above = reference.feedback(net, index, above, hidden[index - 1])
        v.insert(0, above)
    gradient = [e - pull for e, pull in zip(result.errors, v, strict=False)]
    return np.linalg.norm(np.hstack(gradient), axis=1), np.linalg.norm(np.hstack(v), axis=1)


@pytest.mark.parametrize("activation", SMOOTH)
def test_error_and_activity_descent_have_the_same_equilibrium(activation, tolerance):
    """In a small, well-conditioned network both methods end at the same point."""
    net = make_network((4, 6, 6, 3), activation)
    X, Y = make_batch(net, 9)
    by_error = pcnet.infer(net, X, Y, method=TIGHT)
    by_activity = pcnet.infer(net, X, Y, method=ActivityDescent(n_steps=2000, rate=0.15))
    error = relative_error(by_error.activities[:2], by_activity.activities[:2])
    assert error <= tolerance("float64", "equilibrium_activities")
    error = relative_error(by_error.energy, by_activity.energy)
    assert error <= tolerance("float64", "equilibrium_energy")
