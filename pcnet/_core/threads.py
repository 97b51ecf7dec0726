"""How many threads the core may use."""

from __future__ import annotations

import os
import threading
import time
from contextlib import AbstractContextManager
from typing import Any

import joblib  # scikit-learn's own dependency

from .._checks import check_count
from .._warnings import warn
from . import binding

# What OpenMP would use if nobody had asked for another number.
_DEFAULT_N_THREADS = binding.openmp_max_threads()

#: The most that `set_num_threads` takes: each thread has working memory of its own.
MAX_THREADS = 1024

_is_forked_child = False
_n_cpus_seen = None, 1  # what was asked for, and the answer
_seen = threading.local()  # .n_threads that were once started for the calling thread


def set_num_threads(n_threads: int | None) -> AbstractContextManager[Any]:
    """Set how many threads pcnet computes with, for good or for a ``with`` block.

    A plain call holds at once and for the whole process, all its Python threads included. A block
    holds for the Python thread that is in it, and for those that are in no block of their own; of
    several numbers the newest counts. Blocks of several threads may overlap: each ends with its own
    number alone. Both precede ``OMP_NUM_THREADS`` and limits of threadpoolctl. Work under way keeps
    its number. Results do not depend on it, not by one bit.

    Parameters
    ----------
    n_threads : int or None
        From 1 to 1024. None: the default, the number of CPUs that this process may use unless
        ``OMP_NUM_THREADS`` or threadpoolctl say otherwise.

    Returns
    -------
    context manager
        As ``with set_num_threads(2): ...`` the number holds until the end of the block.

    Notes
    -----
    A build without OpenMP, and a forked child, compute with one thread whatever is set. joblib's
    worker processes do not inherit the number; they share the CPUs by themselves.

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
    except BaseException:  # Ctrl-C, which may come before a block can begin
        block.withdraw()
        raise


def effective_n_threads() -> int:
    """Number of threads the core should use now.

    What `set_num_threads` asked for is obeyed first. A number that somebody else asked for is
    obeyed as it is, too: ``OMP_NUM_THREADS`` (which joblib sets in its
    workers) or a limit set with threadpoolctl. Otherwise it is the number of CPUs that this
    process may use, as its affinity mask, its container's quota and ``LOKY_MAX_CPU_COUNT`` say.

    A forked child always computes with one thread. The OpenMP runtime's threads do not survive a
    fork, and a child of a process that had used them waits for them forever. Whether it had cannot
    be known here: the runtime may be shared with other libraries. Workers started by ``spawn``,
    ``forkserver`` or joblib's loky are not concerned.

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
    """``joblib.cpu_count()``, asked again where its answer may have changed.

    It reads files of the container's quota, which takes longer than a small prediction: they are
    read at most once a second.
    """
    global _n_cpus_seen
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    asked = os.environ.get("LOKY_MAX_CPU_COUNT"), affinity, int(time.monotonic())
    if _n_cpus_seen[0] != asked:
        _n_cpus_seen = asked, joblib.cpu_count()
    return _n_cpus_seen[1]


def _can_start(n_threads):
    """Whether the system lets the calling thread have so many threads; warn if not.

    GNU's OpenMP ends the process where it cannot start one. It starts those of a calling thread
    once, so as many are started here before, and only where that has not been seen to work.
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


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork_in_child)
