"""Oracle: definitions of the fitted attributes, and equalities between ways to train."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, r2_score

from pcnet import PCClassifier, PCRegressor
from pcnet._estimators.objective_state import AUTO_PRECISION
from pcnet.inference import ErrorDescent, Objective
from pcnet.solvers import SGD, Adam

from .support import (
    ESTIMATORS,
    WatchedInference,
    assert_consistent,
    assert_same_bits,
    data_for,
    digits,
    iris,
    small,
)

STANDSTILL = 1e-30  # a learning rate that leaves every weight at its initial value


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_learns_digits(activation, loss):
    X, y = digits(1797)
    model = PCClassifier((64,) * 3, activation, loss=loss, max_iter=15, random_state=0)
    assert model.fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]) > 0.85


def test_learns_a_nonlinear_function_in_its_own_units():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (400, 2))
    y = 1e6 + 1e4 * (np.sin(2 * X[:, 0]) + X[:, 1] ** 2)
    model = PCRegressor((64, 64), max_iter=60, random_state=0).fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > 0.85


@pytest.mark.parametrize("sizes", [7, (7,), [12, 12, 5], np.array([8, 8]), ()])
def test_hidden_layer_sizes_of_the_network(sizes):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, hidden_layer_sizes=sizes).fit(X, y)
    hidden = [sizes] if isinstance(sizes, int) else list(sizes)
    shapes = list(zip([6, *hidden], [*hidden, 3]))
    assert [W.shape for W in model.coefs_] == shapes
    assert [b.shape for b in model.intercepts_] == [(n,) for _, n in shapes]
    assert model.n_layers_ == len(hidden) + 1
    assert model.layer_scales_.shape == (model.n_layers_,)
    assert model.n_outputs_ == 3
    assert_consistent(model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("parameterization", ["sp", "ntp", "mupc"])
@pytest.mark.parametrize("skip, fit_intercept", [(True, False), (False, True)])
def test_structure_arguments(Estimator, parameterization, skip, fit_intercept):
    X, y = data_for(Estimator)
    model = small(
        Estimator,
        parameterization=parameterization,
        skip=skip,
        fit_intercept=fit_intercept,
        learning_rate_init=0.01,
        gamma=2.0,
        activity_decay=0.01,
    )
    model.fit(X, y)
    assert model.network_.skips.any() == skip
    assert model.network_.parameterization == parameterization
    assert all(np.any(b != 0) == fit_intercept for b in model.intercepts_)
    assert_consistent(model)


def test_output_precision():
    X, y = iris()
    for sizes in ((8,), (8,) * 9):
        n_layers = len(sizes) + 1
        model = small(PCClassifier, hidden_layer_sizes=sizes, max_iter=1).fit(X, y)
        assert model.output_precision_ == pytest.approx(AUTO_PRECISION / n_layers)
    model = small(PCClassifier, output_precision=0.25, max_iter=1).fit(X, y)
    assert model.output_precision_ == 0.25


def test_gamma_divides_the_output_layer():
    X, y = iris()
    model = small(PCClassifier, gamma=2.5).fit(X, y)
    assert model.layer_scales_[-1] == pytest.approx(1 / (16 * 2.5))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_objective_and_data_of_a_training_step(loss):
    X, y = iris()
    method = WatchedInference()
    model = small(PCClassifier, loss=loss, output_precision=0.3, activity_decay=0.02)
    model.set_params(batch_size=150, shuffle=False, inference=method).fit(X, y)
    step = method.steps[0]
    assert step.objective == Objective(loss, 0.3, 0.02)
    np.testing.assert_array_equal(step.X, X)
    np.testing.assert_array_equal(step.Y, np.eye(3)[y])


@pytest.mark.parametrize(
    "solver, options",
    [
        (Adam(), ("adam", 0.9, 0.999, 1e-8)),
        (Adam(beta_1=0.5, beta_2=0.9, epsilon=1e-3), ("adam", 0.5, 0.9, 1e-3)),
        (SGD(), ("nesterov", 0.9)),
        (SGD(momentum=0.5, nesterov=False), ("sgd", 0.5)),
    ],
)
def test_options_of_the_solver_reach_the_core(solver, options):
    assert solver.core_options(np.float32) == options


def test_options_of_the_solver_change_the_result():
    X, y = data_for(PCRegressor)
    solvers = ["adam", Adam(beta_1=0.5), Adam(beta_2=0.9), Adam(epsilon=0.1)]
    solvers += ["sgd", SGD(momentum=0.5), SGD(nesterov=False)]
    runs = [
        small(PCRegressor, solver=solver, learning_rate_init=1e-3).fit(X, y).coefs_[0].sum()
        for solver in solvers
    ]
    assert len(set(runs)) == len(runs)


# ------------------------------------------------------------ curves


def test_loss_curve_is_the_log_loss_of_the_network():
    X, y = iris()
    model = small(PCClassifier, loss="log_loss", learning_rate_init=STANDSTILL, alpha=0)
    model.set_params(batch_size=150, max_iter=1).fit(X, y)
    assert model.loss_curve_ == [pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-12)]
    assert model.loss_ == model.best_loss_ == model.loss_curve_[0]


def test_loss_curve_is_half_the_squared_error_of_standardised_targets():
    X, y = data_for(PCRegressor)
    Y = np.column_stack([y, y**2])
    model = small(
        PCRegressor, learning_rate_init=STANDSTILL, batch_size=120, max_iter=1, alpha=0
    ).fit(X, Y)
    residuals = (model.predict(X) - Y) / Y.std(axis=0)
    assert model.loss_curve_ == [pytest.approx(0.5 * np.mean((residuals**2).sum(axis=1)))]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_energy_is_between_zero_and_the_feed_forward_energy(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator).fit(X, y)
    energy, loss = np.array(model.energy_curve_), np.array(model.loss_curve_)
    assert np.all(energy > 0)
    assert np.all(energy < model.output_precision_ * loss)
    assert all(steps > 0 for steps in model.n_inference_steps_)
    assert all(0 <= share <= 1 for share in model.converged_fraction_)


def test_penalty_curve_and_decoupled_decay():
    X, y = data_for(PCRegressor)
    one_step = {"max_iter": 1, "batch_size": len(X), "solver": SGD(momentum=0)}
    start = small(PCRegressor, **one_step, learning_rate_init=STANDSTILL).fit(X, y)
    free = small(PCRegressor, **one_step, learning_rate_init=0.01, alpha=0).fit(X, y)
    decayed = small(PCRegressor, **one_step, learning_rate_init=0.01, alpha=3.0).fit(X, y)
    for W0, W, W_alpha in zip(start.coefs_, free.coefs_, decayed.coefs_):
        np.testing.assert_allclose(W_alpha - W, -3.0 / 300 * W0, atol=1e-12)  # of 300 steps, one
    for b, b_alpha in zip(free.intercepts_, decayed.intercepts_):
        np.testing.assert_array_equal(b, b_alpha)
    assert free.penalty_curve_ == [0.0]
    squares = sum(np.sum(W**2) for W in decayed.coefs_)
    assert decayed.penalty_curve_ == [pytest.approx(0.5 * 3.0 / 300 / 0.01 * squares)]
    assert decayed.loss_curve_ == free.loss_curve_  # the penalty is no part of the loss


def test_iteration_counters():
    X, y = data_for(PCClassifier, n_samples=50)
    model = small(PCClassifier, max_iter=3, warm_start=True, learning_rate="linear").fit(X, y)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (3, 150, 3)
    model.set_params(max_iter=4).fit(X, y)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (4, 350, 7)
    model.partial_fit(X, y)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (1, 400, 8)
    model.set_params(warm_start=False).fit(X, y)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (4, 200, 4)


def test_verbose_prints_a_line_an_epoch(capsys):
    X, y = data_for(PCClassifier)
    small(PCClassifier, max_iter=3).fit(X, y)
    assert capsys.readouterr().out == ""
    model = small(PCClassifier, max_iter=3, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[2].startswith(f"Epoch 3: loss = {model.loss_:.6f}, energy = ")
    assert f"validation score = {model.validation_scores_[2]:.4f}" in lines[2]


# ------------------------------------------------------------ when to stop


def test_tol_applies_to_the_loss():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=500, tol=0.5, n_iter_no_change=5).fit(X, y)
    assert model.n_iter_ < 500
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
def test_warning_at_max_iter_without_a_horizon(learning_rate):
    X, y = data_for(PCClassifier)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        small(PCClassifier, max_iter=2, learning_rate=learning_rate).fit(X, y)


@pytest.mark.parametrize("learning_rate", ["linear", "cosine"])
def test_no_warning_where_max_iter_is_the_plan(learning_rate):
    X, y = data_for(PCClassifier)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(PCClassifier, max_iter=2, learning_rate=learning_rate).fit(X, y)


def held_out_rows(model, X, y, sample_weight=None):
    """Numbers of the rows that `fit` of the same model holds out: those that a scorer sees."""
    numbers = {row.tobytes(): number for number, row in enumerate(X)}
    seen = set()

    def score(estimator, X, y, sample_weight=None):
        seen.update(numbers[row.tobytes()] for row in X)
        return 0.0

    clone(model).set_params(scoring=score, max_iter=1).fit(X, y, sample_weight)
    return np.array(sorted(seen))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_keeps_the_best_weights(Estimator, weighted):
    X, y = data_for(Estimator, n_samples=200)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(X)) if weighted else None
    model = small(Estimator, max_iter=200, early_stopping=True, n_iter_no_change=3)
    model.set_params(validation_fraction=0.25, tol=1e-3).fit(X, y, sample_weight=weight)
    assert model.n_iter_ < 200
    assert model.best_loss_ is None
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    rows = held_out_rows(model, X, y, weight)
    assert len(rows) == 50
    metric = accuracy_score if Estimator is PCClassifier else r2_score
    weight = None if weight is None else weight[rows]
    score = metric(y[rows], model.predict(X[rows]), sample_weight=weight)
    assert score == pytest.approx(model.best_validation_score_, rel=1e-9)


def test_early_stopping_is_stratified_with_string_labels():
    X, _ = data_for(PCClassifier, n_samples=100)
    names = np.array(["no", "maybe", "yes"], dtype=object)[np.repeat([0, 1, 2], [50, 30, 20])]
    model = small(PCClassifier, early_stopping=True, validation_fraction=0.2).fit(X, names)
    assert (
        sorted(names[held_out_rows(model, X, names)]) == ["maybe"] * 6 + ["no"] * 10 + ["yes"] * 4
    )
    assert np.isfinite(model.validation_scores_).all()


def test_warm_start_validates_on_the_same_rows():
    X, y = iris()
    seen = []

    def score(estimator, X, y):
        seen.append(X)
        return estimator.score(X, y)

    model = small(PCClassifier, early_stopping=True, warm_start=True, scoring=score)
    model.fit(X, y).fit(X, y)
    assert len(model.validation_scores_) == len(seen) == 10
    for other in seen[1:]:
        np.testing.assert_array_equal(other, seen[0])


def test_early_stopping_with_multilabel_targets():
    X, _ = iris()
    Y = (X[:, :3] > 0).astype(int)
    model = small(PCClassifier, early_stopping=True).fit(X, Y)
    assert len(model.validation_scores_) == model.n_iter_


# ------------------------------------------------------------ going on


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_n_times_is_a_fit_of_n_epochs(Estimator, solver):
    X, y = data_for(Estimator)
    model = small(
        Estimator,
        solver=solver,
        learning_rate="constant",
        learning_rate_init=0.01 if solver == "adam" else 1e-3,
        n_iter_no_change=np.inf,
        batch_size=32,
    )
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.fit(X, y)
    classes = {"classes": np.unique(y)} if Estimator is PCClassifier else {}
    step_by_step = small(Estimator, **{**model.get_params(), "max_iter": 99})
    for _ in range(5):
        step_by_step.partial_fit(X, y, **classes)
    assert_same_bits(model, step_by_step)
    assert model.loss_curve_ == step_by_step.loss_curve_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_keeps_weights_and_moments(Estimator):
    X, y = data_for(Estimator)
    options = {"learning_rate": "constant", "n_iter_no_change": np.inf, "batch_size": 40}
    warm = small(Estimator, warm_start=True, max_iter=2, **options)
    cold = small(Estimator, max_iter=4, **options)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        warm.fit(X, y).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        cold.fit(X, y)
    assert_same_bits(warm, cold)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_another_solver_starts_with_fresh_moments(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator, warm_start=True).fit(X, y)
    model.set_params(solver="sgd", learning_rate_init=1e-3).fit(X, y)
    assert_consistent(model)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (16,)},
        {"activation": "tanh"},
        {"parameterization": "sp"},
        {"skip": False},
        {"fit_intercept": False},
        {"gamma": 2.0},
        {"dtype": "float32"},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_network_shape_cannot_change_between_calls(change, way):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    model.set_params(**change)
    with pytest.raises(ValueError, match=next(iter(change)) + ".*warm_start=False"):
        getattr(model, way)(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_training_arguments_can_change_between_calls():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier).fit(X, y)
    model.set_params(learning_rate_init=1e-3, output_precision=0.5, batch_size=16, alpha=0.1)
    model.set_params(inference=ErrorDescent(tol=1e-3), hidden_layer_sizes=[16, 16])
    found = []
    model.set_params(callbacks=lambda run: found.append((run.learning_rate, run.weight_decay)))
    model.partial_fit(X, y)
    assert found == [(1e-3, 0.1)]
    assert model.output_precision_ == 0.5
    model.set_params(learning_rate_init=-1.0)
    with pytest.raises(ValueError, match="learning_rate_init"):
        model.partial_fit(X, y)


def test_partial_fit_takes_chunks_smaller_than_a_batch():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, batch_size=64).partial_fit(X, y)
    model.partial_fit(X[:1], y[:1]).partial_fit(X[:3], y[:3])
    assert model.t_ == 124


# ------------------------------------------------------------ dtypes


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "given, asked, used",
    [
        (np.float64, None, np.float64),
        (np.float32, None, np.float32),
        (np.float16, None, np.float64),
        (np.int64, None, np.float64),
        (np.float64, np.float32, np.float32),
        (np.float32, "float64", np.float64),
        (np.uint8, "float32", np.float32),
    ],
)
def test_dtype(Estimator, given, asked, used):
    X, y = data_for(Estimator)
    X = np.round(4 * np.abs(X)).astype(given)
    model = small(Estimator, dtype=asked).fit(X, y)
    assert all(p.dtype == used for p in [*model.coefs_, *model.intercepts_])
    if Estimator is PCClassifier:
        assert model.predict_proba(X).dtype == used
    else:
        assert model.predict(X).dtype == used
    assert_consistent(model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_layout_of_the_data_does_not_change_the_result(Estimator):
    X, y = data_for(Estimator)
    reference = small(Estimator).fit(X, y)
    read_only = X.copy()
    read_only.flags.writeable = False
    wide = np.zeros((2 * len(X), 9))
    wide[::2, 2:8] = X
    swapped = X.astype(X.dtype.newbyteorder())
    for layout in (read_only, np.asfortranarray(X), wide[::2, 2:8], swapped, X.tolist()):
        assert_same_bits(reference, small(Estimator).fit(layout, y))
        np.testing.assert_array_equal(reference.predict(X), reference.predict(layout))
    targets = np.repeat(y, 2)[::2]
    targets.flags.writeable = False
    assert_same_bits(reference, small(Estimator).fit(X, targets))


def test_float32_network_cannot_continue_in_float64():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, dtype=np.float32).fit(X, y)
    model.set_params(dtype=None).partial_fit(X, y)  # follows the network, not the data
    assert model.coefs_[0].dtype == np.float32
    with pytest.raises(ValueError, match="dtype is float64 now"):
        model.set_params(dtype=np.float64).partial_fit(X, y)
