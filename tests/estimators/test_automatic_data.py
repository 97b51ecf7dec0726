"""Oracle: pilots treat all containers, weights and methods alike, as the fit that follows does."""

import time
from functools import partial

import numpy as np
import pytest
import scipy.sparse

import pcnet
from pcnet import PCClassifier, PCRegressor
from pcnet.callbacks import Callback

from ..helpers import peak_of
from .support import ESTIMATORS, assert_same_bits, data_for

HIDDEN = (16, 16)


def automatic(Estimator, **arguments):
    return Estimator(HIDDEN, random_state=0, **arguments)


def measured(model):
    names = ("alpha_", "max_iter_", "temperature_")
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


def assert_same_fit(first, second):
    assert measured(first) == measured(second)
    assert_same_bits(first, second)


@pytest.mark.covering(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [100, 700])
def test_containers_agree(Estimator, n_samples, tmp_path):
    X, y = data_for(Estimator, n_samples)
    X = np.round(2 * np.abs(X)).astype(np.uint8)
    np.save(tmp_path / "X.npy", X)
    kept = np.load(tmp_path / "X.npy", mmap_mode="r")
    options = {"input_scaling": "max"}
    first = automatic(Estimator, **options).fit(X, y)
    parts = pcnet.Chunks([X[:37], X[37:90], X[90:]])
    for other in (X.astype(float), X.tolist(), np.asfortranarray(X), kept, parts):
        assert_same_fit(first, automatic(Estimator, **options).fit(other, y))
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_matrix):
        assert_same_fit(first, automatic(Estimator, **options).fit(kind(X.astype(float)), y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_zero_weight_is_removal(Estimator, early_stopping):
    X, y = data_for(Estimator, 400)
    weight = np.random.default_rng(0).uniform(0.5, 2, 400)
    weight[::3] = 0
    kept = weight > 0
    options = {"early_stopping": early_stopping}
    weighted = automatic(Estimator, **options).fit(X, y, sample_weight=weight)
    removed = automatic(Estimator, **options).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_same_fit(weighted, removed)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("exponent", [-900, -3, 900])
def test_only_ratios_of_weights_matter(Estimator, exponent):
    X, y = data_for(Estimator, 200)
    weight = np.random.default_rng(0).uniform(0.5, 2, 200)
    first = automatic(Estimator).fit(X, y, sample_weight=weight)
    scaled = automatic(Estimator).fit(X, y, sample_weight=weight * 2.0**exponent)
    assert_same_fit(first, scaled)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_all_methods_of_inference_have_pilots(Estimator):
    X, y = data_for(Estimator, 90)
    for name in ("error", "backprop", "incremental", "learned_precision", "nudged"):
        model = Estimator((8,), inference=name, max_iter=6, random_state=0).fit(X, y)
        assert np.isfinite(model.predict(X)).all() if Estimator is PCRegressor else True
        assert measured(model)["alpha_"] > 0


@pytest.mark.parametrize("loss", ["huber", "poisson"])
def test_other_losses_of_the_regressor(loss):
    X, y = data_for(PCRegressor, 300)
    y = y - y.min() if loss == "poisson" else y
    assert automatic(PCRegressor, loss=loss).fit(X, y).score(X, y) > 0.3


def test_multilabel_targets():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 5))
    Y = (X[:, :3] + rng.standard_normal((500, 3)) > 0).astype(int)
    model = automatic(PCClassifier).fit(X[:400], Y[:400])
    p = model.predict_proba(X[400:])
    assert np.all((p > 0) & (p < 1))
    np.testing.assert_array_equal(p > 0.5, model.predict(X[400:]))
    log_loss = -np.mean(Y[400:] * np.log(p) + (1 - Y[400:]) * np.log(1 - p))
    assert log_loss < 0.65  # ln 2 is chance


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_callbacks_are_not_called_for_pilots(Estimator):
    class Count(Callback):
        begun = 0

        def on_epoch_begin(self, run):
            Count.begun += 1

    X, y = data_for(Estimator, 200)
    model = automatic(Estimator, max_iter=4, callbacks=Count()).fit(X, y)
    assert Count.begun == model.n_iter_ == len(model.loss_curve_) == 4
    assert model.t_ == 4 * 200


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_pilots_count_in_the_time_limit(Estimator):
    X, y = data_for(Estimator, 3000)
    started = time.monotonic()
    model = Estimator((256,) * 6, max_time=0.3, max_iter=1000, random_state=0).fit(X, y)
    assert time.monotonic() - started < 20  # minutes without a limit
    assert model.stop_reason_ in ("max_time", "plateau")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_pilots_need_no_more_memory_than_the_fit(Estimator):
    X, y = data_for(Estimator, 80)
    peaks = []
    for alpha in (1.0, "auto"):
        options = {"max_iter": 2, "alpha": alpha, "temperature": 0.2}
        if Estimator is PCRegressor:
            del options["temperature"]
        model = Estimator((512, 512, 512), random_state=0, **options)
        Estimator((4,), **options).fit(X, y)
        peaks.append(peak_of(partial(model.fit, X, y)))
    assert peaks[1] < 1.15 * peaks[0]  # outputs need a workspace


def test_partial_fit_after_fit_keeps_what_was_measured():
    X, y = data_for(PCClassifier, 300)
    model = automatic(PCClassifier).fit(X, y)
    before = model.temperature_
    model.partial_fit(X, y)
    assert model.temperature_ >= before
    assert model.alpha_ > 0
