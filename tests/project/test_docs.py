"""Every Python block of docs/ runs, in the order of its page, and prints what the page shows.

A block of "text" below it is its output; numbers in it may differ by rounding.
"""

import contextlib
import doctest
import importlib
import importlib.util
import io
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

import pcnet

from ..helpers import all_points

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
WITH_EXAMPLES = [
    path for path in sorted((ROOT / "pcnet").rglob("*.py")) if ">>> " in path.read_text("utf-8")
]
FOLDERS = "benchmarks|csrc|docs|examples|pcnet|tests|wheels"
TEXTS = [
    *PAGES,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(ROOT / name / "README.md" for name in ("benchmarks", "examples", "tests", "wheels")),
]


def script(name):
    """A Python file of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, DOCS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Optional packages that a page needs
NEEDS = {
    "callbacks": ["sklearn.callback"],  # scikit-learn 1.9
    "dask": ["distributed"],
    "deploy": ["onnxruntime", "skl2onnx"],
    "pytorch": ["torch"],
    "saving": ["skops", "onnxruntime", "skl2onnx", "pandas"],
    "tables": ["pandas"],
}


NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")


def assert_same_but_for_rounding(printed, shown):
    """The same words, and numbers within a tenth, because another machine rounds differently."""
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", shown).split()
    actual, expected = (np.array(NUMBER.findall(t), dtype=float) for t in (printed, shown))
    np.testing.assert_allclose(actual, expected, rtol=0.1, atol=0.02 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_blocks_of_the_pages_run(page, tmp_path, monkeypatch):
    for package in NEEDS.get(page.stem, []):
        pytest.importorskip(package)
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names = {"__name__": page.stem}
    printed = ""
    for language, block in re.findall(r"^```(python|text)\n(.*?)^```$", text, flags=re.S | re.M):
        if language == "text":
            assert_same_but_for_rounding(printed, block)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as stream:
            exec(compile(block, page.name, "exec"), names)
        printed = stream.getvalue()
    pyplot.close("all")


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_docstrings(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    failures, examples = doctest.testmod(importlib.import_module(name))
    assert examples > 0
    assert failures == 0


@pytest.mark.parametrize("module", [pcnet, pcnet.inference, pcnet.theory], ids=lambda m: m.__name__)
def test_every_public_name_is_documented(module):
    public = [getattr(module, name) for name in module.__all__]
    assert [value for value in public if callable(value) and not value.__doc__] == []


@all_points("page", TEXTS)
def test_links_have_targets(page):
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert [name for name in linked if not (page.parent / name).exists()] == []


@all_points("page", TEXTS)
def test_paths_in_backticks_exist(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*\.(?:c|h|inc|md|py|pyi|pyx|pxd|pxi))`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_in_a_table_of_contents():
    listed = {"index"}
    for page in PAGES:
        for toctree in re.findall(
            r"^```{toctree}\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M
        ):
            entries = [line for line in toctree.splitlines() if line and line[0] != ":"]
            listed |= {(page.parent / entry).relative_to(DOCS).as_posix() for entry in entries}
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES} - {"README"}
    assert pages - listed == set()
    assert listed - pages == {"gallery/index", "api/index"}  # written by the build


@pytest.mark.parametrize("name", ["guide", "learn", "help", "develop"])
def test_lists_describe_every_page(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    (toctree,) = re.findall(r"^```{toctree}\n:hidden:\n\n(.*?)^```$", text, re.S | re.M)
    described = dict(re.findall(r"^- \[[^\]]+\]\(([\w/-]+)\.md\): (.{20,})", text, re.M))
    assert set(toctree.split()) - set(described) == set()


@pytest.mark.parametrize(
    "word",
    [
        *("GPU", "Windows", "imbalanced", "latency", "Docker", "cite", "tune", "missing values"),
        *("Alpine", "offline", "conda", "XGBoost", "data frame", "dates", "one-hot", "outliers"),
        *("worker processes", "Versions", "licence", "important", "log the training"),
    ],
)
def test_what_users_search_for_is_in_a_heading(word):
    headings = [re.findall(r"^#+ .*", page.read_text(encoding="utf-8"), re.M) for page in PAGES]
    assert any(word in heading for page in headings for heading in page)


@pytest.mark.parametrize("name", ["docs/should-i-use", "docs/index", "docs/faq", "README"])
def test_all_figures_are_those_of_the_benchmarks(name):
    text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    text = re.sub(r"Python \S+|version \d\S+|\]\([^)]*\)|arXiv:\S+", "", text, flags=re.I)
    measured = [ROOT / "benchmarks" / "README.md", DOCS / "how-deep.md"]
    benchmarks = "".join(path.read_text(encoding="utf-8") for path in measured)
    known = {float(figure) for figure in re.findall(r"\d+\.\d+", benchmarks)}
    known |= {round(figure, digits) for figure in known for digits in (1, 2, 3)}
    quoted = [float(figure) for figure in re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", text)]
    assert [figure for figure in quoted if figure not in known] == []


@pytest.mark.parametrize("name", ["precision", "performance"])
def test_figures_are_those_of_the_benchmarks(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    cells = [cell.strip() for row in re.findall(r"^\|.*\|$", text, re.M) for cell in row.split("|")]
    quoted = re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", " ".join(cells))
    assert [figure for figure in quoted if figure not in benchmarks] == []
    assert quoted


@pytest.mark.slow
def test_pictures_of_the_ten_pages_are_drawn_and_shown(tmp_path):
    drawing = script("draw_pictures.py")
    drawing.main(["--output", str(tmp_path)])
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in drawing.IMAGES.iterdir()}
    text = "".join(path.read_text("utf-8") for path in (DOCS / "ten-pages").glob("*.md"))
    assert drawn == set(re.findall(r"images/ten-pages/(\w+\.png)", text))


def test_unknown_picture_names_the_known_ones(tmp_path, capsys):
    with pytest.raises(SystemExit):
        script("draw_pictures.py").main(["--output", str(tmp_path / "none"), "setling"])
    assert "no picture 'setling'; there are network, " in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_drawing_of_the_core_is_up_to_date():
    drawing = script("draw_core.py")
    assert drawing.TARGET.read_text(encoding="utf-8") == drawing.drawing()
    files = re.findall(r"\b_\w+/\w+\.pyx?\b", drawing.drawing())
    assert files
    assert [name for name in files if not (ROOT / "pcnet" / name).exists()] == []


def test_drawn_numbers_match_their_closed_forms():
    drawing = script("draw_pictures.py")
    net = drawing.deep_network(5, width=8, activation="identity")
    X, Y = drawing.digits(4)
    hessian = drawing.activity_hessian(net, 0.7)
    moved = [z + 0.1 for z in net.forward(X)[:-1]]
    start = net.activity_gradients(X, Y, net.forward(X)[:-1], output_precision=0.7)
    after = net.activity_gradients(X, Y, moved, output_precision=0.7)
    change = np.concatenate([b[0] - a[0] for a, b in zip(start, after, strict=True)])
    np.testing.assert_allclose(hessian @ np.full(40, 0.1), change, atol=1e-12)
    assert drawing.error_condition(net) > 1


def test_broken_links_are_found(tmp_path):
    links = '<a href="b.html#here">x</a><a href="b.html#gone">y</a><img src="no.png">'
    (tmp_path / "a.html").write_text(links + '<a href="https://example.org">z</a>')
    (tmp_path / "b.html").write_text('<p id="here"><a href="#here">w</a></p>')
    broken, count = script("check_links.py").broken_links(tmp_path)
    assert [link for _, link in broken] == ["b.html#gone", "no.png"]
    assert count == 5


def test_names_without_a_link_are_found(tmp_path):
    links = script("check_links.py")  # puts docs/_ext on the path
    inventories = importlib.import_module("inventories")
    names = ["pcnet.infer py:function 1 a.html#$ -", "pcnet.theory py:module 0 a.html -"]
    inventories.write_inventory("pcnet", names, tmp_path / "objects.inv")
    linked = '<a href="b.html"><code>infer</code></a><h2><code>infer</code></h2>'
    code = "<code><span>infer(net)</span></code><pre><code>infer</code></pre><code>pcnet/</code>"
    (tmp_path / "a.html").write_text(f"{linked}{code}<code>theory</code><code>pcnet.theory</code>")
    found = [code for _, code in links.unlinked_names(tmp_path)]
    assert found == ["infer(net)", "pcnet.theory"]


def test_the_citation_is_of_this_version():
    text = (DOCS / "cite.md").read_text(encoding="utf-8")
    assert f"version = {{{pcnet.__version__}}}" in text
    papers = set(re.findall(r"^@\w+{(\w+),", text, re.M)) - {"pcnet"}
    assert papers == set(re.findall(r"`([a-z]+20\d\d\w+)`", text))
