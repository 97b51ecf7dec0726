"""What inline code of the pages names: `Index` finds the targets of code_links.py without Sphinx.

Targets are the API reference (also a single argument or attribute of a class), scikit-learn's
documentation (the names in docs/inventories), the gallery and other pages.
"""

import importlib
import inspect
import re
from pathlib import Path, PurePosixPath

import api_pages
import inventories

HERE = Path(__file__).resolve().parent
FILES = {
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changes",
    "SECURITY.md": "security",
    "benchmarks/README.md": "benchmarks",
    "examples/": "gallery/index",
}
#: What the pages call objects of these classes.
VARIABLES = {
    "model": "PCClassifier",
    "regressor": "PCRegressor",
    "predictor": "Predictor",
    "net": "Network",
    "network_": "Network",
    "result": "InferenceResult",
    "batch": "Batch",
    "linearization": "Linearization",
    "hessian": "ActivityHessian",
    "spectrum": "Spectrum",
}
#: A short name is that of the class named before it in the same block; on the pages below, of the
#: class named before it in the same section, or of the first class here that has it; or of these:
DEFAULT_CLASSES = ("PCClassifier", "PCRegressor")
SUBJECTS = {
    "callbacks": ["Callback", "Checkpoint"],
    "deploy": ["Predictor"],
    "equilibrium": ["ErrorDescent", "InferenceResult", "ActivityDescent"],
    "experiments": ["Passes", "InferenceMethod", "Batch", "InferenceResult", "Network"],
    "inference": ["ErrorDescent", "InferenceResult", "ActivityDescent"],
    "inference_more": ["InferenceMethod", "GradientFlow", "Nudged", "PrecisionDescent"],
    "jpc": ["Network", "GradientFlow", "ActivityDescent"],
    "pictures": ["TrainingDisplay"],
    "pytorch": ["Network"],
    "theory": ["Spectrum", "ActivityHessian"],
    "ten-pages/01-network": ["Network"],
}
#: Code that only looks like a name of pcnet: PyTorch's, and columns of `history_`.
OTHERS = {
    ("benchmarks", "Adam"),
    ("pytorch", "Linear"),
    ("pytorch", "activation"),
    ("validation", "energy"),
    ("validation", "learning_rate"),
}
#: Pages whose short names are not those of the estimators: of the core, of functions' arguments.
TOP_LEVEL_ONLY = {"core", "contributing", "packaging", "trust", "saddles", "trust_region"}
#: Methods whose arguments are linked, too: to the method.
METHODS_WITH_ARGUMENTS = ("fit", "partial_fit", "score_samples")

IDENTIFIER = re.compile(r"([A-Za-z_][\w.]*?)\.?(?=$|\(|\[|\s?=(?!=))")
SCRIPT = re.compile(r"(?:python )?((?:examples|benchmarks|docs)/[\w/-]+\.(?:py|md))\b")
TERM = re.compile(r"^(\w+(?:, \w+)*) ?(?::|$)")


def documented_names(value):
    """Parameters and attributes that a docstring lists."""
    names, inside = [], False
    lines = (inspect.getdoc(value) or "").splitlines()
    for line, below in zip(lines, [*lines[1:], ""]):
        if below and set(below) == {"-"}:
            inside = line in ("Parameters", "Attributes")
        elif inside and (match := TERM.match(line)) and set(line) != {"-"}:
            names += match[1].split(", ")
    return names


def described_members(cls):
    """Methods and properties with docstrings, as autodoc shows them."""
    found = {name: getattr(cls, name, None) for name in dir(cls) if name[0] != "_"}
    return [
        name for name, value in found.items() if callable(value) or inspect.isdatadescriptor(value)
    ]


def sections_of_scripts(page):
    """The place of the section that has a script's name in its heading, by the script."""
    headings = re.findall(r"^## (.*)", page.read_text(encoding="utf-8"), re.M)
    return {
        script: re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")  # as MyST and GitHub do
        for heading in headings
        for script in re.findall(r"\w+\.py", heading)
    }


class Index:
    """Targets of names: `find(text, page)` is (page, place), an address, or None."""

    def __init__(self):
        self.places, self.members, self.classes, self.addresses = {}, {}, {}, {}
        for module_name, kinds in api_pages.inventory().items():
            self.places[module_name] = (f"api/{module_name}", "")
            module = importlib.import_module(module_name)
            for kind, names in kinds.items():
                for name in names:
                    self._add(module_name, name, kind, getattr(module, name))
        for inventory in sorted((HERE.parent / "inventories").glob("*.txt")):
            address, lines = inventories.read_text(inventory)
            for (name, role), place in inventories.places(lines).items():
                if role.startswith("py:"):
                    place = f"{address}/{place.replace('$', name)}"
                    self.addresses[name] = self.addresses[name.split(".")[-1]] = place
        self.sections = sections_of_scripts(HERE.parents[1] / "benchmarks" / "README.md")
        methods = importlib.import_module("pcnet.inference").METHODS
        self.methods = {name: cls.__name__ for name, cls in methods.items()}

    def _add(self, module_name, name, kind, value):
        full = f"{module_name}.{name}"
        page = f"api/{module_name}" if kind == "Values" else f"api/{full}"
        self.places[full] = self.classes[name] = (page, full)
        if kind in ("Classes", "Exceptions"):
            for member in [*documented_names(value), *described_members(value)]:
                self.members.setdefault(member, {}).setdefault(name, (page, f"{full}.{member}"))
        for method in METHODS_WITH_ARGUMENTS if name in DEFAULT_CLASSES else ():
            for argument in documented_names(getattr(value, method, None)):
                if argument not in ("X", "y"):
                    self.members.setdefault(argument, {}).setdefault(
                        name, (page, f"{full}.{method}")
                    )

    def find(self, text, page, near=()):
        """Where inline code of a page leads; `near` are classes named before, last one first."""
        if file := self.find_file(text):
            return file
        if text[0] == '"' == text[-1] and text.strip('"') in self.methods:
            return self.classes[self.methods[text.strip('"')]]
        match = IDENTIFIER.match(text)
        if not match or (page, match[1]) in OTHERS:
            return None
        return self._name(match[1], page, near)

    def find_file(self, text, page=None, near=()):
        """The page of a file that code names."""
        if text in FILES:
            return FILES[text], ""
        match = SCRIPT.match(text)
        if not match:
            return None
        path = PurePosixPath(match[1])
        folder = path.parts[0]
        if folder == "examples" and path.suffix == ".py" and path.stem[0] != "_":
            return f"gallery/{path.stem}", ""
        if folder == "benchmarks":
            return "benchmarks", self.sections.get(path.name, "")
        if folder == "docs" and path.suffix == ".md" and path.stem != "README":
            return path.relative_to("docs").with_suffix("").as_posix(), ""
        return None

    def _name(self, name, page, near):
        *owners, last = name.split(".")
        for known in (self.places, self.classes, self.addresses):
            if name in known:
                return known[name]
        if owners:
            owner = VARIABLES.get(owners[-1], owners[-1])
            return self.members.get(last, {}).get(owner)
        if page in TOP_LEVEL_ONLY:
            return None
        found = self.members.get(last.split("__")[0], {})
        for cls in (*near, *SUBJECTS.get(page, ()), *DEFAULT_CLASSES):
            if cls in found:
                return found[cls]
        return None
