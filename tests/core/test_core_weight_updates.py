"""Training with methods that override `weight_updates`: several updates a batch, other states."""

import numpy as np
import pytest

from pcnet._training.trainer import Trainer
from pcnet.inference import (
    ActivityDescent,
    AugmentedLagrangian,
    ErrorDescent,
    ForwardUpdate,
    GradientFlow,
    IncrementalDescent,
    LearnedPrecision,
    Nudged,
    Objective,
    PrecisionDescent,
    WeightUpdate,
    learning_gradients,
)
from pcnet.parameterization import gradient_scales, learning_rate_multipliers
from pcnet.solvers import SGD, Adam

from .. import reference
from ..helpers import make_batch, make_network, relative_error, starts_threads

SIZES = (9, 12, 12, 12, 4)
OBJECTIVE = Objective("logistic", output_precision=0.4, activity_decay=0.03)
RATE, DECAY = 0.02, 0.5
SOLVERS = {
    "adam": Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-6),
    "sgd": SGD(momentum=0.7, nesterov=False),
    "clipped": Adam(clip=1e-3),
}
METHODS = {
    "flow": GradientFlow(max_time=2.0, rtol=1e-2),
    "augmented lagrangian": AugmentedLagrangian(6),
    "incremental": IncrementalDescent(3, 0.2),
    "nudged": Nudged(ErrorDescent(3, 0, 0), 0.2),
    "forward update": ForwardUpdate(ErrorDescent(3, 0, 0)),
    "precision": PrecisionDescent(5),
    "learned precision": LearnedPrecision(4),
}


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS.keys())
def solver(request):
    return request.param


@pytest.fixture(params=METHODS.values(), ids=METHODS.keys())
def method(request):
    return request.param


def train(net, method, solver, batches, **options):
    """A trained copy, the trainer's last report and its number of updates."""
    net = net.copy()
    largest = max(len(X) for X, *_ in batches)
    trainer = Trainer(net, OBJECTIVE, method, solver, largest, feed_forward=False)
    for X, Y, sample_weight in batches:
        report = trainer.step(X, Y, RATE, sample_weight, **options)
    trainer.sync()
    return net, report, trainer.state().n_updates


def make_batches(net, sizes=(40, 40, 17)):
    rng = np.random.default_rng(3)
    return [
        (*make_batch(net, n, "logistic", seed), rng.random(n) + 0.1) for seed, n in enumerate(sizes)
    ]


# ------------------------------------------------------------ incremental


class ReferenceIncremental:
    """Incremental descent in NumPy: a step of inference and a step of Adam alternate."""

    def __init__(self, net, n_steps, rate, solver):
        self.net, self.n_steps, self.rate, self.solver = net.copy(), n_steps, rate, solver
        self.rates = learning_rate_multipliers(net)
        self.scales = gradient_scales(net, OBJECTIVE.output_precision)
        self.moments, self.n_updates = {}, 0

    def batch(self, X, Y, sample_weight):
        z = reference.forward(self.net, X)[:-1]
        for _ in range(self.n_steps):
            g = reference.activity_gradients(self.net, X, Y, z, OBJECTIVE)
            z = [a - self.rate * b for a, b in zip(z, g, strict=True)]
            e = reference.errors(self.net, X, Y, z, OBJECTIVE)
            self._learn(*reference.weight_gradients(self.net, X, e, z, sample_weight))

    def _learn(self, weights, biases):
        self.n_updates += 1
        for kind, values, gradients in (
            ("weights", self.net.weights, weights),
            ("biases", self.net.biases, biases),
        ):
            scales, rates = getattr(self.scales, kind), getattr(self.rates, kind)
            for index, (w, g) in enumerate(zip(values, gradients, strict=True)):
                if kind == "weights":
                    w *= 1 - RATE * DECAY
                m, v = self.moments.get((kind, index), (0.0, 0.0))
                options = {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-6}
                w[...], *self.moments[kind, index] = reference.adam_step(
                    w,
                    g * float(scales[index]),
                    m,
                    v,
                    self.n_updates,
                    RATE * rates[index],
                    **options,
                )


def test_incremental_against_a_loop(tolerance):
    net = make_network(SIZES, "tanh")
    batches = make_batches(net)
    trained, report, n_updates = train(
        net, IncrementalDescent(4, 0.2), SOLVERS["adam"], batches, weight_decay=DECAY
    )
    expected = ReferenceIncremental(net, 4, 0.2, SOLVERS["adam"])
    for batch in batches:
        expected.batch(*batch)
    close = tolerance("float64", "training")
    moved = [a - b for a, b in zip(trained.weights, net.weights, strict=True)]
    expected_moves = [a - b for a, b in zip(expected.net.weights, net.weights, strict=True)]
    assert relative_error(moved, expected_moves) <= close
    assert relative_error(trained.biases, expected.net.biases) <= close
    assert n_updates == expected.n_updates == 12
    assert report.n_steps == 4
    assert report.n_passes == 6  # three half passes a step: gradient, and errors for the weights


def test_one_incremental_step_is_one_step_of_activity_descent(solver, dtype, tolerance):
    net = make_network(SIZES, "gelu", dtype=dtype)
    batches = make_batches(net)
    one, report, _ = train(net, IncrementalDescent(1, 0.3), solver, batches)
    plain, expected, _ = train(net, ActivityDescent(1, 0.3), solver, batches)
    close = tolerance(dtype, "training")
    assert relative_error(one.weights, plain.weights) <= close
    assert relative_error(one.biases, plain.biases) <= close
    assert report.energy == pytest.approx(expected.energy, rel=10 * close)
    assert report.loss == pytest.approx(expected.loss, rel=10 * close)


# ------------------------------------------------------------ every method


def test_sgd_moves_by_the_learning_gradients(method, tolerance):
    """A plain step adds - rate times the scaled gradients of `learning_gradients`."""
    if isinstance(method, IncrementalDescent):
        method = IncrementalDescent(1, 0.2)  # its later updates use changed weights
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 30, "logistic")
    plain = SGD(momentum=0.0, nesterov=False)
    trained, _, n_updates = train(net, method, plain, [(X, Y, None)])
    weights, biases = learning_gradients(net, X, Y, method, **vars(OBJECTIVE))
    rates, scales = learning_rate_multipliers(net), gradient_scales(net, 0.4)
    assert n_updates == 1
    for kind, gradients in (("weights", weights), ("biases", biases)):
        factors = [
            -RATE * r * s for r, s in zip(getattr(rates, kind), getattr(scales, kind), strict=True)
        ]
        moves = [a - b for a, b in zip(getattr(trained, kind), getattr(net, kind), strict=True)]
        expected = [f * g for f, g in zip(factors, gradients, strict=True)]
        assert relative_error(moves, expected) <= tolerance("float64", "training")


def test_samples_of_weight_zero_do_not_count(method, solver, tolerance):
    net = make_network(SIZES, "gelu")
    X, Y = make_batch(net, 40, "logistic")
    sample_weight = np.r_[np.full(25, 2.0), np.zeros(15)]
    weighted, *_ = train(net, method, solver, [(X, Y, sample_weight)] * 2)
    alone, *_ = train(net, method, solver, [(X[:25], Y[:25], None)] * 2)
    assert relative_error(weighted.weights, alone.weights) <= tolerance("float64", "training")
    assert relative_error(weighted.biases, alone.biases) <= tolerance("float64", "training")


def test_a_weight_of_two_is_a_sample_twice(method, tolerance):
    net = make_network(SIZES, "gelu")
    X, Y = make_batch(net, 20, "logistic")
    weighted, *_ = train(net, method, SOLVERS["sgd"], [(X, Y, np.r_[2.0, np.ones(19)])] * 2)
    rows = np.r_[0, np.arange(20)]
    twice, *_ = train(net, method, SOLVERS["sgd"], [(X[rows], Y[rows], None)] * 2)
    assert relative_error(weighted.weights, twice.weights) <= tolerance("float64", "training")


@pytest.mark.covering(1)
def test_same_bits_over_threads(method, dtype, threads):
    net = make_network((20, 384, 384, 384, 50, 10), "relu", dtype=dtype)
    assert starts_threads(net.layer_sizes, 65)
    batches = make_batches(net, (65, 17))
    results = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            trained, report, _ = train(net, method, SOLVERS["adam"], batches)
        results.append((*trained.weights, *trained.biases, np.array(report)))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


def test_inputs_stay_unchanged(method, dtype):
    net = make_network(SIZES, "gelu", dtype=dtype)
    X, Y, sample_weight = make_batches(net)[0]
    kept = X.copy(), Y.copy(), sample_weight.copy()
    for array in (X, Y, sample_weight):
        array.flags.writeable = False
    train(net, method, SOLVERS["adam"], [(X, Y, sample_weight)] * 2)
    for before, after in zip(kept, (X, Y, sample_weight), strict=True):
        assert np.array_equal(before, after)


def test_a_smaller_batch_after_a_larger_one(method, tolerance):
    """Values of the larger batch in the unused rows have no effect."""
    net = make_network(SIZES, "gelu")
    large, *_, small = make_batches(net)
    still = SGD(momentum=0.0, nesterov=False)
    trainer = Trainer(net.copy(), OBJECTIVE, method, still, 40)
    trainer.step(*large[:2], 0.0)
    after = trainer.step(*small[:2], 0.0)
    fresh = Trainer(net.copy(), OBJECTIVE, method, still, 40)
    if isinstance(method, LearnedPrecision):  # the first batch has changed the weights
        fresh.step(*large[:2], 0.0)
    alone = fresh.step(*small[:2], 0.0)
    np.testing.assert_allclose(after, alone, rtol=1e-12)


def test_divergence_leaves_finite_weights(method, solver):
    net = make_network(SIZES, "identity")
    trainer = Trainer(net, Objective("squared_error"), method, solver, 40)
    X, Y = make_batch(net, 40)

    def diverge():
        for _ in range(400):
            trainer.step(X, Y, 1e30)

    with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        diverge()
    trainer.sync()
    assert all(np.isfinite(w).all() for w in net.weights + net.biases)


# ------------------------------------------------------------ methods of users


class Twice(ErrorDescent):
    """Two weight updates from one state, the second from the first half of the samples only."""

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        self.run(batch, X, Y, objective)
        yield None
        half = len(X) // 2
        yield WeightUpdate(X[:half], 2 * sample_weight[:half])


def test_user_defined_method(tolerance):
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 30, "logistic")
    plain = SGD(momentum=0.0, nesterov=False)
    options = {"max_steps": 3, "tol": 0, "energy_tol": 0}
    trained, _, n_updates = train(net, Twice(**options), plain, [(X, Y, None)])
    assert n_updates == 2
    end = reference.error_descent(net, X, Y, OBJECTIVE, **options)
    scales, rates = gradient_scales(net, 0.4).weights, learning_rate_multipliers(net).weights
    whole, _ = reference.weight_gradients(net, X, end.errors, end.activities)
    half, _ = reference.weight_gradients(
        net, X[:15], [e[:15] for e in end.errors], [z[:15] for z in end.activities]
    )
    expected = [
        -RATE * r * s * (a + b) for r, s, a, b in zip(rates, scales, whole, half, strict=True)
    ]
    moves = [a - b for a, b in zip(trained.weights, net.weights, strict=True)]
    assert relative_error(moves, expected) <= tolerance("float64", "training")
    by_hand = [a + b for a, b in zip(whole, half, strict=True)]
    found, _ = learning_gradients(net, X, Y, Twice(**options), **vars(OBJECTIVE))
    assert relative_error(found, by_hand) <= tolerance("float64", "training")
