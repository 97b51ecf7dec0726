"""Predictors from files: the bits of the estimator or pipeline that was exported."""

import pickle
import threading

import numpy as np
import pytest
import scipy.sparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)

import pcnet
from pcnet import Chunks, PCClassifier, PCRegressor
from pcnet.inference import METHODS, ErrorDescent, LearnedPrecision, Nudged
from pcnet.losses import Huber
from pcnet.serving import export, load_predictor

N, D = 60, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, D)) * [1, 2, 3, 0.5, 1] + [0, 5, 0, -1, 2]
HOLES = np.where(RNG.random(X.shape) < 0.15, np.nan, X)
CODES = RNG.integers(0, 3, N)
LABELS = {
    "text": np.array(["ant", "bee", "cat"])[CODES],
    "objects": np.array(["ant", "bee", "cat"], dtype=object)[CODES],
    "integers": CODES - 1,
    "unsigned": CODES.astype(np.uint8),
    "floats": CODES * 2.0,
    "bools": CODES > 0,
    "two": np.array(["no", "yes"])[CODES % 2],
    "multilabel": np.stack([CODES == 0, CODES > 0], axis=1).astype(int),
}
COUNTS = RNG.poisson(3, (N, 2))
SCALARS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")

PIPELINES = {
    "none": ((), X),
    "standard": ((StandardScaler(),), X),
    "no mean": ((StandardScaler(with_mean=False),), X),
    "no std": ((StandardScaler(with_std=False),), X),
    "neither": ((StandardScaler(with_mean=False, with_std=False),), X),
    "min max": ((MinMaxScaler((-1, 2)),), X),
    "clip": ((MinMaxScaler(clip=True),), X),
    "max abs": ((MaxAbsScaler(),), X),
    "mean": ((SimpleImputer(), StandardScaler()), HOLES),
    "median": ((StandardScaler(), SimpleImputer(strategy="median")), HOLES),
    "constant": ((SimpleImputer(strategy="constant", fill_value=0.3), MaxAbsScaler()), HOLES),
    "marked": ((SimpleImputer(missing_values=-1.0), MinMaxScaler()), np.nan_to_num(HOLES, nan=-1)),
    "frequent": ((MinMaxScaler(), SimpleImputer(strategy="most_frequent")), HOLES),
    "nested": ((make_pipeline(StandardScaler(), "passthrough"), MaxAbsScaler()), X),
}  # fmt: skip


def classifier(dtype="float64", **arguments):
    given = {"max_iter": 2, "alpha": 0.0, "temperature": 0.7, "random_state": 0, **arguments}
    return PCClassifier((8, 8), dtype=dtype, **given)


def regressor(dtype="float64", **arguments):
    return PCRegressor((8, 8), dtype=dtype, max_iter=2, alpha=0.0, random_state=0, **arguments)


def exported(model, tmp_path, **options):
    export(model, tmp_path / "model.npz", **options)
    return load_predictor(tmp_path / "model.npz")


def assert_same_bits(found, wanted):
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    if found.dtype.kind == "O":
        assert found.tolist() == wanted.tolist()
    else:
        assert found.tobytes() == wanted.tobytes()


def assert_same_predictions(model, predictor, *inputs, names=SCALARS):
    for name in names:
        if hasattr(model, name):
            for given in inputs:
                assert_same_bits(getattr(predictor, name)(given), getattr(model, name)(given))


def assert_same_energies(model, predictor, given, y):
    steps = model[:-1] if isinstance(model, Pipeline) and len(model) > 1 else None
    features = given if steps is None else steps.transform(given)
    estimator = model[-1] if isinstance(model, Pipeline) else model
    assert_same_bits(predictor.energy(given, y), estimator.energy(features, y))
    if hasattr(estimator, "class_energies"):
        assert_same_bits(predictor.class_energies(given), estimator.class_energies(features))
        assert_same_bits(predictor.score_samples(given), estimator.score_samples(features))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")
def test_pipelines_predict_the_same_bits(name, dtype, tmp_path):
    steps, data = PIPELINES[name]
    model = make_pipeline(*steps, classifier(dtype)).fit(data, LABELS["text"])
    predictor = exported(model, tmp_path)
    inputs = (data, data[:1], data.astype(np.float32), data.astype(np.float16), data.tolist())
    assert_same_predictions(model, predictor, *inputs, np.asfortranarray(data), data[::2, ::-1])
    assert_same_energies(model, predictor, data[:9], LABELS["text"][:9])
    if not np.isnan(data).any():
        whole = np.round(data).astype(int)
        assert_same_predictions(model, predictor, whole, whole.astype(np.uint8))


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_labels_and_losses_of_classifiers(labels, loss, tmp_path):
    for dtype, scaling in (("float32", "standard"), ("float64", "max")):
        model = classifier(dtype, loss=loss, input_scaling=scaling, transform_layer=0)
        model.fit(X, LABELS[labels])
        predictor = exported(model, tmp_path)
        assert_same_predictions(model, predictor, X, X[:1], X.astype(np.float32))
        assert_same_energies(model, predictor, X[:9], LABELS[labels][:9])
        assert_same_bits(predictor.classes_, model.classes_)


@pytest.mark.parametrize("loss", ["squared_error", "huber", Huber(0.3), "poisson"], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_of_regressors(loss, dtype, tmp_path):
    targets = COUNTS if loss == "poisson" else COUNTS * [1.0, 50.0] - 3.0
    for y in (targets, targets[:, 0]):
        model = regressor(dtype, loss=loss).fit(X / 3, y)
        predictor = exported(model, tmp_path)
        assert_same_predictions(model, predictor, X, X[:1], X.astype(np.float32))
        assert_same_energies(model, predictor, X[:9], y[:9])
    far = regressor("float32").fit(X / 3, 1e6 + 0.1 * COUNTS)  # predictions are float64
    assert_same_predictions(far, exported(far, tmp_path), X)


@pytest.mark.parametrize("parameterization", ["mupc", "ntp", "sp"])
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_forms_of_networks(parameterization, skip, bias, tmp_path):
    activation = ["tanh", "silu"] if skip else "relu"
    model = classifier(
        parameterization=parameterization, skip=skip, fit_intercept=bias, activation=activation,
        learning_rate_init=0.01, gamma=2.0 if parameterization == "mupc" else 1.0,
    ).fit(X / 3, CODES)  # fmt: skip
    predictor = exported(model, tmp_path)
    assert_same_predictions(model, predictor, X, X[:1])
    assert_same_energies(model, predictor, X[:5], CODES[:5])


@pytest.mark.parametrize("steps", [(), (MaxAbsScaler(),), (StandardScaler(with_mean=False),)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows(steps, dtype, tmp_path):
    sparse = scipy.sparse.random(N, 40, 0.05, format="csr", random_state=0)
    sparse.data += 0.5
    model = make_pipeline(*steps, classifier(dtype)).fit(sparse, CODES)
    predictor = exported(model, tmp_path)
    inputs = (sparse, sparse.tocsc(), sparse.tocoo(), sparse[:1], sparse.astype(np.float32))
    assert_same_predictions(model, predictor, *inputs, sparse.toarray())
    with pytest.raises(TypeError, match="Sparse data was passed for X"):
        exported(make_pipeline(MinMaxScaler(), classifier()).fit(X, CODES), tmp_path).predict(
            scipy.sparse.csr_matrix(X)
        )


def test_imputation_of_sparse_rows(tmp_path):
    sparse = scipy.sparse.csr_matrix(np.where(np.abs(HOLES) < 1, 0, HOLES))
    model = make_pipeline(SimpleImputer(), classifier(input_scaling="max")).fit(sparse, CODES)
    assert_same_predictions(model, exported(model, tmp_path), sparse)


def test_columns_without_values_are_left_out(tmp_path):
    data = HOLES.copy()
    data[:, 2] = np.nan
    with pytest.warns(UserWarning, match="Skipping features"):
        model = make_pipeline(SimpleImputer(), StandardScaler(), classifier()).fit(data, CODES)
    predictor = exported(model, tmp_path)
    with pytest.warns(UserWarning, match="Skipping features"):
        wanted = model.predict_proba(data)
    assert_same_bits(predictor.predict_proba(data), wanted)


def test_chunks_are_taken_without_steps(tmp_path):
    model = classifier().fit(X / 3, CODES)
    chunks = Chunks([X[:20], X[20:]])
    assert_same_predictions(model, exported(model, tmp_path), chunks)
    model = make_pipeline(StandardScaler(), classifier()).fit(X, CODES)
    with pytest.raises(TypeError, match="Chunks are not supported"):
        exported(model, tmp_path).predict(chunks)


def test_data_frames_are_checked_by_name(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    for steps in ((), (StandardScaler(),)):
        model = make_pipeline(*steps, classifier(input_scaling="standard"))
        model.fit(frame, CODES)
        predictor = exported(model, tmp_path)
        assert predictor.feature_names_in_.tolist() == list("abcde")
        assert_same_predictions(model, predictor, frame, frame.astype(np.float32))
        with pytest.raises(ValueError, match="must be in the same order"):
            predictor.predict(frame[list("edcba")])
        with pytest.raises(ValueError, match="unseen at fit time: z"):
            predictor.predict(frame.rename(columns={"a": "z"}))
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            predictor.predict(X)
    model = classifier(input_scaling="standard").fit(X, CODES)
    with pytest.warns(UserWarning, match="has feature names, but PCClassifier"):
        exported(model, tmp_path).predict(frame)


BAD_INPUTS = [
    (X[:, :3], "X has 3 features, but .* is expecting 5 features"),
    (X[0], "Expected 2D array, got 1D array instead"),
    (np.float64(3), "Expected 2D array, got scalar array instead"),
    (X[None], "Found array with dim 3"),
    (X[:0], r"Found array with 0 sample\(s\)"),
    (np.where(X > 4, np.inf, X), "Input X contains infinity"),
    (X.astype(complex), "Complex data not supported"),
    ([["a"] * D], "could not convert string to float"),
    ([[1, 2], [1]], "X must be one table of numbers"),
]


@pytest.mark.parametrize("given, message", BAD_INPUTS)
@pytest.mark.parametrize("steps", [(), (StandardScaler(),)])
def test_bad_features_are_refused_as_by_estimators(given, message, steps, tmp_path):
    model = make_pipeline(*steps, classifier(input_scaling="standard")).fit(X, CODES)
    predictor = exported(model, tmp_path)
    for method in (predictor.predict, predictor.transform, predictor.score_samples):
        with pytest.raises(ValueError, match=message):
            method(given)
    with pytest.raises(ValueError):  # noqa: PT011 - another text, from elsewhere
        model.predict(given)


def test_dicts_and_dates_are_refused(tmp_path):
    predictor = exported(classifier().fit(X / 9, CODES), tmp_path)
    for given, message in (
        ([dict.fromkeys("abcde", 1.0)], "X holds dicts; give the values of each"),
        (np.zeros((2, D), "M8[s]"), "X holds dates or times: convert them"),
    ):
        with pytest.raises(ValueError, match=message):
            predictor.predict(given)


def test_missing_values_and_overflow_are_refused(tmp_path):
    plain = exported(classifier("float32").fit(X / 9, CODES), tmp_path)
    with pytest.raises(ValueError, match=r"contains NaN.\nPCClassifier does not accept"):
        plain.predict(HOLES)
    with pytest.raises(ValueError, match="contains infinity or a value too large for"):
        plain.predict(X * 1e300)
    with pytest.raises(FloatingPointError, match="overflow"):
        plain.predict_proba(np.full((1, D), 3e38, np.float32))
    scaled = exported(make_pipeline(StandardScaler(), classifier()).fit(X, CODES), tmp_path)
    with pytest.raises(ValueError, match=r"contains NaN.\nPCClassifier does not accept"):
        scaled.predict(HOLES)


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "y must hold a label"),
        (CODES[:3], "for each of the 60 samples"),
        (CODES + 7, "has classes not in"),
        (CODES[:, None] * [1, 1], "is expected"),
    ],
)
def test_bad_targets_of_energies_are_refused(y, message, tmp_path):
    predictor = exported(classifier().fit(X / 3, CODES), tmp_path)
    with pytest.raises(ValueError, match=message):
        predictor.energy(X, y)


def test_methods_that_do_not_apply_say_so(tmp_path):
    numbers = exported(regressor().fit(X / 3, COUNTS), tmp_path)
    labels = exported(classifier().fit(X / 3, LABELS["multilabel"]), tmp_path)
    for name in ("predict_proba", "predict_log_proba", "decision_function", "class_energies"):
        with pytest.raises(AttributeError, match=f"{name} is of classifiers"):
            getattr(numbers, name)(X)
    with pytest.raises(AttributeError, match="multilabel"):
        labels.score_samples(X)
    with pytest.raises(ValueError, match="matrix of 0 and 1"):
        labels.energy(X, LABELS["multilabel"] + 1)
    with pytest.raises(ValueError, match="contains NaN"):
        numbers.energy(X, COUNTS * np.nan)
    flat = PCClassifier((), max_iter=1, alpha=0.0, temperature=1.0).fit(X / 3, CODES)
    with pytest.raises(AttributeError, match="has none"):
        exported(flat, tmp_path).transform(X)


@pytest.mark.parametrize("method", ["error", Nudged(ErrorDescent(max_steps=4)), LearnedPrecision()])
def test_infer_uses_the_method_of_the_training(method, tmp_path):
    model = classifier(inference=method).fit(X / 3, CODES)
    predictor = exported(model, tmp_path)
    found, wanted = predictor.infer(X[:7], CODES[:7]), model.infer(X[:7], CODES[:7])
    assert_same_bits(found.energy, wanted.energy)
    for one, other in zip(found.activities + found.errors, wanted.activities + wanted.errors):
        assert_same_bits(one, other)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_pcnet_is_stored(name, tmp_path):
    net = pcnet.Network.init((D, 6, 6, 3), "identity", random_state=0, dtype=np.float64)
    model = PCClassifier.from_network(net, inference=METHODS[name]())
    found = exported(model, tmp_path).infer(X[:7], CODES[:7])
    assert_same_bits(found.energy, model.infer(X[:7], CODES[:7]).energy)


def test_methods_of_ones_own_are_left_out(tmp_path):
    class Own(ErrorDescent):
        pass

    predictor = exported(classifier(inference=Own()).fit(X / 3, CODES), tmp_path)
    assert predictor.energy(X, CODES).shape == (N,)
    with pytest.raises(ValueError, match="method of inference of your own"):
        predictor.infer(X, CODES)
    assert len(predictor.infer(X, CODES, method="error").energy) == N


def test_dtype_halves_the_file(tmp_path):
    model = PCClassifier((64, 64), max_iter=1, alpha=0.0, temperature=1.0, dtype="float64")
    model.fit(X / 3, CODES)
    sizes = {}
    for dtype in ("float64", "float32"):
        predictor = exported(model, tmp_path, dtype=dtype)
        assert predictor.network_.dtype == dtype
        n_bytes = sum(W.nbytes for W in predictor.network_.weights)
        sizes[dtype] = (tmp_path / "model.npz").stat().st_size
        assert n_bytes < sizes[dtype] < n_bytes + 10_000
        np.testing.assert_allclose(predictor.predict_proba(X), model.predict_proba(X), rtol=1e-3)
    assert sizes["float64"] > 1.9 * sizes["float32"] - 10_000
    with pytest.raises(ValueError, match="dtype must be"):
        export(model, tmp_path / "model.npz", dtype="int8")
    big = PCRegressor.from_network(pcnet.Network.from_weights([[[1e300]]]))
    with pytest.raises(ValueError, match="infinite in float32"):
        export(big, tmp_path / "model.npz", dtype="float32")


def test_deep_networks_add_few_bytes(tmp_path):
    model = PCClassifier.from_network(
        pcnet.Network.init((4, *[8] * 300, 2), bias=True, random_state=0)
    )
    assert_same_predictions(model, exported(model, tmp_path), X[:, :4].astype(np.float32))
    n_bytes = sum(a.nbytes for a in [*model.coefs_, *model.intercepts_])
    assert (tmp_path / "model.npz").stat().st_size < n_bytes + 10_000


@pytest.mark.parametrize(
    "model, message",
    [
        (FunctionTransformer(), "must be a PCClassifier, a PCRegressor, or a Pipeline"),
        (make_pipeline(PolynomialFeatures(), classifier()), "step PolynomialFeatures .*to_onnx"),
        (make_pipeline(SimpleImputer(add_indicator=True), classifier()), "adds columns"),
    ],
)
def test_models_that_cannot_be_exported_are_named(model, message, tmp_path):
    model.fit(HOLES if "Imputer" in str(model) else X / 3, CODES)
    with pytest.raises(TypeError, match=message):
        export(model, tmp_path / "model.npz")
    assert not (tmp_path / "model.npz").exists()


def test_labels_that_are_objects_are_refused(tmp_path):
    model = classifier().fit(X / 3, np.array(["a\0", "b\0", "c\0"], dtype=object)[CODES])
    with pytest.raises(TypeError, match="classes must be numbers, booleans or texts"):
        export(model, tmp_path / "model.npz")


def test_unfitted_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        export(classifier(), tmp_path / "model.npz")


def test_predictors_are_shared_by_threads(tmp_path):
    model = classifier("float32").fit(X / 3, CODES)
    predictor = exported(model, tmp_path)
    rows = [X[i : i + 1 + i % 3].astype(np.float32) for i in range(N - 3)]
    wanted = [model.predict_proba(row) for row in rows]
    wrong = []

    def work():
        for _ in range(20):
            for row, expected in zip(rows, wanted):
                if predictor.predict_proba(row).tobytes() != expected.tobytes():
                    wrong.append(row)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_calls_of_few_and_of_many_rows_give_the_same_bits(tmp_path):
    model = classifier("float32").fit(X / 3, CODES)
    predictor = exported(model, tmp_path)
    many = np.tile(X, (20, 1)).astype(np.float32)
    for n in (1, 2, 63, 64, 65, len(many)):
        assert_same_predictions(model, predictor, many[:n])


def test_largest_of_equal_outputs_is_the_first(tmp_path):
    net = pcnet.Network.from_weights([np.zeros((D, 4), np.float32)])
    model = PCClassifier.from_network(net, ["d", "c", "b", "a"], loss="log_loss")
    predictor = exported(model, tmp_path)
    assert predictor.predict(X.astype(np.float32)).tolist() == model.predict(X).tolist()


def test_weights_of_a_predictor_cannot_be_written(tmp_path):
    predictor = exported(classifier().fit(X / 3, CODES), tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        predictor.network_.weights[0][0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        predictor.classes_[0] = 1


def test_predictors_do_not_pickle_and_print_their_form(tmp_path):
    model = make_pipeline(StandardScaler(), classifier("float32")).fit(X, CODES)
    predictor = exported(model, tmp_path)
    with pytest.raises(TypeError, match="pass the path of its file"):
        pickle.dumps(predictor)
    assert repr(predictor) == "Predictor(StandardScaler -> PCClassifier, 5-8-8-3, float32)"
    assert predictor.n_features_in_ == D
