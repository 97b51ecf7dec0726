"""Oracle: runs whose arguments end them where the callback did; copies of the weights."""

import functools

import numpy as np
import pytest
from sklearn.base import clone

import pcnet
from pcnet import PCClassifier, PCRegressor
from pcnet.callbacks import Callback

from .support import ESTIMATORS, assert_consistent, assert_same_bits, data_for, small


def test_a_function_is_called_after_each_epoch():
    X, y = data_for(PCRegressor)
    seen = []

    def look(run):
        seen.append((run.n_epochs, run.n_steps, run.record["loss"], len(run.history["loss"])))

    model = small(PCRegressor, callbacks=look, batch_size=60).fit(X, y)
    losses = model.loss_curve_
    assert seen == [(i, 2 * i, losses[i - 1], i) for i in range(1, 6)]
    assert model.stop_reason_ == "max_iter"


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_function_stops_training_by_returning_true(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator, callbacks=lambda run: run.n_epochs == 2).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (2, "callback")
    never = small(Estimator, callbacks=lambda run: "a true value").fit(X, y)
    assert never.n_iter_ == 5
    assert_consistent(model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_can_be_read_while_training(Estimator):
    X, y = data_for(Estimator)
    kept = []

    def keep(run):
        kept.append(run.network.copy())

    options = {"learning_rate": "linear", "tol": 0}
    whole = small(Estimator, callbacks=keep, **options).fit(X, y)
    stopped = small(Estimator, callbacks=lambda run: run.n_epochs == 3, **options).fit(X, y)
    np.testing.assert_equal(kept[2].weights, stopped.coefs_)
    np.testing.assert_equal(kept[4].weights, whole.coefs_)
    assert_same_bits(whole, small(Estimator, **options).fit(X, y))


class Pruning(Callback):
    """Sets the smallest weights to zero after every step."""

    def on_batch_end(self, run, report):
        for W in run.network.weights:
            W[np.abs(W) < 0.3] = 0
        run.load_weights()


def test_weights_can_be_written_while_training():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, callbacks=[Pruning()]).fit(X, y)
    weights = np.concatenate([W.ravel() for W in model.coefs_])
    assert np.abs(weights[weights != 0]).min() >= 0.3
    assert 0.1 < np.mean(weights == 0) < 0.9
    assert_consistent(model)


class Watcher(Callback):
    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events = []

    def on_fit_begin(self, run):
        self.events.append("begin")

    def on_batch_end(self, run, report):
        assert np.isfinite(report.loss)
        return run.n_steps == self.stop_after

    def on_epoch_end(self, run, record):
        self.events.append(record["epoch"])

    def on_fit_end(self, run):
        self.events.append("end")


def test_a_stop_within_an_epoch():
    X, y = data_for(PCClassifier)
    watcher = Watcher(stop_after=7)
    model = small(PCClassifier, batch_size=40, callbacks=watcher).fit(X, y)  # 3 batches an epoch
    assert watcher.events == ["begin", 1, 2, "end"]
    assert (model.n_iter_, model.t_, model.stop_reason_) == (2, 7 * 40, "callback")
    assert_consistent(model)


def test_epochs_count_on_over_warm_starts_and_partial_fit():
    X, y = data_for(PCRegressor)
    watcher = Watcher()
    model = small(PCRegressor, callbacks=[watcher], warm_start=True, max_iter=2)
    model.fit(X, y).fit(X, y).partial_fit(X, y)
    assert watcher.events == ["begin", 1, 2, "end", "begin", 3, 4, "end", "begin", 5, "end"]


def test_stop_with_early_stopping_keeps_the_best_weights():
    X, y = data_for(PCRegressor, n_samples=200)
    model = small(PCRegressor, early_stopping=True, learning_rate_init=0.3, max_iter=50)
    model.set_params(callbacks=lambda run: run.n_epochs == 9).fit(X, y)
    assert model.n_iter_ == 9
    best = int(np.argmax(model.validation_scores_)) + 1
    shorter = clone(model).set_params(callbacks=lambda run: run.n_epochs == best).fit(X, y)
    assert_same_bits(model, shorter)


def test_measure_adds_history_columns():
    class WeightNorm(Callback):
        def measure(self, run):
            return {"norm": float(np.linalg.norm(run.network.weights[0]))}

    X, y = data_for(PCClassifier)
    model = small(PCClassifier, callbacks=WeightNorm()).fit(X, y)
    assert model.history_["norm"][-1] == np.linalg.norm(model.coefs_[0])
    assert len(set(model.history_["norm"])) == 5


@pytest.mark.parametrize("event", ["on_fit_begin", "on_batch_end", "measure", "on_fit_end"])
def test_an_exception_in_a_callback_undoes_the_fit(event):
    X, y = data_for(PCClassifier)

    class Failing(Callback):
        pass

    def fail(self, run, *args):
        raise ArithmeticError(event)

    setattr(Failing, event, fail)
    watcher = Watcher()
    model = small(PCClassifier).fit(X, y)
    weights = [W.copy() for W in model.coefs_]
    model.set_params(callbacks=[watcher, Failing()])
    before = dict(vars(model))
    with pytest.raises(ArithmeticError):
        model.partial_fit(X, y)
    assert vars(model) == before
    assert watcher.events[-1] == "end"
    np.testing.assert_equal(model.coefs_, weights)
    model.set_params(callbacks=None).partial_fit(X, y)


@pytest.mark.parametrize(
    "callbacks, message",
    [
        (3, r"callbacks must be a function .* got int"),
        ([Watcher(), "x"], r"callbacks\[1\] must be a function"),
        (Watcher, "callbacks must be an object, got the class Watcher"),
        ([print, {}], r"callbacks\[1\]"),
    ],
)
def test_bad_callbacks(callbacks, message):
    X, y = data_for(PCClassifier)
    with pytest.raises(TypeError, match=message):
        small(PCClassifier, callbacks=callbacks).fit(X, y)


def test_scikit_learn_callbacks_in_callbacks_name_set_callbacks():
    class Theirs:
        def on_fit_task_end(self, estimator, context):
            pass

    X, y = data_for(PCClassifier)
    with pytest.raises(TypeError, match=r"scikit-learn \(Theirs\); register it by set_callbacks"):
        small(PCClassifier, callbacks=Theirs()).fit(X, y)


def test_clones_copy_callbacks():
    original = small(PCClassifier, callbacks=[functools.partial(print, end=""), Watcher()])
    copy = clone(original)
    assert copy.callbacks[1] is not original.callbacks[1]
    copy.set_params(callbacks=copy.callbacks[1:]).fit(*data_for(PCClassifier))
    assert original.callbacks[1].events == []


def test_callbacks_are_public():
    assert pcnet.callbacks.Callback is Callback
