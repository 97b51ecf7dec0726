"""Options of methods: NumPy numbers give the bits of floats; errors name what cannot be used."""

import numpy as np
import pytest
from sklearn.base import clone

import pcnet
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    ErrorDescent,
    ErrorOptimization,
    ForwardUpdate,
    GaussSeidel,
    GradientFlow,
    IncrementalDescent,
    LearnedPrecision,
    NesterovDescent,
    Nudged,
    PrecisionDescent,
    QuasiNewton,
    learning_gradients,
)

from ..helpers import all_points, make_batch, make_network

METHODS = [
    ErrorDescent(tol=0.03),
    QuasiNewton(tol=0.003, energy_tol=1e-7),
    ActivityDescent(5, 0.3),
    ActivityDescent(5, 0.3, momentum=0.7),
    AdamActivityDescent(5, 0.013),
    NesterovDescent(5, 0.3, momentum=0.7),
    NesterovDescent(5, condition_number=30.7),
    ErrorOptimization(5, 0.3, momentum=0.7),
    GaussSeidel(5, 0.3),
    GradientFlow(max_time=1.3),
    GradientFlow("bogacki_shampine", step=0.13, max_time=1.3),
    AugmentedLagrangian(6, alpha=0.7, rho=0.9),
    AugmentedLagrangian(6, rate=0.13),
    IncrementalDescent(4, 0.3),
    PrecisionDescent(5, 0.3, base=0.013),
    LearnedPrecision(6, tol=0.03, learning_rate=0.07),
    Nudged(ErrorOptimization(5, 0.3), beta=0.13),
    Nudged(beta=0.13, kind="negative"),
    ForwardUpdate(ActivityDescent(5, 0.3, momentum=0.7)),
]


def with_numbers(method, kind):
    """A copy with float options of this type, also in a method inside it."""
    params = method.get_params()
    changed = {name: kind(value) for name, value in params.items() if isinstance(value, float)}
    return clone(method).set_params(**changed)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_same_bits_as_floats(method, kind, dtype):
    net = make_network((9, 13, 13, 13, 4), "tanh", dtype=dtype)
    X, Y = make_batch(net, 20)

    def found(number):
        given = with_numbers(method, lambda value: number(kind(value)))
        result = pcnet.infer(net, X, Y, given)
        weights, biases = learning_gradients(net, X, Y, given)
        return [*result.activities, *result.errors, result.energy, *weights, *biases]

    for as_numpy, as_float in zip(found(kind), found(float), strict=True):
        np.testing.assert_array_equal(as_numpy, as_float)


BAD = {
    ActivityDescent: {"momentum": [1.0, -0.1]},
    AdamActivityDescent: {
        "n_steps": [-1],
        "rate": [0.0],
        "beta_1": [1.0],
        "beta_2": [1.5],
        "epsilon": [0.0],
    },
    NesterovDescent: {
        "n_steps": [-1],
        "rate": [0.0],
        "momentum": [1.0, -0.1],
        "condition_number": [0.9, np.inf, "large"],
    },
    ErrorOptimization: {"n_steps": [-1], "rate": [-1.0], "momentum": [1.0]},
    GaussSeidel: {"n_sweeps": [-1], "rate": [0.0]},
    GradientFlow: {
        "pair": ["euler", 3],
        "step": [0.0, -1.0, np.inf, "auto"],
        "rtol": [0.0, np.nan],
        "atol": [0.0, -1],
        "max_time": [0.0, np.inf],
        "max_steps": [-1, 2.5],
        "steady_tol": [-1e-3, None],
        "controller": [(1.0,), 0.5, (0.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, "1", 0.0)],
    },
    AugmentedLagrangian: {
        "n_steps": [-1, 1.5],
        "alpha": [-0.1, np.nan, 2.0],
        "rho": [0.0, "1", 0.5],
        "rate": [0.0, -1.0, "auto"],
        "inner_steps": [0],
        "timing": ["before", None],
        "power_steps": [0, 1.5],
    },
    IncrementalDescent: {"n_steps": [0, -1, 1.5], "rate": [0.0, np.nan]},
    PrecisionDescent: {
        "n_steps": [-1, 0.5],
        "rate": [0.0, np.nan],
        "base": [-0.1, "small"],
        "schedule": ["spike", None, [[[1.0]]], [1.0, -1.0], [np.nan] * 2, "12"],
    },
    LearnedPrecision: {
        "max_steps": [-1, 1.5],
        "tol": [-1.0, None],
        "learning_rate": [-0.1, "fast"],
        "normalize": ["yes", 1],
        "bounds": [(1.0,), 3.0, (0.0, 2.0), (2.0, 3.0), (0.1, 0.5), (0.5, np.inf)],
    },
    Nudged: {"beta": [0.0, 1.5, -0.1, "small"], "kind": ["both", None]},
}


@all_points(
    "method, name, value",
    [
        (m, name, v)
        for m, options in BAD.items()
        for name, values in options.items()
        for v in values
    ],
)
def test_bad_options_are_named(method, name, value):
    net = make_network((4, 6, 3))
    use = learning_gradients if method is IncrementalDescent else pcnet.infer
    with pytest.raises((ValueError, TypeError), match=name):
        use(net, *make_batch(net, 2), method(**{name: value}))


@pytest.mark.parametrize(
    "outer, inner",
    [
        *((Nudged, inner) for inner in (Nudged(), "descent", ErrorDescent)),
        *(
            (ForwardUpdate, inner)
            for inner in (IncrementalDescent(), "incremental", ForwardUpdate(), "ahead", 3)
        ),
    ],
)
def test_methods_that_another_method_cannot_contain(outer, inner):
    net = make_network((4, 6, 3))
    with pytest.raises((ValueError, TypeError), match=r"method must be|inference must be"):
        pcnet.infer(net, *make_batch(net, 2), outer(inner))
