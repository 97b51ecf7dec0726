"""docs/troubleshooting.md: all warnings and errors, but for arguments' that explain themselves.

Messages are taken from the source by their syntax trees, with "..." for what is put in.
"""

import ast
import re
from pathlib import Path

import pytest

from pcnet import exceptions

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTES = re.findall(r"^\| `([^`]+)` \|", TEXT, re.M)
#: Errors of arguments explain themselves: by the form that the page describes, or by a remedy.
SELF_EXPLAINING = (" must ", " needs ", "; ", ". ", ": ")
STRICT = (  # of these every message stands on the page
    *("warning", "FloatingPointError", "RuntimeError", "NotImplementedError", "ImportError"),
    *("LinAlgError", "FileNotFoundError", "OSError", "DamagedFile"),
)


def constant(node):
    """The text of an expression of strings."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(constant(part) or "..." for part in node.values)
    if isinstance(node, ast.BinOp):
        return (constant(node.left) or "...") + (constant(node.right) or "...")
    return None


def trees():
    for path in sorted((ROOT / "pcnet").rglob("*.py")):
        if "_demo" not in path.parts and path.name != "__main__.py":
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def name_of(function):
    return ast.unparse(function).split(".")[-1]


def collected():
    """[(class of error or "warning", text)]"""
    found = []
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and name_of(node.func) in ("warn", "_warn") and node.args:
                found.append(("warning", constant(node.args[0])))
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("describe_"):
                returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
                found += [("warning", constant(value)) for value in returned if value]
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                found.append((name_of(node.exc.func), constant(node.exc.args[0])))
    return [(kind, " ".join(text.split())) for kind, text in found if text and text.strip(". :")]


MESSAGES = collected()


def quotes(quote, text):
    """Whether a text contains all parts of a quote, in order."""
    return re.search(".*".join(re.escape(part.strip()) for part in quote.split("...")), text)


def explained(kind, text):
    if any(quotes(quote, text) for quote in QUOTES):
        return True
    return kind not in STRICT and any(part in text for part in SELF_EXPLAINING)


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in MESSAGES}))
def test_every_message_stands_on_the_page(kind):
    assert [text for k, text in MESSAGES if k == kind and not explained(kind, text)] == []


def test_every_quoted_message_is_one_of_the_package():
    assert len(QUOTES) > 70
    texts = [text for _, text in MESSAGES]
    assert [quote for quote in QUOTES if not any(quotes(quote, text) for text in texts)] == []


def test_every_class_of_warnings_and_errors_stands_on_the_page():
    raised = {kind for kind, _ in MESSAGES} & set(dir(__import__("builtins")))
    classes = {*raised, *exceptions.__all__, "ConvergenceWarning", "RuntimeWarning", "MemoryError"}
    assert [name for name in sorted(classes) if f"`{name}`" not in TEXT] == []
