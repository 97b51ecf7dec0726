"""The same bits on any number of threads, for any split of the samples, and for factors of 1."""

import numpy as np
import pytest

from pcnet.generative import CauseTrainer, Prior, infer_causes
from pcnet.inference import Objective
from pcnet.losses import Blocks

from ..helpers import LOSSES, starts_threads
from .energies import problem

# large enough that the core starts threads, with an incomplete last tile
SIZES = (4, 160, 160, 160, 40)
N_SAMPLES = 141


@pytest.fixture(scope="module")
def large():
    assert starts_threads(SIZES, N_SAMPLES)
    return problem(SIZES, "tanh", N_SAMPLES, dtype=np.float32)


def results(*arguments, **options):
    r = infer_causes(*arguments, **options)
    return [
        r.causes, *r.activities, *r.errors, r.energy, r.n_steps, r.n_passes, r.converged, r.status,
    ]  # fmt: skip


def assert_same_bits(first, *others):
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("method", ["quasi_newton", "error"])
@pytest.mark.parametrize("loss", ["squared_error", Blocks(["huber", "log_loss"], [30, 10])])
def test_threads(method, loss, threads):
    net, Y = problem(SIZES, "tanh", N_SAMPLES, loss=loss, dtype=np.float32)
    found = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            found.append(results(net, Y, method, loss=loss, output_precision=5.0))
    assert_same_bits(*found)


def test_threads_of_the_trainer(large, threads):
    net, Y = large
    found = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            trainer = CauseTrainer(net, Objective(output_precision=5.0), max_batch_size=N_SAMPLES)
            errors = trainer.start_errors(N_SAMPLES)
            factors = (~np.isnan(Y)).astype(np.float32)
            reports = [
                trainer.step(Y, factors, learning_rate=0.01, errors=errors) for _ in range(3)
            ]
            found.append([*errors, np.array([[r.energy, r.loss, r.n_passes] for r in reports])])
    assert_same_bits(*found)


@pytest.mark.parametrize("method", ["quasi_newton", "error"])
@pytest.mark.parametrize("cuts", [(1,), (40, 77, 104)], ids=str)
def test_split_of_the_samples(method, cuts, large):
    net, Y = large
    parts = [results(net, part, method, output_precision=5.0) for part in np.split(Y, cuts)]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    assert_same_bits(results(net, Y, method, output_precision=5.0), joined)


@pytest.mark.parametrize("cut", [1, 77])
def test_split_of_a_warm_start(cut, large):
    net, Y = large
    rng = np.random.default_rng(0)
    errors = [0.1 * rng.standard_normal((N_SAMPLES, n)).astype(np.float32) for n in SIZES[:-1]]
    whole = results(net, Y, errors=errors)
    parts = [
        results(net, Y[rows], errors=[e[rows] for e in errors])
        for rows in (slice(0, cut), slice(cut, None))
    ]
    assert_same_bits(whole, [np.concatenate(arrays) for arrays in zip(*parts, strict=True)])


@pytest.mark.parametrize("method", ["quasi_newton", "error"])
@pytest.mark.parametrize("loss", LOSSES)
def test_factors(method, loss, dtype, tolerance):
    """Factors of 1 are none, by the bits; factors a are an output precision a."""
    net, Y = problem(n_samples=70, loss=loss, dtype=dtype)
    Y = np.nan_to_num(Y)
    if loss == "log_loss":
        Y[~Y.any(axis=1), 0] = 1
    ones = np.ones(Y.shape)
    assert_same_bits(
        results(net, Y, method, loss=loss, output_precision=1.0),
        results(net, Y, method, loss=loss, output_precision=ones),
        results(net, Y, method, loss=loss, output_precision=ones[0]),
    )
    energies = [
        infer_causes(net, Y, method, loss=loss, output_precision=p).energy
        for p in (0.7, 0.7 * ones)
    ]
    np.testing.assert_allclose(*energies, rtol=tolerance(dtype, "inference"))


def test_targets_that_are_not_observed_are_not_used(large):
    """NaN, or any number of precision 0."""
    net, Y = large
    observed = ~np.isnan(Y)
    arbitrary = np.where(observed, Y, 1e3)
    assert_same_bits(results(net, Y), results(net, arbitrary, output_precision=observed * 1.0))


def test_one_number_as_the_prior_mean(large):
    net, Y = large
    each = Prior(np.full(SIZES[0], 0.3), 2.0)
    assert_same_bits(results(net, Y, prior=Prior(0.3, 2.0)), results(net, Y, prior=each))
