# cython: language_level=3
"""SciPy's BLAS, the only place that knows where it comes from.

The core takes ``gemm`` as a function pointer; this module hands out the addresses of SciPy's
``sgemm`` and ``dgemm`` (Fortran interface, 32-bit integers).
"""

from libc.stdint cimport uintptr_t
from scipy.linalg.cython_blas cimport dgemm, sgemm

GEMM_ADDRESSES = {
    "float32": <uintptr_t> <void *> sgemm,
    "float64": <uintptr_t> <void *> dgemm,
}
