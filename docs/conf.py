"""Sphinx configuration; docs/README.md says how to build."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE)]

import inventories  # noqa: E402
import staged_gallery  # noqa: E402

import pcnet  # noqa: E402

project = "pcnet"
copyright = "pcnet developers"
author = "pcnet developers"
version = release = pcnet.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "code_links",
    "formulas",
    "offline_mathjax",
    "wide_pictures",
]
root_doc = "index"
exclude_patterns = ["README.md", "_ext", "_templates", "gallery/*.py", "gallery/*.ipynb"]

# ---------------------------------------------------------------- Markdown

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # functions in the gallery's configuration

# ---------------------------------------------------------------- API

autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*")]  # `single backticks` are mostly arguments
doctest_test_doctest_blocks = "default"  # the docstrings' examples; those of docs/*.md: tests/

intersphinx_mapping = inventories.mapping(
    HERE / "inventories", HERE.parent / "build" / "inventories"
)

# ---------------------------------------------------------------- gallery

gallery = staged_gallery.Gallery(
    examples=HERE.parent / "examples",
    staging=HERE.parent / "build" / "gallery",
    docs=HERE,
    full=os.environ.get("PCNET_GALLERY", "small") == "full",
)
sphinx_gallery_conf = gallery.configuration()


def setup(app):
    app.connect("builder-inited", gallery.finish, priority=900)  # after sphinx-gallery


# ---------------------------------------------------------------- HTML

copybutton_selector = "div.highlight-python pre, div.highlight-bash pre"  # not what is printed

html_theme = "pydata_sphinx_theme"
html_title = "pcnet"
html_static_path = ["_static"]
html_css_files = ["pcnet.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"start": []}  # it has no pages below it: the sidebar would be a title alone
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
