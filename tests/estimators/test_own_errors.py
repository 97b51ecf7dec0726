"""Errors of the user's functions propagate unchanged, whatever their type.

Only a FloatingPointError of a training step means that training diverged.
"""

import numpy as np
import pytest

from pcnet.callbacks import Callback
from pcnet.inference import AdamActivityDescent
from pcnet.schedules import InvScaling, Linear
from pcnet.solvers import LBFGS, SGD, Adam

from .support import ESTIMATORS, assert_consistent, data_for, small

ERRORS = (FloatingPointError, ZeroDivisionError, ValueError, MemoryError)
HOOKS = ("on_fit_begin", "on_epoch_begin", "on_batch_end", "measure", "on_epoch_end", "on_fit_end")


def failing(hook, error):
    """A callback whose method ``hook`` raises."""

    def fail(self, *arguments):
        raise error

    return type("Failing", (Callback,), {hook: fail})()


@pytest.mark.parametrize(
    "error", [error("mine") for error in ERRORS], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_error_of_a_callback_propagates(solver, hook, error):
    X, y = data_for(ESTIMATORS[0], 40)
    model = small(ESTIMATORS[0], solver=solver, max_iter=2, tol=0, callbacks=failing(hook, error))
    with pytest.raises(type(error)) as found:
        model.fit(X, y)
    assert found.value is error
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_error_of_a_scorer_propagates(Estimator):
    X, y = data_for(Estimator, 40)
    error = FloatingPointError("of the scorer")

    def scorer(model, X, y):
        raise error

    model = small(Estimator, early_stopping=True, scoring=scorer)
    with pytest.raises(FloatingPointError) as found:
        model.fit(X, y)
    assert found.value is error


def test_error_of_a_schedule_propagates():
    error = FloatingPointError("of the schedule")

    class Failing(Linear):
        def factor(self, *arguments):
            raise error

    X, y = data_for(ESTIMATORS[0], 40)
    with pytest.raises(FloatingPointError) as found:
        small(ESTIMATORS[0], learning_rate=Failing()).fit(X, y)
    assert found.value is error


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_is_reported_as_divergence(Estimator, solver):
    X, y = data_for(Estimator, 40)
    model = small(Estimator, solver=solver, learning_rate_init=1e30)
    with pytest.raises(FloatingPointError, match="Training diverged"):
        model.fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert_consistent(model)


# ---------------------------------------------------------------- numbers that a dtype cannot hold


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "dtype, epsilon", [("float32", 1e-40), ("float32", 1e-20), ("float64", 1e-200)]
)
def test_an_epsilon_below_the_squares_of_a_dtype_is_refused(Estimator, dtype, epsilon):
    X, y = data_for(Estimator, 40)
    model = small(Estimator, dtype=dtype, solver=Adam(epsilon=epsilon))
    with pytest.raises(ValueError, match=f"epsilon must be at least .* in {dtype}.* got {epsilon}"):
        model.fit(X, y)
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_least_epsilon_trains_units_without_a_gradient(Estimator, dtype):
    X, y = data_for(Estimator, 40)
    X[:, 0] = 0  # no gradient for its weights: 0 / (0 + epsilon)
    least = float(np.sqrt(np.finfo(dtype).tiny)) * (1 + 1e-6)
    model = small(Estimator, dtype=dtype, solver=Adam(epsilon=least)).fit(X, y)
    assert_consistent(model)


UNDERFLOW, OVERFLOW = {"float32": 1e-40, "float64": 5e-324}, {"float32": 1e40}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["output_precision", "activity_decay", "gamma"])
@pytest.mark.parametrize(
    "dtype, value", [*UNDERFLOW.items(), *OVERFLOW.items()], ids=["small", "smaller", "large"]
)
def test_numbers_that_the_dtype_cannot_hold_are_named(Estimator, name, dtype, value):
    """Not reported as training that diverged."""
    X, y = data_for(Estimator, 40)
    model = small(Estimator, dtype=dtype, **{name: value})
    with pytest.raises(ValueError, match=f"{name} must .*{dtype}"):
        model.fit(X, y)
    assert not hasattr(model, "network_")


@pytest.mark.parametrize("epsilon", [1e-40, 1e40])
def test_epsilon_of_adam_on_the_activities(epsilon):
    X, y = data_for(ESTIMATORS[0], 40)
    method = AdamActivityDescent(epsilon=epsilon)
    with pytest.raises(ValueError, match=r"epsilon must be at least .* in float32"):
        small(ESTIMATORS[0], dtype="float32", inference=method).fit(X, y)


@pytest.mark.parametrize(
    "arguments",
    [
        {"learning_rate": "invscaling", "power_t": 1e300},
        {"learning_rate": InvScaling(power_t=1e30)},
        {"solver": LBFGS(inference_tol=1e300)},
        {"tol": 1e300},
        {"n_iter_no_change": 10**400},
        {"alpha": 1e-300},
        {"solver": Adam(clip=1e-300)},
        {"solver": SGD(clip=1e300), "learning_rate_init": 1e-3},
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_extreme_numbers_that_the_dtype_holds_are_accepted(arguments, dtype):
    X, y = data_for(ESTIMATORS[1], 40)
    assert_consistent(small(ESTIMATORS[1], dtype=dtype, max_iter=2, **arguments).fit(X, y))
