"""Atomic writes: a file is written under a temporary name, then renamed.

A checkpoint consists of a line that names the format, a line of JSON, a pickle, and a digest of
these, from which a reader detects a truncated file.
"""

import hashlib
import json
import os
import pickle
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FORMAT = 1
_MAGIC = b"pcnet checkpoint, format "
_DIGEST_SIZE = 32
_MAX_HEADER = 2**16


def write_atomically(path, write):
    """Replace a file atomically by the output of ``write(file)``.

    The new content is written to a file with a unique name in the same folder, synchronised to the
    disk, and renamed to the old name. Any number of threads and processes may write at once. The
    permissions of an existing file are kept; for a symbolic link, its target is replaced.
    """
    path = Path(os.path.realpath(path))
    temporary, descriptor = _create_beside(path)
    try:
        with open(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # while the lock marks the file as in use
                os.replace(temporary, path)
        if fcntl is None:  # Windows cannot rename open files
            os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def remove_stale(path):
    """Remove temporary files of killed processes; only on systems that lock files."""
    if fcntl is None:
        return
    path = Path(os.path.realpath(path))
    pattern = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{16}\.tmp")
    with suppress(OSError):
        for entry in os.scandir(path.parent):
            if pattern.fullmatch(entry.name):
                _remove_unlocked(entry.path)


def write_checkpoint(path, header, payload):
    """Write an object with a header (a dict of numbers and strings).

    Raises
    ------
    OSError
        The file cannot be written; an older file is unchanged, here and below.
    PicklingError
        The object cannot be pickled.
    """

    def write(file):
        hashing = _HashingWriter(file)
        hashing.write(_MAGIC + str(FORMAT).encode() + b"\n")
        hashing.write(json.dumps(header).encode() + b"\n")
        try:
            pickle.dump(payload, hashing, protocol=5)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # AttributeError, TypeError, or any error of __reduce__
            raise pickle.PicklingError(f"{type(error).__name__}: {error}") from error
        file.write(hashing.digest())

    write_atomically(path, write)


def read_checkpoint(path):
    """Return (header, payload) of a file by `write_checkpoint`.

    Raises
    ------
    OSError
        The file does not exist (FileNotFoundError) or cannot be read.
    ValueError
        The file is no checkpoint, is damaged, or has a newer format.
    """
    try:
        data = memoryview(Path(path).read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no checkpoint {str(path)!r}; call fit to start a run that writes one"
        ) from None
    except OSError as error:
        text = f"the checkpoint cannot be read: {error.strerror}"
        raise OSError(error.errno, text, str(path)) from None
    first, header, start = _lines(path, bytes(data[:_MAX_HEADER]))
    version = first[len(_MAGIC) :]
    if version.isdigit() and int(version) > FORMAT:
        raise ValueError(
            f"{str(path)!r} has the format {int(version)}, this pcnet reads up to {FORMAT}; "
            "update pcnet"
        )
    content, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.blake2b(content, digest_size=_DIGEST_SIZE).digest() != digest:
        raise ValueError(f"{str(path)!r} is truncated or damaged")
    return json.loads(header), pickle.loads(content[start:])


def read_header(path):
    """Return the header of a checkpoint, without loading it; {} if damaged, None without a file.

    An empty file counts as none.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        The file is no checkpoint.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(_MAX_HEADER)
    except FileNotFoundError:
        return None
    if not start:
        return None
    header = _lines(path, start)[1]
    try:
        found = json.loads(header)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lines(path, data):
    """First line, header, and start of the pickle."""
    if not data.startswith(_MAGIC):
        raise ValueError(f"{str(path)!r} is not a pcnet checkpoint")
    first, _, rest = data.partition(b"\n")
    header = rest.partition(b"\n")[0]
    return first, header, len(first) + len(header) + 2


class _HashingWriter:
    def __init__(self, file):
        self._file = file
        self._hash = hashlib.blake2b(digest_size=_DIGEST_SIZE)

    def write(self, data):
        self._hash.update(data)
        return self._file.write(data)

    def digest(self):
        return self._hash.digest()


# ---------------------------------------------------------------- the temporary file


def _create_beside(path):
    """Create a locked file in the folder of `path`, with its permissions; (name, descriptor)."""
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        descriptor = None
        try:
            # a new file gets the permissions of the umask; a private file must never be readable
            descriptor = os.open(temporary, flags, 0o666 if old is None else 0o600)
            if old is not None:
                _take_permissions(descriptor, old)
            if _lock(descriptor) and not os.path.exists(temporary):
                os.close(descriptor)  # another process removed it before it was locked
                continue
        except BaseException as error:
            if descriptor is not None:
                os.close(descriptor)
            with suppress(OSError):
                temporary.unlink()
            if isinstance(error, OSError):
                error.filename = os.fspath(path)  # the name that the caller knows
            raise
        return temporary, descriptor


def _take_permissions(descriptor, old):
    """Copy owner, group and mode from another file, as far as the process is allowed to."""
    if not hasattr(os, "fchmod"):
        return
    mode = stat.S_IMODE(old.st_mode)
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except OSError:
            mode &= ~stat.S_IRWXG  # the permissions of the old group must not pass to another
    os.fchmod(descriptor, mode)


def _lock(descriptor):
    """Mark a file as in use until it is closed, also by the end of the process."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # some network file systems have no locks
        return False
    return True


def _remove_unlocked(path):
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)


def _sync_folder(folder):
    """Synchronise the new name to the disk, on systems that can open folders."""
    if os.name != "posix":
        return
    with suppress(OSError):  # no permission to read it, or not supported by a network file system
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
