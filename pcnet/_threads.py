"""How many threads the core may use, and BLAS held to one thread meanwhile."""

import functools
import os
import threading
from contextlib import contextmanager

import joblib  # scikit-learn's own dependency
from threadpoolctl import ThreadpoolController

from . import _core

# What OpenMP would use if nobody had asked for another number.
_DEFAULT_N_THREADS = _core.openmp_max_threads()

_is_forked_child = False


def effective_n_threads():
    """Number of threads the core should use now.

    A number somebody asked for is obeyed as it is: ``OMP_NUM_THREADS`` (which joblib sets in its
    workers) or a limit set with threadpoolctl. Otherwise it is the number of CPUs that this
    process may use, as its affinity mask, its container's quota and ``LOKY_MAX_CPU_COUNT`` say.

    A forked child always computes with one thread. The OpenMP runtime's threads do not survive a
    fork, and a child of a process that had used them waits for them forever. Whether it had cannot
    be known here: the runtime may be shared with other libraries. Workers started by ``spawn``,
    ``forkserver`` or joblib's loky are not concerned.

    Ask before entering `single_threaded_blas`: with a BLAS that itself runs on OpenMP, the limit
    set there is also OpenMP's.

    Returns
    -------
    n_threads : int
        At least 1.
    """
    if _is_forked_child:
        return 1
    n_threads = _core.openmp_max_threads()
    if os.environ.get("OMP_NUM_THREADS") or n_threads != _DEFAULT_N_THREADS:
        return max(1, n_threads)
    return max(1, min(n_threads, joblib.cpu_count()))


@functools.cache
def _blas_controller():
    """The BLAS libraries loaded with the core, found once: a scan costs milliseconds."""
    return ThreadpoolController().select(user_api="blas")


class _SharedBlasLimit:
    """Counts the users of a process-wide limit: the first sets it, the last restores it."""

    def __init__(self):
        self._lock = threading.Lock()
        self._n_users = 0
        self._limiter = None

    def acquire(self):
        with self._lock:
            if self._n_users == 0:
                self._limiter = _blas_controller().limit(limits=1)
            self._n_users += 1

    def release(self):
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                limiter, self._limiter = self._limiter, None
                limiter.restore_original_limits()

    def after_fork_in_child(self):
        # Another thread of the parent may have held the lock; it does not exist in the child.
        self._lock = threading.Lock()


_blas_limit = _SharedBlasLimit()


@contextmanager
def single_threaded_blas():
    """Hold BLAS to one thread while the core runs its own threads.

    The limit belongs to the process, so a public function enters this once around all its work.
    It may be nested and entered by several Python threads; the last one to leave restores the
    numbers found by the first, also after an exception.
    """
    _blas_limit.acquire()
    try:
        yield
    finally:
        _blas_limit.release()


def _after_fork_in_child():
    global _is_forked_child
    _is_forked_child = True
    _blas_limit.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork_in_child)
