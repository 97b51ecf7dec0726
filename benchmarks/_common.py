"""What the benchmarks share: the machine's description, medians, tables with verdicts."""

import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import scipy
import sklearn

import pcnet

# pixel mean and standard deviation of the MNIST training set, the usual constants
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


def print_environment():
    """Machine, versions, and the command that was run."""
    print("command  ", " ".join([Path(sys.executable).name, *sys.argv]))
    print("machine  ", f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()}")
    versions = {
        "pcnet": pcnet.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
    }
    print("versions ", ", ".join(f"{name} {version}" for name, version in versions.items()))
    print("OpenMP   ", "yes" if pcnet.has_openmp() else "no", flush=True)


def cpu_model():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def median_seconds(work, repeats=5, warm_up=1):
    """Median wall time of ``work()``."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def alternate_seconds(works, repeats=5, warm_up=1):
    """Median wall time of each work, taken in turn so that a machine's drift hits all alike."""
    times = [[] for _ in works]
    for turn in range(warm_up + repeats):
        for work, kept in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            if turn >= warm_up:
                kept.append(time.perf_counter() - start)
    return [statistics.median(kept) for kept in times]


def verdict(figure, target, at_least=True):
    """"met" or "MISSED" against a target."""
    met = figure >= target if at_least else figure <= target
    return "met" if met else "MISSED"


def load_mnist(path, dtype=np.float32):
    """Standardised MNIST from an npz with X_train, y_train, X_test, y_test (uint8 images).

    Returns
    -------
    X_train, y_train, X_test, y_test : ndarray
        Images as rows of 784 pixels.
    """
    with np.load(path) as data:
        images = [data["X_train"], data["X_test"]]
        labels = [data["y_train"], data["y_test"]]
    rows = [
        ((image.reshape(len(image), -1) / 255 - MNIST_MEAN) / MNIST_STD).astype(dtype)
        for image in images
    ]
    return rows[0], labels[0], rows[1], labels[1]
