"""Oracle: scikit-learn's description of its callback protocol, and its own ScoringMonitor."""

import importlib.util
import pickle
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor
from pcnet.callbacks import with_batches

from .support import (
    ESTIMATORS,
    WatchedInference,
    assert_same_bits,
    data_for,
    raise_at,
    small,
)

TRACES = ("_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx")


def test_set_callbacks_needs_a_newer_scikit_learn(monkeypatch):
    """The module as it is imported where scikit-learn has no callbacks."""
    spec = importlib.util.find_spec("pcnet.callbacks._sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    old = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(old)
    with pytest.raises(RuntimeError, match=r"set_callbacks needs scikit-learn 1\.9"):
        old.CallbackSupportMixin().set_callbacks()
    assert old.begin_tasks(PCClassifier(), None, None, None, 1) is None


@pytest.mark.usefixtures("sklearn_callback")
def test_objects_that_are_no_callback_are_refused():
    with pytest.raises(TypeError, match="FitCallback"):
        PCClassifier().set_callbacks(3)


@pytest.fixture
def sklearn_callback():
    return pytest.importorskip("sklearn.callback", reason="new in scikit-learn 1.9")


class Recording:
    """Records its calls, and stops or fails at a given one."""

    def __init__(self, stop_at=None, fail_at=None):
        self.stop_at, self.fail_at = stop_at, fail_at
        self.calls = []

    def note(self, event, context, **details):
        where = f"{event} {context.task_name}"
        self.calls.append({"where": where, "id": context.task_id, "context": context, **details})
        if (where, context.task_id) == self.fail_at:
            raise ArithmeticError(where)
        return (where, context.task_id) == self.stop_at

    def setup(self, estimator, context):
        self.note("setup", context)

    def teardown(self, estimator, context):
        self.note("teardown", context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.note("begin", context, X=X, y=y, metadata=metadata)

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        return self.note("end", context, X=X, y=y, metadata=metadata, fitted=fitted_estimator)

    def events(self):
        return [(call["where"], call["id"]) for call in self.calls]

    def at(self, where):
        return [call for call in self.calls if call["where"] == where]


def recorded(Estimator, *arguments, callback=None, **options):
    """Fit with a Recording, check that no attribute remains, and return both."""
    callback = Recording() if callback is None else callback
    model = small(Estimator, **options).set_callbacks(callback)
    X, y = data_for(Estimator)
    model.fit(X, y, *arguments)
    assert not [name for name in TRACES if hasattr(model, name)]
    return model, callback


EPOCH = [("begin epoch", 0), ("end epoch", 0)]


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_epochs_are_tasks(Estimator):
    model, callback = recorded(Estimator, max_iter=2)
    epochs = [(f"{event} epoch", i) for i in range(2) for event in ("begin", "end")]
    expected = [("setup fit", 0), ("begin fit", 0), *epochs, ("end fit", 0), ("teardown fit", 0)]
    assert callback.events() == expected
    root = callback.calls[0]["context"]
    assert root.max_subtasks == 2
    assert root.estimator_name == Estimator.__name__
    assert callback.at("end epoch")[0]["context"].max_subtasks == 0
    assert_same_bits(model, small(Estimator, max_iter=2).fit(*data_for(Estimator)))


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_batches_are_tasks_on_request(Estimator):
    callback = with_batches(Recording())
    _, callback = recorded(Estimator, max_iter=2, batch_size=60, callback=callback)
    batches = [(f"{event} batch", i) for i in range(2) for event in ("begin", "end")]
    epochs = [[("begin epoch", i), *batches, ("end epoch", i)] for i in range(2)]
    assert callback.events()[2:-2] == [*epochs[0], *epochs[1]]
    assert callback.at("begin epoch")[0]["context"].max_subtasks == 2


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_what_hooks_are_given(Estimator):
    X, y = data_for(Estimator)
    weight = np.linspace(0.5, 1, len(X))
    model, callback = recorded(Estimator, weight, max_iter=3, learning_rate="linear", tol=0)
    for where in ("begin fit", "begin epoch", "end epoch", "end fit"):
        for call in callback.at(where):
            np.testing.assert_array_equal(call["X"], X)
            np.testing.assert_array_equal(call["y"], y)
            np.testing.assert_array_equal(call["metadata"]["sample_weight"], weight)
    stopped = small(Estimator, max_iter=3, tol=0, callbacks=lambda run: run.n_epochs == 2)
    stopped.fit(X, y, weight)
    second = callback.at("end epoch")[1]["fitted"]
    assert_same_bits(second, stopped)
    np.testing.assert_array_equal(second.predict(X), stopped.predict(X))
    assert second.n_iter_ == 2
    assert second.loss_curve_ == stopped.loss_curve_
    end = callback.at("end fit")[0]["fitted"]
    assert_same_bits(end, model)
    assert end.n_iter_ == 3
    _, callback = recorded(Estimator, max_iter=1)
    assert callback.at("end epoch")[0]["metadata"] is None


@pytest.mark.usefixtures("sklearn_callback")
def test_with_early_stopping_hooks_are_given_the_training_rows():
    method = WatchedInference()
    callback = Recording()
    X, y = data_for(PCRegressor)
    weight = np.arange(len(X)) + 1.0
    options = {"early_stopping": True, "shuffle": False, "batch_size": 1000, "max_iter": 1}
    model = small(PCRegressor, **options, inference=method).set_callbacks(callback)
    with pytest.warns(UserWarning, match="clipped"):
        model.fit(X, y, weight)
    (call,) = callback.at("end epoch")
    (step,) = method.steps
    np.testing.assert_array_equal(call["X"], step.X)
    given = call["metadata"]["sample_weight"]
    np.testing.assert_allclose(given / given.sum(), step.sample_weight, rtol=1e-14)
    assert len(call["y"]) == len(call["X"]) == 108


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize(
    "stop_at, n_epochs, n_steps",
    [(("end epoch", 1), 2, 4), (("end batch", 0), 0, 1), (("end batch", 1), 1, 2)],
)
def test_a_callback_may_stop_training(stop_at, n_epochs, n_steps):
    callback = with_batches(Recording(stop_at=stop_at))
    model, callback = recorded(PCClassifier, batch_size=60, callback=callback)
    assert (model.n_iter_, model.t_, model.stop_reason_) == (n_epochs, 60 * n_steps, "callback")
    events = [event for event, _ in callback.events()]
    for task in ("fit", "epoch", "batch"):
        assert events.count(f"begin {task}") == events.count(f"end {task}")
    assert events[-2:] == ["end fit", "teardown fit"]


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_ctrl_c_ends_open_tasks_and_exceptions_only_tear_down(error):
    callback = Recording()
    model = small(PCClassifier, batch_size=60, inference=raise_at(3, error))
    model.set_callbacks(callback)
    interrupted = isinstance(error, KeyboardInterrupt)
    expecting = (
        pytest.warns(UserWarning, match="interrupted")
        if interrupted
        else pytest.raises(MemoryError)
    )
    with expecting:
        model.fit(*data_for(PCClassifier))
    events = [event for event, _ in callback.events()]
    ends = ["end epoch", "end fit"] if interrupted else []
    assert events[4:] == ["begin epoch", *ends, "teardown fit"]
    assert not [name for name in TRACES if hasattr(model, name)]
    assert hasattr(model, "network_") == interrupted


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("fitted", [False, True])
def test_a_failing_hook_leaves_the_estimator_as_it_was(n, fitted):
    where = [("setup fit", 0), ("begin fit", 0), ("begin epoch", 1), ("end batch", 1)]
    where += [("end epoch", 1), ("end fit", 0)]
    first, failing = Recording(), with_batches(Recording(fail_at=where[n]))
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, batch_size=60)
    if fitted:
        model.fit(X, y)
    model.set_callbacks(first, failing)
    before = dict(vars(model))
    with pytest.raises(ArithmeticError):
        model.fit(X, y)
    assert vars(model) == before
    for callback in (first, failing):
        assert callback.events()[-1] == ("teardown fit", 0)


@pytest.mark.usefixtures("sklearn_callback")
def test_partial_fit_is_a_fit_of_one_epoch():
    X, y = data_for(PCClassifier)
    callback = Recording()
    model = small(PCClassifier).set_callbacks(callback)
    for _ in range(2):
        callback.calls.clear()
        model.partial_fit(X, y, classes=[0, 1, 2])
        assert callback.events()[1:-1] == [("begin fit", 0), *EPOCH, ("end fit", 0)]
        assert callback.calls[0]["context"].max_subtasks == 1
    assert not [name for name in TRACES if hasattr(model, name)]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_scoring_monitor(Estimator, sklearn_callback):
    X, y = data_for(Estimator)
    options = {"learning_rate": "constant", "max_iter": 4, "n_iter_no_change": np.inf}
    metric = "accuracy" if Estimator is PCClassifier else "r2"
    monitor = sklearn_callback.ScoringMonitor(scoring=metric)
    model = small(Estimator, **options).set_callbacks(monitor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
        expected = [small(Estimator, **options).set_params(max_iter=n) for n in range(1, 5)]
        expected = [apart.fit(X, y).score(X, y) for apart in expected]
    found = [row[metric] for row in logs_of(monitor)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def logs_of(monitor):
    return [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_scoring_monitor_in_a_grid_search(n_jobs, sklearn_callback):
    X, y = data_for(PCClassifier)
    monitor = sklearn_callback.ScoringMonitor(scoring="accuracy")
    pipe = make_pipeline(StandardScaler(), small(PCClassifier, max_iter=3))
    search = GridSearchCV(pipe, {"pcclassifier__alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs)
    pipe[-1].set_callbacks(monitor)
    search.fit(X, y)
    rows = logs_of(monitor)
    assert len(rows) >= 3
    assert all(0 <= row["accuracy"] <= 1 for row in rows)
    assert not [name for name in TRACES if hasattr(search.best_estimator_[-1], name)]


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_progress_bars(n_jobs, sklearn_callback, capsys):
    pytest.importorskip("rich")
    X, y = data_for(PCClassifier)
    bars = sklearn_callback.ProgressBar()
    model = small(PCClassifier, max_iter=3, batch_size=60)
    if n_jobs is None:
        model.set_callbacks(with_batches(bars)).fit(X, y)
    else:
        search = GridSearchCV(model, {"alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs)
        search.set_callbacks(bars).fit(X, y)
    assert "PCClassifier" in capsys.readouterr().out


@pytest.mark.usefixtures("sklearn_callback")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_pickle_and_clone_keep_callbacks(Estimator):
    X, y = data_for(Estimator)
    model, callback = recorded(Estimator)
    assert clone(model)._skl_callbacks == [callback]
    callback.calls.clear()
    again = pickle.loads(pickle.dumps(model))
    again.partial_fit(X, y)
    assert len(again._skl_callbacks[0].calls) == 6
    model.set_callbacks()
    assert_same_bits(model.partial_fit(X, y), again)
