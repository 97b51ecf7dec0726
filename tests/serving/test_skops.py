"""skops: files load without pickle, and `TRUSTED_TYPES` are exactly the types needed."""

import pickle

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCGenerative, PCImputer, PCRegressor
from pcnet.inference import (
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
    QuasiNewton,
    ZeroDivergence,
)
from pcnet.losses import Huber
from pcnet.schedules import Adaptive, Constant, Cosine, InvScaling, Linear
from pcnet.serving import TRUSTED_TYPES
from pcnet.solvers import LBFGS, SGD, Adam

skops_io = pytest.importorskip("skops.io")

ENDS_AT_ONCE = {"tol": 1e9, "n_iter_no_change": 1}  # before max_iter, which would warn

CONFIGURATIONS = [
    {},
    {"inference": ErrorDescent(tol=0.01), "solver": Adam(beta_2=0.99)},
    {"inference": ActivityDescent(n_steps=3), "solver": SGD(), "learning_rate_init": 1e-3},
    {"inference": AugmentedLagrangian(3), "learning_rate_init": 1e-3},
    {"inference": ForwardUpdate(PrecisionDescent(3)), "learning_rate_init": 1e-3},
    {"inference": GradientFlow(rtol=1e-5, atol=1e-5, steady_tol=0.9), **ENDS_AT_ONCE},
    {"inference": IncrementalDescent(2), "learning_rate_init": 1e-4},
    {"inference": LearnedPrecision()},
    {"inference": AdamActivityDescent(3), "learning_rate_init": 1e-3},
    {"inference": Backprop()},
    {"inference": NesterovDescent(4), "learning_rate_init": 1e-3},
    {"inference": ErrorOptimization(3)},
    {"inference": QuasiNewton(20)},
    {"inference": ExactEquilibrium(), "activation": "identity", "loss": "squared_error"},
    {"inference": GaussSeidel(3), "learning_rate_init": 1e-3},
    {"inference": ZeroDivergence()},
    {"inference": Nudged(ProspectiveConfiguration(max_steps=30, tol=0.05))},
    {"early_stopping": True, "skip": False, "fit_intercept": False, "dtype": "float32"},
    {"parameterization": "sp", "activation": "tanh", "random_state": np.random.RandomState(1)},
    {"activation": ["tanh", "relu"], "learning_rate": Linear(warmup=0.1)},
    {"learning_rate": Cosine(), "solver": Adam(clip=1.0)},
    {"learning_rate": InvScaling(0.3), **ENDS_AT_ONCE},
    {"learning_rate": Adaptive(divisor=1e9), "solver": SGD(clip=2.0), **ENDS_AT_ONCE},
    {"learning_rate": Constant(warmup=3), **ENDS_AT_ONCE},
]


def data(Estimator):
    X = np.random.default_rng(0).standard_normal((60, 4))
    if Estimator is PCRegressor:
        return X, X[:, 0] * 3 + 1
    return X, np.array(["no", "yes", "maybe"])[np.digitize(X[:, 0], [-0.5, 0.5])]


def fitted(Estimator, arguments):
    model = Estimator((8, 8), max_iter=8, **{"random_state": 0, **arguments})
    return model.fit(*data(Estimator))


def others():
    """Fitted estimators with arguments that not all estimators and methods accept."""
    yield fitted(PCRegressor, {"loss": Huber(0.5)})
    yield fitted(PCRegressor, {"solver": LBFGS(history_size=3), **ENDS_AT_ONCE})


@pytest.fixture
def no_pickle(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("pickle was used")

    for name in ("load", "loads", "Unpickler", "dump", "dumps", "Pickler"):
        monkeypatch.setattr(pickle, name, refuse)


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
@pytest.mark.parametrize("arguments", CONFIGURATIONS)
def test_loads_with_the_trusted_types_and_without_pickle(Estimator, arguments, tmp_path):
    model = fitted(Estimator, arguments)
    X, y = data(Estimator)
    skops_io.dump(model, tmp_path / "model.skops")
    loaded = skops_io.load(tmp_path / "model.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.set_params(early_stopping=False).partial_fit(X, y)
    model.set_params(early_stopping=False).partial_fit(X, y)
    for one, other in zip(loaded.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
def test_after_calls_of_partial_fit(Estimator):
    X, y = data(Estimator)
    model = Estimator((8,), random_state=0).fit(X, y)
    for _ in range(3):
        model.partial_fit(X, y)
    loaded = skops_io.loads(skops_io.dumps(model), trusted=TRUSTED_TYPES)
    for each in (model, loaded):
        each.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert getattr(loaded, "temperature_", None) == getattr(model, "temperature_", None)


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
def test_in_a_pipeline(Estimator):
    X, y = data(Estimator)
    pipeline = make_pipeline(StandardScaler(), Estimator((8,), max_iter=3, random_state=0))
    file = skops_io.dumps(pipeline.fit(X, y))
    loaded = skops_io.loads(file, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X), pipeline.predict(X))


def test_multilabel():
    X = data(PCClassifier)[0]
    model = PCClassifier((8,), max_iter=3, loss="log_loss").fit(X, (X[:, :3] > 0).astype(int))
    loaded = skops_io.loads(skops_io.dumps(model), trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.usefixtures("no_pickle")
def test_imputer():
    X = data(PCRegressor)[0]
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    imputer = PCImputer(max_iter=2, inference=QuasiNewton(), add_indicator=True, random_state=0)
    file = skops_io.dumps(imputer.fit(X))
    loaded = skops_io.loads(file, trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.transform(X), imputer.transform(X))


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("y", [np.array(["a", "b", None] * 10), np.linspace(0, 1, 30), None])
def test_generative(y):
    X = data(PCRegressor)[0][:30]
    for recognition in (None, "hybrid", "bidirectional"):
        model = PCGenerative(recognition=recognition, max_iter=1, random_state=0).fit(X, y)
        loaded = skops_io.loads(skops_io.dumps(model), trusted=TRUSTED_TYPES)
        np.testing.assert_array_equal(loaded.energy(X), model.energy(X))
        np.testing.assert_array_equal(
            loaded.sample(3, random_state=0), model.sample(3, random_state=0)
        )
        if y is not None:
            np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.usefixtures("no_pickle")
def test_imputer_of_categories_that_draws():
    imputer = categories_imputer()
    loaded = skops_io.loads(skops_io.dumps(imputer), trusted=TRUSTED_TYPES)
    X = np.array([["a", np.nan], [None, 2.0]], dtype=object)
    np.testing.assert_array_equal(loaded.transform(X), imputer.transform(X))


def categories_imputer():
    X = np.array([["a", "b"] * 20, range(40)], dtype=object).T
    return PCImputer(
        max_iter=2, categorical_features=[0], sample_posterior=True, random_state=0
    ).fit(X)


@pytest.mark.usefixtures("no_pickle")
@pytest.mark.parametrize("model", [*others()], ids=repr)
def test_loads_with_other_objects_as_arguments(model):
    X = data(type(model))[0]
    loaded = skops_io.loads(skops_io.dumps(model), trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert repr(loaded) == repr(model)


def test_every_trusted_type_is_needed():
    needed = set()
    for model in others():
        needed |= set(skops_io.get_untrusted_types(data=skops_io.dumps(model)))
    X, y = data(PCRegressor)
    models = [categories_imputer()]
    models += [PCGenerative(max_iter=1).fit(X, target) for target in (y, y > 0)]
    models += [PCGenerative(max_iter=1, recognition="bidirectional").fit(X)]
    for model in models:
        needed |= set(skops_io.get_untrusted_types(data=skops_io.dumps(model)))
    for Estimator in (PCClassifier, PCRegressor):
        for arguments in CONFIGURATIONS:
            file = skops_io.dumps(fitted(Estimator, arguments))
            needed |= set(skops_io.get_untrusted_types(data=file))
    assert sorted(needed) == list(TRUSTED_TYPES)


def test_untrusted_types_are_named_by_skops():
    file = skops_io.dumps(fitted(PCClassifier, {}))
    with pytest.raises(skops_io.exceptions.UntrustedTypesFoundException, match="PCClassifier"):
        skops_io.loads(file, trusted=[])
