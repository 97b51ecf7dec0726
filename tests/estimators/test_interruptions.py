"""Oracle: after Ctrl-C, divergence or a fork there is a usable, consistent estimator."""

import _thread
import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from pcnet import PCClassifier, PCRegressor
from pcnet._data.rows import INPUT_ROWS
from pcnet.inference import ActivityDescent, ErrorDescent, Status
from pcnet.solvers import SGD

from .support import ESTIMATORS, assert_consistent, assert_same_bits, data_for, raise_at, small

# ------------------------------------------------------------ Ctrl-C


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("step, n_epochs", [(0, 0), (1, 0), (4, 1), (7, 1), (8, 2)])
def test_interrupted_fit_is_usable(Estimator, step, n_epochs):
    X, y = data_for(Estimator, n_samples=80)
    model = small(Estimator, batch_size=20, max_iter=9)
    model.set_params(inference=raise_at(step, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match=f"Training interrupted by user after {n_epochs} epochs"):
        model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == n_epochs
    assert model.t_ == 20 * step
    assert_consistent(model)
    model.set_params(inference="error").partial_fit(X, y)
    assert_consistent(model)


def test_interrupted_early_stopping_keeps_the_best_weights():
    X, y = data_for(PCClassifier, n_samples=100)
    options = {"batch_size": 90, "max_iter": 50, "early_stopping": True}
    model = small(PCClassifier, **options, inference=raise_at(7, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    best = int(np.argmax(model.validation_scores_)) + 1
    shorter = small(PCClassifier, **options, inference=raise_at(best, KeyboardInterrupt()))
    with pytest.warns(UserWarning, match="interrupted"):
        shorter.fit(X, y)
    assert_same_bits(model, shorter)


@pytest.mark.usefixtures("interruptible")
def test_a_real_signal_ends_a_long_fit():
    X, y = data_for(PCClassifier)
    timer = threading.Timer(0.3, _thread.interrupt_main)

    def start_timer(run):  # only after training has begun, on a machine of any speed
        if run.n_epochs == 1:
            timer.start()

    model = small(PCClassifier, max_iter=10**8, n_iter_no_change=np.inf, callbacks=start_timer)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    timer.join()
    assert_consistent(model)


def test_outputs_of_many_rows_are_those_of_their_parts():
    X, y = data_for(PCClassifier, n_samples=2 * INPUT_ROWS + 1)
    model = small(PCClassifier, max_iter=1).fit(X[:80], y[:80])
    parts = [model.decision_function(part) for part in np.split(X, [77, INPUT_ROWS])]
    np.testing.assert_array_equal(model.decision_function(X), np.concatenate(parts))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_any_other_exception_undoes_a_fit(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator, batch_size=20).fit(X, y)
    predictions = model.predict(X)
    failing = raise_at(3, MemoryError("no room"))
    before = dict(vars(model.set_params(inference=failing)))
    with pytest.raises(MemoryError):
        model.fit(X[:, :4], y)
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict(X), predictions)
    unfitted = small(Estimator, batch_size=20, inference=raise_at(3, MemoryError("no room")))
    with pytest.raises(MemoryError):
        unfitted.fit(X, y)
    assert not hasattr(unfitted, "network_")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_any_other_exception_restores_the_random_state(Estimator):
    """partial_fit after a failed one shuffles as if the failed one had not been called."""
    X, y = data_for(Estimator)
    model, other = (small(Estimator, batch_size=20).fit(X, y) for _ in range(2))
    with pytest.raises(MemoryError):
        model.set_params(inference=raise_at(3, MemoryError("no room"))).partial_fit(X, y)
    model.set_params(inference="error")
    assert_same_bits(model.partial_fit(X, y), other.partial_fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_an_exception_after_the_last_epoch_undoes_a_fit(Estimator, error):
    """The trainer has already freed its memory when the results become attributes."""

    class Failing(Estimator):
        fails = False

        def __setattr__(self, name, value):
            if self.fails and name == "n_iter_":
                raise error
            super().__setattr__(name, value)

    X, y = data_for(Estimator)
    model = small(Failing).fit(X, y)
    before = dict(vars(model))
    predictions = model.predict(X)
    Failing.fails = True
    with pytest.raises(error):
        model.fit(X[:, :4], y)
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict(X), predictions)
    with pytest.raises(error):
        model.partial_fit(X, y)
    Failing.fails = False
    model.partial_fit(X, y)
    assert_consistent(model)


# ------------------------------------------------------------ divergence


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [1e5, 1e30])
def test_huge_learning_rate(Estimator, solver, dtype, rate):
    X, y = data_for(Estimator, dtype=dtype)
    model = small(Estimator, solver=solver, learning_rate_init=rate, alpha=0, batch_size=20)
    with pytest.raises(FloatingPointError, match=r"(?s)Training diverged.*learning_rate_init"):
        model.fit(X, y)
    assert_finite(model)


def assert_finite(model):
    assert all(np.isfinite(p).all() for p in [*model.coefs_, *model.intercepts_])
    assert model.n_iter_ == len(model.loss_curve_)
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_in_the_middle_keeps_the_curves(Estimator):
    X, y = data_for(Estimator, n_samples=80)
    failing = raise_at(6, FloatingPointError("layer 2 in step 6"))
    model = small(Estimator, batch_size=20, inference=failing)
    message = r"epoch 2 \(optimiser step 7\): layer 2 in step 6.*StandardScaler"
    with pytest.raises(FloatingPointError, match=message):
        model.fit(X, y)
    assert model.n_iter_ == 1
    assert_consistent(model)
    model.set_params(inference="error").partial_fit(X, y)  # continues from the finite weights
    assert_consistent(model)


def test_divergence_with_features_far_from_unit_scale():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor)
    with pytest.raises(FloatingPointError, match="StandardScaler"):
        model.fit(1e300 * X, y)
    assert_finite(model)


def test_divergence_in_partial_fit_leaves_a_usable_estimator():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor).fit(X, y)
    n_epochs = len(model.loss_curve_)
    model.set_params(learning_rate_init=1e30, alpha=0, batch_size=10)
    with pytest.raises(FloatingPointError, match="diverged"):
        model.partial_fit(X, y)
    assert len(model.loss_curve_) == n_epochs
    assert all(np.isfinite(p).all() for p in [*model.coefs_, *model.intercepts_])


# ------------------------------------------------------------ unfinished inference


class Unfinished(ErrorDescent):
    """Reports that only these shares of the samples ended, one share for each step."""

    def __init__(self, shares):
        super().__init__()
        self.shares = shares
        self._left = iter(shares)

    def run(self, batch, X, Y, objective):
        super().run(batch, X, Y, objective)
        batch.status[: len(X)] = Status.CONVERGED
        batch.status[: round(len(X) * (1 - next(self._left)))] = Status.REACHED_MAX_STEPS


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_warning_if_inference_is_cut_off(Estimator):
    X, y = data_for(Estimator, n_samples=100)
    model = small(Estimator, batch_size=100, max_iter=4)
    model.set_params(inference=Unfinished([1.0, 0.85, 0.91, 0.6]))
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(X, y)
    (warning,) = record
    text = str(warning.message)
    assert "1 - ended_fraction_" in text  # no figures, which would make each text different
    np.testing.assert_allclose(model.ended_fraction_, [1.0, 0.85, 0.91, 0.6])
    assert "Lower output_precision" in text
    assert "max_steps" in text


def test_no_warning_below_ten_percent():
    X, y = data_for(PCClassifier, n_samples=100)
    model = small(PCClassifier, batch_size=100, max_iter=2, inference=Unfinished([0.91, 0.95]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    np.testing.assert_allclose(model.ended_fraction_, [0.91, 0.95])


@pytest.mark.parametrize("n_steps, warns", [(2, True), (3, False)])
def test_activity_descent_must_reach_the_first_layer(n_steps, warns):
    """After t steps only the top t hidden layers have moved; 3 hidden layers need 3 steps."""
    X, y = data_for(PCClassifier)
    model = small(
        PCClassifier,
        hidden_layer_sizes=(8, 8, 8),
        inference=ActivityDescent(n_steps=n_steps, rate=0.1),
        solver=SGD(momentum=0),
        learning_rate_init=1e-3,
        batch_size=len(X),
        max_iter=1,
        alpha=0,
    )
    before = small(PCClassifier, **{**model.get_params(deep=False), "learning_rate_init": 1e-300})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before.fit(X, y)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert len(record) == warns
    if warns:
        assert issubclass(record[0].category, ConvergenceWarning)
        assert "n_steps of at least 3" in str(record[0].message)
    unchanged = [np.array_equal(W, W0) for W, W0 in zip(model.coefs_, before.coefs_)]
    assert unchanged == [warns, False, False, False]


def test_warning_uses_the_share_of_the_epoch():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, batch_size=30, max_iter=1, inference=Unfinished([0.7, 1, 1, 1]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    np.testing.assert_allclose(model.ended_fraction_, [0.925])
