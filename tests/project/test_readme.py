"""The README: its code runs, its commands are those of CI, its links work on a package index."""

import importlib.metadata
import re
import runpy
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_example_runs_and_learns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    names = {"__name__": "readme"}
    exec(compile(example, "README.md", "exec"), names)
    assert re.search(r"test accuracy 0\.9[5-9]", capsys.readouterr().out)
    assert names["result"].energy_trace[-1] < names["result"].energy_trace[0]


def test_there_are_two_commands_of_one_line():
    commands = [block.strip() for block in blocks("bash")]
    assert len(commands) == 2
    assert all("\n" not in command for command in commands)
    assert '".[demo]"' in commands[0]
    assert '".[test]"' in commands[1]


def test_files_named_exist():
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:md|cff|py))`", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert (ROOT / "docs" / "images" / "inference.png").exists()


@pytest.fixture
def description(monkeypatch):
    """`description` of setup.py, which imports Cython at its top."""
    pytest.importorskip("setuptools")
    stub = types.ModuleType("Cython.Build")
    stub.cythonize = None
    monkeypatch.setitem(sys.modules, "Cython", types.ModuleType("Cython"))
    monkeypatch.setitem(sys.modules, "Cython.Build", stub)
    return runpy.run_path(ROOT / "setup.py")["description"]


def links(text):
    """(picture, target) of all links, including those that the conversion does not touch."""
    return re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", text)


def test_links_on_a_package_index_are_absolute(description):
    address = "https://example.org/pcnet"
    before, after = links(README), links(description(README, address))
    assert len(before) == len(after)
    for (picture, target), (_, absolute) in zip(before, after, strict=True):
        if not target.startswith("https:"):
            view = "raw" if picture else "blob"
            assert absolute == f"{address}/{view}/HEAD/{target}"
            assert (ROOT / target).exists()
        else:
            assert absolute == target


def test_without_an_address_only_text_is_left_on_a_package_index(description):
    text = description(README)
    assert {target.split(":")[0] for _, target in links(text)} == {"https"}
    assert "docs/images" not in text
    assert "Picture in the repository: Energy of each layer" in text


def test_metadata_holds_the_converted_readme():
    try:
        description = importlib.metadata.metadata("pcnet").get_payload()
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pcnet is not installed as a distribution")
    assert "# pcnet" in description
    assert {target.split(":")[0] for _, target in links(description)} == {"https"}
