"""Starts from given errors, and energies that never rise from step to step."""

import numpy as np
import pytest

from pcnet.generative import CauseTrainer, infer_causes
from pcnet.inference import ErrorDescent, Objective, QuasiNewton, Status

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


@pytest.mark.parametrize("partly", [True, False], ids=["partly", "whole"])
def test_epoch_is_a_step_with_each_minibatch(partly, dtype):
    """To the same bits: weights, and errors kept."""
    net, Y = problem((3, 9, 8, 6), "tanh", 31, dtype=dtype)
    factors = (~np.isnan(Y)).astype(dtype) if partly else None
    Y = Y if partly else np.nan_to_num(Y)
    order = np.random.default_rng(0).permutation(31)
    rates = np.array([0.1, 0.03, 0.01, 0.003])
    found = []
    for by_epoch in (True, False):
        own = net.copy()
        trainer = CauseTrainer(own, Objective(output_precision=6.0), max_batch_size=8)
        errors, energy = trainer.start_errors(31), 0.0
        for _ in range(2):
            if by_epoch:
                energy = trainer.epoch(
                    Y, factors, learning_rates=rates, order=order, weight_decay=0.1, errors=errors
                )
                continue
            energy = 0.0
            for rate, rows in zip(rates, np.array_split(order, 4), strict=True):
                part = None if factors is None else factors[rows]
                report = trainer.step(
                    Y[rows], part, learning_rate=rate, weight_decay=0.1, errors=errors, rows=rows
                )
                energy += report.energy * len(rows) / 31
        trainer.sync()
        found.append(([*own.weights, *own.biases, *errors], energy))
    for a, b in zip(found[0][0], found[1][0], strict=True):
        assert a.tobytes() == b.tobytes()
    assert np.isclose(found[0][1], found[1][1], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"learning_rates": np.full(3, 0.1)}, "a rate for each minibatch of up to 8 of 31 samples"),
        ({"learning_rates": np.array([0.1, -1, 0.1, 0.1])}, "learning_rates must be"),
        ({"order": np.arange(30)}, "rows must be 31 integers"),
        ({"order": np.arange(1, 32)}, "rows must be from 0 to 30"),
        ({"order": np.zeros(31, int)}, "order must hold each sample once"),
        ({"weight_decay": -1.0}, "weight_decay must be"),
    ],
)
def test_wrong_arguments_of_an_epoch(changes, text):
    net, Y = problem((3, 9, 8, 6), "tanh", 31)
    trainer = CauseTrainer(net, Objective(output_precision=6.0), max_batch_size=8)
    errors = trainer.start_errors(31)
    usual = {"learning_rates": np.full(4, 0.1), "order": np.arange(31), "errors": errors}
    with pytest.raises(ValueError, match=text):
        trainer.epoch(np.nan_to_num(Y), None, **{**usual, **changes})
    assert trainer.n_updates == 0
