"""Shared by the benchmarks: a description of the machine, medians, tables with verdicts."""

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
from pcnet._core import binding

# pixel mean and standard deviation of the MNIST training set, the usual constants
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


def print_environment(**more_versions):
    """Machine, versions (``name=version`` for libraries of one script), and the command run."""
    print("command  ", " ".join([Path(sys.executable).name, *sys.argv]))
    print("machine  ", f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()}")
    if hasattr(os, "getloadavg"):  # other load on these cores makes all figures below useless
        print("load     ", f"{os.getloadavg()[0]:.1f} processes in the last minute")
    versions = {
        "pcnet": pcnet.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        **more_versions,
    }
    print("versions ", ", ".join(f"{name} {version}" for name, version in versions.items()))
    openmp = "yes" if pcnet.has_openmp() else "no"
    print("core     ", f"{binding.default_isa()}, OpenMP {openmp}", flush=True)


def cpu_model():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def alternate_seconds(works, repeats=5, least=0.1, rest=0.3):
    """Median seconds that one call of each work takes.

    The works alternate, so that changes of the machine's speed affect all equally. A turn calls its
    work for about ``least`` seconds, after ``rest`` idle seconds: thread pools (of OpenBLAS, of
    PyTorch) spin for a while after their work and would slow the next one.

    Parameters
    ----------
    works : list of callable
    repeats : int
        Turns of each work.

    Returns
    -------
    list of float
    """
    calls = [_calls_to_fill(work, least) for work in works]
    times = [[] for _ in works]
    for _ in range(repeats):
        for work, n, kept in zip(works, calls, times, strict=True):
            time.sleep(rest)
            kept.append(_seconds_of(work, n) / n)
    return [statistics.median(kept) for kept in times]


def _calls_to_fill(work, least):
    seconds = _seconds_of(work, 1)
    if seconds < least:  # the first call also warms caches and thread pools
        seconds = _seconds_of(work, 1)
    return max(1, round(least / seconds))


def _seconds_of(work, n_calls):
    start = time.perf_counter()
    for _ in range(n_calls):
        work()
    return time.perf_counter() - start


def verdict(figure, target, at_least=True):
    """ "met" or "MISSED" against a target."""
    met = figure >= target if at_least else figure <= target
    return "met" if met else "MISSED"


class Table:
    """Figures against a peer's of the same run, printed row by row as they come."""

    def __init__(self):
        self._verdicts = []

    def section(self, title, peer="", ratio="ratio"):
        """A headed group of rows."""
        print(f"\n{title}")
        print(f"  {'':<44}{'pcnet':>14}{peer:>22}{ratio:>8}  target", flush=True)

    def row(self, work, figure, peer, ratio, target=None, at_least=True):
        """One row, with a verdict if it has a target; figure and peer are texts with units."""
        goal = ""
        if target is not None:
            outcome = verdict(ratio, target, at_least)
            self._verdicts.append((work, outcome))
            goal = f"{'>=' if at_least else '<='} {target:.2f} {outcome}"
        print(f"  {work:<44}{figure:>14}{peer:>22}{ratio:>8.3f}  {goal}", flush=True)

    def note(self, text):
        """Print a line below a row."""
        print(f"    {text}", flush=True)

    def summary(self):
        """How many rows met their targets, and the names of those that did not."""
        missed = [work for work, outcome in self._verdicts if outcome == "MISSED"]
        print(f"\n{len(self._verdicts) - len(missed)} of {len(self._verdicts)} targets met")
        if missed:
            print("MISSED: " + "; ".join(missed))


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
