"""What goes into a bug report, and that the version is told in one voice."""

import importlib.metadata
import io
import re
from pathlib import Path

import pcnet

ROOT = Path(__file__).resolve().parents[2]


def test_it_names_what_a_report_needs(capsys):
    pcnet.show_versions()
    text = capsys.readouterr().out
    for word in (
        "python", "platform", "cpu", "usable", pcnet.__version__, "has_openmp", "threads",
        "numpy", "scipy", "scikit-learn", "threadpoolctl", "openblas",
    ):  # fmt: skip
        assert word in text


def test_it_writes_where_told(capsys):
    target = io.StringIO()
    pcnet.show_versions(file=target)
    assert "System:" in target.getvalue()
    assert capsys.readouterr().out == ""


def test_missing_packages_are_said_to_be_missing(monkeypatch):
    def version(name):
        if name == "joblib":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    target = io.StringIO()
    pcnet.show_versions(file=target)
    assert re.search(r"joblib: not installed", target.getvalue())


def test_one_version_everywhere():
    assert importlib.metadata.version("pcnet") == pcnet.__version__
    assert f"\nversion: {pcnet.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{pcnet.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
