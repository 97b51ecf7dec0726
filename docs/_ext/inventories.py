"""Intersphinx inventories written from the text files of docs/inventories: no download.

A text file holds the address of the other project's documentation and one line for each name that
our pages refer to, in the columns of an inventory. To hold such a file against a whole inventory
of that project, for instance one of a Debian -doc package:

    python docs/_ext/inventories.py sklearn PATH/objects.inv
"""

import re
import sys
import zlib
from pathlib import Path

LINE = re.compile(r"(?P<name>.+?)\s+(?P<role>\S+:\S+)\s+-?\d+\s+(?P<place>\S*)\s+.*")


def read_text(path):
    """(address, lines) of one text file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    address, *names = [line for line in lines if line and not line.startswith("#")]
    return address, names


def write_inventory(project, lines, path):
    """Write an inventory of Sphinx's format 2."""
    header = [
        "# Sphinx inventory version 2",
        f"# Project: {project}",
        "# Version:",
        "# The remainder of this file is compressed using zlib.",
    ]
    body = zlib.compress("".join(f"{line}\n" for line in lines).encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in header).encode() + body)


def mapping(texts, target):
    """What `intersphinx_mapping` wants, for every text file in a folder."""
    result = {}
    for path in sorted(texts.glob("*.txt")):
        address, lines = read_text(path)
        inventory = target / f"{path.stem}.inv"
        write_inventory(path.stem, lines, inventory)
        result[path.stem] = (address, str(inventory))
    return result


def places(lines):
    """{(name, role): place} of an inventory's lines."""
    found = filter(None, map(LINE.fullmatch, lines))
    return {(line["name"], line["role"]): line["place"] for line in found}


def differences(text, inventory):
    """Names of a text file that a whole inventory lacks or has elsewhere."""
    whole = zlib.decompress(inventory.read_bytes().split(b"\n", 4)[4]).decode()
    theirs = places(whole.splitlines())
    ours = places(read_text(text)[1])
    return {
        key: (place, theirs.get(key)) for key, place in ours.items() if theirs.get(key) != place
    }


if __name__ == "__main__":
    texts = Path(__file__).resolve().parents[1] / "inventories"
    for (name, role), (ours, theirs) in differences(
        texts / f"{sys.argv[1]}.txt", Path(sys.argv[2])
    ).items():
        print(f"{name} ({role}): {ours} here, {theirs} there")
