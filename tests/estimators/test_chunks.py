"""Features in several arrays or files give the same bits as one array, without a copy."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import Chunks, PCClassifier

from .support import ESTIMATORS, assert_same_bits, small
from .test_data import LABELS, N_FEATURES, N_SAMPLES, SMALL_INTS, targets

CUTS = ([50, 90], [1, 2, 149], [])
FORMS = {
    "uint8": lambda X, i: X.astype(np.uint8),
    "float64": lambda X, i: X.astype(np.float64),
    "fortran float32": lambda X, i: np.asfortranarray(X.astype(np.float32)),
    "mixed": lambda X, i: X.astype([np.uint8, np.float16, np.int32, bool][i % 4]),
}


def cut(X, cuts, form="uint8"):
    return [FORMS[form](part, i) for i, part in enumerate(np.split(X, cuts))]


def as_files(parts, folder):
    for i, part in enumerate(parts):
        np.save(folder / f"{i}.npy", part)
    return [folder / f"{i}.npy" for i in range(len(parts))]


# ---------------------------------------------------------------- the same as one array


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_same_bits_as_the_concatenated_array(cuts, form, Estimator, dtype):
    parts = cut(SMALL_INTS, cuts, form)
    chunks, whole, y = Chunks(parts), np.concatenate(parts), targets(Estimator)
    assert (chunks.shape, chunks.dtype, len(chunks)) == (whole.shape, whole.dtype, N_SAMPLES)
    weight = np.arange(N_SAMPLES) % 4  # zeros among them
    models = [small(Estimator, early_stopping=True, dtype=dtype) for _ in range(2)]
    for model, X in zip(models, (chunks, whole)):
        model.fit(X, y, sample_weight=weight)
    assert models[0].network_.dtype == models[1].network_.dtype
    assert_same_bits(*models)
    assert models[0].validation_scores_ == models[1].validation_scores_
    for method in ("predict", "transform", "decision_function", "predict_proba", "score_samples"):
        if hasattr(models[0], method):
            results = [getattr(m, method)(X) for m, X in zip(models, (chunks, whole))]
            np.testing.assert_array_equal(*results)
    assert models[0].score(chunks, y) == models[1].score(whole, y)
    np.testing.assert_array_equal(models[0].energy(chunks, y), models[1].energy(whole, y))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("input_scaling", ["standard", "max"])
def test_other_ways_of_training(tmp_path, shuffle, input_scaling):
    parts = cut(60 * SMALL_INTS, [60, 110])  # "max" divides bytes by 255
    chunks, whole = Chunks(as_files(parts, tmp_path)), np.concatenate(parts)
    options = {"shuffle": shuffle, "input_scaling": input_scaling, "warm_start": True}
    models = [small(PCClassifier, scoring=["accuracy"], **options) for _ in range(2)]
    for model, X in zip(models, (chunks, whole)):
        model.fit(X, LABELS, validation_data=(X, LABELS)).set_params(scoring=None)
        model.fit(X, LABELS).partial_fit(X, LABELS)
    assert_same_bits(*models)
    np.testing.assert_array_equal(models[0].input_scale_, models[1].input_scale_)
    assert models[0].validation_scores_ == models[1].validation_scores_


def test_lbfgs_and_scorers_of_held_out_rows():
    parts = cut(SMALL_INTS, [60, 110])
    options = {"solver": "lbfgs", "max_iter": 500, "tol": 0.1, "early_stopping": True}
    models = [small(PCClassifier, scoring="neg_log_loss", **options) for _ in range(2)]
    for model, X in zip(models, (Chunks(parts), np.concatenate(parts))):
        model.fit(X, LABELS)
    assert_same_bits(*models)
    assert models[0].validation_scores_ == models[1].validation_scores_


def test_run_on_chunks_can_be_resumed_on_the_array(tmp_path):
    parts = cut(SMALL_INTS, [60, 110])
    file = tmp_path / "run.ckpt"
    whole = small(PCClassifier).fit(np.concatenate(parts), LABELS)

    def stop(run):
        return run.n_epochs == 2

    model = small(PCClassifier, callbacks=stop, checkpoint=file).fit(Chunks(parts), LABELS)
    assert model.n_iter_ == 2
    assert_same_bits(whole, small(PCClassifier, checkpoint=file).resume(Chunks(parts), LABELS))
    other = Chunks(parts[::-1])
    with pytest.raises(ValueError, match="not those that the run was started on"):
        small(PCClassifier, checkpoint=file).resume(other, LABELS)


def test_files_are_mapped_and_arrays_are_not_copied(tmp_path):
    parts = cut(SMALL_INTS, [60, 110])
    assert all(a is b for a, b in zip(Chunks(parts).chunks, parts))
    for paths in (as_files(parts, tmp_path), map(str, as_files(parts, tmp_path))):
        mapped = Chunks(paths)
        assert all(isinstance(chunk, np.memmap) for chunk in mapped.chunks)
        np.testing.assert_array_equal(mapped, SMALL_INTS)


# ---------------------------------------------------------------- among scikit-learn's tools


def test_rows_are_indexed_as_those_of_the_array():
    parts = cut(SMALL_INTS, [60, 110], "mixed")
    chunks, whole = Chunks(parts), np.concatenate(parts)
    rows = np.random.default_rng(0).permutation(N_SAMPLES)[:70]
    for index in (rows, rows.tolist(), rows[:0], -rows[:5] - 1, slice(40, 130, 3), rows > 30):
        index = np.resize(index, N_SAMPLES) if np.asarray(index).dtype == bool else index
        np.testing.assert_array_equal(chunks[index], whole[index])
        assert chunks[index].dtype == whole.dtype
    np.testing.assert_array_equal(chunks[rows, ...], whole[rows])
    np.testing.assert_array_equal(chunks[-1], whole[-1])
    np.testing.assert_array_equal(np.asarray(chunks, dtype=np.float32), whole.astype(np.float32))
    assert repr(chunks) == "Chunks(3 chunks, shape (150, 12), float64)"
    with pytest.raises(IndexError):
        chunks[N_SAMPLES]


def test_in_searches_and_pipelines():
    parts = cut(SMALL_INTS, [60, 110], "float64")
    chunks, whole = Chunks(parts), np.concatenate(parts)
    search = GridSearchCV(small(PCClassifier), {"alpha": [0.0, 0.03]}, cv=2)
    results = [search.fit(X, LABELS).cv_results_["mean_test_score"] for X in (chunks, whole)]
    np.testing.assert_array_equal(*results)
    model = make_pipeline(StandardScaler(), small(PCClassifier))
    np.testing.assert_array_equal(
        cross_val_predict(model, chunks, LABELS, cv=2),
        cross_val_predict(model, whole, LABELS, cv=2),
    )
    fitted = small(PCClassifier).fit(chunks, LABELS)
    scorer = get_scorer("neg_log_loss")
    assert scorer(fitted, chunks, LABELS) == scorer(fitted, whole, LABELS)
    assert "n_samples" not in repr(fitted.summary(chunks, LABELS))


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    "chunks, error, message",
    [
        ([], ValueError, "at least one array; got none"),
        (np.ones((3, 2)), TypeError, "a sequence of arrays or paths.*One array needs no Chunks"),
        ("X.npy", TypeError, "a sequence of arrays or paths"),
        ([np.ones((3, 2)), np.ones((3, 4))], ValueError, r"chunks\[1\] has 4 columns, but.* has 2"),
        ([np.ones((3, 2)), np.ones((0, 2))], ValueError, r"chunks\[1\].*empty; got shape \(0, 2\)"),
        ([np.ones((3, 0))], ValueError, r"got shape \(3, 0\)"),
        ([np.ones(3)], ValueError, r"chunks\[0\] must have two dimensions.*got shape \(3,\)"),
        ([np.ones((3, 2), complex)], ValueError, r"chunks\[0\] must hold.*got complex128"),
        ([np.array([["a", "b"]])], ValueError, r"chunks\[0\] must hold.*got <U1"),
        ([np.ones((3, 2)), None], ValueError, r"chunks\[1\] must hold.*got object"),
        ([scipy.sparse.csr_array(np.eye(3))], ValueError, r"scipy.sparse.vstack"),
    ],
)
def test_bad_chunks(chunks, error, message):
    with pytest.raises(error, match=message):
        Chunks(chunks)


def test_bad_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        Chunks([tmp_path / "none.npy"])
    np.savez(tmp_path / "two.npz", a=np.eye(2), b=np.eye(2))
    with pytest.raises(ValueError, match=r"chunks\[0\] must be an .npy file.*got an .npz"):
        Chunks([tmp_path / "two.npz"])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_errors_of_the_estimators_are_those_for_arrays(Estimator):
    chunks, y = Chunks(cut(SMALL_INTS, [60, 110], "float64")), targets(Estimator)
    model = small(Estimator)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(chunks, y[:-1])
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(chunks, None)
    model.fit(chunks, y)
    with pytest.raises(ValueError, match=f"X has 5 features, but PC.* is expecting {N_FEATURES}"):
        model.predict(Chunks([SMALL_INTS[:, :5]]))
    for bad in (np.nan, np.inf):
        parts = cut(SMALL_INTS, [60, 110], "float64")
        parts[1][20, 3] = bad
        for call in (lambda X: model.fit(X, y), model.predict, model.transform):
            with pytest.raises(ValueError, match="Input X contains"):
                call(Chunks(parts))
