"""Puts MathJax beside the pages, from the package sphinx-mathjax-offline: no network needed.

Of its 24 MB the pages use one script, its fonts and the extensions that it may load.
"""

from importlib.util import find_spec
from pathlib import Path
from shutil import copytree

PARTS = ("output/chtml/fonts/woff-v2", "input/tex/extensions")


def copy_mathjax(app, error):
    if error is not None or app.builder.format != "html":
        return
    source = Path(find_spec("sphinx-mathjax-offline").origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    (target / "tex-chtml.js").write_bytes((source / "tex-chtml.js").read_bytes())
    for part in PARTS:
        copytree(source / part, target / part, dirs_exist_ok=True)


def setup(app):
    app.connect("build-finished", copy_mathjax)
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    return {"parallel_read_safe": True}
