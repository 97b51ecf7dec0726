"""Energies after each step, for all methods with a number of steps."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from pcnet import PCClassifier
from pcnet.display import LayerEnergyDisplay
from pcnet.display._record import problem_of, trace_energies
from pcnet.inference import (
    ActivityDescent,
    Backprop,
    ErrorOptimization,
    GaussSeidel,
    IncrementalDescent,
)


@pytest.fixture
def model():
    X, y = load_iris(return_X_y=True)
    return PCClassifier((8,) * 3, max_iter=2, tol=0, random_state=0).fit(X / 8, y), X / 8, y


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "method",
    [
        ActivityDescent(2, 0.2, 0.5),
        ErrorOptimization(2),
        GaussSeidel(2),
        IncrementalDescent(2, 0.2),
    ],
)
def test_trace_equals_the_trace_of_the_method(model, method):
    problem, method = problem_of(*model, method)
    trace = trace_energies(problem, method, 2)
    np.testing.assert_allclose(trace.n_passes, [0.5, 1.5, 2.5])
    expected = problem.infer(method).energy_trace
    np.testing.assert_allclose(trace.energies.sum(axis=1), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_a_method_without_steps_is_refused(model):
    with pytest.raises(ValueError, match="number of steps"):
        LayerEnergyDisplay.from_estimator(*model, inference=Backprop())
