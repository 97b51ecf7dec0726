# The network, its packed weights and the objective as the core takes them.


cdef class CoreNetwork:
    """A network for the core: the addresses of arrays that the caller owns.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    activations : sequence of str, (L,)
        Activation of each layer's input; the first is ``"identity"``.
    skips : sequence of bool, (L,)
    scales : sequence of float, (L,)
    dtype : dtype
        float32 or float64.
    packed : tuple of two lists
        ``(forward, backward)`` as `allocate_packed` makes them; ``backward`` may be None.
    biases : list of ndarray, (n_out,), or None
    isa : str, optional
        Default: `default_isa()`.
    """

    cdef pcnet_network net
    cdef const pcnet_core *core
    cdef object _keep
    cdef int[::1] sizes, activation_codes, skip_flags
    cdef double[::1] scale_values
    cdef readonly tuple layer_sizes, activations
    cdef readonly object dtype
    cdef readonly str isa
    cdef readonly bint has_biases

    def __init__(self, layer_sizes, activations, skips, scales, dtype, *, packed, biases=None,
                 isa=None):
        self.layer_sizes = tuple(int(n) for n in layer_sizes)
        self.activations = tuple(activations)
        _check_counts("the units of a layer", self.layer_sizes)
        self.dtype = np.dtype(dtype)
        self.isa = default_isa() if isa is None else isa
        self.core = _find_core(self.dtype, self.isa)
        self.sizes = np.asarray(self.layer_sizes, dtype=np.intc)
        self.activation_codes = np.array([ACTIVATION_CODES[a] for a in activations], dtype=np.intc)
        self.skip_flags = np.asarray(skips, dtype=np.intc)
        self.scale_values = np.array(scales, dtype=np.float64)
        self.has_biases = biases is not None
        cdef int n_layers = len(self.layer_sizes) - 1
        if not (n_layers == len(activations) == len(skips) == len(scales)):
            raise ValueError("one activation, skip and scale a layer are needed")
        if biases is not None:
            for array, n in zip(biases, self.layer_sizes[1:], strict=True):
                _address(array, self.dtype, (n,))
        self._keep = [
            None if arrays is None else _Pointers(arrays) for arrays in (biases, *packed)
        ]
        self.net.n_layers = n_layers
        self.net.sizes = &self.sizes[0]
        self.net.activations = &self.activation_codes[0]
        self.net.skips = &self.skip_flags[0]
        self.net.scales = &self.scale_values[0]
        self.net.biases = _constant(self._keep[0])
        self.net.packed_weights = _constant(self._keep[1])
        self.net.packed_transposes = _constant(self._keep[2])

    @property
    def n_layers(self):
        return self.net.n_layers

    def row_stride(self, int n):
        """Elements from one row of a layer's activities to the next, in `Batch`."""
        return self.core.row_stride(n)


cdef pcnet_network _for_one_call(CoreNetwork network):
    """The network for one call from this thread: the main thread checks for signals."""
    cdef pcnet_network net = network.net
    net.interrupted = NULL
    if _checks_signals():
        net.interrupted = _interrupted
    return net


cdef const pcnet_core *_find_core(dtype, isa) except NULL:
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"the core computes in float32 or float64, not {dtype}")
    code = PCNET_FLOAT32 if dtype == np.float32 else PCNET_FLOAT64
    cdef const pcnet_core *core = pcnet_get_core(code, ISA_CODES[isa])
    if core is NULL:
        raise RuntimeError(f"this build or machine has no instruction set {isa!r}")
    return core


def packed_sizes(layer_sizes, dtype, *, transposed=False):
    """Elements of every layer's packed W, or packed W^T: 0 for the first layer, which needs
    none, and for wide ones, whose backward pass reads W's own; list of int, (L,)."""
    cdef const pcnet_core *core = _find_core(np.dtype(dtype), default_isa())
    _check_counts("the units of a layer", layer_sizes)
    cdef size_t (*size)(int, int) noexcept nogil
    size = core.packed_transpose_size if transposed else core.packed_size
    sizes = []
    for n_in, n_out in zip(layer_sizes, layer_sizes[1:]):
        sizes.append(size(n_in, n_out))
    if transposed:
        sizes[0] = 0
    return sizes


def allocate_packed(layer_sizes, dtype, *, transposed=False):
    """Zeroed memory for the packed weights of every layer, in one block of memory.

    Parameters
    ----------
    layer_sizes : sequence of int, (L + 1,)
    dtype : dtype
    transposed : bool
        Of W^T; None in the list where there are none, see `packed_sizes`.

    Returns
    -------
    list of ndarray, (L,)
        One-dimensional.
    """
    sizes = packed_sizes(layer_sizes, dtype, transposed=transposed)
    # every layer starts on a line of its own
    ends = np.cumsum([(s + 15) // 16 * 16 for s in sizes])
    slab = aligned_zeros((int(ends[-1]),), dtype)
    starts = [0, *ends[:-1]]
    packed = [slab[a : a + s] for a, s in zip(starts, sizes)]
    return [p if p.size else None for p in packed]


def pack_weights(weights, forward, backward=None):
    """Pack weights, and their transposes (not the first) into other arrays; without the GIL."""
    cdef const pcnet_core *core = _find_core(weights[0].dtype, default_isa())
    cdef uintptr_t source, packed, transposed
    cdef int n_in, n_out
    for l, w in enumerate(weights):
        n_in, n_out = w.shape
        source = _address(w, w.dtype, w.shape)
        packed = _address(forward[l], w.dtype, (core.packed_size(n_in, n_out),), True)
        transposed = 0
        if backward is not None and backward[l] is not None:
            transposed = _address(backward[l], w.dtype, (core.packed_size(n_out, n_in),), True)
        with nogil:
            core.pack(n_in, n_out, <void *> source, <void *> packed)
            if transposed:
                core.pack_transposed(n_in, n_out, <void *> source, <void *> transposed)


def unpack_weights(packed, weights):
    """Copy packed weights into plain ones."""
    cdef const pcnet_core *core = _find_core(weights[0].dtype, default_isa())
    for w, p in zip(weights, packed):
        core.unpack(w.shape[0], w.shape[1], <void *> _address(
            p, w.dtype, (core.packed_size(w.shape[0], w.shape[1]),)),
            <void *> _address(w, w.dtype, w.shape, True))
