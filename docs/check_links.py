"""Checks every link inside the built documentation: the file and the place in it exist.

    python docs/check_links.py build/docs

Sphinx checks what it resolves itself; this also sees plain links, images, scripts and styles. It
also looks for names of pcnet's classes, functions and modules that stand as code without a link.
"""

import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))
from link_index import IDENTIFIER, OTHERS

REFERENCE = ("api", "gallery")  # folders whose pages are not prose
HEADINGS = {f"h{level}" for level in range(1, 7)}
REFERENCES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """Links of a page, the places in it that a link can name, and code outside links."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places, self.codes, self.open = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in {"a", "pre", "code", *HEADINGS}:
            self.open.append(tag)
        if self.open == ["code"]:
            self.codes.append("")
        self.places.update(attrs[name] for name in ("id", "name") if attrs.get(name))
        if link := attrs.get(REFERENCES.get(tag)):
            self.links.append(link)

    def handle_endtag(self, tag):
        if tag in self.open:
            self.open.remove(tag)

    def handle_data(self, data):
        if self.open == ["code"]:
            self.codes[-1] += data


def leads_nowhere(path, link, pages):
    """Whether a link of the page at `path` misses its file, or the place in it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link == "#":
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return True
    place = unquote(parts.fragment)
    return bool(place) and target in pages and place not in pages[target].places


def broken_links(folder):
    """[(page, link)] that lead nowhere, and how many links there are."""
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts  # templates of the theme
    }
    broken = [
        (path.relative_to(folder), link)
        for path, page in pages.items()
        for link in page.links
        if leads_nowhere(path, link, pages)
    ]
    return broken, sum(len(page.links) for page in pages.values())


def public_names(folder):
    """Modules, classes and functions of the API reference; these two also without the module."""
    inventory = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(inventory).decode("utf-8").splitlines()
    found = dict(line.split()[:2] for line in lines)
    kinds = ("py:class", "py:exception", "py:function")
    names = {name for name, kind in found.items() if kind in kinds}
    modules = {name for name, kind in found.items() if kind == "py:module"}
    return (modules - {"pcnet"}) | names | {name.split(".")[-1] for name in names}


def unlinked_names(folder):
    """[(page, code)] of prose in which a public class, function or module stands without a link."""
    names = public_names(folder)
    found = []
    for path in sorted(folder.rglob("*.html")):
        page = path.relative_to(folder)
        if page.parts[0] in {*REFERENCE, "_static"}:
            continue
        for code in Page(path.read_text(encoding="utf-8")).codes:
            match = IDENTIFIER.match(code) if "/" not in code else None
            if match and match[1] in names and (page.stem, match[1]) not in OTHERS:
                found.append((page, code))
    return found


def main(folder):
    folder = Path(folder).resolve()
    broken, count = broken_links(folder)
    for page, link in broken:
        print(f"{page}: {link} leads nowhere")
    unlinked = unlinked_names(folder)
    for page, code in unlinked:
        print(f"{page}: `{code}` has no link")
    print(f"{count} links, {len(broken)} broken; {len(unlinked)} names without a link")
    return 1 if broken or unlinked or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
