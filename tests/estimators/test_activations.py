"""Estimators with one activation per hidden layer."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier

from .. import reference
from .support import ESTIMATORS, assert_same_bits, data_for, small

SIZES = {"hidden_layer_sizes": (8, 6, 6)}
MIXED = ["tanh", "relu", "gelu"]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("sequence", [list, tuple])
def test_outputs_use_the_given_activations(Estimator, sequence):
    X, y = data_for(Estimator)
    model = small(Estimator, activation=sequence(MIXED), max_iter=40, **SIZES).fit(X, y)
    assert model.network_.activations == ["identity", *MIXED]
    expected = reference.forward(model.network_, X)[-1]
    np.testing.assert_allclose(model._outputs(X), expected, rtol=1e-10, atol=1e-12)
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_list_of_one_name_has_the_bits_of_the_name(Estimator):
    X, y = data_for(Estimator)
    fits = [small(Estimator, activation=a, **SIZES).fit(X, y) for a in ("silu", ["silu"] * 3)]
    assert_same_bits(*fits)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_activation_argument_is_not_changed_by_fit(Estimator):
    X, y = data_for(Estimator)
    given = list(MIXED)
    model = small(Estimator, activation=given, **SIZES).fit(X, y)
    assert model.get_params()["activation"] is given
    assert given == MIXED
    assert_same_bits(clone(model).fit(X, y), model)
    assert_same_bits(pickle.loads(pickle.dumps(model)), model)


def test_warm_start_accepts_equivalent_activation_arguments():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, activation=["relu"] * 3, warm_start=True, **SIZES).fit(X, y)
    model.set_params(activation="relu").fit(X, y)  # the same network
    with pytest.raises(ValueError, match=r"activation was 'relu' .* is \('relu', 'tanh', 'relu'\)"):
        model.set_params(activation=["relu", "tanh", "relu"]).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "activation, message",
    [
        (["relu"], r"activation must name one function per hidden layer \(3\), got 1"),
        (["relu"] * 4, r"activation must name one function per hidden layer \(3\), got 4"),
        ((), r"activation must name one function per hidden layer \(3\), got 0"),
        (["relu", "relu", "softmax"], r"activation\[2\] must be one of"),
        (["relu", 1, "tanh"], r"activation\[1\] must be one of"),
        (None, "'activation' parameter"),
    ],
)
def test_bad_activation_lists(Estimator, activation, message):
    X, y = data_for(Estimator)
    model = small(Estimator, activation=activation, **SIZES)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "network_")


def test_grid_search_over_activation_lists():
    X, y = data_for(PCClassifier)
    grid = {"activation": ["tanh", MIXED]}
    search = GridSearchCV(small(PCClassifier, max_iter=1, **SIZES), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
