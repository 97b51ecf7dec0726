"""Training on a Dask cluster. Oracle: the plain estimators in as many shards, bit by bit."""

import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from distributed import wait

import pcnet
import pcnet.dask
from pcnet.callbacks import Callback
from pcnet.solvers import SGD, Adam

from ..estimators.support import assert_same_bits, data_for, small

KINDS = {"classifier": pcnet.PCClassifier, "regressor": pcnet.PCRegressor}
ON_DASK = {pcnet.PCClassifier: pcnet.dask.PCClassifier, pcnet.PCRegressor: pcnet.dask.PCRegressor}
N = 203


def cut(array, sizes):
    """A Dask array of blocks of these numbers of rows, and of 4 columns."""
    return da.from_array(array, chunks=(sizes, 4) if array.ndim == 2 else (sizes,))


def on_workers(client, array, n_workers, sizes=None):
    """The same, with neighbouring blocks on each of the first workers."""
    sizes = sizes or (len(array) // n_workers + 1,) * (n_workers - 1)
    sizes = (*sizes, len(array) - sum(sizes))
    workers = sorted(client.nthreads())[:n_workers]
    blocks = np.split(array, np.cumsum(sizes)[:-1])
    placed = [
        client.scatter(block, workers=[workers[k * n_workers // len(blocks)]], hash=False)
        for k, block in enumerate(blocks)
    ]
    wait(placed)
    parts = [
        da.from_delayed(future, block.shape, block.dtype)
        for future, block in zip(placed, blocks, strict=True)
    ]
    return da.concatenate(parts)


def assert_same_fit(found, expected):
    assert_same_bits(found, expected)
    histories = [dict(model.history_) for model in (found, expected)]
    for history in histories:
        history.pop("seconds")
    np.testing.assert_equal(*histories)
    for name in ("alpha_", "max_iter_", "n_iter_", "stop_reason_", "validation_scores_"):
        np.testing.assert_equal(getattr(found, name), getattr(expected, name))
    assert getattr(found, "temperature_", 1) == getattr(expected, "temperature_", 1)
    first, second = (model._optimizer_state for model in (found, expected))
    assert first.n_updates == second.n_updates
    np.testing.assert_equal(first.weights, second.weights)


OPTIONS = {
    "plain": ("classifier", "float32", {}),
    "pilots": ("classifier", "float64", {"alpha": "auto", "batch_size": 100}),
    "early stopping": ("classifier", "float32", {"early_stopping": True, "max_iter": 6}),
    "scored": ("classifier", "float32", {"early_stopping": True, "scoring": "roc_auc_ovr"}),
    "scaled": ("regressor", "float64", {"input_scaling": "standard", "solver": SGD()}),
    "clipped": (
        "regressor",
        "float32",
        {"solver": Adam(clip=1e-3), "shuffle": False, "fit_intercept": False},
    ),
    "centred": ("classifier", "float64", {"n_shards": 5, "parameterization": "ntp"}),
    "one shard": ("regressor", "float64", {"n_shards": None, "inference": "activity"}),
    "wide": ("regressor", "float32", {"hidden_layer_sizes": (300, 300), "max_iter": 1}),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")
@pytest.mark.parametrize("name", OPTIONS)
def test_fit_has_the_bits_of_a_local_one_for_any_workers_and_blocks(client, name):
    kind, dtype, options = OPTIONS[name]
    X, y = data_for(KINDS[kind], n_samples=N, dtype=dtype)
    if name == "centred":
        X += 10
    weight = np.random.default_rng(3).integers(0, 3, N).astype(float)
    options = {"batch_size": 50, "n_shards": 4, "max_iter": 3, **options}
    local = small(KINDS[kind], **options).fit(X, y, weight)
    placed = [on_workers(client, X, 2, (100, 3, 1))]
    if name in ("plain", "wide"):
        placed += [on_workers(client, X, 1), on_workers(client, X, 4), cut(X, 31), X]
    for data in placed:
        model = small(ON_DASK[KINDS[kind]], **options)
        assert_same_fit(model.fit(data, y, weight), local)


@pytest.mark.parametrize("scaling", [None, "max", "standard"])
def test_fit_on_sparse_blocks_has_the_bits_of_a_local_one(client, scaling):
    X = scipy.sparse.random(N, 90, 0.03, "csr", np.float32, random_state=1)
    y = np.random.default_rng(1).integers(0, 3, N)
    options = {
        "input_scaling": scaling,
        "batch_size": 50,
        "n_shards": 4,
        "class_weight": "balanced",
    }
    local = small(pcnet.PCClassifier, **options).fit(X, y)
    for data in (sparse_blocks(X), X):
        model = small(pcnet.dask.PCClassifier, **options).fit(data, y)
        assert_same_fit(model, local)
        np.testing.assert_equal(model.input_scale_, local.input_scale_)


def sparse_blocks(X):
    dense = da.from_array(X.toarray(), chunks=(40, X.shape[1]))
    return dense.map_blocks(scipy.sparse.csr_matrix)


@pytest.mark.parametrize("on_dask", [False, True])
def test_fit_on_data_frames_with_validation_data(client, on_dask):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    frame = pd.DataFrame(X, columns=list("abcdef"))
    frame["a"] = (10 * frame["a"]).astype(int)
    options = {"batch_size": 50, "n_shards": 4, "input_scaling": "standard"}
    own = frame[:60], y[:60]
    local = small(pcnet.PCRegressor, **options).fit(frame, y, validation_data=own)
    data, target = dd.from_pandas(frame, npartitions=5), dd.from_pandas(pd.Series(y), npartitions=3)
    if on_dask:
        own = dd.from_pandas(frame[:60], npartitions=2), own[1]
    model = small(pcnet.dask.PCRegressor, **options).fit(data, target, validation_data=own)
    assert_same_fit(model, local)
    assert list(model.feature_names_in_) == list("abcdef")


class Steps(Callback):
    def __init__(self):
        self.losses, self.weights = [], []

    def on_batch_end(self, run, report):
        self.losses.append(report.loss)
        self.weights.append(run.network.weights[0][0, 0])
        return run.n_steps == 7


def test_callbacks_see_each_step_and_its_weights(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    local, there = Steps(), Steps()
    options = {"batch_size": 50, "n_shards": 4}
    small(pcnet.PCRegressor, callbacks=local, **options).fit(X, y)
    model = small(pcnet.dask.PCRegressor, callbacks=there, **options).fit(cut(X, 31), y)
    assert there.losses == local.losses
    assert there.weights == local.weights
    assert model.stop_reason_ == "callback"


def test_checkpoints_continue_on_a_cluster_and_on_one_machine(client, tmp_path):
    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    path = tmp_path / "run"
    options = {"batch_size": 50, "n_shards": 4, "checkpoint": path, "max_iter": 4}
    whole = small(pcnet.PCClassifier, **options, early_stopping=True).fit(X, y)

    def stop(run):
        return run.n_epochs == 2

    for first, second in (
        (pcnet.dask.PCClassifier, pcnet.PCClassifier),
        (pcnet.PCClassifier, pcnet.dask.PCClassifier),
    ):
        path.unlink()
        small(first, **options, early_stopping=True, callbacks=stop).fit(X, y)
        assert type(pcnet.load_checkpoint(path)) is pcnet.PCClassifier
        assert_same_fit(small(second, **options, early_stopping=True).resume(X, y), whole)


@pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_partial_fit_takes_collections_as_calls_one_after_the_other(client, kind):
    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    if kind == "sparse":
        X = scipy.sparse.random(N, 90, 0.03, "csr", random_state=1)
    options = {"batch_size": 30, "n_shards": 4, "input_scaling": "standard"}
    local, model = small(pcnet.PCClassifier, **options), small(pcnet.dask.PCClassifier, **options)
    for a, b in ((0, 30), (30, 110), (110, N)):  # 30 rows do not settle the scaling
        part = cut(X[a:b], 31) if kind == "dense" else sparse_blocks(X[a:b])
        local.partial_fit(X[a:b], y[a:b], classes=np.arange(4))
        model.partial_fit(part, y[a:b], classes=np.arange(4))
        assert_same_fit(model, local)
        np.testing.assert_equal(model.input_scale_, local.input_scale_)


def test_scorers_that_read_features_get_those_held_out(client):
    def scorer(model, X, y):
        return (
            float(np.sum(X)) if np.all(model.predict(X[:, :] + 1e-3) == model.predict(X)) else -1.0
        )

    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    options = {"batch_size": 50, "n_shards": 4, "scoring": scorer, "max_iter": 2}
    local = small(pcnet.PCClassifier, **options).fit(X, y, validation_data=(X[:50], y[:50]))
    own = cut(X[:50], 31), cut(y[:50], 31)
    model = small(pcnet.dask.PCClassifier, **options).fit(cut(X, 31), y, validation_data=own)
    assert_same_fit(model, local)
    options["early_stopping"] = True
    local = small(pcnet.PCClassifier, **options).fit(X, y)
    assert_same_fit(small(pcnet.dask.PCClassifier, **options).fit(cut(X, 31), cut(y, 31)), local)


def test_warm_start_continues_the_fit(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    options = {"batch_size": 50, "n_shards": 4, "warm_start": True}
    local = small(pcnet.PCRegressor, **options).fit(X, y).fit(X, y)
    model = small(pcnet.dask.PCRegressor, **options).fit(cut(X, 31), y)
    assert_same_fit(model.fit(cut(X, 80), y), local)
    assert_same_fit(model.to_local(), local)
