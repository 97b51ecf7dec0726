"""Every Python block of the pages in docs/ runs, in the order of its page."""

import re
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))
# Optional packages that a page is about
NEEDS = {
    "callbacks": ["sklearn.callback"],  # scikit-learn 1.9
    "pytorch": ["torch"],
    "saving": ["skops", "onnxruntime", "skl2onnx"],
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_run(page, tmp_path, monkeypatch):
    for package in NEEDS.get(page.stem, []):
        pytest.importorskip(package)
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names = {"__name__": page.stem}
    for block in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, page.name, "exec"), names)
    pyplot.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [name for name in linked if not (page.parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_named_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:examples|docs|benchmarks|tests)/[\w/-]+\.(?:md|py))`", text)
    assert [name for name in named if not (DOCS.parent / name).exists()] == []
