"""Nudged inference against its limits: beta = 1, and inference linearised at the start."""

import numpy as np
import pytest

import pcnet
from pcnet._network_core import core_batch
from pcnet.inference import ActivityDescent, ErrorDescent, Nudged, Objective, learning_gradients
from pcnet.losses import Blocks, Huber
from pcnet.theory import backprop_gradients

from .. import reference
from ..helpers import LOSSES, make_batch, make_network, relative_error
from . import closed_forms

TIGHT = ErrorDescent(max_steps=500, tol=1e-11, energy_tol=0.0)
SIZES = (6, 12, 12, 12, 4)


def flat(gradients):
    weights, biases = gradients
    return np.concatenate([a.ravel() for a in (*weights, *(biases or []))])


def linearised_gradients(net, X, Y, loss, precision):
    """The limit of beta -> 0: the equilibrium of the energy to second order at the start.

    With the output's Jacobian J = d mu_L / d eps at the feed-forward state, its delta d and the
    loss's curvature C = d2 loss / d mu2, eps = J^T u solves u = lambda (d - C J J^T u).
    """
    totals = None
    z = reference.forward(net, X)
    for i in range(len(X)):
        here = [a[[i]] for a in z]
        n_out = Y.shape[1]
        paths, signal = [], np.eye(n_out)
        for index in range(net.n_layers - 1, 0, -1):
            signal = reference.feedback(net, index, signal, here[index - 1])
            paths.insert(0, signal)
        delta = reference.output_delta(loss, here[-1], Y[[i]], 1.0)[0]
        step = 1e-6 * np.eye(n_out)
        repeated = np.repeat(Y[[i]], n_out, axis=0)
        ends = [reference.output_delta(loss, here[-1] + s, repeated, 1.0) for s in (step, -step)]
        curvature = (ends[1] - ends[0]) / 2e-6
        gram = sum(path @ path.T for path in paths)
        u = np.linalg.solve(np.eye(n_out) / precision + curvature @ gram, delta)
        errors = [u[None] @ path for path in paths] + [u[None]]
        parts = flat(reference.weight_gradients(net, X[[i]], errors, here)) / len(X)
        totals = parts if totals is None else totals + parts
    return totals


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "logistic"])
@pytest.mark.parametrize("kind", ["positive", "negative", "centered"])
def test_order_of_convergence_in_beta(kind, loss):
    """One-sided nudging has an error of order beta, centered of order beta^2."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20, loss)
    limit = linearised_gradients(net, X, Y, loss, 0.8)
    betas = np.array([0.2, 0.1, 0.05])
    errors = []
    for beta in betas:
        method = Nudged(TIGHT, beta, kind)
        found = flat(learning_gradients(net, X, Y, method, loss=loss, output_precision=0.8))
        errors.append(np.linalg.norm(found - limit) / np.linalg.norm(limit))
    slopes = np.diff(np.log(errors)) / np.diff(np.log(betas))
    np.testing.assert_allclose(slopes, 2 if kind == "centered" else 1, atol=0.1)
    assert errors[-1] < (1e-3 if kind == "centered" else 0.1)


@pytest.mark.parametrize("kind", ["positive", "negative", "centered"])
def test_linear_networks_do_not_depend_on_the_side(kind):
    """There the deltas are beta S^-1 r, the closed form, at any beta of either sign."""
    net = make_network(SIZES, "identity")
    X, Y = make_batch(net, 20)
    r = Y - closed_forms.feed_forward(net, X)[-1]
    delta = np.linalg.solve(closed_forms.rescaling(net, 0.7), r.T).T
    found = learning_gradients(net, X, Y, Nudged(TIGHT, 1e-4, kind), output_precision=0.7)
    below = closed_forms.feed_forward(net, X)[-2]
    expected = -net.scales[-1] / len(X) * below.T @ delta
    assert relative_error(found[0][-1], expected) < 1e-3
    assert relative_error(found[1][-1], -delta.mean(axis=0)) < 1e-6


@pytest.mark.parametrize("loss", LOSSES)
def test_limit_of_small_output_precision_is_backpropagation(loss):
    """For lambda -> 0 the rescaling approaches the identity, as for the plain gradient."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20, loss)
    kind = "positive" if loss == "poisson" else "centered"
    by_backprop = flat(backprop_gradients(net, X, Y, loss))
    errors = []
    for precision in (1e-1, 1e-2, 1e-3):
        method = Nudged(TIGHT, 0.1, kind)
        found = learning_gradients(net, X, Y, method, loss=loss, output_precision=precision)
        errors.append(np.linalg.norm(flat(found) / precision - by_backprop))
    assert errors[-1] < 5e-3 * np.linalg.norm(by_backprop)
    assert errors[0] > 5 * errors[1] > 25 * errors[2]


@pytest.mark.parametrize("method", [TIGHT, ActivityDescent(6, 0.2)])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "logistic", "poisson"])
def test_beta_one_is_plain_predictive_coding(loss, method, tolerance):
    net = make_network(SIZES, "gelu")
    X, Y = make_batch(net, 20, loss)
    options = {"loss": loss, "output_precision": 0.5, "activity_decay": 0.1}
    nudged = pcnet.infer(net, X, Y, Nudged(method, 1.0, "positive"), **options)
    plain = pcnet.infer(net, X, Y, method, **options)
    close = tolerance("float64", "inference")
    assert relative_error(nudged.activities, plain.activities) <= 10 * close
    assert relative_error(nudged.errors, plain.errors) <= 10 * close
    a = flat(learning_gradients(net, X, Y, Nudged(method, 1.0, "positive"), **options))
    b = flat(learning_gradients(net, X, Y, method, **options))
    np.testing.assert_allclose(a, b, atol=10 * close * np.abs(b).max())


@pytest.mark.parametrize("loss", [*LOSSES, Huber(0.4), Blocks(["huber", "log_loss"], [1, 3])])
def test_output_delta_is_scaled_by_beta(loss):
    """At the start the delta is beta times the plain one, on either side."""
    net = make_network(SIZES, "relu")
    X, Y = make_batch(net, 20, "huber" if isinstance(loss, Huber) else loss)
    pull = reference.output_delta(loss, net.forward(X)[-1], Y, 0.6)
    still = ErrorDescent(max_steps=0)
    for kind, sign in {"positive": 1, "negative": -1, "centered": 1}.items():
        if loss == "poisson" and kind != "positive":
            continue
        method = Nudged(still, 0.3, kind)
        result = pcnet.infer(net, X, Y, method, loss=loss, output_precision=0.6)
        assert relative_error(result.errors[-1], sign * 0.3 * pull) < 1e-12


def test_centered_is_the_mean_of_both_sides(tolerance):
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20)
    parts = [
        flat(learning_gradients(net, X, Y, Nudged(TIGHT, 0.3, kind)))
        for kind in ("positive", "negative", "centered")
    ]
    assert relative_error(parts[2], (parts[0] + parts[1]) / 2) <= tolerance("float64", "inference")
    assert relative_error(parts[0], parts[1]) > 1e-3


def test_reports(tolerance):
    """Rows are the samples; passes count both phases and the first forward pass."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20)
    sides = [pcnet.infer(net, X, Y, Nudged(beta=0.3, kind=k)) for k in ("positive", "negative")]
    both = pcnet.infer(net, X, Y, Nudged(beta=0.3, kind="centered"))
    assert [a.shape for a in both.activities] == [(20, 12)] * 3 + [(20, 4)]
    assert both.energy.shape == both.n_steps.shape == both.status.shape == (20,)
    assert relative_error(both.activities, sides[0].activities) <= 1e-13
    assert relative_error(both.errors, sides[0].errors) <= 1e-13
    np.testing.assert_array_equal(both.n_passes, sum(s.n_passes for s in sides) - 0.5)
    np.testing.assert_array_equal(both.n_steps, np.maximum(*(s.n_steps for s in sides)))
    np.testing.assert_array_equal(both.converged, sides[0].converged & sides[1].converged)
    length = len(both.energy_trace)
    mean = sum(np.r_[s.energy_trace, np.full(9, s.energy_trace[-1])][:length] for s in sides) / 2
    np.testing.assert_allclose(both.energy_trace, mean, rtol=1e-12)


def test_reported_loss_is_that_of_the_given_targets():
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20, "log_loss")
    method = Nudged(beta=0.3, kind="centered")
    batch = core_batch(net, 2 * len(X))
    method.run(batch, X, Y, Objective("log_loss", 0.5))
    expected = reference.loss_values("log_loss", net.forward(X)[-1], Y)
    np.testing.assert_allclose(batch.loss[:20], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", ["log_loss", "logistic"])
@pytest.mark.parametrize("beta", [1.0, 0.1])
def test_targets_outside_of_the_range_of_probabilities(beta, loss, dtype):
    """Energies may be negative for confident wrong outputs that are nudged away from the target."""
    net = make_network(SIZES, "relu", dtype=dtype)
    net.weights[-1][...] *= 300
    X, Y = make_batch(net, 40, loss)
    method = Nudged(ErrorDescent(max_steps=200, tol=1e-14), beta, "negative")
    result = pcnet.infer(net, X, Y, method, loss=loss)
    assert np.any(result.energy < 0)
    assert np.all(np.isfinite(result.energy))
    assert result.n_passes.max() < 5000


@pytest.mark.parametrize("kind", ["negative", "centered"])
def test_no_negative_rates(kind):
    net = make_network((4, 6, 3))
    with pytest.raises(ValueError, match="Nudged\\(kind='positive'\\)"):
        pcnet.infer(net, *make_batch(net, 2, "poisson"), Nudged(kind=kind), loss="poisson")
