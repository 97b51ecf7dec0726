"""The README's Python block runs, and its commands have the form in which CI runs them."""

import re
from pathlib import Path

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
