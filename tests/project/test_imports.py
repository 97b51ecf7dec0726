"""Imports point one way, and only the binding includes the C header."""

import ast
import functools
import graphlib
import re
import subprocess
import sys
from pathlib import Path

from ..helpers import all_points

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pcnet"

# A module may import modules of its own layer or of lower ones. A new module needs a line here.
LAYERS = [
    {"_version", "_checks", "_lazy", "_options", "_random", "_types", "_warnings", "exceptions"},
    {"_core"},
    {"_data", "_objective", "_saved_state", "losses", "solvers", "schedules", "callbacks"},
    {"network", "_network_checks", "_network_core", "parameterization"},
    {"inference"},
    {"_training", "_prediction", "theory"},
    {"generative"},
    {"_estimators"},
    {"serving", "display", "dask"},
    {"", "_show_versions", "_demo", "__main__"},  # "" is pcnet/__init__.py
]
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}


def dotted_name(path):
    """Name below pcnet: "" for pcnet/__init__.py, "inference" for pcnet/inference/__init__.py."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {dotted_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
COMPILED = {dotted_name(path) for path in PACKAGE.rglob("*.pyx")}


@functools.cache
def syntax_tree(name):
    """A module's syntax tree without imports for annotations alone, which do not run."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


@functools.cache
def imported_modules(name, at_import_only=False):
    """Names (without the leading "pcnet.") of the package's own modules that a module imports."""
    tree = syntax_tree(name)
    nodes = tree.body if at_import_only else ast.walk(tree)
    is_package = MODULES[name].name == "__init__.py"
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = ["pcnet", *name.split(".")] if name else ["pcnet"]
                cut = node.level - 1 if is_package else node.level
                base = ".".join([*parents[: len(parents) - cut], *filter(None, [base])])
            # "from pcnet import x" may name a module or a thing in __init__
            found |= {f"{base}.{alias.name}" for alias in node.names}
    ours = set()
    for dotted in found:
        if dotted == "pcnet":
            ours.add("")
        elif dotted.startswith("pcnet."):
            ours.add(longest_known(dotted.removeprefix("pcnet.")))
    return ours - {name}


def longest_known(dotted):
    while dotted and dotted not in MODULES and dotted not in COMPILED:
        dotted = dotted.rpartition(".")[0]
    return dotted


def layer(name):
    return LAYER_OF[name.split(".")[0]]


@all_points("name", MODULES)
def test_every_module_has_a_layer(name):
    assert name.split(".")[0] in LAYER_OF, f"say in LAYERS where pcnet.{name} belongs"


@all_points("name", MODULES)
def test_imports_point_to_lower_layers(name):
    upward = {other for other in imported_modules(name) if layer(other) > layer(name)}
    assert not upward, f"pcnet.{name} imports from a higher layer: {sorted(upward)}"


MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 450, 60, 8


@all_points("name", MODULES)
def test_modules_and_functions_are_small(name):
    """Docstrings do not count in a function; constructors of estimators may have any length."""
    assert MODULES[name].read_text(encoding="utf-8").count("\n") <= MOST_LINES
    for node in ast.walk(syntax_tree(name)):
        if not isinstance(node, ast.FunctionDef) or is_constructor_of_an_estimator(name, node):
            continue
        docstring = node.body[0] if ast.get_docstring(node) else None
        lines = node.end_lineno - node.lineno + 1
        if docstring is not None:
            lines -= docstring.end_lineno - docstring.lineno + 1
        assert lines <= MOST_FUNCTION_LINES, node.name
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = {argument.arg for argument in arguments} - {"self", "cls"}
        assert len(names) <= MOST_PARAMETERS, node.name


def is_constructor_of_an_estimator(name, node):
    modules = {
        f"_estimators.{kind}" for kind in ("classifier", "generative", "imputer", "regressor")
    }
    return name in modules and node.name == "__init__"


@all_points(
    "path",
    [
        *(ROOT / "csrc").rglob("*.[ch]"),
        *(ROOT / "csrc").glob("*.inc"),
        *PACKAGE.rglob("*.p[xy][xdi]"),
    ],
)
def test_sources_of_the_core_are_small(path):
    if path.parent.name != "tests":
        assert path.read_text(encoding="utf-8").count("\n") <= MOST_LINES


def test_only_pcnet_dask_imports_dask():
    for name, path in MODULES.items():
        if name.split(".")[0] != "dask":
            text = path.read_text("utf-8")
            found = re.findall(r"^\s*(?:import|from) (?:dask|distributed)\b", text, re.M)
            assert not found, name


def test_no_import_cycle():
    graph = {name: imported_modules(name, at_import_only=True) & set(MODULES) for name in MODULES}
    # a package's __init__ gathers its own modules, which need not import it
    list(graphlib.TopologicalSorter(graph).static_order())


def test_reference_does_not_import_the_core():
    seen, todo = set(), {"_core.reference"}
    while todo:
        name = todo.pop()
        seen.add(name)
        if name in MODULES:
            todo |= imported_modules(name) - seen
    assert "_core.binding" not in seen


def test_only_the_binding_includes_the_c_header():
    files = [path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".pyx", ".pxd", ".pxi"}]
    seeing = {path.name for path in files if re.search(r"extern from \"pcnet", path.read_text())}
    assert seeing == {"core.pxd"}


def test_c_core_does_not_include_python():
    files = [*(ROOT / "csrc").glob("*"), *(ROOT / "csrc" / "builds").glob("*")]
    sources = [path for path in files if path.suffix in {".c", ".h", ".inc"}]
    assert sources
    forbidden = re.compile(r"Python\.h|\b(malloc|calloc|realloc|printf|exit|abort|rand)\s*\(")
    hits = {path.name: forbidden.findall(without_comments(path)) for path in sources}
    assert not {name: found for name, found in hits.items() if found}


def without_comments(path):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_source_folder_without_core_gives_remedy(tmp_path):
    for path in MODULES.values():
        copy = tmp_path / "pcnet" / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    found = subprocess.run(
        [sys.executable, "-c", "import pcnet"],
        cwd=tmp_path, env={}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert found.returncode == 1
    assert re.search(r"ImportError: .*pcnet holds pcnet's sources without .* -P; .*", found.stderr)
