"""Oracle: scikit-learn's MLP. Behaviour that its documentation or tests define is the same here.

docs/migration.md lists intended differences; tests below check those that can be tested.
"""

import re
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import (
    load_digits,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from pcnet import PCClassifier, PCRegressor
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, assert_same_bits, iris, small

MIGRATION = Path(__file__).resolve().parents[2] / "docs" / "migration.md"
MLP = {PCClassifier: MLPClassifier, PCRegressor: MLPRegressor}
#: scikit-learn 1.7 brought the loss and checks the size of a regressor's validation set.
MLP_CHECKS_VALIDATION = "loss" in MLPRegressor().get_params()
not_finished = pytest.mark.filterwarnings("ignore:Maximum iterations")


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


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_larger_alpha_gives_smaller_weights(Estimator):
    X, y = two_digits()
    sums = [
        [np.abs(W).sum() for W in small(Estimator, alpha=alpha).fit(X, y).coefs_]
        for alpha in (0.0, 1.0, 10.0)
    ]
    assert np.all(np.diff(sums, axis=0) < 0)


# ---------------------------------------------------------------- targets


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_multilabel(loss):
    X, y = make_multilabel_classification(n_samples=80, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = PCClassifier(50, loss=loss, alpha=0.1, max_iter=150, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.97
    model = PCClassifier(50, loss=loss, learning_rate_init=0.02, random_state=0)
    for _ in range(100):
        model.partial_fit(X, y, classes=[0, 1, 2, 3, 4])
    assert model.score(X, y) > 0.9
    stopped = PCClassifier(early_stopping=True, max_iter=5, loss=loss).fit(X, y)
    assert stopped.predict(X).shape == y.shape
    mlp = MLPClassifier(early_stopping=True, tol=1.0).fit(X, y)
    np.testing.assert_array_equal(stopped.classes_, mlp.classes_)
    assert stopped.predict_proba(X).shape == mlp.predict_proba(X).shape
    assert stopped.n_outputs_ == mlp.n_outputs_


def test_multioutput_regression():
    X, y = make_regression(n_samples=200, n_targets=5, random_state=11)
    model = PCRegressor(50, max_iter=100, random_state=1).fit(X, y)
    assert model.predict(X).shape == (200, 5)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_probabilities_have_the_shape_and_sums_of_the_mlp(n_classes, loss):
    X, y = load_digits(n_class=n_classes, return_X_y=True)
    X = X[:150] / 8 - 1
    model = small(PCClassifier, loss=loss).fit(X, y[:150])
    mlp = MLPClassifier((5,), max_iter=200, tol=1, random_state=0).fit(X, y[:150])
    p = model.predict_proba(X)
    assert p.shape == mlp.predict_proba(X).shape == (150, n_classes)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(p), rtol=1e-9, atol=1e-12)


def test_string_labels_with_early_stopping():
    X, y = make_classification(200, 10, n_classes=3, n_informative=5, random_state=42)
    for dtype in (object, None):
        labels = np.array(["class_a", "class_b", "class_c"], dtype=dtype)[y]
        model = small(PCClassifier, early_stopping=True, max_iter=8).fit(X, labels)
        assert len(model.validation_scores_) == model.n_iter_
        assert np.isfinite(model.validation_scores_).all()
        assert set(model.predict(X)) <= set(labels)


def test_early_stopping_is_stratified():
    def call(Class):
        Class(early_stopping=True).fit([[1, 2], [2, 3], [3, 4], [4, 5]], [0, 0, 0, 1])

    for message in errors_of(PCClassifier, call):
        assert re.search("The least populated class(es)? in y ha(s|ve) only 1 member", message)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_validation_set_of_one_sample_is_too_small(Estimator):
    def call(Class):
        Class(early_stopping=True, random_state=0).fit(np.eye(2, 5), [0.0, 1.0])

    if Estimator is PCRegressor and not MLP_CHECKS_VALIDATION:
        with pytest.raises(ValueError, match=r"^The validation set is too small"):
            call(Estimator)
    elif Estimator is PCRegressor:
        for message in errors_of(Estimator, call):
            assert message.startswith("The validation set is too small")
    else:
        assert all(errors_of(Estimator, call))


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


def test_partial_fit_accepts_classes_that_come_later():
    model = small(PCClassifier)
    model.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    for _ in range(30):
        model.partial_fit([[4]], ["d"])
    assert model.score([[4]], ["d"]) == 1


@not_finished
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_partial_fit_is_fit_epoch_by_epoch(Estimator, momentum):
    X, y = iris()
    options = {"solver": SGD(momentum=momentum), "learning_rate_init": 0.01, "tol": 0.0}
    options["batch_size"] = 64
    model = small(Estimator, learning_rate="constant", max_iter=20, **options).fit(X, y)
    other = small(Estimator, **options)
    for _ in range(20):
        other.partial_fit(X, y, **({"classes": [0, 1, 2]} if Estimator is PCClassifier else {}))
    assert_same_bits(model, other)
    assert model.loss_curve_ == other.loss_curve_
    assert other.n_iter_ == 1
    assert other.t_ == 20 * len(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_refuses_early_stopping_also_after_fit(Estimator):
    X, y = iris()

    def call(Class):
        Class(early_stopping=True, random_state=0, max_iter=5).fit(X, y).partial_fit(X, y)

    for message in errors_of(Estimator, call):
        assert message.startswith("partial_fit does not support early_stopping=True")


def test_loaded_model_continues_training(tmp_path):
    X, y = make_regression(n_samples=60, n_features=3, random_state=0)
    joblib.dump(small(PCRegressor, max_iter=30).fit(X, y), tmp_path / "model.joblib")
    model = joblib.load(tmp_path / "model.joblib")
    before = np.abs(model.predict(X) + y).mean()
    for _ in range(100):
        model.partial_fit(X, -y)
    assert np.abs(model.predict(X) + y).mean() < 0.1 * before


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


@not_finished
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_infinite_n_iter_no_change(Estimator):
    X, y = two_digits(30)
    options = {"learning_rate": "constant", "tol": 1e9, "n_iter_no_change": np.inf}
    assert small(Estimator, max_iter=40, **options).fit(X, y).n_iter_ == 40


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_large_tolerance_ends_training(solver):
    model = PCClassifier(tol=0.5, max_iter=3000, solver=solver, learning_rate_init=1e-3)
    assert model.fit([[3, 2], [1, 6]], [1, 0]).n_iter_ < 20


def test_the_adaptive_rate_falls_until_training_ends():
    model = PCClassifier(
        tol=0.5, max_iter=3000, solver="sgd", learning_rate="adaptive", learning_rate_init=1e-3
    )
    # 5 ** 5 > 1000: after five plateaus of 11 epochs the rate is below a thousandth
    assert 50 < model.fit([[3, 2], [1, 6]], [1, 0]).n_iter_ < 100


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_attributes_of_early_stopping(Estimator):
    X, y = two_digits()
    stopping = small(Estimator, early_stopping=True, tol=0.2, max_iter=300).fit(X, y)
    assert stopping.n_iter_ < 300
    assert stopping.best_loss_ is None
    assert isinstance(stopping.validation_scores_, list)
    assert max(stopping.validation_scores_) == stopping.best_validation_score_
    assert max(stopping.validation_scores_[-2:]) < stopping.best_validation_score_ + 0.2
    plain = small(Estimator).fit(X, y)
    assert plain.validation_scores_ is None
    assert plain.best_validation_score_ is None
    assert plain.best_loss_ == min(plain.loss_curve_)
    assert plain.loss_ == plain.loss_curve_[-1]


@pytest.mark.parametrize("y_new", [2, 3, 4, 5])
def test_warm_start_needs_the_classes_of_before(y_new):
    X, y = iris()
    labels = np.arange(150) % y_new if y_new != 3 else np.repeat([0, 1, 3], 50)

    def call(Class):
        Class((2,), warm_start=True, random_state=0, max_iter=5).fit(X, y).fit(X, labels)

    ours, theirs = errors_of(PCClassifier, call)
    assert ours.rstrip(".") == theirs.rstrip(".")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_counts_epochs_from_zero(Estimator):
    X, y = iris()
    model = small(Estimator, solver="sgd", warm_start=True, max_iter=3, learning_rate_init=1e-3)
    assert model.fit(X, y).n_iter_ == 3
    assert model.fit(X, y).n_iter_ == 3
    assert len(model.loss_curve_) == 6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_with_early_stopping(Estimator):
    X, y = iris()
    model = small(Estimator, warm_start=True, early_stopping=True).fit(X, y)
    n_scores = len(model.validation_scores_)
    model.set_params(max_iter=20).fit(X, y)
    assert len(model.validation_scores_) > n_scores


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
def test_shuffling(Estimator):
    X, y = two_digits(50)
    fits = {}
    for shuffle in (True, False):
        options = {"shuffle": shuffle, "batch_size": 5, "max_iter": 1}
        fits[shuffle] = small(Estimator, **options).fit(X, y)
        assert_same_bits(fits[shuffle], small(Estimator, **options).fit(X, y))
    assert not np.array_equal(fits[True].coefs_[0], fits[False].coefs_[0])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_verbose(Estimator, capsys):
    model = small(Estimator, max_iter=2, verbose=10).fit([[3, 2], [1, 6]], [1, 0])
    model.partial_fit([[3, 2], [1, 6]], [1, 0])
    assert "Epoch" in capsys.readouterr().out


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_batch_size_beyond_the_data_warns_as_the_mlp_does(Estimator):
    X, y = two_digits(30)
    for Class in (Estimator, MLP[Estimator]):
        with pytest.warns(UserWarning, match="larger than sample size"):
            Class(hidden_layer_sizes=(4,), batch_size=31, max_iter=300, tol=10.0).fit(X, y)


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
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_and_predictions_have_the_dtype_of_the_data(Estimator, dtype):
    X, y = two_digits()
    model = small(Estimator).fit(X.astype(dtype), y)
    assert all(a.dtype == dtype for a in [*model.coefs_, *model.intercepts_])
    if Estimator is PCRegressor:
        assert model.predict(X.astype(dtype)).dtype == dtype
    else:
        assert model.predict_proba(X.astype(dtype)).dtype == dtype


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


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_names_of_features_with_early_stopping_and_a_constant_target(Estimator):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.RandomState(0).randn(10, 2), columns=["first", "second"])
    y = pd.Series(np.full(10, 1), name="target")
    model = Estimator(early_stopping=True, validation_fraction=0.2, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(X, y)
    assert list(model.feature_names_in_) == ["first", "second"]


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


def test_loss_is_recorded_without_the_penalty():
    X, y = iris()
    options = {"alpha": 1e-6, "max_iter": 1, "learning_rate_init": 1e-9}
    model = small(PCClassifier, **options).fit(X, y)
    outputs = model.decision_function(X)
    loss = 0.5 * np.mean(np.sum((outputs - np.eye(3)[y]) ** 2, axis=1))
    np.testing.assert_allclose(model.loss_, loss, rtol=1e-5)
    assert model.penalty_curve_[0] > 0


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_matrices_are_trained_on_as_dense_ones(Estimator, container):
    X, y = two_digits()
    X = X + 1  # the background is 0
    dense, sparse = (small(Estimator).fit(data, y) for data in (X, container(X)))
    assert_same_bits(dense, sparse)
    np.testing.assert_array_equal(dense.predict(X), sparse.predict(container(X)))
