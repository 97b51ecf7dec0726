"""The table of tolerances, fixtures of all tiers, and the implementation of the mark `covering`."""

import gc
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import pcnet
from pcnet._core.threads import effective_n_threads

from .helpers import covering

# Relative errors as in helpers.relative_error, unless stated otherwise. tests/README.md gives the
# reasons for these numbers; a test that needs a larger one has found a bug.
TOLERANCES = {
    "float64": {
        "golden": 1e-9,  # an independent implementation, computed in float64
        "equilibrium_energy": 1e-9,
        "equilibrium_activities": 1e-7,
        "difference": 1e-8,  # central differences with step 1e-5 of functions of order 1
        "closed_form": 1e-11,  # one closed form against another
        "activation": 1e-14,  # some tens of ulps; element by element, relative above 1
        "reference": 1e-13,  # one pass of the core against NumPy
        "inference": 1e-10,  # many passes: rounding grows from step to step
        "training": 1e-9,  # Adam divides a gradient's rounding by the gradient
    },
    "float32": {
        "golden": 1e-4,
        "activation": 2e-6,
        "reference": 2e-6,
        "inference": 1e-4,
        "training": 2e-4,
    },
}


@pytest.fixture
def tolerance():
    """tolerance(dtype, kind): an entry of the table."""
    return lambda dtype, kind: TOLERANCES[np.dtype(dtype).name][kind]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """One thread is faster for thousands of systems of some dozen unknowns."""
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(autouse=True)
def seeded_global_generator():
    """Give every test the same global generator, from which scikit-learn draws without a seed."""
    np.random.seed(0)  # noqa: NPY002


@pytest.fixture
def threads():
    """threads(n): a context in which the core uses up to n threads."""

    @contextmanager
    def limited(n_threads):
        with threadpool_limits(limits=n_threads, user_api="openmp"):
            # a build without OpenMP always has one thread
            assert effective_n_threads() == (n_threads if pcnet.has_openmp() else 1)
            yield

    return limited


@pytest.fixture
def interruptible():
    """Make SIGINT raise KeyboardInterrupt, also if the tests run as a background job."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Exclude the tests and modules from garbage collections, each of which would visit them."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items):
    """Mark as slow the points of a test's grid that its mark ``covering(n)`` leaves out."""
    grids = {}
    for item in items:
        if mark := item.get_closest_marker("covering"):
            grids.setdefault((item.nodeid.partition("[")[0], *mark.args), []).append(item)
    for (_, strength), grid in grids.items():
        # by identity: values such as networks and functions may not be hashable
        points = [{k: id(v) for k, v in item.callspec.params.items()} for item in grid]
        kept = covering(points, strength)
        for index in set(range(len(grid))) - set(kept):
            grid[index].add_marker("slow")
