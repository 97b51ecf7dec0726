# cython: language_level=3, boundscheck=False, initializedcheck=False
"""The boundary to the C core (``csrc/pcnet.h``): types, addresses, errors, and nothing else.

Arrays are checked here for dtype, shape and contiguity; every call drops the GIL once.  Codes of
activations, losses and terminations are the enums of the header, exported as the tables below.
One extension module, in several files that are included at the end.
"""

cimport cython
from cpython.buffer cimport PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.pythread cimport PyThread_get_thread_ident
from libc.math cimport exp, expf, isfinite
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc, realloc

from pcnet._core.core cimport *

import enum
import math
import os
import threading
import time

import numpy as np

ACTIVATION_CODES = {
    "identity": PCNET_IDENTITY,
    "tanh": PCNET_TANH,
    "hard_tanh": PCNET_HARD_TANH,
    "relu": PCNET_RELU,
    "leaky_relu": PCNET_LEAKY_RELU,
    "gelu": PCNET_GELU,
    "selu": PCNET_SELU,
    "silu": PCNET_SILU,
    "logistic": PCNET_LOGISTIC,
}
LOSS_CODES = {
    "squared_error": PCNET_SQUARED_ERROR,
    "log_loss": PCNET_LOG_LOSS,
    "logistic": PCNET_LOGISTIC_LOSS,
    "huber": PCNET_HUBER,
    "poisson": PCNET_POISSON,
}
HUBER_DELTA = 1.35  # of the name "huber"; an object with a delta says its own
SOLVER_CODES = {"adam": PCNET_ADAM, "sgd": PCNET_SGD, "nesterov": PCNET_NESTEROV}
ISA_CODES = {"generic": PCNET_GENERIC, "avx2": PCNET_AVX2, "avx512": PCNET_AVX512}


class Status(enum.IntEnum):
    """How a sample's inference ended: the entries of `Batch.status`.

    Attributes
    ----------
    text : str
        The same in words.
    """

    def __new__(cls, code, text):
        status = int.__new__(cls, code)
        status._value_ = code
        status.text = text
        return status

    REACHED_MAX_STEPS = PCNET_REACHED_MAX_STEPS, "at the limit of steps"
    CONVERGED = PCNET_CONVERGED, "converged"
    ENERGY_STALLED = PCNET_ENERGY_STALLED, "at a stalled energy"
    ROUNDING_FLOOR = PCNET_ROUNDING_FLOOR, "at the floor of rounding"
    PREDICTED = PCNET_PREDICTED, "converged as predicted"


def is_converged(status):
    """Whether samples that ended so count as converged; ndarray of int -> ndarray of bool."""
    # plain ints: NumPy compares arrays with members of an enumeration several times more slowly
    return (status == <int> PCNET_CONVERGED) | (status == <int> PCNET_PREDICTED)


TILE_SIZE = pcnet_tile_size()
# multiply-adds of a pass up to which a call uses one thread
SERIAL_WORK = PCNET_SERIAL_WORK
# units of a layer, samples of a call: the core counts both in int, and rounds them up
MOST_COUNTED = 2**30
MOST_MEMORY = PCNET_MOST_MEMORY


def has_openmp():
    """Whether this build of pcnet runs on several threads.

    Returns
    -------
    bool
    """
    return bool(pcnet_has_openmp())


def openmp_max_threads():
    """Threads that an OpenMP region of this module would use now (1 without OpenMP)."""
    return pcnet_openmp_max_threads()


def available_isas():
    """Names of the instruction sets that this build has and this machine runs, best last."""
    best = <int> pcnet_best_isa()
    return [name for name, code in ISA_CODES.items() if code <= best]


def default_isa():
    """The instruction set in use: the best, or the one that ``PCNET_ISA`` names."""
    wanted = os.environ.get("PCNET_ISA")
    if not wanted:
        return available_isas()[-1]
    if wanted not in available_isas():
        raise RuntimeError(
            f"The environment variable PCNET_ISA is {wanted!r}, but this machine offers "
            f"{', '.join(available_isas())}. Unset it or name one of these."
        )
    return wanted


include "interrupts.pxi"
include "thread_requests.pxi"
include "arrays.pxi"
include "logistic.pxi"
include "network.pxi"
include "inputs.pxi"
include "batch_arrays.pxi"
include "single_passes.pxi"
include "small_calls.pxi"
include "update.pxi"
include "batch.pxi"
include "log_determinants.pxi"
