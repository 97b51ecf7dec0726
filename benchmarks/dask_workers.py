"""Training on a Dask cluster: two workers against one, a table in blocks, a simulated network.

    python benchmarks/dask_workers.py [two] [table] [simulate]

"two": a training step of 32 layers of 512 units at batches of 1024 on two worker processes of one
thread each, against the plain estimator with one thread. "table": peak memory of the processes in
a fit on 1,000,000 x 100 float32 rows that are made block by block on the workers. "simulate": a
step on 2 to 64 workers from the times measured by "two", on networks of other speeds. Default: all.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import dask.array as da
import distributed
import numpy as np
from _common import print_environment
from distributed import Client, LocalCluster

import pcnet
import pcnet.dask

DEPTH, WIDTH, N_FEATURES, BATCH = 32, 512, 100, 1024
N_STEPS, N_SHARDS = 6, 2
ARGUMENTS = {
    "batch_size": BATCH, "n_shards": N_SHARDS, "alpha": 0.0, "max_iter": 1, "random_state": 0,
    "dtype": "float32", "learning_rate_init": 1e-3,
}  # fmt: skip
CLUSTER = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
#: Bits a second, and seconds from one machine to another.
NETWORKS = {"1 Gbit/s": (1e9, 1e-4), "10 Gbit/s": (1e10, 5e-5), "100 Gbit/s": (1e11, 1e-5)}
WORKERS = (2, 4, 8, 16, 32, 64)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", default=["two", "table", "simulate"])
    parts = parser.parse_args().parts
    print_environment(distributed=distributed.__version__)
    times = two_workers() if "two" in parts else None
    if "table" in parts:
        large_table()
    if "simulate" in parts:
        simulate(times)


class Times(pcnet.callbacks.Callback):
    """Seconds of each step after the first."""

    def __init__(self):
        self.at = []

    def __deepcopy__(self, memo):
        return self

    def on_batch_end(self, run, report):
        self.at.append(time.perf_counter())

    @property
    def median(self):
        return statistics.median(np.diff(self.at))


# ------------------------------------------------------------ two workers


def two_workers():
    """Median seconds of a step: plain, plain in shards, and on two workers."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_STEPS * BATCH, N_FEATURES), dtype=np.float32)
    y = (X[:, 0] > 0) + (X[:, 1] > 0)
    print(f"\n{DEPTH} layers x {WIDTH}, batches of {BATCH}: median of {N_STEPS - 1} steps")
    shape = (WIDTH,) * (DEPTH - 1)

    def seconds(cls, **options):
        times = Times()
        model = cls(shape, callbacks=times, temperature=0.2, **{**ARGUMENTS, **options})
        model.fit(X, y)
        return times.median, model

    with pcnet.set_num_threads(1):
        whole, _ = seconds(pcnet.PCClassifier, n_shards=None)
        plain, local = seconds(pcnet.PCClassifier)
    print(f"  plain, one thread:           {whole:.3f} s")
    print(f"  plain, n_shards={N_SHARDS}:           {plain:.3f} s")
    found = {}
    for n in (1, 2):
        with (
            LocalCluster(
                n, threads_per_worker=1, processes=True, dashboard_address=":0"
            ) as cluster,
            Client(cluster),
        ):
            found[n], model = seconds(pcnet.dask.PCClassifier)
        same = all(np.array_equal(a, b) for a, b in zip(model.coefs_, local.coefs_, strict=True))
        print(f"  {n} workers of one thread:     {found[n]:.3f} s, same bits: {same}")
    print(f"  two workers: {plain / found[2]:.2f} times as fast")
    print(f"  and {whole / found[2]:.2f} times as fast as whole batches")
    print(f"  overhead of one worker: {1e3 * (found[1] - plain):.0f} ms a step")
    return plain, found[1]


# ------------------------------------------------------------ a large table


def large_table():
    """Peak memory of client and workers in a fit on a table that lies in blocks."""
    n, n_blocks = 1_000_000, 40
    with (
        LocalCluster(2, **CLUSTER) as cluster,
        Client(cluster) as client,
    ):
        client.run(_import)
        before = client.run(resident)
        own = resident()
        X = da.random.default_rng(0).standard_normal(
            (n, N_FEATURES), chunks=(n // n_blocks, N_FEATURES), dtype=np.float32
        )
        y = X[:, 0] + X[:, 1] * X[:, 2]
        X, y = client.persist([X, y])
        started = time.perf_counter()
        model = pcnet.dask.PCRegressor(
            (64, 64), batch_size=16384, n_shards=8, max_iter=2, alpha=0.1,
            input_scaling="standard", random_state=0,
        ).fit(X, y)  # fmt: skip
        seconds = time.perf_counter() - started
        after, at_client = client.run(peak), peak()
    print(f"\n{n:,} x {N_FEATURES} float32, {4e-6 * n * N_FEATURES:.0f} MB in {n_blocks} blocks")
    print(f"  {model.n_iter_} epochs with scaling of the features: {seconds:.1f} s")
    for worker, most in after.items():
        print(f"  {worker}: peak {(most - before[worker]) / 1e6:.0f} MB above its start")
    print(f"  client: peak {(at_client - own) / 1e6:.0f} MB above its start")


def _import():
    import pcnet.dask  # noqa: F401


def resident():
    return _memory("VmRSS")


def peak():
    return _memory("VmHWM")


def _memory(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return 1024 * int(line.split()[1])
    raise OSError(field)


# ------------------------------------------------------------ a simulated network


def simulate(times):
    """Speed-ups of a step, from the times of one worker and a model of the network."""
    plain, one = times or (1.5, 1.53)
    n_weights = N_FEATURES * WIDTH + (DEPTH - 2) * WIDTH**2 + WIDTH * 3
    print(f"\nsimulated step, {n_weights / 1e6:.1f} million weights, batches of {BATCH}")
    print(f"  from {plain:.3f} s for the batch and {one - plain:.3f} s of messages and update")
    header = "".join(f"{n:>8}" for n in WORKERS)
    for larger in (1, 16):
        print(f"  batch {larger * BATCH}, speed-up on workers:\n    {'':12}{header}")
        for name, (bits, delay) in NETWORKS.items():
            row = []
            for n in WORKERS:
                step = simulated_step(n, larger * plain, one - plain, 4 * n_weights, bits, delay)
                row.append(larger * plain / step)
            print(f"    {name:12}" + "".join(f"{value:8.1f}" for value in row))


def simulated_step(n_workers, seconds, overhead, n_bytes, bits, delay, seed=0):
    """Seconds of a step: shards, slices of sums from all to all, the sums back, the update.

    Each worker's line sends one message after the other, and receives so; workers compute up to 5 %
    longer at random.
    """
    rng = np.random.default_rng(seed)
    message = 8 * n_bytes / n_workers / bits
    ready = seconds / n_workers * (1 + 0.05 * rng.random(n_workers))
    workers = np.arange(n_workers)
    for _ in range(2):  # slices of the shards' sums, then of the total
        line = np.zeros(n_workers)
        for k in range(n_workers - 1):  # the k-th message of each goes to another worker
            target = (workers + 1 + k) % n_workers
            line[target] = np.maximum(line[target], ready + k * message + delay) + message
        ready = np.maximum(ready, line)
    return ready.max() + overhead + 2 * delay


if __name__ == "__main__":
    main()
