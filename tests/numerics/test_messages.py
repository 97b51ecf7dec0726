"""Errors of Network and infer: fields of wrong shape, exchanged arguments, unknown names."""

import numpy as np
import pytest

from pcnet import Network, PCClassifier, infer
from pcnet.inference import AugmentedLagrangian, ErrorDescent, learning_gradients
from pcnet.theory import backprop_gradients

from ..helpers import make_batch, make_network

SIZES = (4, 6, 6, 3)


def problem(n=10, **options):
    net = make_network(SIZES, "tanh", **options)
    return (net, *make_batch(net, n))


# ---------------------------------------------------------------- fields of a network


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weights", [], "weights must be a list"),
        ("biases", [np.zeros(6)] * 2, "biases must have 3 entries"),
        ("biases", [np.zeros(6), np.zeros(5), np.zeros(3)], r"biases\[1\] must have 6 entries"),
        ("biases", [np.zeros(6), [0.0] * 6, np.zeros(3)], r"biases\[1\] must be a NumPy array"),
        ("biases", [np.zeros(6), np.zeros((1, 6)), np.zeros(3)], r"biases\[1\] must be a NumPy"),
        ("scales", np.ones(2), "scales must have 3 entries"),
        ("skips", np.ones(3, dtype=bool), r"skips\[0\] sets an identity connection"),
        ("skips", [False, True], "skips must have 3 entries"),
        ("activation", "foo", "activation must be one of"),
        ("activation", ["tanh"], "activation must name one function per hidden layer"),
    ],
)
def test_fields_that_do_not_fit(field, value, message):
    net, X, Y = problem()
    setattr(net, field, value)
    with pytest.raises((TypeError, ValueError), match=message):
        infer(net, X, Y)


@pytest.mark.parametrize(
    ("W", "message"),
    [
        (np.zeros((5, 6)), r"weights\[1\] must have 6 rows"),
        ([[0.0] * 6] * 6, r"weights\[1\] must be a NumPy array of 2 .* got list"),
        (np.zeros(6), r"weights\[1\] must be a NumPy array of 2 dimension"),
        (np.zeros((6, 6), np.float32), r"weights\[1\] must be float64 .* got float32"),
    ],
)
def test_weights_that_do_not_fit(W, message):
    net, X, _ = problem()
    net.weights[1] = W
    with pytest.raises((TypeError, ValueError), match=message):
        net.forward(X)


def test_fields_may_be_replaced():
    """User code may write into the arrays or replace them."""
    net, X, Y = problem()
    other = net.copy()
    for W in other.weights:
        W *= 2
    net.weights = [np.asfortranarray(2 * W) for W in net.weights]
    net.biases, other.biases = [2 * b for b in net.biases], [2 * b for b in net.biases]
    net.scales, net.skips = list(net.scales), list(net.skips)
    np.testing.assert_array_equal(infer(net, X, Y).energy, infer(other, X, Y).energy)


# ---------------------------------------------------------------- lists of the same shapes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bias", [False, True])
def test_exchanged_errors_and_activities(bias, dtype):
    net = Network.init((4, *[6] * 30, 3), "tanh", random_state=0, bias=bias, dtype=dtype)
    X, Y = make_batch(net, 10)
    result = infer(net, X, Y)
    net.weight_gradients(X, result.errors, result.activities)
    with pytest.raises(ValueError, match="exchanged"):
        net.weight_gradients(X, result.activities, result.errors)


@pytest.mark.parametrize("bias", [False, True])
def test_errors_of_other_activities_are_accepted_for_learning(bias):
    """PC-ALM's errors do not belong to its activities; without an input there is no check."""
    net = Network.init(SIZES, "tanh", random_state=0, bias=bias, dtype=np.float64)
    X, Y = make_batch(net, 10)
    for inputs in (X, np.zeros_like(X)):
        for method in (AugmentedLagrangian(5), ErrorDescent()):
            result = infer(net, inputs, Y, method)
            net.weight_gradients(inputs, result.errors, result.activities)


def test_exchanged_targets_and_activities():
    net, X, Y = problem()
    with pytest.raises(ValueError, match=r"Y must be one array .* got a list"):
        net.energy(X, net.forward(X), Y)
    with pytest.raises(TypeError, match="activities must be a list of 2 entries"):
        net.energy(X, Y, infer(net, X, Y))


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("method", "iPC", "method of inference must be .* Here that is 'incremental'"),
        ("method", "Z-IL", "Here that is 'zero_divergence'"),
        ("method", "ErrorDescent", r"Without quotes that is an object: ErrorDescent\(\)$"),
        ("method", "nonsense", "got 'nonsense'$"),
        ("method", "eror", r"Did you mean 'error'\?$"),
        ("method", "Gauss-Seidl", r"Did you mean 'gauss_seidel'\?$"),
        ("method", "ExactEquilibrium", r"Without quotes that is an object: ExactEquilibrium\(\)$"),
        ("loss", "squared_eror", r"Did you mean 'squared_error'\?$"),
        ("method", ErrorDescent, r"got the class ErrorDescent; write ErrorDescent\(\)"),
        ("method", object(), "A method of your own inherits pcnet.inference.InferenceMethod"),
        ("loss", "mse", "Here that is 'squared_error'"),
        ("loss", "cross_entropy", "Here that is 'log_loss'"),
        ("loss", lambda y, mu: 0, "Functions of your own cannot be passed"),
    ],
)
def test_names_and_functions_of_infer(argument, value, message):
    net, X, Y = problem()
    with pytest.raises((TypeError, ValueError), match=message):
        infer(net, X, Y, **{argument: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "linear"}, "Here that is 'identity'"),
        ({"activation": "sigmoid"}, "Here that is 'logistic'"),
        ({"activation": "softplus"}, "got 'softplus'$"),
        ({"activation": np.tanh}, "Functions of your own cannot be passed"),
        ({"parameterization": "standard"}, "Here that is 'sp'"),
    ],
)
def test_names_and_functions_of_a_network(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Network.init(SIZES, **options)


@pytest.mark.parametrize("given", [(None, np.ones((2, 3))), (np.ones((2, 4)), None)])
def test_missing_inputs_or_targets_name_the_documentation_page(given):
    net = make_network(SIZES, "tanh")
    with pytest.raises(TypeError, match=r"infer clamps both.*docs/experiments\.md"):
        infer(net, *given)


@pytest.mark.parametrize("net", [[np.ones((4, 3))], np.ones((2, 4)), Network])
@pytest.mark.parametrize("function", [infer, learning_gradients, backprop_gradients])
def test_other_objects_as_network(function, net):
    with pytest.raises(TypeError, match=r"net must be a pcnet.Network, got (list|ndarray|type)"):
        function(net, np.ones((2, 4)), np.ones((2, 3)))


def test_estimator_as_network_names_network_():
    X, y = np.eye(4), [0, 1, 0, 1]
    model = PCClassifier((3,), max_iter=1, n_iter_no_change=1).fit(X, y)
    with pytest.raises(TypeError, match=r"got PCClassifier; a fitted .* its own as network_"):
        infer(model, X, np.eye(2)[y])


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("labels", [np.arange(3), np.arange(3)[:, None]])
def test_class_labels_instead_of_one_hot_targets(labels):
    net, X, _ = problem(3)
    with pytest.raises(ValueError, match=r"Y must have .* one-hot rows: np\.eye\(3\)\[labels\]$"):
        infer(net, X, labels)
    with pytest.raises(ValueError, match=r"Y must have 3 columns; got shape \(3, 2\)$"):
        infer(net, X, np.ones((3, 2)))


@pytest.mark.parametrize("x", [0.5, [0.5]])
def test_single_numbers_as_inputs_or_targets(x):
    net = Network.from_weights([[[1.0]], [[1.0]]])
    hint = r" must have 2 dim.*, {}\[:, None\] for a list of numbers, \[\[x\]\] for one number$"
    with pytest.raises(ValueError, match="^X" + hint.format("x")):
        net.forward(x)
    with pytest.raises(ValueError, match="^Y" + hint.format("y")):
        infer(net, [[0.5]], x)
    with pytest.raises(ValueError, match=r"^activities\[0\]" + hint.format(r"activities\[0\]")):
        net.energy([[0.5]], [[2.0]], [x])


@pytest.mark.parametrize("weights", [[1.0, 1.0], [[1.0], [1.0]]])
def test_weights_of_single_units_are_matrices(weights):
    with pytest.raises(ValueError, match=r"weights\[0\] must .* \[\[w\]\] between two"):
        Network.from_weights(weights)


def test_none_is_named_in_the_error():
    with pytest.raises(TypeError, match="X must be an array of numbers; got None"):
        make_network(SIZES, "tanh").forward(None)


# ---------------------------------------------------------------- seeds and results


def test_generator_as_random_state_advances():
    first, second = np.random.default_rng(3), np.random.default_rng(3)
    a, b = (Network.init(SIZES, random_state=rng) for rng in (first, second))
    for one, other in zip(a.weights, b.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    again = Network.init(SIZES, random_state=first)
    assert not np.array_equal(again.weights[0], a.weights[0])
    assert first.random() != np.random.default_rng(3).random()


def test_a_seed_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="seed"):
        Network.init(SIZES, random_state="0")


def test_results_can_be_compared_and_kept_in_sets():
    net, X, Y = problem()
    one, other = infer(net, X, Y), infer(net, X, Y)
    assert one == one
    assert one != other
    assert len({one, other}) == 2
