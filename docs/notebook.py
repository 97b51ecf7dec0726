"""Makes a Jupyter notebook of a page: its text, its Python blocks as cells, its pictures inside.

python docs/notebook.py docs/teach.md exercise.ipynb --start Exercises --until Solutions
"""

import argparse
import base64
import json
import re
from pathlib import Path

BLOCK = re.compile(r"^```(\w*|\{\w+\})\n(.*?)^```$\n?", flags=re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+\.png)\)")


def notebook(page, start=None, until=None):
    """The notebook of a page as JSON's objects, from one heading to before another if given.

    Printed output and tables of contents are left out.
    """
    text = page.read_text(encoding="utf-8")
    if until is not None:
        text = text[: _place(text, until)]
    if start is not None:
        text = text[_place(text, start) :]
    cells, prose, end = [], "", 0
    for block in BLOCK.finditer(text):
        prose += text[end : block.start()]
        end = block.end()
        if block[1] == "python":
            cells += [*_prose_cells(prose, page), _cell("code", block[2])]
            prose = ""
        elif block[1] != "text" and not block[1].startswith("{"):
            prose += block[0]
    cells += _prose_cells(prose + text[end:], page)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}


def _place(text, heading):
    """Where the line of a heading begins."""
    prose = BLOCK.sub(lambda block: " " * len(block[0]), text)  # comments are no headings
    places = {found[1]: found.start() for found in re.finditer(r"(?m)^#+ (.+)$", prose)}
    if heading not in places:
        raise ValueError(f"{heading!r} is no heading of the page; it has {list(places)}")
    return places[heading]


def _prose_cells(text, page):
    """A cell for each section of a text, with its pictures attached; none for blank text."""
    for part in re.split(r"(?m)^(?=#+ )", text):
        pictures = {Path(name).name: page.parent / name for _, name in PICTURE.findall(part)}
        part = PICTURE.sub(lambda found: f"![{found[1]}](attachment:{Path(found[2]).name})", part)
        attached = {
            name: {"image/png": base64.b64encode(path.read_bytes()).decode()}
            for name, path in pictures.items()
        }
        if part.strip():
            yield _cell("markdown", part) | ({"attachments": attached} if attached else {})


def _cell(kind, text):
    cell = {"cell_type": kind, "metadata": {}, "source": text.strip().splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path, help="a Markdown file of docs/")
    parser.add_argument("notebook", type=Path, help="the file to write, such as exercise.ipynb")
    parser.add_argument("--start", metavar="HEADING", help="leave out what is above this heading")
    parser.add_argument("--until", metavar="HEADING", help="leave out this heading and the rest")
    arguments = parser.parse_args()
    try:
        made = notebook(arguments.page, arguments.start, arguments.until)
    except ValueError as error:
        parser.error(str(error))
    arguments.notebook.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
