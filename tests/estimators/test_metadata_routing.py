"""Metadata routing: weights reach `fit` and `score` in pipelines and searches if requested."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor

OPTIONS = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def data(estimator):
    X, y = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).random(len(y))
    return X, y if estimator is PCClassifier else X[:, 0] + y, weight


@pytest.mark.parametrize("estimator", [PCClassifier, PCRegressor])
def test_pipeline_passes_weights(estimator):
    X, y, weight = data(estimator)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    model = estimator(**OPTIONS).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True)
    routed = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
    scaled = StandardScaler().fit_transform(X)
    direct = estimator(**OPTIONS).fit(scaled, y, sample_weight=weight)
    for W, expected in zip(routed[-1].coefs_, direct.coefs_, strict=True):
        np.testing.assert_array_equal(W, expected)
    unweighted = estimator(**OPTIONS).fit(scaled, y)
    assert not np.array_equal(direct.coefs_[0], unweighted.coefs_[0])
    score = routed.score(X, y, sample_weight=weight)
    assert score == direct.score(scaled, y, sample_weight=weight)


@pytest.mark.parametrize("estimator", [PCClassifier, PCRegressor])
def test_a_search_splits_weights_with_the_rows(estimator):
    X, y, weight = data(estimator)
    model = estimator(**OPTIONS).set_fit_request(sample_weight=True)
    model.set_score_request(sample_weight=True)
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(model, {"alpha": [0.03]}, cv=folds).fit(X, y, sample_weight=weight)
    scores = []
    for train, test in folds.split(X):
        fitted = estimator(**OPTIONS, alpha=0.03)
        fitted.fit(X[train], y[train], sample_weight=weight[train])
        scores.append(fitted.score(X[test], y[test], sample_weight=weight[test]))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], np.mean(scores), rtol=1e-12)


@pytest.mark.parametrize("estimator", [PCClassifier, PCRegressor])
def test_weights_without_request_are_an_error(estimator):
    X, y, weight = data(estimator)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        make_pipeline(StandardScaler(), estimator(**OPTIONS)).fit(X, y, sample_weight=weight)
