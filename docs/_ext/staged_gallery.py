"""The gallery: the pages of examples/, unfolded by example_scripts.py, through sphinx-gallery.

Two sizes: "full" runs every script, for pages to publish. "small", the default, runs the quick one
and shows for the others what `docs/figures.py --write` kept of a run: the text that each cell
printed (docs/images/printed.json) and the figure. Each panel of a figure is a picture of its own
on the page, cut out of the figure; its title is its alternative text. Notebooks and scripts to
download have the code and the text, and no output.
"""

import json
import re
import shutil
from pathlib import Path

import example_scripts
from wide_pictures import size

QUICK = ("pictures",)
OUTPUT = ".. rst-class:: sphx-glr-script-out"  # as sphinx-gallery marks what a cell printed
CODE_BLOCK = re.compile(r"(^\.\. code-block:: Python\n\n(?:    .*\n|\n)+)", re.M)
THUMBNAIL = 400, 300
SCALE = 0.6  # of the pictures' pixels on the page: letters of one size in all figures
PICTURE = """
    *

      .. image:: /{}
          :alt: {}
          :width: {}px
          :class: sphx-glr-multi-img
"""


class Scraper:
    """Takes the figure that the last expression of a cell returned, panel by panel."""

    def __repr__(self):  # part of the configuration that Sphinx compares between builds
        return "Scraper()"

    def __call__(self, block, block_vars, gallery_conf):
        figure = block_vars["example_globals"].get("___")
        path = Path(block_vars["src_file"]).with_suffix(".png")
        if not hasattr(figure, "savefig") or not path.exists():
            return ""
        from figures_drawn import panels

        places = block_vars["image_path_iterator"]
        found = panels(figure)
        targets = [Path(next(places)) for _ in found]
        cut(path, [panel["box"] for panel in found], targets)
        path.unlink()
        root = Path(gallery_conf["src_dir"])
        return pictures(targets, root, [p["title"] for p in found])


def cut(picture, boxes, targets):
    """Write the parts of a picture; a box is left, top, right, bottom as shares of its size."""
    from PIL import Image

    with Image.open(picture) as image:
        for box, target in zip(boxes, targets, strict=True):
            edges = [round(share * size) for share, size in zip(box, 2 * image.size)]
            image.crop(edges).save(target)


def pictures(paths, root, titles):
    """Pictures beside each other, as far as the page is wide enough."""
    items = (
        PICTURE.format(
            path.relative_to(root).as_posix(), " ".join(title.split()), round(SCALE * size(path)[0])
        )
        for path, title in zip(paths, titles, strict=True)
    )
    return "\n.. rst-class:: sphx-glr-horizontal\n\n" + "".join(items) + "\n"


def printed(text):
    """What a cell printed, as sphinx-gallery shows it."""
    lines = "\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines())
    return f"{OUTPUT}\n\n .. code-block:: none\n\n{lines}\n"


def comment(text):
    """A text cell."""
    return "\n".join(["# %%", *(f"# {line}".rstrip() for line in text.splitlines())])


def stage(page, target, thumbnail=None):
    """Write the script that sphinx-gallery reads.

    Parameters
    ----------
    page : example_scripts.Page
    target : Path
    thumbnail : str, optional
        Path of the card's picture, from the folder of the documentation.
    """
    sentence = page.shown
    if not (sentence[1].isupper() or sentence[2].isupper()):
        sentence = sentence[0].upper() + sentence[1:]
    heading = [page.title, "=" * len(page.title), "", f"{sentence}.", "", page.text]
    lines = ['r"""', *heading, '"""']
    for cell in page.cells:
        lines += [comment(cell.text)] if cell.text else []
        lines += ["", cell.code, ""] if cell.code else [""]
    if thumbnail:
        lines += [f"# sphinx_gallery_thumbnail_path = '{thumbnail}'", ""]
    target.write_text("\n".join(lines), encoding="utf-8")


def with_outputs(text, page, outputs, panels):
    """A page of sphinx-gallery, whose script did not run, with what was kept of a run.

    Parameters
    ----------
    text : str
        The page in reStructuredText.
    page : example_scripts.Page
    outputs : list of str
        What the cells of `run` printed.
    panels : str
        The pictures in reStructuredText; they come below the cell that draws.
    """
    cells = [cell for cell in page.cells if cell.code]
    parts = CODE_BLOCK.split(text)
    if len(parts) != 2 * len(cells) + 1:
        raise ValueError(f"{page.name}: {len(cells)} cells of code, {len(parts) // 2} blocks")
    for place, cell in enumerate(cells):
        if cell.step is None:
            continue
        if outputs[cell.step]:
            parts[2 * place + 1] += printed(outputs[cell.step])
        if cell.code.splitlines()[-1].startswith("draw("):
            parts[2 * place + 1] += panels
    return "".join(parts)


def markdown(text):
    """Text of a notebook without roles: what they name, as code; pages by their files."""
    text = re.sub(r":doc:`/([^`]*)`", r"`docs/\1.md`", text)
    text = re.sub(r":doc:`([^`]*)`", r"`examples/\1.py`", text)
    text = re.sub(r":\w+:`([^`]*)`", r"`\1`", text)
    return re.sub(r"``([^`]*)``", r"`\1`", text)


class Order:
    """The order of the examples: that of their list in the README."""

    def __init__(self, readme):
        self.names = re.findall(r"^\| `(\w+\.py)`", readme.read_text(encoding="utf-8"), re.M)

    def __repr__(self):  # as that of the scraper
        return f"Order({self.names})"

    def __call__(self, name):
        return self.names.index(name)


class Gallery:
    """All pages: stages the scripts, and puts what was kept into the pages of those not run.

    Parameters
    ----------
    examples, staging, docs : Path
        The scripts, the folder for their copies, and the folder of the documentation.
    full : bool
        Whether to run every script.
    """

    def __init__(self, examples, staging, docs, full):
        self.docs, self.scripts = docs, staging / "scripts"
        shutil.rmtree(staging, ignore_errors=True)
        self.scripts.mkdir(parents=True)
        self.pages = [example_scripts.unfold(path) for path in sorted(examples.glob("[!_]*.py"))]
        self.running = [page.name for page in self.pages if full or page.name in QUICK]
        for page in self.pages:
            stage(page, self.scripts / f"{page.name}.py", f"images/thumbnails/{page.name}.png")
        self.order = Order(examples / "README.md")
        header = Path(__file__).with_name("gallery_header.rst")
        shutil.copy(header, self.scripts / "GALLERY_HEADER.rst")

    def configuration(self):
        """`sphinx_gallery_conf`"""
        return {
            "examples_dirs": str(self.scripts),
            "gallery_dirs": "gallery",
            "filename_pattern": rf"/({'|'.join(self.running)})\.py$",
            "image_scrapers": (Scraper(),),
            "capture_repr": (),
            "within_subsection_order": self.order,
            "reset_modules": (),
            "abort_on_example_error": True,
            "download_all_examples": False,
            "first_notebook_cell": '# pip install "pcnet[plot]"\n%matplotlib inline',
            "remove_config_comments": True,
            "show_memory": False,
            "show_signature": False,
            "thumbnail_size": THUMBNAIL,
            "min_reported_time": 1000,
            "write_computation_times": False,
            "plot_gallery": True,
        }

    def finish(self, app):
        """After sphinx-gallery: what it does not do to notebooks, and to pages not run."""
        for page in self.pages:
            path = self.docs / "gallery" / f"{page.name}.ipynb"
            notebook = json.loads(path.read_text(encoding="utf-8"))
            for cell in notebook["cells"]:
                if cell["cell_type"] == "markdown":
                    cell["source"] = [markdown("".join(cell["source"]))]
            path.write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")
        self.show_kept()

    def show_kept(self):
        """Put text and pictures of a kept run into the pages of scripts that did not run."""
        folder, images = self.docs / "gallery", self.docs / "images"
        outputs = json.loads((images / "printed.json").read_text(encoding="utf-8"))
        drawn = json.loads((images / "drawn.json").read_text(encoding="utf-8"))
        (folder / "panels").mkdir(exist_ok=True)
        for page in self.pages:
            if page.name in self.running:
                continue
            panels = drawn[f"{page.name}.png"]["panels"]
            targets = [folder / "panels" / f"{page.name}-{k}.png" for k in range(len(panels))]
            cut(images / f"{page.name}.png", [panel["box"] for panel in panels], targets)
            path = folder / f"{page.name}.rst"
            text = path.read_text(encoding="utf-8")
            kept = pictures(targets, self.docs, [panel["title"] for panel in panels])
            path.write_text(with_outputs(text, page, outputs[page.name], kept), encoding="utf-8")
