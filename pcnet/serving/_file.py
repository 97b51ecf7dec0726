"""Files of predictors: an uncompressed .npz archive of plain arrays, checked before it is used."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import struct
import zipfile
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

#: Number of the format. Increase it if members are renamed or change their meaning.
VERSION = 1
FORMAT = "pcnet-predictor"

#: Kinds of dtypes of the members: floats, integers, booleans and text of fixed length.
_KINDS = "fiubUS"

_MOST_MEMBERS = 256
_MOST_META = 2**26  # bytes, for the names of features
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same model gives the same bytes

_REMEDY = "Write it again with pcnet.serving.export"


class DamagedFile(ValueError):
    """A file cannot be used: it is damaged, of something else, or of a newer format."""


def refuse(path: Any, what: str, remedy: str = _REMEDY) -> NoReturn:
    """Raise the error about a file that is not used."""
    raise DamagedFile(f"{os.fspath(path)!r} is no intact file of a predictor: {what}. {remedy}")


def write_members(file: Any, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write the description ``meta`` and the arrays into a binary file."""
    meta = {"format": FORMAT, "version": VERSION, **meta}
    text = json.dumps(meta, separators=(",", ":")).encode()
    members = {"meta": _as_npy(np.frombuffer(text, np.uint8))}
    members |= {name: _as_npy(array) for name, array in arrays.items()}
    members["checksum"] = _as_npy(np.frombuffer(_digest(members), np.uint8))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), data)


def name_of(source: Any) -> Any:
    """What errors call a path or a binary file."""
    return str(getattr(source, "name", "file object")) if hasattr(source, "read") else source


def read_members(source: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The description and the arrays of a file, given by its path or opened in binary mode.

    No member is compressed and all lie in the file, so memory stays within the file's size. Headers
    are literals, which run no code.

    Raises
    ------
    ValueError
        The file is damaged, not of a predictor, or of a newer format.
    TypeError
        It is neither a path nor a binary file.
    """
    path = name_of(source)
    with _opened(source) as file:
        try:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            members = _read_zip(path, file, size)
        except DamagedFile:
            raise
        except (
            zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, OSError,
            OverflowError, RuntimeError, ValueError, struct.error,
        ) as error:  # fmt: skip
            refuse(path, f"it cannot be read as an .npz archive ({error})")
    meta = _read_meta(path, members)
    checksum = _parsed(path, "checksum", members.get("checksum"))
    if checksum.tobytes() != _digest(members):
        refuse(path, "its checksum differs from its content")
    arrays = {
        name: _parsed(path, name, data)
        for name, data in members.items()
        if name not in ("meta", "checksum")
    }
    return meta, arrays


def _opened(source):
    if not hasattr(source, "read"):
        if not isinstance(source, (str, os.PathLike)):
            raise TypeError(
                "path must be a path or a file opened in binary mode; got "
                f"{type(source).__name__}. Wrap bytes: io.BytesIO(content)"
            )
        return open(source, "rb")
    content = source.read()
    if not isinstance(content, bytes):
        raise TypeError('the file must be opened in binary mode: open(path, "rb")')
    return io.BytesIO(content)


def _read_zip(path, file, size):
    """The bytes of each member."""
    members, total = {}, 0
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if len(entries) > _MOST_MEMBERS:
            refuse(path, f"it has {len(entries)} members, more than {_MOST_MEMBERS}")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            total += entry.file_size
            if name == entry.filename or name in members:
                refuse(path, f"it has the unknown or repeated member {entry.filename!r}")
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                refuse(path, f"its member {entry.filename!r} is compressed or encrypted")
            if entry.compress_size != entry.file_size or total > size:
                refuse(path, f"its member {entry.filename!r} is larger than the file")
            members[name] = b""
        for entry in entries:
            members[entry.filename.removesuffix(".npy")] = archive.read(entry)
    return members


def _read_meta(path, members):
    values = _parsed(path, "meta", members.get("meta"))
    if len(values) > _MOST_META:
        refuse(path, f"its description has {len(values)} bytes, more than {_MOST_META}")
    try:
        meta = json.loads(values.tobytes().decode())
    except (ValueError, RecursionError) as error:
        refuse(path, f"its description is no JSON text ({error})")
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        refuse(path, "its description does not name the format")
    version = meta.get("version")
    if type(version) is not int or version < 1:
        refuse(path, f"the number of its format is {version!r}")
    if version > VERSION:
        writer = meta.get("written_by")
        refuse(
            path,
            f"its format is {version}, and this pcnet reads formats up to {VERSION}",
            f"Update pcnet{f' to {writer} or later' if isinstance(writer, str) else ''}",
        )
    return meta


def _parsed(path, name, data):
    """The array of a member in NumPy's .npy format, read-only, without a copy of its data."""
    if data is None:
        refuse(path, f"the member {name!r} is missing")
    stream = io.BytesIO(data)  # shares the bytes
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            refuse(path, f"its member {name!r} has a header of version {version}")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    except DamagedFile:
        raise
    except Exception as error:  # NumPy's parser of headers raises many kinds
        refuse(path, f"its member {name!r} has no valid header ({error})")
    plain = dtype.kind in _KINDS and dtype.names is None and dtype.subdtype is None
    if not plain or fortran_order or dtype.str[0] == ">":
        refuse(path, f"its member {name!r} is no plain array ({dtype})")
    n_bytes = len(data) - stream.tell()
    wanted = math.prod(shape) * dtype.itemsize
    if dtype.itemsize == 0 or min(shape, default=0) < 0 or wanted != n_bytes:
        refuse(path, f"its member {name!r} does not have the size that its header says")
    found = np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape)
    if dtype.kind == "f" and not np.isfinite(found).all():
        refuse(path, f"its member {name!r} holds NaN or infinity")
    return found.astype(dtype.newbyteorder("="), copy=False)


def _as_npy(array):
    stream = io.BytesIO()
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    np.lib.format.write_array(stream, np.ascontiguousarray(little), (1, 0), allow_pickle=False)
    return stream.getvalue()


def _digest(members):
    digest = hashlib.sha256()
    for name in sorted(members):
        if name != "checksum":
            digest.update(f"{name}:{len(members[name])}:".encode())
            digest.update(members[name])
    return digest.digest()
