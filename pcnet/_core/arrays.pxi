# Arrays as the core takes them: checked, aligned, their addresses.


def _check_counts(name, counts):
    """Raise if a count is larger than the core's integers hold."""
    for count in counts:
        if not 0 <= count <= MOST_COUNTED:
            raise ValueError(f"{name} must be at most {MOST_COUNTED}; got {count}")


def aligned_zeros(shape, dtype):
    """A zeroed, C-contiguous array that starts on a 64-byte line.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


cdef uintptr_t _address(array, dtype, shape, bint writable=False) except? 0:
    """Address of an array that must be C-contiguous, aligned, of this dtype and shape."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
        raise ValueError(
            f"expected a {dtype} array of shape {shape}, got "
            f"{getattr(array, 'dtype', type(array))} {getattr(array, 'shape', '')}"
        )
    if not array.flags.c_contiguous or (writable and not array.flags.writeable):
        raise ValueError(f"expected a C-contiguous{' writable' if writable else ''} array")
    if not array.flags.aligned:
        raise ValueError("expected an aligned array; copy it first, np.array(array)")
    return _data(array)


cdef uintptr_t _data(array) except? 0:
    """Address of a C-contiguous array; its attribute ctypes takes longer than a small pass."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_ND)
    cdef uintptr_t address = <uintptr_t> view.buf
    PyBuffer_Release(&view)
    return address


cdef class _Pointers:
    """The addresses of a list of arrays for C; keeps the arrays alive."""

    cdef object arrays
    cdef size_t[::1] addresses

    def __init__(self, arrays):
        self.arrays = list(arrays)
        self.addresses = np.array(
            [0 if a is None else a.ctypes.data for a in self.arrays], dtype=np.uintp
        )

    cdef void **get(self) noexcept:
        return <void **> &self.addresses[0]


cdef const void **_constant(_Pointers pointers) noexcept:
    return NULL if pointers is None else <const void **> pointers.get()


cdef void **_mutable(_Pointers pointers) noexcept:
    return NULL if pointers is None else pointers.get()


class LayerRows(list):
    """An array (capacity, row_stride(n_l)) for each layer, all in one block of memory, zeroed.

    Columns beyond n_l are padding and stay 0: the core neither reads nor writes them, but `update`
    needs those of the errors to be 0. Arithmetic on a whole block keeps them 0 if it makes 0 of 0.

    Attributes
    ----------
    flat : ndarray, one-dimensional
        The whole block, to compute with all layers at once.
    hidden : ndarray, one-dimensional
        The part of it that holds the hidden layers.
    """

    def __init__(self, network, capacity):
        sizes = network.layer_sizes[1:]
        strides = [network.row_stride(n) for n in sizes]
        ends = np.cumsum([0, *(capacity * stride for stride in strides)])
        self.kind = (capacity, sizes, network.dtype)
        self.flat = aligned_zeros((int(ends[-1]),), network.dtype)
        self.hidden = self.flat[: ends[-2]]
        super().__init__(
            self.flat[a:b].reshape(capacity, stride)
            for a, b, stride in zip(ends, ends[1:], strides)
        )
        self.pointers = _Pointers(self)
