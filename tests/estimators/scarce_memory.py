"""Let the k-th allocation of NumPy fail.

A handler of NEP 49 replaces NumPy's allocator. It allocates the data of all arrays, but no other
Python objects.
"""

import ctypes
from contextlib import contextmanager

import numpy as np

_PLACE_OF_SET_HANDLER = 304  # in NumPy's table of C functions, fixed by its binary interface

_pointer, _size = ctypes.c_void_p, ctypes.c_size_t
_FUNCTIONS = {
    "malloc": ctypes.PYFUNCTYPE(_pointer, _pointer, _size),
    "calloc": ctypes.PYFUNCTYPE(_pointer, _pointer, _size, _size),
    "realloc": ctypes.PYFUNCTYPE(_pointer, _pointer, _pointer, _size),
    "free": ctypes.PYFUNCTYPE(None, _pointer, _pointer, _size),
}


class _Handler(ctypes.Structure):
    """``PyDataMem_Handler``; arrays keep its address, so it must outlive them all."""

    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        ("ctx", _pointer),
        *_FUNCTIONS.items(),
    ]


def _address(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = _pointer, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)


def _set_handler(capsule):
    """NumPy's ``PyDataMem_SetHandler`` (None: the default); returns the previous handler."""
    table = _address(np._core._multiarray_umath._ARRAY_API, None)
    function = ctypes.cast(table, ctypes.POINTER(_pointer))[_PLACE_OF_SET_HANDLER]
    capsule_at = None if capsule is None else id(capsule)
    return ctypes.PYFUNCTYPE(ctypes.py_object, _pointer)(function)(capsule_at)


def _numpys_own_handler():
    before = _set_handler(None)
    own = _set_handler(before)
    return _Handler.from_address(_address(own, b"mem_handler"))


class Scarcity:
    """Counts allocations; the ``fails_at``-th of them (from 1) fails."""

    def __init__(self):
        self.count = 0
        self.fails_at = None

    @property
    def struck(self):
        return self.fails_at is not None and self.count >= self.fails_at

    def refuses(self):
        self.count += 1
        return self.count == self.fails_at


_scarcity = Scarcity()
_own = _numpys_own_handler()


def _sometimes(name):
    """NumPy's function of that name, which may fail."""
    own = getattr(_own, name)

    def allocate(context, *arguments):
        return None if _scarcity.refuses() else own(context, *arguments)

    return _FUNCTIONS[name](allocate)


# `free` is NumPy's function: Python code must not run while an exception propagates.
_handler = _Handler(
    b"scarce", 1, _own.ctx, *map(_sometimes, ("malloc", "calloc", "realloc")), _own.free
)


def _capsule():
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [_pointer, ctypes.c_char_p, _pointer]
    return new(ctypes.addressof(_handler), b"mem_handler", None)


@contextmanager
def scarce_memory(fails_at=None):
    """A block in which NumPy gets no memory for the ``fails_at``-th array data (None: always)."""
    _scarcity.count, _scarcity.fails_at = 0, fails_at
    before = _set_handler(_capsule())
    try:
        yield _scarcity
    finally:
        _set_handler(before)
