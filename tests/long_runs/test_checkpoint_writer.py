"""Fits whose checkpoint is interrupted, shared or not writable. Oracle: a fit without it."""

import os
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.base import clone

from pcnet import PCClassifier, PCRegressor, load_checkpoint
from pcnet._training.checkpoint_file import read_checkpoint
from pcnet.callbacks import Callback, Checkpoint

from ..estimators.support import (
    assert_consistent,
    assert_same_bits,
    data_for,
    small,
)
from ..helpers import largest_file, needs_file_limit
from .test_checkpoint_file import Failing, posix
from .test_resume import assert_same_run, start_and_stop_at


def entries(folder):
    return sorted(entry.name for entry in folder.iterdir())


# ------------------------------------------------------------ errors while it is written


@pytest.mark.covering(1)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_interrupted_at_any_call_and_resumed_to_the_same_bits(early_stopping, after, tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=3, batch_size=60, checkpoint=tmp_path / "c")
    model.set_params(early_stopping=early_stopping)
    whole = clone(model).fit(X, y)
    (tmp_path / "c").unlink()
    n_calls = 0
    while True:
        stopped = clone(model)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Training interrupted by user")
            with Failing(n_calls, KeyboardInterrupt(), after) as failing:
                stopped.fit(X, y)
        assert_consistent(stopped)
        assert set(entries(tmp_path)) <= {"c"}
        if failing.n_left >= 0:
            assert stopped.stop_reason_ == "max_iter"
            break
        assert stopped.stop_reason_ == "interrupted"
        assert stopped.n_iter_ >= 1
        if (tmp_path / "c").exists():
            assert_consistent(load_checkpoint(tmp_path / "c"))
            assert_same_run(whole, clone(model).resume(X, y))
            (tmp_path / "c").unlink()
        n_calls += 1
    assert n_calls > 9


@pytest.mark.parametrize("error", [OSError(28, "No space left"), MemoryError()], ids=repr)
def test_error_at_any_call_is_one_warning_and_the_fit_continues(error, tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, max_iter=2, checkpoint=tmp_path / "c")
    whole = small(PCRegressor, max_iter=2).fit(X, y)
    first = small(PCRegressor, max_iter=2, callbacks=lambda run: True).fit(X, y)
    for n_calls in range(12):
        failed = clone(model)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            with Failing(n_calls, error):
                failed.fit(X, y)
        assert len(seen) <= 1  # a folder that cannot be flushed is no reason to warn
        assert all("c' could not be written" in str(warning.message) for warning in seen)
        assert_same_bits(whole, failed)
        loaded = load_checkpoint(tmp_path / "c")  # one of two was written
        assert_same_bits(whole if loaded.n_iter_ == 2 else first, loaded)
        assert entries(tmp_path) == ["c"]


@needs_file_limit
def test_a_file_without_space_is_one_warning(tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, checkpoint=tmp_path / "c", max_iter=2).fit(X, y)
    old = (tmp_path / "c").read_bytes()
    model.set_params(max_iter=4)
    message = r"could not be written.*File too large"
    with pytest.warns(UserWarning, match=message) as record, largest_file(1000):
        model.fit(X, y)
    assert len(record) == 1
    assert model.n_iter_ == 4
    assert (tmp_path / "c").read_bytes() == old
    assert entries(tmp_path) == ["c"]


@pytest.mark.parametrize("reason", ["max_time", "callback"])
def test_ctrl_c_in_the_last_write_keeps_the_result(reason, tmp_path):
    X, y = data_for(PCRegressor)

    class Stop(Callback):
        stop_reason = reason

        def on_batch_end(self, run, report):
            return run.n_steps == 2

    model = small(PCRegressor, batch_size=30, callbacks=Stop())
    whole = clone(model).fit(X, y)
    model.set_params(checkpoint=tmp_path / "c")
    failing = Failing(0, KeyboardInterrupt(), calls=("fsync",))
    with pytest.warns(UserWarning, match="interrupted by user"), failing:
        model.fit(X, y)
    assert_same_bits(whole, model)
    assert entries(tmp_path) == []


def test_a_folder_that_is_removed_is_one_warning(tmp_path):
    X, y = data_for(PCRegressor)
    folder = tmp_path / "sub"
    folder.mkdir()
    model = small(PCRegressor, checkpoint=folder / "c", callbacks=lambda run: leave(folder))
    with pytest.warns(UserWarning, match=r"'.*c' could not be written.*No such file"):
        model.fit(X, y)
    assert_same_bits(model, small(PCRegressor).fit(X, y))


def leave(folder):
    if folder.exists():
        folder.rmdir()


def test_file_keeps_its_path_if_the_working_folder_changes(tmp_path, monkeypatch):
    X, y = data_for(PCRegressor)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    model = small(PCRegressor, checkpoint="c", callbacks=lambda run: os.chdir(tmp_path / "other"))
    model.fit(X, y)
    assert entries(tmp_path) == ["c", "other"]
    assert entries(tmp_path / "other") == []


# ------------------------------------------------------------ one file, several runs


def test_threads_with_one_checkpoint_file(tmp_path):
    X, y = data_for(PCClassifier)
    path = tmp_path / "c"
    checkpoint = Checkpoint(path, every_minutes=1e-9)
    models = [
        small(PCClassifier, random_state=i, batch_size=20, max_iter=20, checkpoint=checkpoint)
        for i in range(4)
    ]
    alone = [clone(model).set_params(checkpoint=None).fit(X, y) for model in models]
    done, start = threading.Event(), threading.Barrier(5)
    errors, seeds = [], []

    def work(model):
        try:
            start.wait()
            model.fit(X, y)
        except BaseException as error:
            errors.append(error)

    def read():
        try:
            start.wait()
            while not done.is_set():
                if path.exists():
                    seeds.append(read_checkpoint(path)[1].estimator.random_state)
        except BaseException as error:
            errors.append(error)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=work, args=(model,)) for model in models]
        reader = threading.Thread(target=read)
        for thread in [*threads, reader]:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        reader.join()
    assert not errors
    for one, model in zip(alone, models):
        assert_same_bits(one, model)
    if os.name == "posix":
        assert 1 <= len(seen) <= 4
        assert all("written by another run" in str(warning.message) for warning in seen)
    assert len(seeds) > 5
    assert entries(tmp_path) == ["c"]


class FitAnother(Callback):
    """Fits another estimator, with the same checkpoint, after an epoch."""

    def __init__(self, model, data, epoch):
        self.model = model
        self.data = data
        self.epoch = epoch

    def on_epoch_end(self, run, record):
        if run.n_epochs == self.epoch:
            self.model.fit(*self.data)


@pytest.mark.parametrize("epoch", [1, 3])
def test_run_does_not_overwrite_the_file_of_another(epoch, tmp_path):
    X, y = data_for(PCRegressor)
    inner = small(PCRegressor, random_state=1, checkpoint=tmp_path / "c")
    outer = small(PCRegressor, checkpoint=tmp_path / "c")
    outer.set_params(callbacks=FitAnother(inner, (X, y), epoch))
    with pytest.warns(UserWarning, match="'.*c' has been written by another run") as record:
        outer.fit(X, y)
    assert len(record) == 1
    assert_same_bits(outer, small(PCRegressor).fit(X, y))
    assert_same_bits(inner, load_checkpoint(tmp_path / "c"))


def test_fits_one_after_the_other_may_share_a_file(tmp_path, recwarn):
    X, y = data_for(PCRegressor)
    for seed in range(3):
        model = small(PCRegressor, random_state=seed, checkpoint=tmp_path / "c").fit(X, y)
        assert_same_bits(model, load_checkpoint(tmp_path / "c"))
        model.resume(X, y)
        start_and_stop_at(3, clone(model), X, y)
        (tmp_path / "c").unlink()
        (tmp_path / "c").touch()  # an empty file belongs to no run
    assert not [w for w in recwarn if "checkpoint" in str(w.message)]


# ------------------------------------------------------------ what is refused before the fit


@pytest.mark.parametrize(
    "checkpoint, message",
    [
        (3, "checkpoint must be a path or a Checkpoint object, got int"),
        (Checkpoint, "got Checkpoint"),
        ("no/such/folder/c", "not a folder that can be written to"),
        (".", "is a folder"),
        ("", "is a folder"),
        ("table.csv", r"checkpoint: the file 'table.csv' exists and is not a checkpoint"),
        ("a\0b", "null character"),
        (Checkpoint("c", every_epochs=0), "every_epochs"),
        (Checkpoint("c", every_minutes=-1), "every_minutes"),
        (Checkpoint(7), "path"),
    ],
    ids=repr,
)
def test_bad_checkpoint(checkpoint, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_bytes(b"a,b,c")
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, checkpoint=checkpoint)
    before = dict(vars(model))
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, y)
    assert vars(model) == before
    assert entries(tmp_path) == ["table.csv"]
    assert (tmp_path / "table.csv").read_bytes() == b"a,b,c"


@posix
@pytest.mark.parametrize("kind", ["fifo", "loop", "link to a folder", "link into nowhere"])
def test_paths_that_are_not_regular_files_are_refused(kind, tmp_path):
    path = tmp_path / "c"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to({"loop": path, "link to a folder": tmp_path}.get(kind, "no/such/file"))
    X, y = data_for(PCRegressor)
    with pytest.raises(ValueError, match=r"checkpoint: .*(regular|folder)"):
        small(PCRegressor, checkpoint=path).fit(X, y)


@contextmanager
def not_writable(folder):
    """A read-only folder; for root, who may write everywhere, as another user would see it."""
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.setresuid(65534, -1, -1)  # the user that `os.access` asks for
    try:
        yield
    finally:
        if os.geteuid() == 0:
            os.setresuid(0, -1, -1)
        folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="of Linux")
def test_a_folder_without_permission_is_refused(tmp_path):
    X, y = data_for(PCRegressor)
    message = r"checkpoint: .* is not a folder that can be written to"
    with not_writable(tmp_path), pytest.raises(ValueError, match=message):
        small(PCRegressor, checkpoint=tmp_path / "c").fit(X, y)


def test_arguments_that_cannot_be_saved_are_refused_before_the_fit(tmp_path):
    X, y = data_for(PCClassifier)
    weights = {0: 1.0, 1: 2.0, 2: Half()}
    model = small(PCClassifier, checkpoint=tmp_path / "c", class_weight=weights)
    with pytest.raises(ValueError, match=r"checkpoint: class_weight=.*cannot be pickled \(not th"):
        model.fit(X, y)
    assert not hasattr(model, "network_")
    assert entries(tmp_path) == []


class Half(float):
    def __reduce_ex__(self, protocol):
        raise TypeError("not this one")


def test_callback_state_that_cannot_be_pickled_is_one_warning(tmp_path):
    class StateCannotBePickled(Callback):
        def state(self):
            return lambda: None

    X, y = data_for(PCClassifier)
    model = small(PCClassifier, checkpoint=tmp_path / "c", callbacks=StateCannotBePickled())
    with pytest.warns(UserWarning, match=r"could not be written: .*pickle") as record:
        model.fit(X, y)
    assert len(record) == 1
    assert_same_bits(model, small(PCClassifier).fit(X, y))
    assert entries(tmp_path) == []


@posix
def test_mode_and_link_of_a_checkpoint_are_kept_by_fit_and_resume(tmp_path):
    X, y = data_for(PCClassifier)
    real, link = tmp_path / "real", tmp_path / "link"
    real.touch(mode=0o600)
    link.symlink_to("real")
    model = small(PCClassifier, checkpoint=link)
    whole = clone(model).fit(X, y)
    start_and_stop_at(5, model, X, y)
    resumed = clone(model).resume(X, y)
    assert_same_run(whole, resumed)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    np.testing.assert_array_equal(load_checkpoint(link).predict(X), whole.predict(X))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_size_of_a_checkpoint(early_stopping, tmp_path):
    """Network and two moments, with early stopping also the best weights; no array twice."""
    X, y = data_for(PCRegressor)
    model = PCRegressor((300, 300), max_iter=3, checkpoint=tmp_path / "c")
    model.set_params(early_stopping=early_stopping).fit(X, y)
    parameters = sum(array.nbytes for array in [*model.coefs_, *model.intercepts_])
    size = (tmp_path / "c").stat().st_size
    assert size < (3 + early_stopping) * parameters + 20_000


def test_empty_file_is_no_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c")
    assert not checkpoint.exists()
    (tmp_path / "c").touch()
    assert not checkpoint.exists()
    X, y = data_for(PCRegressor)
    small(PCRegressor, max_iter=1, checkpoint=checkpoint).fit(X, y)
    assert checkpoint.exists()
    assert not Checkpoint(tmp_path).exists()
