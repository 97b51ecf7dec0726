"""The extensions that build the documentation, without Sphinx; oracles: files and names."""

import ast
import builtins
import importlib
import json
import re
import zlib
from pathlib import Path

import pytest

import pcnet

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def extension(monkeypatch):
    """extension(name): a module of docs/_ext."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    return importlib.import_module


@pytest.fixture
def gallery(extension, tmp_path):
    """gallery(full): all examples, staged."""
    module = extension("staged_gallery")
    return lambda full: module.Gallery(ROOT / "examples", tmp_path, ROOT / "docs", full)


@pytest.mark.parametrize("full", [False, True])
def test_every_example_is_staged_with_a_heading_in_the_order_of_the_readme(gallery, full):
    staged = gallery(full)
    conf = staged.configuration()
    scripts = sorted(staged.scripts.glob("[!_]*.py"))
    examples = sorted((ROOT / "examples").glob("[!_]*.py"))
    assert [path.name for path in scripts] == [path.name for path in examples]
    for path, example in zip(scripts, examples, strict=True):
        lines = ast.get_docstring(ast.parse(path.read_text("utf-8"))).splitlines()
        original = ast.get_docstring(ast.parse(example.read_text("utf-8"))).splitlines()[0]
        assert f"{lines[0]}: {lines[3]}".lower() == original.lower()
        assert lines[1:3] == ["=" * len(lines[0]), ""]
        runs = re.search(conf["filename_pattern"], str(path)) is not None
        assert runs == (full or path.stem == "pictures")
    listed = re.findall(
        r"^\| `(\w+\.py)`", (ROOT / "examples" / "README.md").read_text("utf-8"), re.M
    )
    names = [path.name for path in scripts]
    assert sorted(names, key=conf["within_subsection_order"]) == listed


def test_pages_of_the_gallery_need_no_other_file(gallery):
    """Every name of a staged script is bound in it, and it neither reads options nor `_common`."""
    for path in gallery(full=True).scripts.glob("[!_]*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        nodes = list(ast.walk(tree))
        bound = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
        bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        bound |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        bound |= {(n.asname or n.name).split(".")[0] for n in nodes if isinstance(n, ast.alias)}
        used = {n.id for n in nodes if isinstance(n, ast.Name)}
        assert used - bound <= set(dir(builtins)) | {"__file__"}, path.name
        assert not {"_common", "argparse", "parse", "main"} & (used | bound), path.name


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("[!_]*.py")), ids=lambda p: p.stem)
def test_pages_of_the_gallery_are_narrative(extension, path):
    """Question, method, result with what was printed and drawn, what to change, and links."""
    page = extension("example_scripts").unfold(path)
    assert page.text.count("?") >= 1
    titles = [cell.text.partition("\n")[0] for cell in page.cells if "\n---" in cell.text]
    assert titles == ["Method", "Data and figure", "Settings", "Result", "What to change next"]
    closing = page.cells[-1]
    assert closing.code == ""
    assert re.search(r":(class|func|meth|mod):`pcnet\.", closing.text)
    assert re.search(r":doc:`", closing.text)
    assert max(len(cell.code.splitlines()) for cell in page.cells) <= 75
    steps = [cell for cell in page.cells if cell.step is not None]
    assert (
        sum(cell.code.splitlines()[-1:][0].startswith("draw(") for cell in steps if cell.code) == 1
    )
    printed = json.loads((ROOT / "docs" / "images" / "printed.json").read_text("utf-8"))[path.stem]
    assert len(printed) == len(steps)
    assert any(printed)
    drawn = json.loads((ROOT / "docs" / "images" / "drawn.json").read_text("utf-8"))
    for panel in drawn[f"{path.stem}.png"]["panels"]:
        left, top, right, bottom = panel["box"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert panel["title"]


SCRIPT = '''"""Title: what it shows.

Question?
"""

from _common import execute, save

# %%
# Method

N = 3


def draw(path):
    return save("picture", path)


def run(path, depth=N):
    """Compute."""
    # %%
    # Result

    print("depth", depth)

    # %%
    # And the figure:

    draw(path)

    # %%
    # Next

    return {"depth": depth}


def main():
    execute(run, __doc__, "a.png", depth=N)
'''
COMMON = '''"""Shared."""

import argparse
from pathlib import Path

SUFFIX = " in colour"


def save(figure, path):
    Path(path).write_text(figure + SUFFIX)
    return figure


def execute(run):
    return argparse
'''


def test_a_script_becomes_cells_with_what_they_printed(extension, tmp_path):
    (tmp_path / "a.py").write_text(SCRIPT)
    (tmp_path / "_common.py").write_text(COMMON)
    scripts, module = extension("example_scripts"), extension("staged_gallery")
    page = scripts.unfold(tmp_path / "a.py")
    assert (page.title, page.shown, page.text) == ("Title", "what it shows", "Question?")
    texts = [cell.text.partition("\n")[0] for cell in page.cells]
    assert texts == [
        "",
        "Method",
        "Data and figure",
        "Settings",
        "Result",
        "And the figure:",
        "Next",
    ]
    assert page.cells[3].code == 'path = "a.png"\ndepth = N'
    assert scripts.compute(page, tmp_path / "a.png") == ({"depth": 3}, ["depth 3\n", "", ""])
    assert (tmp_path / "a.png").read_text() == "picture in colour"
    blocks = [f".. code-block:: Python\n\n    {cell.code}\n\n" for cell in page.cells if cell.code]
    shown = module.with_outputs("".join(blocks), page, ["depth 3\n", "", ""], "PANELS\n")
    assert (
        shown.index("    print(") < shown.index("    depth 3\n") < shown.index("    draw(path)\n")
    )
    assert shown.endswith("PANELS\n")
    assert shown.count("sphx-glr-script-out") == shown.count("PANELS") == 1
    with pytest.raises(ValueError, match="5 cells of code, 4 blocks"):
        module.with_outputs("".join(blocks[1:]), page, ["", "", ""], "")


def test_notebooks_name_pages_and_classes_without_roles(extension):
    text = "See :class:`pcnet.PCClassifier`, :doc:`/depth`, :doc:`memory` and ``width``."
    assert extension("staged_gallery").markdown(text) == (
        "See `pcnet.PCClassifier`, `docs/depth.md`, `examples/memory.py` and `width`."
    )


def test_a_script_without_title_is_refused(extension, tmp_path):
    (tmp_path / "bare.py").write_text("import pcnet\n")
    with pytest.raises(ValueError, match=r"bare\.py must open with a docstring"):
        extension("example_scripts").unfold(tmp_path / "bare.py")


def test_every_public_name_has_one_place_in_the_reference(extension):
    found = extension("api_pages").inventory()
    modules = {f"pcnet.{n}" for n in pcnet.__all__ if f"pcnet.{n}" in found} | {"pcnet"}
    assert set(found) == modules
    for module_name in found:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            places = [
                other
                for other, kinds in found.items()
                for names in kinds.values()
                if name in names and getattr(importlib.import_module(other), name) is value
            ]
            assert f"{module_name}.{name}" in found or len(places) == 1, (module_name, name)


def test_inventories_are_what_intersphinx_reads(extension, tmp_path):
    module = extension("inventories")
    mapping = module.mapping(ROOT / "docs" / "inventories", tmp_path)
    assert set(mapping) == {path.stem for path in (ROOT / "docs" / "inventories").glob("*.txt")}
    for name, (address, inventory) in mapping.items():
        assert address.startswith("https://")
        header, body = Path(inventory).read_bytes().split(b"compressed using zlib.\n")
        assert header.startswith(b"# Sphinx inventory version 2\n# Project: ")
        lines = zlib.decompress(body).decode("utf-8").splitlines()
        assert all(module.LINE.fullmatch(line) for line in lines)
        text = ROOT / "docs" / "inventories" / f"{name}.txt"
        assert module.differences(text, Path(inventory)) == {}


@pytest.fixture
def index(extension):
    return extension("link_index").Index()


@pytest.mark.parametrize(
    "code, page, place",
    [
        ("PCClassifier", "data", "pcnet.PCClassifier"),
        ("pcnet.theory.linearize(net, X)", "data", "pcnet.theory.linearize"),
        ("partial_fit", "data", "pcnet.PCClassifier.partial_fit"),
        ('output_precision="auto"', "data", "pcnet.PCClassifier.output_precision"),
        ('history_["loss"]', "data", "pcnet.PCClassifier.history_"),
        ("validation_data", "data", "pcnet.PCClassifier.fit"),
        ("inference__rate", "data", "pcnet.PCClassifier.inference"),
        ("model.network_.weights[0] = W", "data", "pcnet.Network.weights"),
        ("tol", "data", "pcnet.PCClassifier.tol"),
        ("tol", "inference", "pcnet.inference.ErrorDescent.tol"),
        ('"exact"', "data", "pcnet.inference.ExactEquilibrium"),
    ],
)
def test_code_leads_to_the_name_it_means(index, code, page, place):
    assert index.find(code, page)[1] == place


def test_short_names_belong_to_the_class_named_before(index):
    found = index.find("from_estimator(model)", "pictures", ["LayerErrorDisplay"])
    assert found[1] == "pcnet.display.LayerErrorDisplay.from_estimator"


@pytest.mark.parametrize(
    "code, target",
    [
        ("examples/depth.py", ("gallery/depth", "")),
        ("python benchmarks/tables.py FOLDER", ("benchmarks", "real-tables-tablespy-folder")),
        ("benchmarks/log_loss.py", ("benchmarks", "")),
        ("docs/ten-pages/index.md", ("ten-pages/index", "")),
        ("tests/reference.py", None),
        ("infer_something", None),
        ("X @ W", None),
    ],
)
def test_code_leads_to_pages(index, code, target):
    assert index.find(code, "data") == target


def test_code_leads_to_scikit_learn(index):
    address = index.find("MLPClassifier", "data")
    assert address.startswith("https://scikit-learn.org/stable/modules/generated/sklearn.neural_")


def test_every_public_name_in_the_pages_gets_a_link(extension, index):
    links = extension("link_index")
    names = {*index.classes, *index.places}
    unlinked = []
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
        for code in re.findall(r"(?<!`)`([^`\n]+)`", text):
            match = links.IDENTIFIER.match(code) if "/" not in code else None
            if match and match[1] in names and (page, match[1]) not in links.OTHERS:
                unlinked += [(page, code)] if index.find(code, page) is None else []
    assert unlinked == []


@pytest.mark.parametrize(
    "text, latex",
    [
        (
            "z_l <- z_l - rate dF/dz_l",
            r"z _{l} \leftarrow z _{l} - \operatorname{rate} \partial F / \partial z _{l}",
        ),
        ("F* = 1/2 r S^-1 r^T", r"F ^* = \tfrac12 r S ^{-1} r ^{\top}"),
        ("S = I / lambda + sum_l P_l^T P_l", r"S = I / \lambda + \sum _{l} P _{l} ^{\top} P _{l}"),
        (
            "||v|| <= tol |e_l|^2",
            r"\lVert v \rVert \le \operatorname{tol} \lvert e _{l} \rvert ^{2}",
        ),
        (
            "dW_l = a_l f_l(z^0_{l-1})^T e_l",
            r"\mathrm{d} W _{l} = a _{l} f _{l} ( z ^{0} _{l-1} ) ^{\top} e _{l}",
        ),
        ("W_1..W_L", r"W _{1} \ldots W _{L}"),
        ("d mu_L / d z_l", r"\partial \mu _{L} / \partial z _{l}"),
        ("loss * 2 z_l", r"\operatorname{loss} \cdot 2 z _{l}"),
        ("a_l = 1/sqrt(N L)", r"a _{l} = 1 / \sqrt{N L}"),
        ("A^-T v", r"A ^{-\top} v"),
        ("F(z^) - 1/2 g I^-1 g", r"F ( \hat{z} ) - \tfrac12 g I ^{-1} g"),
    ],
)
def test_formulas_of_docstrings_become_latex(extension, text, latex):
    assert extension("formulas").to_latex(text) == latex


@pytest.mark.parametrize(
    "text",
    [
        *("beta_1", "alpha / 2", "y = x", "n_samples", "infer(net, X)", "x ** 2"),
        *("slices[l - 1].start + n_l", "||open", "unknown^2", '"a_l"', "ceil(n_samples / batch)"),
    ],
)
def test_code_of_docstrings_stays_code(extension, text):
    assert extension("formulas").to_latex(text) is None


@pytest.mark.parametrize(
    "text, formulas",
    [
        ("the response of W_l is A^T A v here", ["W_l", "A^T A v"]),
        ("lambda -> 0, a lambda or (n_{l-1}, n_l)", ["lambda -> 0", "(n_{l-1}, n_l)"]),
        (
            "Without decay H_z^-1 costs, + decay I - diag(f(z_l))",
            ["H_z^-1", "decay I - diag(f(z_l))"],
        ),
        ("dF/dz_1..dF/dz_H and d^2F* / dW_L^2.", ["dF/dz_1..dF/dz_H", "d^2F* / dW_L^2"]),
        ("y - softmax(mu) (log_loss), F*/lambda", ["y - softmax(mu)", "F*/lambda"]),
        ("A step of a layer, I say: n_samples, W_l.size, x.T, 3 layers, eps_like", []),
    ],
)
def test_formulas_are_found_in_prose(extension, text, formulas):
    module = extension("formulas")
    parts = list(module.split(text))
    assert [part for part, formula in parts if formula] == [module._latex(f) for f in formulas]
    assert "".join(part for part, formula in parts if not formula) in text or formulas


def test_no_line_of_a_docstring_reads_as_an_item_of_a_list():
    """reStructuredText makes a list of a line such as "L." alone."""
    found = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "pcnet").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.fullmatch(r" +([A-Za-z]|[ivxlcdm]+|\d{1,2})\.", line)
    ]
    assert found == []


def test_the_reference_describes_every_module(extension):
    module = extension("api_pages")
    described = re.findall(
        r"^- :py:mod:`(\S+)`: (.{20,})$", module.index_page(module.inventory()), re.M
    )
    assert [name for name, _ in described] == module.public_modules()
