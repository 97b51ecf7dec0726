"""The scripts of examples/ as pages: `unfold` makes cells of text and code of one, without Sphinx.

A script begins with a docstring, "Title: what it shows." and more; comments that begin with "# %%"
start a new cell. Its last function is `run`, which computes, prints and draws; `main` reads the
command line. The page has no command line: the cells of `run` stand at top level, its arguments
become settings, and what the script imports from examples/_common.py stands in a cell of its own.
So a page, and the notebook and script to download, need no other file.
"""

import ast
import contextlib
import io
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

HELPERS = """Data and figure
---------------
What all examples share, from ``examples/_common.py``."""
SETTINGS = """Settings
--------
These are the options of ``python examples/{name}.py``; ``path`` is that of the figure."""


@dataclass
class Cell:
    """Text in reStructuredText, and the code below it; `step` counts the cells of `run`."""

    text: str
    code: str
    step: int | None = None


@dataclass
class Page:
    """A script's title, what it shows, the text of its docstring, cells, and result of `run`."""

    name: str
    title: str
    shown: str
    text: str
    cells: list
    result: str


def unfold(script):
    """The page of a script."""
    source = script.read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    docstring = tree.body[0]
    if not isinstance(docstring, ast.Expr) or not isinstance(docstring.value, ast.Constant):
        raise ValueError(f"{script.name} must open with a docstring: 'Title: what it shows.'")
    first, _, text = docstring.value.value.partition("\n")
    title, _, shown = first.strip().rstrip(".").partition(": ")
    if not shown:
        raise ValueError(f"{script.name} must begin with 'Title: what it shows.'; got {first!r}")
    run = next(node for node in tree.body if getattr(node, "name", None) == "run")
    kept = list(range(docstring.end_lineno, run.lineno - 1))
    taken = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "_common":
            taken = [alias.name for alias in node.names]
            kept = [k for k in kept if not node.lineno - 1 <= k < node.end_lineno]
    head = cells_of("\n".join(lines[k] for k in kept))
    helpers = Cell(HELPERS, excerpt(script.with_name("_common.py"), taken))
    steps, result = body_of(run, lines)
    for index, cell in enumerate(steps):
        cell.step = index
    settings = [f'path = "{script.stem}.png"', *settings_of(run)]
    text_of_settings = SETTINGS.format(name=script.stem)
    cells = [*head, helpers, Cell(text_of_settings, "\n".join(settings)), *steps]
    return Page(script.stem, title, shown, text.strip(), cells, result)


def cells_of(source):
    """Cells of code in which "# %%" begins a text."""
    found = []
    for chunk in re.split(r"^# %%\n", source, flags=re.M):
        text = re.match(r"(?:#.*\n?)*", chunk)[0] if found else ""
        code = chunk[len(text) :].strip()
        found.append(Cell(re.sub(r"^# ?", "", text, flags=re.M).strip(), code))
    return found


def settings_of(run):
    """An assignment for each argument of `run` but the path of the figure."""
    names = [argument.arg for argument in run.args.args]
    defaults = [ast.unparse(value) for value in run.args.defaults]
    return [f"{name} = {value}" for name, value in zip(names[1:], defaults, strict=True)]


def body_of(run, lines):
    """The cells of `run`'s body, and the expression that it returns."""
    docstring, last = run.body[0], run.body[-1]
    if not isinstance(last, ast.Return):
        raise ValueError(f"run must end with a return; line {last.lineno} is something else")
    source = textwrap.dedent("\n".join(lines[docstring.end_lineno : last.lineno - 1]))
    return cells_of(source)[1:], ast.unparse(last.value)


def excerpt(module, names):
    """Source of these names of a module, with what they need of it, without `parse`."""
    source = module.read_text(encoding="utf-8")
    tree, lines = ast.parse(source), source.splitlines()
    places = {name: node for node in tree.body[1:] for name in bound_by(node)}
    wanted, todo = set(), [name for name in names if name != "execute"]
    while todo:
        name = todo.pop()
        if name in places and places[name] not in wanted:
            wanted.add(places[name])
            todo += [n.id for n in ast.walk(places[name]) if isinstance(n, ast.Name)]
    parts = []
    for node in sorted(wanted, key=lambda node: node.lineno):
        start = node.lineno - 1
        while lines[start - 1].startswith("#"):
            start -= 1
        is_import = isinstance(node, ast.Import | ast.ImportFrom)
        gap = "" if is_import else "\n" if isinstance(node, ast.Assign) else "\n\n"
        parts.append(gap + "\n".join(lines[start : node.end_lineno]))
    return "\n".join(parts).strip()


def bound_by(node):
    """Names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    targets = [t for target in getattr(node, "targets", ()) for t in ast.walk(target)]
    return [t.id for t in targets if isinstance(t, ast.Name)]


def compute(page, figure):
    """Run a page's code; return the result of its `run` and what each step printed.

    Parameters
    ----------
    page : Page
    figure : Path
        Where it draws.
    """
    variables, printed = {"__name__": f"examples.{page.name}"}, []
    for cell in page.cells:
        code = compile(cell.code, f"{page.name}, cell: {cell.text.partition(chr(10))[0]}", "exec")
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, variables)
        if cell.step is not None:
            printed.append(output.getvalue())
        variables["path"] = Path(figure)
    return eval(page.result, variables), printed
