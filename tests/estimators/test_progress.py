"""Oracle: the text of a terminal after its escape codes, and the fit without progress."""

import io
import re
import time
from contextlib import nullcontext, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest

from pcnet import PCClassifier, PCRegressor
from pcnet._training.progress import LiveLine, make_progress, seconds_left
from pcnet._training.run import Plan, Run
from pcnet._training.validation import some_rows
from pcnet.callbacks import Callback

from .support import ESTIMATORS, assert_same_bits, data_for, small


class Terminal(io.StringIO):
    """Records all output, and the text that a terminal would show."""

    def isatty(self):
        return True

    def lines(self):
        shown, column = [""], 0
        for piece in re.findall(r"\r|\n|\x1b\[K|[^\r\n\x1b]+", self.getvalue()):
            if piece == "\r":
                column = 0
            elif piece == "\n":
                shown.append("")
                column = 0
            elif piece == "\x1b[K":
                shown[-1] = shown[-1][:column]
            else:
                shown[-1] = shown[-1][:column] + piece + shown[-1][column + len(piece) :]
                column += len(piece)
        return shown


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


def fit_on(stream, model, *data, **options):
    """`fit`, with the stream as the standard output."""
    with redirect_stdout(stream):
        return model.fit(*data, **options)


FIELDS = (
    r"epoch 5/5  energy [\d.e-]+  train -?\d\.\d{3}  val -?\d\.\d{3}  \d+\.\d passes  "
    r"[\d ]+ samples/s"
)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_line_on_a_terminal(Estimator, terminal):
    X, y = data_for(Estimator)
    fit_on(terminal, small(Estimator, verbose=1, early_stopping=True), X, y)
    line, rest = terminal.lines()
    assert rest == ""
    assert re.fullmatch(FIELDS, line), line


def test_line_shows_the_last_epoch(terminal):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, verbose=True)
    fit_on(terminal, model, X, y, validation_data=(X[:40], y[:40]))
    line = terminal.lines()[0]
    assert f"energy {model.energy_curve_[-1]:.4g} " in line
    assert f"train {model.score(X, y):.3f} " in line
    assert f"val {model.score(X[:40], y[:40]):.3f} " in line
    assert f"{model.n_inference_passes_[-1]:.1f} passes" in line


def test_the_line_moves_within_an_epoch_at_most_five_times_a_second(terminal):
    X, y = data_for(PCClassifier, n_samples=600)
    now = [0.0]

    class Ticking(Callback):
        def on_fit_begin(self, run):
            run.clock = lambda: now[0]

        def on_batch_end(self, run, report):
            now[0] += 0.05

    model = small(PCClassifier, verbose=1, batch_size=10, max_iter=2, callbacks=Ticking())
    fit_on(terminal, model, X, y)  # 120 steps of 0.05 s
    drawn = terminal.getvalue().count("\r")
    assert 25 <= drawn <= 36
    assert "epoch 1/2" in terminal.getvalue()
    assert "200 samples/s  0:02 left" in terminal.getvalue()  # 10 samples in 0.05 s


def test_a_narrow_terminal_cuts_the_line(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    fit_on(terminal, small(PCClassifier, verbose=1), *data_for(PCClassifier))
    assert len(terminal.lines()[0]) == 29
    assert max(len(line) for line in terminal.getvalue().split("\r")) <= 29 + len("\x1b[K\n")


@pytest.mark.parametrize("stops", [True, False])
def test_line_is_complete_when_training_stops_or_fails(stops, terminal):
    def end(run):
        if run.n_epochs == 2 and not stops:
            raise ArithmeticError
        return run.n_epochs == 2

    model = small(PCClassifier, verbose=1, callbacks=end)
    with nullcontext() if stops else pytest.raises(ArithmeticError):
        fit_on(terminal, model, *data_for(PCClassifier))
    assert terminal.lines()[-1] == ""
    assert terminal.lines()[0].startswith("epoch 2/5")


@pytest.mark.parametrize("verbose, tty", [(2, True), (1, False), (2, False)])
def test_one_line_an_epoch_where_the_stream_is_no_terminal(verbose, tty):
    stream = Terminal() if tty else io.StringIO()
    X, y = data_for(PCClassifier)
    model = fit_on(stream, small(PCClassifier, verbose=verbose), X, y)
    text = stream.getvalue()
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert len(lines) == 5
    for i, line in enumerate(lines):
        assert line.startswith(f"Epoch {i + 1}: loss = {model.loss_curve_[i]:.6f}, energy = ")
        assert f"inference passes = {model.n_inference_passes_[i]:.2f}" in line
        assert re.search(
            r"training score = \d\.\d{4}, .*\d+ samples/s, \d+:\d\d left, \d+\.\d\d s$", line
        )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("verbose", [1, 2])
def test_progress_does_not_change_the_training(Estimator, verbose, capsys):
    X, y = data_for(Estimator, n_samples=1100)  # more than the training score uses
    silent = small(Estimator, max_iter=2).fit(X, y)
    assert capsys.readouterr().out == ""
    assert_same_bits(silent, small(Estimator, max_iter=2, verbose=verbose).fit(X, y))


def test_training_score_uses_at_most_1000_rows():
    np.testing.assert_array_equal(some_rows(np.arange(5), 0), np.arange(5))
    rows = np.arange(0, 6000, 2)
    chosen = some_rows(rows, 3)
    assert len(np.unique(chosen)) == 1000
    assert np.isin(chosen, rows).all()
    assert np.all(np.diff(chosen) > 0)


def test_stream_without_isatty():
    class Sink:
        def write(self, text):
            pass

        def flush(self):
            pass

    assert not isinstance(make_progress(1, Sink()), LiveLine)


@pytest.mark.parametrize(
    "seconds, max_iter, batch, max_time, expected",
    [
        ([], 5, 0, None, None),
        ([1.0, 3.0], 5, 0, None, 6.0),
        ([1.0, 3.0], 5, 2, None, 5.0),
        ([9.0, 1.0, 1.0, 1.0, 1.0, 1.0], 10, 0, None, 4.0),  # the last five count
        ([1.0, 3.0], 5, 0, 4.5, 4.5),
        ([], 5, 0, 4.5, 4.5),
        ([2.0], 1, 0, None, 0.0),
    ],
)
def test_forecast_of_the_remaining_time(seconds, max_iter, batch, max_time, expected, monkeypatch):
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    optimizer = SimpleNamespace(steps_per_epoch=lambda minibatches: 4)
    run = Run(optimizer, Plan(None, None, max_iter, max_time=max_time), None)
    run.history["seconds"] = seconds
    run.n_epochs, run.batch = len(seconds), batch
    assert seconds_left(run) == expected


def test_a_single_sample_has_no_training_score(terminal):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor).fit(X, y)
    with redirect_stdout(terminal):
        model.set_params(verbose=1).partial_fit(X[:1], y[:1])
    assert "epoch" in terminal.getvalue()
    assert "train" not in terminal.getvalue()
