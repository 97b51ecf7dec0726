"""Checks every link inside the built documentation: the file and the place in it exist.

    python docs/check_links.py build/docs

Sphinx checks what it resolves itself; this also sees plain links, images, scripts and styles.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REFERENCES = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """Links of a page and the places in it that a link can name."""

    def __init__(self, text):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.places.update(attrs[name] for name in ("id", "name") if attrs.get(name))
        if link := attrs.get(REFERENCES.get(tag)):
            self.links.append(link)


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


def main(folder):
    broken, count = broken_links(Path(folder).resolve())
    for page, link in broken:
        print(f"{page}: {link} leads nowhere")
    print(f"{count} links, {len(broken)} broken")
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
