"""Properties of inference on any network: energies never rise, samples are independent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcnet
from pcnet import Network
from pcnet.inference import ErrorDescent

from .. import reference
from ..helpers import objective, relative_error, starts_threads
from .problems import batch_sizes, methods, problems

pytestmark = pytest.mark.filterwarnings("ignore:.*raised the mean energy")  # any rate, any network

PER_SAMPLE = ("energy", "n_steps", "n_passes", "status")


def run(p, method, rows=slice(None)):
    return pcnet.infer(p.net, p.X[rows], p.Y[rows], method=method, **p.options)


def assert_same_samples(result, expected, rows=slice(None)):
    """Bit for bit: the samples of one result are these rows of the other."""
    for name in PER_SAMPLE:
        assert np.array_equal(getattr(result, name), getattr(expected, name)[rows])
    for name in ("activities", "errors"):
        for a, b in zip(getattr(result, name), getattr(expected, name), strict=True):
            assert a.tobytes() == b[rows].tobytes()


@given(problems(), st.integers(0, 20))
def test_no_step_raises_the_energy_of_a_sample(p, n_steps):
    before = run(p, ErrorDescent(max_steps=n_steps, tol=0.0, energy_tol=0.0))
    after = run(p, ErrorDescent(max_steps=n_steps + 1, tol=0.0, energy_tol=0.0))
    assert np.all(after.energy <= before.energy)
    assert np.all(np.diff(after.energy_trace) <= 0)
    assert np.all((after.n_steps >= before.n_steps) & (after.n_steps <= n_steps + 1))


@given(problems(), methods, st.randoms(use_true_random=False))
def test_permuted_samples_give_permuted_results(p, method, random):
    order = list(range(len(p.X)))
    random.shuffle(order)
    assert_same_samples(run(p, method, order), run(p, method), order)


@given(problems(), methods, st.data())
def test_result_of_a_sample_does_not_depend_on_its_batch(p, method, data):
    """Any part of a batch, in other tiles, kernels and rows of a tile, has the same bits."""
    start = data.draw(st.integers(0, len(p.X) - 1))
    part = slice(start, data.draw(st.integers(start + 1, len(p.X))))
    assert_same_samples(run(p, method, part), run(p, method), part)


@st.composite
def wide_problems(draw):
    """Large enough that the core starts threads."""
    width = draw(st.integers(120, 200))
    nets = st.builds(
        Network.init,
        st.just((draw(st.integers(1, 40)), *(width,) * 3, 5)),
        st.sampled_from(("tanh", "relu", "gelu")),
        random_state=st.integers(0, 100),
        dtype=st.sampled_from(("float32", "float64")),
    )
    p = draw(problems(nets=nets))
    repeated = np.resize(np.arange(len(p.X)), 150)
    p.X, p.Y = p.X[repeated], p.Y[repeated]
    assert starts_threads(p.net.layer_sizes, len(p.X))
    return p


@settings(max_examples=max(6, settings.default.max_examples // 8))
@given(wide_problems(), methods, st.integers(2, 4))
def test_results_do_not_depend_on_threads(p, method, n_threads):
    with pcnet.set_num_threads(1):
        expected = run(p, method)
    with pcnet.set_num_threads(n_threads):
        assert_same_samples(run(p, method), expected)


@given(problems(dtypes=["float64"]), methods)
def test_reported_energies_are_those_of_the_activities(p, method):
    """Compare with the reference's energies and errors at the result, not with its steps."""
    result = run(p, method)
    terms = objective(**p.options)
    expected = reference.sample_energies(p.net, p.X, p.Y, result.activities, terms)
    assert relative_error(result.energy, expected) <= 1e-9
    errors = reference.errors(p.net, p.X, p.Y, result.activities, terms)
    assert relative_error(result.errors, errors) <= 1e-9


@given(problems(), batch_sizes)
def test_inference_keeps_an_equilibrium(p, n_more):
    """If the output equals the target of a squared error, without decay, no activity changes."""
    activities = p.net.forward(p.X)
    result = pcnet.infer(p.net, p.X, activities[-1], method=ErrorDescent(max_steps=n_more))
    assert np.all(result.converged)
    assert not result.n_steps.any()
    for z, start in zip(result.activities, activities, strict=True):
        assert z.tobytes() == start.tobytes()
