"""Every method of inference in the estimators, and results that only some methods have."""

import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier, PCRegressor, infer
from pcnet.callbacks import Callback, Checkpoint
from pcnet.inference import (
    METHODS,
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    Backprop,
    ErrorDescent,
    ErrorOptimization,
    ExactEquilibrium,
    ForwardUpdate,
    GaussSeidel,
    GradientFlow,
    IncrementalDescent,
    LearnedPrecision,
    NesterovDescent,
    Nudged,
    PrecisionDescent,
    ProspectiveConfiguration,
    ZeroDivergence,
)

from .support import ESTIMATORS, assert_consistent, assert_same_bits, data_for, iris, small

SEARCHES = {
    "flow": (GradientFlow(max_time=3.0), {"inference__pair": ["heun", "dormand_prince"]}),
    "augmented lagrangian": (AugmentedLagrangian(6), {"inference__alpha": [0.5, 1.0]}),
    "incremental": (IncrementalDescent(3, 0.2), {"inference__n_steps": [1, 3]}),
    "nudged": (
        Nudged(ErrorDescent()),
        {"inference__beta": [0.1, 0.5], "inference__method__tol": [0.1]},
    ),
    "forward update": (ForwardUpdate(PrecisionDescent(4)), {"inference__method__rate": [0.2, 0.5]}),
    "precision": (PrecisionDescent(4), {"inference__schedule": ["spiking", "decaying"]}),
    "learned precision": (LearnedPrecision(), {"inference__learning_rate": [0.01, 0.1]}),
    "prospective": (ProspectiveConfiguration(), {"inference__tol": [1e-2, 1e-3]}),
}
SEARCHES_OF_PASSES = {  # methods made of single passes of the core
    "momentum": (ActivityDescent(4, 0.2, 0.5), {"inference__momentum": [0.0, 0.5]}),
    "nesterov": (NesterovDescent(4), {"inference__momentum": [None, 0.5]}),
    "adam": (AdamActivityDescent(4), {"inference__rate": np.array([0.01, 0.03])}),
    "error optimization": (ErrorOptimization(4), {"inference__rate": np.array([0.1, 0.3])}),
    "gauss-seidel": (GaussSeidel(4), {"inference__n_sweeps": [1, 4]}),
    "backprop": (Backprop(), {"inference": [Backprop(), "error"]}),
    "zero divergence": (ZeroDivergence(), {"inference": [ZeroDivergence(), "backprop"]}),
    "exact": (ExactEquilibrium(), {"output_precision": [0.5, 1.0]}),
}
OPTIONS = {"learning_rate_init": 0.005, "max_iter": 3}


class Stopped(Exception):
    """Ends a fit in the middle."""


class StopAfterAnEpoch(Callback):
    def on_epoch_begin(self, run):
        if run.n_epochs == 1:
            raise Stopped


pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum iterations",
    "ignore:Inference reached its step limit",
    "ignore:ActivityDescent took",
    "ignore:Inference raised the mean energy",  # default rates, on networks that they do not suit
)


@pytest.mark.covering(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", [name for name in METHODS if name != "exact"])
def test_every_method_name_trains(Estimator, name):
    X, y = data_for(Estimator)
    model = small(Estimator, inference=name, **OPTIONS).fit(X, y)
    assert_consistent(model)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_exact_by_name_for_linear_networks_only():
    X, y = data_for(PCRegressor)
    linear = small(PCRegressor, inference="exact", activation="identity", **OPTIONS).fit(X, y)
    by_object = small(PCRegressor, inference=ExactEquilibrium(), activation="identity", **OPTIONS)
    np.testing.assert_array_equal(linear.predict(X), by_object.fit(X, y).predict(X))
    with pytest.raises(ValueError, match=r"linear networks only.*has 'relu'\. Use 'error'"):
        small(PCRegressor, inference="exact", **OPTIONS).fit(X, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_wrong_name_suggests_the_right_one(Estimator):
    X, y = data_for(Estimator)
    with pytest.raises(ValueError, match=r"inference must be one of .*Did you mean 'error'\?"):
        small(Estimator, inference="eror").fit(X, y)


def test_docs_and_docstring_list_all_names():
    page = (Path(__file__).resolve().parents[2] / "docs" / "inference.md").read_text("utf-8")
    listed = dict(re.findall(r'^\| `"(\w+)"` \| `(\w+)` \|', page, flags=re.M))
    assert listed == {name: cls.__name__ for name, cls in METHODS.items()}
    assert set(METHODS) <= set(re.findall(r'"(\w+)"', infer.__doc__))


@pytest.mark.parametrize("name", [*SEARCHES, *SEARCHES_OF_PASSES])
def test_searches_clones_and_pickles(name):
    method, grid = {**SEARCHES, **SEARCHES_OF_PASSES}[name]
    X, y = iris()
    linear = {"activation": "identity", "loss": "squared_error"} if name == "exact" else {}
    model = small(PCClassifier, inference=method, **OPTIONS, **linear)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == np.prod([len(v) for v in grid.values()])
    assert repr(clone(model)) == repr(model)
    fitted = model.fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(fitted.predict(X), copy.predict(X))
    for one in (fitted, copy):
        one.partial_fit(X, y)
    assert_same_bits(fitted, copy)


@pytest.mark.parametrize("name", SEARCHES)
def test_resumed_runs_have_the_same_bits(name, tmp_path):
    X, y = data_for(PCClassifier)
    weight = np.arange(len(X)) % 5.0
    model = small(PCClassifier, inference=SEARCHES[name][0], batch_size=40, **OPTIONS)
    whole = clone(model).fit(X, y, weight)
    path = tmp_path / "run.ckpt"
    dying = clone(model).set_params(checkpoint=Checkpoint(path), callbacks=StopAfterAnEpoch())
    with pytest.raises(Stopped):
        dying.fit(X, y, weight)
    resumed = clone(model).set_params(checkpoint=path).resume(X, y, weight)
    assert_same_bits(whole, resumed)
    if hasattr(whole, "inference_"):
        for a, b in zip(whole.inference_.precisions_, resumed.inference_.precisions_, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", SEARCHES)
def test_lbfgs_needs_an_equilibrium(name):
    method = SEARCHES[name][0]
    X, y = iris()
    model = small(PCClassifier, inference=method, solver="lbfgs")
    if isinstance(method, ErrorDescent):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        return
    with pytest.raises(ValueError, match="needs inference='error'"):
        model.fit(X, y)


def test_incremental_counts_every_update():
    X, y = iris()
    model = small(PCClassifier, inference=IncrementalDescent(4, 0.2), batch_size=64, **OPTIONS).fit(
        X, y
    )
    n_batches = -(-len(X) // 64)
    assert model._optimizer_state.n_updates == 3 * n_batches * 4


def test_prospective_configuration_has_precision_one():
    X, y = iris()
    model = small(PCClassifier, inference="prospective", **OPTIONS).fit(X, y)
    assert model.output_precision_ == 1.0
    model.set_params(output_precision=0.25).fit(X, y)
    assert model.output_precision_ == 0.25
    model.set_params(output_precision="auto", inference="error").fit(X, y)
    assert model.output_precision_ == pytest.approx(3.5 / 3)


def test_estimator_keeps_learned_precisions():
    X, y = iris()
    method = LearnedPrecision(learning_rate=0.2)
    model = small(PCClassifier, inference=method, **OPTIONS).fit(X, y)
    learned = model.inference_.precisions_
    assert not hasattr(method, "precisions_")
    assert [len(p) for p in learned] == [16, 16]
    assert np.std(np.log(learned)) > 0
    before = [p.copy() for p in learned]
    model.set_params(inference__learning_rate=0.0).partial_fit(X, y)
    for a, b in zip(before, model.inference_.precisions_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)  # exp(log(precision)) rounds
    model.set_params(inference__learning_rate=0.2).partial_fit(X, y)
    assert not np.array_equal(before[0], model.inference_.precisions_[0])
    # a new fit starts again; after another method the attribute is gone
    again = clone(model).fit(X, y)
    model.fit(X, y)
    np.testing.assert_array_equal(again.inference_.precisions_, model.inference_.precisions_)
    assert not hasattr(model.set_params(inference="error").fit(X, y), "inference_")


def test_learned_precisions_in_infer_and_energy():
    X, y = iris()
    model = small(PCClassifier, inference="learned_precision", **OPTIONS).fit(X, y)
    Y = np.eye(3)[y]
    options = vars(model._objective())
    by_infer = infer(model.network_, X, Y, model.inference_, **options).energy
    np.testing.assert_allclose(model.energy(X, y, inference=model.inference_), by_infer)


@pytest.mark.parametrize("method", [Nudged(), AugmentedLagrangian(), ForwardUpdate("nudged")])
def test_energies_need_the_least_energy(method):
    X, y = iris()
    model = small(PCClassifier, **OPTIONS).fit(X, y)
    with pytest.raises(ValueError, match=r"end near the minimum of the energy|method must be"):
        model.energy(X, y, inference=method)


def test_no_warning_of_methods_that_only_count_steps():
    X, y = iris()
    model = small(PCClassifier, **OPTIONS).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in (PrecisionDescent(3), IncrementalDescent(3), ForwardUpdate("activity")):
            assert np.all(np.isfinite(model.energy(X, y, inference=method)))


def test_regressor_with_poisson_and_nudging():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, loss="poisson", inference=Nudged(kind="centered"))
    with pytest.raises(ValueError, match="kind='positive'"):
        model.fit(X, np.round(np.abs(y)))


def test_zero_divergence_trains_as_backprop_does():
    X, y = iris()
    X = X.astype(np.float64)
    models = [small(PCClassifier, inference=m, max_iter=3) for m in ("backprop", "zero_divergence")]
    by_bp, by_zero = (model.fit(X, y).coefs_ for model in models)
    for a, b in zip(by_bp, by_zero, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_energy_refuses_backprop_as_inference():
    X, y = iris()
    model = small(PCClassifier, inference="backprop", max_iter=2, tol=0).fit(X, y)
    with pytest.raises(ValueError, match="minimum of the energy"):
        model.energy(X, y, inference="backprop")
    assert np.all(np.isfinite(model.energy(X, y)))
