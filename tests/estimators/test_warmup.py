"""Schedule objects and their warm-up. Oracle: the formulas of `pcnet.schedules` by hand."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier
from pcnet._training.schedule import Schedule
from pcnet.schedules import Adaptive, Constant, Cosine, InvScaling, Linear

from .support import ESTIMATORS, LearningRates, assert_same_bits, data_for, small


def rates(schedule, n_steps):
    return [schedule.rate(step) for step in range(n_steps)]


def test_warmup_rises_to_the_full_rate_and_the_schedule_has_the_rest():
    ramp = [0.2, 0.4, 0.6]  # of 0.6, in 3 steps
    plans = {
        Constant(warmup=3): [0.6] * 4,
        Linear(warmup=3): [0.6, 0.45, 0.3, 0.15],
        Cosine(warmup=3): 0.3 * (1 + np.cos(np.pi * np.arange(4) / 4)),
        InvScaling(power_t=2.0, warmup=3): 0.6 / np.arange(1.0, 5.0) ** 2,
        Adaptive(warmup=3): [0.6] * 4,
    }
    for shape, rest in plans.items():
        np.testing.assert_allclose(rates(Schedule(shape, 0.6, 7), 7), [*ramp, *rest])


@pytest.mark.parametrize("share, n_steps, expected", [(0.25, 20, 5), (0.1, 9, 0), (0.5, 3, 1)])
def test_a_share_of_the_planned_steps(share, n_steps, expected):
    by_share, by_steps = Linear(warmup=share), Linear(warmup=expected)
    assert by_share.warmup_steps(n_steps) == expected
    assert rates(Schedule(by_share, 1.0, n_steps), n_steps) == rates(
        Schedule(by_steps, 1.0, n_steps), n_steps
    )


def test_warmup_of_one_step_has_no_effect():
    for shape in (Constant, Adaptive):
        assert rates(Schedule(shape(warmup=1), 0.3, 5), 5) == [0.3] * 5


def test_power_of_the_object_or_of_the_estimator():
    t = np.arange(1.0, 6.0)
    own, default = InvScaling(power_t=1.0), InvScaling()
    np.testing.assert_allclose(rates(Schedule(own, 2.0, 5, power_t=0.25), 5), 2 / t)
    np.testing.assert_allclose(rates(Schedule(default, 2.0, 5, power_t=0.25), 5), 2 / t**0.25)
    assert default.power_t is None  # the user's object is not changed


def test_adaptive_with_options():
    schedule = Schedule(Adaptive(divisor=10.0, floor=0.05), 2.0, 100)
    seen = [schedule.rate(0)]
    while not schedule.plateau():
        seen.append(schedule.rate(50))
    np.testing.assert_allclose(seen, [2.0, 0.2, 0.02])


def test_a_plateau_during_the_warmup_lowers_what_follows():
    schedule = Schedule(Adaptive(divisor=2.0, warmup=4), 1.0, 10)
    schedule.plateau()
    np.testing.assert_allclose(rates(schedule, 6), [0.125, 0.25, 0.375, 0.5, 0.5, 0.5])


def test_rate_by_a_given_progress():
    """Planned shares follow the larger of steps and progress; other schedules do not move."""
    linear = Schedule(Linear(warmup=0), 1.0, 100)
    assert linear.rate(10, progress=0.5) == pytest.approx(0.5)
    assert linear.rate(60, progress=0.5) == pytest.approx(0.4)
    assert linear.rate(10, progress=1.0) == 0.0
    cosine = Schedule(Cosine(warmup=20), 1.0, 100)
    assert cosine.rate(19, progress=0.6) == 1.0  # 20 real steps of warm-up
    assert cosine.rate(20, progress=0.6) == pytest.approx(0.5)  # half of the other 80
    assert Schedule(Constant(warmup=0.5), 1.0, 100).rate(10, progress=0.6) == 1.0
    assert Schedule(InvScaling(1.0), 1.0, 100).rate(3, progress=0.9) == pytest.approx(0.25)
    auto = Schedule(Linear(), 1.0, 1000)  # 10 steps, or as much progress
    assert auto.rate(4) == pytest.approx(0.5)
    assert auto.rate(4, progress=0.01) == pytest.approx(1.0)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warmup_in_a_fit(Estimator):
    X, y = data_for(Estimator, n_samples=100)
    steps = LearningRates()
    model = small(Estimator, max_iter=2, batch_size=20, learning_rate_init=0.06)
    model.set_params(learning_rate=Linear(warmup=0.3), callbacks=steps).fit(X, y)
    expected = [0.02, 0.04, 0.06, *(0.06 * (1 - np.arange(7) / 7))]
    np.testing.assert_allclose(steps.rates, expected)


def test_partial_fit_does_not_warm_up():
    X, y = data_for(PCClassifier)
    steps = LearningRates()
    model = small(PCClassifier, learning_rate=Cosine(warmup=1000), learning_rate_init=0.01)
    model.set_params(callbacks=steps).partial_fit(X, y, classes=[0, 1, 2])
    assert set(steps.rates) == {0.01}


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "invscaling", "adaptive"])
def test_a_name_has_the_bits_of_its_object(name):
    X, y = data_for(PCClassifier)
    shape = {"constant": Constant, "linear": Linear, "cosine": Cosine}
    shape = {**shape, "invscaling": InvScaling, "adaptive": Adaptive}[name]
    fits = [small(PCClassifier, learning_rate=value).fit(X, y) for value in (name, shape())]
    assert_same_bits(*fits)
    assert repr(shape()) == f"{shape.__name__}()"


def test_options_can_be_searched():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, learning_rate=Cosine(), max_iter=3)
    search = GridSearchCV(model, {"learning_rate__warmup": [0, 2, 0.5]}, cv=2).fit(X, y)
    assert [p["learning_rate__warmup"] for p in search.cv_results_["params"]] == [0, 2, 0.5]
    assert clone(search.best_estimator_).learning_rate is not model.learning_rate
