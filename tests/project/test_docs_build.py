"""The extensions that build the documentation, without Sphinx; oracles: files and names."""

import ast
import importlib
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
def stage_all(extension, tmp_path):
    def run(full):
        module = extension("staged_gallery")
        conf = module.configuration(
            ROOT / "examples", tmp_path, ROOT / "docs" / "images", full=full
        )
        return conf, sorted((tmp_path / "scripts").glob("[!_]*.py"))

    return run


@pytest.mark.parametrize("full", [False, True])
def test_every_example_is_staged_with_a_heading(stage_all, full):
    conf, staged = stage_all(full)
    examples = sorted((ROOT / "examples").glob("[!_]*.py"))
    assert [path.name for path in staged] == [path.name for path in examples]
    for path, example in zip(staged, examples, strict=True):
        lines = ast.get_docstring(ast.parse(path.read_text("utf-8"))).splitlines()
        original = ast.get_docstring(ast.parse(example.read_text("utf-8"))).splitlines()[0]
        assert f"{lines[0]}: {lines[3]}".lower() == original.lower()
        assert lines[1:3] == ["=" * len(lines[0]), ""]
        runs = re.search(conf["filename_pattern"], str(path)) is not None
        assert runs == (full or path.stem == "pictures")
        assert runs != (".. image:: " in path.read_text("utf-8"))


def test_a_script_without_title_is_refused(extension, tmp_path):
    (tmp_path / "bare.py").write_text("import pcnet\n")
    with pytest.raises(ValueError, match=r"bare\.py must open with a docstring"):
        extension("staged_gallery").stage(
            tmp_path / "bare.py", tmp_path / "out.py", tmp_path / "none.png", runs=False
        )


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


def test_the_reference_describes_every_module(extension):
    module = extension("api_pages")
    described = re.findall(
        r"^- :py:mod:`(\S+)`: (.{20,})$", module.index_page(module.inventory()), re.M
    )
    assert [name for name, _ in described] == module.public_modules()
