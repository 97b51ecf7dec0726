"""docs/notebook.py makes notebooks of pages: their text, code and pictures, in order."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def made(path, *arguments):
    """The notebook that the command writes."""
    command = [sys.executable, DOCS / "notebook.py", *arguments[:1], path, *arguments[1:]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(path.read_text()) if result.returncode == 0 else result.stderr


def of_kind(book, kind):
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == kind]


def test_a_notebook_has_the_page_s_code_and_pictures(tmp_path):
    page = DOCS / "ten-pages" / "03-settling.md"
    book = made(tmp_path / "page.ipynb", page)
    code = of_kind(book, "code")
    assert code
    assert all(f"```python\n{cell}\n```" in page.read_text() for cell in code)
    texts = [cell for cell in book["cells"] if cell["cell_type"] == "markdown"]
    pictures = [cell["attachments"] for cell in texts if "attachments" in cell]
    [picture] = pictures[0].values()
    drawn = DOCS / "images" / "ten-pages" / "settling.png"
    assert base64.b64decode(picture["image/png"]) == drawn.read_bytes()
    assert "attachment:settling.png" in "".join(of_kind(book, "markdown"))
    assert "```text" not in "".join(of_kind(book, "markdown"))


def test_students_get_the_exercises_and_teachers_the_solutions(tmp_path):
    page = DOCS / "teach.md"
    exercises = made(tmp_path / "a.ipynb", page, "--start", "Exercises", "--until", "Solutions")
    headings = [text.splitlines()[0] for text in of_kind(exercises, "markdown")]
    assert headings[0] == "## Exercises"
    assert len(headings) == 9
    assert len(of_kind(exercises, "code")) == 1  # the imports
    solutions = made(tmp_path / "b.ipynb", page, "--start", "Exercises")
    text = "".join(of_kind(solutions, "markdown"))
    assert all(f"### Solution {n}\n" in text for n in range(1, 9))


@pytest.mark.parametrize("option", ["--start", "--until"])
def test_an_unknown_heading_is_refused_with_the_ones_there_are(option, tmp_path):
    message = made(tmp_path / "a.ipynb", DOCS / "teach.md", option, "Answers")
    assert "'Answers' is no heading" in message
    assert "'Solutions'" in message
