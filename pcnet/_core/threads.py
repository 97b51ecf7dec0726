"""Number of threads of the core."""

from __future__ import annotations

import math
import os
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from .._checks import check_count
from .._warnings import warn
from . import binding

# Number of OpenMP threads by default.
_DEFAULT_N_THREADS = binding.openmp_max_threads()

#: Largest number for `set_num_threads`: each thread has its own working memory.
MAX_THREADS = 1024

_CGROUP = Path("/sys/fs/cgroup")

_is_forked_child = False
_n_cpus_seen = None, 1  # request, and result
_seen = threading.local()  # .n_threads that were once started for the calling thread


def set_num_threads(n_threads: int | None) -> AbstractContextManager[Any]:
    """Set the number of pcnet's threads, permanently or for a ``with`` block.

    A plain call takes effect at once in all Python threads of the process. A block applies to the
    Python thread that runs it, and to threads without a block; the latest of several numbers
    counts. Blocks of several threads may overlap: each removes only its own number at its end. Both
    override ``OMP_NUM_THREADS`` and limits of threadpoolctl. Running computations keep their
    number. Results have the same bits for any number.

    Parameters
    ----------
    n_threads : int or None
        From 1 to 1024. None: the default, the number of CPUs that this process may use unless
        ``OMP_NUM_THREADS`` or threadpoolctl sets another number.

    Returns
    -------
    context manager
        In ``with set_num_threads(2): ...`` the number applies until the end of the block.

    Raises
    ------
    ValueError, TypeError
        ``n_threads`` is neither None nor an integer from 1 to 1024.

    Notes
    -----
    A build without OpenMP and a forked child always compute with one thread. joblib's worker
    processes do not inherit the number; joblib divides the CPUs among them.

    Examples
    --------
    >>> import pcnet
    >>> with pcnet.set_num_threads(1):
    ...     pass  # fit, predict, infer
    """
    if n_threads is not None:
        check_count("n_threads", n_threads, smallest=1)
        if n_threads > MAX_THREADS:
            raise ValueError(f"n_threads must be at most {MAX_THREADS}; got {n_threads}")
    block = binding.ThreadBlock(0 if n_threads is None else int(n_threads))
    try:
        block.hold()
        return block
    except BaseException:  # Ctrl-C, which may arrive before a block begins
        block.withdraw()
        raise


def effective_n_threads() -> int:
    """Current number of threads for the core.

    It is the number of `set_num_threads`, if set; else that of ``OMP_NUM_THREADS`` (which joblib
    sets in its workers) or of a limit by threadpoolctl. Otherwise it is the number of CPUs that
    this process may use by its affinity mask, its container's quota and ``LOKY_MAX_CPU_COUNT``.

    A forked child always computes with one thread. The threads of the OpenMP runtime do not exist
    after a fork, and a child of a process that had used them would wait for them forever. pcnet
    cannot detect whether they were used, because other libraries may use the same runtime. Workers
    started by ``spawn``, ``forkserver`` or joblib's loky are not affected.

    Returns
    -------
    n_threads : int
        At least 1.
    """
    if _is_forked_child:
        return 1
    n_threads = _wanted_n_threads()
    return n_threads if _can_start(n_threads) else 1


def _wanted_n_threads():
    requested = binding.requested_threads()
    if requested > 0:
        return requested if binding.has_openmp() else 1
    n_threads = binding.openmp_max_threads()
    if os.environ.get("OMP_NUM_THREADS") or n_threads != _DEFAULT_N_THREADS:
        return max(1, n_threads)
    return max(1, min(n_threads, _n_cpus()))


def _n_cpus():
    """CPUs that this process may use, by all limits that joblib honours.

    Reading the container's quota takes longer than a small prediction. It is therefore read at
    most once per second, or when another limit has changed.
    """
    global _n_cpus_seen
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else math.inf
    asked = os.environ.get("LOKY_MAX_CPU_COUNT"), affinity, int(time.monotonic())
    if _n_cpus_seen[0] != asked:
        limit = math.inf if asked[0] is None else _environment_limit(asked[0])
        found = min(os.cpu_count() or 1, affinity, limit, _container_quota())
        _n_cpus_seen = asked, max(1, found)
    return _n_cpus_seen[1]


def _environment_limit(text):
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"the environment variable LOKY_MAX_CPU_COUNT must be an integer; got {text!r}"
        ) from None


def _container_quota():
    """CPUs of the control group's quota, rounded up: cgroup v2, else v1; inf without a quota."""
    for folder, names in (("", ("cpu.max",)), ("cpu/", ("cpu.cfs_quota_us", "cpu.cfs_period_us"))):
        try:
            found = [(_CGROUP / folder / name).read_text().split() for name in names]
            quota, period = (word for words in found for word in words)
            if quota == "max" or int(quota) <= 0 or int(period) <= 0:
                return math.inf
            return math.ceil(int(quota) / int(period))
        except (OSError, ValueError):  # no such file, or one of another form
            continue
    return math.inf


def _can_start(n_threads):
    """Whether the system lets the calling thread start this number of threads; warn if not.

    GNU's OpenMP ends the process if it cannot start a thread. It starts the threads of a calling
    thread once. This function therefore starts the same number first, once per calling thread.
    """
    if n_threads <= getattr(_seen, "n_threads", 1):
        return True
    end, threads = threading.Event(), []
    try:
        for _ in range(n_threads - 1):
            threads.append(threading.Thread(target=end.wait, daemon=True))
            threads[-1].start()
    except (RuntimeError, MemoryError):
        threads.pop()
        warn(
            f"The system does not let this process start {n_threads} threads, for want of memory "
            "or by a limit of their number: pcnet computes with one. Results are the same. Free "
            "memory, or ask for fewer with pcnet.set_num_threads",
            RuntimeWarning,
        )
        return False
    finally:
        end.set()
        for thread in threads:
            thread.join()
    _seen.n_threads = n_threads
    return True


def _after_fork_in_child():
    global _is_forked_child
    _is_forked_child = True


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
