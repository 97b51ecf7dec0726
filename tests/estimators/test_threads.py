"""Oracle: one thread. Any other number must give the same bits."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pcnet import PCClassifier
from pcnet.inference import ExactEquilibrium

from ..helpers import starts_threads
from .support import ESTIMATORS, assert_same_bits, data_for, small


def fit_with(n_threads, Estimator, X, y, **arguments):
    with threadpool_limits(limits=n_threads, user_api="openmp"):
        return small(Estimator, hidden_layer_sizes=(160, 160, 160, 96), **arguments).fit(X, y)


@pytest.mark.covering(2)
@pytest.mark.filterwarnings("ignore:Inference raised the mean energy")  # rate 0.5 is too large here
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("inference", ["error", "activity"])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_same_bits_with_any_number_of_threads(Estimator, inference, solver, dtype):
    X, y = data_for(Estimator, n_samples=200, dtype=dtype)
    arguments = {
        "inference": inference,
        "solver": solver,
        "learning_rate_init": 0.02 if solver == "adam" else 1e-3,
        "batch_size": 100,
        "max_iter": 3,
    }
    reference = fit_with(1, Estimator, X, y, **arguments)
    assert starts_threads(reference.network_.layer_sizes, 100)
    for n_threads in (2, 3):
        model = fit_with(n_threads, Estimator, X, y, **arguments)
        assert_same_bits(reference, model)
        assert reference.loss_curve_ == model.loss_curve_
        assert reference.energy_curve_ == model.energy_curve_
        with threadpool_limits(limits=n_threads, user_api="openmp"):
            several = model.predict(X)
        with threadpool_limits(limits=1, user_api="openmp"):
            np.testing.assert_array_equal(model.predict(X), several)


@pytest.mark.covering(1)
@pytest.mark.filterwarnings("ignore:L-BFGS ended")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"input_scaling": "standard", "alpha": 0.1, "early_stopping": True, "max_iter": 3},
        {"solver": "lbfgs", "alpha": 0.1, "max_iter": 3},
        {"inference": ExactEquilibrium(), "activation": "identity", "max_iter": 2},
    ],
    ids=["adam", "lbfgs", "exact"],
)
def test_same_bits_with_any_number_of_blas_threads(Estimator, arguments, dtype):
    """Layers and data large enough for OpenBLAS to use several threads for a product of vectors."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 90)).astype(dtype)
    y = np.arange(700) % 40 if Estimator is PCClassifier else X[:, :40].astype(np.float64)
    results = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(limits=n_threads, user_api="blas"):
            model = Estimator((160, 160), batch_size=350, random_state=0, **arguments).fit(X, y)
            history = {name: c for name, c in model.history_.items() if name != "seconds"}
            results.append((model, history, model.predict(X), model.energy(X[:200], y[:200])))
    for model, history, predicted, energy in results[1:]:
        assert_same_bits(results[0][0], model)
        np.testing.assert_equal(history, results[0][1])
        np.testing.assert_array_equal(predicted, results[0][2])
        np.testing.assert_array_equal(energy, results[0][3])
