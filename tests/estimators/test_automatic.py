"""Oracle: the correct choice of "auto", on data whose noise is known."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPRegressor

from pcnet import PCClassifier, PCRegressor
from pcnet._estimators.automatic import LBFGS_ALPHA, LBFGS_MAX_ITER
from pcnet._estimators.temperature import fit_temperature
from pcnet._training.pilot import lowest
from pcnet._training.schedule import Schedule
from pcnet.callbacks import Callback
from pcnet.schedules import Constant, Linear

from .support import ESTIMATORS, assert_same_bits, data_for, iris, parameters, raise_at


def noisy_labels(n_samples, share, n_features=8, seed=0):
    """Two classes by a linear rule; ``share`` of the labels are random."""
    rng = np.random.default_rng(seed)
    rule = rng.standard_normal(n_features)
    X = rng.standard_normal((n_samples, n_features))
    y = (X @ rule > 0).astype(int)
    lots = rng.random(n_samples) < share
    y[lots] = rng.integers(0, 2, lots.sum())
    return X, y


# ------------------------------------------------------------ temperature


@pytest.mark.covering(1)
@pytest.mark.parametrize("true", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_temperature_of_random_labels_is_found(true, n_classes):
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((20_000, n_classes))
    p = softmax(outputs / true, axis=1)
    drawn = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    found = fit_temperature(outputs, np.eye(n_classes)[drawn])
    assert found == pytest.approx(true, rel=0.1)  # candidates are 6 % apart


def test_temperature_of_random_multilabels_is_found():
    rng = np.random.default_rng(0)
    outputs = 0.5 + rng.standard_normal((10_000, 3))
    drawn = (rng.random(outputs.shape) < expit((outputs - 0.5) / 0.3)).astype(float)
    assert fit_temperature(outputs, drawn, multilabel=True) == pytest.approx(0.3, rel=0.1)


def test_sample_weights_in_the_temperature_equal_repeated_samples():
    rng = np.random.default_rng(0)
    outputs, codes = rng.standard_normal((300, 3)), rng.integers(0, 3, 300)
    weight = rng.integers(1, 4, 300)
    weighted = fit_temperature(outputs, np.eye(3)[codes], weight.astype(float))
    repeated = fit_temperature(np.repeat(outputs, weight, axis=0), np.eye(3)[codes.repeat(weight)])
    assert weighted == pytest.approx(repeated, rel=0.07)  # a candidate: smoothing counts samples


def test_temperature_of_few_correct_samples_is_bounded():
    outputs = np.eye(2)[[0, 1] * 10]
    certain = softmax(outputs / fit_temperature(outputs, outputs), axis=1).max()
    assert 0.9 < certain < 0.99  # one in about 2 * 20 + ..., not 1


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_between_0_and_1_and_ranked_as_outputs(n_classes, dtype):
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    X = (X / 16).astype(dtype)
    model = PCClassifier((32,), random_state=0).fit(X, y)
    p, outputs = model.predict_proba(X), model.network_.output(X)
    assert p.dtype == dtype
    assert np.all((p > 0) & (p < 1))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(p.argmax(axis=1), model.predict(X))
    scores = model.decision_function(X)
    if n_classes == 2:
        assert np.all(np.diff(p[np.argsort(scores), 1]) >= -np.finfo(dtype).eps)  # up to rounding
    else:
        np.testing.assert_array_equal(np.argsort(p, axis=1), np.argsort(outputs, axis=1))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p, rtol=1e-4, atol=1e-7)


def test_one_vs_rest_gets_finite_probabilities():
    X, y = iris()
    model = OneVsRestClassifier(PCClassifier((16,), random_state=0)).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("share", [pytest.param(0.0, marks=pytest.mark.slow), 0.3, 0.8])
def test_probabilities_are_calibrated(share):
    X, y = noisy_labels(4000, share)
    model = PCClassifier(random_state=0).fit(X[:2000], y[:2000])
    p = model.predict_proba(X[2000:])
    assert abs(p.max(axis=1).mean() - (p.argmax(axis=1) == y[2000:]).mean()) < 0.08


@pytest.mark.parametrize("given", [0.1, 0.5])
def test_given_temperature_changes_only_probabilities(given):
    X, y = data_for(PCClassifier)
    first = PCClassifier((16,), alpha=0.1, max_iter=5, temperature=0.2, random_state=0).fit(X, y)
    second = copy.deepcopy(first).set_params(temperature=given).fit(X, y)
    assert second.temperature_ == given
    assert_same_bits(first, second)
    np.testing.assert_allclose(
        second.predict_proba(X), softmax(second.network_.output(X) / given, axis=1)
    )


def test_log_loss_has_the_temperature_one():
    X, y = data_for(PCClassifier)
    model = PCClassifier((16,), loss="log_loss", random_state=0).fit(X, y)
    assert model.temperature_ == 1.0
    np.testing.assert_allclose(
        model.predict_proba(X), softmax(model.network_.output(X), axis=1), rtol=1e-12
    )


@pytest.mark.parametrize("share", [pytest.param(0.0, marks=pytest.mark.slow), 0.6])
def test_repeated_partial_fit_does_not_lower_the_temperature(share):
    """Errors on training samples are too small to measure the temperature."""
    X, y = noisy_labels(300, share)
    model = PCClassifier((64, 64), random_state=0)
    for _ in range(60):
        model.partial_fit(X, y, classes=[0, 1])
    assert model.temperature_ >= 0.2
    assert model.temperature_ < 0.6
    once = PCClassifier((64, 64), random_state=0)
    X, y = noisy_labels(6400, share)
    for start in range(0, 6400, 64):
        once.partial_fit(X[start : start + 64], y[start : start + 64], classes=[0, 1])
    if share:
        assert once.temperature_ > 0.25
    new_X, new_y = noisy_labels(9000, share)
    right = once.predict(new_X[6400:]) == new_y[6400:]
    assert abs(once.predict_proba(new_X[6400:]).max(axis=1).mean() - right.mean()) < 0.12


# ------------------------------------------------------------ weight decay and epochs


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_alpha_is_larger_for_noise_than_for_structure(Estimator):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1200, 8))
    clean, lots = np.sin(X[:, 0] + X[:, 1]), rng.standard_normal(1200)
    if Estimator is PCClassifier:
        clean, lots = (clean > 0).astype(int), (lots > 0).astype(int)
    smooth, noisy = (Estimator(random_state=0).fit(X, y) for y in (clean, lots))
    assert smooth.alpha_ < noisy.alpha_
    assert smooth.max_iter_ > noisy.max_iter_ == noisy.n_iter_


def test_random_labels_of_few_samples_are_found_in_samples_not_trained_on():
    """Pilots that predict the samples they train on find a temperature below 0.2 and alpha 1."""
    model = PCClassifier((32,), random_state=0).fit(*noisy_labels(200, 1.0))
    assert model.temperature_ > 0.5
    assert model.alpha_ > 4


def test_noise_is_not_interpolated():
    X, y = noisy_labels(1000, 0.6)
    model = PCClassifier(random_state=0).fit(X, y)
    interpolating = PCClassifier(random_state=0, alpha=0.0, max_iter=50).fit(X, y)
    assert model.score(X, y) < interpolating.score(X, y) - 0.05
    new_X, new_y = noisy_labels(4000, 0.6)  # the same rule
    new_X, new_y = new_X[1000:], new_y[1000:]
    assert model.score(new_X, new_y) > interpolating.score(new_X, new_y) + 0.02
    areas = [roc_auc_score(new_y, m.decision_function(new_X)) for m in (model, interpolating)]
    assert areas[0] > areas[1] + 0.02
    assert log_loss(new_y, model.predict_proba(new_X)) < 0.68  # chance is 0.693


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [150, 900])
def test_values_measured_are_those_of_the_same_values_given(Estimator, n_samples):
    X, y = data_for(Estimator, n_samples)
    automatic = Estimator((16, 16), random_state=0).fit(X, y)
    options = {"alpha": automatic.alpha_, "max_iter": automatic.max_iter_}
    if Estimator is PCClassifier:
        options["temperature"] = automatic.temperature_
    given = Estimator((16, 16), random_state=0, **options).fit(X, y)
    assert_same_bits(automatic, given)
    assert automatic.loss_curve_ == given.loss_curve_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_automatic_values_do_not_depend_on_the_number_of_threads(Estimator):
    import pcnet

    X, y = data_for(Estimator, 700)
    models = []
    for n_threads in (1, 2):
        with pcnet.set_num_threads(n_threads):
            models.append(Estimator((32, 32), max_iter=4, random_state=0).fit(X, y))
    assert_same_bits(*models)
    for name in ("alpha_", "max_iter_", "temperature_"):
        assert getattr(models[0], name, None) == getattr(models[1], name, None)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [3, 40, 65, 130])
def test_few_samples_get_enough_updates(Estimator, n_samples):
    X, y = data_for(Estimator, n_samples)
    model = Estimator((8,), random_state=0, tol=0).fit(X, y)
    assert model._optimizer_state.n_updates >= 300


def test_a_warm_start_and_a_loaded_model_keep_what_was_measured():
    X, y = data_for(PCClassifier, 300)
    model = PCClassifier((16,), random_state=0, warm_start=True, max_iter=3).fit(X, y)
    measured = model.alpha_, model.temperature_
    loaded = pickle.loads(pickle.dumps(model)).fit(X[:100], y[:100])
    assert (loaded.alpha_, loaded.temperature_) == measured
    loaded.set_params(alpha=0.5).fit(X, y)
    assert (loaded.alpha_, loaded.temperature_) == (0.5, measured[1])
    loaded.set_params(alpha="auto", temperature=0.7).fit(X, y)
    assert (loaded.alpha_, loaded.temperature_) == (measured[0], 0.7)
    loaded.set_params(temperature="auto").fit(X, y)
    assert loaded.temperature_ == measured[1]
    loaded.set_params(loss="log_loss").fit(X, y)
    assert loaded.temperature_ == 1.0
    loaded.set_params(solver="lbfgs", max_iter="auto", tol=10.0).fit(X, y)
    assert (loaded.alpha_, loaded.max_iter_) == (LBFGS_ALPHA, LBFGS_MAX_ITER)


@pytest.mark.parametrize("wrong", [False, True])
def test_one_sample_hardly_changes_the_temperature(wrong):
    X, y = noisy_labels(1000, 0.1)
    model = PCClassifier((32,), random_state=0).fit(X, y)
    before = model.temperature_
    is_wrong = model.predict(X) != y
    index = np.flatnonzero(is_wrong == wrong)[0]
    model.partial_fit(X[index : index + 1], y[index : index + 1])
    assert before <= model.temperature_ < 1.3 * before


def test_partial_fit_temperature_uses_sample_weights():
    X, y = noisy_labels(900, 0.0)
    doubled, lies = np.concatenate([X[:600], X[600:]]), y.copy()
    lies[600:] = 1 - lies[600:]
    weight = np.where(np.arange(900) < 600, 1.0, 1e-9)
    models = [PCClassifier((32,), random_state=0).fit(X[:300], y[:300]) for _ in range(2)]
    models[0].partial_fit(doubled[300:], lies[300:], sample_weight=weight[300:])
    assert models[0].temperature_ < 1.5 * models[1].temperature_


@pytest.mark.parametrize("n_samples", [100, 640])
def test_an_automatic_decay_is_never_refused(n_samples):
    X, y = noisy_labels(n_samples, 1.0)
    options = {"learning_rate": "invscaling", "power_t": 1.0, "learning_rate_init": 0.1}
    model = PCClassifier((16,), random_state=0, max_iter=20, **options)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warm_up_longer_than_a_pilot_is_accepted(solver):
    X, y = noisy_labels(300, 0.2)
    options = {"learning_rate": Linear(warmup=300), "max_iter": 100, "tol": 0.1}
    model = PCClassifier((16,), solver=solver, random_state=0, **options).fit(X, y)
    assert 0.02 < model.temperature_ < 2


def test_long_training_gets_more_decay():
    X, y = noisy_labels(20_000, 0.0, n_features=2)
    model = PCClassifier((4,), random_state=0, max_iter=30).fit(X, y)
    assert model.alpha_ == pytest.approx(20_000 * 30 / 128_000)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "invscaling", Constant(5)])
@pytest.mark.parametrize("n_steps", [300, 1000, 5000])
@pytest.mark.parametrize("rate", [1e-3, 0.1])
def test_a_fit_decays_by_the_same_factor_whatever_its_steps_and_rate(schedule, n_steps, rate):
    planned = Schedule(schedule, rate, n_steps)
    decay = planned.weight_decay(2.0)
    logs = [np.log1p(-planned.rate(step) * decay) for step in range(n_steps)]
    assert sum(logs) == pytest.approx(-2.0, rel=0.02)


def test_minimum_of_the_pilots_curve():
    falling = np.linspace(1, 0.5, 20)
    assert lowest(falling) == (19, 0.0)
    assert lowest(falling[:4]) == (3, 0.0)
    valley = 10 + np.abs(np.arange(20.0) - 8)
    index, rise = lowest(valley)
    assert abs(index - 8) <= 1
    assert rise == pytest.approx((valley[15:].mean() / valley[6:11].mean()) - 1)
    rng = np.random.default_rng(0)
    assert lowest(falling + 0.02 * rng.standard_normal(20)) == (19, 0.0)


# ------------------------------------------------------------ the end of a run


class _Losses(Callback):
    def __init__(self):
        self.rates = []

    def on_epoch_end(self, run, record):
        self.rates.append(run.learning_rate)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_falling_schedule_is_not_stopped_by_a_plateau(schedule):
    """Random labels: the loss does not fall while the rate is high."""
    X, y = noisy_labels(600, 1.0)
    watcher = _Losses()
    model = PCClassifier(
        (8,), alpha=5.0, max_iter=40, learning_rate=schedule, n_iter_no_change=2, tol=1e-3,
        temperature=0.2, random_state=0, callbacks=[watcher],
    ).fit(X, y)  # fmt: skip
    assert (model.n_iter_, model.stop_reason_) == (40, "max_iter")
    assert watcher.rates[-1] < 0.01 * max(watcher.rates)


def test_a_loss_that_cannot_fall_by_tol_ends_a_falling_rate():
    X, y = iris()
    keep = y < 2  # linearly separable
    model = PCClassifier((32,), alpha=0.0, max_iter=500, random_state=0).fit(X[keep], y[keep])
    assert model.stop_reason_ == "plateau"
    assert min(model.loss_curve_) < model.tol


# ------------------------------------------------------------ faults


@pytest.mark.parametrize("bad", [0.0, -1.0, 1e-300, 1e300, np.inf, np.nan, "cold", None])
def test_bad_temperatures(bad):
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match="temperature"):
        PCClassifier(temperature=bad).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["alpha", "max_iter"])
def test_texts_other_than_auto_are_refused(Estimator, name):
    X, y = data_for(Estimator)
    with pytest.raises(ValueError, match=name):
        Estimator(**{name: "automatic"}).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_divergence_in_a_pilot_is_an_error_of_fit(Estimator):
    X, y = data_for(Estimator, 200)
    with pytest.raises(FloatingPointError, match="learning_rate_init"):
        Estimator(learning_rate_init=1e30, solver="sgd", random_state=0).fit(X, y)


def test_an_interrupted_pilot_leaves_the_estimator_as_it_was():
    X, y = data_for(PCClassifier, 200)
    model = PCClassifier((16,), random_state=0, max_iter=3).fit(X, y)
    before, attributes = parameters(model), set(vars(model))

    model.set_params(max_iter=7, inference=raise_at(9, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):  # an interrupted fit that follows would warn
        model.fit(X, y)
    assert set(vars(model)) == attributes
    for a, b in zip(before, parameters(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_classes_of_one_sample_and_zero_weights_do_not_stop_a_pilot():
    X, y = data_for(PCClassifier, 200)
    y[0] = 99
    weight = np.ones(200)
    weight[1::2] = 0
    model = PCClassifier((16,), max_iter=2, random_state=0).fit(X, y, sample_weight=weight)
    assert 0.02 <= model.temperature_ <= 2


def test_default_fit_of_digits_is_accurate():
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X / 8 - 1, y, random_state=0)
    model = PCClassifier(random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.97
    assert log_loss(y_test, model.predict_proba(X_test)) < 0.12  # projection: 0.135


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_smooth_function_of_few_samples_is_fitted():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.7, 1.7, (200, 2))
    y = np.sin(2 * X[:, 0]) * X[:, 1]
    score, peer = (
        model.fit(X[:150], y[:150]).score(X[150:], y[150:])
        for model in (PCRegressor(random_state=0), MLPRegressor(random_state=0))
    )
    assert score > max(0.75, peer + 0.1)
