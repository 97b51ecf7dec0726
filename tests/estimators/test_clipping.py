"""Gradient clipping in the estimators; its arithmetic is in tests/core/test_core_training.py."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier, PCRegressor
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, assert_same_bits, data_for, parameters, small


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("Solver", [Adam, SGD])
def test_clip_none_and_clip_never_reached_have_the_same_bits(Estimator, Solver):
    X, y = data_for(Estimator)
    fits = [small(Estimator, solver=Solver(clip=clip)).fit(X, y) for clip in (None, 1e9)]
    assert_same_bits(*fits)


@pytest.mark.parametrize("Solver", [Adam, SGD])
def test_a_tight_bound_changes_the_training(Solver):
    X, y = data_for(PCClassifier)
    free, tight = (small(PCClassifier, solver=Solver(clip=c)).fit(X, y) for c in (None, 0.01))
    assert not np.array_equal(free.coefs_[0], tight.coefs_[0])


def test_clipped_descent_moves_no_further_than_rate_times_bound():
    """Without momentum and decay, one step moves all parameters by at most rate * clip (rms)."""
    X, y = data_for(PCRegressor)
    solver = SGD(momentum=0.0, clip=0.05)
    model = small(PCRegressor, solver=solver, alpha=0.0, parameterization="sp", batch_size=120)
    model.set_params(learning_rate_init=0.1, warm_start=True, max_iter=1, fit_intercept=False)
    model.fit(X, y)
    before = [p.copy() for p in parameters(model)]
    model.fit(X, y)
    moved = np.concatenate([(a - b).ravel() for a, b in zip(model.coefs_, before, strict=False)])
    assert 0 < np.sqrt(np.mean(moved**2)) <= 0.1 * 0.05 * (1 + 1e-9)


def test_clipping_reduces_the_effect_of_an_outlier():
    """An outlier among the targets makes gradient descent fail, but not with clipping."""
    X, y = data_for(PCRegressor, n_samples=200)
    outliers = y.copy()
    outliers[0] += 1_000_000

    def trained(clip):
        model = small(PCRegressor, solver=SGD(clip=clip), batch_size=10, learning_rate_init=0.05)
        model.partial_fit(X, y)  # the unit of the targets is that of clean ones
        for _ in range(10):
            model.partial_fit(X, outliers)
        return model

    with pytest.raises(FloatingPointError, match="diverged"):
        trained(clip=None)
    model = trained(clip=0.1)
    assert model.score(X[1:], y[1:]) > 0


def test_grid_search_over_clip():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, solver=Adam(), max_iter=1)
    search = GridSearchCV(model, {"solver__clip": [None, 0.5]}, cv=2).fit(X, y)
    assert [p["solver__clip"] for p in search.cv_results_["params"]] == [None, 0.5]
