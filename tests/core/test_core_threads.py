"""The same bits for any number of threads, and for any order in which tiles finish."""

import pytest

import pcnet
from pcnet.inference import ActivityDescent, ErrorDescent

from ..helpers import make_activities, make_batch, make_network, starts_threads

# large enough that the core starts threads, with an incomplete last tile
SIZES = (20, 192, 192, 192, 50, 10)
N_SAMPLES = 141


@pytest.fixture
def problem(dtype):
    assert starts_threads(SIZES, N_SAMPLES)
    net = make_network(SIZES, "relu", dtype=dtype)
    return net, *make_batch(net, N_SAMPLES, "log_loss")


def assert_same_bits(results):
    """Compare lists of arrays, one list for each number of threads."""
    first, *others = results
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()


def over_threads(threads, function):
    results = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            results.append(function())
    assert_same_bits(results)


METHODS = {
    "error": ErrorDescent(max_steps=20, tol=1e-3, energy_tol=1e-6),
    "activity": ActivityDescent(n_steps=7, rate=0.3),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_inference(method, problem, threads):
    net, X, Y = problem

    def infer():
        r = pcnet.infer(net, X, Y, method=method, loss="log_loss", activity_decay=0.01)
        return [*r.activities, *r.errors, r.energy, r.n_steps, r.status, r.energy_trace]

    over_threads(threads, infer)


def test_passes_and_gradients(problem, threads):
    net, X, Y = problem
    z = make_activities(net, N_SAMPLES)

    def evaluate():
        forward = net.forward(X)
        by_weight, by_bias = net.weight_gradients(X, [*z, Y - forward[-1]], z)
        by_activity = net.activity_gradients(X, Y, z, loss="log_loss")
        return [*forward, net.output(X), net.energy(X, Y, z), *by_weight, *by_bias, *by_activity]

    over_threads(threads, evaluate)


def test_repeated_calls_have_the_same_bits(problem, threads):
    """Repeat the same call on three threads, to find races and uninitialised memory."""
    net, X, Y = problem
    results = []
    with threads(3):
        for _ in range(10):
            r = pcnet.infer(net, X, Y, loss="log_loss")
            results.append([*r.activities, *r.errors, r.energy, r.n_steps])
    assert_same_bits(results)
