"""The gradient flow against SciPy's integrator, a loop over samples and the closed form."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pcnet
from pcnet.inference import ErrorDescent, GradientFlow
from pcnet.inference._runge_kutta import PAIRS, step_factors

from ..helpers import LOSSES, make_batch, make_network, relative_error
from . import closed_forms

SIZES = (4, 7, 7, 5, 3)
TIME = 3.0
PAIR_NAMES = tuple(PAIRS)


def flow(net, x, y, **options):
    """dz/dt of one sample, and its start, as flat vectors."""
    edges = np.cumsum(net.layer_sizes[1:-1])[:-1]

    def slope(_, z):
        activities = np.split(z[None], edges, axis=1)
        return -np.hstack(net.activity_gradients(x, y, activities, **options))[0]

    return slope, np.hstack(net.forward(x)[:-1])[0]


def exact(net, X, Y, time=TIME, **options):
    """Activities of each sample separately, by a method of order 8 at a small tolerance."""
    ends = []
    for i in range(len(X)):
        slope, start = flow(net, X[i : i + 1], Y[i : i + 1], **options)
        end = solve_ivp(slope, (0, time), start, method="DOP853", rtol=1e-10, atol=1e-11)
        ends.append(end.y[:, -1])
    return np.array(ends)


def hidden(result):
    return np.hstack(result.activities[:-1])


@pytest.fixture(scope="module")
def problem():
    net = make_network(SIZES, "tanh", seed=3)  # others amplify rounding to 1e-8
    X, Y = make_batch(net, 6)
    return net, X, 3 * Y


@pytest.fixture(scope="module")
def end(problem):
    return exact(*problem)


@pytest.mark.covering(1)
@pytest.mark.parametrize("tol", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_adaptive_steps_meet_the_tolerance(pair, tol, problem, end):
    """The error of a step is at most tol; the sum over all steps is a small multiple of it."""
    method = GradientFlow(pair, rtol=tol, atol=tol, max_time=TIME, max_steps=5000, steady_tol=0)
    result = pcnet.infer(*problem, method=method)
    assert np.abs(hidden(result) - end).max() <= 20 * tol
    assert np.all(result.n_steps >= 2)


@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_fixed_steps_have_the_order_of_their_method(pair, problem, end):
    errors = []
    for step in (0.2, 0.1):
        method = GradientFlow(pair, step=step, max_time=TIME, steady_tol=0)
        errors.append(np.linalg.norm(hidden(pcnet.infer(*problem, method=method)) - end))
    assert np.log2(errors[0] / errors[1]) > PAIRS[pair].order - 0.3
    assert errors[1] < 1e-3


@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_pairs_meet_the_order_conditions(pair):
    """Row sums are nodes; b of full order, its companion of one order less (up to order 4)."""
    order, stages, weights, error_weights, first_is_last = PAIRS[pair]
    n = len(stages)
    A = np.array([[*row, *[0.0] * (n - len(row))] for row in stages])
    b, c = np.array(weights), A.sum(axis=1)
    lower = b - np.array(error_weights)

    def defects(b, order):
        conditions = [(1, b.sum(), 1), (2, b @ c, 1 / 2), (3, b @ c**2, 1 / 3)]
        conditions += [(3, b @ A @ c, 1 / 6), (4, b @ c**3, 1 / 4), (4, b @ (c * (A @ c)), 1 / 8)]
        conditions += [(4, b @ A @ c**2, 1 / 12), (4, b @ A @ A @ c, 1 / 24)]
        return [found - right for of, found, right in conditions if of <= order]

    np.testing.assert_allclose(defects(b, order), 0, atol=1e-14)
    np.testing.assert_allclose(defects(lower, order - 1), 0, atol=1e-14)
    assert np.abs(defects(lower, order)).max() > 1e-3 or order == 5
    assert first_is_last == np.array_equal(A[-1], b)


def integrate_alone(net, x, y, method, **options):
    """One sample, by the definition: (activities, steps taken)."""
    pair = PAIRS[method.pair]
    slope, z = flow(net, x, y, **options)
    rms = lambda e, a, b: np.sqrt(  # noqa: E731
        np.mean((e / (method.atol + method.rtol * np.maximum(abs(a), abs(b)))) ** 2)
    )
    first = slope(0, z)
    h = min(max(0.01 * rms(z, z, z) / rms(first, z, z), 1e-6), 0.1)
    errors, time, n_steps = [1.0, 1.0], 0.0, 0
    least = method.steady_tol * np.linalg.norm(first)
    while time < method.max_time * (1 - 1e-12) and np.linalg.norm(slope(0, z)) > least:
        h = min(h, method.max_time - time)
        k = []
        for row in pair.stages:
            k.append(slope(0, z + h * sum((a * f for a, f in zip(row, k)), np.zeros_like(z))))
        new = z + h * sum(b * f for b, f in zip(pair.weights, k))
        error = rms(h * sum(e * f for e, f in zip(pair.error_weights, k)), z, new)
        recent = np.array([[error], *([e] for e in errors)])
        factor = step_factors(pair.order, method.controller, recent)[0]
        if error <= 1:
            z, time, errors, n_steps = new, time + h, [error, errors[0]], n_steps + 1
        h *= factor
    return z, n_steps


@pytest.mark.covering(1)
@pytest.mark.parametrize("controller", [(0.0, 1.0, 0.0), (0.4, 0.3, 0.0), (0.2, 0.3, 0.1)])
@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_samples_are_integrated_separately(pair, controller, problem, tolerance):
    """Against a loop over the samples: each has its own accepted and rejected steps and end."""
    net, X, Y = problem
    method = GradientFlow(
        pair, rtol=1e-3, atol=1e-4, max_time=30.0, steady_tol=0.03, controller=controller
    )
    scales = np.array([0.01, 0.1, 1, 1, 3, 10])[:, None]  # so that they end at different times
    result = pcnet.infer(net, X, scales * Y, method=method)
    alone = [integrate_alone(net, X[i : i + 1], scales[i] * Y[i : i + 1], method) for i in range(6)]
    assert list(result.n_steps) == [n for _, n in alone]
    assert len(set(result.n_steps)) > 2
    expected = np.array([z for z, _ in alone])
    assert relative_error(hidden(result), expected) <= tolerance("float64", "inference")


@pytest.mark.parametrize("loss", LOSSES)
def test_objectives(loss):
    """The flow of the energy with its loss, precision and decay."""
    net = make_network(SIZES, "silu")
    X, Y = make_batch(net, 3, loss)
    options = {"loss": loss, "output_precision": 0.4, "activity_decay": 0.2}
    method = GradientFlow(
        "dormand_prince", rtol=1e-9, atol=1e-9, max_time=TIME, max_steps=5000, steady_tol=0
    )
    result = pcnet.infer(net, X, Y, method, **options)
    np.testing.assert_allclose(hidden(result), exact(net, X, Y, **options), atol=1e-8)
    energies = net.energy(X, Y, result.activities, **options).sum()
    energies += 0.5 * 0.2 * np.sum(hidden(result) ** 2) / len(X)
    assert result.energy.mean() == pytest.approx(energies, rel=1e-12)
    assert result.energy_trace[-1] == pytest.approx(energies, rel=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "silu", "gelu"])
def test_small_steps_never_raise_the_energy(activation):
    net = make_network((4, 6, 6, 6, 6, 3), activation)
    X, Y = make_batch(net, 9)
    result = pcnet.infer(net, X, Y, GradientFlow(step=0.1, max_time=10))
    assert np.all(np.diff(result.energy_trace) < 0)


@pytest.mark.parametrize("pair", PAIR_NAMES)
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_linear_nets_reach_the_closed_form(pair, decay, tolerance):
    net = make_network((4, 6, 6, 5, 3), "identity")
    X, Y = make_batch(net, 9)
    method = GradientFlow(pair, step=0.25, max_time=1e5, max_steps=20000, steady_tol=1e-9)
    result = pcnet.infer(net, X, Y, method, activity_decay=decay)
    assert np.all(result.converged)
    z = closed_forms.equilibrium(net, X, Y, 1.0, decay)
    error = relative_error(result.activities[: len(z)], z)
    assert error <= tolerance("float64", "equilibrium_activities")


@pytest.mark.parametrize("tol", [1e-4, 1e-6])
@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_adaptive_steps_reach_the_closed_form_to_their_tolerance(pair, tol):
    net = make_network((4, 6, 6, 5, 3), "identity")
    X, Y = make_batch(net, 9)
    method = GradientFlow(pair, rtol=tol, atol=tol, max_time=300, max_steps=20000, steady_tol=0)
    result = pcnet.infer(net, X, Y, method)
    z = closed_forms.equilibrium(net, X, Y)
    assert relative_error(result.activities[: len(z)], z) <= 20 * tol


@pytest.mark.parametrize("pair", PAIR_NAMES)
def test_converged_means_the_steady_state_test(pair):
    """Converged samples meet the test, the others do not; both report steps and passes."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20)
    result = pcnet.infer(net, X, Y, GradientFlow(pair, max_time=6.0, steady_tol=0.08))
    z = net.forward(X)[:-1]
    start, now = (
        np.linalg.norm(np.hstack(net.activity_gradients(X, Y, z)), axis=1)
        for z in (z, result.activities)
    )
    assert np.array_equal(result.converged, now <= 0.08 * start * (1 + 1e-12))
    assert 0 < result.converged.sum() < len(X)
    assert set(result.status[~result.converged]) == {0}


def test_stopped_samples_need_no_further_passes():
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20)
    mixed = pcnet.infer(net, X, Y, GradientFlow(max_time=50, steady_tol=0.05))
    for i in (0, 7, 19):
        alone = pcnet.infer(net, X[[i]], Y[[i]], GradientFlow(max_time=50, steady_tol=0.05))
        assert alone.n_passes[0] == mixed.n_passes[i]
        assert alone.n_steps[0] == mixed.n_steps[i]
        assert alone.energy[0] == pytest.approx(mixed.energy[i], rel=1e-12)


def test_limits_of_steps_and_time():
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 5)
    result = pcnet.infer(net, X, Y, GradientFlow(max_steps=3, steady_tol=0))
    assert list(result.n_steps) == [3] * 5
    assert result.energy_trace.shape == (4,)
    at_rest = pcnet.infer(net, X, Y, GradientFlow(max_steps=0))
    assert relative_error(at_rest.activities, net.forward(X)) == 0
    fixed = pcnet.infer(net, X, Y, GradientFlow(step=0.3, max_time=1.0, steady_tol=0))
    assert list(fixed.n_steps) == [4] * 5  # the last one shorter
    assert list(fixed.n_passes) == [1 + 4 * 2 + 0.5] * 5


def test_steps_below_rounding_stop_the_sample():
    """A tolerance that float32 cannot reach stops the sample instead of an endless loop."""
    net = make_network(SIZES, "tanh", dtype=np.float32)
    X, Y = make_batch(net, 5)
    result = pcnet.infer(net, X, 100 * Y, GradientFlow(rtol=1e-14, atol=1e-14))
    assert set(result.status) <= {0, 1, 3}
    assert np.all(np.isfinite(result.energy))


def test_a_step_beyond_stability_is_an_error():
    net = make_network((4, 6, 6, 3), "identity", parameterization="sp")
    X, Y = make_batch(net, 5)
    with pytest.raises(FloatingPointError, match="rate"):
        pcnet.infer(net, X, Y, GradientFlow(step=50.0, max_time=50_000.0, steady_tol=0))


def test_network_without_hidden_layers():
    net = make_network((4, 3), "tanh")
    X, Y = make_batch(net, 5)
    result = pcnet.infer(net, X, Y, GradientFlow())
    assert np.all(result.converged)
    assert np.all(result.n_steps == 0)


def test_same_equilibrium_as_error_descent():
    net = make_network((4, *(8,) * 6, 3), "tanh")
    X, Y = make_batch(net, 9)
    method = GradientFlow(
        "bogacki_shampine", step=0.3, max_time=1e4, max_steps=9000, steady_tol=1e-8
    )
    by_flow = pcnet.infer(net, X, Y, method)
    by_error = pcnet.infer(net, X, Y, ErrorDescent(500, 1e-8, 0))
    np.testing.assert_allclose(by_flow.energy, by_error.energy, rtol=1e-9)


def test_factors_of_the_step():
    """Elementary control: 0.9 r^(-1/order), within bounds; a failed step never grows."""
    errors = np.array([[0.01, 1.0, 4.0, 1e9, 0.0, np.inf], [1.0] * 6, [1.0] * 6])
    factors = step_factors(2, (0, 1, 0), errors)
    np.testing.assert_allclose(factors, [9.0, 0.9, 0.45, 0.2, 10.0, 0.2])
    by_hand = 0.9 * 0.5 ** -(0.6 / 2) * 0.25 ** ((0.4 + 0.2) / 2) * 0.7 ** -(0.1 / 2)
    recent = np.array([[0.5], [0.25], [0.7]])
    assert step_factors(2, (0.4, 0.1, 0.1), recent)[0] == pytest.approx(by_hand)
    assert step_factors(2, (0.0, 0.1, 0.9), np.array([[1.01], [100.0], [1e-9]]))[0] <= 0.9


@pytest.mark.parametrize("n_samples", [1, 4, 16])
def test_time_of_jpc_is_the_number_of_samples_times_ours(n_samples):
    """jpc integrates the gradient of the batch's mean energy, so its time is n times as long."""
    jpc_time = 20.0
    net = make_network((3, 5, 2), "tanh")
    X, Y = make_batch(net, n_samples)
    shape = net.forward(X)[0].shape

    def slope_of_the_mean(_, z):
        return -np.ravel(net.activity_gradients(X, Y, [z.reshape(shape)])[0]) / n_samples

    start = np.ravel(net.forward(X)[0])
    end = solve_ivp(slope_of_the_mean, (0, jpc_time), start, "DOP853", rtol=1e-11, atol=1e-12)
    method = GradientFlow(
        "dormand_prince", rtol=1e-9, atol=1e-11, max_time=jpc_time / n_samples, steady_tol=0
    )
    result = pcnet.infer(net, X, Y, method)
    found = result.activities[0]
    np.testing.assert_allclose(found, end.y[:, -1].reshape(shape), rtol=1e-6, atol=1e-8)
