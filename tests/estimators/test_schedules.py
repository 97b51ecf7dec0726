"""Oracle: the formulas of `pcnet._training.schedule`, written out; steps of real fits."""

import numpy as np
import pytest

from pcnet import PCClassifier
from pcnet._training.schedule import Schedule

from .support import ESTIMATORS, LearningRates, data_for, small


def rates(schedule, n_steps):
    return [schedule.rate(step) for step in range(n_steps)]


def test_closed_forms_over_four_steps():
    assert rates(Schedule("constant", 0.8, 4), 4) == [0.8] * 4
    np.testing.assert_allclose(rates(Schedule("linear", 0.8, 4), 4), [0.8, 0.6, 0.4, 0.2])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        rates(Schedule("cosine", 0.8, 4), 4), [0.8, 0.4 * (1 + half), 0.4, 0.4 * (1 - half)]
    )
    np.testing.assert_allclose(
        rates(Schedule("invscaling", 0.8, 4, power_t=0.5), 4),
        [0.8, 0.8 / 2**0.5, 0.8 / 3**0.5, 0.4],
    )


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_warm_up_of_the_names(name):
    """Over ten steps, but no more than a twentieth of the training: none in less than forty."""
    for n_steps, n_warm in [(20, 1), (60, 3), (200, 10), (1000, 10)]:
        t = np.arange(n_steps - n_warm)
        rest = 1 - t / len(t) if name == "linear" else (1 + np.cos(np.pi * t / len(t))) / 2
        expected = 0.8 * np.concatenate([np.arange(1, n_warm + 1) / n_warm, rest])
        np.testing.assert_allclose(rates(Schedule(name, 0.8, n_steps), n_steps), expected)


def test_adaptive_divides_by_five_and_stops_below_a_thousandth():
    schedule = Schedule("adaptive", 2.0)
    seen = [schedule.rate(0)]
    while not schedule.plateau():
        seen.append(schedule.rate(100))
    np.testing.assert_allclose(seen, [2.0, 0.4, 0.08, 0.016, 0.0032, 0.00064])


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "invscaling"])
def test_other_schedules_stop_at_the_first_plateau(name):
    assert Schedule(name, 1.0, 10).plateau()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_epoch_decays_within_the_epoch(Estimator):
    X, y = data_for(Estimator, n_samples=100)
    steps = LearningRates()
    model = small(Estimator, max_iter=1, batch_size=20, learning_rate_init=0.05, callbacks=steps)
    model.fit(X, y)
    np.testing.assert_allclose(steps.rates, 0.05 * np.array([1, 0.8, 0.6, 0.4, 0.2]))


def test_horizon_is_that_of_the_training_part_with_early_stopping():
    X, y = data_for(PCClassifier, n_samples=100)
    steps = LearningRates()
    model = small(
        PCClassifier, max_iter=3, batch_size=40, early_stopping=True, validation_fraction=0.2
    )
    model.set_params(learning_rate="cosine", learning_rate_init=0.06, callbacks=steps).fit(X, y)
    t = np.arange(6)  # 80 samples in 2 batches, 3 epochs
    np.testing.assert_allclose(steps.rates, 0.03 * (1 + np.cos(np.pi * t / 6)))


def test_early_stop_ends_the_schedule_before_its_horizon():
    X, y = data_for(PCClassifier)
    steps = LearningRates()
    model = small(PCClassifier, max_iter=100, batch_size=60, tol=1e9, n_iter_no_change=2)
    model.set_params(learning_rate_init=0.02, callbacks=steps).fit(X, y)
    assert model.n_iter_ == 4  # a first epoch always counts as progress, then 3 without
    warm_up = np.arange(1, 9) / 10
    np.testing.assert_allclose(steps.rates, 0.02 * warm_up)


def test_warm_start_begins_the_schedule_again():
    X, y = data_for(PCClassifier)
    steps = LearningRates()
    model = small(PCClassifier, max_iter=2, batch_size=60, warm_start=True, callbacks=steps)
    model.fit(X, y)
    first = list(steps.rates)
    steps.rates.clear()
    model.fit(X, y)
    assert steps.rates == first
    assert len(first) == 4


@pytest.mark.parametrize("learning_rate", ["constant", "linear", "invscaling", "adaptive"])
def test_partial_fit_is_constant(learning_rate):
    X, y = data_for(PCClassifier)
    steps = LearningRates()
    model = small(PCClassifier, learning_rate=learning_rate, learning_rate_init=0.01, batch_size=30)
    model.set_params(callbacks=steps)
    model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    assert steps.rates == [0.01] * 8


def test_adaptive_in_a_fit():
    X, y = data_for(PCClassifier)
    steps = LearningRates()
    model = small(PCClassifier, max_iter=1000, tol=1e9, n_iter_no_change=2)
    model.set_params(learning_rate="adaptive", learning_rate_init=0.01, batch_size=120)
    model.set_params(callbacks=steps).fit(X, y)
    # 4 epochs at the first rate (the first one counts as progress), 3 at each of five more
    expected = np.repeat(0.01 / 5.0 ** np.arange(6), [4, 3, 3, 3, 3, 3])
    np.testing.assert_allclose(steps.rates, expected)
