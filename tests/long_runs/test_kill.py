"""SIGKILL at random moments. Oracle: the uninterrupted run."""

import os
import random
import signal
import time
import traceback
import warnings

import pytest
from sklearn.base import clone

from pcnet import PCClassifier, load_checkpoint
from pcnet.callbacks import Checkpoint

from ..estimators.support import assert_consistent, data_for, small
from .test_resume import assert_same_run


def in_a_child(work, seconds):
    """Run work() in a forked process, kill it after some seconds; True if it was still running."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork; pcnet is made for it
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    deadline, ended = time.monotonic() + seconds, 0
    while not ended and time.monotonic() < deadline:
        time.sleep(min(0.001, seconds))
        ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed: its traceback is above"
    return False


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("at_least", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_kills_at_random_moments(at_least, tmp_path):
    X, y = data_for(PCClassifier, n_samples=200)
    model = small(PCClassifier, max_iter=30, batch_size=20, early_stopping=True, tol=0)
    model.set_params(checkpoint=Checkpoint(tmp_path / "c", every_minutes=0.005 / 60))
    started = time.monotonic()
    whole = clone(model).fit(X, y)
    seconds = min(time.monotonic() - started, 0.5)  # the machine may have been busy
    rng = random.Random(0)
    n_kills = 0

    def work():
        again = clone(model)
        again.resume(X, y) if again.checkpoint.exists() else again.fit(X, y)

    while n_kills < at_least:
        patience = seconds  # grows, so that the test also ends on a slow machine
        (tmp_path / "c").unlink(missing_ok=True)
        while in_a_child(work, rng.uniform(0, patience)):
            n_kills += 1
            patience *= 1.05
            if model.checkpoint.exists():
                assert_consistent(load_checkpoint(model.checkpoint.path))
        assert_same_run(whole, clone(model).resume(X, y))
    assert [entry.name for entry in tmp_path.iterdir()] == ["c"]  # and no other file
