"""Tests watch what pcnet does; what they replace for that is listed here."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

# What tests may replace, with the reason. Nothing of the package is among it: a test can watch what
# is public, let a real call fail, or pass an object of a public class that records or fails.
ALLOWED = {
    "claims.CLAIMS": "the passages that docs/_ext checks: the tests have a page of their own",
    "importlib.metadata.version": "a required package that is missing",
    "kind.toarray": "a method of SciPy that predictions of sparse rows must not call",
    "pickle.*": "whether a file is read by pickle cannot be seen from outside",
    "release.ROOT": "the folder that wheels/release.py checks: the tests have one of their own",
    "script.run": "the computation of an example, of which only the command line is checked",
    "sys.argv": "the command line",
    "sys.modules": "an optional package that is missing, or a build tool that is not run",
    "time.monotonic": "a clock: with the real one, tests would wait and times would be inexact",
    "time.perf_counter": "a clock",
}


def replaced(tree):
    """Yield what a module replaces, such as "time.monotonic"; "*" is a name in a variable."""
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    yield from ("mock" for node in imports if "mock" in ast.unparse(node))
    modules = {name.asname or name.name.split(".")[0] for node in imports for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            place = ast.unparse(node)
            if place.split(".")[0] in modules:
                yield place
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _by_call(node.func.attr, *node.args)


def _by_call(function, target=None, name=None, *_):
    if function in ("setitem", "delitem"):
        yield ast.unparse(target)
    elif function in ("setattr", "delattr"):
        if isinstance(target, ast.Constant):  # the whole place as a text
            yield target.value
        else:
            name = name.value if isinstance(name, ast.Constant) else "*"
            yield f"{ast.unparse(target)}.{name}"


def test_tests_replace_only_what_the_table_allows():
    found = {}
    for path in sorted(TESTS.rglob("*.py")):
        for place in replaced(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(place, path.relative_to(TESTS).as_posix())
    new = {place: file for place, file in found.items() if place not in ALLOWED}
    assert not new, f"these tests replace a part of a module; watch what is public: {new}"
    assert set(found) == set(ALLOWED), "the table has lines that no test needs"


@pytest.mark.parametrize(
    "code, place",
    [
        (
            'patched.setattr(pcnet._training.start, "Trainer", None)',
            "pcnet._training.start.Trainer",
        ),
        ('patched.setattr("pcnet._data.rows.SIZE", 1)', "pcnet._data.rows.SIZE"),
        ("import pcnet\npcnet._data.rows.SIZE = 1", "pcnet._data.rows.SIZE"),
        ("from pcnet._training import start as s\ndel s.Trainer", "s.Trainer"),
        ("from unittest.mock import patch", "mock"),
        ('monkeypatch.delitem(table, "adam")', "table"),
    ],
)
def test_replaced_parts_are_found(code, place):
    assert list(replaced(ast.parse(code))) == [place]
