"""A failed allocation of any array is a MemoryError and leaves the estimator unchanged.

The oracle is the same call with enough memory, and the estimator's state before.
"""

import copy

import joblib
import numpy as np
import pytest

from pcnet import Network, PCClassifier, PCRegressor, infer
from pcnet.solvers import SGD

from .scarce_memory import scarce_memory
from .support import data_for, parameters, small

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=[pytest.param(1, marks=pytest.mark.slow), 13])
def every(request):
    """Every how many allocations one fails: testing all takes minutes."""
    return request.param


def fails_everywhere(call, check, every):
    """Calls with each ``every``-th allocation failing until none does; returns how many did.

    ``call()`` must raise a MemoryError or, if the allocation was not necessary, return its usual
    result. ``check(outcome)`` checks the state afterwards; after an error the outcome is None.
    """
    fails_at, n_errors = 1 - every, 0
    while True:
        fails_at += every
        outcome = None
        with scarce_memory(fails_at) as scarcity:
            try:
                outcome = call()
            except MemoryError:
                n_errors += 1
            struck = scarcity.struck
        check(outcome)
        if not struck:
            return n_errors * every


CASES = {
    "classifier": (PCClassifier, {}, {}),
    "regressor": (PCRegressor, {}, {}),
    "early stopping": (PCClassifier, {"early_stopping": True, "class_weight": "balanced"}, {}),
    "scaled inputs": (PCRegressor, {"input_scaling": "standard", "loss": "huber"}, {}),
    "clipped sgd": (PCClassifier, {"solver": SGD(clip=0.1), "inference": "activity"}, {}),
    "lbfgs": (PCRegressor, {"solver": "lbfgs", "early_stopping": True}, {}),
    "weights": (PCClassifier, {}, {"sample_weight": np.linspace(0, 1, 40)}),
}


def tiny(Estimator, **arguments):
    arguments = {"hidden_layer_sizes": (5, 5), "max_iter": 1, "batch_size": 20, **arguments}
    return small(Estimator, **arguments), *data_for(Estimator, 40)


@pytest.mark.parametrize("Estimator, arguments, fit_arguments", CASES.values(), ids=CASES.keys())
def test_fit_with_failing_allocations(Estimator, arguments, fit_arguments, every):
    model, X, y = tiny(Estimator, **arguments)
    expected = small(Estimator, **model.get_params(deep=False)).fit(X, y, **fit_arguments)
    before = dict(vars(model))

    def check(fitted):
        """The estimator is unfitted, or completely fitted if the error came from its report."""
        if vars(model) == before:
            assert fitted is None
            return
        for a, b in zip(parameters(model), parameters(expected), strict=True):
            assert a.tobytes() == b.tobytes()
        vars(model).clear()
        vars(model).update(before)

    assert fails_everywhere(lambda: model.fit(X, y, **fit_arguments), check, every) > 100
    check(model.fit(X, y, **fit_arguments))


def go_on(model, how, X, y):
    return model.partial_fit(X, y) if how == "partial_fit" else model.fit(X, y)


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
@pytest.mark.parametrize("how", ["partial_fit", "warm_start"])
def test_further_training_with_failing_allocations(Estimator, how, every):
    """The weights, the solver's moments, the history and the random numbers stay what they were."""
    model, X, y = tiny(Estimator, warm_start=True)
    model.fit(X, y)
    before, backup = joblib.hash(model), copy.deepcopy(model)
    expected = joblib.hash(go_on(copy.deepcopy(model), how, X, y).network_)

    def check(_):
        nonlocal model
        if joblib.hash(model) != before:
            assert joblib.hash(model.network_) == expected
            model = copy.deepcopy(backup)

    assert fails_everywhere(lambda: go_on(model, how, X, y), check, every) > 100
    check(go_on(model, how, X, y))


USES = {
    "predict": lambda model, X, y: model.predict(X),
    "predict_proba": lambda model, X, y: model.predict_proba(X),
    "transform": lambda model, X, y: model.transform(X),
    "score": lambda model, X, y: np.float64(model.score(X, y)),
    "energy": lambda model, X, y: model.energy(X, y),
    "class_energies": lambda model, X, y: model.class_energies(X),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_fitted_estimator_with_failing_allocations(use, every):
    model, X, y = tiny(PCClassifier)
    model.fit(X, y)
    before, expected = joblib.hash(model), use(model, X, y)

    def check(result):
        assert joblib.hash(model) == before
        if result is not None:
            np.testing.assert_array_equal(result, expected)

    assert fails_everywhere(lambda: use(model, X, y), check, every) > 2
    check(use(model, X, y))


def test_network_and_infer_with_failing_allocations(every):
    net = Network.init((4, 5, 5, 3), "tanh", bias=True, random_state=0)
    X, Y = np.ones((3, 4)), np.eye(3)
    before, expected = joblib.hash(net), infer(net, X, Y)

    def everything():
        result = infer(net, X, Y)
        net.energy(X, Y, result.activities)
        net.activity_gradients(X, Y, result.activities)
        net.weight_gradients(X, result.errors, result.activities)
        return result

    def check(result):
        assert joblib.hash(net) == before
        if result is not None:
            assert result.energy.tobytes() == expected.energy.tobytes()

    assert fails_everywhere(everything, check, every) > 30
    check(everything())
