"""Oracle: sizes of the necessary arrays, from their shapes; tracemalloc counts NumPy's arrays."""

import tracemalloc
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from .support import ESTIMATORS, small

N_FEATURES, BATCH_SIZE = 256, 32
HIDDEN = (192,) * 12


@contextmanager
def traced():
    """Bytes above those at the start: the maximum inside the block, and after it."""
    found = SimpleNamespace()
    tracemalloc.start()
    try:
        yield found
        found.kept, found.peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def wide_data(n_samples):
    X = np.random.default_rng(0).standard_normal((n_samples, N_FEATURES), dtype=np.float32)
    return X, np.arange(n_samples) % 10


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fit_holds_five_copies_of_the_parameters(Estimator, early_stopping):
    """Weights, packed, packed transposed, two moments; early stopping keeps the best weights."""
    X, y = wide_data(200)
    model = small(
        Estimator,
        hidden_layer_sizes=HIDDEN,
        batch_size=BATCH_SIZE,
        max_iter=2,
        early_stopping=early_stopping,
    )
    small(Estimator, max_iter=1).fit(X, y)  # imports of the first use
    with traced() as memory:
        model.fit(X, y)
    parameters = sum(a.nbytes for a in [*model.coefs_, *model.intercepts_])
    activations = X.itemsize * BATCH_SIZE * (sum(HIDDEN) + model.n_outputs_)
    copies = 6.5 if early_stopping else 5.5
    assert memory.peak <= copies * parameters + 8 * activations + X.nbytes
    assert memory.kept <= 3.2 * parameters  # the weights and two moments


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predict_does_not_copy_the_data(Estimator):
    X, y = wide_data(8000)
    model = small(Estimator, max_iter=1).fit(X[:100], y[:100])
    model.predict(X[:1])
    with traced() as memory:
        model.predict(X)
    assert memory.peak <= 0.2 * X.nbytes
