"""Oracle: what minibatches and the stopping rule are defined to do, on scripted numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from pcnet._fitting import Minibatches, StoppingRule, TrainingLoop, split_rows
from pcnet._schedules import Schedule
from pcnet._targets import ClassTargets, MatrixTargets


def batches_of(n, batch_size, *, rows=None, shuffle=True, weight=None, seed=0):
    X = np.arange(2.0 * n).reshape(n, 2)
    targets = MatrixTargets(np.arange(n, dtype=float)[:, None])
    batches = Minibatches(X, targets, weight, rows, batch_size, shuffle)
    taken = [
        (x.copy(), y.copy(), None if w is None else w.copy())
        for x, y, w in batches.epoch(np.random.RandomState(seed))
    ]
    return batches, taken


@pytest.mark.parametrize("n, batch_size", [(1, 1), (5, 2), (64, 64), (65, 64), (100, 33), (7, 99)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_once_in_even_batches(n, batch_size, shuffle):
    batches, taken = batches_of(n, batch_size, shuffle=shuffle)
    sizes = [len(x) for x, _, _ in taken]
    assert len(sizes) == batches.n_batches == -(-n // min(batch_size, n))
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    rows = np.concatenate([y[:, 0] for _, y, _ in taken])
    np.testing.assert_array_equal(np.sort(rows), np.arange(n))
    X = np.concatenate([x for x, _, _ in taken])
    np.testing.assert_array_equal(X[:, 0], 2 * rows)
    if not shuffle:
        np.testing.assert_array_equal(rows, np.arange(n))


@pytest.mark.parametrize("shuffle", [True, False])
def test_only_the_chosen_rows_with_their_weights(shuffle):
    rows = np.array([1, 4, 6, 7])
    weight = np.arange(10.0)
    _, taken = batches_of(10, 3, rows=rows, shuffle=shuffle, weight=weight)
    visited = np.concatenate([y[:, 0] for _, y, _ in taken])
    np.testing.assert_array_equal(np.sort(visited), rows)
    np.testing.assert_array_equal(np.concatenate([w for _, _, w in taken]), visited)


def test_each_epoch_has_another_order_and_the_seed_decides():
    batches, taken = batches_of(50, 50)
    _, again = batches_of(50, 50)
    np.testing.assert_array_equal(taken[0][0], again[0][0])
    rng = np.random.RandomState(0)
    first, second = (next(batches.epoch(rng))[1].copy() for _ in range(2))
    assert not np.array_equal(first, second)


def test_batches_in_order_are_views():
    X = np.zeros((10, 3))
    batches = Minibatches(X, MatrixTargets(np.zeros((10, 1))), None, None, 4, False)
    for x, y, _ in batches.epoch(None):
        assert np.shares_memory(x, X)
        assert x.flags.c_contiguous
        assert y.flags.c_contiguous


def test_class_targets_are_one_hot():
    targets = ClassTargets(np.array([2, 0, 1, 2]), 3)
    out = np.full((2, 3), 7.0, dtype=np.float32)
    np.testing.assert_array_equal(targets.batch(np.array([3, 1]), out), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(targets.batch(slice(1, 3), out), [[1, 0, 0], [0, 1, 0]])


def network():
    return SimpleNamespace(weights=[np.zeros((2, 2))], biases=None)


def plateaus(losses, *, tol, n_iter_no_change):
    rule = StoppingRule(SimpleNamespace(network=network()), tol, n_iter_no_change)
    stopped = []
    for loss in losses:
        rule.end_epoch(loss)
        stopped.append(rule.reached_plateau())
    return stopped


def test_plateau_needs_more_than_n_iter_no_change_epochs():
    losses = [1.0, 0.95, 0.95, 0.95, 0.5, 0.5, 0.5, 0.5]
    assert plateaus(losses, tol=0.1, n_iter_no_change=3) == [False] * 8
    assert plateaus(losses, tol=0.1, n_iter_no_change=2) == [*[False] * 3, True, *[False] * 3, True]


def test_progress_is_measured_from_the_best_and_may_be_exactly_tol():
    assert plateaus([1.0, 0.5, 0.0], tol=0.5, n_iter_no_change=1) == [False] * 3
    assert plateaus([1.0, 5.0, 0.9], tol=0.25, n_iter_no_change=1) == [False, False, True]


def test_infinite_patience_and_nan():
    assert not any(plateaus([1.0] * 50, tol=1.0, n_iter_no_change=np.inf))
    assert plateaus([np.nan] * 3, tol=0.0, n_iter_no_change=1) == [False, True, False]


def test_best_scored_weights_come_back():
    net = network()
    trainer = SimpleNamespace(network=net, output=None)
    scores = iter([0.1, 0.7, 0.7, 0.3])
    rule = StoppingRule(trainer, 0.0, 10, score=lambda outputs: next(scores))
    weights = net.weights[0]
    for epoch in range(4):
        weights[:] = epoch
        rule.end_epoch(loss=1.0)
    rule.restore_best()
    assert rule.best == 0.7
    assert net.weights[0] is weights  # in place: others hold the array
    np.testing.assert_array_equal(weights, 1.0)


class ScriptedTrainer:
    """Reports scripted losses, one per step; an exception in the script is raised."""

    def __init__(self, script):
        self.script = iter(script)
        self.network = network()
        self.n_syncs = 0

    def sync(self):
        self.n_syncs += 1

    def step(self, X, Y, learning_rate, sample_weight=None, weight_decay=0.0):
        loss = next(self.script)
        if isinstance(loss, BaseException):
            raise loss
        return SimpleNamespace(
            n_samples=len(X),
            loss=loss,
            energy=loss / 2,
            n_steps=float(len(X)),
            n_passes=3.0,
            converged=0.5,
            ended=1.0,
        )


def run(script, *, n=5, batch_size=3, max_iter=1, weight=None, n_iter_no_change=np.inf):
    trainer = ScriptedTrainer(script)
    targets = MatrixTargets(np.zeros((n, 1)))
    batches = Minibatches(np.zeros((n, 1)), targets, weight, None, batch_size, False)
    rule = StoppingRule(trainer, 0.0, n_iter_no_change)
    schedule = Schedule("constant", 1.0)
    loop = TrainingLoop(trainer, batches, schedule, rule, np.random.RandomState(0))
    loop.run(max_iter)
    return loop


def test_epoch_means_are_weighted():
    # batches of 2 and 3 samples
    report = run([1.0, 2.0]).history[0]
    assert report.loss == pytest.approx((2 * 1 + 3 * 2) / 5)
    assert report.energy == pytest.approx(report.loss / 2)
    assert report.n_steps == pytest.approx((2 * 2 + 3 * 3) / 5)
    weight = np.array([1.0, 3.0, 1.0, 1.0, 0.0])
    report = run([1.0, 5.0], weight=weight).history[0]
    assert report.loss == pytest.approx((4 * 1 + 2 * 5) / 6)
    assert report.n_steps == pytest.approx((2 * 2 + 3 * 3) / 5)  # samples count once


@pytest.mark.parametrize("script", [[1.0] * 4, [1.0, 1.0, KeyboardInterrupt()]])
def test_network_is_brought_up_to_date_every_epoch_and_at_the_end(script):
    loop = run(script, max_iter=2)
    assert loop.trainer.n_syncs == len(loop.history) + 1


def test_outcomes():
    assert run([1.0] * 4, max_iter=2).outcome == "max_iter"
    assert run([1.0, 1.0, 2.0, 2.0], max_iter=9, n_iter_no_change=0).outcome == "plateau"
    stopped = run([1.0, KeyboardInterrupt()], max_iter=9)
    assert (stopped.outcome, len(stopped.history), stopped.n_samples_seen) == ("interrupted", 0, 2)
    broken = run([1.0, 1.0, FloatingPointError("layer 2")], max_iter=9)
    assert (broken.outcome, len(broken.history)) == ("diverged", 1)
    assert "layer 2" in str(broken.error)


@pytest.mark.parametrize("loss", [1e12, np.inf, np.nan])
def test_an_exploding_loss_is_divergence(loss):
    loop = run([1.0, 1.0, 1.0, loss], max_iter=9)
    assert loop.outcome == "diverged"
    assert "mean loss rose from 1 " in str(loop.error)
    assert len(loop.history) == 1


def test_other_exceptions_pass_through():
    with pytest.raises(MemoryError):
        run([1.0, MemoryError()])


def test_split_is_stratified_disjoint_and_repeatable():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    train, held_out = split_rows(None, 100, 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(np.bincount(classes[held_out]), [12, 6, 2])
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(100))
    again = split_rows(None, 100, 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(again[1], held_out)
    rows = np.arange(0, 100, 2)
    train, held_out = split_rows(rows, 100, 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), rows)
