"""Unplanned ends of a fit: an error within seconds, or the same bits from a checkpoint."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client

import pcnet
import pcnet.dask
from pcnet.callbacks import Callback

from ..estimators.support import assert_same_bits, data_for, small
from .conftest import N_WORKERS, assert_empty
from .test_dask_fit import N, cut, on_workers

OPTIONS = {"batch_size": 50, "n_shards": 4, "max_iter": 6}


class KillWorker(Callback):
    """A signal to the process of a worker that trains, once, in the third epoch."""

    def __init__(self, client, addresses, kind=signal.SIGKILL):
        self.pids = client.run(os.getpid)
        self.address = addresses[-1]
        self.kind = kind
        self.killed_at = None

    def __deepcopy__(self, memo):
        return self

    def on_batch_end(self, run, report):
        if run.n_epochs == 2 and run.batch == 2 and self.killed_at is None:
            os.kill(self.pids[self.address], self.kind)
            self.killed_at = time.monotonic()


@pytest.mark.parametrize("form", ["array", "blocks"])
def test_fit_continues_without_a_killed_worker_from_the_checkpoint(client, tmp_path, form):
    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    local = small(pcnet.PCClassifier, **OPTIONS).fit(X, y)
    kill = KillWorker(client, sorted(client.nthreads()))
    model = small(pcnet.dask.PCClassifier, **OPTIONS, callbacks=kill, checkpoint=tmp_path / "run")
    with pytest.warns(UserWarning, match=f"lost {kill.address} .* continues on the workers left"):
        model.fit(X if form == "array" else cut(X, 31), y)
    assert time.monotonic() - kill.killed_at < 30
    assert_same_bits(model, local)
    np.testing.assert_equal(model.loss_curve_, local.loss_curve_)


def test_fit_continues_without_a_worker_that_hangs(client, tmp_path):
    X, y = data_for(pcnet.PCClassifier, n_samples=N)
    local = small(pcnet.PCClassifier, **OPTIONS).fit(X, y)
    client.run(importlib.import_module, "pcnet.dask")  # meanwhile they do not answer
    hang = KillWorker(client, sorted(client.nthreads()), signal.SIGSTOP)
    model = small(pcnet.dask.PCClassifier, **OPTIONS, callbacks=hang, checkpoint=tmp_path / "run")
    with (
        dask.config.set({"pcnet.worker-timeout": "6s"}),
        pytest.warns(UserWarning, match=f"{hang.address} has not answered for 6 s .*continues"),
    ):
        model.fit(cut(X, 31), y)
    assert time.monotonic() - hang.killed_at < 30
    assert_same_bits(model, local)


def test_fit_without_checkpoint_names_the_killed_worker(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    kill = KillWorker(client, sorted(client.nthreads())[:2])
    model = small(pcnet.dask.PCRegressor, **OPTIONS, callbacks=kill)
    with pytest.raises(pcnet.dask.WorkerLostError, match="Without a checkpoint") as caught:
        model.fit(on_workers(client, X, 2), y)
    assert time.monotonic() - kill.killed_at < 30
    assert caught.value.workers == (kill.address,)
    assert kill.address in str(caught.value)
    assert not hasattr(model, "network_")


class CtrlC(Callback):
    """Ctrl-C a little later than the twentieth step, in whatever the client does then."""

    def on_batch_end(self, run, report):
        if run.n_steps == 20:
            threading.Timer(0.03, os.kill, (os.getpid(), signal.SIGINT)).start()


class StopAt(Callback):
    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_batch_end(self, run, report):
        return run.n_steps == self.n_steps


def test_ctrl_c_keeps_the_weights_of_a_whole_step(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    endless = {"max_iter": 10_000, "learning_rate": "constant", "n_iter_no_change": np.inf}
    options = {**OPTIONS, **endless}
    model = small(pcnet.dask.PCRegressor, **options, callbacks=CtrlC())
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(cut(X, 60), y)
    n_updates = model._optimizer_state.n_updates
    assert 20 <= n_updates < 200
    local = small(pcnet.PCRegressor, **options, callbacks=StopAt(n_updates)).fit(X, y)
    assert_same_bits(model, local)


def test_client_that_leaves_takes_everything_along(cluster, connection):
    code = """
    import sys
    import numpy as np
    from distributed import Client
    import pcnet.dask
    client = Client(sys.argv[1])
    X = np.random.default_rng(0).standard_normal((200, 5))
    def begun(run):
        print("begun", flush=True)
    options = {"alpha": 0.0, "max_iter": 10**6, "tol": 0.0, "n_iter_no_change": np.inf}
    options |= {"callbacks": begun, "learning_rate": "constant"}
    pcnet.dask.PCRegressor((8,), **options).fit(X, X[:, 0])
    """
    lines = "\n".join(line[4:] for line in code.splitlines())
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", lines, cluster.scheduler_address], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"begun\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert_empty(connection)
    assert len(connection.nthreads()) == N_WORKERS


def test_bad_data_and_arguments_have_clear_errors(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    model = small(pcnet.dask.PCRegressor, **OPTIONS)
    spoilt = X.copy()
    spoilt[150, 2] = np.nan
    for data, target, options, text in (
        (cut(spoilt, 40), y, {}, "Input X contains NaN"),
        (cut(X, 40), y[:-1], {}, "inconsistent numbers of samples"),
        (dd.from_pandas(pd.DataFrame({"a": ["b"] * N}), 2), y, {}, "X must hold numbers"),
        (cut(X[:, 0], 40), y, {}, "X must have 2 dimensions"),
        (cut(X, 40), y, {"solver": "lbfgs"}, "solver='lbfgs' trains on one machine"),
    ):
        with pytest.raises(ValueError, match=text):
            model.set_params(**{"solver": "adam", **options}).fit(data, target)
    model.set_params(solver="adam")
    with pytest.raises(TypeError, match=r"client must be a distributed\.Client"):
        model.set_params(client="tcp://a:1").fit(X, y)
    with pytest.raises(TypeError, match="Here that is max_iter"):
        pcnet.dask.PCRegressor(epochs=3)


def test_error_of_the_users_computation_is_raised_unchanged(client):
    def fail(block):
        raise ZeroDivisionError("my own error")

    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    data = cut(X, 40).rechunk({1: -1}).map_blocks(fail, dtype=X.dtype, meta=X[:0])
    with pytest.raises(ZeroDivisionError, match="my own error"):
        small(pcnet.dask.PCRegressor, **OPTIONS).fit(data, y)


def test_too_few_blocks_are_a_warning(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    with pytest.warns(UserWarning, match="X has 2 blocks of rows, so that only 2 of 4 workers"):
        small(pcnet.dask.PCRegressor, **OPTIONS).fit(cut(X, 150), y)


def test_divergence_is_reported_as_on_one_machine(client):
    X, y = data_for(pcnet.PCRegressor, n_samples=N)
    options = {**OPTIONS, "learning_rate_init": 1e30, "solver": "sgd"}
    errors = []
    for cls in (pcnet.PCRegressor, pcnet.dask.PCRegressor):
        with pytest.raises(FloatingPointError) as caught:
            small(cls, **options).fit(X, y)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


def test_secure_cluster(tmp_path):
    pytest.importorskip("cryptography")
    from distributed import LocalCluster
    from distributed.security import Security

    security = Security.temporary()
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, protocol="tls://",
            security=security, dashboard_address=":0",
        ) as cluster,
        Client(cluster, security=security, set_as_default=False) as own,
    ):  # fmt: skip
        X, y = data_for(pcnet.PCRegressor, n_samples=N)
        model = small(pcnet.dask.PCRegressor, **OPTIONS, client=own).fit(X, y)
        assert_same_bits(model, small(pcnet.PCRegressor, **OPTIONS).fit(X, y))
