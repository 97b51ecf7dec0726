"""Every Python block of the pages under docs/ runs, and the files they name exist."""

import re
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names = {"__name__": page.stem}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, page.name, "exec"), names)
    pyplot.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_named_exist(page):
    text = page.read_text(encoding="utf-8")
    images = re.findall(r"\]\((images/[^)]+)\)", text)
    scripts = re.findall(r"`((?:[\w.-]+/)+[\w-]+\.(?:md|py))`", text)
    missing = [name for name in images if not (DOCS / name).exists()]
    assert missing + [name for name in scripts if not (DOCS.parent / name).exists()] == []
