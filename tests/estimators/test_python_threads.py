"""Concurrent Python threads, as with free-threaded CPython, give the results of one thread."""

import sysconfig
import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import pcnet

from ..helpers import python_process

N_THREADS = 6


def in_threads(work):
    """Results of work(0), work(1), ..., each in its own thread, started at the same time."""
    barrier, results = threading.Barrier(N_THREADS), [None] * N_THREADS

    def run(i):
        barrier.wait()
        try:
            results[i] = work(i)
        except BaseException as error:  # shown by the caller
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 9))
    return X, (X[:, 0] > X[:, 1]).astype(int)


def fit(problem, seed):
    X, y = problem
    with warnings.catch_warnings():  # process-wide before Python 3.14
        warnings.simplefilter("ignore", ConvergenceWarning)
        return pcnet.PCClassifier((24, 24), max_iter=3, random_state=seed).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_concurrent_fits_have_the_bits_of_one(problem):
    X, y = problem

    def work(seed):
        return pcnet.PCClassifier((24, 24), max_iter=3, random_state=seed).fit(X, y)

    for seed, estimator in enumerate(in_threads(work)):
        alone = fit(problem, seed)
        for a, b in zip(estimator.coefs_, alone.coefs_, strict=True):
            assert np.array_equal(a, b)


def test_threads_share_a_fitted_estimator(problem):
    """predict, transform and energy of one estimator from all threads, many times."""
    X, y = problem
    estimator = fit(problem, 0)
    expected = [estimator.predict_proba(X), estimator.transform(X), estimator.energy(X, y)]

    def work(_):
        return [
            [estimator.predict_proba(X), estimator.transform(X), estimator.energy(X, y)]
            for _ in range(10)
        ]

    for repeats in in_threads(work):
        for found in repeats:
            for a, b in zip(found, expected, strict=True):
                assert np.array_equal(a, b)


def test_threads_share_a_network(problem):
    X, _ = problem
    net = pcnet.Network.init((9, 16, 16, 2), random_state=0, dtype=np.float64)
    Y = np.eye(2)[problem[1]]
    expected = pcnet.infer(net, X, Y)

    def work(_):
        return [pcnet.infer(net, X, Y) for _ in range(10)]

    for repeats in in_threads(work):
        for found in repeats:
            assert np.array_equal(found.energy, expected.energy)
            for a, b in zip(found.activities, expected.activities, strict=True):
                assert np.array_equal(a, b)


def test_the_import_leaves_the_gil_as_it_was(tmp_path):
    """A free-threaded Python switches its GIL on for extensions that do not declare themselves."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    code = "import sys, pcnet; print(getattr(sys, '_is_gil_enabled', lambda: True)())"
    done = python_process(code, tmp_path, PYTHONWARNINGS="error")
    assert done.stdout.strip() == str(not free_threaded)
