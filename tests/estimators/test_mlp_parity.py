"""Oracle: scikit-learn's MLP. Behaviour that its documentation or tests define is the same here.

docs/migration.md lists intended differences; tests below check those that can be tested.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import (
    load_digits,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from pcnet import PCClassifier, PCRegressor
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, assert_same_bits, iris, small

MIGRATION = Path(__file__).resolve().parents[2] / "docs" / "migration.md"
MLP = {PCClassifier: MLPClassifier, PCRegressor: MLPRegressor}


def two_digits(n_samples=100):
    """Zeros and ones."""
    X, y = load_digits(n_class=2, return_X_y=True)
    return X[:n_samples] / 8 - 1, y[:n_samples]


def errors_of(Estimator, call):
    """The errors that ``call(Class)`` raises for pcnet's estimator and for scikit-learn's MLP."""
    errors = []
    for Class in (Estimator, MLP[Estimator]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                call(Class)
        errors.append(str(caught.value))
    return errors


# ---------------------------------------------------------------- docs/migration.md


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_migration_page_names_every_parameter_and_attribute(Estimator):
    page = MIGRATION.read_text(encoding="utf-8")
    X, y = iris()
    mlp = MLP[Estimator](hidden_layer_sizes=(3,), max_iter=2, early_stopping=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(X, y)
    attributes = {n for n in vars(mlp) if n.endswith("_") and not n.startswith("_")}
    methods = {n for n in dir(Estimator) if not n.startswith("_") and callable(getattr(mlp, n, 0))}
    for name in {*mlp.get_params(), *attributes, *methods, "feature_names_in_"}:
        assert re.search(rf"`{name}\b", page), name


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_shared_parameters_of_the_page_exist(Estimator):
    same = set(MLP[Estimator]().get_params()) & set(Estimator().get_params())
    absent = set(MLP[Estimator]().get_params()) - same
    options = {"momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "max_fun"}
    assert absent <= options


# ---------------------------------------------------------------- predictions and gradients


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "solver, options",
    [
        (SGD(momentum=0.0, nesterov=False), {"solver": "sgd", "momentum": 0.0}),
        (SGD(momentum=0.9, nesterov=True), {"solver": "sgd"}),
        (
            SGD(momentum=0.5, nesterov=False),
            {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
        ),
        # epsilon enters another formula and changes weights with a gradient of its size
        (Adam(epsilon=1e-20), {"solver": "adam", "epsilon": 1e-20}),
    ],
    ids=["sgd", "nesterov", "momentum", "adam"],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_with_little_precision_training_is_that_of_the_mlp(Estimator, activation, solver, options):
    X, y = iris()
    if Estimator is PCRegressor:
        y = np.stack([y == 0, X[:, 1]], axis=1).astype(float)
        y = (y - y.mean(axis=0)) / y.std(axis=0)  # standardising it again changes nothing
    both = {"batch_size": 50, "shuffle": False, "random_state": 0, "learning_rate_init": 0.01}
    mlp = MLP[Estimator](
        hidden_layer_sizes=(7, 7), activation=activation, alpha=0.0, **options, **both
    )
    model = Estimator(
        (7, 7),
        activation,
        parameterization="sp",
        skip=False,
        loss="log_loss" if Estimator is PCClassifier else "squared_error",
        output_precision=1e-7,
        solver=solver,
        alpha=0.0,
        **both,
    )
    mlp.partial_fit(X, y, **({"classes": np.unique(y)} if Estimator is PCClassifier else {}))
    model.partial_fit(X, y, **({"classes": np.unique(y)} if Estimator is PCClassifier else {}))
    # both continue with the same weights and no optimiser state
    dtype = model.network_.dtype
    model.network_.weights = [W.astype(dtype) for W in mlp.coefs_]
    model.network_.biases = [b.astype(dtype) for b in mlp.intercepts_]
    model._optimizer_state = None
    mlp._optimizer = type(mlp._optimizer)(
        mlp.coefs_ + mlp.intercepts_,
        **{
            name: getattr(mlp._optimizer, name)
            for name in ("momentum", "nesterov", "beta_1", "beta_2", "epsilon")
            if hasattr(mlp._optimizer, name)
        },
        learning_rate_init=0.01,
    )
    if Estimator is PCClassifier:
        np.testing.assert_allclose(model.predict_proba(X), mlp.predict_proba(X), rtol=1e-9)
    else:
        np.testing.assert_allclose(model.predict(X), mlp.predict(X), rtol=1e-9, atol=1e-12)
    for _ in range(2):
        mlp.partial_fit(X, y)
        model.partial_fit(X, y)
    for ours, theirs in zip(model.coefs_ + model.intercepts_, mlp.coefs_ + mlp.intercepts_):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    scale = 1.0 if Estimator is PCClassifier else 2.0  # MLPRegressor takes the mean over outputs
    np.testing.assert_allclose(model.loss_curve_[-1], scale * mlp.loss_curve_[-1], rtol=1e-5)


# ---------------------------------------------------------------- partial_fit


def test_wrong_classes_in_partial_fit():
    def other_classes(Class):
        model = Class(solver="sgd").partial_fit([[3, 2]], [0], classes=[0, 1])
        model.partial_fit([[3, 2]], [0], classes=[1, 2])

    def unnamed_labels(Class):
        Class(solver="sgd").partial_fit([[3, 2], [1, 6]], [1, 0], classes=[2])

    def no_classes(Class):
        Class().partial_fit([[3, 2], [1, 6]], [1, 0])

    ours, theirs = errors_of(PCClassifier, other_classes)
    assert ours == theirs
    ours, theirs = errors_of(PCClassifier, unnamed_labels)
    start = "`y` has classes not in `self.classes_`"
    assert ours.startswith(start)
    assert theirs.startswith(start)
    assert all("classes" in message for message in errors_of(PCClassifier, no_classes))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_refuses_early_stopping_also_after_fit(Estimator):
    X, y = iris()

    def call(Class):
        Class(early_stopping=True, random_state=0, max_iter=5).fit(X, y).partial_fit(X, y)

    for message in errors_of(Estimator, call):
        assert message.startswith("partial_fit does not support early_stopping=True")


# ---------------------------------------------------------------- epochs of a fit


def last_epoch(losses, tol, n_iter_no_change):
    """When MLP's rule ends: more than n_iter_no_change epochs without a gain of tol."""
    best, count = np.inf, 0
    for epoch, loss in enumerate(losses, 1):
        count = count + 1 if loss > best - tol else 0
        best = min(best, loss)
        if count > n_iter_no_change:
            return epoch
    return None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n_iter_no_change", [2, 5, 10, 50])
def test_n_iter_no_change_stops_like_the_mlp(Estimator, n_iter_no_change):
    X, y = two_digits()
    options = {"tol": 0.01, "max_iter": 1000, "n_iter_no_change": n_iter_no_change}
    for Class, arguments in (
        (MLP[Estimator], {"learning_rate_init": 0.01}),
        (Estimator, {"learning_rate": "constant"}),
    ):
        model = Class(hidden_layer_sizes=(16,), random_state=0, **arguments, **options).fit(X, y)
        assert model.n_iter_ == last_epoch(model.loss_curve_, 0.01, n_iter_no_change)
        assert n_iter_no_change < model.n_iter_ < 1000


def test_the_adaptive_rate_falls_until_training_ends():
    model = PCClassifier(
        tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive", learning_rate_init=1e-3
    )
    # 5 ** 5 > 1000: after five plateaus of 11 epochs the rate is below a thousandth
    assert 50 < model.fit([[3, 2], [1, 6]], [1, 0]).n_iter_ < 100


@pytest.mark.parametrize("y_new", [2, 3, 4, 5])
def test_warm_start_needs_the_classes_of_before(y_new):
    X, y = iris()
    labels = np.arange(150) % y_new if y_new != 3 else np.repeat([0, 1, 3], 50)

    def call(Class):
        Class((2,), warm_start=True, random_state=0, max_iter=5).fit(X, y).fit(X, labels)

    ours, theirs = errors_of(PCClassifier, call)
    assert ours.rstrip(".") == theirs.rstrip(".")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_max_iter_warns_at_each_warm_start(Estimator, solver):
    X, y = iris()
    model = small(Estimator, solver=solver, warm_start=True, n_iter_no_change=np.inf)
    model.set_params(learning_rate="constant", learning_rate_init=1e-3)
    for max_iter in (10, 20):
        model.set_params(max_iter=max_iter)
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations .* reached"):
            model.fit(X, y)
        assert model.n_iter_ == max_iter


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_of_one_with_early_stopping_change_nothing(Estimator):
    X, y = two_digits()
    plain = small(Estimator, early_stopping=True).fit(X, y)
    weighted = small(Estimator, early_stopping=True).fit(X, y, sample_weight=np.ones(len(X)))
    assert_same_bits(plain, weighted)
    assert plain.validation_scores_ == weighted.validation_scores_


@pytest.mark.parametrize("learning_rate", ["constant", "linear"])
def test_divergence_is_an_error_not_a_silent_nan(learning_rate):
    X, y = iris()
    model = PCRegressor(
        100,
        "identity",
        parameterization="sp",
        solver="sgd",
        learning_rate=learning_rate,
        learning_rate_init=100.0,
        alpha=0.0,
        early_stopping=True,
        random_state=0,
    )
    with pytest.raises(FloatingPointError, match="learning_rate_init"):
        model.fit(X, y)
    assert all(np.isfinite(W).all() for W in model.coefs_)


def test_data_near_the_largest_float_are_an_error():
    rng = np.random.RandomState(0)
    X = np.finfo(np.float64).max * rng.uniform(size=(10, 2))
    with pytest.raises(FloatingPointError):
        PCRegressor().fit(X, rng.standard_normal(10))


# ---------------------------------------------------------------- dtypes and names


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_float32_predicts_what_float64_does(Estimator):
    X, y = load_digits(return_X_y=True)
    X = X[:600] / 8 - 1
    y = y[:600]
    single, double = (
        # a kink at 0 amplifies rounding: activations at either side of it train apart
        small(Estimator, activation="tanh").fit(X[:300].astype(dtype), y[:300])
        for dtype in (np.float32, np.float64)
    )
    a, b = single.predict(X[300:].astype(np.float32)), double.predict(X[300:])
    if Estimator is PCClassifier:
        assert np.mean(a == b) > 0.98  # where two classes tie, rounding decides
    else:
        np.testing.assert_allclose(a, b, atol=1e-3 * y.std())


def test_a_constant_target_trains_also_with_early_stopping():
    X = np.random.RandomState(0).randn(10, 2)
    options = {"early_stopping": True, "validation_fraction": 0.2, "learning_rate_init": 0.015}
    model = small(PCRegressor, **options).fit(X, np.full(10, 7.0))
    np.testing.assert_allclose(model.predict(X), 7.0, atol=0.5)
    labels = small(PCClassifier, **options).fit(X, np.full(10, "only")).predict(X)
    assert set(labels) == {"only"}


# -------------------------------------------------------- differences listed in docs/migration.md


def test_counts_of_outputs_and_layers():
    X, y = two_digits()
    model = small(PCClassifier, hidden_layer_sizes=(4, 4)).fit(X, y)
    mlp = MLPClassifier((4, 4), tol=1.0).fit(X, y)
    assert (model.n_outputs_, mlp.n_outputs_) == (2, 1)
    assert (model.n_layers_, mlp.n_layers_) == (3, 4)
    assert len(model.coefs_) == len(mlp.coefs_) == 3
    assert [W.shape for W in model.coefs_[:-1]] == [W.shape for W in mlp.coefs_[:-1]]
    assert mlp.n_features_in_ == model.n_features_in_
