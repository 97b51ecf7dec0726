"""Oracle: the network's own forward pass; scikit-learn's contract for scores and transformers."""

import re

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from pcnet import Network, PCClassifier, PCRegressor
from pcnet._prediction.outputs import ROWS_PER_CALL

from .support import ESTIMATORS, data_for, iris, small


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_decision_function_is_the_output_of_the_network(loss):
    X, y = iris()
    model = small(PCClassifier, loss=loss).fit(X, y)
    scores = model.decision_function(X)
    np.testing.assert_array_equal(scores, model.network_.forward(X)[-1])
    np.testing.assert_array_equal(model.classes_[scores.argmax(axis=1)], model.predict(X))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_decision_function_of_two_classes(loss):
    X, y = iris()
    X, y = X[50:], np.where(y[50:] == 1, "no", "yes")
    model = small(PCClassifier, loss=loss, max_iter=20).fit(X, y)
    scores = model.decision_function(X)
    outputs = model.network_.forward(X)[-1]
    assert scores.shape == (100,)
    np.testing.assert_array_equal(scores, outputs[:, 1] - outputs[:, 0])
    np.testing.assert_array_equal(model.classes_[(scores > 0).astype(int)], model.predict(X))
    if loss == "log_loss":  # log odds
        p = model.predict_proba(X)
        np.testing.assert_allclose(scores, np.log(p[:, 1] / p[:, 0]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_decision_function_of_multilabel_targets(loss):
    X, y = iris()
    labels = np.stack([y == 0, y > 0, X[:, 0] > 0], axis=1).astype(int)
    model = small(PCClassifier, loss=loss).fit(X, labels)
    scores = model.decision_function(X)
    shift = 0.5 if loss == "squared_error" else 0.0
    np.testing.assert_array_equal(scores, model.network_.forward(X)[-1] - shift)
    np.testing.assert_array_equal((scores > 0).astype(int), model.predict(X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("skip, fit_intercept", [(True, True), (False, False)])
def test_transform_gives_the_activities_of_each_layer(Estimator, skip, fit_intercept):
    X, y = data_for(Estimator, n_samples=ROWS_PER_CALL + 30)
    arguments = {"skip": skip, "fit_intercept": fit_intercept}
    model = small(Estimator, hidden_layer_sizes=(8, 8, 5), max_iter=1, **arguments).fit(X, y)
    activities = model.network_.forward(X)
    for layer in (0, 1, 2, -1, -3):
        model.set_params(transform_layer=layer)
        expected = activities[:-1][layer]
        np.testing.assert_array_equal(model.transform(X), expected)
        prefix = Estimator.__name__.lower()
        names = [f"{prefix}{i}" for i in range(expected.shape[1])]
        assert list(model.get_feature_names_out()) == names


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(), (16,), (16,) * 6, (16, 12, 8, 8)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_finite_features_that_overflow_are_an_error(Estimator, dtype, sizes, activation):
    """Each call returns finite values or raises; never NaN, nor class 0 because relu(NaN) is 0."""
    X, y = data_for(Estimator, dtype=dtype)
    model = small(Estimator, hidden_layer_sizes=sizes, activation=activation, max_iter=1).fit(X, y)
    names = ["predict", "decision_function", "predict_proba", "predict_log_proba"]
    names += ["transform"] if sizes else []
    wide = Network.from_weights(
        [W.astype(float) for W in model.coefs_],
        [b.astype(float) for b in model.intercepts_],
        model.activation,
        model.layer_scales_,
        model.network_.skips,
    )
    raised = set()
    for size in np.finfo(dtype).max / 10.0 ** np.arange(0, 8):
        extreme = X.copy()
        extreme[3] = np.sign(X[3]) * size
        for name in names:
            if not hasattr(model, name):
                continue
            try:
                values = getattr(model, name)(extreme)
            except FloatingPointError:
                raised.add(name)
                continue
            with np.errstate(divide="ignore"):
                assert not np.isnan(values).any()
            if name == "decision_function" and dtype == "float32":
                np.testing.assert_allclose(
                    values[3], wide.output(extreme[3:4].astype(float))[0], rtol=1e-3, atol=1e-3
                )
    # tanh saturates, so activities above the first layer may be finite
    assert raised | {"transform"} == {name for name in names if hasattr(model, name)} | {
        "transform"
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rates_that_overflow_are_an_error(dtype, recwarn):
    X, _ = data_for(PCRegressor, dtype=dtype)
    y = np.random.default_rng(0).poisson(np.exp(X[:, 0]))
    model = small(PCRegressor, loss="poisson", hidden_layer_sizes=()).fit(X, y)
    largest = np.abs(X).max()
    assert np.isfinite(model.predict({"float32": 60, "float64": 600}[dtype] / largest * X)).all()
    with pytest.raises(FloatingPointError, match="of X is not finite"):
        model.predict(1e5 * X)
    assert not [w for w in recwarn.list if issubclass(w.category, RuntimeWarning)]
    # for scorers, such an epoch has no score
    far_away = (1e6 * X, y)
    for scoring in (None, "neg_mean_poisson_deviance"):
        model.set_params(scoring=scoring).fit(X, y, validation_data=far_away)
        assert np.isnan(model.validation_scores_).all()


def test_scikit_learn_tags_of_targets():
    for loss, positive in (("squared_error", False), ("huber", False), ("poisson", True)):
        assert get_tags(PCRegressor(loss=loss)).target_tags.positive_only is positive


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_transform_keeps_float32(Estimator):
    X, y = data_for(Estimator, dtype=np.float32)
    assert small(Estimator, max_iter=1).fit_transform(X, y).dtype == np.float32


def test_transform_feeds_a_pipeline():
    X, y = iris()
    body = small(PCRegressor, transform_layer=0)
    model = make_pipeline(body, small(PCClassifier, max_iter=50)).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model[-1].n_features_in_ == 16
    assert model[:-1].get_feature_names_out()[0] == "pcregressor0"


def test_set_output_names_the_columns():
    pytest.importorskip("pandas")
    X, y = iris()
    model = small(PCClassifier).set_output(transform="pandas").fit(X, y)
    assert list(model.transform(X).columns) == [f"pcclassifier{i}" for i in range(16)]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("layer", [2, -3, 100])
def test_transform_layer_out_of_range(Estimator, layer):
    X, y = data_for(Estimator)
    model = small(Estimator, transform_layer=layer)
    message = re.escape("transform_layer must be from -2 to 1 with 2 hidden layers")
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    model.set_params(transform_layer=0).fit(X, y).set_params(transform_layer=layer)
    with pytest.raises(ValueError, match=message):
        model.transform(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_transform_is_missing_without_hidden_layers(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator, hidden_layer_sizes=()).fit(X, y)
    names = ("transform", "fit_transform", "get_feature_names_out", "set_output")
    for estimator in (model, small(Estimator, hidden_layer_sizes=())):
        assert not any(hasattr(estimator, name) for name in names)
        with pytest.raises(AttributeError) as found:
            estimator.transform(X)
        assert "this network has none" in str(found.value.__cause__)
    assert not hasattr(model, "_n_features_out")  # an attribute that skl2onnx reads
    # the fitted network decides, else the arguments
    assert not hasattr(model.set_params(hidden_layer_sizes=(4,)), "transform")
    assert all(hasattr(small(Estimator, hidden_layer_sizes=[4]), name) for name in names)
    with pytest.raises(ValueError, match="transform_layer must be -1 with 0 hidden layers"):
        small(Estimator, hidden_layer_sizes=(), transform_layer=0).fit(X, y)


def test_html_representation_shows_changed_arguments_and_fitted_attributes():
    X, y = iris()
    html = small(PCClassifier, learning_rate="cosine").fit(X, y)._repr_html_()
    assert "learning_rate" in html
    assert "cosine" in html
    assert "PCClassifier" in html
