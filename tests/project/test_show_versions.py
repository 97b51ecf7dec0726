"""The information for a bug report, and the same version in all files."""

import importlib.metadata
import io
import re
from pathlib import Path

import pcnet

ROOT = Path(__file__).resolve().parents[2]


def test_show_versions_names_python_libraries_and_machine(capsys):
    pcnet.show_versions()
    text = capsys.readouterr().out
    for word in (
        "python", "platform", "cpu", "usable", pcnet.__version__, "has_openmp", "threads",
        "numpy", "scipy", "scikit-learn", "threadpoolctl", "openblas",
    ):  # fmt: skip
        assert word in text


def test_show_versions_writes_to_the_given_file(capsys):
    target = io.StringIO()
    pcnet.show_versions(file=target)
    assert "System:" in target.getvalue()
    assert capsys.readouterr().out == ""


def test_missing_packages_are_reported(monkeypatch):
    def version(name):
        if name == "joblib":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    target = io.StringIO()
    pcnet.show_versions(file=target)
    assert re.search(r"joblib: not installed", target.getvalue())


def test_all_files_have_the_same_version():
    assert importlib.metadata.version("pcnet") == pcnet.__version__
    assert f"\nversion: {pcnet.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{pcnet.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
