"""Fitted estimators on Dask collections, and joblib's backend. Oracle: the same calls on arrays."""

import os
import pickle

import dask
import dask.array as da
import dask.dataframe as dd
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

import pcnet
import pcnet.dask
from pcnet._core.threads import effective_n_threads

from ..estimators.support import assert_same_bits, data_for, small
from .test_dask_fit import N, cut


def fitted(cls, X, y, **options):
    """A plain estimator, and one of pcnet.dask with its attributes; no cluster is needed."""
    local = small(cls, **options).fit(X, y)
    other = small(getattr(pcnet.dask, cls.__name__), **options)
    vars(other).update({name: value for name, value in vars(local).items() if name.endswith("_")})
    for name in ("_multilabel", "_trained"):
        if hasattr(local, name):
            setattr(other, name, getattr(local, name))
    return local, other


METHODS = {
    "PCClassifier": [
        "predict", "predict_proba", "predict_log_proba", "decision_function", "transform",
        "class_energies", "score_samples",
    ],
    "PCRegressor": ["predict", "transform"],
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cls", [pcnet.PCClassifier, pcnet.PCRegressor])
def test_methods_on_arrays_are_lazy_and_equal_those_on_numpy(cls, dtype):
    X, y = data_for(cls, n_samples=N, dtype=dtype)
    local, other = fitted(cls, X, y)
    data = cut(X, 31)
    calls = [(name, ()) for name in METHODS[cls.__name__]] + [("energy", (y,))]
    with dask.config.set(scheduler="synchronous"):
        for name, others in calls:
            expected = getattr(local, name)(X, *others)
            found = getattr(other, name)(data, *(cut(o, 31) for o in others))
            assert isinstance(found, da.Array)
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            assert type(found._meta) is np.ndarray
            np.testing.assert_array_equal(found.compute(), expected)
            np.testing.assert_array_equal(getattr(other, name)(X, *others), expected)
        assert other.score(data, y) == pytest.approx(local.score(X, y), rel=1e-6)


def test_methods_on_data_frames_keep_the_index():
    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    y = np.array(["low", "mid", "top"])[y]
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(N)[::-1] * 2)
    local, other = fitted(pcnet.PCClassifier, frame, y)
    data = dd.from_pandas(frame, npartitions=4, sort=False)
    with dask.config.set(scheduler="synchronous"):
        labels = other.predict(data)
        assert isinstance(labels, dd.Series)
        pd.testing.assert_series_equal(
            labels.compute(), pd.Series(local.predict(frame), frame.index, name="predict"),
            check_dtype=False,
        )  # fmt: skip
        found = other.predict_proba(data)
        assert list(found.columns) == ["low", "mid", "top"]
        np.testing.assert_array_equal(found.compute(), local.predict_proba(frame))
        found = other.transform(data).compute()
        assert list(found.columns) == list(local.get_feature_names_out())


def table(n_samples=N, dtype=np.float64):
    """Rows of which a fifth of the entries is missing, and labels."""
    rng = np.random.default_rng(4)
    causes = rng.standard_normal((n_samples, 2))
    X = causes @ rng.standard_normal((2, 5)) + 0.1 * rng.standard_normal((n_samples, 5))
    X[rng.random(X.shape) < 0.2] = np.nan
    return X.astype(dtype), (causes[:, 0] > 0) * 1


GENERATIVE = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_generative_estimators_on_arrays_are_lazy_and_equal_those_on_numpy(dtype):
    X, y = table(dtype=dtype)
    local = pcnet.PCGenerative(recognition="hybrid", **GENERATIVE).fit(X, y)
    model = pcnet.dask.PCGenerative(recognition="hybrid", **GENERATIVE).fit(X, y)
    names = {name for name in vars(type(local).__base__) if name[0] != "_"}
    names -= {"sample", "sample_conditional", "score"}
    assert len(names) >= 10
    calls = [(name, local.transform(X) if name == "inverse_transform" else X) for name in names]
    imputers = [cls(alpha=1.0, add_indicator=True, **GENERATIVE).fit(X)
                for cls in (pcnet.PCImputer, pcnet.dask.PCImputer)]  # fmt: skip
    with dask.config.set(scheduler="synchronous"):
        for name, data in calls:
            assert_same_array(getattr(model, name)(cut(data, 31)), getattr(local, name)(data))
            np.testing.assert_array_equal(getattr(model, name)(data), getattr(local, name)(data))
        assert model.score(cut(X, 31)) == pytest.approx(local.score(X), rel=1e-6)
        assert_same_array(imputers[1].transform(cut(X, 31)), imputers[0].transform(X))
    assert type(model.to_local()) is pcnet.PCGenerative
    pair = clone(model).set_params(recognition="bidirectional").fit(X, y)
    local = pair.to_local()
    for name in ("recognize", "transform", "predict_proba"):
        assert_same_array(getattr(pair, name)(cut(X, 31)), getattr(local, name)(X))
    assert not any(hasattr(pair, name) for name in ("score", "score_samples", "class_energies"))
    without = pcnet.dask.PCGenerative(**GENERATIVE).fit(X)
    assert not hasattr(without, "predict")
    with pytest.raises(TypeError, match="X is a Dask collection, but PCGenerative trains on one"):
        model.fit(cut(X, 31))
    with pytest.raises(ValueError, match="sample_posterior=True draws"):
        imputers[1].set_params(sample_posterior=True).transform(cut(X, 31))


def assert_same_array(found, expected):
    assert isinstance(found, da.Array)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(found.compute(), expected)


def test_generative_estimators_on_data_frames_keep_index_and_dtypes():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(N)[::-1] * 2)
    model = pcnet.dask.PCGenerative(**GENERATIVE).fit(frame, np.array(["no", "yes"])[y])
    kind = pd.Series(np.where(y, "high", "low"), frame.index).where(frame["a"] > -1)
    mixed = frame.assign(kind=kind.astype("category"), count=y.astype(int))
    imputer = pcnet.PCImputer(alpha=1.0, **GENERATIVE).set_output(transform="pandas").fit(mixed)
    on_dask = pcnet.dask.PCImputer()
    vars(on_dask).update(vars(imputer))
    local = model.to_local()
    with dask.config.set(scheduler="synchronous"):
        data = dd.from_pandas(frame, npartitions=4, sort=False)
        found = model.predict_log_proba(data).compute()
        assert list(found.columns) == ["no", "yes"]
        np.testing.assert_array_equal(found, local.predict_log_proba(frame))
        found = model.reconstruct(data).compute()
        pd.testing.assert_frame_equal(
            found, pd.DataFrame(local.reconstruct(frame), frame.index, frame.columns)
        )
        found = on_dask.transform(dd.from_pandas(mixed, npartitions=4, sort=False))
        assert found["kind"].dtype == "category"
        pd.testing.assert_frame_equal(found.compute(), imputer.transform(mixed))


def test_clones_share_the_client_and_pickles_drop_it(client):
    model = pcnet.dask.PCClassifier((8,), batch_size=32, client=client)
    assert clone(model).client is client
    assert clone(model).get_params()["batch_size"] == 32
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.client is None
    assert loaded.client_ is client  # Dask's default
    assert model.get_params()["n_shards"] == 8
    assert repr(pcnet.dask.PCRegressor()) == "PCRegressor()"


def test_searches_under_joblibs_dask_backend_find_the_same(client):
    X, y = data_for(pcnet.PCClassifier)
    search = GridSearchCV(small(pcnet.PCClassifier), {"alpha": [0.0, 1.0]}, cv=2)
    expected = clone(search).fit(X, y)
    with joblib.parallel_config(backend="dask"):
        found = clone(search).fit(X, y)
        scores = cross_val_score(small(pcnet.PCClassifier), X, y, cv=2)
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert_same_bits(found.best_estimator_, expected.best_estimator_)
    assert len(scores) == 2


def test_fits_under_joblibs_dask_backend_use_the_threads_of_their_worker(client):
    with joblib.parallel_config(backend="dask"):
        found = joblib.Parallel()(joblib.delayed(_threads)() for _ in range(4))
    assert [n for _, n in found] == [1] * 4
    assert all(pid != os.getpid() for pid, _ in found)


def _threads():
    return os.getpid(), effective_n_threads()


_threads.__module__ = "__main__"  # workers cannot import this file
