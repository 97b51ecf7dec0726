"""Marks pictures with panels beside each other: on a phone they scroll, see pcnet.css.

The class is "wide", or "medium" for those of the ten pages with their larger letters. A picture
with a width becomes a link to its file, where small letters can be read at full size.
"""

from pathlib import Path

RATIO = 1.4  # width over height, from which on a picture has panels beside each other


def size(path):
    """Width and height of a PNG, from its header."""
    with open(path, "rb") as file:
        head = file.read(24)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def mark(app, doctree):
    from docutils import nodes

    for image in doctree.findall(nodes.image):
        if "width" in image:  # a panel of the gallery
            continue
        path = Path(app.srcdir) / image["uri"].lstrip("/")
        if not path.is_file():  # beside its page
            path = Path(app.srcdir) / Path(app.env.docname).parent / image["uri"]
        if path.suffix == ".png" and path.is_file():
            width, height = size(path)
            if width > RATIO * height and width > 900:
                image["classes"].append("wide" if width > 1000 else "medium")
                image["width"] = "100%"


def setup(app):
    app.connect("doctree-read", mark)
    return {"parallel_read_safe": True}
