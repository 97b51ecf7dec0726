"""Oracle: scikit-learn's own checks, and its tools (clone, pickle, search, pipelines)."""

import inspect
import pickle
import re

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from pcnet import PCClassifier, PCRegressor
from pcnet.inference import ErrorDescent
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, assert_same_bits, data_for, iris, small

about_100 = pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")


@about_100
@parametrize_with_checks(
    [PCClassifier(max_iter=20, alpha=0.1, temperature=0.2), PCRegressor(max_iter=20, alpha=0.1)]
)
def test_scikit_learn_estimator_checks_in_20_epochs(estimator, check):
    """With few samples max_iter="auto" would take hundreds of epochs; no pilots."""
    check(estimator)


@pytest.mark.slow
@about_100
@parametrize_with_checks([PCClassifier(), PCRegressor()])
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_argument_is_constrained_and_documented(Estimator):
    arguments = set(inspect.signature(Estimator.__init__).parameters) - {"self"}
    assert set(Estimator._parameter_constraints) == arguments
    for name in arguments:
        assert re.search(rf"^{name} : .*default=", Estimator.__doc__, re.MULTILINE), name


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_docstring_has_every_fitted_attribute_and_no_placeholder(Estimator):
    fitted = small(Estimator, max_iter=1).fit(*data_for(Estimator))
    public = {n for n in dir(fitted) if n.endswith("_") and not n.startswith("_")}
    for name in public - {"feature_names_in_"}:
        assert re.search(rf"^(?! )[\w, ]*\b{name}\b[\w, ]* : ", Estimator.__doc__, re.MULTILINE), (
            name
        )
    assert not re.search(r"\{\w+\}", Estimator.__doc__)
    # the defaults shown are those of the constructor
    power = inspect.signature(Estimator.__init__).parameters["power_t"].default
    assert f"power_t : float, default={power}\n" in Estimator.__doc__


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_clone_of_a_fitted_estimator_fits_to_the_same_bits(Estimator):
    X, y = data_for(Estimator)
    first = small(Estimator, inference=ErrorDescent(tol=1e-3), solver=SGD(), gamma=2.0).fit(X, y)
    second = clone(first)
    assert not hasattr(second, "coefs_")
    assert_same_bits(first, second.fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_pickled_estimator_continues_with_the_same_bits(Estimator, solver):
    X, y = data_for(Estimator)
    rate = 0.03 if solver == "adam" else 1e-3
    original = small(Estimator, solver=solver, learning_rate_init=rate).fit(X, y)
    copy = pickle.loads(pickle.dumps(original))
    np.testing.assert_array_equal(original.predict(X), copy.predict(X))
    for _ in range(2):
        original.partial_fit(X, y)
        copy.partial_fit(X, y)
    assert_same_bits(original, copy)
    assert original.loss_curve_ == copy.loss_curve_
    assert original.t_ == copy.t_


def test_joblib_dump_and_memory_mapped_load(tmp_path):
    X, y = iris()
    original = small(PCClassifier).fit(X, y)
    joblib.dump(original, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(original.predict_proba(X), mapped.predict_proba(X))


def test_grid_search_over_the_options_of_inference_and_solver():
    X, y = iris()
    model = small(PCClassifier, inference=ErrorDescent(), solver=Adam(), max_iter=80)
    grid = {"inference__tol": [1e-1, 1e-3], "solver__beta_2": [0.99, 0.999]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_estimator_.inference.tol in grid["inference__tol"]
    assert model.inference.tol == ErrorDescent().tol  # not changed by the search
    assert search.best_score_ > 0.9


@pytest.mark.filterwarnings("ignore:Inference raised the mean energy")  # rate 0.5 is too large here
def test_grid_search_over_names():
    X, y = iris()
    grid = {"inference": ["error", "activity"], "parameterization": ["mupc", "sp"]}
    model = small(PCClassifier, max_iter=2, learning_rate_init=0.01)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4


@pytest.mark.slow  # starts processes
def test_pipeline_and_cross_validation_in_two_processes():
    X, y = iris()
    model = make_pipeline(StandardScaler(), small(PCClassifier, max_iter=50))
    scores = cross_val_score(model, X, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(scores, cross_val_score(model, X, y, cv=3))
    assert scores.mean() > 0.9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_does_not_change_its_input_or_arguments(Estimator):
    X, y = data_for(Estimator)
    weight = np.linspace(0, 2, len(X))
    before = X.copy(), y.copy(), weight.copy()
    estimator = small(Estimator, early_stopping=True, inference=ErrorDescent())
    arguments = estimator.get_params()
    estimator.fit(X, y, sample_weight=weight)
    for now, then in zip((X, y, weight), before):
        np.testing.assert_array_equal(now, then)
    assert estimator.get_params() == arguments


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_subclass_with_its_own_constructor(Estimator):
    class Own(Estimator):
        def __init__(self, extra=1, max_iter=2):
            super().__init__((4,), max_iter=max_iter, alpha=0.1, random_state=0)
            self.extra = extra

    X, y = data_for(Estimator)
    model = Own().set_params(extra=3).fit(X, y)
    assert (model.extra, model.n_iter_) == (3, 2)
    assert_same_bits(model, Estimator((4,), max_iter=2, alpha=0.1, random_state=0).fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_random_state_instance_and_shuffle(Estimator):
    X, y = data_for(Estimator)
    seed = small(Estimator, random_state=3).fit(X, y)
    for make in (np.random.RandomState, np.random.default_rng):
        first = small(Estimator, random_state=make(3)).fit(X, y)
        weights = [W.copy() for W in first.coefs_]
        if make is np.random.RandomState:
            assert_same_bits(seed, first)
        assert_same_bits(first, small(Estimator, random_state=make(3)).fit(X, y))
        assert not np.array_equal(weights[0], first.fit(X, y).coefs_[0])  # drawn on
    in_order = small(Estimator, random_state=3, shuffle=False).fit(X, y)
    assert not np.array_equal(seed.coefs_[0], in_order.coefs_[0])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_feature_names(Estimator):
    pd = pytest.importorskip("pandas")
    X, y = data_for(Estimator)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = small(Estimator, early_stopping=True).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("bacdef")])
