"""Second order around the forward pass; oracles: the true equilibrium, closed forms of linear
networks, differences of the predicted energy, and the orders at which errors must shrink."""

import numpy as np
import pytest

from pcnet import theory
from pcnet.inference import Objective
from pcnet.losses import Huber

from .. import reference
from ..helpers import LOSSES, make_batch, make_network, relative_error
from ..numerics.test_gradients import central_differences

SIZES = (3, 4, 4, 3, 2)


def order_of(errors):
    """Powers of two by which errors shrink as their cause is halved."""
    return np.log2(np.array(errors[:-1]) / errors[1:])


@pytest.fixture(params=[True, False], ids=["skip", "plain"])
def linear(request):
    net = make_network(SIZES, "identity", skip=request.param, gamma=0.3)
    return net, *make_batch(net, 4)


@pytest.mark.parametrize("precision", [5.0, 0.1])
def test_linear_networks_exactly(linear, precision, tolerance):
    net, X, Y = linear
    limit = tolerance("float64", "closed_form")
    z = theory.equilibrium_activities(net, X, Y, precision)
    step = theory.predicted_activity_step(net, X, Y, output_precision=precision)
    moved = [a + s for a, s in zip(net.forward(X), step)]
    assert relative_error(moved, z) <= limit
    energy = theory.predicted_equilibrium_energy(net, X, Y, output_precision=precision)
    assert relative_error(energy, theory.equilibrium_energy(net, X, Y, precision)) <= limit
    parts = theory.gradient_decomposition(net, X, Y, output_precision=precision)
    total, _ = theory.equilibrium_weight_gradients(net, X, Y, precision)
    assert relative_error(parts.total, total) <= limit
    assert relative_error(parts.predicted_trust_region, parts.trust_region) <= limit
    backprop, _ = theory.backprop_gradients(net, X, Y)
    assert relative_error(parts.backprop, [precision * g for g in backprop]) <= limit
    for whole, b, t in zip(parts.total, parts.backprop, parts.trust_region):
        np.testing.assert_allclose(b + t, whole, rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "identity"])
def test_the_step_is_the_fisher_preconditioned_gradient(activation, loss, tolerance):
    net = make_network(SIZES, activation)
    X, Y = make_batch(net, 3, loss)
    z = net.forward(X)
    gradient = np.hstack(net.activity_gradients(X, Y, z, loss, 0.7))
    step = np.hstack(theory.predicted_activity_step(net, X, Y, loss, 0.7))
    energy = theory.predicted_equilibrium_energy(net, X, Y, loss, 0.7)
    start = reference.sample_energies(net, X, Y, z[:-1], Objective(loss, 0.7))
    for i in range(len(X)):
        fisher = theory.fisher_preconditioner(net, X[i], Y[i], loss, 0.7)
        expected = -np.linalg.solve(fisher.toarray(), gradient[i])
        limit = tolerance("float64", "closed_form")
        assert relative_error(step[i], expected) <= limit
        assert relative_error(fisher.solve(-gradient[i]), expected) <= limit
        assert energy[i] == pytest.approx(start[i] + 0.5 * gradient[i] @ expected, rel=1e-12)


def test_fisher_from_unit_noise():
    """The definition: covariance of the score dF/dz over samples drawn from the model.

    With the hidden errors e ~ N(0, 1) and outputs drawn at precision lambda, the score of the
    linear Gaussian model is a linear map of unit noise whose square is I(z^) exactly.
    """
    net = make_network((2, 3, 3, 2), "tanh")
    X, _ = make_batch(net, 1)
    z = net.forward(X)
    precision = 0.7
    scores = []  # the score for each unit of noise, one at a time
    for layer, n in enumerate(net.layer_sizes[1:]):
        for unit in range(n):
            errors = [np.zeros((1, m)) for m in net.layer_sizes[1:]]
            errors[layer][0, unit] = np.sqrt(precision) if layer == 2 else 1.0
            above = [*errors[1:]]
            score = [
                errors[i] - reference.feedback(net, i + 1, above[i], z[i])
                for i in range(len(z) - 1)
            ]
            scores.append(np.hstack(score)[0])
    expected = np.transpose(scores) @ np.array(scores)
    found = theory.fisher_preconditioner(net, X, output_precision=precision).toarray()
    assert relative_error(found, expected) <= 1e-12


@pytest.mark.parametrize("cause", ["precision", "residual"])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_orders_of_the_errors(activation, cause):
    """Energy to third order and activities to second, as lambda or the residual shrinks."""
    net = make_network(SIZES, activation, gamma=0.5)
    X, V = make_batch(net, 4)
    energies, steps, gained = [], [], []
    for size in 0.02 * 0.5 ** np.arange(4):
        precision = size if cause == "precision" else 1.0
        Y = V if cause == "precision" else net.output(X) + size * V
        z = theory.newton_equilibrium(net, X, Y, output_precision=precision)
        true = reference.sample_energies(net, X, Y, z, Objective("squared_error", precision))
        start = reference.sample_energies(
            net, X, Y, net.forward(X), Objective(output_precision=precision)
        )
        predicted = theory.predicted_equilibrium_energy(net, X, Y, output_precision=precision)
        step = theory.predicted_activity_step(net, X, Y, output_precision=precision)
        energies.append(np.abs(predicted - true).max())
        gained.append(np.abs(start - true).max())
        steps.append(max(np.abs(f + s - a).max() for f, s, a in zip(net.forward(X), step, z)))
    np.testing.assert_allclose(order_of(energies), 3.0, atol=0.25)
    np.testing.assert_allclose(order_of(steps), 2.0, atol=0.25)
    np.testing.assert_allclose(order_of(gained), 2.0, atol=0.25)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "logistic", "poisson"])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_orders_of_the_decomposition(activation, loss):
    """The trust-region direction is of second order in lambda, its prediction's error of third."""
    net = make_network(SIZES, activation, gamma=0.5)
    X, Y = make_batch(net, 3, loss)
    sizes, errors = [], []
    for precision in 0.01 * 0.5 ** np.arange(3):
        parts = theory.gradient_decomposition(net, X, Y, loss, precision)
        pairs = zip(parts.predicted_trust_region, parts.trust_region)
        errors.append(max(np.abs(p - t).max() for p, t in pairs))
        sizes.append(max(np.abs(t).max() for t in parts.trust_region))
    np.testing.assert_allclose(order_of(sizes), 2.0, atol=0.2)
    np.testing.assert_allclose(order_of(errors), 3.0, atol=0.3)


@pytest.mark.covering(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "silu", "identity"])
@pytest.mark.parametrize("skip", [True, False])
def test_predicted_gradients_against_differences(activation, loss, skip, tolerance):
    """lambda dL/dW + the predicted direction is the gradient of the predicted energy."""
    net = make_network(SIZES, activation, skip=skip)
    X, Y = make_batch(net, 3, loss)
    parts = theory.gradient_decomposition(net, X, Y, loss, 0.8)
    found = [b + p for b, p in zip(parts.backprop, parts.predicted_trust_region)]
    expected = [
        central_differences(
            lambda: theory.predicted_equilibrium_energy(net, X, Y, loss, 0.8).mean(), W
        )
        for W in net.weights
    ]
    assert relative_error(found, expected) <= tolerance("float64", "difference")


def test_bad_arguments():
    net = make_network((3, 4, 2))
    X, Y = make_batch(net, 3)
    for function in (
        theory.predicted_activity_step,
        theory.predicted_equilibrium_energy,
        theory.gradient_decomposition,
    ):
        with pytest.raises(ValueError, match="X must have 3 columns"):
            function(net, X[:, 1:], Y)
        with pytest.raises(ValueError, match="Y must have 3 rows"):
            function(net, X, Y[1:])
        with pytest.raises(ValueError, match="loss must be one of"):
            function(net, X, Y, "hinge")
        with pytest.raises(ValueError, match="output_precision must be"):
            function(net, X, Y, output_precision=0.0)
        with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
            function(None, X, Y)
        with pytest.raises(ValueError, match="hidden layer"):
            function(make_network((3, 2)), X, Y)
    fisher = theory.fisher_preconditioner
    with pytest.raises(ValueError, match="that of one sample, got 3"):
        fisher(net, X, Y)
    for loss in ("huber", Huber()):
        with pytest.raises(ValueError, match="pass y"):
            fisher(net, X[:1], loss=loss)
        assert fisher(net, X[:1], Y[:1], loss).shape == (4, 4)
    with pytest.raises(ValueError, match="loss must be one of"):
        fisher(net, X[:1], loss="hinge")
    with pytest.raises(ValueError, match="output_precision must be"):
        fisher(net, X[:1], output_precision=0.0)
    with pytest.raises(ValueError, match="hidden layer"):
        fisher(make_network((3, 2)), X[:1])
