"""Repeated fits and predictions do not need more and more memory.

tracemalloc counts memory of Python and NumPy; the resident size includes all other memory.
"""

import gc
import os
import tracemalloc
from pathlib import Path

import pytest

from pcnet import PCClassifier, PCRegressor

from .support import data_for, small

STATM = Path("/proc/self/statm")
OPTIONS = [
    (PCClassifier, {"early_stopping": True}),
    (PCRegressor, {"inference": "activity", "solver": "sgd"}),
    (PCClassifier, {"input_scaling": "standard", "dtype": "float32"}),
    (PCRegressor, {"solver": "lbfgs"}),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def resident_bytes():
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fits(n):
    """n fits, each followed by the other methods of a fitted estimator."""
    data = {Estimator: data_for(Estimator, 60) for Estimator, _ in OPTIONS}
    for i in range(n):
        Estimator, arguments = OPTIONS[i % len(OPTIONS)]
        X, y = data[Estimator]
        model = small(Estimator, hidden_layer_sizes=(64,) * 4, max_iter=1, **arguments)
        model.fit(X, y).predict(X)
        if model.solver != "lbfgs" and not model.early_stopping:
            model.partial_fit(X, y)
        model.energy(X, y)


@pytest.mark.skipif(not STATM.exists(), reason="reads /proc")
@pytest.mark.parametrize("n_fits", [16, pytest.param(1000, marks=pytest.mark.slow)])
def test_repeated_fits_release_their_memory(n_fits):
    """A fit allocates at least 400 kB; a leak of a tenth of an array per fit would be found."""
    fits(12)  # imports and caches of the first use, and the allocators' pools
    gc.collect()
    resident = resident_bytes()
    tracemalloc.start()
    try:
        fits(4)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        fits(n_fits)
        gc.collect()
        traced = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    grown = resident_bytes() - resident
    print(f"{n_fits} fits: {traced} bytes more in use, {grown} bytes more resident")
    assert traced < 100_000
    assert grown < 16_000_000
