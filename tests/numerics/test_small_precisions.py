"""Output precisions down to the smallest: every layer learns, in either precision of numbers.

Oracle: backpropagation in float64, the limit, from which lambda keeps every gradient by a relative
difference of its own order.
"""

import numpy as np
import pytest

from pcnet import Network, PCClassifier, infer
from pcnet.inference import METHODS, Objective, learning_gradients
from pcnet.inference._method import check_precision
from pcnet.theory import backprop_gradients

from ..helpers import make_batch, make_network

SIZES = (6, 16, 16, 16, 16, 3)
LOSSES = ("squared_error", "log_loss", "logistic", "huber", "poisson")
ROUNDING = sorted(name for name in METHODS if METHODS[name]().rounds_errors)


def in_dtype(net, dtype):
    return Network.from_weights(
        [w.astype(dtype) for w in net.weights],
        biases=[b.astype(dtype) for b in net.biases],
        activation=net.activation,
        scales=net.scales,
        skips=net.skips,
    )


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer_learns(dtype, loss, activation):
    net = make_network(SIZES, activation)
    X, Y = make_batch(net, 30, loss)
    expected, _ = backprop_gradients(net, X, Y, loss)
    net = in_dtype(net, dtype)
    X, Y = X.astype(dtype), Y.astype(dtype)
    for precision in (1e-4, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12):
        found, _ = learning_gradients(net, X, Y, "error", loss, precision)
        for layer, (g, limit) in enumerate(zip(found, expected, strict=True)):
            miss = np.linalg.norm(g.astype(np.float64) / precision - limit) / np.linalg.norm(limit)
            assert miss < 2e-3, (precision, layer)


def test_smallest_allowed_precisions():
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 10)
    for dtype, precision in (("float32", 1.2e-13), ("float64", 1.6e-148)):
        narrow = in_dtype(net, dtype)
        expected, _ = backprop_gradients(net, X, Y)
        errors = infer(narrow, X.astype(dtype), Y.astype(dtype), output_precision=precision).errors
        assert all(np.all(np.any(e != 0, axis=1)) for e in errors)
        found, _ = learning_gradients(
            narrow, X.astype(dtype), Y.astype(dtype), output_precision=precision
        )
        g = found[0].astype(np.float64) / precision
        assert np.linalg.norm(g - expected[0]) < 1e-2 * np.linalg.norm(expected[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smaller_precisions_are_refused(dtype):
    net = in_dtype(make_network(SIZES, "tanh"), dtype)
    X, Y = make_batch(net, 4)
    smallest = 1e6 * float(np.sqrt(np.finfo(dtype).tiny))
    for call in (infer, learning_gradients):
        with pytest.raises(ValueError, match=rf"output_precision.*{dtype}.*'backprop'"):
            call(net, X, Y, output_precision=0.9 * smallest)


@pytest.mark.parametrize("name", ROUNDING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_methods_that_subtract_activities_refuse_sooner(dtype, name):
    method, limit = METHODS[name](), 4096 * np.finfo(dtype).eps
    check_precision(method, Objective("squared_error", 1.01 * limit), dtype)
    with pytest.raises(ValueError, match=r"rounding of the activities.*inference='error'"):
        check_precision(method, Objective("squared_error", 0.99 * limit), dtype)


@pytest.mark.parametrize("name", ["activity", "adam_activity", "gauss_seidel"])
def test_accepted_precisions_give_the_right_direction(name):
    """Just above the limit, float32's gradient of the first layer has float64's direction."""
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 30)
    precision = 1.1 * 4096 * float(np.finfo(np.float32).eps)
    gradients = []
    for dtype in ("float32", "float64"):
        own = in_dtype(net, dtype)
        found, _ = learning_gradients(
            own, X.astype(dtype), Y.astype(dtype), name, output_precision=precision
        )
        gradients.append(found[-2].astype(np.float64).ravel())
    a, b = gradients
    assert a @ b > 0.99 * np.linalg.norm(a) * np.linalg.norm(b)


def test_the_listed_methods_are_those_that_subtract():
    assert {"activity", "adam_activity", "gauss_seidel", "gradient_flow"} <= set(ROUNDING)
    assert not {"error", "backprop", "error_optimization"} & set(ROUNDING)


def test_estimators():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)  # a linear model, or a last layer alone, is at chance
    options = {
        "hidden_layer_sizes": (32, 32),
        "max_iter": 60,
        "random_state": 0,
        "early_stopping": False,
    }
    for precision in (1e-6, 1e-8, 1e-10, 1e-12):
        models = [
            PCClassifier(output_precision=precision, dtype=dtype, **options).fit(X, y)
            for dtype in ("float32", "float64")
        ]
        scores = [model.score(X, y) for model in models]
        assert min(scores) > 0.9
        assert abs(scores[0] - scores[1]) < 0.03
    model = models[0]
    before = model.coefs_[0].copy()
    model.set_params(output_precision=1e-20)
    with pytest.raises(ValueError, match="output_precision must be at least"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], before)
