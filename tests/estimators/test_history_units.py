"""The values of a history are comparable: another loss or score begins a new history."""

import numpy as np
import pytest
from sklearn.metrics import make_scorer, max_error

from pcnet import PCClassifier, PCRegressor
from pcnet.losses import Huber
from pcnet.solvers import SGD

from .support import ESTIMATORS, assert_same_bits, data_for, small


def warm(Estimator, **arguments):
    X, y = data_for(Estimator, 60)
    model = small(Estimator, max_iter=3, tol=0, warm_start=True, **arguments).fit(X, y)
    return model, X, y


def assert_new_history(model, n_epochs=3):
    assert {len(column) for column in model.history_.values()} == {n_epochs}
    assert model.history_["epoch"] == list(range(1, n_epochs + 1))
    assert model.loss_curve_ == model.history_["loss"]
    assert model.best_loss_ in (None, min(model.loss_curve_))


@pytest.mark.parametrize(
    "Estimator, first, second",
    [
        (PCClassifier, "squared_error", "log_loss"),
        (PCClassifier, "log_loss", "squared_error"),
        (PCRegressor, "squared_error", "huber"),
        (PCRegressor, Huber(0.5), Huber(2.0)),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_loss_begins_a_new_history(Estimator, first, second, method):
    model, X, y = warm(Estimator, loss=first)
    weights, seen = [W.copy() for W in model.coefs_], model.t_
    older = model.history_
    getattr(model.set_params(loss=second), method)(X, y)
    assert_new_history(model, 3 if method == "fit" else 1)
    assert len(older["loss"]) == 3  # a reference to the old history is unchanged
    assert model.t_ > seen
    assert any(np.any(a != b) for a, b in zip(weights, model.coefs_, strict=True))


def test_another_loss_starts_a_new_optimiser():
    """As if the estimator was made from the network by from_network."""
    model, X, y = warm(PCClassifier, shuffle=False)
    rebuilt = PCClassifier.from_network(
        model.network_, model.classes_, loss="log_loss", shuffle=False, max_iter=3, tol=0,
        alpha=0.0, warm_start=True, output_precision=model.output_precision_,
    )  # fmt: skip
    model.set_params(loss="log_loss")
    assert_same_bits(model.fit(X, y), rebuilt.fit(X, y))


@pytest.mark.parametrize("loss", ["huber", Huber()])
def test_equal_loss_continues_the_history(loss):
    model, X, y = warm(PCRegressor, loss="huber")
    model.set_params(loss=loss).fit(X, y)
    assert len(model.loss_curve_) == 6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "change", [{"alpha": 0.5}, {"solver": SGD()}, {"inference": "backprop"}, {"max_iter": 3}]
)
def test_other_changed_arguments_continue_the_history(Estimator, change):
    model, X, y = warm(Estimator)
    model.set_params(**change).fit(X, y)
    assert model.history_["epoch"] == [1, 2, 3, 4, 5, 6]


LESS = "neg_mean_absolute_error"
SCORINGS = ["loss", LESS, [LESS, "r2"], {"a": LESS}, make_scorer(max_error)]


@pytest.mark.parametrize("scoring", SCORINGS, ids=str)
def test_another_scoring_begins_a_new_history(scoring):
    X, y = data_for(PCRegressor, 60)
    model = small(PCRegressor, max_iter=3, tol=0, warm_start=True, early_stopping=True).fit(X, y)
    model.set_params(scoring=scoring).fit(X, y)
    assert_new_history(model)
    model.fit(X, y)
    assert len(model.validation_scores_) == 6


def test_training_without_validation_keeps_earlier_scores():
    X, y = data_for(PCRegressor, 60)
    model = small(PCRegressor, max_iter=3, tol=0, warm_start=True, early_stopping=True).fit(X, y)
    model.set_params(early_stopping=False).fit(X, y)
    assert np.isnan(model.history_["validation_score"]).tolist() == [False] * 3 + [True] * 3
    model.set_params(early_stopping=True).fit(X, y)
    assert len(model.validation_scores_) == 9
    model.set_params(scoring="loss").fit(X, y)
    assert_new_history(model)
