"""PC-ALM: a loop in NumPy, its limits, and backpropagation's gradient at its fixed point."""

import numpy as np
import pytest

import pcnet
from pcnet._network_core import core_batch
from pcnet.inference import (
    ActivityDescent,
    AugmentedLagrangian,
    Objective,
    learning_gradients,
)
from pcnet.inference._passes import Passes, largest_curvature
from pcnet.theory import backprop_gradients

from .. import reference
from ..helpers import make_batch, make_network, objective, relative_error
from . import closed_forms


def flat(gradients):
    return np.concatenate([w.ravel() for w in gradients[0]]).astype(np.float64)


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def by_hand(net, X, Y, terms, *, n_steps, alpha, rho, rate, inner_steps, timing):
    """The algorithm as published, in NumPy: activities, errors of the augmented Lagrangian."""
    z = reference.forward(net, X)[:-1]
    duals = [np.zeros_like(a) for a in z]
    for _ in range(n_steps):
        for _ in range(inner_steps):
            *r, delta = reference.errors(net, X, Y, z, terms)
            u = [*(rho * a + d for a, d in zip(r, duals, strict=True)), delta]
            g = [
                u[i] - reference.feedback(net, i + 1, u[i + 1], z[i]) + terms.activity_decay * z[i]
                for i in range(len(z))
            ]
            z = [a - rate * b for a, b in zip(z, g, strict=True)]
        *r, delta = reference.errors(net, X, Y, z, terms)
        before = duals
        duals = [d + alpha * a for d, a in zip(duals, r, strict=True)]
    used = before if timing == "pre" else duals
    return z, [*(rho * a + d for a, d in zip(r, used, strict=True)), delta]


@pytest.mark.parametrize("timing", ["pre", "post"])
@pytest.mark.parametrize(("alpha", "rho", "inner_steps"), [(1, 1, 1), (0.3, 0.7, 1), (0.5, 2, 3)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_against_a_loop(activation, alpha, rho, inner_steps, timing, dtype, tolerance):
    net = make_network((5, 8, 8, 6, 3), activation, dtype=dtype)
    X, Y = make_batch(net, 20, "log_loss")
    options = {"n_steps": 9, "alpha": alpha, "rho": rho, "rate": 0.15}
    options |= {"inner_steps": inner_steps, "timing": timing}
    terms = objective("log_loss", 0.6, 0.1)
    result = pcnet.infer(net, X, Y, AugmentedLagrangian(**options), **vars(terms))
    z, errors = by_hand(net, X, Y, terms, **options)
    close = tolerance(dtype, "inference")
    assert relative_error(result.activities[:-1], z) <= close
    assert relative_error(result.errors, errors) <= close
    energies = reference.sample_energies(net, X, Y, z, terms)
    np.testing.assert_allclose(result.energy, energies, rtol=10 * close)
    assert result.energy_trace[-1] == pytest.approx(energies.mean(), rel=10 * close)
    assert result.energy_trace.shape == (10,)
    assert list(result.n_passes) == [0.5 + 9 * inner_steps] * 20


def test_without_duals_equals_activity_descent(dtype, tolerance):
    net = make_network((5, *(8,) * 6, 3), "gelu", dtype=dtype)
    X, Y = make_batch(net, 20)
    by_alm = pcnet.infer(net, X, Y, AugmentedLagrangian(12, alpha=0.0, rate=0.2))
    plain = pcnet.infer(net, X, Y, ActivityDescent(12, 0.2))
    close = tolerance(dtype, "inference")
    assert relative_error(by_alm.activities, plain.activities) <= close
    assert relative_error(by_alm.errors, plain.errors) <= close
    np.testing.assert_allclose(by_alm.energy_trace, plain.energy_trace, rtol=10 * close)


@pytest.mark.parametrize("timing", ["pre", "post"])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("precision", [1.0, 0.3])
def test_linear_nets_end_at_backpropagation(precision, skip, timing):
    """Feed-forward activities, backpropagation's deltas in the duals, and its gradients."""
    net = make_network((5, *(8,) * 5, 3), "identity", skip=skip, parameterization="mupc")
    X, Y = make_batch(net, 12)
    method = AugmentedLagrangian(3000, timing=timing)
    options = {"method": method, "output_precision": precision}
    result = pcnet.infer(net, X, Y, **options)
    assert relative_error(result.activities, closed_forms.feed_forward(net, X)) < 1e-3
    gradient = flat(learning_gradients(net, X, Y, **options))
    by_backprop = precision * flat(backprop_gradients(net, X, Y))
    assert cosine(gradient, by_backprop) > 0.9999
    np.testing.assert_allclose(gradient, by_backprop, atol=1e-2 * np.abs(by_backprop).max())


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_better_than_activity_descent_in_deep_narrow_nets(activation, seed):
    """32 layers of 16, twice as many steps as layers: the published setting, smaller."""
    net = make_network((6, *(16,) * 31, 4), activation, bias=False, seed=seed)
    X, Y = make_batch(net, 20, seed=seed)
    by_backprop = flat(backprop_gradients(net, X, Y))
    by_alm = flat(learning_gradients(net, X, Y, AugmentedLagrangian(64)))
    without = flat(learning_gradients(net, X, Y, AugmentedLagrangian(64, alpha=0.0)))
    plain = flat(learning_gradients(net, X, Y, ActivityDescent(64, 0.25)))
    assert cosine(by_alm, by_backprop) > 0.85
    assert cosine(by_alm, by_backprop) > cosine(plain, by_backprop) + 0.2
    assert cosine(by_alm, by_backprop) > cosine(without, by_backprop) + 0.2


def curvatures(net, X, Y, terms, rho, n_steps):
    batch = core_batch(net, len(X))
    passes = Passes(batch, X, Y, terms)
    passes.start()
    kept = batch.activities.flat.copy(), batch.errors.flat.copy()
    found = largest_curvature(passes, rho, n_steps)
    np.testing.assert_array_equal(batch.activities.hidden, kept[0][: len(batch.activities.hidden)])
    np.testing.assert_array_equal(batch.errors.flat, kept[1])
    return found


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
def test_curvature_of_linear_nets(skip, decay):
    net = make_network((5, 8, 8, 6, 6, 3), "identity", skip=skip)
    X, Y = make_batch(net, 7)
    largest = np.linalg.eigvalsh(closed_forms.activity_hessian(net, 0.4, decay))[-1]
    found = curvatures(net, X, Y, Objective("squared_error", 0.4, decay), 1.0, 200)
    np.testing.assert_allclose(found, largest, rtol=1e-4)
    quick = curvatures(net, X, Y, Objective("squared_error", 0.4, decay), 1.0, 8)
    assert np.all((quick > 0.7 * largest) & (quick <= largest * 1.001))


@pytest.mark.parametrize("rho", [0.5, 2.0])
def test_curvature_of_each_sample(rho, dtype):
    """Against the dense Hessian of one sample at a time, by differences of the gradient."""
    net = make_network((5, 6, 6, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 4, "log_loss")
    terms = Objective("log_loss", 0.8)
    found = curvatures(net, X, Y, terms, rho, 2000)
    exact = make_network((5, 6, 6, 3), "tanh")
    for w, a in zip(exact.weights + exact.biases, net.weights + net.biases, strict=True):
        w[...] = a
    for i in range(4):
        x, y = X[[i]].astype(float), Y[[i]].astype(float)
        start = np.hstack(reference.forward(exact, x)[:-1])[0]

        def gradient(z, x=x, y=y):
            z = np.split(z[None], [6], axis=1)
            *r, delta = reference.errors(exact, x, y, z, objective("log_loss", 0.8))
            u = [*(rho * a for a in r), delta]
            return np.hstack(
                [u[k] - reference.feedback(exact, k + 1, u[k + 1], z[k]) for k in (0, 1)]
            )[0]

        columns = np.eye(12) * 1e-5
        dense = np.array([(gradient(start + d) - gradient(start - d)) / 2e-5 for d in columns])
        largest = np.linalg.eigvalsh(dense)[-1]
        assert found[i] == pytest.approx(largest, rel=1e-4 if dtype == np.float64 else 2e-2)


def test_default_rate_is_computed_for_each_sample(tolerance):
    """The default rate is 1 / curvature: given for a batch of one, the result is equal."""
    net = make_network((5, 8, 8, 3), "tanh")
    X, Y = make_batch(net, 3)
    together = pcnet.infer(net, X, Y, AugmentedLagrangian(10))
    rates = 1 / curvatures(net, X, Y, Objective(), 1.0, 8)
    assert len(set(rates)) == 3
    for i, rate in enumerate(rates):
        alone = pcnet.infer(net, X[[i]], Y[[i]], AugmentedLagrangian(10, rate=float(rate)))
        for a, b in zip(together.errors, alone.errors, strict=True):
            assert relative_error(a[[i]], b) <= tolerance("float64", "inference")


def test_no_steps_and_no_hidden_layers():
    for sizes in ((5, 8, 3), (5, 3)):
        net = make_network(sizes, "tanh")
        X, Y = make_batch(net, 3)
        steps = 0 if len(sizes) == 3 else 5
        result = pcnet.infer(net, X, Y, AugmentedLagrangian(steps))
        assert relative_error(result.activities, net.forward(X)) <= 1e-14
        assert relative_error(result.errors[-1], Y - result.activities[-1]) <= 1e-14


def test_too_large_rate_is_an_error():
    net = make_network((5, 8, 8, 3), "identity", parameterization="sp")
    with pytest.raises(FloatingPointError, match="rate"):
        pcnet.infer(net, *make_batch(net, 3), AugmentedLagrangian(400, rate=50.0))
