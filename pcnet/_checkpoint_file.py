"""Files that are whole at any moment: written aside, then put in place in one step.

A checkpoint is a line that names the format, a line of JSON for people, a pickle, and a digest of
all that; whoever reads one can tell a whole file from a cut-off one.
"""

import hashlib
import json
import os
import pickle
import re
from contextlib import suppress
from pathlib import Path

FORMAT = 1
_MAGIC = b"pcnet checkpoint, format "
_DIGEST_SIZE = 32


def write_atomically(path, write):
    """Replace a file by what ``write(file)`` writes: at any moment the old or the new is there.

    The new content goes to a file beside it, to the disk, and then takes the name.
    """
    path = Path(path)
    _remove_stale(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def write_checkpoint(path, header, payload):
    """Write an object with a header (a dict of numbers and strings)."""

    def write(file):
        hashing = _HashingWriter(file)
        hashing.write(_MAGIC + str(FORMAT).encode() + b"\n")
        hashing.write(json.dumps(header).encode() + b"\n")
        pickle.dump(payload, hashing, protocol=5)
        file.write(hashing.digest())

    write_atomically(path, write)


def read_checkpoint(path):
    """Return (header, payload) of a file by `write_checkpoint`.

    Raises
    ------
    FileNotFoundError
        There is none.
    ValueError
        It is something else, damaged, or of a newer format.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no checkpoint {str(path)!r}; call fit to start a run that writes one"
        ) from None
    if not data.startswith(_MAGIC):
        raise ValueError(f"{str(path)!r} is not a pcnet checkpoint")
    first, _, rest = data.partition(b"\n")
    version = first[len(_MAGIC) :]
    if version.isdigit() and int(version) > FORMAT:
        raise ValueError(
            f"{str(path)!r} has the format {int(version)}, this pcnet reads up to {FORMAT}; "
            "update pcnet"
        )
    content, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest() != digest:
        raise ValueError(f"{str(path)!r} is truncated or damaged")
    header, _, pickled = rest[:-_DIGEST_SIZE].partition(b"\n")
    return json.loads(header), pickle.loads(pickled)


class _HashingWriter:
    def __init__(self, file):
        self._file = file
        self._hash = hashlib.blake2b(digest_size=_DIGEST_SIZE)

    def write(self, data):
        self._hash.update(data)
        return self._file.write(data)

    def digest(self):
        return self._hash.digest()


def _remove_stale(path):
    """Remove what killed processes have left beside a file."""
    if os.name != "posix":  # elsewhere a process cannot be asked for without harm
        return
    pattern = re.compile(re.escape(f".{path.name}.") + r"(\d+)\.tmp")
    with suppress(OSError):
        for entry in path.parent.iterdir():
            match = pattern.fullmatch(entry.name)
            if match and not _is_running(int(match[1])):
                entry.unlink()


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return pid != os.getpid()  # one of ours is left from an earlier process of the same number


def _sync_folder(folder):
    """Make the new name last through a power failure, where folders can be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
