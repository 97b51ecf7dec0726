"""Command lines: the options of the examples reach `run`; docs/papers.md names scripts and options.

No script computes anything here.
"""

import inspect
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from .test_examples import EXAMPLES, example  # noqa: F401 - a fixture

ROOT = EXAMPLES.parent
PAGE = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"`((?:examples|benchmarks)/\w+\.py[^`]*)`", PAGE)
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("[!_]*.py"))


def parsed(script, monkeypatch, *arguments):
    """What `main` of an example passes to `run`."""
    found = {}
    signature = inspect.signature(script.run)
    monkeypatch.setattr(sys, "argv", ["script.py", *map(str, arguments)])
    monkeypatch.setattr(script, "run", lambda **given: found.update(given))
    script.main()
    signature.bind(**found)
    return found, {name: p.default for name, p in signature.parameters.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_arguments_run_gets_its_defaults(name, example, monkeypatch):  # noqa: F811
    given, defaults = parsed(example(name), monkeypatch)
    assert given.pop("path") == ROOT / "docs" / "images" / f"{name}.png"
    defaults.pop("path")
    assert given == defaults


@pytest.mark.parametrize("name", SCRIPTS)
def test_options_reach_run(name, example, monkeypatch):  # noqa: F811
    script = example(name)
    takes = [option for option in inspect.signature(script.run).parameters if option != "path"]
    arguments = [word for option in takes for word in (f"--{option}", "3")]
    given, defaults = parsed(script, monkeypatch, *arguments, "--output", "figure.png")
    assert given.pop("path") == Path("figure.png")
    for option, value in given.items():
        wanted = (3,) if isinstance(defaults[option], tuple) else 3
        assert value == (Path("3") if option == "data" else wanted)


def test_mnist_in_place_of_the_digits(example, tmp_path):  # noqa: F811
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype(np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    np.savez(tmp_path / "mnist.npz", X_train=images, y_train=labels)
    X, y = example("novelty").digits(tmp_path / "mnist.npz")
    assert X.shape == (20, 784)
    assert X.dtype == np.float32
    np.testing.assert_allclose(X[3, 5], (images[3, 0, 5] / 255 - 0.1307) / 0.3081, rtol=1e-6)
    np.testing.assert_array_equal(y, labels)


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_papers_name_scripts_and_options_that_exist(command, capsys, monkeypatch):
    path, *words = shlex.split(command)
    assert (ROOT / path).exists()
    sys.modules.pop("_common", None)  # each folder has one of its own
    monkeypatch.syspath_prepend((ROOT / path).parent)
    module = {}
    exec(compile((ROOT / path).read_text(encoding="utf-8"), path, "exec"), module)
    monkeypatch.setattr(sys, "argv", [path, "--help"])
    with pytest.raises(SystemExit):
        module["main"]()
    sys.modules.pop("_common", None)
    shown = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert re.search(rf"{option}\b", shown), option


def test_the_page_names_every_option_of_the_papers():
    assert len(COMMANDS) >= 15
    for option in ("depth", "width", "seeds", "data", "output"):
        assert f"`--{option}`" in PAGE
