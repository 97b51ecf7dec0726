"""One cluster of four processes for all tests of this folder, which are slow and need dask."""

import gc
import time
from pathlib import Path

import pytest

try:
    import dask
    from distributed import Client, LocalCluster
except ImportError:  # pcnet[dask] is not installed
    collect_ignore_glob = ["test_*.py"]

N_WORKERS = 4


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.slow)
            # first, so that the marks of a test come later
            mark = pytest.mark.filterwarnings("ignore:X has .* blocks of rows")
            item.add_marker(mark, append=False)


@pytest.fixture(scope="session")
def cluster():
    # After this time LocalCluster gives up a lost worker, even one that has come back and was lost
    # again a moment ago: by default 15 s, about what passes between two tests that kill a worker.
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"})
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with patient, LocalCluster(n_workers=N_WORKERS, **options) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def connection(cluster):
    with Client(cluster) as client:
        yield client


@pytest.fixture
def client(connection):
    """The client of the cluster; at the end of the test nothing is left on it."""
    connection.wait_for_workers(N_WORKERS, timeout=30)
    yield connection
    assert_empty(connection)


def assert_empty(client):
    gc.collect()  # an exception's frames hold the test's own futures
    end = time.monotonic() + 10
    while left := client.run_on_scheduler(_tasks):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def _tasks(dask_scheduler):
    return [str(key) for key in dask_scheduler.tasks]
