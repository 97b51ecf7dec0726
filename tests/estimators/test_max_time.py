"""Oracle: a clock that the test sets."""

import time
import warnings

import numpy as np
import pytest

from pcnet import PCClassifier, PCRegressor
from pcnet._training.run import Plan, Run
from pcnet._training.schedule import Schedule
from pcnet.schedules import Cosine, Linear

from .support import ESTIMATORS, LearningRates, assert_consistent, data_for, small


@pytest.fixture
def second_per_step(monkeypatch):
    """A callback that counts steps, and the clock that it counts for: a second each."""
    steps = LearningRates()
    monkeypatch.setattr(time, "monotonic", lambda: float(len(steps.rates)))
    return steps


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("max_time, n_steps", [(0.5, 1), (3, 3), (3.5, 4), (6, 6), (1000, 15)])
def test_training_stops_when_the_time_is_up(Estimator, max_time, n_steps, second_per_step):
    X, y = data_for(Estimator)  # 3 batches an epoch, 5 epochs
    model = small(Estimator, batch_size=40, max_time=max_time, callbacks=second_per_step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert len(second_per_step.rates) == n_steps
    assert model.n_iter_ == n_steps // 3
    assert model.t_ == 40 * n_steps
    assert model.stop_reason_ == ("max_time" if n_steps < 15 else "max_iter")
    assert_consistent(model)


@pytest.mark.parametrize("learning_rate", ["linear", "cosine", "constant"])
def test_schedules_with_a_horizon_end_when_the_time_is_up(learning_rate, second_per_step):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, batch_size=40, max_time=10, learning_rate_init=0.02)
    model.set_params(callbacks=second_per_step)
    plain = {"linear": Linear(warmup=0), "cosine": Cosine(warmup=0), "constant": "constant"}
    model.set_params(learning_rate=plain[learning_rate], max_iter=1000).fit(X, y)
    t = np.arange(10) / 10
    expected = {"linear": 1 - t, "cosine": (1 + np.cos(np.pi * t)) / 2, "constant": 1 + 0 * t}
    np.testing.assert_allclose(second_per_step.rates, 0.02 * expected[learning_rate])


def test_the_epochs_are_the_horizon_where_they_are_fewer(second_per_step):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, batch_size=40, max_time=1e6, learning_rate_init=0.02)
    model.set_params(callbacks=second_per_step).fit(X, y)
    expected = 0.02 * (1 - np.arange(15) / 15)
    np.testing.assert_allclose(second_per_step.rates, expected, rtol=1e-3)


def test_partial_fit_completes_its_epoch_and_each_fit_has_the_whole_time(second_per_step):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, batch_size=40, max_time=2, warm_start=True)
    model.set_params(callbacks=second_per_step).partial_fit(X, y)
    assert (model.n_iter_, model.t_) == (1, 120)
    assert model.fit(X, y).t_ == 200
    assert model.fit(X, y).t_ == 280


def test_early_stopping_keeps_the_best_weights(second_per_step):
    X, y = data_for(PCRegressor, n_samples=200)
    model = small(PCRegressor, early_stopping=True, batch_size=90, max_iter=50, max_time=13)
    model.set_params(callbacks=second_per_step)
    model.fit(X, y, validation_data=(X[:50], y[:50]))
    assert model.stop_reason_ == "max_time"
    assert model.score(X[:50], y[:50]) == pytest.approx(model.best_validation_score_)


def test_max_time_with_the_real_clock():
    X, y = data_for(PCClassifier)
    started = time.monotonic()
    model = small(PCClassifier, max_iter=10**8, n_iter_no_change=np.inf, max_time=0.2).fit(X, y)
    assert model.stop_reason_ == "max_time"
    assert 0.2 <= time.monotonic() - started < 20
    assert_consistent(model)


@pytest.mark.parametrize("max_time", [0, -1, "1 h", np.nan])
def test_bad_values(max_time):
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match="max_time"):
        small(PCClassifier, max_time=max_time).fit(X, y)


def test_rates_never_rise_when_seconds_jump(monkeypatch):
    """If the clock passes the end within a step, the rate is 0, not negative."""
    times = iter([0.0, 0.0, 1.0, 99.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    run = Run(None, Plan(None, Schedule("linear", 1.0, 10), max_time=10), None)
    assert [run.rate(), run.rate(), run.rate()] == [1.0, pytest.approx(0.9), 0.0]
