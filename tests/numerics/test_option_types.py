"""NumPy numbers as options, as searches pass them, give the same bits as floats."""

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
    Nudged,
    PrecisionDescent,
    learning_gradients,
)

from ..helpers import make_batch, make_network

METHODS = [
    ErrorDescent(tol=0.03),
    ActivityDescent(5, 0.3),
    ActivityDescent(5, 0.3, momentum=0.7),
    AdamActivityDescent(5, 0.013),
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
