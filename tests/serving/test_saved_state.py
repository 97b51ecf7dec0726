"""Oracle: a golden file of estimators that pcnet 0.1.0 pickled, and what they predicted then."""

import copy
import lzma
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from pcnet import PCClassifier, PCRegressor, __version__, parameterization
from pcnet._state import FORMAT, upgraded_state
from pcnet.solvers import SGD, resolve_solver

DATA = Path(__file__).parent / "data"
FITTED = ("classifier", "multilabel", "regressor", "warm")
TARGETS = {
    "classifier": "labels",
    "multilabel": "multilabel_y",
    "regressor": "target",
    "warm": "target",
}


@pytest.fixture
def format1():
    """Estimators of format 1 as today's code loads them, and the arrays saved beside them."""
    with lzma.open(DATA / "format1.pkl.xz") as file:
        estimators = pickle.load(file)
    with np.load(DATA / "format1.npz") as arrays:
        return estimators, dict(arrays)


def closeness(estimator):
    return 1e-12 if estimator.network_.dtype == np.float64 else 1e-5


@pytest.mark.parametrize("name", FITTED)
def test_format_1_predicts_as_when_it_was_saved(format1, name):
    estimators, arrays = format1
    model = estimators[name]
    X = arrays["X"].astype(model.network_.dtype)
    tol = closeness(model)
    predicted, expected = model.predict(X), arrays[f"predict_{name}"]
    if isinstance(model, PCRegressor):
        np.testing.assert_allclose(predicted, expected, rtol=tol, atol=tol)
    else:
        np.testing.assert_array_equal(predicted, expected)
        np.testing.assert_allclose(model.predict_proba(X), arrays[f"proba_{name}"], atol=tol)


@pytest.mark.parametrize("name", FITTED)
def test_format_1_goes_on_training_with_its_moments(format1, name, monkeypatch):
    monkeypatch.setattr(parameterization, "shallow_boost", lambda skips: 1.0)  # younger than it
    monkeypatch.setattr(parameterization, "NARROW", 1)
    estimators, arrays = format1
    # with an activity decay, be it lost in rounding, inference opens with a step of 1, as it did
    model = estimators[name].set_params(early_stopping=False, activity_decay=1e-30)
    assert model._solver_type == type(resolve_solver(model.solver)).__name__
    model.partial_fit(arrays["X"].astype(model.network_.dtype), arrays[TARGETS[name]])
    weights = np.concatenate([w.ravel() for w in model.coefs_])
    tolerance = 1e-9 if model.network_.dtype == np.float64 else 2e-4
    np.testing.assert_allclose(weights, arrays[f"continued_{name}"], atol=tolerance)


@pytest.mark.parametrize("name", FITTED)
def test_curves_of_format_1_are_in_the_history(format1, name):
    estimators, arrays = format1
    model = estimators[name]
    n_epochs = len(model.loss_curve_)
    assert n_epochs == len(model.history_["epoch"]) == model.n_iter_ + (name == "warm") * 6
    assert model.history_["epoch"] == list(range(1, n_epochs + 1))
    assert model.loss_curve_[-1] == model.loss_
    assert len(model.energy_curve_) == len(model.converged_fraction_) == n_epochs
    if name == "multilabel":
        assert model.history_["validation_score"] == model.validation_scores_
        assert max(model.validation_scores_) == model.best_validation_score_
    model.set_params(early_stopping=False)
    model.partial_fit(arrays["X"].astype(model.network_.dtype), arrays[TARGETS[name]])
    assert {len(column) for column in model.history_.values()} == {n_epochs + 1}
    assert np.isnan(model.history_["learning_rate"][0])  # not kept in format 1


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_format_1_has_the_attributes_of_a_model_fitted_today(format1, name):
    estimators, arrays = format1
    model = estimators[name]
    today = clone(model).fit(arrays["X"], arrays[TARGETS[name]])
    assert vars(today).keys() == vars(model).keys()


def test_format_1_unfitted(format1):
    model = format1[0]["unfitted"]
    assert model.hidden_layer_sizes == (3,)
    assert isinstance(model.solver, SGD)
    assert model.get_params(deep=False).keys() == PCClassifier().get_params().keys()


def test_arguments_that_an_old_version_did_not_have_get_their_defaults():
    state = PCClassifier(alpha=0.5).__getstate__()
    del state["dtype"]
    assert upgraded_state(state, PCClassifier)["dtype"] is None
    assert upgraded_state(state, PCClassifier)["alpha"] == 0.5


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
def test_a_newer_format_is_refused_with_the_version_to_install(Estimator):
    state = {**Estimator().__getstate__(), "_pcnet_format": FORMAT + 1, "_pcnet_version": "9.8.7"}
    with pytest.raises(ValueError, match=rf"9\.8\.7 in format {FORMAT + 1}.*Update pcnet to 9"):
        Estimator().__setstate__(state)


def test_the_stamp_is_in_the_saved_state_and_nowhere_else():
    model = PCClassifier()
    state = model.__getstate__()
    assert (state["_pcnet_format"], state["_pcnet_version"]) == (FORMAT, __version__)
    for other in (model, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not [name for name in vars(other) if name.startswith("_pcnet")]
        assert vars(other).keys() == vars(model).keys()


def test_joblib_compressed_file_goes_on_with_the_same_bits(tmp_path):
    X = np.random.default_rng(0).standard_normal((30, 3))
    model = PCRegressor((8,), max_iter=3, random_state=0).fit(X, X[:, 0])
    joblib.dump(model, tmp_path / "model.joblib", compress=3)
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        model.partial_fit(X, X[:, 0]).predict(X), loaded.partial_fit(X, X[:, 0]).predict(X)
    )
