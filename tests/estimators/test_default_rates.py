"""``learning_rate_init="auto"``: safe for every solver, batch size, parameterization and shape."""

import numpy as np
import pytest

from pcnet import Network, PCClassifier, PCRegressor
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, assert_same_bits, data_for, digits, iris, small
from .test_narrow_layers import halves, partly_nonlinear


def centred_digits():
    X, y = digits(400)
    return halves((X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 0.1), y)


@pytest.mark.covering(1)
@pytest.mark.parametrize(
    "solver", ["adam", SGD(momentum=0.0), SGD(momentum=0.9)], ids=["adam", "plain sgd", "momentum"]
)
@pytest.mark.parametrize("batch_size", [1, 4, 16, 64, 200])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_solver_learns_at_any_batch_size(Estimator, batch_size, solver):
    X, y, X_test, y_test = centred_digits() if Estimator is PCClassifier else partly_nonlinear()
    model = Estimator((16, 16), solver=solver, batch_size=batch_size)
    model.set_params(random_state=0).fit(X, y)
    if Estimator is PCRegressor:  # a linear model: 0.79
        floor = 0.7
    else:  # chance is 0.1; one batch of 200 is 50 updates in all
        floor = 0.8 if batch_size < 200 else 0.6
    assert model.score(X_test, y_test) >= floor


@pytest.mark.covering(1)
@pytest.mark.filterwarnings("ignore:Inference reached its step limit")  # in deep sp networks
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("shape", [(), (2,), (16,), (128, 128), (32,) * 8, (16,) * 15])
@pytest.mark.parametrize("parameterization", ["mupc", "ntp", "sp"])
def test_every_parameterization_learns_at_any_shape(parameterization, shape, solver):
    """One class of iris is linearly separable from the others, the other two nearly so.

    Whether 2 units separate these two depends on the seed: the best of three counts there.
    """
    X, y = iris()
    model = PCClassifier(shape, parameterization=parameterization, solver=solver, batch_size=16)
    scores = [
        model.set_params(random_state=seed).fit(X[::2], y[::2]).score(X[1::2], y[1::2])
        for seed in range(3 if shape == (2,) else 1)
    ]
    assert max(scores) >= 0.78


@pytest.mark.covering(1)
@pytest.mark.parametrize("parameterization", ["ntp", "sp"])
@pytest.mark.parametrize("shape", [(512,), (512,) * 3])
def test_wide_layers_learn_in_every_parameterization(parameterization, shape):
    X, y = iris(np.float32)
    model = PCClassifier(shape, parameterization=parameterization, max_iter=20, random_state=0)
    assert model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) >= 0.85


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_of_single_rows_with_sgd(Estimator):
    X, y = data_for(Estimator)
    if Estimator is PCRegressor:
        y = (y - y.mean()) / y.std()
    model = small(Estimator, solver="sgd")
    first = {"classes": np.unique(y)} if Estimator is PCClassifier else {}
    model.partial_fit(X, y, **first)  # all rows: what is standardised inside needs them
    for _ in range(3):
        for row in range(len(X)):
            model.partial_fit(X[row : row + 1], y[row : row + 1])
    assert model.learning_rate_init_ == pytest.approx(0.003 * (1 - 0.9))
    assert model.score(X, y) >= 0.6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_learning_rate_init_is_the_rate_used(Estimator):
    X, y = data_for(Estimator)
    default = small(Estimator).fit(X, y)
    assert default.learning_rate_init_ == 0.03
    assert_same_bits(default, small(Estimator, learning_rate_init=0.03).fit(X, y))
    assert (
        small(Estimator, solver=Adam(), learning_rate_init=1e-3).fit(X, y).learning_rate_init_
        == 1e-3
    )
    for momentum, batch_size, expected in [(0.0, 10, 0.03), (0.5, 10, 0.015), (0.9, 120, 0.01)]:
        model = small(Estimator, solver=SGD(momentum=momentum), batch_size=batch_size).fit(X, y)
        assert model.learning_rate_init_ == pytest.approx(expected)
    model = small(Estimator, solver="sgd", batch_size=100)  # two batches of 60
    assert model.fit(X, y).learning_rate_init_ == pytest.approx(0.1 * (1 - 0.9))
    for batch_size, expected in [(2, 0.015), (8, 0.03), (60, 0.03)]:
        model = small(Estimator, batch_size=batch_size, max_iter=1).fit(X, y)
        assert model.learning_rate_init_ == pytest.approx(expected)
    model = small(Estimator, solver=SGD(momentum=1.0), max_iter=1)
    assert model.fit(X, y).learning_rate_init_ > 0
    model = small(Estimator, solver="lbfgs", tol=0.1, max_iter=200)
    assert model.fit(X, y).learning_rate_init_ is None


def test_given_networks_have_a_smaller_default_rate():
    """Without a parameterization's factors the step of a unit grows with the number of inputs."""
    X, y = iris()
    drawn = Network.init((4, 256, 3), parameterization="sp", bias=True, random_state=0)
    given = Network.from_weights(drawn.weights, drawn.biases)
    model = PCClassifier.from_network(given, loss="log_loss").partial_fit(X, y)
    assert model.learning_rate_init_ == 0.005
