"""`infer` and training warn about a rate that is too large, and about no other."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from pcnet import Network, PCRegressor, infer
from pcnet.inference import (
    ActivityDescent,
    AugmentedLagrangian,
    ErrorDescent,
    ErrorOptimization,
    ForwardUpdate,
    GaussSeidel,
    GradientFlow,
    IncrementalDescent,
)
from pcnet.theory import activity_hessian, extreme_eigenvalues

from ..helpers import make_batch, make_network

SIZES = (4, 8, 8, 8, 2)
TOO_FAST = [
    ActivityDescent(20, 4.0),
    ActivityDescent(20, 4.0, momentum=0.5),
    GaussSeidel(20, 4.0),
    IncrementalDescent(20, 4.0),
    ErrorOptimization(20, 4.0),
    ForwardUpdate(ActivityDescent(20, 4.0)),
    GradientFlow(step=4.0, max_steps=20),
]


def linear_problem():
    net = Network.init(SIZES, "identity", "sp", random_state=0, dtype=np.float64)
    rng = np.random.default_rng(0)
    return net, rng.standard_normal((30, 4)), rng.standard_normal((30, 2))


@pytest.mark.parametrize("method", TOO_FAST, ids=repr)
def test_infer_warns(method):
    net, X, Y = linear_problem()
    with pytest.warns(ConvergenceWarning, match="raised the mean energy") as caught:
        result = infer(net, X, Y, method)
    assert result.energy.mean() > result.energy_trace[0]
    assert caught[0].filename == __file__


def test_the_limit_is_that_of_the_hessian():
    """Just above 2 / (largest eigenvalue) the energy rises in the long run, just below it falls."""
    net, X, Y = linear_problem()
    limit = extreme_eigenvalues(activity_hessian(net, X[:1], Y[:1])).largest_stable_rate
    infer(net, X, Y, ActivityDescent(2000, 0.99 * limit))
    with pytest.warns(ConvergenceWarning, match="raised the mean energy"):
        infer(net, X, Y, ActivityDescent(2000, 1.01 * limit))


@pytest.mark.parametrize("method", [AugmentedLagrangian(4), ErrorDescent(0), ActivityDescent(0)])
def test_no_warning_for_methods_whose_energy_may_rise(method):
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 20)
    infer(net, X, Y, method)  # warnings are errors here


def test_warning_text_is_the_same_for_all_batches():
    """Python's filters then show it once for a line in a loop."""
    net, X, Y = linear_problem()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for start in (0, 10, 20):
            infer(net, X[start : start + 10], Y[start : start + 10], ActivityDescent(20, 4.0))
    assert len(caught) == 1


def fitted(method, **options):
    _, X, Y = linear_problem()
    model = PCRegressor(
        SIZES[1:-1], "identity", inference=method, output_precision=1.0, random_state=0, **options
    )
    return model.set_params(max_iter=3, learning_rate_init=1e-4).fit(X, Y)


@pytest.mark.parametrize("method", TOO_FAST[:-1], ids=repr)
def test_training_warns_once(method):
    with pytest.warns(ConvergenceWarning, match="raised the mean energy") as caught:
        model = fitted(method)
    assert len(caught) == 1
    energy, loss = (np.array(model.history_[name]) for name in ("energy", "loss"))
    assert np.all(energy > loss)  # at precision 1 the feed-forward energy equals the loss


def test_no_warning_at_a_stable_rate():
    fitted(ActivityDescent(20, 0.1))
    fitted(AugmentedLagrangian(8))


def test_decay_does_not_count_as_a_rise():
    """The decay term of the energy at the start is not part of the loss."""
    model = fitted(ActivityDescent(3, 1e-3), activity_decay=5.0)
    assert model.history_["energy"][0] > 1.1 * model.history_["loss"][0]


def test_the_limit_to_raise_is_that_of_the_method():
    with pytest.warns(ConvergenceWarning, match=r"inference=GradientFlow\(max_steps=\.\.\.\)"):
        fitted(GradientFlow(max_steps=1))
