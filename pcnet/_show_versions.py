"""Information about machine and installation for bug reports."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import TextIO

from threadpoolctl import threadpool_info  # scikit-learn's own dependency

from ._core import binding, threads
from ._version import __version__

PACKAGES = ("numpy", "scipy", "scikit-learn", "threadpoolctl", "joblib", "Cython", "matplotlib")


def show_versions(file: TextIO | None = None) -> None:
    """Print information for bug reports: machine, Python, pcnet, threads, package versions.

    Parameters
    ----------
    file : file-like object, default=None
        Output; ``sys.stdout`` if None.

    Examples
    --------
    >>> import pcnet
    >>> pcnet.show_versions()  # doctest: +SKIP
    """
    sections = [
        ("System", _system()),
        ("pcnet", _pcnet()),
        ("Packages", [(name, _version(name)) for name in PACKAGES]),
    ]
    lines = []
    for title, rows in sections:
        lines.append(f"{title}:")
        lines += [f"{name:>20}: {value}" for name, value in rows]
    lines.append("Thread pools:")
    lines += [f"{'':>4}{line}" for line in _thread_pools()]
    print("\n".join(lines), file=sys.stdout if file is None else file)


def _system():
    return [
        ("python", sys.version.replace("\n", " ")),
        ("executable", sys.executable),
        ("platform", platform.platform()),
        ("cpu", _cpu_model()),
        ("cpus", f"{os.cpu_count()} in the machine, {_n_usable_cpus()} usable by this process"),
    ]


def _pcnet():
    return [
        ("version", __version__),
        ("has_openmp", binding.has_openmp()),
        ("instruction set", f"{binding.default_isa()} of {', '.join(binding.available_isas())}"),
        ("threads", threads.effective_n_threads()),
        ("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "not set")),
    ]


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _thread_pools():
    return [
        f"{pool['internal_api']} {pool.get('version')}: {pool['num_threads']} threads, "
        f"{pool['filepath']}"
        for pool in threadpool_info()
    ]


def _cpu_model():
    """The CPU's product name if the system has it (Linux), else Python's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _n_usable_cpus():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
