"""The gallery: every script of examples/, as it is, through sphinx-gallery.

The scripts are plain: a docstring whose first line is "Title: what it shows.", and `parse` of
examples/_common.py for the command line. sphinx-gallery wants a heading in the docstring and
figures of pyplot; so copies of the scripts get the heading, and a scraper takes the figure from
where `--output` said.

Two sizes: "full" runs every script, for pages to publish. "small", the default, runs the quick
one and shows for the others the figure that is kept in docs/images, which the script itself drew.
"""

import ast
import shutil
from pathlib import Path

QUICK = ("pictures",)


def figure_of(script):
    """Where a staged script writes its figure, from the folder of the scripts."""
    return Path("..", "figures", f"{Path(script).stem}.png")


class Scraper:
    """Takes the figure that a script wrote."""

    def __repr__(self):  # part of the configuration that Sphinx compares between builds
        return "Scraper()"

    def __call__(self, block, block_vars, gallery_conf):
        from sphinx_gallery.scrapers import figure_rst

        figure = Path(block_vars["src_file"]).parent / figure_of(block_vars["src_file"])
        if not figure.exists():
            return ""
        target = next(block_vars["image_path_iterator"])
        shutil.move(figure, target)
        return figure_rst([target], gallery_conf["src_dir"])


class Arguments:
    """The command line that a script sees."""

    def __repr__(self):
        return "Arguments()"

    def __call__(self, gallery_conf, script_vars):
        return ["--output", figure_of(script_vars["src_file"]).as_posix()]


def stage(script, target, figure, runs):
    """Write the copy that sphinx-gallery reads."""
    source = script.read_text(encoding="utf-8")
    docstring = ast.parse(source).body[0]
    if not isinstance(docstring, ast.Expr) or not isinstance(docstring.value, ast.Constant):
        raise ValueError(f"{script.name} must open with a docstring: 'Title: what it shows.'")
    first, _, text = docstring.value.value.partition("\n")
    title, _, shown = first.strip().rstrip(".").partition(": ")
    if not shown:
        raise ValueError(f"{script.name} must begin with 'Title: what it shows.'; got {first!r}")
    code = "\n".join(source.splitlines()[docstring.end_lineno :])
    sentence = shown if shown[1].isupper() or shown[2].isupper() else shown[0].upper() + shown[1:]
    lines = [
        'r"""',
        title,
        "=" * len(title),
        "",
        f"{sentence}.",
        "",
        text.strip(),
        "",
    ]
    lines += [
        f"Run it as ``python examples/{script.name}`` in a clone of the repository; it imports",
        "``examples/_common.py``.",
        "",
    ]
    if not runs and figure.exists():
        lines += [f".. image:: /images/{figure.name}", f"   :alt: {shown}", ""]
    lines += [
        '"""',
        "# sphinx_gallery_start_ignore",
        f"__doc__ = {title!r}  # sphinx-gallery empties it",
        "# sphinx_gallery_end_ignore",
        code,
        "",
    ]
    if figure.exists():
        lines += [f"# sphinx_gallery_thumbnail_path = 'images/{figure.name}'", ""]
    target.write_text("\n".join(lines), encoding="utf-8")


def configuration(examples, staging, images, full):
    """Stage all scripts; return `sphinx_gallery_conf`.

    Parameters
    ----------
    examples, staging, images : Path
        The scripts, the folder for their copies, and their figures at full size.
    full : bool
        Whether to run every script.
    """
    scripts = staging / "scripts"
    shutil.rmtree(staging, ignore_errors=True)
    for folder in (scripts, staging / "figures"):
        folder.mkdir(parents=True)
    names = [path.stem for path in sorted(examples.glob("[!_]*.py"))]
    running = names if full else [name for name in names if name in QUICK]
    for name in names:
        figure = images / f"{name}.png"
        stage(examples / f"{name}.py", scripts / f"{name}.py", figure, name in running)
    shutil.copy(examples / "_common.py", scripts)
    shutil.copy(Path(__file__).with_name("gallery_header.rst"), scripts / "GALLERY_HEADER.rst")
    return {
        "examples_dirs": str(scripts),
        "gallery_dirs": "gallery",
        "filename_pattern": rf"/({'|'.join(running)})\.py$",
        "ignore_pattern": r"^_",
        "image_scrapers": (Scraper(),),
        "reset_argv": Arguments(),
        "reset_modules": (),
        "abort_on_example_error": True,
        "download_all_examples": False,
        "notebook_extensions": set(),
        "remove_config_comments": True,
        "show_memory": False,
        "show_signature": False,
        "thumbnail_size": (640, 320),  # most figures are two to three panels wide
        "min_reported_time": 1000,
        "write_computation_times": False,
        "plot_gallery": True,
    }
