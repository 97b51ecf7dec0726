"""Training steps (inference, gradients and solver updates) against the reference."""

import numpy as np
import pytest

from pcnet._core import binding
from pcnet._network_core import core_batch
from pcnet._training.trainer import Trainer
from pcnet.inference import ActivityDescent, ErrorDescent, Objective
from pcnet.parameterization import gradient_scales, learning_rate_multipliers
from pcnet.solvers import SGD, Adam

from .. import reference
from ..helpers import make_batch, make_network, relative_error, solver_step, starts_threads

SOLVERS = {
    "adam": Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-6),
    "sgd": SGD(momentum=0.7, nesterov=False),
    "nesterov": SGD(momentum=0.7, nesterov=True),
    "plain": SGD(momentum=0.0, nesterov=False),
}
METHOD = ErrorDescent(max_steps=2, tol=0.0, energy_tol=0.0)
OBJECTIVE = Objective("logistic", output_precision=0.4, activity_decay=0.03)
LEARNING_RATE = 0.02
WEIGHT_DECAY = 0.5
BATCHES = (65, 65, 17)  # two tiles and a sample; a shorter last batch


@pytest.fixture(params=SOLVERS.values(), ids=SOLVERS.keys())
def solver(request):
    return request.param


def make_batches(net, weighted=False):
    rng = np.random.default_rng(7)
    for seed, n in enumerate(BATCHES):
        sample_weight = rng.random(n) + 0.1 if weighted else None
        yield *make_batch(net, n, "logistic", seed), sample_weight


def train(net, solver, batches, method=METHOD, objective=OBJECTIVE):
    """The network after these batches, and the reports."""
    net = net.copy()
    trainer = Trainer(net, objective, method, solver, max(BATCHES), feed_forward=False)
    reports = [
        trainer.step(X, Y, LEARNING_RATE, sample_weight=s, weight_decay=WEIGHT_DECAY)
        for X, Y, s in batches
    ]
    trainer.sync()
    return net, reports


def reference_step(solver, values, gradient, moments, n_updates, rate):
    """One update by the reference: the new values, then the new moments.

    Clipping uses the gradients of all layers and is applied before.
    """
    options = {name: value for name, value in solver.get_params().items() if name != "clip"}
    if isinstance(solver, Adam):
        return reference.adam_step(values, gradient, *moments, n_updates, rate, **options)
    return reference.sgd_step(values, gradient, *moments, rate, **options)


class ReferenceTrainer:
    """The same steps with the reference's kernels."""

    def __init__(self, net, solver):
        self.net = net.copy()
        self.solver = solver
        self.n_updates = 0
        self.rates = learning_rate_multipliers(net)
        self.scales = gradient_scales(net, OBJECTIVE.output_precision)
        self.memory = {}

    def step(self, X, Y, sample_weight):
        end = reference.error_descent(self.net, X, Y, OBJECTIVE, **METHOD.get_params())
        by_weight, by_bias = reference.weight_gradients(
            self.net, X, end.errors, end.activities, sample_weight
        )
        self.n_updates += 1
        shrink = 1 - LEARNING_RATE * WEIGHT_DECAY
        by_weight = [g * float(s) for g, s in zip(by_weight, self.scales.weights, strict=True)]
        by_bias = [g * float(s) for g, s in zip(by_bias, self.scales.biases, strict=True)]
        factor = self._clip(by_weight + (by_bias if self.net.biases is not None else []))
        for index, w in enumerate(self.net.weights):
            w *= shrink
            self._update("weights", index, w, factor * by_weight[index])
            if self.net.biases is not None:
                self._update("biases", index, self.net.biases[index], factor * by_bias[index])
        return end

    def _clip(self, gradients):
        flat = np.concatenate([g.ravel() for g in gradients]).astype(np.float64)
        self.size = float(np.sqrt(np.mean(flat**2)))
        clip = np.inf if self.solver.clip is None else self.solver.clip
        return min(1.0, clip / self.size)

    def _update(self, kind, index, values, gradient):
        rate = LEARNING_RATE * float(getattr(self.rates, kind)[index])
        moments = self.memory.get((kind, index), [np.zeros_like(values)] * self.solver.n_moments)
        new, *moments = reference_step(self.solver, values, gradient, moments, self.n_updates, rate)
        self.memory[kind, index] = moments
        values[...] = new


@pytest.mark.covering(1)  # a solver's step does not depend on the layer's shape
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
def test_training_steps_against_the_reference(
    solver, bias, weighted, layer_sizes, dtype, tolerance
):
    net = make_network(layer_sizes, "tanh", bias=bias, gamma=0.8, dtype=dtype)
    trained, _ = train(net, solver, make_batches(net, weighted))
    expected = ReferenceTrainer(net, solver)
    for X, Y, sample_weight in make_batches(net, weighted):
        expected.step(X, Y, sample_weight)
    close = tolerance(dtype, "training")
    moved = [a - b for a, b in zip(trained.weights, net.weights, strict=True)]
    expected_moves = [a - b for a, b in zip(expected.net.weights, net.weights, strict=True)]
    assert relative_error(moved, expected_moves) <= close
    if bias:
        assert relative_error(trained.biases, expected.net.biases) <= close


def test_step_reports_against_the_reference(dtype, tolerance):
    """The report of a step has the reference's values: weighted means over the samples."""
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    (X, Y, sample_weight), *_ = make_batches(net, weighted=True)
    _, (report,) = train(net, SOLVERS["adam"], [(X, Y, sample_weight)])
    end = ReferenceTrainer(net, SOLVERS["adam"]).step(X, Y, sample_weight)
    share = sample_weight / sample_weight.sum()
    close = tolerance(dtype, "inference")
    loss = share @ reference.loss_values("logistic", reference.forward(net, X)[-1], Y)
    assert report.n_samples == len(X)
    assert report.loss == pytest.approx(loss, rel=close)
    assert report.energy == pytest.approx(share @ end.energy, rel=close)
    assert report.n_steps == 2
    assert report.n_passes == np.mean(end.n_passes)
    assert report.converged == 0
    assert report.ended == 0


@pytest.mark.parametrize("method", [METHOD, ActivityDescent(n_steps=5, rate=0.2)])
def test_samples_of_weight_zero_do_not_count(method, solver, tolerance):
    net = make_network((9, 12, 12, 12, 4), "gelu")
    X, Y = make_batch(net, 40, "logistic")
    sample_weight = np.r_[np.full(25, 2.0), np.zeros(15)]
    weighted, _ = train(net, solver, [(X, Y, sample_weight)], method)
    alone, _ = train(net, solver, [(X[:25], Y[:25], None)], method)
    assert relative_error(weighted.weights, alone.weights) <= tolerance("float64", "inference")
    assert relative_error(weighted.biases, alone.biases) <= tolerance("float64", "inference")


@pytest.mark.parametrize("method", [METHOD, ActivityDescent(n_steps=5, rate=0.2)])
def test_same_bits_over_threads(method, solver, dtype, threads):
    net = make_network((20, 384, 384, 384, 50, 10), "relu", dtype=dtype)
    assert starts_threads(net.layer_sizes, max(BATCHES))
    results = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            trained, reports = train(net, solver, make_batches(net), method)
        results.append((*trained.weights, *trained.biases, np.array(reports)))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert a.tobytes() == b.tobytes()


def test_state_continues_the_same_run(solver, dtype):
    """Three steps of one trainer equal one step, then two of another with the first one's state."""
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    batches = list(make_batches(net))
    whole, _ = train(net, solver, batches)
    parts, state = net.copy(), None
    for X, Y, _ in batches:
        trainer = Trainer(
            parts, OBJECTIVE, METHOD, solver, max(BATCHES), state=state, feed_forward=False
        )
        trainer.step(X, Y, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        trainer.sync()
        state = trainer.release()
    assert state.n_updates == 3
    for a, b in zip(whole.weights + whole.biases, parts.weights + parts.biases, strict=True):
        assert np.array_equal(a, b)


def test_inputs_stay_unchanged(solver, dtype):
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    X, Y, sample_weight = next(make_batches(net, weighted=True))
    kept = X.copy(), Y.copy(), sample_weight.copy()
    for array in (X, Y, sample_weight):
        array.flags.writeable = False
    train(net, solver, [(X, Y, sample_weight)])
    for before, after in zip(kept, (X, Y, sample_weight), strict=True):
        assert np.array_equal(before, after)


def test_divergence_leaves_finite_weights(solver, dtype):
    """A far too large rate is an error that names divergence, and the weights stay finite."""
    net = make_network((9, 12, 12, 12, 4), "identity", dtype=dtype)
    trainer = Trainer(net, Objective("squared_error"), METHOD, solver, max(BATCHES))
    X, Y = make_batch(net, 40)

    def diverge():
        for _ in range(100):
            trainer.step(X, Y, float(np.sqrt(np.finfo(dtype).max)))

    with pytest.raises(FloatingPointError, match="learning rate"):
        diverge()
    trainer.sync()
    assert all(np.all(np.isfinite(w)) for w in net.weights + net.biases)


def test_overflow_of_one_step_leaves_finite_weights(solver, dtype):
    """The gradient is finite, the step is not: the error names the layer, weights stay finite."""
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    trainer = Trainer(net, OBJECTIVE, METHOD, solver, max(BATCHES))
    X, Y = make_batch(net, 40, "logistic")
    with pytest.raises(FloatingPointError, match=r"layer [1-4] "):
        trainer.step(X, 1000 * Y, float(np.finfo(dtype).max) / 10)
    trainer.sync()
    assert all(np.all(np.isfinite(w)) for w in net.weights + net.biases)


@pytest.mark.parametrize("n", [1, 7, 16, 33, 1000])
def test_solver_kernels(solver, n, dtype, tolerance):
    """Weights (1, n) with a given gradient: three updates, lengths around the vectors' length."""
    rng = np.random.default_rng(n)
    moments = np.zeros((solver.n_moments, 1, n), dtype)
    state = [rng.standard_normal((1, n)).astype(dtype), *moments]
    expected = [a.copy() for a in state]
    for n_updates in (1, 2, 3):
        gradient = rng.standard_normal((1, n)).astype(dtype)
        state = solver_step(solver.core_options(dtype), n_updates, 0.1, gradient, *state)
        w, *moments = expected
        expected = reference_step(solver, w, gradient, moments, n_updates, 0.1)
        for actual, array in zip(state, expected, strict=True):
            assert relative_error(actual, array) <= tolerance(dtype, "reference")


CLIPPED = {
    "adam": Adam(beta_1=0.8, beta_2=0.95, epsilon=1e-6, clip=0.005),
    "sgd": SGD(momentum=0.7, nesterov=False, clip=0.005),
    "nesterov": SGD(momentum=0.7, clip=0.005),
}


@pytest.mark.covering(1)
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
@pytest.mark.parametrize("solver", CLIPPED.values(), ids=CLIPPED.keys())
def test_clipped_steps(solver, bias, layer_sizes, dtype, tolerance):
    net = make_network(layer_sizes, "tanh", bias=bias, gamma=0.8, dtype=dtype)
    trained, _ = train(net, solver, make_batches(net, weighted=True))
    expected = ReferenceTrainer(net, solver)
    for X, Y, sample_weight in make_batches(net, weighted=True):
        expected.step(X, Y, sample_weight)
        assert expected.size > 0.005  # clipping has an effect
    moved = [a - b for a, b in zip(trained.weights, net.weights, strict=True)]
    expected_moves = [a - b for a, b in zip(expected.net.weights, net.weights, strict=True)]
    assert relative_error(moved, expected_moves) <= tolerance(dtype, "training")


def test_clipped_gradient_has_the_given_root_mean_square(dtype):
    """In plain gradient descent without decay, the step divided by the rate is the gradient."""
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    (X, Y), clip = make_batch(net, 40, "logistic"), 0.02
    before = net.copy()
    plain = SGD(momentum=0.0, nesterov=False, clip=clip)
    trainer = Trainer(net, OBJECTIVE, METHOD, plain, 40, feed_forward=False)
    trainer.step(X, Y, 1.0)
    trainer.sync()
    rates = learning_rate_multipliers(net)
    moved = [(a - b) / r for a, b, r in zip(net.weights, before.weights, rates[0], strict=True)]
    moved += [(a - b) / r for a, b, r in zip(net.biases, before.biases, rates[1], strict=True)]
    flat = np.concatenate([m.ravel() for m in moved])
    assert np.sqrt(np.mean(flat**2)) == pytest.approx(
        clip, rel=1e-9 if dtype == "float64" else 1e-4
    )


@pytest.mark.parametrize("Solver", [Adam, SGD])
def test_clip_above_the_gradient_changes_no_bit(Solver, dtype):
    net = make_network((9, 12, 12, 12, 4), "gelu", dtype=dtype)
    free, bounded = (train(net, Solver(clip=c), make_batches(net))[0] for c in (None, 1e6))
    for a, b in zip(free.weights + free.biases, bounded.weights + bounded.biases, strict=True):
        assert np.array_equal(a, b)


def test_clipping_same_bits_over_threads(dtype, threads):
    net = make_network((20, 384, 384, 384, 50, 10), "relu", dtype=dtype)
    results = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            trained, _ = train(net, CLIPPED["adam"], make_batches(net))
        results.append([w.tobytes() for w in trained.weights + trained.biases])
    assert results[0] == results[1] == results[2]


def test_clipping_reports_gradients_that_are_not_finite():
    """A gradient that is not finite is an error that names the layer; it is not clipped to 0."""
    net = make_network((9, 12, 4), "identity", parameterization="sp", dtype=np.float32)
    net.weights[0][:] = 0  # such inputs leave the activities finite, but not this gradient
    trainer = Trainer(net, OBJECTIVE, METHOD, SGD(clip=1.0), max(BATCHES))
    X, Y = make_batch(net, 40, "logistic")
    with pytest.raises(FloatingPointError, match=r"layer 1 "):
        trainer.step(np.full_like(X, 3e38), 1e6 * Y, 0.1)
    trainer.sync()
    assert all(np.all(np.isfinite(w)) for w in net.weights + net.biases)


@pytest.mark.covering(1)
@pytest.mark.parametrize("weighted", [False, True], ids=["equal", "weighted"])
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
def test_square_of_the_gradient(bias, weighted, layer_sizes, dtype, tolerance, threads):
    """The reference's gradients times the update's scales; same bits for any number of threads."""
    net = make_network(layer_sizes, "tanh", bias=bias, gamma=0.8, dtype=dtype)
    X, Y = make_batch(net, 65, "logistic")
    share = np.arange(65.0) % 4 if weighted else np.ones(65)
    share /= share.sum()
    rng = np.random.default_rng(0)
    scales = rng.random((2, net.n_layers)) + 0.5
    update = binding.Update("sgd", 0.0)
    update.set_rates(*scales, scales[0] * net.scales, scales[1])
    squares = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            batch = core_batch(net, len(X))
            METHOD.run(batch, X, Y, OBJECTIVE)
            squares.append(batch.gradient_square(update, X, share))
    end = reference.error_descent(net, X, Y, OBJECTIVE, **METHOD.get_params())
    by_weight, by_bias = reference.weight_gradients(net, X, end.errors, end.activities, share)
    expected = sum(s**2 * np.sum(np.square(g, dtype=float)) for s, g in zip(scales[0], by_weight))
    if bias:
        expected += sum(
            s**2 * np.sum(np.square(g, dtype=float)) for s, g in zip(scales[1], by_bias)
        )
    assert squares[0] == squares[1] == squares[2]
    assert squares[0] == pytest.approx(expected, rel=2 * tolerance(dtype, "inference"))


def test_square_of_large_gradients_does_not_overflow():
    """1e25 fits into float32, its square does not."""
    net = make_network((9, 4), "identity", parameterization="sp", dtype=np.float32)
    X, Y = make_batch(net, 5)
    batch = core_batch(net, 5)
    METHOD.run(batch, X, 1e25 * Y, Objective("squared_error", 1e-3))
    update = binding.Update("sgd", 0.0)
    update.set_rates([1.0], [1.0], net.scales, [1.0])
    gradients = batch.weight_gradients(X, np.full(5, 0.2))
    expected = sum(
        np.sum(np.square(g, dtype=float)) for g in (*gradients[0], *(gradients[1] or []))
    )
    assert expected > 1e40
    assert batch.gradient_square(update, X, np.full(5, 0.2)) == pytest.approx(expected, rel=1e-6)
