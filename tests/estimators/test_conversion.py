"""Oracle: scikit-learn's MLP, and the network that an estimator was made from."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import Network, PCClassifier, PCRegressor
from pcnet.solvers import SGD, Adam

from ..helpers import make_network
from .support import ESTIMATORS, assert_same_bits, small

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 5))
SCORE = X[:, 0] + np.sin(2 * X[:, 1])
LABELS = {
    "binary": SCORE > 0,
    "strings": np.array(["b", "a"])[(SCORE > 0).astype(int)],
    "multiclass": np.array(["x", "z", "y"])[np.digitize(SCORE, [-0.5, 0.5])],
    "multilabel": np.column_stack([SCORE > 0, X[:, 2] > 0, X[:, 3] > 0]).astype(int),
}


def trained_mlp(Estimator, X, y, **options):
    options = {"hidden_layer_sizes": (12, 7), "max_iter": 15, "random_state": 0, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few epochs to converge, on purpose
        return Estimator(**options).fit(X, y)


# ---------------------------------------------------------------- from_mlp


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", LABELS)
def test_converted_classifier_predicts_as_the_mlp(kind, activation, dtype):
    data = X.astype(dtype)
    mlp = trained_mlp(MLPClassifier, data, LABELS[kind], activation=activation)
    model = PCClassifier.from_mlp(mlp)
    assert model.network_.dtype == dtype
    probabilities = model.predict_proba(3 * data)
    assert probabilities.dtype == dtype
    atol = 1e-12 if dtype == np.float64 else 1e-6
    np.testing.assert_allclose(probabilities, mlp.predict_proba(3 * data), rtol=0, atol=atol)
    np.testing.assert_array_equal(model.predict(data), mlp.predict(data))
    np.testing.assert_array_equal(model.classes_, mlp.classes_)
    assert model.score(data, LABELS[kind]) == mlp.score(data, LABELS[kind])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_converted_regressor_predicts_as_the_mlp(n_outputs, activation, dtype):
    data = X.astype(dtype)
    y = SCORE if n_outputs == 1 else X[:, :3] ** 2
    mlp = trained_mlp(MLPRegressor, data, y.astype(dtype), activation=activation)
    model = PCRegressor.from_mlp(mlp)
    predicted = model.predict(3 * data)
    assert predicted.dtype == dtype
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(predicted, mlp.predict(3 * data), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("hidden", [(3,), (4, 4, 4, 4)])
def test_mlp_of_any_solver_is_converted(solver, hidden):
    mlp = trained_mlp(
        MLPClassifier, X, LABELS["multiclass"], solver=solver, hidden_layer_sizes=hidden
    )
    model = PCClassifier.from_mlp(mlp)
    np.testing.assert_allclose(model.predict_proba(X), mlp.predict_proba(X), rtol=0, atol=1e-12)


def test_equivalent_options_are_copied():
    mlp = trained_mlp(
        MLPClassifier,
        X,
        LABELS["binary"],
        solver="sgd",
        momentum=0.3,
        nesterovs_momentum=False,
        learning_rate="invscaling",
        learning_rate_init=0.02,
        power_t=0.7,
        batch_size=11,
        tol=1e-3,
        n_iter_no_change=4,
        warm_start=True,
    )
    model = PCClassifier.from_mlp(mlp)
    assert (model.solver.momentum, model.solver.nesterov) == (0.3, False)
    for name in ("learning_rate", "learning_rate_init", "power_t", "batch_size", "tol"):
        assert getattr(model, name) == getattr(mlp, name)
    assert (model.n_iter_no_change, model.max_iter, model.warm_start) == (4, 15, True)
    assert (model.alpha, model.parameterization, model.skip) == (0.0, "sp", False)


def test_adam_of_the_mlp_has_no_schedule():
    mlp = trained_mlp(MLPRegressor, X, SCORE, beta_1=0.8, beta_2=0.99, learning_rate="adaptive")
    model = PCRegressor.from_mlp(mlp)
    assert model.learning_rate == "constant"
    assert isinstance(model.solver, Adam)
    assert (model.solver.beta_1, model.solver.beta_2, model.solver.epsilon) == (0.8, 0.99, 1e-8)


def test_given_arguments_replace_those_of_the_mlp():
    mlp = trained_mlp(MLPRegressor, X, SCORE)
    model = PCRegressor.from_mlp(mlp, alpha=0.1, solver=SGD(), output_precision=1e-6)
    assert (model.alpha, type(model.solver)) == (0.1, SGD)
    assert model.output_precision_ == 1e-6


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
def test_first_step_after_conversion_equals_the_mlps(kind):
    """As lambda -> 0 predictive coding is backpropagation; both divide by the batch size."""
    mlp = trained_mlp(
        MLPClassifier,
        X,
        LABELS[kind],
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=len(X),
        shuffle=False,
        learning_rate_init=0.1,
    )
    model = PCClassifier.from_mlp(mlp, output_precision=1e-7)
    before = [w.copy() for w in model.coefs_]
    model.partial_fit(X, LABELS[kind])
    mlp.partial_fit(X, LABELS[kind])
    assert max(np.abs(w - b).max() for w, b in zip(model.coefs_, before, strict=True)) > 1e-3
    for ours, theirs in zip(model.coefs_, mlp.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.skipif(
    "loss" not in MLPRegressor().get_params(), reason="scikit-learn 1.7 brought loss='poisson'"
)
def test_poisson_regression_of_an_mlp():
    mlp = trained_mlp(MLPRegressor, X, np.exp(X[:, 0]), loss="poisson")
    model = PCRegressor.from_mlp(mlp)
    assert (model.loss, model.out_activation_) == ("poisson", "exp")
    np.testing.assert_allclose(model.predict(X), mlp.predict(X), rtol=1e-6)


def test_a_network_with_several_activations():
    net = make_network((5, 8, 8, 2), ["tanh", "relu"])
    model = PCRegressor.from_network(net)
    assert model.activation == ("tanh", "relu")
    np.testing.assert_array_equal(model.predict(X), net.output(X))
    assert clone(model).fit(X, X[:, :2]).network_.activations == net.activations


def test_feature_names_are_converted():
    mlp = trained_mlp(MLPRegressor, X, SCORE)
    mlp.feature_names_in_ = np.array(list("abcde"), dtype=object)
    model = PCRegressor.from_mlp(mlp)
    np.testing.assert_array_equal(model.feature_names_in_, mlp.feature_names_in_)
    assert model.n_features_in_ == 5


def test_training_the_converted_estimator_does_not_change_the_mlp():
    mlp = trained_mlp(MLPClassifier, X, LABELS["multiclass"])
    before = [w.copy() for w in mlp.coefs_]
    PCClassifier.from_mlp(mlp).partial_fit(X, LABELS["multiclass"])
    for then, now in zip(before, mlp.coefs_, strict=True):
        np.testing.assert_array_equal(then, now)


def test_from_mlp_errors():
    with pytest.raises(TypeError, match=r"sklearn.neural_network.MLPClassifier; got MLPRegressor"):
        PCClassifier.from_mlp(MLPRegressor())
    pipeline = make_pipeline(StandardScaler(), MLPRegressor())
    with pytest.raises(TypeError, match=r"got Pipeline. Take it out of a Pipeline first"):
        PCRegressor.from_mlp(pipeline)
    with pytest.raises(NotFittedError):
        PCRegressor.from_mlp(MLPRegressor())
    mlp = trained_mlp(MLPRegressor, X, SCORE)
    with pytest.raises(ValueError, match="activation must be left out"):
        PCRegressor.from_mlp(mlp, activation="tanh")
    with pytest.raises(ValueError, match="'alpha' parameter"):
        PCRegressor.from_mlp(mlp, alpha=-1)


# ---------------------------------------------------------------- from_network


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("parameterization", ["mupc", "ntp", "sp"])
@pytest.mark.parametrize("bias", [True, False])
def test_arguments_are_read_back_from_the_network(parameterization, bias, dtype):
    net = make_network(
        (5, 8, 8, 4, 2),
        "gelu",
        parameterization=parameterization,
        bias=bias,
        gamma=2.0,
        dtype=dtype,
    )
    model = PCRegressor.from_network(net)
    assert model.hidden_layer_sizes == (8, 8, 4)
    assert (model.activation, model.parameterization) == ("gelu", parameterization)
    assert (model.skip, model.fit_intercept, model.gamma) == (True, bias, 2.0)
    assert model.dtype == np.dtype(dtype).name
    np.testing.assert_array_equal(model.predict(X), net.output(X))
    # a clone initialises a network of the same kind
    fresh = clone(model).fit(X, X[:, :2])
    assert fresh.network_.layer_sizes == net.layer_sizes
    np.testing.assert_array_equal(fresh.network_.scales, net.scales)
    np.testing.assert_array_equal(fresh.network_.skips, net.skips)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_from_network_has_the_attributes_of_a_fitted_estimator(Estimator):
    fitted = small(Estimator).fit(X, LABELS["binary"] * 1)
    made = Estimator.from_network(fitted.network_, alpha=0.0, early_stopping=True)
    public = {name for name in dir(fitted) if name.endswith("_") and not name.startswith("_")}
    assert [name for name in sorted(public) if not hasattr(made, name)] == []
    assert set(vars(fitted)) == set(vars(made))
    assert (made.n_iter_, made.t_, made.loss_curve_, made.history_) == (0, 0, [], {})


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_a_fitted_estimator_rebuilt_from_its_network_predicts_the_same(loss):
    original = small(PCClassifier, loss=loss).fit(X, LABELS["multiclass"])
    rebuilt = PCClassifier.from_network(original.network_, original.classes_, loss=loss)
    np.testing.assert_array_equal(rebuilt.predict_proba(X), original.predict_proba(X))
    np.testing.assert_array_equal(rebuilt.predict(X), original.predict(X))
    assert rebuilt.output_precision_ == original.output_precision_


def test_a_regressor_rebuilt_from_its_network():
    original = small(PCRegressor).fit(X, 40 + 3 * SCORE)
    rebuilt = PCRegressor.from_network(
        original.network_, y_mean=original.y_mean_, y_scale=original.y_scale_
    )
    np.testing.assert_array_equal(rebuilt.predict(X), original.predict(X))


def test_training_after_conversion_equals_training_after_initialisation():
    """From an untrained network: the same steps as an estimator that initialises it itself."""
    original = small(PCRegressor, shuffle=False).partial_fit(X, SCORE)
    net = Network.init((5, 16, 16, 1), bias=True, random_state=0, dtype=np.float64)
    rebuilt = PCRegressor.from_network(
        net, y_mean=original.y_mean_, y_scale=original.y_scale_, shuffle=False, alpha=0.0
    )
    assert_same_bits(original, rebuilt.partial_fit(X, SCORE))
    assert rebuilt.t_ == len(X)
    assert len(rebuilt.loss_curve_) == 1


def test_warm_start_continues_from_the_network():
    original = small(PCClassifier, max_iter=60).fit(X, LABELS["multiclass"])
    net = original.network_
    options = {"learning_rate_init": 1e-6, "max_iter": 1, "random_state": 0, "alpha": 0.0}
    warm = PCClassifier.from_network(net, ["x", "y", "z"], warm_start=True, **options)
    score = warm.fit(X, LABELS["multiclass"]).score(X, LABELS["multiclass"])
    assert score >= original.score(X, LABELS["multiclass"]) - 0.02
    for ours, theirs in zip(warm.coefs_, net.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
        assert not np.shares_memory(ours, theirs)


def test_columns_are_sorted_by_label():
    net = make_network((5, 6, 3))
    model = PCClassifier.from_network(net, ["c", "a", "b"], loss="log_loss")
    np.testing.assert_array_equal(model.classes_, ["a", "b", "c"])
    largest = net.output(X).argmax(axis=1)
    np.testing.assert_array_equal(model.predict(X), np.array(["c", "a", "b"])[largest])


def test_default_classes_are_the_column_numbers():
    net = make_network((5, 6, 3), bias=False)
    model = PCClassifier.from_network(net)
    np.testing.assert_array_equal(model.predict(X), net.output(X).argmax(axis=1))


def test_multilabel():
    net = make_network((5, 6, 3))
    model = PCClassifier.from_network(net, multilabel=True, loss="log_loss")
    np.testing.assert_array_equal(model.predict(X), (net.output(X) > 0).astype(int))
    assert model.partial_fit(X, LABELS["multilabel"]).predict(X).shape == (len(X), 3)


def test_from_network_keeps_skips_without_an_argument():
    weights = [0.3 * RNG.standard_normal(s) for s in ((5, 6), (6, 6), (6, 6), (6, 1))]
    net = Network.from_weights(weights, skips=[False, True, False, False], scales=[1, 0.5, 2, 1])
    model = PCRegressor.from_network(net).partial_fit(X, SCORE)
    np.testing.assert_array_equal(model.network_.skips, net.skips)
    np.testing.assert_array_equal(model.layer_scales_, net.scales)
    assert (model.parameterization, model.skip) == ("sp", True)


@pytest.mark.parametrize(
    "arguments, error, match",
    [
        ({"classes": ["a", "b"]}, ValueError, r"3 labels, one for each output .* shape \(2,\)"),
        ({"classes": [0, 1, 1]}, ValueError, "classes must all be different"),
        ({"classes": [0.5, 1.5, 2.5]}, ValueError, "Unknown label type"),
        ({"classes": [0, 1, 2], "multilabel": True}, ValueError, "must be left out"),
        ({"skip": False}, ValueError, "skip must be left out: the network has it"),
        ({"dtype": "float32", "gamma": 2}, ValueError, "dtype, gamma must be left out"),
        ({"loss": "hinge"}, ValueError, "'loss' parameter"),
        ({"solver": "newton"}, ValueError, "solver must be"),
    ],
)
def test_from_network_errors_of_the_classifier(arguments, error, match):
    with pytest.raises(error, match=match):
        PCClassifier.from_network(make_network((5, 6, 3)), **arguments)


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"y_mean": [1, 2, 3]}, "y_mean must be a number, or 2 numbers"),
        ({"y_mean": "much"}, "y_mean must be a number"),
        ({"y_mean": np.nan}, "y_mean must be finite"),
        ({"y_scale": [1, 0]}, "y_scale must be positive"),
    ],
)
def test_from_network_errors_of_the_regressor(arguments, match):
    with pytest.raises(ValueError, match=match):
        PCRegressor.from_network(make_network((5, 6, 2)), **arguments)


def test_from_network_refuses_other_objects():
    with pytest.raises(TypeError, match=r"must be a pcnet.Network.*got list"):
        PCRegressor.from_network([np.eye(3)])
