"""Training on a Dask cluster: two workers against one, a table in blocks, a simulated network.

    python benchmarks/dask_workers.py [two] [table] [simulate] [--runs 3]

"two": a training step of 32 layers of 512 units at batches of 1024 on two worker processes of one
thread each, against one such worker and against the plain estimator with one thread, in turn; in
seconds, and in CPU seconds, which other work on the machine changes little. "table": peak memory of
the processes in a fit on 1,000,000 x 100 float32 rows that are made block by block on the workers.
"simulate": a step on 2 to 64 workers from the times measured by "two", on networks of other speeds.
Default: all.
"""

import argparse
import os
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
N_STEPS, N_SHARDS = 10, 2
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
    parser.add_argument("--runs", type=int, default=3, help="runs of two, in turn")
    arguments = parser.parse_args()
    parts = arguments.parts
    print_environment(distributed=distributed.__version__)
    times = two_workers(arguments.runs) if "two" in parts else None
    if "table" in parts:
        large_table()
    if "simulate" in parts:
        simulate(times)


class Times(pcnet.callbacks.Callback):
    """Clocks after each step: of the wall, of this process's CPUs, of those of the workers."""

    def __init__(self, client=None):
        self.client = client
        self.at = []

    def __deepcopy__(self, memo):
        return self

    def on_batch_end(self, run, report):
        workers = [0.0]
        if self.client is not None and run.n_steps in (1, N_STEPS):
            workers = list(self.client.run(time.process_time).values())
        self.at.append((time.perf_counter(), time.process_time(), max(workers)))

    @property
    def wall(self):
        """Seconds of the fastest step, which other work on the machine disturbs least."""
        return np.diff([wall for wall, *_ in self.at]).min()

    @property
    def cpu(self):
        """CPU seconds of a step: of this process, and of the worker that has worked most."""
        (_, *first), (_, *last) = self.at[0], self.at[-1]
        return np.subtract(last, first) / (len(self.at) - 1)


# ------------------------------------------------------------ two workers


def two_workers(runs):
    """CPU seconds of a step: plain in shards; and what a cluster adds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_STEPS * BATCH, N_FEATURES), dtype=np.float32)
    y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0)
    print(f"\n{DEPTH} layers x {WIDTH}, batches of {BATCH}, a step of one-thread processes")
    print(f"  {'':28}{'fastest':>10}{'CPU here':>10}{'CPU of a worker':>17}")

    def measured(name, cls, client=None, **options):
        times = Times(client)
        shape = (WIDTH,) * (DEPTH - 1)
        model = cls(shape, callbacks=times, temperature=0.2, **{**ARGUMENTS, **options}).fit(X, y)
        print(f"  {name:28}{times.wall:8.3f} s{times.cpu[0]:8.3f} s{times.cpu[1]:15.3f} s")
        return times, model

    on_one, on_two, on_worker = [], [], []
    with pcnet.set_num_threads(1):
        whole, _ = measured("plain, whole batches", pcnet.PCClassifier, n_shards=None)
        many, _ = measured("plain, n_shards=64", pcnet.PCClassifier, n_shards=64)
    for _ in range(runs):
        with pcnet.set_num_threads(1):
            times, local = measured(f"plain, n_shards={N_SHARDS}", pcnet.PCClassifier)
        on_one.append(times)
        for n, name, found in ((1, "one worker", on_worker), (2, "two workers", on_two)):
            with LocalCluster(n_workers=n, **CLUSTER) as cluster, Client(cluster) as client:
                times, model = measured(name, pcnet.dask.PCClassifier, client)
            found.append(times)
    same = all(np.array_equal(a, b) for a, b in zip(model.coefs_, local.coefs_, strict=True))
    wall = np.median([times.wall for times in on_two])
    print(f"  same bits: {same}; two workers are faster than")
    for name, slower in (("one worker", on_worker), ("the plain estimator", on_one)):
        ratios = [one.wall / two.wall for one, two in zip(slower, on_two, strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"    {name} with the same shards: {np.median(ratios):.2f} times ({spread})")
    print(f"    the plain estimator with whole batches: {whole.wall / wall:.2f} times")
    plain = np.median([times.cpu[0] for times in on_one])
    step = np.median([times.cpu.sum() for times in on_two])  # one after the other
    in_shards = {64: many.cpu[0], N_SHARDS: plain}
    return in_shards, step - plain / 2


# ------------------------------------------------------------ a large table


def large_table():
    """Peak memory of client and workers in a fit on a table that lies in blocks."""
    n, n_blocks = 1_000_000, 40
    with (
        LocalCluster(n_workers=2, **CLUSTER) as cluster,
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
    in_shards, overhead = times or ({2: 0.44, 64: 0.85}, 0.07)
    whole = in_shards[N_SHARDS]
    n_weights = N_FEATURES * WIDTH + (DEPTH - 2) * WIDTH**2 + WIDTH * 3
    print(f"\nsimulated step, {n_weights / 1e6:.1f} million weights: speed-up on workers")
    shards = sorted(in_shards)
    for larger in (1, 16):
        print(f"  batch {larger * BATCH}" + "".join(f"{n:>8}" for n in WORKERS))
        for name, (bits, delay) in NETWORKS.items():
            row = []
            for n in WORKERS:  # shards of a larger batch are larger
                work = np.interp(np.log(n / larger), np.log(shards), [in_shards[k] for k in shards])
                step = simulated_step(n, larger * work, overhead, 4 * n_weights, bits, delay)
                row.append(larger * whole / step)
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
