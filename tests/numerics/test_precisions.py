"""Precision schedules and learned precisions: loops in NumPy, closed forms, fixed points."""

import numpy as np
import pytest
from sklearn.base import clone

import pcnet
from pcnet._network_core import core_batch
from pcnet.inference import (
    ActivityDescent,
    ErrorDescent,
    ForwardUpdate,
    LearnedPrecision,
    Objective,
    PrecisionDescent,
    learning_gradients,
)
from pcnet.inference._learning import weight_updates
from pcnet.theory import backprop_gradients

from .. import reference
from ..helpers import LOSSES, make_batch, make_network, objective, relative_error

# ------------------------------------------------------------ schedules


def test_spikes_follow_the_signal():
    table = PrecisionDescent(5, schedule="spiking", base=0.25).precisions(4)
    expected = np.full((5, 4), 0.25)
    for step, layer in enumerate((3, 2, 1, 0)):  # the output first
        expected[step, layer] = 1.0
    np.testing.assert_array_equal(table, expected)


def test_decay_starts_when_the_signal_arrives():
    table = PrecisionDescent(6, schedule="decaying", base=0.4).precisions(3)
    for layer in range(3):
        begin = 2 - layer
        np.testing.assert_array_equal(table[:begin, layer], 0.4)
        since = np.arange(6 - begin)
        expected = np.maximum(1 / (1 + np.log(1 + since)), 0.4)
        np.testing.assert_allclose(table[begin:, layer], expected, rtol=1e-15)


def by_hand(net, X, Y, terms, table, rate):
    z = reference.forward(net, X)[:-1]
    energies = [reference.sample_energies(net, X, Y, z, terms).mean()]
    for weights in table.astype(X.dtype):
        e = reference.errors(net, X, Y, z, terms)
        u = [w * a for w, a in zip(weights, e, strict=True)]
        g = [
            u[i] - reference.feedback(net, i + 1, u[i + 1], z[i]) + terms.activity_decay * z[i]
            for i in range(len(z))
        ]
        z = [a - X.dtype.type(rate) * b for a, b in zip(z, g, strict=True)]
        energies.append(reference.sample_energies(net, X, Y, z, terms).mean())
    return z, reference.errors(net, X, Y, z, terms), energies


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("schedule", ["spiking", "decaying", "array"])
def test_descent_against_a_loop(schedule, loss, dtype, tolerance):
    net = make_network((5, 8, 8, 6, 3), "gelu", dtype=dtype)
    X, Y = make_batch(net, 20, loss)
    if schedule == "array":
        schedule = np.random.default_rng(0).random((7, 4))
    method = PrecisionDescent(7, 0.3, schedule, base=0.1)
    terms = objective(loss, 0.6, 0.1)
    result = pcnet.infer(net, X, Y, method, **vars(terms))
    z, errors, energies = by_hand(net, X, Y, terms, method.precisions(4), 0.3)
    close = tolerance(dtype, "inference")
    assert relative_error(result.activities[:-1], z) <= close
    assert relative_error(result.errors, errors) <= close
    np.testing.assert_allclose(result.energy_trace, energies, rtol=10 * close)
    assert result.energy.mean() == pytest.approx(energies[-1], rel=10 * close)
    assert list(result.n_passes) == [7.5] * 20


@pytest.mark.parametrize("schedule", [np.ones((6, 5)), [1, 1, 1, 1, 1]])
def test_precision_one_is_activity_descent(schedule, dtype, tolerance):
    net = make_network((5, 8, 8, 6, 6, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 20)
    by_precision = pcnet.infer(net, X, Y, PrecisionDescent(6, 0.2, schedule))
    plain = pcnet.infer(net, X, Y, ActivityDescent(6, 0.2))
    close = tolerance(dtype, "inference")
    assert relative_error(by_precision.activities, plain.activities) <= close
    assert relative_error(by_precision.errors, plain.errors) <= close


@pytest.mark.parametrize("n_steps", [6, 15])
@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_spikes_from_precision_zero_give_scaled_backpropagation(rate, n_steps, tolerance):
    """Layer l gets (1 - rate) rate^(L - l) times its gradient, the output layer its gradient."""
    net = make_network((5, *(8,) * 5, 3), "identity")
    X, Y = make_batch(net, 20)
    method = ForwardUpdate(PrecisionDescent(n_steps, rate, "spiking", base=0))
    found = learning_gradients(net, X, Y, method)
    by_backprop = backprop_gradients(net, X, Y)
    shares = [(1 - rate) * rate ** (6 - layer) for layer in range(1, 6)] + [1.0]
    for mine, theirs in zip(found, by_backprop, strict=True):
        for a, b, share in zip(mine, theirs, shares, strict=True):
            assert relative_error(a, share * b) <= tolerance("float64", "inference")


@pytest.mark.parametrize("schedule", [[1.0], [1.0] * 3, np.ones((3, 2)), np.ones((20, 3))])
def test_schedules_for_other_networks(schedule):
    net = make_network((4, 6, 3))
    with pytest.raises(ValueError, match=r"schedule must have the shape .*\(20, 2\)"):
        pcnet.infer(net, *make_batch(net, 2), PrecisionDescent(schedule=schedule))


# ------------------------------------------------------------ learned

TIGHT = LearnedPrecision(max_steps=3000, tol=1e-9)


def with_precisions(method, net, seed=0, spread=1.0):
    """Set precisions around 1, as if they had been learned."""
    rng = np.random.default_rng(seed)
    method = clone(method)
    method.precisions_ = [np.exp(spread * rng.standard_normal(n)) for n in net.layer_sizes[1:-1]]
    return method


def energies_with(precisions, net, X, Y, z, terms):
    *e, _ = reference.errors(net, X, Y, z, terms)
    total = 0.5 * sum(np.sum(p * a**2, axis=1) for p, a in zip(precisions, e, strict=True))
    mu = reference.predictions(net, X, z)[-1]
    total = total + terms.output_precision * reference.loss_values(terms.loss, mu, Y)
    return total + 0.5 * terms.activity_decay * sum(np.sum(a**2, axis=1) for a in z)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_linear_nets_end_at_the_least_squares_solution(decay, tolerance):
    """A quadratic in z, solved densely: weighted residuals, one sample at a time."""
    net = make_network((4, 6, 6, 5, 3), "identity")
    X, Y = make_batch(net, 5)
    method = with_precisions(TIGHT, net)
    result = pcnet.infer(net, X, Y, method, output_precision=0.7, activity_decay=decay)
    edges = np.cumsum(net.layer_sizes[1:-1])
    roots = np.sqrt(np.concatenate([*method.precisions_, np.full(3, 0.7)]))

    def residuals(z, x, y):
        e = reference.errors(net, x, y, np.split(z[None], edges[:-1], axis=1), objective())
        return np.concatenate([roots * np.hstack(e)[0], np.sqrt(decay) * z])

    for i in range(5):
        at_zero = residuals(np.zeros(edges[-1]), X[[i]], Y[[i]])
        matrix = np.array([residuals(u, X[[i]], Y[[i]]) - at_zero for u in np.eye(edges[-1])]).T
        z = np.linalg.lstsq(matrix, -at_zero, rcond=None)[0]
        found = np.hstack([a[i] for a in result.activities[:-1]])
        assert relative_error(found, z) <= tolerance("float64", "equilibrium_activities")
        best = 0.5 * np.sum((matrix @ z + at_zero) ** 2)
        assert result.energy[i] == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_equilibria_of_other_nets(loss):
    """The gradient of the weighted energy by the activities is 0; errors and energies are its."""
    net = make_network((4, 8, 8, 8, 3), "gelu")
    X, Y = make_batch(net, 9, loss)
    terms = objective(loss, 0.4, 0.1)
    method = with_precisions(TIGHT, net)
    result = pcnet.infer(net, X, Y, method, **vars(terms))
    z = result.activities[:-1]
    *e, delta = reference.errors(net, X, Y, z, terms)
    weighted = [p * a for p, a in zip(method.precisions_, e, strict=True)]
    assert relative_error(result.errors, [*weighted, delta]) < 1e-9
    gradient = reference.gradients_at_errors(net, z, [*weighted, delta], 0.1)
    assert np.linalg.norm(np.hstack(gradient)) < 1e-6 * np.linalg.norm(np.hstack(weighted))
    expected = energies_with(method.precisions_, net, X, Y, z, terms)
    np.testing.assert_allclose(result.energy, expected, rtol=1e-12)
    assert np.all(np.diff(result.energy_trace) <= 0)
    assert result.energy_trace[-1] == pytest.approx(expected.mean(), rel=1e-12)


def test_weight_gradients_by_finite_differences():
    """At the equilibrium: of the weighted energy itself (the envelope theorem)."""
    net = make_network((4, 6, 6, 3), "tanh")
    X, Y = make_batch(net, 6)
    method, terms = with_precisions(TIGHT, net), objective("squared_error", 0.6)
    weights, _ = learning_gradients(net, X, Y, method, output_precision=0.6)
    rng = np.random.default_rng(0)
    for w, gradient in zip(net.weights, weights, strict=True):
        direction, kept, sides = rng.standard_normal(w.shape), w.copy(), []
        for step in (1e-4, -1e-4):
            w[...] = kept + step * direction
            sides.append(pcnet.infer(net, X, Y, method, **vars(terms)).energy.mean())
        w[...] = kept
        assert (sides[0] - sides[1]) / 2e-4 == pytest.approx(np.sum(gradient * direction), rel=1e-5)


def test_precision_one_is_error_descent(dtype):
    net = make_network((4, 8, 8, 8, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 9)
    # a low output precision, because two methods may reach different minima
    tol = 1e-5 if dtype == np.float64 else 3e-3
    by_precision = pcnet.infer(net, X, Y, LearnedPrecision(500, tol), output_precision=0.2)
    plain = pcnet.infer(net, X, Y, ErrorDescent(500, tol, 0), output_precision=0.2)
    np.testing.assert_allclose(by_precision.energy, plain.energy, rtol=1e-5)
    assert np.all(by_precision.converged)
    assert relative_error(by_precision.errors, plain.errors) < 10 * tol


def learn(method, net, X, Y, n_batches, share=None):
    """The precisions after repeated inference on the same batch with constant weights."""
    share = np.full(len(X), 1 / len(X)) if share is None else share
    batch = core_batch(net, len(X))
    for _ in range(n_batches):
        for _ in weight_updates(method, batch, X, Y, Objective("squared_error", 0.5), share):
            pass
    return method


def mean_squares(method, net, X, Y, share=None):
    result = pcnet.infer(net, X, Y, method, output_precision=0.5)
    errors = zip(result.errors, method.precisions_, strict=False)
    share = np.full(len(X), 1 / len(X)) if share is None else share
    return [share @ (e / p) ** 2 for e, p in errors]


def test_one_step_of_learning():
    """log pi by learning_rate / 2 (1 - pi m), clipped; with shares of the samples."""
    net = make_network((4, 6, 5, 3), "tanh")
    X, Y = make_batch(net, 8)
    share = np.arange(8) / 28
    for normalize in (False, True):
        start = LearnedPrecision(3000, 1e-9, learning_rate=0.3, normalize=normalize)
        start = with_precisions(start, net)
        surprise = np.hstack(
            [p * m for p, m in zip(start.precisions_, mean_squares(start, net, X, Y, share))]
        )
        if normalize:
            surprise /= surprise.mean()
        logs = np.log(np.hstack(start.precisions_))
        logs = logs + 0.15 * np.clip(1 - surprise, -1, 1)
        logs -= logs.mean() if normalize else 0
        learned = np.hstack(learn(start, net, X, Y, 1, share).precisions_)
        np.testing.assert_allclose(learned, np.exp(logs), rtol=1e-7)


def test_fixed_points_of_learning():
    """At the fixed point pi m = 1, or pi is at its bound; normalised: pi m is the same for all."""
    net = make_network((4, 6, 5, 3), "tanh", gamma=0.2)
    X, Y = make_batch(net, 30)
    method = LearnedPrecision(3000, 1e-9, learning_rate=0.5, normalize=False, bounds=(0.5, 4.0))
    method = learn(method.for_training(net, None), net, X, 30 * Y, 60)
    for p, m in zip(method.precisions_, mean_squares(method, net, X, 30 * Y)):
        inside = (p > 0.5) & (p < 4.0)
        np.testing.assert_allclose((p * m)[inside], 1, rtol=1e-2)
        assert np.all((p * m)[p == 4.0] < 1)
        assert np.all((p * m)[p == 0.5] > 1)
    method = LearnedPrecision(3000, 1e-9, learning_rate=0.3, bounds=(1e-6, 1e6))
    method = learn(method.for_training(net, None), net, X, Y, 20)
    logs = np.log(np.hstack(method.precisions_))
    assert abs(logs.mean()) < 1e-12
    assert logs.std() > 0.1


def test_learning_rate_zero_and_bounds():
    net = make_network((4, 6, 5, 3), "tanh")
    X, Y = make_batch(net, 8)
    still = learn(LearnedPrecision(learning_rate=0.0).for_training(net, None), net, X, Y, 5)
    assert all(np.all(p == 1) for p in still.precisions_)
    fast = LearnedPrecision(learning_rate=5.0, bounds=(0.9, 1.2)).for_training(net, None)
    learned = np.hstack(learn(fast, net, X, Y, 20).precisions_)
    assert learned.min() >= 0.9
    assert learned.max() <= 1.2
    assert learned.min() < 1 < learned.max()


def test_nothing_is_learned_outside_of_training():
    net = make_network((4, 6, 5, 3), "tanh")
    X, Y = make_batch(net, 8)
    method = with_precisions(LearnedPrecision(), net)
    before = [p.copy() for p in method.precisions_]
    pcnet.infer(net, X, Y, method)
    learning_gradients(net, X, Y, method)
    learn(method.for_training(net, method), net, X, Y, 3)
    for a, b in zip(before, method.precisions_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_precisions_of_another_network():
    net, other = make_network((4, 6, 5, 3), "tanh"), make_network((4, 6, 6, 3), "tanh")
    method = with_precisions(LearnedPrecision(), other)
    with pytest.raises(ValueError, match="hidden layers of"):
        pcnet.infer(net, *make_batch(net, 8), method)
    anew = method.for_training(net, method)
    assert [list(p) for p in anew.precisions_] == [[1.0] * 6, [1.0] * 5]


def test_a_network_without_hidden_layers():
    net = make_network((4, 3), "tanh")
    X, Y = make_batch(net, 8)
    result = pcnet.infer(net, X, Y, LearnedPrecision())
    assert np.all(result.converged)
    assert learn(LearnedPrecision().for_training(net, None), net, X, Y, 2).precisions_ == []
