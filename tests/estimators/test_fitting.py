"""Oracle: definitions of minibatches and of the stopping rule, on given numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

from pcnet._estimators.targets import ClassTargets, MatrixTargets
from pcnet._training.checkpoint import restore_run, run_state
from pcnet._training.history import append_record, truncate_history
from pcnet._training.loop import train
from pcnet._training.minibatches import Minibatches, split_rows
from pcnet._training.run import Plan, Run
from pcnet._training.schedule import Schedule
from pcnet._training.stopping import Plateau
from pcnet._training.trainer import Trainer
from pcnet.callbacks import Callback


def batches_of(n, batch_size, *, rows=None, shuffle=True, weight=None, seed=0):
    X = np.arange(2.0 * n).reshape(n, 2)
    targets = MatrixTargets(np.arange(n, dtype=float)[:, None])
    batches = Minibatches(X, targets, weight, rows, batch_size, shuffle)
    taken = [
        (x.copy(), y.copy(), None if w is None else w.copy())
        for x, y, w in batches.epoch(np.random.default_rng(seed))
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


def test_order_depends_on_epoch_and_seed():
    batches, taken = batches_of(50, 50)
    _, again = batches_of(50, 50)
    np.testing.assert_array_equal(taken[0][0], again[0][0])
    rng = np.random.default_rng(0)
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
    rule = Plateau(tol, n_iter_no_change)
    run = SimpleNamespace(schedule=Schedule("constant", 1.0))
    return [rule.on_epoch_end(run, {"loss": loss}) for loss in losses]


def test_plateau_needs_more_than_n_iter_no_change_epochs():
    losses = [1.0, 0.95, 0.95, 0.95, 0.5, 0.5, 0.5, 0.5]
    assert plateaus(losses, tol=0.1, n_iter_no_change=3) == [False] * 8
    assert plateaus(losses, tol=0.1, n_iter_no_change=2) == [*[False] * 3, True, *[False] * 3, True]


def test_progress_counts_from_the_best_value_and_may_equal_tol():
    assert plateaus([1.0, 0.5, 0.0], tol=0.5, n_iter_no_change=1) == [False] * 3
    assert plateaus([1.0, 5.0, 0.9], tol=0.25, n_iter_no_change=1) == [False, False, True]


def test_infinite_n_iter_no_change_and_nan_scores():
    assert not any(plateaus([1.0] * 50, tol=1.0, n_iter_no_change=np.inf))
    assert plateaus([np.nan] * 3, tol=0.0, n_iter_no_change=1) == [False, True, False]


def test_best_scored_weights_are_restored():
    net = network()
    run = SimpleNamespace(network=net)
    rule = Plateau(0.0, 10, score=True)
    weights = net.weights[0]
    for epoch, score in enumerate([0.1, 0.7, 0.7, 0.3]):
        weights[:] = epoch
        rule.on_epoch_end(run, {"loss": 1.0, "validation_score": score})
    rule.on_fit_end(run)
    assert rule.best == 0.7
    assert net.weights[0] is weights  # in place, because other objects hold the array
    np.testing.assert_array_equal(weights, 1.0)


class ScriptedTrainer(Trainer):
    """Reports given losses, one per step; an exception among them is raised."""

    takes_sparse = False

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
            weight=float(len(X) if sample_weight is None else sample_weight.sum()),
        )


def run(
    script, *, n=5, batch_size=3, max_iter=1, weight=None, n_iter_no_change=np.inf, observers=()
):
    trainer = ScriptedTrainer(script)
    targets = MatrixTargets(np.zeros((n, 1)))
    batches = Minibatches(np.zeros((n, 1)), targets, weight, None, batch_size, False)
    run = Run(
        trainer,
        Plan(batches, Schedule("constant", 1.0), max_iter),
        np.random.default_rng(0),
        observers=[Plateau(0.0, n_iter_no_change), *observers],
    )
    train(run)
    return run


def test_epoch_means_are_weighted():
    # batches of 2 and 3 samples
    record = run([1.0, 2.0]).record
    assert record["loss"] == pytest.approx((2 * 1 + 3 * 2) / 5)
    assert record["energy"] == pytest.approx(record["loss"] / 2)
    assert record["n_steps"] == pytest.approx((2 * 2 + 3 * 3) / 5)
    weight = np.array([1.0, 3.0, 1.0, 1.0, 0.0])
    record = run([1.0, 5.0], weight=weight).record
    assert record["loss"] == pytest.approx((4 * 1 + 2 * 5) / 6)
    assert record["n_steps"] == pytest.approx((2 * 2 + 3 * 3) / 5)  # samples count once


class ReadsNetwork(Callback):
    """Reads the network several times at chosen steps."""

    def __init__(self, *steps):
        self.steps = steps

    def on_batch_end(self, run, report):
        if run.n_steps in self.steps:
            assert run.network is run.network


@pytest.mark.parametrize("script", [[1.0] * 4, [1.0, 1.0, KeyboardInterrupt()]])
def test_network_is_synchronised_for_observers_and_at_the_end(script):
    assert run(script, max_iter=2).optimizer.n_syncs == 1
    assert run(script, max_iter=2, observers=[ReadsNetwork(1, 2)]).optimizer.n_syncs == 3


def test_stop_reasons():
    assert run([1.0] * 4, max_iter=2).stop_reason == "max_iter"
    assert run([1.0, 1.0, 2.0, 2.0], max_iter=9, n_iter_no_change=0).stop_reason == "plateau"
    assert run([1.0, 1.0, 2.0, 2.0], max_iter=2, n_iter_no_change=0).stop_reason == "plateau"
    stopped = run([1.0, KeyboardInterrupt()], max_iter=9)
    assert (stopped.stop_reason, stopped.n_epochs, stopped.n_samples_seen) == ("interrupted", 0, 2)
    broken = run([1.0, 1.0, FloatingPointError("layer 2")], max_iter=9)
    assert (broken.stop_reason, broken.n_epochs) == ("diverged", 1)
    assert "layer 2" in str(broken.error)


@pytest.mark.parametrize("loss", [1e12, np.inf, np.nan])
def test_a_growing_loss_is_divergence(loss):
    broken = run([1.0, 1.0, 1.0, loss], max_iter=9)
    assert broken.stop_reason == "diverged"
    assert "mean loss rose from 1 " in str(broken.error)
    assert broken.n_epochs == len(broken.history["loss"]) == 1


def test_divergence_is_measured_from_the_first_process():
    before = run([1.0] * 4, max_iter=2)
    script = [1e12] * 4
    trainer, batches = ScriptedTrainer(script), before.minibatches
    plan = Plan(batches, Schedule("constant", 1.0), max_iter=4)
    after = Run(trainer, plan, np.random.default_rng(1))
    restore_run(after, run_state(before))
    train(after)
    assert after.stop_reason == "diverged"
    assert "from 1 in" in str(after.error)
    assert "epoch 3" in str(after.error)


def test_other_exceptions_pass_through():
    with pytest.raises(MemoryError):
        run([1.0, MemoryError()])


class Recorder(Callback):
    """Records its calls, and stops or fails at a given one."""

    def __init__(self, calls, name, *, stop_at=None, fail_at=None):
        self.calls, self.name, self.stop_at, self.fail_at = calls, name, stop_at, fail_at

    def note(self, event):
        self.calls.append(self.name + event)
        if event == self.fail_at:
            raise ArithmeticError(self.name)
        return event == self.stop_at

    def on_fit_begin(self, run):
        self.note("begin")

    def on_epoch_begin(self, run):
        self.note("epoch")

    def on_batch_end(self, run, report):
        return self.note(f"batch{run.n_steps}")

    def measure(self, run):
        self.note("measure")
        return {self.name: 7.0}

    def on_epoch_end(self, run, record):
        assert record[self.name] == run.history[self.name][-1] == 7.0
        return self.note(f"end{run.n_epochs}")

    def on_fit_end(self, run):
        self.note("fit_end")


def test_observers_begin_in_order_and_end_in_reverse():
    calls = []
    observers = [Recorder(calls, "a", stop_at="end1"), Recorder(calls, "b")]
    done = run([1.0, 1.0], max_iter=5, observers=observers)
    assert done.stop_reason == "callback"
    both = ["begin", "epoch", "batch1", "batch2", "measure", "end1"]
    expected = [name + event for event in both for name in "ab"]
    assert calls == [*expected, "bfit_end", "afit_end"]


@pytest.mark.parametrize("stop_at, n_epochs", [("batch1", 0), ("batch2", 1), ("batch3", 1)])
def test_a_stop_in_the_middle_of_an_epoch_leaves_no_row(stop_at, n_epochs):
    calls = []
    done = run([1.0] * 9, max_iter=5, observers=[Recorder(calls, "a", stop_at=stop_at)])
    assert (done.stop_reason, done.n_epochs) == ("callback", n_epochs)
    assert len(done.history.get("loss", [])) == n_epochs
    assert done.n_steps == int(stop_at[-1])


@pytest.mark.parametrize("fail_at", ["begin", "epoch", "batch1", "measure", "end1", "fit_end"])
def test_error_of_an_observer_propagates_and_all_others_end(fail_at):
    calls = []
    names = [Recorder(calls, "a"), Recorder(calls, "b", fail_at=fail_at), Recorder(calls, "c")]
    with pytest.raises(ArithmeticError, match="b"):
        run([1.0] * 9, observers=names)
    dismissed = [call for call in calls if call.endswith("fit_end")]
    begun = 2 if fail_at == "begin" else 3
    assert dismissed == ["cfit_end", "bfit_end", "afit_end"][-begun:]


def test_history_fills_what_was_not_measured_and_can_be_undone():
    history = {}
    append_record(history, {"loss": 1.0, "score": 2.0})
    append_record(history, {"loss": 3.0, "other": 4.0})
    np.testing.assert_equal(
        history, {"loss": [1.0, 3.0], "score": [2.0, np.nan], "other": [np.nan, 4.0]}
    )
    truncate_history(history, ["loss", "score"], 1)
    assert history == {"loss": [1.0], "score": [2.0]}


@pytest.mark.parametrize("start", [0, 1, 3, 4])
def test_epoch_can_start_at_any_batch(start):
    batches, taken = batches_of(10, 3)
    late = [x.copy() for x, _, _ in batches.epoch(np.random.default_rng(0), start=start)]
    np.testing.assert_equal(late, [x for x, _, _ in taken][start:])


def test_split_is_stratified_disjoint_and_repeatable():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    train, held_out = split_rows(np.arange(100), 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(np.bincount(classes[held_out]), [12, 6, 2])
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(100))
    again = split_rows(np.arange(100), 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(again[1], held_out)
    rows = np.arange(0, 100, 2)
    train, held_out = split_rows(rows, 0.2, seed=5, stratify=classes)
    np.testing.assert_array_equal(np.sort(np.r_[train, held_out]), rows)
