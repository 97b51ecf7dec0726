"""Training on sparse rows. Oracle: the same fit on dense rows, to the bit."""

import numpy as np
import pytest
import scipy.sparse

from pcnet import PCClassifier, PCRegressor, set_num_threads
from pcnet.solvers import SGD, Adam

SHORT = {"max_iter": 2, "alpha": 0.1, "random_state": 0, "dtype": "float32"}


def sparse_rows(n_rows=70, n_features=300, density=0.03):
    rng = np.random.default_rng(1)
    X = scipy.sparse.random(n_rows, n_features, density, "csr", np.float32, random_state=1)
    return scipy.sparse.csr_array(X), rng.integers(0, 3, n_rows)


OPTIONS = [
    {},
    {"dtype": "float64"},
    {"batch_size": 33},
    {"shuffle": False},
    {"input_scaling": "max"},
    {"solver": SGD(momentum=0.9)},
    {"solver": Adam(clip=1e-3)},
    {"inference": "activity"},
    {"inference": "backprop"},
    {"inference": "nudged"},
    {"loss": "log_loss"},
    {"early_stopping": True},
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_fits_on_sparse_rows_have_the_bits_of_dense_ones(options):
    X, y = sparse_rows()
    weight = np.random.default_rng(2).integers(0, 3, len(y))
    models = [
        PCClassifier((40, 9), **{**SHORT, **options}).fit(rows, y, sample_weight=weight)
        for rows in (X, X.toarray())
    ]
    for found, expected in zip(models[0].coefs_, models[1].coefs_, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert models[0].loss_curve_ == models[1].loss_curve_


def test_threads_change_no_bit_of_a_fit_on_sparse_rows():
    X, y = sparse_rows()
    coefs = []
    for n_threads in (1, 2, 3):
        with set_num_threads(n_threads):
            coefs.append(PCRegressor((40, 9), **SHORT).fit(X, y).coefs_[0])
    np.testing.assert_array_equal(coefs[0], coefs[1])
    np.testing.assert_array_equal(coefs[0], coefs[2])
