# cython: language_level=3
"""SciPy's BLAS, the only place that knows where it comes from.

The core takes ``gemm`` as a function pointer with the Fortran interface and C ``int`` sizes.  SciPy
tells in its capsules which integers its functions take: ``int`` in all wheels, ``int64_t`` where it
was built with ILP64 for Cython's BLAS (``-Dcython-blas-abi=ilp64``, SciPy 1.18 on).  They are read
at run time, so that one build of pcnet works with both.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from libc.stdint cimport int64_t, uintptr_t

import re

from scipy.linalg import cython_blas

ctypedef void (*wide_sgemm)(char *, char *, int64_t *, int64_t *, int64_t *, float *, float *,
                            int64_t *, float *, int64_t *, float *, float *, int64_t *) noexcept nogil
ctypedef void (*wide_dgemm)(char *, char *, int64_t *, int64_t *, int64_t *, double *, double *,
                            int64_t *, double *, int64_t *, double *, double *,
                            int64_t *) noexcept nogil

# set once, at import, where SciPy's integers are 64-bit ones
cdef wide_sgemm _wide_sgemm = NULL
cdef wide_dgemm _wide_dgemm = NULL


cdef void _narrow_sgemm(char *transa, char *transb, int *m, int *n, int *k, float *alpha, float *a,
                        int *lda, float *b, int *ldb, float *beta, float *c,
                        int *ldc) noexcept nogil:
    cdef int64_t rows = m[0], columns = n[0], depth = k[0]
    cdef int64_t a_step = lda[0], b_step = ldb[0], c_step = ldc[0]
    _wide_sgemm(transa, transb, &rows, &columns, &depth, alpha, a, &a_step, b, &b_step, beta, c,
                &c_step)


cdef void _narrow_dgemm(char *transa, char *transb, int *m, int *n, int *k, double *alpha,
                        double *a, int *lda, double *b, int *ldb, double *beta, double *c,
                        int *ldc) noexcept nogil:
    cdef int64_t rows = m[0], columns = n[0], depth = k[0]
    cdef int64_t a_step = lda[0], b_step = ldb[0], c_step = ldc[0]
    _wide_dgemm(transa, transb, &rows, &columns, &depth, alpha, a, &a_step, b, &b_step, beta, c,
                &c_step)


def integer_bits(signature):
    """32 or 64: the size of the integers of a gemm, from the signature that Cython wrote for it.

    Parameters
    ----------
    signature : str
        A C declaration, ``"void (char *, char *, int *, ...)"``, the name of SciPy's capsule.

    Raises
    ------
    ImportError
        The signature is not one of a gemm that pcnet knows how to call.
    """
    size, real = r"(int|int64_t)", r"\w+"
    parts = ["char", "char", size, r"\1", r"\1", real, real, r"\1", real, r"\1", real, real, r"\1"]
    match = re.fullmatch(r"void \(" + ", ".join(rf"{part} \*" for part in parts) + r"\)", signature)
    if match is None:
        raise ImportError(
            f"pcnet cannot use the BLAS of this SciPy: its gemm is {signature!r}, and integers of "
            "type int or int64_t were expected. Install a SciPy from a wheel (pip install scipy), "
            "or report this with the output of scipy.show_config()."
        )
    return 32 if match[1] == "int" else 64


def gemm_address(name, capsule):
    """Address of a gemm with C ``int`` sizes that computes as the one in a capsule.

    Parameters
    ----------
    name : {"sgemm", "dgemm"}
    capsule : PyCapsule
        As in ``scipy.linalg.cython_blas.__pyx_capi__``.  One with 64-bit integers is kept, one for
        each name, and called through a function that widens the sizes.
    """
    global _wide_sgemm, _wide_dgemm
    cdef const char *signature = PyCapsule_GetName(capsule)
    cdef void *function = PyCapsule_GetPointer(capsule, signature)
    if integer_bits(signature.decode()) == 32:
        return <uintptr_t> function
    if name == "sgemm":
        _wide_sgemm = <wide_sgemm> function
        return <uintptr_t> <void *> _narrow_sgemm
    _wide_dgemm = <wide_dgemm> function
    return <uintptr_t> <void *> _narrow_dgemm


GEMM_ADDRESSES = {
    "float32": gemm_address("sgemm", cython_blas.__pyx_capi__["sgemm"]),
    "float64": gemm_address("dgemm", cython_blas.__pyx_capi__["dgemm"]),
}
