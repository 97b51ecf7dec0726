"""Speed-up by a second thread, and whether limits on threads take effect.

    python benchmarks/threads.py [--quick]

Inference (fixed work) and a whole fit at batches of 128 with two threads against one, set with
threadpoolctl. Then how many cores a fit keeps busy (CPU time over wall time) under
OMP_NUM_THREADS, under a limit of threadpoolctl, and in the two workers of a grid search.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from _common import Table, alternate_seconds, print_environment
from _problems import N_INPUTS, N_OUTPUTS, prepared_inference, random_problem
from sklearn.model_selection import GridSearchCV
from threadpoolctl import ThreadpoolController

from pcnet import PCClassifier
from pcnet._core.threads import effective_n_threads

BATCH_SIZE = 128
#: (layers, width, batches of the fit)
SIZES = [(32, 512, 60), (128, 128, 120)]
SPEEDUP = 1.8
#: Cores used beyond the given threads: the clock's error, and the start of a fit.
SLACK = 0.1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(cores_of_a_fit(arguments.limit)))
        return
    print_environment()
    table = Table()
    speedup_rows(table, arguments.quick)
    limit_rows(table)
    grid_search_rows(table)
    table.summary()


# ------------------------------------------------------------ two threads against one


def speedup_rows(table, quick):
    controller = ThreadpoolController()
    table.section(f"Two threads against one, batch {BATCH_SIZE}", "one thread", "faster")
    for depth, width, n_batches in SIZES:
        name = f"{depth} layers x {width}"
        problem = random_problem(width, depth - 1, BATCH_SIZE)
        one, two = (
            limited(controller, n, lambda problem=problem: prepared_inference(problem)[0])
            for n in (1, 2)
        )
        compare(table, f"inference, {name}", (one, two), 3 if quick else 9)
        model, X, y = fit_problem(depth, width, n_batches // (10 if quick else 1))
        one, two = (
            limited(controller, n, lambda fit=(model, X, y): lambda: fit[0].fit(*fit[1:]))
            for n in (1, 2)
        )
        compare(table, f"fit of {len(X) // BATCH_SIZE} batches, {name}", (one, two), 2)
        passes, depth = model.n_inference_passes_[-1], model.n_layers_
        table.note(f"{passes:.2f} passes a sample, lambda {model.output_precision_:.4f}")


def limited(controller, n_threads, make_work):
    """The work that ``make_work()`` returns, made and run with a number of OpenMP threads."""
    with controller.limit(limits=n_threads, user_api="openmp"):
        work = make_work()

    def run():
        with controller.limit(limits=n_threads, user_api="openmp"):
            work()

    return run


def compare(table, name, works, repeats):
    one, two = alternate_seconds(works, repeats, least=0.2)
    table.row(name, f"{1e3 * two:.0f} ms", f"{1e3 * one:.0f} ms", one / two, SPEEDUP)


def fit_problem(depth, width, n_batches):
    """A classifier for one epoch, and normal inputs with the classes of a linear rule."""
    rng = np.random.default_rng(0)
    n = max(2, n_batches) * BATCH_SIZE
    X = rng.standard_normal((n, N_INPUTS), dtype=np.float32)
    rule = rng.standard_normal((N_INPUTS, N_OUTPUTS), dtype=np.float32)
    hidden = (width,) * (depth - 1)
    model = PCClassifier(hidden, batch_size=BATCH_SIZE, max_iter=1, random_state=0)
    return model, X, np.argmax(X @ rule, axis=1)


# ------------------------------------------------------------ limits


def limit_rows(table):
    """Fits in new processes, with OMP_NUM_THREADS or a limit set."""
    table.section("Cores that a fit keeps busy", "OS threads", "cores")
    for name, omp, limit, allowed in [
        ("OMP_NUM_THREADS=1", "1", None, 1),
        ("OMP_NUM_THREADS=2", "2", None, 2),
        ("nothing set", None, None, len(os.sched_getaffinity(0))),
        ("threadpoolctl limit 1", None, 1, 1),
        ("OMP_NUM_THREADS=2, threadpoolctl limit 1", "2", 1, 1),
    ]:
        found = run_child(omp, limit)
        table.row(
            name,
            f"{found['core_threads']} threads",
            f"{found['os_threads']}",
            found["cores"],
            allowed + SLACK,
            at_least=False,
        )
        if found["core_threads"] != allowed:
            raise RuntimeError(f"{name}: the core would use {found['core_threads']} threads")


def run_child(omp_num_threads, limit):
    """Result of `cores_of_a_fit` in a new process."""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if omp_num_threads is not None:
        environment["OMP_NUM_THREADS"] = omp_num_threads
    command = [sys.executable, __file__, "--child"]
    if limit is not None:
        command += ["--limit", str(limit)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def cores_of_a_fit(limit):
    model, X, y = fit_problem(depth=32, width=128, n_batches=100)
    with ThreadpoolController().limit(limits=limit, user_api="openmp"):
        threads = effective_n_threads()
        model.fit(X[: 2 * BATCH_SIZE], y[: 2 * BATCH_SIZE])
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(X, y)
        cores = (time.process_time() - cpu) / (time.perf_counter() - wall)
    tasks = Path("/proc/self/task")
    os_threads = len(list(tasks.iterdir())) if tasks.exists() else "?"
    return {"core_threads": threads, "cores": cores, "os_threads": os_threads}


# ------------------------------------------------------------ grid search


class TimedClassifier(PCClassifier):
    """Records how many cores its fit used."""

    def fit(self, X, y):
        wall, cpu = time.perf_counter(), time.process_time()
        super().fit(X, y)
        self.cores_ = (time.process_time() - cpu) / (time.perf_counter() - wall)
        return self


def grid_search_rows(table):
    """Two workers on two cores: one thread each."""
    table.section("GridSearchCV, 4 fits", "one worker's", "cores")
    _, X, y = fit_problem(depth=2, width=16, n_batches=30)
    for n_jobs in (1, 2):
        model = TimedClassifier((128,) * 31, batch_size=BATCH_SIZE, max_iter=2, random_state=0)
        grid = {"alpha": [1e-4, 1e-3]}
        search = GridSearchCV(model, grid, scoring=observe, refit=False, cv=2, n_jobs=n_jobs)
        few = 2 * BATCH_SIZE
        search.fit(X[:few], y[:few])  # starts the workers
        start = time.perf_counter()
        search.fit(X, y)
        seconds = time.perf_counter() - start
        found = {k: search.cv_results_[f"mean_test_{k}"].mean() for k in ("threads", "cores")}
        cores = n_jobs * found["cores"]
        table.row(
            f"n_jobs={n_jobs}, {seconds:.1f} s",
            f"{found['threads']:.0f} threads",
            f"{found['cores']:.2f} cores",
            cores,
            len(os.sched_getaffinity(0)) + SLACK,
            at_least=False,
        )


def observe(model, X, y):
    """Scores for GridSearchCV: the values that the fit recorded in its worker."""
    return {"threads": effective_n_threads(), "cores": model.cores_}


if __name__ == "__main__":
    main()
