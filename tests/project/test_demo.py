"""The demo: its output and figures, and its errors for bad options."""

import io
import re
import signal
import struct
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

import pcnet
from pcnet import PCClassifier, infer
from pcnet._demo import _command, _picture, main
from pcnet.inference import ActivityDescent, ErrorDescent

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--depth", "4", "--width", "16", "--epochs", "1"]


def png_size(path):
    """Width and height from the header of a PNG file."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


def table_rows(text):
    """{name: cells} of the printed table."""
    lines = text[text.index("layers  epochs") :].splitlines()[1:4]
    return {line[:25].strip(): line[25:].split(maxsplit=4) for line in lines}


@pytest.mark.slow
def test_the_module_runs_as_a_program(tmp_path):
    command = [sys.executable, "-P", "-W", "error", "-m", "pcnet", *SMALL, "--threads", "1"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "pcnet-demo.png" in done.stdout


def test_demo_trains_compares_and_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--threads", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert len(re.findall(r"^Epoch \d+: .* s$", printed.out, flags=re.MULTILINE)) == 1
    assert "1 thread." in printed.out
    rows = table_rows(printed.out)
    assert list(rows) == [
        "PCClassifier", "MLPClassifier, default", "MLPClassifier, same shape",
    ]  # fmt: skip
    assert [cells[0] for cells in rows.values()] == ["4", "2", "4"]
    assert rows["PCClassifier"][1] == rows["MLPClassifier, same shape"][1] == "1"
    assert float(rows["PCClassifier"][2]) > 0.5
    assert float(rows["PCClassifier"][4]) >= 1
    assert rows["MLPClassifier, default"][4] == "none (backpropagation)"
    picture = tmp_path / "pcnet-demo.png"
    assert f"Picture written to {picture}" in printed.out
    width, height = png_size(picture)
    assert 1000 <= width <= 2000
    assert 400 <= height <= 1200
    assert picture.stat().st_size < 150_000
    assert np.ptp(imread(picture)[..., :3]) > 0.9


@pytest.mark.slow
def test_a_network_too_narrow_to_learn_is_drawn_to_the_given_path(tmp_path, capsys):
    target = tmp_path / "here.svg"
    assert main([*SMALL, "--depth", "40", "--width", "1", "--output", str(target)]) == 0
    assert target.read_bytes().startswith(b"<?xml")
    assert str(target) in capsys.readouterr().out


def test_no_plot_draws_no_picture(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--no-plot"]) == 0
    assert "MLPClassifier" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_the_error_gives_the_remedy(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert main(SMALL) == 0
    assert "pip install matplotlib" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_demo_is_determined_by_its_seed():
    def accuracy(seed):
        options = _command.parse_arguments([*SMALL, "--seed", seed])
        return _command.train_pcnet(options, _command.load_data(options.seed))[1].accuracy

    assert accuracy("1") == accuracy("1") != accuracy("2")


def test_version(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"pcnet {pcnet.__version__}\n"


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: python -m pcnet ")
    for option in (
        "--depth", "--width", "--epochs", "--seed", "--threads", "--output", "--no-plot",
    ):  # fmt: skip
        assert option in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--depth", "1"], "argument --depth: expected a whole number from 2 to"),
        (["--depth", "many"], "argument --depth: .* got 'many'"),
        (["--width", "0"], "argument --width: expected a whole number from 1 to"),
        (["--epochs", "1.5"], "argument --epochs: .* got '1.5'"),
        (["--seed", "-1"], "argument --seed: expected a whole number from 0 to"),
        (["--threads", "0"], "argument --threads: expected a whole number from 1 to"),
        (["--output", "picture.bmp"], r"argument --output: .* ends in \.png or"),
        (["--output", "missing/picture.png"], "there is no folder 'missing'"),
        (["--output", "folder.png"], "'folder.png' is a folder"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_bad_options_are_named(tmp_path, capsys, monkeypatch, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    Path("folder.png").mkdir()
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    captured = capsys.readouterr()
    assert re.search(complaint, captured.err)
    assert captured.out == ""


class CtrlC(io.StringIO):
    """Standard output of a user who presses Ctrl-C when the first epoch is reported."""

    def write(self, text):
        if text.startswith("Epoch 1:"):
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_ends_the_demo():
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with redirect_stdout(CtrlC()) as shown:
            assert main([*SMALL, "--epochs", "9"]) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert shown.getvalue().endswith("Interrupted.\n")
    assert "Epoch 2" not in shown.getvalue()


@pytest.fixture(scope="module")
def fitted():
    """A small trained network, and images with labels."""
    data = _command.load_data(seed=0)
    model = PCClassifier((16,) * 5, max_iter=2, random_state=0)
    model.fit(data.X_train.astype(np.float64), data.y_train)
    return model, data.X_test, data.y_test


def test_the_energies_drawn_are_those_of_infer(fitted):
    model, X, y = fitted
    traces = _picture.record_energies(model, X, y)
    n = _picture.N_IMAGES
    Y = (y[:n, None] == model.classes_).astype(np.float64)

    def trace(method):
        objective = {"loss": "squared_error", "output_precision": model.output_precision_}
        return infer(model.network_, X[:n], Y, method, **objective).energy_trace

    n_steps = len(traces.activity.energies) - 1
    np.testing.assert_allclose(
        traces.activity.energies.sum(axis=1),
        trace(ActivityDescent(n_steps, traces.rate)),
        rtol=1e-9,
    )
    n_steps = len(traces.error.energies) - 1
    np.testing.assert_allclose(
        traces.error.energies.sum(axis=1),
        trace(ErrorDescent(n_steps, tol=0, energy_tol=0)),
        rtol=1e-9,
    )
    assert traces.equilibrium <= traces.error.energies[-1].sum() * (1 + 1e-6)
    assert np.all(traces.error.energies[0, :-1] == 0)  # feed-forward: all energy in the output
    assert np.all(np.diff(traces.error.n_passes) > 0)


def test_the_readmes_picture_is_small():
    picture = ROOT / "docs" / "images" / "inference.png"
    assert png_size(picture)[0] > 1000
    assert picture.stat().st_size < 150_000
