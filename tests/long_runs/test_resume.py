"""Oracle: the uninterrupted run, bit by bit."""

import pickle

import numpy as np
import pytest
from numpy.random import RandomState, default_rng
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from pcnet import PCClassifier, PCRegressor, load_checkpoint
from pcnet._training.checkpoint_file import read_checkpoint, read_header, write_checkpoint
from pcnet.callbacks import Callback, Checkpoint
from pcnet.losses import Huber
from pcnet.schedules import Adaptive
from pcnet.solvers import SGD, Adam

from ..estimators.support import (
    ESTIMATORS,
    LearningRates,
    assert_consistent,
    assert_same_bits,
    data_for,
    small,
)

EVERY_BATCH = 1e-9  # minutes


class Killed(BaseException):
    """Stops a fit like SIGKILL: no code saves anything because of it."""


class Kill(Callback):
    def __init__(self, step):
        self.step = step

    def on_batch_end(self, run, report):
        if run.n_steps == self.step:
            raise Killed


def assert_same_run(first, second):
    """Compare all attributes of the fits except times."""
    assert_same_bits(first, second)
    states = first._optimizer_state, second._optimizer_state
    assert states[0].n_updates == states[1].n_updates
    np.testing.assert_equal(states[0].weights, states[1].weights)
    np.testing.assert_equal(states[0].biases, states[1].biases)
    histories = [dict(model.history_) for model in (first, second)]
    for history in histories:
        history.pop("seconds")
    np.testing.assert_equal(*histories)
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "stop_reason_", "validation_scores_"):
        np.testing.assert_equal(getattr(first, name), getattr(second, name))
    assert first.best_validation_score_ == second.best_validation_score_
    states = [model._random_state.bit_generator.state for model in (first, second)]
    np.testing.assert_equal(*states)


def start_and_stop_at(step, model, *data, **options):
    """Start a fit that stops in a step, with a checkpoint at every step before."""
    path = model.checkpoint
    dying = clone(model).set_params(callbacks=Kill(step))
    dying.set_params(checkpoint=Checkpoint(path, every_minutes=EVERY_BATCH))
    with pytest.raises(Killed):
        dying.fit(*data, **options)


CASES = {
    "plain": {},
    "sgd, cosine": {"solver": SGD(), "learning_rate": "cosine", "learning_rate_init": 1e-3},
    "float32": {"dtype": "float32", "learning_rate": "invscaling", "max_iter": 3},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3, "tol": 0.1},
    "plateau": {"tol": 1e9, "n_iter_no_change": 1},
    "adaptive": {"learning_rate": "adaptive", "tol": 1e9, "n_iter_no_change": 1},
    "in order": {"shuffle": False, "fit_intercept": False, "alpha": 0},
    "clip, warm-up, two functions": {
        "solver": Adam(clip=0.1),
        "learning_rate": Adaptive(divisor=2.0, warmup=3),
        "tol": 1e9,
        "n_iter_no_change": 1,
        "activation": ["tanh", "relu"],
    },
}


@pytest.mark.covering(1)
@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("case", CASES)
def test_resume_after_a_stop_at_any_step_has_the_same_bits(Estimator, case, tmp_path):
    X, y = data_for(Estimator)
    weight = np.arange(len(X)) % 5.0
    path = tmp_path / "run.ckpt"
    model = small(Estimator, max_iter=4, batch_size=40, checkpoint=path)
    model.set_params(**CASES[case])
    whole = clone(model).set_params(checkpoint=None).fit(X, y, weight)
    n_steps = whole._optimizer_state.n_updates
    assert n_steps >= 6
    for step in range(2, n_steps + 1):
        start_and_stop_at(step, model, X, y, weight)
        assert_same_run(whole, clone(model).resume(X, y, weight))


@pytest.mark.parametrize("loss", ["huber", Huber(delta=0.5), "poisson"])
def test_resume_with_other_losses(loss, tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, loss=loss, batch_size=40, checkpoint=tmp_path / "run")
    whole = clone(model).set_params(checkpoint=None).fit(X, np.abs(y))
    start_and_stop_at(7, model, X, np.abs(y))
    assert_same_run(whole, clone(model).resume(X, np.abs(y)))


def test_resume_restores_best_weights(tmp_path):
    X, y = data_for(PCRegressor, n_samples=200)
    y = np.random.default_rng(0).permutation(y)  # nothing to learn: scores fall
    model = small(PCRegressor, early_stopping=True, learning_rate_init=0.1, max_iter=9, tol=0)
    model.set_params(batch_size=90, checkpoint=tmp_path / "c")
    whole = clone(model).fit(X, y)
    assert np.argmax(whole.validation_scores_) < 8
    start_and_stop_at(18, model, X, y)  # the last step
    assert_same_run(whole, clone(model).resume(X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_resume_with_a_validation_set_and_scorers(early_stopping, tmp_path):
    X, y = data_for(PCClassifier, n_samples=160)
    own = {"validation_data": (X[120:], y[120:])}
    X, y = X[:120], y[:120]
    model = small(PCClassifier, scoring=["neg_log_loss", "accuracy"], loss="log_loss")
    model.set_params(early_stopping=early_stopping, batch_size=60, checkpoint=tmp_path / "c")
    whole = clone(model).set_params(checkpoint=None).fit(X, y, **own)
    start_and_stop_at(6, model, X, y, **own)
    resumed = clone(model).set_params(verbose=2).resume(X, y, **own)
    resumed.history_.pop("train_score")
    assert_same_run(whole, resumed)
    with pytest.raises(ValueError, match="validation data are not those"):
        clone(model).resume(X, y, validation_data=(X[:50], y[:50]))
    with pytest.raises(ValueError, match=r"scoring=|validation data are not those"):
        clone(model).resume(X, y)


@pytest.mark.parametrize("source", [lambda: None, lambda: RandomState(3), lambda: default_rng(3)])
def test_resume_with_every_kind_of_random_state(source, tmp_path):
    """None draws the seed from NumPy's global RandomState; a resumed run has its stream's state."""
    X, y = data_for(PCRegressor)
    state = np.random.get_state()  # noqa: NPY002
    try:

        def make():
            np.random.seed(7)  # noqa: NPY002
            options = {"checkpoint": tmp_path / "c", "batch_size": 60}
            return small(PCRegressor, random_state=source(), **options)

        whole = pickle.loads(pickle.dumps(make().fit(X, y)))
        with pytest.raises(Killed):
            make().set_params(callbacks=Kill(8)).fit(X, y)
        assert_same_run(whole, make().resume(X, y))
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_warm_start_resumes_with_its_history(Estimator, tmp_path):
    X, y = data_for(Estimator)
    path = tmp_path / "c"
    whole = small(Estimator, warm_start=True, batch_size=60).fit(X, y).fit(X, y)
    dying = small(Estimator, warm_start=True, batch_size=60).fit(X, y)
    with pytest.raises(Killed):
        dying.set_params(checkpoint=path, callbacks=Kill(7)).fit(X, y)
    fresh = small(Estimator, warm_start=True, batch_size=60, checkpoint=path)
    assert_same_run(whole, fresh.resume(X, y))
    assert_same_run(whole, dying.set_params(callbacks=None).resume(X, y))


def test_resume_after_several_kills(tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, checkpoint=tmp_path / "c", batch_size=40)
    whole = clone(model).fit(X, y)
    start_and_stop_at(3, model, X, y)
    for step in (5, 9, 12):
        dying = clone(model).set_params(callbacks=Kill(step))
        dying.set_params(checkpoint=Checkpoint(model.checkpoint, every_minutes=EVERY_BATCH))
        with pytest.raises(Killed):
            dying.resume(X, y)
    assert_same_run(whole, clone(model).resume(X, y))


@pytest.mark.parametrize("options", [{}, {"tol": 1e9, "n_iter_no_change": 1}])
def test_a_complete_run_resumes_to_itself(options, tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, early_stopping=True, checkpoint=tmp_path / "c", **options)
    whole = clone(model).fit(X, y)
    assert_same_run(whole, clone(model).resume(X, y))


def test_resume_after_max_time(tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, checkpoint=tmp_path / "c", batch_size=40)
    stopped = clone(model).set_params(callbacks=lambda run: run.n_epochs == 2).fit(X, y)
    assert stopped.stop_reason_ == "callback"
    whole = clone(model).set_params(checkpoint=None).fit(X, y)
    assert_same_run(whole, clone(model).resume(X, y))
    clone(model).set_params(learning_rate="constant", max_time=1e-9).fit(X, y)
    going_on = clone(model).set_params(learning_rate="constant", n_iter_no_change=10, max_time=1e9)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        assert going_on.resume(X, y).t_ == 5 * len(X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_load_checkpoint_gives_an_estimator_of_that_moment(Estimator, tmp_path):
    X, y = data_for(Estimator)
    path = tmp_path / "c"
    options = {"batch_size": 60, "learning_rate": "linear"}
    model = small(Estimator, checkpoint=str(path), callbacks=Kill(8), **options)
    with pytest.raises(Killed):
        model.fit(X, y)
    loaded = load_checkpoint(path)
    assert (loaded.n_iter_, loaded.t_, loaded.callbacks) == (3, 360, None)
    assert_consistent(loaded)
    apart = small(Estimator, callbacks=lambda run: run.n_epochs == 3, **options).fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), apart.predict(X))
    assert_same_run(small(Estimator, **options).fit(X, y), loaded.resume(X, y))


class Counting(Callback):
    """A callback with a state that lasts over epochs."""

    def __init__(self):
        self.n_batches = 0

    def on_batch_end(self, run, report):
        self.n_batches += 1

    def measure(self, run):
        return {"n_batches": self.n_batches}

    def state(self):
        return self.n_batches

    def restore(self, state):
        self.n_batches = state


def test_resume_restores_callback_state(tmp_path):
    X, y = data_for(PCRegressor)
    checkpoint = Checkpoint(tmp_path / "c", every_minutes=EVERY_BATCH)
    model = small(PCRegressor, batch_size=40, checkpoint=checkpoint)
    with pytest.raises(Killed):
        clone(model).set_params(callbacks=[Counting(), Kill(8)]).fit(X, y)
    resumed = clone(model).set_params(verbose=2, callbacks=[print_nothing, Counting()])
    assert resumed.resume(X, y).history_["n_batches"] == [3, 6, 9, 12, 15]


def print_nothing(run):
    pass


class FilesSeen(Callback):
    """Keeps epoch and batch of each new version of a file, which it looks for at every event."""

    def __init__(self, path):
        self.path = path
        self.versions = []
        self._inode = None

    def look(self, *_):
        if self.path.exists() and self._inode != (inode := self.path.stat().st_ino):
            self._inode, header = inode, read_header(self.path)
            self.versions.append((header["epoch"], header["batch"]))

    on_epoch_begin = on_batch_end = on_epoch_end = look  # the file is written after these


def files_written(model, X, y):
    """Epoch and batch of each checkpoint that a fit writes."""
    path = model.checkpoint.path
    path.unlink(missing_ok=True)
    files = FilesSeen(path)
    clone(model).set_params(callbacks=files).fit(X, y)
    files.look()
    return files.versions


def test_epochs_at_which_checkpoints_are_written(tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, batch_size=60, checkpoint=Checkpoint(tmp_path / "c"))
    assert not model.checkpoint.exists()
    bits = clone(model).fit(X, y)
    assert model.checkpoint.exists()
    assert files_written(model, X, y) == [(i, 0) for i in range(1, 6)]
    model.set_params(checkpoint__every_epochs=2)
    assert files_written(model, X, y) == [(2, 0), (4, 0), (5, 0)]
    model.set_params(checkpoint__every_epochs=None)
    assert files_written(model, X, y) == [(5, 0)]
    model.set_params(max_iter=2, checkpoint__every_epochs=2, checkpoint__every_minutes=EVERY_BATCH)
    assert files_written(model, X, y) == [(0, 1), (1, 0), (1, 1), (2, 0)]
    assert_same_bits(bits, small(PCRegressor, batch_size=60).fit(X, y))


# ------------------------------------------------------------ arguments and data that differ


@pytest.fixture
def saved(tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, checkpoint=tmp_path / "c").fit(X, y)
    return model, X, y


@pytest.mark.parametrize(
    "change, message",
    [
        ({"max_iter": 9}, r"max_iter was 5 .* is 9 now.*warm_start"),
        ({"alpha": 0.5}, r"alpha was (0.0|'auto') .* is 0.5 now"),
        ({"solver": SGD(momentum=0.1)}, "solver was 'adam'"),
        ({"random_state": 1}, "random_state was 0"),
        ({"hidden_layer_sizes": (3,)}, "hidden_layer_sizes was"),
        ({"early_stopping": True}, "early_stopping was False"),
    ],
)
def test_resume_refuses_other_arguments(change, message, saved):
    model, X, y = saved
    before = dict(vars(model.set_params(**change)))
    with pytest.raises(ValueError, match=message):
        model.resume(X, y)
    assert vars(model) == before


@pytest.mark.parametrize("what", ["X", "y", "fewer", "weight"])
def test_resume_refuses_other_data(what, saved):
    model, X, y = saved
    weight = np.ones(len(X)) if what == "weight" else None
    X = X + (what == "X")
    y = np.roll(y, 1) if what == "y" else y
    n = len(X) - (what == "fewer")
    before = dict(vars(model))
    with pytest.raises(ValueError, match="X, y and sample_weight are not those"):
        model.resume(X[:n], y[:n], weight)
    assert vars(model) == before


def test_resume_refuses_another_estimator(saved):
    model, X, y = saved
    with pytest.raises(ValueError, match="checkpoint is one of PCClassifier, not of PCRegressor"):
        small(PCRegressor).resume(X, y, checkpoint=model.checkpoint)


def test_resume_warns_on_another_instruction_set(saved):
    model, X, y = saved
    header, run = read_checkpoint(model.checkpoint)
    isa = header["instruction_set"]
    write_checkpoint(model.checkpoint, {**header, "instruction_set": "abacus"}, run)
    with pytest.warns(UserWarning, match=f"with the instructions abacus, this machine uses {isa}"):
        model.resume(X, y)


def test_resume_without_a_checkpoint(tmp_path):
    X, y = data_for(PCRegressor)
    with pytest.raises(ValueError, match="resume needs to know where"):
        small(PCRegressor).resume(X, y)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*call fit"):
        small(PCRegressor, checkpoint=tmp_path / "c").resume(X, y)


def test_checkpoint_with_partial_fit_is_refused(tmp_path):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="partial_fit does not write checkpoints"):
        model.partial_fit(X, y)


def test_resume_calls_observers_only_for_new_steps(tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, checkpoint=tmp_path / "c", batch_size=40)
    start_and_stop_at(8, model, X, y)  # two epochs of 3 and a step
    steps, seen = LearningRates(), []
    model.set_params(callbacks=[steps, lambda run: seen.append(run.n_epochs)]).resume(X, y)
    assert len(steps.rates) == 15 - 7
    assert seen == [3, 4, 5]


class SklearnCallback:
    """A scikit-learn callback that cannot be pickled."""

    def __init__(self):
        self.function = lambda: None

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


def test_file_contains_no_functions_or_callbacks(tmp_path):
    pytest.importorskip("sklearn.callback")
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, checkpoint=tmp_path / "c", callbacks=lambda run: None)
    model.set_params(scoring=lambda e, X, y: 0.0, early_stopping=True)
    model.set_callbacks(SklearnCallback()).fit(X, y)
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded.callbacks is loaded.scoring is None
    assert not [name for name in vars(loaded) if "callback" in name and name != "callbacks"]
    assert clone(model).resume(X, y).n_iter_ == 5
