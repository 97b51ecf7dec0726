# The logistic function as scipy.special computes it, by the C library's exponential: the same bits.


def logistic(x, out):
    """``1 / (1 + exp(-x))`` of each entry, written into ``out``, which it returns."""
    cdef Py_ssize_t i, n = x.size
    cdef uintptr_t source = _address(x, x.dtype, x.shape)
    cdef uintptr_t target = _address(out, x.dtype, x.shape, True)
    if x.dtype == np.float32:
        for i in range(n):
            (<float *> target)[i] = 1 / (1 + expf(-(<const float *> source)[i]))
    elif x.dtype == np.float64:
        for i in range(n):
            (<double *> target)[i] = 1 / (1 + exp(-(<const double *> source)[i]))
    else:
        raise ValueError(f"expected float32 or float64, got {x.dtype}")
    return out
