"""Data of other types and layouts: the same bits as when converted first, without a full copy."""

import sys

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler

from pcnet import Chunks, PCClassifier, PCRegressor
from pcnet._data.feature_scale import warn_if_unscaled
from pcnet._data.rows import (
    BLOCK_ROWS,
    ConvertedRows,
    DenseRows,
    SparseRows,
    check_rows,
    check_rows_and_targets,
)
from pcnet.exceptions import FeatureScaleWarning

from ..helpers import peak_of, python_process
from .support import ESTIMATORS, assert_same_bits, small

RNG = np.random.default_rng(0)
N_SAMPLES, N_FEATURES = 150, 12
SMALL_INTS = RNG.integers(0, 4, (N_SAMPLES, N_FEATURES)) * (RNG.random((N_SAMPLES, 12)) < 0.4)
LABELS = SMALL_INTS[:, 0] % 3
TARGETS = SMALL_INTS[:, 0] - 0.5 * SMALL_INTS[:, 1]

FORMS = {
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array": scipy.sparse.csr_array,
    "csc_matrix": scipy.sparse.csc_matrix,
    "csc_array": scipy.sparse.csc_array,
    "coo_array": scipy.sparse.coo_array,
    "bool": lambda X: X > 0,
    "uint8": lambda X: X.astype(np.uint8),
    "int64": lambda X: X.astype(np.int64),
    "float16": lambda X: X.astype(np.float16),
    "fortran uint8": lambda X: np.asfortranarray(X.astype(np.uint8)),
    "reversed uint8": lambda X: np.ascontiguousarray(X.astype(np.uint8)[::-1, ::-1])[::-1, ::-1],
}


def targets(Estimator):
    return LABELS if Estimator is PCClassifier else TARGETS


def in_form(name, dtype):
    """Data in the given form, and the dense array of the same values."""
    dense = SMALL_INTS.astype(dtype)
    made = FORMS[name](dense)
    if name == "bool":
        dense = (dense > 0).astype(dtype)
    return made, dense


def as_memmap(X, folder, order="C"):
    """A memory map whose data do not begin at a multiple of the size of their type."""
    mapped = np.memmap(folder / "X.bin", X.dtype, "w+", offset=3, shape=X.shape, order=order)
    mapped[...] = X
    return mapped


# ---------------------------------------------------------------- same bits


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", FORMS)
def test_fit_and_predict_as_if_converted_first(form, Estimator, dtype):
    data, dense = in_form(form, np.dtype(dtype))
    weight = np.arange(N_SAMPLES) % 4  # zeros among them
    options = {"early_stopping": True, "max_iter": 4, "dtype": dtype}
    models = [small(Estimator, **options) for _ in range(2)]
    for model, X in zip(models, (data, dense)):
        model.fit(X, targets(Estimator), sample_weight=weight)
    assert models[0].coefs_[0].dtype == dtype
    assert_same_bits(*models)
    assert models[0].validation_scores_ == models[1].validation_scores_
    np.testing.assert_array_equal(models[0].predict(data), models[1].predict(dense))
    assert models[0].score(data, targets(Estimator)) == models[1].score(dense, targets(Estimator))


@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "uint8", "float16"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_partial_fit_and_warm_start(form, shuffle):
    data, dense = in_form(form, np.float64)
    models = [small(PCClassifier, shuffle=shuffle, warm_start=True) for _ in range(2)]
    for model, X in zip(models, (data, dense)):
        model.partial_fit(X, LABELS, classes=[0, 1, 2]).fit(X, LABELS).partial_fit(X, LABELS)
    assert_same_bits(*models)
    np.testing.assert_array_equal(models[0].predict_proba(data), models[1].predict_proba(dense))
    np.testing.assert_array_equal(
        models[0].predict_log_proba(data), models[1].predict_log_proba(dense)
    )


@pytest.mark.parametrize("stored", ["uint8", "float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_memory_maps(tmp_path, stored, order, dtype):
    mapped = as_memmap(SMALL_INTS.astype(stored), tmp_path, order)
    mapped.flush()
    models = [small(PCClassifier, max_iter=2, dtype=dtype) for _ in range(2)]
    models[0].fit(mapped, LABELS)
    models[1].fit(np.array(mapped, order="C"), LABELS)
    assert_same_bits(*models)
    np.testing.assert_array_equal(models[0].predict_proba(mapped), models[1].predict_proba(mapped))


def test_dtype_none_keeps_float32_and_converts_others_to_float64():
    """float32 stays, everything else is computed in float64."""
    for name, dtype in [("uint8", "float64"), ("float16", "float64"), ("float32", "float32")]:
        model = small(PCRegressor, max_iter=1).fit(SMALL_INTS.astype(name), TARGETS)
        assert model.network_.dtype == dtype
    sparse = scipy.sparse.csr_array(SMALL_INTS)
    assert small(PCRegressor, max_iter=1).fit(sparse, TARGETS).network_.dtype == "float64"
    sparse = sparse.astype(np.float32)
    assert small(PCRegressor, max_iter=1).fit(sparse, TARGETS).network_.dtype == "float32"


def test_prediction_in_blocks_equals_prediction_of_all_rows():
    n_samples = 2 * BLOCK_ROWS + 17
    X = RNG.integers(0, 5, (n_samples, N_FEATURES)).astype(np.uint8)
    model = small(PCClassifier).fit(X[:100], np.arange(100) % 3)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X.astype(float)))


def test_sparse_with_duplicates_and_explicit_zeros():
    """Duplicates are summed, as in SciPy; columns may be unsorted."""
    rows, columns = np.array([0, 0, 0, 1, 2]), np.array([3, 1, 3, 0, 2])
    values = np.array([1.0, 2.0, 0.5, 0.0, -1.0])
    indptr = np.searchsorted(rows, np.arange(4))
    matrix = scipy.sparse.csr_array((values, columns, indptr), shape=(3, 4))
    models = [small(PCRegressor, max_iter=2) for _ in range(2)]
    models[0].fit(matrix, [1.0, 2.0, 4.0])
    models[1].fit(matrix.toarray(), [1.0, 2.0, 4.0])
    assert_same_bits(*models)


def test_in_a_pipeline_and_cross_validation():
    texts = ["red apple", "green apple", "blue sky", "grey sky", "red cherry", "clear sky"] * 5
    y = ["fruit", "fruit", "sky", "sky", "fruit", "sky"] * 5
    model = make_pipeline(TfidfVectorizer(), PCClassifier((8,), max_iter=60, random_state=0))
    assert cross_val_score(model, texts, y, cv=3).mean() == 1.0
    scaled = make_pipeline(MaxAbsScaler(), small(PCClassifier))
    scaled.fit(scipy.sparse.csr_array(SMALL_INTS.astype(float)), LABELS)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "uint8", "float16"])
def test_validation_sets_and_scorers(form, Estimator, capsys):
    data, dense = in_form(form, np.float64)
    y = targets(Estimator)
    scoring = ["r2"] if Estimator is PCRegressor else ["neg_log_loss", "accuracy"]
    models = [small(Estimator, scoring=scoring, loss=Estimator().loss, verbose=2) for _ in range(2)]
    for model, X in zip(models, (data, dense)):
        model.fit(X[:100], y[:100], validation_data=(X[100:], y[100:]))
    first, second = (model.history_ for model in models)
    assert f"validation_{scoring[0]}" in first
    assert "train" in capsys.readouterr().out  # the training score reads rows, too
    for name in first.keys() - {"seconds"}:
        np.testing.assert_array_equal(first[name], second[name])
    held_out = [small(Estimator, scoring=scoring, early_stopping=True) for _ in range(2)]
    for model, X in zip(held_out, (data, dense)):
        model.fit(X, y)
    assert held_out[0].validation_scores_ == held_out[1].validation_scores_


# ---------------------------------------------------------------- sources of rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", [*FORMS, "dense"])
def test_rows_give_what_the_dense_array_holds(form, dtype):
    data, dense = in_form(form, dtype) if form != "dense" else (SMALL_INTS.astype(dtype),) * 2
    rows, _ = check_rows_and_targets(
        PCClassifier(), data, LABELS, dtype=np.dtype(dtype), reset=True
    )
    wanted = DenseRows if form == "dense" else ConvertedRows
    wanted = SparseRows if scipy.sparse.issparse(data) else wanted
    assert type(rows) is wanted
    assert (rows.shape, rows.dtype, len(rows)) == (dense.shape, dtype, N_SAMPLES)
    index = RNG.permutation(N_SAMPLES)[:40]
    for part in (index, slice(3, 43)):
        out = np.full((40, N_FEATURES), np.nan, dtype)
        taken = rows.take(part, out)
        assert taken.flags.c_contiguous
        np.testing.assert_array_equal(taken, dense[part])
    np.testing.assert_array_equal(np.vstack([b.copy() for _, b in rows.blocks()]), dense)
    assert [len(block) for _, block in rows.blocks(64)] == [64, 64, 22]
    np.testing.assert_array_equal(np.vstack([b.copy() for _, b in rows.blocks(64)]), dense)
    subset = rows.subset(index)
    np.testing.assert_array_equal(np.vstack([b.copy() for _, b in subset.blocks()]), dense[index])
    np.testing.assert_allclose(
        rows.root_mean_squares(index), np.sqrt(np.mean(dense[index] ** 2, axis=0)), rtol=1e-6
    )


def test_the_right_type_is_not_copied(tmp_path):
    mapped = as_memmap(SMALL_INTS.astype(np.float32), tmp_path)
    X = SMALL_INTS.astype(np.uint8)
    for data in (mapped, X):
        rows, _ = check_rows_and_targets(
            PCClassifier(), data, LABELS, dtype=[np.float64, np.float32], reset=True
        )
        assert np.shares_memory(rows.X, data)


@pytest.mark.parametrize("form", ["uint8", "fortran", "csr", "chunks"])
def test_neither_fit_nor_predict_makes_a_float_copy(form):
    X = (RNG.random((6000, 400)) < 0.05).astype(np.uint8)
    y = np.arange(6000) % 2
    as_float = 4 * X.size
    if form == "fortran":
        X = np.asfortranarray(X)
    if form == "csr":
        X = scipy.sparse.csr_array(X.astype(np.float32))
    if form == "chunks":
        X = Chunks(np.split(X, 3))
    options = {"hidden_layer_sizes": (8,), "max_iter": 1, "dtype": "float32"}
    small(PCClassifier, **options).fit(X[:100], y[:100])  # imports of the first use
    model = small(PCClassifier, early_stopping=True, **options)
    assert peak_of(lambda: model.fit(X, y)) < 0.45 * as_float  # a block, and scikit-learn's checks
    assert peak_of(lambda: model.predict(X)) < 0.45 * as_float


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n_rows", [20_000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_large_memory_map_is_read_in_blocks(n_rows, tmp_path):
    """Anonymous memory (RssAnon) does not include the pages of the map."""
    program = """
    import sys, numpy as np
    from pcnet import PCClassifier
    def anonymous():
        text = open("/proc/self/status").read()
        return int(text.split("RssAnon:")[1].split()[0]) / 1024
    X = np.memmap(sys.argv[1], np.uint8, "r").reshape(-1, 784)
    y = np.arange(len(X)) % 10
    PCClassifier((16,), max_iter=1, dtype="float32").fit(X[:200], y[:200])
    before, most = anonymous(), 0.0
    model = PCClassifier((16,), max_iter=1, batch_size=512, dtype="float32", random_state=0)
    import threading, time
    done = threading.Event()
    def watch():
        global most
        while not done.wait(0.005):
            most = max(most, anonymous() - before)
    watcher = threading.Thread(target=watch)
    watcher.start()
    model.fit(X, y)
    model.predict(X)
    done.set()
    watcher.join()
    print(most)
    """
    values = np.random.default_rng(0).integers(0, 2, (n_rows, 784), dtype=np.uint8)
    values.tofile(tmp_path / "X.bin")  # 16 or 47 MB; as float32 63 or 188 MB
    done = python_process(program, tmp_path, tmp_path / "X.bin")
    assert float(done.stdout) < 40  # MB


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["csr", "float16", "memmap"])
def test_nan_and_infinity_are_found(tmp_path, kind, bad, dtype):
    X = SMALL_INTS.astype(np.float64)
    model = small(PCClassifier, max_iter=1, dtype=dtype).fit(X, LABELS)
    X[-1, -1] = bad
    data = {
        "csr": scipy.sparse.csr_array,
        "float16": lambda X: X.astype(np.float16),
        "memmap": lambda X: as_memmap(X, tmp_path, "F"),
    }[kind](X)
    message = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=f"Input X contains {message}"):
        small(PCClassifier, dtype=dtype).fit(data, LABELS)
    with pytest.raises(ValueError, match=f"Input X contains {message}"):
        model.predict(data)


def test_values_too_large_for_float32(tmp_path):
    X = SMALL_INTS.astype(np.float64)
    X[3, 3] = 1e39
    model = small(PCClassifier, dtype="float32")
    for data in (as_memmap(X, tmp_path), scipy.sparse.csr_array(X)):
        with pytest.raises(ValueError, match="infinity or a value too large for dtype"):
            model.fit(data, LABELS)


@pytest.mark.parametrize("form", ["csr_array", "uint8"])
def test_number_of_features(form):
    data, _ = in_form(form, np.float64)
    model = small(PCClassifier, max_iter=1).fit(data, LABELS)
    assert model.n_features_in_ == N_FEATURES
    with pytest.raises(ValueError, match="X has 11 features, but PCClassifier is expecting 12"):
        model.predict(data[:, :11])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(data, LABELS[:-1])
    assert len(check_rows(model, data, dtype=np.dtype("float64"))) == N_SAMPLES


# ---------------------------------------------------------------- scale of features


def scale_warnings(recwarn):
    return [str(w.message) for w in recwarn.list if w.category is FeatureScaleWarning]


@pytest.mark.parametrize("factor", [100.0, 0.01])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_far_from_unit_scale_warns_once(Estimator, factor, form):
    X = form(factor * SMALL_INTS)
    model = small(Estimator, max_iter=2, learning_rate_init=1e-6)
    with pytest.warns(FeatureScaleWarning, match="root mean square is .*StandardScaler") as caught:
        model.fit(X, targets(Estimator))
    assert [w.filename for w in caught] == [__file__]  # points at the user's line
    model.partial_fit(X, targets(Estimator))  # without another warning


def test_one_column_far_above_the_others_is_named():
    X = RNG.standard_normal((80, 6))
    X[:, 4] *= 3e3
    X *= 0.1
    with pytest.warns(FeatureScaleWarning, match="column 4 is more than 1000 times the columns'"):
        small(PCRegressor, max_iter=1, learning_rate_init=1e-6).fit(X, X[:, 0])
    rows = DenseRows(X)
    with pytest.warns(FeatureScaleWarning, match="column 'height' is more"):
        warn_if_unscaled(rows, names=["a", "b", "c", "d", "height", "f"])


def test_byte_images_warn_about_scale_and_scaled_images_do_not(recwarn):
    images = (255 / 16 * load_digits().data).astype(np.uint8)
    model = small(PCClassifier, max_iter=1, learning_rate_init=1e-6)
    with pytest.warns(FeatureScaleWarning, match="root mean square"):
        model.fit(images, load_digits().target)
    recwarn.clear()
    model.fit(images / 255, load_digits().target)
    assert scale_warnings(recwarn) == []


def test_no_scale_warning_for_ordinary_data(recwarn):
    for X in (load_iris().data, load_digits().data, np.zeros((20, 3)), np.eye(50)):
        small(PCRegressor, max_iter=1).fit(X, np.arange(len(X)))
    tfidf = scipy.sparse.random(60, 5000, 0.002, format="csr", random_state=0)
    small(PCRegressor, max_iter=1, parameterization="sp", learning_rate_init=1e-4).fit(
        tfidf, np.arange(60)
    )
    assert scale_warnings(recwarn) == []


@pytest.mark.parametrize(
    "form",
    [np.asarray, scipy.sparse.csr_array, scipy.sparse.csc_matrix, lambda X: Chunks(np.split(X, 3))],
)
def test_no_scale_warning_for_sparse_text_features(form, recwarn):
    words = RNG.random((60, 8000)) * (RNG.random((60, 8000)) < 0.002)
    X = words / np.linalg.norm(words, axis=1, keepdims=True)  # as TfidfVectorizer returns it
    y = np.arange(60)
    small(PCRegressor, max_iter=1).fit(form(X), y)
    assert scale_warnings(recwarn) == []
    with pytest.warns(FeatureScaleWarning, match="root mean square"):
        small(PCRegressor, max_iter=1).fit(form(0.05 * X), y)


@pytest.mark.parametrize("form", ["csr_array", "uint8"])
def test_resume_on_sparse_and_integer_data_has_the_same_bits(tmp_path, form):
    data, _ = in_form(form, np.float64)
    options = {"input_scaling": "standard", "early_stopping": True, "max_iter": 6}
    whole = small(PCClassifier, **options).fit(data, LABELS)
    path = tmp_path / "run.ckpt"
    stopped = small(
        PCClassifier, checkpoint=str(path), callbacks=lambda run: run.n_epochs == 3, **options
    )
    stopped.fit(data, LABELS)
    assert stopped.n_iter_ == 3
    resumed = small(PCClassifier, checkpoint=str(path), **options).resume(data, LABELS)
    assert_same_bits(whole, resumed)
    np.testing.assert_array_equal(whole.input_scale_, resumed.input_scale_)
    other = data[::-1] if form == "uint8" else data[::-1].tocsr()
    with pytest.raises(ValueError, match="not those that the run was started on"):
        small(PCClassifier, checkpoint=str(path), **options).resume(other, LABELS)
