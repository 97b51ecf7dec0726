"""User-defined methods made of `Passes`, against the definition and pcnet's methods."""

import numpy as np
import pytest
from sklearn.base import clone

from pcnet import PCRegressor, infer
from pcnet.inference import ActivityDescent, InferenceMethod, Passes

from ..helpers import make_activities, make_batch, make_network, relative_error


class FromGivenActivities(InferenceMethod):
    """Activity descent from given activities, or from the feed-forward state."""

    steps_option = "n_steps"
    has_end_test = False

    def __init__(self, activities=None, n_steps=6, rate=0.05):
        self.activities, self.n_steps, self.rate = activities, n_steps, rate

    def run(self, batch, X, Y, objective):
        passes, gradient = Passes(batch, X, Y, objective), batch.like_activities()
        passes.start()
        if self.activities is not None:
            for z, given in zip(batch.activities, self.activities, strict=False):
                z[: len(given), : given.shape[1]] = given
            passes.restart()
        for _ in range(self.n_steps):
            passes.activity_gradients(gradient)
            batch.activities.hidden -= self.rate * gradient.hidden
            passes.residuals()
            passes.end_step()
        passes.report()


@pytest.fixture
def problem():
    net = make_network((4, 9, 7, 7, 3), "tanh")
    return (net, *make_batch(net, 70))


def test_user_defined_method_with_another_start(problem, tolerance):
    net, X, Y = problem
    z = given = make_activities(net, len(X))[: net.n_layers - 1]
    energies = [net.energy(X, Y, z).sum()]
    for _ in range(6):
        z = [a - 0.05 * g for a, g in zip(z, net.activity_gradients(X, Y, z), strict=True)]
        energies.append(net.energy(X, Y, z).sum())
    result = infer(net, X, Y, FromGivenActivities(given))
    assert relative_error(result.activities[:-1], z) <= tolerance("float64", "inference")
    np.testing.assert_allclose(result.energy_trace, energies, rtol=1e-12)
    assert np.all(result.n_passes == 1 + 6)  # of `start` and `restart`, and of the steps


def test_the_same_start_is_activity_descent(problem):
    net, X, Y = problem
    ours, own = infer(net, X, Y, ActivityDescent(6, 0.05)), infer(net, X, Y, FromGivenActivities())
    np.testing.assert_allclose(own.energy_trace, ours.energy_trace, rtol=1e-12)
    np.testing.assert_array_equal(own.n_passes, ours.n_passes)


def test_user_defined_method_trains(problem):
    _, X, Y = problem
    models = [
        PCRegressor((8, 8), inference=method, max_iter=2, random_state=0).fit(X, Y)
        for method in (FromGivenActivities(), ActivityDescent(6, 0.05))
    ]
    np.testing.assert_allclose(models[0].predict(X), models[1].predict(X), atol=1e-4)


def test_method_that_takes_more_steps_than_its_limit(problem):
    class Longer(FromGivenActivities):
        trace_steps = 3

    with pytest.raises(ValueError, match=r"step 4 .* limit of 3 .* steps_option = 'n_steps'"):
        infer(*problem, Longer())


def test_method_that_leaves_no_report(problem):
    class Silent(FromGivenActivities):
        def run(self, batch, X, Y, objective):
            if self.rate < 1:
                super().run(batch, X, Y, objective)

    net, X, Y = problem
    message = r"Silent.run has left no report in the batch; end it with report\(\)"
    with pytest.raises(RuntimeError, match=message):
        infer(net, X, Y, Silent(rate=1.0))
    model = PCRegressor((8, 8), inference=Silent(), max_iter=1, random_state=0).fit(X, Y)
    with pytest.raises(RuntimeError, match=message):
        model.set_params(inference__rate=1.0).partial_fit(X, Y)


def test_object_that_does_not_inherit_inference_method(problem):
    class Lookalike:
        check, trace_steps, run = FromGivenActivities.check, 6, FromGivenActivities.run

    message = "inherits pcnet.inference.InferenceMethod"
    with pytest.raises(TypeError, match=message):
        infer(*problem, Lookalike())
    _, X, Y = problem
    with pytest.raises(TypeError, match=message):
        PCRegressor(inference=Lookalike()).fit(X, Y)


def test_defaults_of_the_base_class(problem):
    class Nothing(InferenceMethod):
        pass

    method = Nothing()
    assert method.trace_steps == 0
    assert method.rows_per_sample == 1
    assert method.auto_precision is None
    assert method.check() is None
    assert method.for_training(problem[0], None) is method
    with pytest.raises(NotImplementedError, match="Nothing must define run"):
        infer(*problem, method)


def test_options_are_searchable_and_cloned():
    model = PCRegressor(inference=FromGivenActivities()).set_params(inference__rate=0.1)
    assert clone(model).inference.rate == 0.1
