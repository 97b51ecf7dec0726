"""Oracle for load_checkpoint: a fit that a callback stopped when the checkpoint was written."""

import math

import numpy as np
import pytest
from sklearn.base import clone

from pcnet import load_checkpoint
from pcnet.callbacks import Callback

from ..estimators.support import ESTIMATORS, assert_same_bits, data_for, small
from .test_resume import assert_same_run, start_and_stop_at

SCORES = {
    "rising": lambda epoch: epoch,
    "falling": lambda epoch: -epoch,
    "best in epoch 2": lambda epoch: -abs(epoch - 2),
    "the same": lambda epoch: 1.0,
    "NaN": lambda epoch: math.nan,
    "NaN at first": lambda epoch: math.nan if epoch < 2 else -epoch,
}


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, run, report):
        return run.n_steps == self.step


@pytest.mark.covering(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("scores", SCORES)
def test_load_checkpoint_has_the_weights_of_a_fit_stopped_there(Estimator, scores, tmp_path):
    X, y = data_for(Estimator)
    epochs = []

    def score(estimator, X, y):
        return SCORES[scores](estimator.n_iter_ + 1)

    model = small(Estimator, max_iter=4, batch_size=60, checkpoint=tmp_path / "c", tol=0)
    model.set_params(early_stopping=True, scoring=score, n_iter_no_change=9)
    without = {"checkpoint": None}
    whole = clone(model).set_params(**without).fit(X, y)
    for step in range(1, 8):
        start_and_stop_at(step + 1, model, X, y)
        loaded = load_checkpoint(tmp_path / "c")
        stopped = clone(model).set_params(callbacks=StopAt(step), **without).fit(X, y)
        assert_same_bits(loaded, stopped)
        np.testing.assert_array_equal(loaded.predict(X), stopped.predict(X))
        assert loaded.best_validation_score_ == stopped.best_validation_score_
        assert loaded.n_iter_ == stopped.n_iter_
        epochs.append(loaded.n_iter_)
        assert_same_run(whole, loaded.set_params(scoring=score).resume(X, y))
    assert len(set(epochs)) == 4


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_file_of_a_complete_run_is_the_fitted_estimator(Estimator, tmp_path):
    X, y = data_for(Estimator, n_samples=200)
    y = np.random.default_rng(0).permutation(y)  # nothing to learn: scores fall
    model = small(Estimator, early_stopping=True, learning_rate_init=0.1, max_iter=9, tol=0)
    fitted = model.set_params(checkpoint=tmp_path / "c").fit(X, y)
    assert np.argmax(fitted.validation_scores_) < fitted.n_iter_ - 1
    loaded = load_checkpoint(tmp_path / "c")
    assert_same_run(fitted, loaded)
    assert_same_run(fitted, loaded.resume(X, y))


def test_moved_checkpoint_is_resumed_at_its_new_path(tmp_path):
    X, y = data_for(ESTIMATORS[0])
    model = small(ESTIMATORS[0], checkpoint=tmp_path / "old")
    start_and_stop_at(4, model, X, y)
    (tmp_path / "old").rename(tmp_path / "new")
    loaded = load_checkpoint(tmp_path / "new")
    loaded.resume(X, y)
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]
    assert_same_run(loaded, load_checkpoint(tmp_path / "new"))
