"""SciPy's gemm with 32- and with 64-bit integers.

The second is played by a function of this file, in a capsule as an ILP64 build of SciPy has it.
"""

import ctypes

import numpy as np
import pytest
from scipy.linalg import cython_blas

from pcnet import _blas

SIGNATURE = (
    "void (char *, char *, {i} *, {i} *, {i} *, {r} *, {r} *, {i} *, {r} *, {i} *, {r} *, {r} *, "
    "{i} *)"
)
C_REAL = {"sgemm": ctypes.c_float, "dgemm": ctypes.c_double}
REAL = {"sgemm": "__pyx_t_5scipy_6linalg_11cython_blas_s", "dgemm": "double"}
DTYPE = {"sgemm": np.float32, "dgemm": np.float64}
GEMM = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)


@pytest.fixture(params=["sgemm", "dgemm"])
def name(request):
    return request.param


def wide_gemm(name):
    """c = a b with 64-bit sizes, column by column as in Fortran, no transposes."""

    def matrix(address, rows, columns, step):
        flat = (C_REAL[name] * (step * columns)).from_address(address)
        return np.frombuffer(flat, dtype=DTYPE[name]).reshape(columns, step)[:, :rows].T

    def gemm(_transa, _transb, m, n, k, _alpha, a, lda, b, ldb, _beta, c, ldc):
        m, n, k, lda, ldb, ldc = (
            ctypes.c_int64.from_address(size).value for size in (m, n, k, lda, ldb, ldc)
        )
        matrix(c, m, n, ldc)[...] = matrix(a, m, k, lda) @ matrix(b, k, n, ldb)

    return GEMM(gemm)


def capsule_of(function, signature):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    return new(ctypes.cast(function, ctypes.c_void_p), ctypes.addressof(signature), None)


def call(address, name, a, b):
    """a b by the gemm at an address (columns first, so it computes b^T a^T)."""
    out = np.full((a.shape[0], b.shape[1]), np.nan, dtype=a.dtype)
    sizes = [ctypes.c_int(n) for n in (b.shape[1], a.shape[0], a.shape[1])]
    steps = [ctypes.c_int(n) for n in (b.shape[1], a.shape[1], b.shape[1])]
    real = C_REAL[name]
    of = lambda array: array.ctypes.data_as(ctypes.c_void_p)  # noqa: E731
    ref = ctypes.byref
    GEMM(address)(
        b"N", b"N", *map(ref, sizes), ref(real(1)), of(b), ref(steps[0]), of(a), ref(steps[1]),
        ref(real(0)), of(out), ref(steps[2]),
    )  # fmt: skip
    return out


@pytest.fixture
def factors(name):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(DTYPE[name]) for shape in ((5, 7), (7, 3))]


def test_scipys_own(name, factors):
    a, b = factors
    address = _blas.GEMM_ADDRESSES[np.dtype(DTYPE[name]).name]
    np.testing.assert_allclose(call(address, name, a, b), a @ b, rtol=1e-5)


def test_64_bit_integers(name, factors):
    a, b = factors
    function = wide_gemm(name)
    signature = ctypes.create_string_buffer(SIGNATURE.format(i="int64_t", r=REAL[name]).encode())
    address = _blas.gemm_address(name, capsule_of(function, signature))
    try:
        np.testing.assert_allclose(call(address, name, a, b), a @ b, rtol=1e-5)
    finally:  # where SciPy's integers are 64-bit ones, its own function must be back
        _blas.gemm_address(name, cython_blas.__pyx_capi__[name])


@pytest.mark.parametrize(("integer", "bits"), [("int", 32), ("int64_t", 64)])
def test_signatures_tell_the_integers(name, integer, bits):
    assert _blas.integer_bits(SIGNATURE.format(i=integer, r=REAL[name])) == bits


def test_this_scipys_signature_is_read(name):
    capsule = repr(cython_blas.__pyx_capi__[name])
    assert _blas.integer_bits(capsule.split('"')[1]) in (32, 64)


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE.format(i="short", r="float"),
        SIGNATURE.format(i="int", r="float").replace("int *", "int64_t *", 1),  # mixed
        "void (int *)",
    ],
)
def test_unknown_signatures_are_refused(signature):
    with pytest.raises(ImportError, match=r"gemm is .*int64_t were expected.*Install a SciPy"):
        _blas.integer_bits(signature)
