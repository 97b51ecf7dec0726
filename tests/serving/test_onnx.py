"""ONNX: what onnxruntime computes from a converted model is what the model predicts."""

import sys

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pcnet import Network, PCClassifier, PCGenerative, PCImputer, PCRegressor
from pcnet.serving import register_onnx, to_onnx

from ..helpers import ACTIVATIONS

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

X_TRAIN = np.random.default_rng(0).standard_normal((80, 4))
X_TEST = 2 * np.random.default_rng(1).standard_normal((200, 4))
SCORE = X_TRAIN[:, 0] + np.sin(2 * X_TRAIN[:, 1])
LABELS = {
    "binary": (SCORE > 0).astype(int) * 3 - 1,
    "multiclass": np.digitize(SCORE, [-0.5, 0.5]) * 10,
    "strings": np.array(["low", "middle", "high"])[np.digitize(SCORE, [-0.5, 0.5])],
    "object": np.array(["a", "b"], dtype=object)[(SCORE > 0).astype(int)],
    "float": np.digitize(SCORE, [-0.5, 0.5]).astype(float),
    "bool": SCORE > 0,
    "multilabel": np.column_stack([SCORE > 0, X_TRAIN[:, 2] > 0, X_TRAIN[:, 3] > 0]).astype(int),
}


def fitted(Estimator, y, dtype=np.float32, **arguments):
    defaults = {"hidden_layer_sizes": (8, 8), "max_iter": 10, "alpha": 0.1, "random_state": 0}
    if Estimator is PCClassifier:
        defaults["temperature"] = 0.3
    return Estimator(**{**defaults, **arguments}).fit(X_TRAIN.astype(dtype), y)


def run(converted, X):
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: X})


def assert_same_classes(model, converted, X, atol=1e-5):
    labels, probabilities = run(converted, X)
    expected = model.predict_proba(X)
    assert probabilities.dtype == X.dtype
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=atol)
    np.testing.assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("kind", LABELS)
def test_classifier(kind, loss, dtype):
    model = fitted(PCClassifier, LABELS[kind], dtype, loss=loss)
    X = X_TEST.astype(dtype)
    assert_same_classes(model, to_onnx(model, X), X, 1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_regressor(n_outputs, dtype):
    y = 40 + 7 * np.column_stack([SCORE] + [X_TRAIN[:, i] for i in range(1, n_outputs)])
    model = fitted(PCRegressor, y[:, 0] if n_outputs == 1 else y, dtype)
    X = X_TEST.astype(dtype)
    (predicted,) = run(to_onnx(model, X), X)
    assert predicted.dtype == dtype
    assert predicted.shape == (len(X), n_outputs)
    expected = model.predict(X).reshape(len(X), -1)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(predicted, expected, rtol=tolerance, atol=tolerance)


def test_a_large_mean_does_not_cost_digits():
    model = fitted(PCRegressor, 1e6 + SCORE)
    X = X_TEST.astype(np.float32)
    (predicted,) = run(to_onnx(model, X), X)
    assert np.abs(predicted[:, 0] - model.predict(X)).max() <= 0.0625  # one ulp of float32


def test_poisson_regression():
    counts = np.floor(np.exp(SCORE / np.abs(SCORE).max()) * 5)
    model = fitted(PCRegressor, counts, loss="poisson")
    X = X_TEST.astype(np.float32)
    (predicted,) = run(to_onnx(model, X), X)
    np.testing.assert_allclose(predicted[:, 0], model.predict(X), rtol=1e-5)


def test_several_activations():
    model = fitted(PCRegressor, SCORE, hidden_layer_sizes=(8, 8), activation=["tanh", "relu"])
    X = X_TEST.astype(np.float32)
    (predicted,) = run(to_onnx(model, X), X)
    np.testing.assert_allclose(predicted[:, 0], model.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation, dtype):
    model = fitted(PCRegressor, SCORE, dtype, activation=activation)
    X = (3 * X_TEST).astype(dtype)
    (predicted,) = run(to_onnx(model, X), X)
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(predicted[:, 0], model.predict(X), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("parameterization", ["mupc", "ntp", "sp"])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_scales_skips_and_biases(parameterization, skip, fit_intercept):
    options = {"parameterization": parameterization, "skip": skip, "fit_intercept": fit_intercept}
    widths = (8, 8, 5, 5, 5)
    model = fitted(
        PCRegressor,
        SCORE,
        np.float64,
        hidden_layer_sizes=widths,
        learning_rate_init=1e-3,
        **options,
    )
    (predicted,) = run(to_onnx(model, X_TEST), X_TEST)
    np.testing.assert_allclose(predicted[:, 0], model.predict(X_TEST), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_hidden", [0, 1, 30, 127])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_depth(n_hidden, loss):
    model = fitted(
        PCClassifier, LABELS["strings"], hidden_layer_sizes=(8,) * n_hidden, loss=loss, max_iter=3
    )
    X = X_TEST.astype(np.float32)
    assert_same_classes(model, to_onnx(model, X), X)


@pytest.mark.parametrize("kind", ["multiclass", "strings", "multilabel"])
def test_classifier_in_a_pipeline_through_skl2onnx_itself(kind):
    register_onnx()
    register_onnx()  # once more changes nothing
    model = make_pipeline(
        StandardScaler(), PCClassifier((8, 8), loss="log_loss", max_iter=10, random_state=0)
    ).fit(X_TRAIN.astype(np.float32), LABELS[kind])
    X = X_TEST.astype(np.float32)
    converted = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    assert_same_classes(model, converted, X)
    assert_same_classes(model, to_onnx(model, X), X)


def test_regressor_in_a_pipeline():
    model = make_pipeline(StandardScaler(), PCRegressor((8,), max_iter=10, random_state=0))
    model.fit(X_TRAIN, SCORE)
    (predicted,) = run(to_onnx(model, X_TEST), X_TEST)
    np.testing.assert_allclose(predicted[:, 0], model.predict(X_TEST), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["standard", "max"])
def test_scaling_of_the_input(kind, dtype):
    X_train = (100 + 50 * X_TRAIN).astype(dtype)
    model = PCClassifier((8,), max_iter=10, input_scaling=kind, random_state=0)
    model.fit(X_train, LABELS["strings"])
    X = (100 + 50 * X_TEST).astype(dtype)
    assert_same_classes(model, to_onnx(model, X), X)


def test_integer_input_is_computed_in_float32():
    X = np.arange(24).reshape(6, 4) % 5
    model = PCClassifier((8,), max_iter=10, random_state=0).fit(X, [0, 1, 2, 0, 1, 2])
    labels, probabilities = run(to_onnx(model, X), X)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
def test_opsets(opset):
    model = fitted(PCClassifier, LABELS["multiclass"])
    X = X_TEST.astype(np.float32)
    converted = to_onnx(model, X, target_opset=opset)
    assert max(entry.version for entry in converted.opset_import if not entry.domain) <= opset
    assert_same_classes(model, converted, X)


def test_options_of_skl2onnx():
    model = fitted(PCClassifier, LABELS["strings"])
    X = X_TEST.astype(np.float32)
    _, maps = run(to_onnx(model, X, options={"zipmap": True}), X)
    assert set(maps[0]) == {"low", "middle", "high"}
    nocl = {id(model): {"zipmap": False, "nocl": True}}
    columns, _ = run(to_onnx(model, X, options=nocl), X)
    np.testing.assert_array_equal(model.classes_[columns], model.predict(X))
    raw = {id(model): {"zipmap": False, "raw_scores": True}}
    labels, outputs = run(to_onnx(model, X, options=raw), X)
    np.testing.assert_allclose(outputs, model.network_.output(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(labels, model.predict(X))
    names = {id(model): {"zipmap": False, "output_class_labels": True}}
    *_, classes = run(to_onnx(model, X, options=names), X)
    np.testing.assert_array_equal(classes, model.classes_)


@pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")
@pytest.mark.parametrize("n_classes", [2, 3, 11])
@pytest.mark.parametrize("size", [0.1, 1.0, 1e4])
def test_projection_of_ties_and_extreme_outputs(n_classes, size):
    """An identity network, for outputs with ties, far outside of the simplex and inside it."""
    rng = np.random.default_rng(n_classes)
    X = size * rng.standard_normal((300, n_classes))
    X[:50] = rng.dirichlet(np.ones(n_classes), 50)
    X[50:60] = 0.0
    X[60:90] = np.round(X[60:90])
    model = PCClassifier((), max_iter=1, alpha=0.1, temperature=0.3)
    model.fit(X, np.arange(300) % n_classes)
    model.network_ = Network.from_weights([np.eye(n_classes)])
    assert_same_classes(model, to_onnx(model, X), X, atol=1e-12 * max(1, size))


def test_frames_have_an_input_for_each_column():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X_TRAIN, columns=list("abcd")).assign(
        n=np.arange(80), job=["cook", "clerk"] * 40, member=SCORE > 0, unused="x"
    )
    frame.loc[3, "a"] = np.nan
    frame["city"] = pandas.Categorical(list("ABCD") * 20)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    encode = make_column_transformer(
        (numbers, [*"abcd", "n"]),
        (OneHotEncoder(handle_unknown="ignore"), ["job", "city"]),
        ("passthrough", ["member"]),
    )
    model = make_pipeline(encode, PCClassifier((8,), max_iter=5, random_state=0))
    model.fit(frame, LABELS["strings"])
    converted = to_onnx(model, frame)
    names = [given.name for given in converted.graph.input]
    assert set(names) >= set(frame.columns) - {"unused"}
    numeric = {name for name in frame if frame[name].dtype.kind in "biuf"}
    columns = {
        name: frame[[name]].to_numpy(np.float32 if name in numeric else object) for name in names
    }
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels, probabilities = session.run(None, columns)
    np.testing.assert_array_equal(labels, model.predict(frame))
    np.testing.assert_allclose(probabilities, model.predict_proba(frame), rtol=0, atol=1e-5)


def test_generative_models_are_refused():
    for first in (PCImputer(max_iter=1, alpha=1), PCGenerative(max_iter=1)):
        regressor = PCRegressor((8,), max_iter=1, input_scaling="standard")
        model = make_pipeline(first, regressor).fit(X_TRAIN, SCORE)
        with pytest.raises(TypeError, match=rf"{type(first).__name__} cannot be.*joblib or skops"):
            to_onnx(model, X_TRAIN)


def test_errors():
    model = fitted(PCClassifier, LABELS["multiclass"])
    with pytest.raises(ValueError, match="opset 13 or newer, got target_opset=12"):
        to_onnx(model, X_TEST, target_opset=12)
    with pytest.raises(NotFittedError):
        to_onnx(PCRegressor(), X_TEST)


def test_without_skl2onnx_the_error_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"pip install pcnet\[onnx\]"):
        register_onnx()
