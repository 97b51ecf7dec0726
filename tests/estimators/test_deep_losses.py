"""Losses other than the squared error, in deep networks: predicted means are right at every depth.

If the inputs only distinguish three groups, the best prediction is each group's mean; if the input
is constant, it is the best constant.
"""

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from pcnet import PCClassifier, PCRegressor
from pcnet._data.scaling import target_scaling
from pcnet._training.trainer import Trainer
from pcnet.inference import (
    METHODS,
    ErrorDescent,
    InferenceMethod,
    Objective,
    ProspectiveConfiguration,
    learning_gradients,
)
from pcnet.losses import Huber
from pcnet.parameterization import gradient_scales, learning_rate_multipliers
from pcnet.solvers import SGD
from pcnet.theory import backprop_gradients

from ..helpers import LOSSES, make_batch, make_network, relative_error
from .support import assert_same_bits, data_for, small

SIZES = (5, 8, 8, 8, 3)
CURVED = ("log_loss", "logistic", "huber", "poisson")
N_ROWS = 20
SHARES = {"log_loss": [[0.05], [0.3], [0.9]], "multilabel": [[0.1, 0.5], [0.3, 0.1], [0.9, 0.2]]}


class SettledState(ErrorDescent):
    """Learns from the activities at the end of inference, as published, for any loss."""

    learns_settled = True


def groups(loss):
    """X, y and the groups' means."""
    group = np.repeat(np.arange(3), N_ROWS)
    X = 2.0 * np.eye(3)[group] - 0.5
    if loss == "poisson":
        y = np.random.default_rng(0).poisson(np.array([0.2, 1.0, 5.0])[group])[:, None]
    else:
        rank = np.tile(np.arange(N_ROWS), 3)[:, None]
        y = (rank < np.round(N_ROWS * np.array(SHARES[loss])[group])).astype(int)
    means = np.array([y[group == k].mean(axis=0) for k in range(3)])
    return X, (y if loss == "multilabel" else y[:, 0]), means


def fitted_rates(loss, depth, X, y, **options):
    """Predicted means or probabilities (n, K) after training to the end without a penalty."""
    options = {
        "hidden_layer_sizes": (16,) * depth,
        "alpha": 0.0,
        "batch_size": len(X),
        "max_iter": 600,
        "n_iter_no_change": 600,
        "input_scaling": None,
        "early_stopping": False,
        "random_state": 0,
    } | options
    if loss == "poisson" or isinstance(loss, Huber):
        return PCRegressor(loss=loss, **options).fit(X, y).predict(X)[:, None]
    model = PCClassifier(loss="log_loss", **options).fit(X, y)
    found = model.predict_proba(X)
    return found if loss == "multilabel" else found[:, 1:]


@pytest.mark.covering(1)
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("loss", ["poisson", "log_loss", "multilabel"])
def test_each_group_gets_its_mean(loss, depth):
    X, y, means = groups(loss)
    np.testing.assert_allclose(
        fitted_rates(loss, depth, X, y)[::N_ROWS], means, rtol=0.05, atol=0.01
    )


@pytest.mark.parametrize("loss", ["poisson", "log_loss", "multilabel"])
def test_lbfgs_finds_the_means_too(loss):
    X, y, means = groups(loss)
    for depth in (1, 4, 16):
        found = fitted_rates(loss, depth, X, y, solver="lbfgs", max_iter=300)
        np.testing.assert_allclose(found[::N_ROWS], means, rtol=0.01, atol=0.002)


@pytest.mark.parametrize("depth", [1, 8, 32])
def test_huber_finds_the_location_at_every_depth(depth):
    """The best constant is Huber's estimate of location, which outliers do not change."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal(100)
    y[:15] += 200
    centre, scale = (float(part[0]) for part in target_scaling(y[:, None], loss="huber"))
    units, bend = (y - centre) / scale, 1.35

    def cost(at):
        return scipy.special.huber(bend, units - at).sum()

    best = centre + scale * scipy.optimize.minimize_scalar(cost).x
    found = fitted_rates(Huber(bend), depth, np.ones((100, 2)), y)
    np.testing.assert_allclose(found, best, atol=0.05 * scale)


# ------------------------------------------------------------ the state of the weight update


@pytest.mark.parametrize("method", ["error", "activity", "gauss_seidel", "adam_activity"])
@pytest.mark.parametrize("loss", CURVED)
def test_the_output_layer_learns_from_the_loss_itself(loss, method, tolerance):
    """Then the mean residual is 0 at the end of training, whatever inference does below."""
    net = make_network(SIZES, "gelu")
    X, Y = make_batch(net, 20, loss)
    options = {"loss": loss, "output_precision": 0.7}
    weights, biases = learning_gradients(net, X, Y, method, feed_forward=True, **options)
    expected, expected_biases = backprop_gradients(net, X, Y, loss)
    close = tolerance("float64", "inference")
    assert relative_error(weights[-1], 0.7 * expected[-1]) <= close
    assert relative_error(biases[-1], 0.7 * expected_biases[-1]) <= close


@pytest.mark.parametrize("loss", CURVED)
def test_limit_of_small_output_precision_is_backpropagation(loss):
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20, loss)
    expected, _ = backprop_gradients(net, X, Y, loss)
    misses = []
    for precision in (1e-2, 1e-4):
        options = {"loss": loss, "output_precision": precision, "feed_forward": True}
        found, _ = learning_gradients(net, X, Y, ErrorDescent(tol=1e-8), **options)
        misses.append(relative_error([g / precision for g in found], expected))
    assert misses[1] < 1e-3
    assert misses[0] > 50 * misses[1]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_methods_that_override_weight_updates_keep_their_rule(name):
    method = METHODS[name]()
    own = (
        type(method).weight_updates is not InferenceMethod.weight_updates
        or not method.minimizes_energy
        or isinstance(method, ProspectiveConfiguration)
    )
    if name == "exact":
        pytest.skip("of squared errors only")
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 12, "logistic")
    options = {"loss": "logistic", "output_precision": 0.4}
    plain, _ = learning_gradients(net, X, Y, method, **options)
    forward, _ = learning_gradients(net, X, Y, method, feed_forward=True, **options)
    same = all(np.array_equal(a, b) for a, b in zip(plain, forward, strict=True))
    assert same == own


@pytest.mark.parametrize("loss", LOSSES)
def test_a_training_step_moves_by_the_learning_gradients(loss, tolerance):
    """In fits, in their pilots and in the steps that `summary` times: `Trainer` serves all."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20, loss)
    objective = Objective(loss, 0.4)
    weights, _ = learning_gradients(
        net, X, Y, loss=loss, output_precision=0.4, feed_forward=loss != "squared_error"
    )
    before = [w.copy() for w in net.weights]
    plain = SGD(momentum=0.0, nesterov=False)
    trainer = Trainer(net, objective, ErrorDescent(), plain, 20)
    trainer.step(X, Y, 0.1)
    trainer.sync()
    factors = learning_rate_multipliers(net).weights * gradient_scales(net, 0.4).weights
    moved = [w - b for w, b in zip(net.weights, before, strict=True)]
    expected = [-0.1 * f * g for f, g in zip(factors, weights, strict=True)]
    assert relative_error(moved, expected) <= tolerance("float64", "training")


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
def test_the_squared_error_learns_from_the_settled_state(Estimator):
    X, y = data_for(Estimator)
    options = {"loss": "squared_error", "max_iter": 3}
    assert_same_bits(
        small(Estimator, **options).fit(X, y),
        small(Estimator, inference=SettledState(), **options).fit(X, y),
    )


def test_other_losses_do_not_learn_from_settled_activities():
    X, y, _ = groups("log_loss")
    ours = small(PCClassifier, loss="log_loss").fit(X, y)
    settled = small(PCClassifier, loss="log_loss", inference=SettledState()).fit(X, y)
    assert not np.array_equal(ours.coefs_[0], settled.coefs_[0])
