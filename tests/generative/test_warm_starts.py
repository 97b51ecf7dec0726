"""Starts from given errors, and energies that never rise from step to step."""

import numpy as np
import pytest

from pcnet.generative import infer_causes
from pcnet.inference import ErrorDescent, QuasiNewton, Status

from .energies import PRIOR, energies, problem

OPTIONS = {"prior": PRIOR, "output_precision": 6.0}


def exact_energies(net, Y, errors):
    precisions = np.where(np.isnan(Y), 0, 6.0)
    return energies(net, Y, errors, prior=PRIOR, loss="squared_error", precisions=precisions)


@pytest.fixture(params=[0, 1, 2], ids=["one layer", "skips", "deep"])
def example(request):
    sizes = [(3, 9), (3, 8, 8, 8, 9), (3, *(7,) * 9, 9)][request.param]
    return problem(sizes, "tanh", 30)


def random_errors(net, n, size):
    rng = np.random.default_rng(7)
    return [size * rng.standard_normal((n, width)) for width in net.layer_sizes[:-1]]


@pytest.mark.parametrize("size", [0.01, 0.3, 10.0])
def test_start_is_the_better_of_the_given_errors_and_0(size, example):
    net, Y = example
    given = random_errors(net, len(Y), size)
    start = infer_causes(net, Y, QuasiNewton(max_steps=0), errors=given, **OPTIONS)
    own, zero = (exact_energies(net, Y, e) for e in (given, [0 * e for e in given]))
    np.testing.assert_allclose(start.energy, np.minimum(own, zero), rtol=1e-12, atol=1e-12)
    assert not start.n_steps.any()
    for found, errors in zip(start.errors, given, strict=False):
        np.testing.assert_array_equal(found, np.where((own <= zero)[:, None], errors, 0))
    end = infer_causes(net, Y, errors=given, **OPTIONS)
    assert (end.energy <= start.energy * (1 + 1e-14)).all()
    np.testing.assert_allclose(exact_energies(net, Y, end.errors[:-1]), end.energy, rtol=1e-12)


def test_start_at_the_equilibrium_ends_at_once(example):
    net, Y = example
    cold = infer_causes(net, Y, **OPTIONS)
    assert cold.n_steps.max() > 3
    warm = infer_causes(net, Y, errors=cold.errors, **OPTIONS)
    assert not warm.n_steps[cold.converged].any()
    assert warm.converged[cold.converged].all()
    np.testing.assert_array_equal(warm.n_passes[cold.converged], 1.5)  # + half of one to start
    np.testing.assert_allclose(warm.energy, cold.energy, rtol=1e-12, atol=1e-12)


def test_start_near_the_equilibrium_takes_fewer_passes(example):
    net, Y = example
    method = QuasiNewton(tol=1e-4)
    cold = infer_causes(net, Y, method, **OPTIONS)
    near = [e + 0.003 * r for e, r in zip(cold.errors, random_errors(net, len(Y), 1.0))]
    warm = infer_causes(net, Y, method, errors=near, **OPTIONS)
    assert warm.n_passes.mean() < 0.7 * cold.n_passes.mean()


def test_errors_with_and_without_the_output_delta(example):
    net, Y = example
    cold = infer_causes(net, Y, QuasiNewton(max_steps=2), **OPTIONS)
    with_delta = infer_causes(net, Y, errors=cold.errors, **OPTIONS)
    without = infer_causes(net, Y, errors=tuple(cold.errors[:-1]), **OPTIONS)
    np.testing.assert_array_equal(with_delta.energy, without.energy)


@pytest.mark.parametrize("memory", [1, 2, 5, 20])
def test_energies_do_not_rise(memory, example):
    """The run of k + 1 steps is that of k steps and one more, which lowers each energy."""
    net, Y = example
    runs = [infer_causes(net, Y, QuasiNewton(k, 1e-12, 0, memory), **OPTIONS) for k in range(16)]
    found = np.array([run.energy for run in runs])
    assert (np.diff(found, axis=0) <= 0).all()
    assert (found[-1] < found[0])[runs[-1].n_steps > 0].all()
    steps = np.array([run.n_steps for run in runs])
    assert (np.diff(steps, axis=0) >= 0).all()
    assert (steps <= np.arange(16)[:, None]).all()


def test_converged_counts_predicted_ends():
    net, Y = problem((3, 16, 16, 9), "tanh", 200)
    result = infer_causes(net, Y, ErrorDescent(), output_precision=0.1)
    assert (result.status == Status.PREDICTED).any()
    ends = (Status.CONVERGED, Status.PREDICTED)
    np.testing.assert_array_equal(result.converged, np.isin(result.status, ends))
