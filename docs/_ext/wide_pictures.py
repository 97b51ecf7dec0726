"""Marks wide pictures of the pages with the class "wide": on a phone they scroll, see pcnet.css."""

from pathlib import Path

from docutils import nodes

RATIO = 1.4  # width over height, from which on a picture has panels beside each other


def size(path):
    """Width and height of a PNG, from its header."""
    with open(path, "rb") as file:
        head = file.read(24)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def mark(app, doctree):
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir) / image["uri"].lstrip("/")
        if not path.is_file():  # beside its page
            path = Path(app.srcdir) / Path(app.env.docname).parent / image["uri"]
        if path.suffix == ".png" and path.is_file():
            width, height = size(path)
            if width > RATIO * height and width > 1000:
                image["classes"].append("wide")


def setup(app):
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True}
