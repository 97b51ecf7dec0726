"""Figures and pictures of the documentation are those that the scripts compute.

Quick tests compare pages and pictures with the kept file. Slow tests, which `.ci/run` runs too,
compare the kept file with what each source computes now.
"""

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Pictures of benchmarks that need an idle machine or MNIST -> their script
OF_BENCHMARKS = {
    "how_deep.png": "depth.py",
    "reliability.png": "tables.py",
    "scaling.png": "scaling.py",
    "serving.png": "serving.py",
    "transfer.png": "transfer.py",
    "where.png": "where.py",
}


@pytest.fixture(scope="module", autouse=True)
def restored_path():
    """Restore sys.path, to which docs/figures.py adds the folders of its sources."""
    path = list(sys.path)
    sys.path.insert(0, str(DOCS))
    yield
    sys.path[:] = path


@pytest.fixture(scope="module")
def figures(restored_path):
    return importlib.import_module("figures")


@pytest.fixture(scope="module")
def claims(figures):
    return figures.figure_claims


@pytest.fixture(scope="module")
def drawn(figures):
    return figures.figures_drawn


def test_pages_quote_the_kept_figures_and_show_the_kept_pictures(figures):
    assert list(figures.pages_problems()) == []


def test_kept_figures_belong_to_known_sources(figures):
    kept = figures.load(figures.KEPT)
    assert set(kept["computed"]) == set(figures.SOURCES)
    for script in kept["measured"]:
        assert (ROOT / "benchmarks" / f"{script}.py").exists()


def test_every_picture_is_drawn_by_a_source(figures):
    pictures = {p.relative_to(figures.IMAGES).as_posix() for p in figures.IMAGES.rglob("*.png")}
    kept = figures.load(figures.DRAWN)
    assert pictures == {*kept, *OF_BENCHMARKS}
    assert {entry["by"] for entry in kept.values()} <= set(figures.SOURCES)
    for script in OF_BENCHMARKS.values():
        assert (ROOT / "benchmarks" / script).exists()


def test_quoted_figures_are_computed(figures, claims):
    kept = claims.flat(figures.load(figures.KEPT))
    quoted = {
        name
        for passages in claims.CLAIMS.values()
        for passage in passages
        for name, _ in claims.pattern(passage)[1]
    }
    assert quoted - {"any"} <= set(kept)


@pytest.mark.parametrize("page", ["energy", "depth", "trust_region", "saddles", "theory"])
def test_decimals_beside_a_script_are_quoted(page, claims):
    """A paragraph that names an example gives no decimal but quoted ones and the script's own."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    passages = claims.CLAIMS[f"docs/{page}.md"]
    spans = [claims.located(text, passage)[0].span() for passage in passages]
    for paragraph in re.finditer(r"(?:.+\n)+", text):
        scripts = re.findall(r"`(examples/\w+\.py)`", paragraph[0])
        constants = "".join((ROOT / script).read_text(encoding="utf-8") for script in scripts)
        for number in re.finditer(r"(?<![\w.:/])\d+\.\d+(?![\w.])", paragraph[0]):
            place = paragraph.start() + number.start()
            quoted = any(start <= place < end for start, end in spans)
            assert not scripts or quoted or number[0] in constants, f"{page}: {number[0]}"


def test_tables_of_the_benchmarks_name_their_script_and_processor():
    """The text of each table, or the title above, names the script that printed its figures."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    scripts = {path.name for path in (ROOT / "benchmarks").glob("[!_]*.py")}
    assert "Intel Xeon" in text
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        tables = re.split(r"(?:^ *\|.*\n)+", body, flags=re.MULTILINE)
        for lead in tables[:-1]:
            assert set(re.findall(r"(\w+\.py)\b", title + lead)) & scripts, lead[-200:]
    for script in scripts:
        assert f"benchmarks/{script}" in text


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_figures_and_pictures_are_what_is_computed_now(figures):
    assert list(figures.check(list(figures.SOURCES))) == []


# ---- the mechanism


@pytest.fixture
def page(tmp_path, claims, monkeypatch):
    """page(text, *passages): a page with these passages as its claims."""

    def make(text, *passages):
        (tmp_path / "page.md").write_text(text)
        monkeypatch.setattr(claims, "CLAIMS", {"page.md": passages})
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.97312, ".3f", "0.973"),
        (0.9712, ".1f*100", "97.1"),
        (104.9, "~10", "100"),
        (2.1e-5, "e", "2e-5"),
        (3.1e-8, "decades", "8"),
        (0.03, "g", "0.03"),
    ],
)
def test_formats(claims, value, form, text):
    assert claims.shown(value, form) == text


def test_changed_figure_is_named_and_rewritten(page, claims):
    root = page("Precision 0.984, over\ntwo lines, against 0.976.\n", "precision {a.b:.3f}")
    passage = "Precision {a.b:.3f}, over two lines, against {a.c:.3f}."
    root = page("Precision 0.984, over\ntwo lines, against 0.976.\n", passage)
    kept = {"a.b": 0.97312, "a.c": 0.976}
    assert list(claims.problems(root, kept)) == ["page.md: says 0.984, a.b is 0.973"]
    assert list(claims.rewrite(root, kept)) == ["page.md"]
    assert (root / "page.md").read_text() == "Precision 0.973, over\ntwo lines, against 0.976.\n"
    assert list(claims.problems(root, kept)) == []
    assert list(claims.rewrite(root, kept)) == []


@pytest.mark.parametrize("text", ["Nothing of the kind.", "is 1.0, is 1.0"])
def test_missing_or_repeated_passage_is_named(page, claims, text):
    root = page(text, "is {a.b:.1f}")
    (problem,) = claims.problems(root, {"a.b": 1.0})
    assert "place(s) that read: is {a.b:.1f}" in problem


def test_a_figure_that_is_not_kept_is_named(page, claims):
    root = page("is 1.0", "is {a.b:.1f}")
    assert list(claims.problems(root, {})) == ["page.md: no figure a.b in figures.json"]


def test_change_of_a_computed_figure_is_reported(figures):
    kept = {"energy": 0.984, "gone": 1.0}
    assert list(figures.differences("mislabelled_digits", kept, {"energy": 0.973, "new": 1.0})) == [
        "mislabelled_digits.energy: kept 0.984, now 0.973",
        "mislabelled_digits.gone: no longer computed",
        "mislabelled_digits.new: not kept",
    ]
    assert list(figures.differences("mislabelled_digits", {"a": 0.9731}, {"a": 0.9735})) == []


def test_other_instruction_set_has_a_larger_tolerance(figures, drawn):
    here = figures.room_for_rounding(figures.binding.default_isa())
    elsewhere = figures.room_for_rounding("another")
    assert here == 1 < elsewhere
    kept, found = {"a": 0.97}, {"a": 0.98}
    assert list(figures.differences("novelty", kept, found, here))
    assert not list(figures.differences("novelty", kept, found, elsewhere))
    pictures = drawn.summary(drawing()), drawn.summary(drawing(0.1))
    assert list(drawn.differences(*pictures, here))
    assert not list(drawn.differences(*pictures, elsewhere))


def drawing(shift=0.0, label="area 0.93", log=False):
    figure = Figure()
    ax, other = figure.subplots(1, 2)
    x = np.linspace(0, 1, 50)
    ax.plot(x, x + shift, label=label)
    other.scatter(x, x**2 + shift)
    other.bar([0, 1], [1.0, 2.0 + shift])
    ax.legend()
    if log:
        ax.set_yscale("log")
    return figure


@pytest.mark.parametrize("log", [False, True])
def test_changed_picture_is_reported(drawn, log):
    kept = drawn.summary(drawing(log=log))
    again = json.loads(json.dumps(kept))  # as the file has it
    assert list(drawn.differences(again, drawn.summary(drawing(0.001, log=log)))) == []
    moved = list(drawn.differences(again, drawn.summary(drawing(0.3, log=log))))
    assert any("points" in line for line in moved)
    assert any("bars" in line for line in moved)
    assert log or any("line" in line for line in moved)
    (text,) = drawn.differences(again, drawn.summary(drawing(label="area 0.83", log=log)))
    assert "area 0.93" in text


def test_changed_number_of_curves_is_reported(drawn):
    more = drawing()
    more.axes[0].plot([0, 1], [0, 1])
    assert list(drawn.differences(drawn.summary(drawing()), drawn.summary(more))) == [
        "0 line 1 is new"
    ]


def test_saved_pictures_are_recorded_by_path(drawn, tmp_path):
    (tmp_path / "part").mkdir()
    with drawn.recorded(tmp_path) as found:
        drawing().savefig(tmp_path / "part" / "a.png")
    assert found == {"part/a.png": {"drawn": drawn.summary(drawing())}}
    drawing().savefig(tmp_path / "b.png")
    assert list(found) == ["part/a.png"]


def test_printed_blocks_are_rewritten(figures):
    text = "```python\nx = 2\n```\n\n```python\nprint(x)\n```\n\n```text\n3\n```\n\nEnd.\n"
    again = figures.page_outputs.printed_anew(text, "page")
    assert again == text.replace("\n3\n", "\n2\n")


def test_an_unknown_source_is_named(figures, capsys):
    with pytest.raises(SystemExit):
        figures.main(["--check", "noveltey"])
    assert "there is no source 'noveltey'; there are conditioning, " in capsys.readouterr().err
