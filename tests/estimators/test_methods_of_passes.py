"""Searches, clones and pickles of estimators with methods made of single passes."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    Backprop,
    ErrorOptimization,
    ExactEquilibrium,
    GaussSeidel,
    ZeroDivergence,
)

from .support import assert_same_bits, iris, small

SEARCHES = {
    "momentum": (ActivityDescent(4, 0.2, 0.5), {"inference__momentum": [0.0, 0.5]}),
    "adam": (AdamActivityDescent(4), {"inference__rate": np.array([0.01, 0.03])}),
    "error optimization": (ErrorOptimization(4), {"inference__rate": np.array([0.1, 0.3])}),
    "gauss-seidel": (GaussSeidel(4), {"inference__n_sweeps": [1, 4]}),
    "backprop": (Backprop(), {"inference": [Backprop(), "error"]}),
    "zero divergence": (ZeroDivergence(), {"inference": [ZeroDivergence(), "backprop"]}),
    "exact": (ExactEquilibrium(), {"output_precision": [0.5, 1.0]}),
}


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("name", SEARCHES)
def test_searches_clones_and_pickles(name):
    method, grid = SEARCHES[name]
    X, y = iris()
    options = {"max_iter": 3, "learning_rate_init": 0.005, "batch_size": 64}
    if name == "exact":
        options |= {"activation": "identity", "loss": "squared_error"}
    model = small(PCClassifier, inference=method, **options)
    GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert repr(clone(model)) == repr(model)
    fitted = model.fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    for one in (fitted, copy):
        one.partial_fit(X, y)
    assert_same_bits(fitted, copy)


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_zero_divergence_trains_as_backprop_does():
    X, y = iris()
    X = X.astype(np.float64)
    models = [small(PCClassifier, inference=m, max_iter=3) for m in ("backprop", "zero_divergence")]
    by_bp, by_zero = (model.fit(X, y).coefs_ for model in models)
    for a, b in zip(by_bp, by_zero, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_energy_refuses_backprop_as_inference():
    X, y = iris()
    model = small(PCClassifier, inference="backprop", max_iter=2, tol=0).fit(X, y)
    with pytest.raises(ValueError, match="least energy"):
        model.energy(X, y, inference="backprop")
    assert np.all(np.isfinite(model.energy(X, y)))
