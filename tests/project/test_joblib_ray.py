"""joblib's backend "ray": searches find the same, and no worker has more threads than its CPU.

Runs where ray is installed, which CI does not have (240 MB).
"""

import os

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from pcnet import PCClassifier
from pcnet._core.threads import effective_n_threads

from ..estimators.support import assert_same_bits, data_for, small

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def backend():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield "ray"
    ray.shutdown()


@pytest.mark.filterwarnings("ignore")  # of ray itself
def test_searches_under_joblibs_ray_backend_find_the_same(backend):
    X, y = data_for(PCClassifier)
    search = GridSearchCV(small(PCClassifier), {"alpha": [0.0, 1.0]}, cv=2)
    expected = clone(search).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = clone(search).fit(X, y)
        workers = joblib.Parallel()(joblib.delayed(_threads)() for _ in range(4))
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    )
    assert_same_bits(found.best_estimator_, expected.best_estimator_)
    assert [n for _, n in workers] == [1] * 4
    assert all(pid != os.getpid() for pid, _ in workers)


def _threads():
    return os.getpid(), effective_n_threads()


_threads.__module__ = "__main__"  # workers cannot import this file
