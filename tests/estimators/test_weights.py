"""Oracle: a weight is a repetition, a zero weight a removal; class weights are sample weights."""

import numpy as np
import pytest

from pcnet import PCClassifier, PCRegressor
from pcnet._estimators.labels import class_weight_per_class

from .support import (
    ESTIMATORS,
    WatchedInference,
    assert_same_bits,
    data_for,
    parameters,
    small,
)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_integer_weights_are_repetitions(Estimator, solver):
    X, y = data_for(Estimator, n_samples=40)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    rate = 0.02 if solver == "adam" else 1e-3
    # tanh, because at a kink the result may depend on rounding
    model = small(Estimator, activation="tanh", solver=solver, learning_rate_init=rate)
    model.set_params(batch_size=10_000, max_iter=10)
    with pytest.warns(UserWarning, match="clipped"):
        weighted = parameters(model.fit(X, y, sample_weight=weight))
    with pytest.warns(UserWarning, match="clipped"):
        repeated = parameters(model.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight)))
    for a, b in zip(weighted, repeated):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("weight", [1, 2.5, "ones", "twos"])
def test_only_ratios_matter(Estimator, weight):
    X, y = data_for(Estimator)
    plain = small(Estimator).fit(X, y)
    weight = {"ones": np.ones(len(X)), "twos": np.full(len(X), 2)}.get(weight, weight)
    weighted = small(Estimator).fit(X, y, sample_weight=weight)
    for a, b in zip(parameters(plain), parameters(weighted)):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_partial_fit_takes_weights():
    X, y = data_for(PCClassifier)
    weight = np.linspace(0.1, 1, len(X))
    method = WatchedInference()
    model = small(PCClassifier, batch_size=len(X), shuffle=False, inference=method)
    model.partial_fit(X, y, sample_weight=weight, classes=[0, 1, 2])
    np.testing.assert_array_equal(method.steps[0].sample_weight, weight / weight.sum())


# ------------------------------------------------------------ class weights


@pytest.mark.parametrize("weighted", [False, True])
def test_class_weight_is_multiplied_with_sample_weight(weighted):
    X, y = data_for(PCClassifier)
    sample_weight = np.random.default_rng(1).uniform(0.5, 2, len(X)) if weighted else None
    by_class = small(PCClassifier, class_weight={0: 3.0, 2: 0.5})
    by_class.fit(X, y, sample_weight=sample_weight)
    product = np.array([3.0, 1.0, 0.5])[y] * (1 if sample_weight is None else sample_weight)
    assert_same_bits(by_class, small(PCClassifier).fit(X, y, sample_weight=product))


def test_class_weight_zero_equals_removal_of_the_class():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, class_weight={1: 0}).fit(X, y)
    assert list(model.classes_) == [0, 1, 2]
    assert model.t_ == 5 * np.sum(y != 1)


def test_class_weight_with_string_labels():
    X, y = data_for(PCClassifier)
    names = np.array(["a", "b", "c"])[y]
    by_name = small(PCClassifier, class_weight={"a": 4.0}).fit(X, names)
    by_number = small(PCClassifier, class_weight={0: 4.0}).fit(X, y)
    assert_same_bits(by_name, by_number)


def test_balanced_gives_each_class_the_same_total():
    codes = np.array([0] * 5 + [1] * 3 + [3] * 2)
    weights = class_weight_per_class("balanced", np.arange(4), codes)
    np.testing.assert_allclose(weights, [10 / 15, 10 / 9, 0, 10 / 6])
    sample_weight = np.linspace(0.5, 1.5, 10)
    weights = class_weight_per_class("balanced", np.arange(4), codes, sample_weight)
    totals = np.bincount(codes, weights=weights[codes] * sample_weight)
    np.testing.assert_allclose(totals[[0, 1, 3]], sample_weight.sum() / 3)


def test_balanced_finds_the_rare_class():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, (570, 2)), rng.normal(1.5, 1, (30, 2))]
    y = np.repeat([0, 1], [570, 30])
    recall = {}
    for class_weight in (None, "balanced"):
        model = small(PCClassifier, class_weight=class_weight, max_iter=20).fit(X, y)
        recall[class_weight] = np.mean(model.predict(X[y == 1]) == 1)
    assert recall["balanced"] > 0.75 > recall[None]


# ------------------------------------------------------------ weights and target scaling


def test_target_scaling_is_weighted():
    X, y = data_for(PCRegressor)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    model = small(PCRegressor).fit(X, y, sample_weight=weight)
    repeated = np.repeat(y, weight)
    np.testing.assert_allclose(model.y_mean_, [repeated.mean()])
    np.testing.assert_allclose(model.y_scale_, [repeated.std()])
