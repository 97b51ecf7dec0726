"""A model without its optimiser's state is smaller, predicts the same, and can train further."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from pcnet import PCClassifier, PCRegressor
from pcnet.serving import TRUSTED_TYPES

from ..estimators.support import ESTIMATORS, assert_same_bits, data_for, small


def pickled(model):
    return pickle.dumps(model)


def by_skops(model):
    return pytest.importorskip("skops.io").dumps(model)


def load(data, dumps):
    if dumps is pickled:
        return pickle.loads(data)
    return pytest.importorskip("skops.io").loads(data, trusted=TRUSTED_TYPES)


def wide(Estimator, **arguments):
    X, y = data_for(Estimator, 40)
    return small(Estimator, hidden_layer_sizes=(128, 128), max_iter=2, **arguments).fit(X, y), X, y


@pytest.mark.parametrize("dumps", [pickled, by_skops])
@pytest.mark.parametrize("solver, copies", [("adam", 3), ("sgd", 2)])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_file_is_smaller_by_the_moments(Estimator, solver, copies, dumps):
    model, X, y = wide(Estimator, solver=solver)
    whole, weights = dumps(model), sum(p.nbytes for p in [*model.coefs_, *model.intercepts_])
    expected = {"predict": model.predict(X), "energy": model.energy(X, y)}
    history = model.history_
    assert model.drop_optimizer_state() is model
    small_file = dumps(model)
    assert len(whole) - len(small_file) == pytest.approx((copies - 1) * weights, rel=0.1)
    assert len(small_file) < 1.15 * len(whole) / copies + 20_000
    for same in (model, load(small_file, dumps)):
        np.testing.assert_array_equal(same.predict(X), expected["predict"])
        np.testing.assert_array_equal(same.energy(X, y), expected["energy"])
        assert same.history_ == history


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_continues_with_a_new_optimiser(method):
    """As a network with the same weights that was not trained before."""
    model, X, y = wide(PCRegressor, warm_start=True, shuffle=False)
    arguments = {"max_iter": 2, "warm_start": True, "shuffle": False, "alpha": 0.0}
    fresh = PCRegressor.from_network(
        model.network_, y_mean=model.y_mean_, y_scale=model.y_scale_, **arguments
    )
    remembering = pickle.loads(pickle.dumps(model))
    for each in (model.drop_optimizer_state(), fresh, remembering):
        getattr(each, method)(X, y)
    assert_same_bits(model, fresh)
    assert any(np.any(a != b) for a, b in zip(model.coefs_, remembering.coefs_, strict=True))
    assert model._optimizer_state is not None  # training makes a new one


def test_drop_optimizer_state_does_nothing_for_lbfgs():
    model, X, _ = wide(PCClassifier, solver="lbfgs", tol=10.0)
    np.testing.assert_array_equal(model.predict(X), model.drop_optimizer_state().predict(X))


def test_unfitted_estimator_is_an_error():
    with pytest.raises(NotFittedError):
        PCClassifier().drop_optimizer_state()
