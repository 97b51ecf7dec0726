"""Peak memory of a fit against the memory it needs, and the time of importing pcnet.

    python benchmarks/memory.py [--quick]

Each fit runs in a new process, after a small fit that loads all modules and starts threads. Its
peak above the memory used just before is compared with

    5.5 * parameters + 8 * activations of one batch + one copy of the data

(weights, the same packed, in narrow layers also their transposes packed, and Adam's two moments
make 4 or 5; early stopping may keep one more copy). The import is timed after scikit-learn's
neural_network.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
from _common import Table, print_environment
from _problems import N_INPUTS, N_OUTPUTS

from pcnet import PCClassifier

BATCH_SIZE = 64
#: (layers, width, early stopping)
FITS = [(32, 512, False), (128, 128, False), (8, 1024, False), (32, 512, True)]
IMPORT_MS = 50
IMPORT_PROGRAM = """
import time
import sklearn.neural_network
start = time.perf_counter()
import pcnet
print(1e3 * (time.perf_counter() - start))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        print(json.dumps(memory_of_fit(*arguments.child)))
        return
    print_environment()
    table = Table()
    memory_rows(table, arguments.quick)
    import_row(table, 3 if arguments.quick else 11)
    table.summary()


# ------------------------------------------------------------ memory


def memory_rows(table, quick):
    table.section(f"Peak memory of fit, batch {BATCH_SIZE}", "bound", "share")
    for depth, width, early_stopping in FITS:
        n_samples = BATCH_SIZE * (5 if quick else 20)
        found = run_child([depth, width, early_stopping, n_samples])
        sizes = held_bytes(depth, width, n_samples)
        copies = 6.5 if early_stopping else 5.5
        bound = copies * sizes["parameters"] + 8 * sizes["activations"] + sizes["data"]
        name = f"{depth} layers x {width}" + (", early stopping" * early_stopping)
        share = found["peak"] / bound
        table.row(name, mbytes(found["peak"]), mbytes(bound), share, 1.0, at_least=False)
        own = found["peak"] - 8 * sizes["activations"]
        table.note(
            f"parameters {mbytes(sizes['parameters'])}, activations of a batch "
            f"{mbytes(sizes['activations'])}, data {mbytes(sizes['data'])}: "
            f"{own / sizes['parameters']:.2f} copies of the parameters beside 8 of the "
            f"activations; {found['kept'] / sizes['parameters']:.2f} copies kept after fit"
        )


def held_bytes(depth, width, n_samples):
    """Bytes of the parameters, of one batch's activations and of the data, in float32."""
    sizes = [N_INPUTS, *[width] * (depth - 1), N_OUTPUTS]
    weights = sum(a * b for a, b in zip(sizes, sizes[1:]))
    return {
        "parameters": 4 * (weights + sum(sizes[1:])),
        "activations": 4 * BATCH_SIZE * sum(sizes[1:]),
        "data": 4 * n_samples * N_INPUTS,
    }


def run_child(arguments):
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def memory_of_fit(depth, width, early_stopping, n_samples):
    """Bytes above the start: at most during the fit, and after it."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, N_INPUTS), dtype=np.float32)
    y = np.arange(n_samples) % N_OUTPUTS
    options = {"batch_size": BATCH_SIZE, "max_iter": 1, "early_stopping": early_stopping}
    PCClassifier((16, 16), **options).fit(X, y)
    model = PCClassifier((width,) * (depth - 1), random_state=0, **options)
    start = resident_bytes("VmRSS")
    model.fit(X, y)
    return {"peak": resident_bytes("VmHWM") - start, "kept": resident_bytes("VmRSS") - start}


def resident_bytes(field):
    """VmRSS, now, or VmHWM, the most since the program began.

    Linux counts ru_maxrss over a fork and exec, so it would start at the parent's peak; it serves
    only where there is no /proc.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def mbytes(n_bytes):
    return f"{1e-6 * n_bytes:.1f} MB"


# ------------------------------------------------------------ import


def import_row(table, repeats):
    times = []
    # an installed package has its bytecode; pip compiles it
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(repeats + 1):
        command = [sys.executable, "-c", IMPORT_PROGRAM]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        times.append(float(done.stdout))
    median = statistics.median(times[1:])  # the first reads the files and may compile them
    table.section("import pcnet after sklearn.neural_network", "target", "share")
    work = f"median of {repeats} processes"
    table.row(work, f"{median:.1f} ms", f"{IMPORT_MS} ms", median / IMPORT_MS, 1.0, False)


if __name__ == "__main__":
    main()
