"""Property: until the next fit, a fitted estimator uses the arguments of its training.

After any `set_params`, every public method gives the same results as before.
"""

import copy
import importlib.util

import numpy as np
import pytest

from pcnet import PCClassifier, PCRegressor
from pcnet.display import GradientCosineDisplay, LayerEnergyDisplay
from pcnet.inference import ErrorDescent
from pcnet.losses import Huber
from pcnet.solvers import SGD, Adam

from .support import ESTIMATORS, data_for, small

#: Another valid value of each argument; `transform_layer` alone is read by a fitted estimator.
OTHERS = {
    "hidden_layer_sizes": (5,),
    "activation": "tanh",
    "parameterization": "sp",
    "skip": False,
    "fit_intercept": False,
    "output_precision": 0.01,
    "gamma": 3.0,
    "activity_decay": 2.0,
    "inference": "activity",
    "alpha": 0.5,
    "solver": SGD(),
    "batch_size": 3,
    "n_shards": 2,
    "learning_rate": "constant",
    "learning_rate_init": 0.5,
    "power_t": 2.0,
    "max_iter": 1,
    "shuffle": False,
    "random_state": 7,
    "tol": 1.0,
    "n_iter_no_change": 1,
    "early_stopping": True,
    "validation_fraction": 0.4,
    "warm_start": True,
    "verbose": 2,
    "dtype": "float32",
    "scoring": "loss",
    "max_time": 1e-3,
    "input_scaling": "standard",
    "callbacks": lambda run: True,
    "checkpoint": "nowhere/at/all",
}
OWN = {
    PCClassifier: {"loss": "log_loss", "class_weight": {0: 3.0}, "temperature": 1.0},
    PCRegressor: {"loss": "poisson"},
}
VARIANTS = [
    pytest.param(PCClassifier, {}, id="classifier"),
    pytest.param(
        PCClassifier,
        {"loss": "log_loss", "activity_decay": 0.1},
        id="log_loss",
        marks=pytest.mark.slow,
    ),
    pytest.param(
        PCClassifier,
        {"input_scaling": "max", "dtype": "float32"},
        id="float32",
        marks=pytest.mark.slow,
    ),
    pytest.param(PCRegressor, {}, id="regressor", marks=pytest.mark.slow),
    pytest.param(PCRegressor, {"loss": Huber(0.5), "inference": ErrorDescent()}, id="huber"),
    pytest.param(PCRegressor, {"loss": "poisson"}, id="poisson", marks=pytest.mark.slow),
]


def results_of(model, X, y, onnx=True):
    """Results of the public methods of a fitted estimator, by name; arrays and texts."""
    given = {
        name: getattr(model, name)(X)
        for name in (
            "predict",
            "predict_proba",
            "predict_log_proba",
            "decision_function",
            "class_energies",
            "score_samples",
            "transform",
        )
        if hasattr(model, name)
    }
    given["score"] = model.score(X, y)
    given["energy"] = model.energy(X, y)
    given["names"] = model.get_feature_names_out()
    summary = model.summary()
    given["summary"] = repr(
        (summary.name, summary.dtype, summary.layers, summary.n_parameters, summary.model_bytes)
    )
    given["layer energies"] = LayerEnergyDisplay.from_estimator(model, X, y).energies
    given["cosines"] = GradientCosineDisplay.from_estimator(model, X, y).cosines
    if onnx and importlib.util.find_spec("skl2onnx"):
        from pcnet.serving import to_onnx

        graph = to_onnx(model, X).graph
        given["onnx"] = repr([(node.op_type, list(node.input)) for node in graph.node])
        given["onnx constants"] = repr([constant.float_data for constant in graph.initializer])
    for name in ("coefs_", "intercepts_"):
        given[name] = np.concatenate([np.ravel(array) for array in getattr(model, name)])
    for name in ("layer_scales_", "n_layers_", "output_precision_", "out_activation_", "history_"):
        given[name] = getattr(model, name)
    return given


def assert_same_results(found, expected, what):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=f"{name} after {what}")


def test_every_argument_has_another_value_here():
    for Estimator in ESTIMATORS:
        names = {*OTHERS, *OWN[Estimator], "transform_layer"}
        assert names == set(Estimator().get_params(deep=False))


@pytest.mark.parametrize("Estimator, arguments", VARIANTS)
def test_set_params_of_a_fitted_estimator_changes_no_result(Estimator, arguments):
    X, y = data_for(Estimator, 40)
    model = small(Estimator, max_iter=2, **copy.deepcopy(arguments)).fit(X, y)
    expected, whole = results_of(model, X, y, onnx=False), results_of(model, X, y)
    for name, value in {**OTHERS, **OWN[Estimator]}.items():
        before = getattr(model, name)
        model.set_params(**{name: value})
        assert_same_results(results_of(model, X, y, onnx=False), expected, name)
        model.set_params(**{name: before})
    model.set_params(**OTHERS, **OWN[Estimator])
    assert_same_results(results_of(model, X, y), whole, "all")


def test_changed_options_of_argument_objects_change_no_result():
    X, y = data_for(PCRegressor, 40)
    y[:4] += 1000  # where Huber's delta matters
    options = {"loss": Huber(0.5), "inference": ErrorDescent(), "solver": Adam()}
    model = small(PCRegressor, max_iter=2, **options).fit(X, y)
    expected = results_of(model, X, y)
    model.set_params(loss__delta=5.0, inference__tol=0.5, solver__beta_1=0.0)
    assert_same_results(results_of(model, X, y), expected, "loss__delta")
    assert np.any(model.fit(X, y).energy(X, y) != expected["energy"])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_next_fit_reads_the_arguments_again(Estimator):
    X, y = data_for(Estimator, 40)
    model = small(Estimator, max_iter=2).fit(X, y)
    model.set_params(activity_decay=2.0, output_precision=0.01)
    fresh = small(Estimator, max_iter=2, activity_decay=2.0, output_precision=0.01).fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).energy(X, y), fresh.energy(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_from_network_keeps_its_arguments(Estimator):
    X, y = data_for(Estimator, 40)
    network = small(Estimator, max_iter=1).fit(X, y).network_
    model = Estimator.from_network(network, activity_decay=0.5)
    energies = model.energy(X, y)
    model.set_params(activity_decay=0.0, **OWN[Estimator])
    np.testing.assert_array_equal(model.energy(X, y), energies)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_failed_fit_does_not_change_results(Estimator):
    X, y = data_for(Estimator, 40)
    model = small(Estimator, max_iter=2, warm_start=True).fit(X, y)
    expected = results_of(model, X, y)

    def fail(run):
        raise RuntimeError("stop")

    model.set_params(callbacks=fail, activity_decay=1.0, scoring="loss", early_stopping=True)
    if Estimator is PCClassifier:
        model.set_params(loss="log_loss")
    with pytest.raises(RuntimeError, match="stop"):
        model.fit(X, y)
    assert_same_results(results_of(model, X, y), expected, "a failed fit")
