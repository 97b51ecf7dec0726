"""Fits and predictions, again and again: the process does not grow.

tracemalloc counts what Python and NumPy hold; the resident size also what they cannot see.
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
    """n fits, each followed by what else a fitted estimator does."""
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
@pytest.mark.parametrize("n_fits", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_repeated_fits_release_their_memory(n_fits):
    """One fit holds 400 kB and more: a tenth of one array a fit would show."""
    fits(12)  # what is imported and cached at first use, and the allocators' own pools
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
