"""The energy trace is the mean over the samples, and its memory is that of the steps taken."""

import tracemalloc

import numpy as np
import pytest

from pcnet import infer
from pcnet.inference import (
    ActivityDescent,
    ErrorDescent,
    GaussSeidel,
    GradientFlow,
    LearnedPrecision,
    Nudged,
    ProspectiveConfiguration,
)

from ..helpers import make_batch, make_network

MANY = 10**6
LIMITED = [
    lambda most: ErrorDescent(max_steps=most, tol=1e-6),
    lambda most: ProspectiveConfiguration(max_steps=most, tol=1e-6),
    lambda most: GradientFlow(max_steps=most),
    lambda most: LearnedPrecision(max_steps=most, tol=0.01),
    lambda most: Nudged(ErrorDescent(max_steps=most), kind="positive"),
]
FIXED = [lambda most: ActivityDescent(most, 0.1), lambda most: GaussSeidel(most, 0.1)]


def problem(n_samples=20, dtype=np.float64):
    net = make_network((4, 8, 8, 3), "tanh", skip=False, dtype=dtype)
    return (net, *make_batch(net, n_samples))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", LIMITED)
def test_memory_is_that_of_the_steps_taken(make, dtype):
    """A million steps for each of 500 samples would be 4 GB; none takes more than some hundred."""
    net, X, Y = problem(500, dtype)
    tracemalloc.start()
    try:
        result = infer(net, X, Y, make(MANY))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.n_steps.max() < 10_000
    assert peak < 30e6 + 50 * 500 * 8 * int(result.n_steps.max())
    assert len(result.energy_trace) == result.n_steps.max() + 1


@pytest.mark.parametrize("make", LIMITED)
def test_the_limit_does_not_change_the_trace(make):
    net, X, Y = problem()
    result = infer(net, X, Y, make(MANY))
    n_steps = int(result.n_steps.max())
    same = infer(net, X, Y, make(n_steps + 5))
    np.testing.assert_array_equal(result.energy_trace, same.energy_trace)


@pytest.mark.parametrize("make", [*LIMITED, *FIXED])
@pytest.mark.parametrize("most", [0, 1, 100])
def test_trace_is_the_mean_of_the_samples_own(make, most):
    """A stopped sample keeps its last energy while others take steps."""
    net, X, Y = problem(7)
    method = make(most)
    result = infer(net, X, Y, method)
    alone = [infer(net, X[i : i + 1], Y[i : i + 1], method).energy_trace for i in range(7)]
    longest = max(map(len, alone))
    padded = [np.pad(trace, (0, longest - len(trace)), mode="edge") for trace in alone]
    np.testing.assert_allclose(result.energy_trace, np.mean(padded, axis=0), rtol=1e-11)
    assert result.energy_trace[-1] == pytest.approx(result.energy.mean(), rel=1e-11)
