"""Numbers that overflow, and fields or options that a dtype cannot hold, are errors naming them."""

import itertools
import re
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning

import pcnet
from pcnet import Network, theory
from pcnet.inference import ErrorDescent, learning_gradients
from pcnet.losses import Huber

from ..helpers import all_points, make_batch, make_network

SIZES = (3, 4, 4, 2)
DTYPES = [np.float32, np.float64]
FUNCTIONS = {
    "forward": lambda net, X, Y: net.forward(X),
    "output": lambda net, X, Y: [net.output(X)],
    "energy": lambda net, X, Y: [net.energy(X, Y, hidden(net, X))],
    "activity_gradients": lambda net, X, Y: net.activity_gradients(X, Y, hidden(net, X)),
    "weight_gradients": lambda net, X, Y: net.weight_gradients(
        X, [*hidden(net, X), Y], hidden(net, 2 * X / 3)
    )[0],
    "infer": lambda net, X, Y: pcnet.infer(net, X, Y).errors,
    "backprop": lambda net, X, Y: pcnet.infer(net, X, Y, "backprop").errors,
    "activity": lambda net, X, Y: pcnet.infer(net, X, Y, "activity").errors,
    "learning_gradients": lambda net, X, Y: learning_gradients(net, X, Y)[0],
    "backprop_gradients": lambda net, X, Y: theory.backprop_gradients(net, X, Y)[0],
    "activity_hessian": lambda net, X, Y: [theory.activity_hessian(net, X[0], Y[0]).toarray()],
    "energy_hessian": lambda net, X, Y: [theory.energy_hessian(net, X, Y).value],
    "loss_hessian": lambda net, X, Y: [theory.loss_hessian(net, X, Y).value],
    "forward_norms": lambda net, X, Y: [theory.forward_norms(net, X)],
    "linearize": lambda net, X, Y: theory.linearize(net, X).gains,
    "linearized_equilibrium": lambda net, X, Y: [theory.linearized_equilibrium(net, X, Y)[1]],
    "newton_equilibrium": lambda net, X, Y: theory.newton_equilibrium(net, X, Y),
    "equilibrium_activities": lambda net, X, Y: theory.equilibrium_activities(net, X, Y),
    "equilibrium_energy": lambda net, X, Y: [theory.equilibrium_energy(net, X, Y)],
    "equilibrium_weight_gradients": lambda net, X, Y: theory.equilibrium_weight_gradients(
        net, X, Y
    )[0],
    "predicted_activity_step": lambda net, X, Y: theory.predicted_activity_step(net, X, Y),
    "gradient_decomposition": lambda net, X, Y: theory.gradient_decomposition(net, X, Y).total,
    "fisher_preconditioner": lambda net, X, Y: [theory.fisher_preconditioner(net, X[0]).toarray()],
    "compare_with_backprop": lambda net, X, Y: [
        theory.compare_with_backprop(net, X, Y).energy_to_loss_ratio
    ],
    "target_alignment": lambda net, X, Y: [theory.target_alignment(net, X, Y)],
    "is_strict_saddle": lambda net, X, Y: [theory.is_strict_saddle(net, X, Y).gradient],
}


def hidden(net, X):
    """Finite activities of the size of the inputs."""
    return [np.full((len(X), n), X.max(), net.dtype) for n in net.layer_sizes[1:-1]]


def problem(dtype, activation="identity", **options):
    net = make_network(SIZES, activation, skip=False, bias=False, dtype=dtype, **options)
    return (net, *make_batch(net, 3))


@pytest.mark.parametrize("name", FUNCTIONS)
@all_points("size, dtype", itertools.product([0.1, 1e-10, 1e-60, 1e-140], DTYPES))
def test_finite_or_an_error(name, size, dtype):
    """For inputs and targets near the dtype's limit, the result is finite or an error."""
    net, X, Y = problem(dtype)
    large = np.finfo(dtype).max * dtype(size) if size > np.finfo(dtype).tiny else dtype(1)
    X, Y = np.clip(X, -1, 1) * large, np.clip(Y, -1, 1) * large
    found, message = outcome(FUNCTIONS[name], net, X, Y)
    if message is None:
        assert all(np.all(np.isfinite(part)) for part in found)
    else:
        assert re.search("not finite.*[Ss]cale the inputs|no equil|definite", message)


def outcome(function, *arguments):
    """The result of a function, or the text of its error; a warning fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            return function(*arguments), None
        except (FloatingPointError, RuntimeError, np.linalg.LinAlgError) as error:
            return None, str(error)


@pytest.mark.parametrize("dtype", DTYPES)
def test_overflow_names_the_layer(dtype):
    net, X, _ = problem(dtype)
    net.weights[1] *= np.finfo(dtype).max / 10
    X = 1e3 * np.ones_like(X)
    for call in (net.forward, net.output):
        with pytest.raises(FloatingPointError, match=f"activities of layer 2 .* in {net.dtype}"):
            call(X)


@pytest.mark.parametrize("gamma", [1e-320, 1e-310, 1e-45, 1e45, 1e307])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gamma_leaves_a_scale_that_the_dtype_holds(dtype, gamma):
    expected = 1.0 / (np.longdouble(4) * np.longdouble(gamma))
    limits = np.finfo(dtype)
    if limits.tiny <= expected <= limits.max:
        net = Network.init(SIZES, gamma=gamma, random_state=0, dtype=dtype)
        assert all(np.all(np.isfinite(W)) for W in net.weights)
        assert net.scales[-1] == pytest.approx(float(expected), rel=1e-12)
    else:
        with pytest.raises(ValueError, match="gamma must leave the scale of the output"):
            Network.init(SIZES, gamma=gamma, dtype=dtype)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output_precision": 1e-60}, "output_precision must be in the range of float32"),
        ({"output_precision": 1e60}, "output_precision must be in the range of float32"),
        ({"activity_decay": 1e60}, "activity_decay must be in the range of float32"),
        ({"loss": Huber(1e-60)}, "delta of Huber's loss must be in the range of float32"),
    ],
)
def test_terms_of_the_energy_fit_the_dtype(options, message):
    net, X, Y = problem(np.float32, "tanh")
    calls = (
        lambda: pcnet.infer(net, X, Y, **options),
        lambda: net.energy(X, Y, hidden(net, X), **options),
        lambda: net.activity_gradients(X, Y, hidden(net, X), **options),
        lambda: learning_gradients(net, X, Y, **options),
    )
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()
    double = theory.in_float64(net)
    if options.get("activity_decay", 0) < 1:
        assert np.all(np.isfinite(pcnet.infer(double, X, Y, **options).energy))


@pytest.mark.parametrize("scale", [1e-60, 1e60])
def test_scales_fit_the_dtype(scale):
    net, X, _ = problem(np.float32)
    with pytest.raises(ValueError, match=r"scales\[2\] must be in the range of float32"):
        Network.from_weights(net.weights, activation="tanh", scales=[1, 1, scale])
    net.scales[2] = scale
    with pytest.raises(ValueError, match=r"scales\[2\] must be in the range of float32"):
        net.forward(X)


@pytest.mark.parametrize("name", FUNCTIONS)
@all_points("value, dtype", itertools.product([np.nan, np.inf], DTYPES))
def test_weights_that_are_not_finite(name, value, dtype):
    net, X, Y = problem(dtype)
    net.weights[1][0, 1] = value
    with pytest.raises(ValueError, match=r"weights\[1\] must be finite, but holds NaN"):
        FUNCTIONS[name](net, X, Y)


WRONG_FIELDS = [
    ("weights", "abc", "weights must be a list of matrices"),
    ("weights", None, "weights must be a list of matrices"),
    ("weights", [], "weights must be a list of matrices"),
    ("weights", "in 0: object", r"weights\[0\] must be float32 or float64"),
    ("weights", "in 1: object", r"weights\[1\] must be float64 like weights\[0\]"),
    ("weights", "in 0: sparse", r"weights\[0\] must be a NumPy array of 2"),
    ("weights", "in 1: sparse", r"weights\[1\] must be a NumPy array of 2"),
    ("weights", "in 0: int", r"weights\[0\] must be float32 or float64"),
    ("weights", "in 0: str", r"weights\[0\] must be a NumPy array of 2"),
    ("biases", "abc", "biases must be a list of 3 entries"),
    ("biases", 3.0, "biases must be a list of 3 entries"),
    ("biases", ["a", "b", "c"], r"biases\[0\] must be a NumPy array of 1"),
    ("biases", [np.zeros(4, object)] * 3, r"biases\[0\] must be float64"),
    ("scales", "abc", "scales must be a list of 3 entries"),
    ("scales", ["a", 1.0, 1.0], r"scales\[0\] must be a number"),
    ("scales", [1.0, np.nan, 1.0], r"scales\[1\] must be in the range"),
    ("skips", "abc", "skips must be a list of 3 entries"),
    ("skips", [0, "yes", 0], r"skips\[1\] must be True or False"),
    ("activation", 3, "activation must be a name"),
]


def replaced(weights, what):
    """The weights, one of them replaced as described, for example by "in 0: object"."""
    index, kind = int(what[3]), what[6:]
    W = weights[index]
    made = {
        "object": lambda: W.astype(object),
        "int": lambda: W.astype(int),
        "sparse": lambda: scipy.sparse.csr_matrix(W),
        "str": lambda: "abc",
    }[kind]()
    return [*weights[:index], made, *weights[index + 1 :]]


@pytest.mark.parametrize("name", [*FUNCTIONS, "copy", "in_float64", "at_origin", "weight_slices"])
@all_points("field, value, message", WRONG_FIELDS)
def test_wrong_fields_are_named_by_every_function(name, field, value, message):
    net, X, Y = problem(np.float64)
    activities = hidden(net, X)
    if isinstance(value, str) and value.startswith("in "):
        value = replaced(net.weights, value)
    setattr(net, field, value)
    calls = {
        **FUNCTIONS,
        "copy": lambda net, X, Y: net.copy(),
        "in_float64": lambda net, X, Y: theory.in_float64(net),
        "at_origin": lambda net, X, Y: theory.at_origin(net),
        "weight_slices": lambda net, X, Y: theory.weight_slices(net),
        "energy": lambda net, X, Y: net.energy(X, Y, activities),
        "activity_gradients": lambda net, X, Y: net.activity_gradients(X, Y, activities),
        "weight_gradients": lambda net, X, Y: net.weight_gradients(X, [*activities, Y], activities),
    }
    with pytest.raises((TypeError, ValueError), match=message):
        calls[name](net, X, Y)


WRONG_INPUTS = [
    (np.zeros((3, 5)), "must have 3 columns"),
    (np.zeros((0, 3)), "must have at least 1 rows"),
    (np.zeros(3), "must have 2 dimension"),
    (np.full((3, 3), np.nan), "must be finite"),
    (np.full((3, 3), -np.inf), "must be finite"),
    (np.zeros((3, 3), complex), "must hold real numbers"),
    (np.zeros((3, 3), object), "must hold real numbers"),
    ([["a", "b", "c"]], "must hold real numbers"),
    ([[1.0, 2.0, 3.0], [1.0]], "parts whose shapes differ"),
    (None, "None"),
]
ONE_SAMPLE = {"activity_hessian", "fisher_preconditioner"}
OWN_ARGUMENTS = {"energy", "activity_gradients", "weight_gradients", *ONE_SAMPLE}


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - OWN_ARGUMENTS))
@all_points("X, message", WRONG_INPUTS)
def test_wrong_inputs_are_named_by_every_function(name, X, message):
    net, _, Y = problem(np.float64)
    with pytest.raises((TypeError, ValueError), match=f"X .*{message}"):
        FUNCTIONS[name](net, X, Y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: theory.flatten_weights("abc"), "weights must be a list"),
        (lambda net: theory.flatten_weights([]), "weights must be a list"),
        (lambda net: theory.flatten_weights([[1.0]]), r"weights\[0\] must have 2 dim"),
        (lambda net: theory.flatten_weights([[["a"]]]), r"weights\[0\] must hold real"),
        (lambda net: theory.split_weights(net, np.zeros(3)), "vector must have 36 entries"),
        (lambda net: theory.split_weights(net, np.full(36, np.nan)), "vector must be finite"),
        (lambda net: theory.output_curvature("huber", np.zeros(3), np.zeros(3)), "mu must have 2"),
        (
            lambda net: theory.output_curvature("huber", np.zeros((2, 3)), np.zeros((2, 2))),
            "Y must have 3 columns",
        ),
        (lambda net: theory.activation_second_derivative("tanh", "abc"), "z must hold real"),
        (lambda net: theory.activation_second_derivative("tanh", [[1], []]), "z must be one array"),
        (lambda net: theory.activation_second_derivative("tanh", [np.nan]), "z must be finite"),
        (lambda net: theory.over_shapes(3, [1], [1]), "measure must be a function"),
        (lambda net: theory.over_shapes(lambda w, d, s: 3, [1], [1]), "measure must return a dict"),
        (
            lambda net: theory.over_shapes(lambda w, d, s: {"a": "b"}, [1], [1]),
            "measure must return numbers; got a='b' at width 1",
        ),
        (
            lambda net: theory.over_shapes(lambda w, d, s: {f"a{w}": 1.0}, [1, 2], [1]),
            "measure must return the same names",
        ),
        (
            lambda net: theory.learning_rate_transfer(
                pcnet.PCRegressor(), [[1.0]], [1.0], [[1.0]], [1.0], 0.1, [2], [1]
            ),
            "rates must be a sequence",
        ),
        (
            lambda net: theory.backprop_comparison_sweep([["a"]], [[1.0]], [2], [1]),
            "X must hold real",
        ),
        (
            lambda net: theory.backprop_comparison_sweep([[1.0]], [[1.0], [2.0]], [2], [1]),
            "Y must have 1 rows",
        ),
        (
            lambda net: theory.activity_hessian(net, np.zeros(3), np.zeros(2)).solve(np.zeros(3)),
            r"v must have the shape \(8,\)",
        ),
        (lambda net: theory.activity_hessian(net, [[1.0], []], [0.0, 0.0]), "X must be one array"),
    ],
)
def test_wrong_arguments_of_theory_are_named(call, message):
    net = make_network(SIZES, "identity", skip=False, bias=False)
    with pytest.raises((TypeError, ValueError), match=message):
        call(net)


def test_second_derivatives_of_large_numbers():
    """They are 0 at both ends, where the activation is linear or constant."""
    for name in ("tanh", "gelu", "selu", "silu", "logistic"):
        values = np.array([1e3, 1e155, 1e308])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = theory.activation_second_derivative(name, [*values, *-values])
        np.testing.assert_array_equal(found, 0.0)


def test_forward_norms_of_large_and_small_activities():
    """The norm scales with the network's inputs, also where squares would not be finite."""
    net = make_network(SIZES, "identity", skip=False, bias=False)
    X, _ = make_batch(net, 3)
    norms = theory.forward_norms(net, X)
    for scale in (2.0**900, 2.0**-900):
        np.testing.assert_allclose(theory.forward_norms(net, scale * X), scale * norms, rtol=1e-12)
    assert not theory.forward_norms(net, np.zeros_like(X)).any()


def test_large_finite_weights_are_accepted():
    """Finite weights are accepted even if their sum overflows."""
    net = Network.from_weights([np.full((4, 4), np.float32(3e38))], activation="identity")
    assert np.all(np.isfinite(net.forward(np.full((1, 4), 1e-3, np.float32))[0]))
    assert pcnet.infer(net, np.zeros((1, 4)), np.ones((1, 4)), ErrorDescent()).energy == 2.0
