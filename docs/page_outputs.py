"""What the Python blocks of the pages print: run them, and rewrite the block of text below each.

tests/project/test_docs.py compares the two with room for rounding.
"""

import contextlib
import io
import os
import re
import tempfile
import warnings

BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
#: Pages whose output depends on the machine: times, memory, threads.
OF_THE_MACHINE = ("resources",)


def rewrite(root):
    """Rewrite the printed blocks of all pages; the pages that have changed."""
    for page in sorted((root / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        languages = [match[1] for match in BLOCK.finditer(text)]
        if "text" not in languages or page.stem in OF_THE_MACHINE:
            continue
        try:
            new = printed_anew(text, page.stem)
        except ImportError as error:  # a page on an optional package
            print(f"left alone: {page.name}, {error}")
            continue
        if new != text:
            page.write_text(new, encoding="utf-8")
            yield page.relative_to(root)


def printed_anew(text, name):
    """The page with what its blocks print now."""
    names, printed = {"__name__": name}, ""

    def renew(match):
        nonlocal printed
        language, block = match.groups()
        if language == "text":
            return f"```text\n{printed.rstrip()}\n```"
        printed = run(block, name, names)
        return match[0]

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        os.environ.setdefault("MPLBACKEND", "agg")
        return BLOCK.sub(renew, text)


def run(block, name, names):
    """What one block prints; its trailing spaces would not survive an editor."""
    with contextlib.redirect_stdout(io.StringIO()) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(block, f"{name}.md", "exec"), names)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
