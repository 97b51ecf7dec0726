"""Refuse a release unless tag, version, changelog and files agree.

    python wheels/release.py TAG [FOLDER]
    python wheels/release.py --files FOLDER

TAG must be "v" and the version of pcnet/_version.py, CITATION.cff must name the same version,
CHANGELOG.md must have its section, dated and not empty, first after an empty "Unreleased", and
README.md, the page on PyPI, must not say that nothing is released.  A FOLDER must contain the
source distribution of that version and the complete set of wheels, one for each Python of
[tool.cibuildwheel] on each platform, and nothing else; --files checks the FOLDER only.
"""

import argparse
import datetime
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Name -> platform tag of its wheels; each is built and tested by .github/workflows/wheels.yml.
PLATFORMS = {
    "manylinux x86_64": r"manylinux_\w+_x86_64(\.manylinux\w+_x86_64)*",
    "manylinux aarch64": r"manylinux_\w+_aarch64(\.manylinux\w+_aarch64)*",
    "musllinux x86_64": r"musllinux_\w+_x86_64",
    "musllinux aarch64": r"musllinux_\w+_aarch64",
    "macOS x86_64": r"macosx_\w+_x86_64",
    "macOS arm64": r"macosx_\w+_arm64",
    "Windows AMD64": r"win_amd64",
}
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
        yield f"CITATION.cff does not contain 'version: {version}'"


def readme_problems(root):
    text = " ".join((root / "README.md").read_text(encoding="utf-8").split())  # ignore line breaks
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
        yield f"CHANGELOG.md: {date} is in the future"
    if not re.search(r"^- \S", sections[1], flags=re.MULTILINE):
        yield f"CHANGELOG.md: the section of {version} lists no change"


def built_pythons(root):
    """Tags (Python, ABI) of the wheels, such as cp314-cp314t, as pyproject.toml has them built."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    build = tomllib.loads(text)["tool"]["cibuildwheel"]["build"].split()
    abis = [pattern.removesuffix("-*") for pattern in build]
    return [f"{abi.removesuffix('t')}-{abi}" for abi in abis]


def file_problems(root, folder, version):
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    sdist = f"pcnet-{version}.tar.gz"
    if sdist not in names:
        yield f"{folder}: no {sdist}"
    left = [name for name in names if name != sdist]
    for python in built_pythons(root):
        for platform, tag in PLATFORMS.items():
            pattern = rf"pcnet-{re.escape(version)}-{python}-{tag}\.whl"
            found = [name for name in left if re.fullmatch(pattern, name)]
            if not found:
                yield f"{folder}: no wheel for {python} on {platform}"
            for name in found[1:]:
                yield f"{folder}: {name} is a second wheel for {python} on {platform}"
            left = [name for name in left if name not in found]
    for name in left:
        if "-linux_" in name:
            yield f"{folder}: {name} is not repaired (see wheels/README.md)"
        else:
            yield f"{folder}: {name} does not belong to the release {version}"


def problems(tag, *, root=ROOT, folder=None, today=None):
    """Reasons against this release, one line each.

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
        Empty if it may be released.
    """
    version, today = version_of(root), today or datetime.datetime.now(datetime.UTC).date()
    found = [*version_problems(tag, version), *citation_problems(root, version)]
    found += [*changelog_problems(root, version, today), *readme_problems(root)]
    return found + (list(file_problems(root, folder, version)) if folder is not None else [])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tag", nargs="?", help="the tag of the release, such as v1.2.3")
    parser.add_argument("folder", nargs="?", type=Path, help="files about to be published")
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="look at files only")
    given = parser.parse_args(arguments)
    if (given.tag is None) == (given.files is None):
        parser.error("give either a tag or --files FOLDER")
    if given.files is not None:
        version = version_of(ROOT)
        found, fine = list(file_problems(ROOT, given.files, version)), f"{version}: all files"
    else:
        found, fine = problems(given.tag, folder=given.folder), f"{given.tag}: no problem found"
    if found:
        sys.exit("\n".join(["No release:", *found]))
    print(fine)


if __name__ == "__main__":
    main()
