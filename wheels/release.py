"""Refuse a release unless tag, version and changelog agree.

    python wheels/release.py TAG [FOLDER]

TAG must be "v" and the version of pcnet/_version.py, CITATION.cff must name the same version, and
CHANGELOG.md must have its section, dated, first after an empty "Unreleased", and README.md, which
is the page on PyPI, must not say that nothing is released.  With a FOLDER, all its wheels and its
one source distribution must be of that version.
"""

import argparse
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = ("not yet released", "no wheels on a package index yet")


def version_of(root):
    text = (root / "pcnet" / "_version.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "([^"]+)"$', text, flags=re.MULTILINE)[1]


def version_problems(tag, version):
    if not re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", version):
        yield f"pcnet/_version.py: {version!r} is no version to release, such as 1.2.3 or 1.2.3rc1"
    if tag != f"v{version}":
        yield f"the tag is {tag!r}, and pcnet/_version.py says {version!r}: expected 'v{version}'"


def citation_problems(root, version):
    text = (root / "CITATION.cff").read_text(encoding="utf-8")
    if f"\nversion: {version}\n" not in text:
        yield f"CITATION.cff does not say 'version: {version}'"


def readme_problems(root):
    text = " ".join((root / "README.md").read_text(encoding="utf-8").split())  # whatever the lines
    for words in UNRELEASED:
        if words in text:
            yield f"README.md, the page of the release on PyPI, says {words!r}"


def changelog_problems(root, version, today):
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0].strip() for section in sections]
    if titles[:1] != ["[Unreleased]"]:
        yield "CHANGELOG.md: the first section must be '## [Unreleased]', empty"
        return
    if sections[0].partition("\n")[2].strip():
        yield f"CHANGELOG.md: move what is under Unreleased to '## [{version}] - {today}'"
    title = titles[1] if len(titles) > 1 else ""
    match = re.fullmatch(r"\[(.+)\] - (\d{4}-\d{2}-\d{2})", title)
    if match is None or match[1] != version:
        yield f"CHANGELOG.md: expected '## [{version}] - {today}' after Unreleased; found {title!r}"
        return
    try:
        date = datetime.date.fromisoformat(match[2])
    except ValueError:
        yield f"CHANGELOG.md: {match[2]} is no date"
        return
    if date > today:
        yield f"CHANGELOG.md: {date} is yet to come"


def file_problems(folder, version):
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    if f"pcnet-{version}.tar.gz" not in names:
        yield f"{folder}: no pcnet-{version}.tar.gz"
    if not any(name.endswith(".whl") for name in names):
        yield f"{folder}: no wheels"
    for name in names:
        if name != f"pcnet-{version}.tar.gz" and not re.fullmatch(
            rf"pcnet-{re.escape(version)}-[^-]+-[^-]+-[^-]+\.whl", name
        ):
            yield f"{folder}: {name} is no file of pcnet {version}"
        elif "-linux_" in name:
            yield f"{folder}: {name} is not repaired (see wheels/README.md)"


def problems(tag, *, root=ROOT, folder=None, today=None):
    """All that speaks against this release, one line each.

    Parameters
    ----------
    tag : str
    root : Path
        The tree.
    folder : Path, optional
        Files about to be published.
    today : datetime.date, optional

    Returns
    -------
    list of str
        Empty: release it.
    """
    version, today = version_of(root), today or datetime.datetime.now(datetime.UTC).date()
    found = [*version_problems(tag, version), *citation_problems(root, version)]
    found += [*changelog_problems(root, version, today), *readme_problems(root)]
    return found + (list(file_problems(folder, version)) if folder is not None else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tag")
    parser.add_argument("folder", nargs="?", type=Path, help="files about to be published")
    arguments = parser.parse_args()
    found = problems(arguments.tag, folder=arguments.folder)
    if found:
        sys.exit("\n".join(["No release:", *found]))
    print(f"{arguments.tag}: tag, version and changelog agree")


if __name__ == "__main__":
    main()
