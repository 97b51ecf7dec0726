"""Methods made of single passes against short loops over the reference; threads; reports."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    Backprop,
    ErrorOptimization,
    ExactEquilibrium,
    GaussSeidel,
    NesterovDescent,
    ZeroDivergence,
)

from .. import reference
from ..helpers import LOSSES, make_batch, make_network, objective, relative_error
from .test_core_threads import N_SAMPLES, SIZES, over_threads

PROBLEM = {"output_precision": 0.8, "activity_decay": 0.03}
N_STEPS = 6


def heavy_ball(net, X, Y, o):
    z = reference.forward(net, X)[:-1]
    u = [np.zeros_like(x) for x in z]
    for _ in range(N_STEPS):
        g = reference.activity_gradients(net, X, Y, z, o)
        u = [0.6 * a + b for a, b in zip(u, g, strict=True)]
        z = [a - 0.2 * b for a, b in zip(z, u, strict=True)]
    return z, reference.errors(net, X, Y, z, o)


def nesterov(net, X, Y, o):
    z = y = reference.forward(net, X)[:-1]
    for _ in range(N_STEPS):
        g = reference.activity_gradients(net, X, Y, y, o)
        moved = [a - 0.2 * b for a, b in zip(y, g, strict=True)]
        y = [a + 0.6 * (a - b) for a, b in zip(moved, z, strict=True)]
        z = moved
    return z, reference.errors(net, X, Y, z, o)


def adam(net, X, Y, o):
    z = reference.forward(net, X)[:-1]
    m = v = [np.zeros_like(x) for x in z]
    for t in range(1, N_STEPS + 1):
        g = reference.activity_gradients(net, X, Y, z, o)
        stepped = [reference.adam_step(*layer, t, 0.02) for layer in zip(z, g, m, v, strict=True)]
        z, m, v = (list(part) for part in zip(*stepped, strict=True))
    return z, reference.errors(net, X, Y, z, o)


def error_optimization(net, X, Y, o):
    z = reference.forward(net, X)
    eps = u = [np.zeros_like(x) for x in z[:-1]]
    for _ in range(N_STEPS):
        delta = reference.output_delta(o.loss, z[-1], Y, o.output_precision)
        v = reference.backward(net, z, delta, o.activity_decay)
        u = [0.5 * a + e - b for a, e, b in zip(u, eps, v, strict=True)]
        eps = [e - 0.3 * a for e, a in zip(eps, u, strict=True)]
        z = reference.propagate(net, X, eps)
    return z[:-1], [*eps, reference.output_delta(o.loss, z[-1], Y, o.output_precision)]


def gauss_seidel(net, X, Y, o):
    z = reference.forward(net, X)[:-1]
    for _ in range(N_STEPS):
        z, _ = reference.gauss_seidel_sweep(
            net, z, reference.errors(net, X, Y, z, o), 0.4, o.activity_decay
        )
    return z, reference.errors(net, X, Y, z, o)


CASES = {
    "momentum": (ActivityDescent(N_STEPS, 0.2, momentum=0.6), heavy_ball),
    "nesterov": (NesterovDescent(N_STEPS, 0.2, 0.6), nesterov),
    "adam": (AdamActivityDescent(N_STEPS, 0.02), adam),
    "error optimization": (ErrorOptimization(N_STEPS, 0.3, 0.5), error_optimization),
    "gauss-seidel": (GaussSeidel(N_STEPS, 0.4), gauss_seidel),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CASES)
def test_methods_against_the_reference(name, loss, tolerance):
    method, oracle = CASES[name]
    net = make_network((9, 13, 13, 13, 4), "tanh")
    X, Y = make_batch(net, 37, loss)
    result = pcnet.infer(net, X, Y, method, loss=loss, **PROBLEM)
    z, e = oracle(net, X, Y, objective(loss, **PROBLEM))
    close = tolerance("float64", "inference")
    assert relative_error(result.activities[:3], z) <= close
    assert relative_error(result.errors, e) <= close
    expected = reference.sample_energies(net, X, Y, z, objective(loss, **PROBLEM))
    assert relative_error(result.energy, expected) <= close
    assert np.all(result.n_steps == N_STEPS)
    assert np.all(result.n_passes == N_STEPS + 0.5)
    assert not np.any(result.converged)
    assert result.energy_trace.shape == (N_STEPS + 1,)
    assert result.energy_trace[-1] == pytest.approx(result.energy.mean(), rel=1e-12)
    assert result.energy_trace[-1] < result.energy_trace[0]


@pytest.mark.parametrize("method", [ErrorOptimization(0), GaussSeidel(0), AdamActivityDescent(0)])
def test_no_steps_is_the_feed_forward_state(method, dtype):
    net = make_network((9, 13, 13, 4), "gelu", dtype=dtype)
    X, Y = make_batch(net, 20)
    result = pcnet.infer(net, X, Y, method)
    assert relative_error(result.activities, net.forward(X)) == 0
    assert not any(np.any(e) for e in result.errors[:-1])
    assert np.all(result.n_passes == 0.5)


METHODS = {
    **{name: method for name, (method, _) in CASES.items()},
    "backprop": Backprop(),
    "zero divergence": ZeroDivergence(),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_threads(method, dtype, threads):
    net = make_network(SIZES, "relu", dtype=dtype)
    X, Y = make_batch(net, N_SAMPLES, "log_loss")

    def infer():
        r = pcnet.infer(net, X, Y, method=method, loss="log_loss", activity_decay=0.01)
        return [*r.activities, *r.errors, r.energy, r.n_steps, r.status, r.energy_trace]

    over_threads(threads, infer)


def test_threads_of_the_exact_equilibrium(dtype, threads):
    net = make_network(SIZES, "identity", dtype=dtype)
    X, Y = make_batch(net, N_SAMPLES)

    def infer():
        r = pcnet.infer(net, X, Y, method=ExactEquilibrium())
        return [*r.activities, *r.errors, r.energy]

    over_threads(threads, infer)


@pytest.mark.parametrize(
    "method",
    [ActivityDescent(400, 50.0, 0.5), GaussSeidel(400, 50.0), ErrorOptimization(400, 50.0)],
)
def test_divergence_is_an_error(method, dtype):
    net = make_network((3, 6, 6, 2), "identity", dtype=dtype)
    X, Y = make_batch(net, 5)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="rate"):
        pcnet.infer(net, X, Y, method)
