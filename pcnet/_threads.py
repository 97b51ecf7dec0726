"""How many threads the core may use, and BLAS held to one thread meanwhile."""

import functools
import os
import threading
from contextlib import contextmanager

import joblib  # scikit-learn's own dependency
from threadpoolctl import ThreadpoolController

from . import _core
from ._arguments import check_count

# What OpenMP would use if nobody had asked for another number.
_DEFAULT_N_THREADS = _core.openmp_max_threads()

#: The most that `set_num_threads` takes: each thread has working memory of its own.
MAX_THREADS = 1024

_is_forked_child = False
_asked_for = None  # by `set_num_threads`


def set_num_threads(n_threads):
    """Set how many threads pcnet computes with, for good or for a ``with`` block.

    It holds at once and for the whole process, all its Python threads included, and precedes
    ``OMP_NUM_THREADS`` and limits of threadpoolctl. Work under way keeps its number. Results do not
    depend on it, not by one bit.

    Parameters
    ----------
    n_threads : int or None
        From 1 to 1024. None: the default, the number of CPUs that this process may use unless
        ``OMP_NUM_THREADS`` or threadpoolctl say otherwise.

    Returns
    -------
    context manager
        As ``with set_num_threads(2): ...`` it puts the number back that held before.

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
    global _asked_for
    if n_threads is not None:
        check_count("n_threads", n_threads, smallest=1)
        if n_threads > MAX_THREADS:
            raise ValueError(f"n_threads must be at most {MAX_THREADS}; got {n_threads}")
        n_threads = int(n_threads)
    before, _asked_for = _asked_for, n_threads
    return _Restore(before)


class _Restore:
    """Puts back a number of threads when its ``with`` block ends."""

    def __init__(self, n_threads):
        self._n_threads = n_threads

    def __enter__(self):
        return self

    def __exit__(self, *error):
        global _asked_for
        _asked_for = self._n_threads


def effective_n_threads():
    """Number of threads the core should use now.

    What `set_num_threads` asked for is obeyed first. A number that somebody else asked for is
    obeyed as it is, too: ``OMP_NUM_THREADS`` (which joblib sets in its
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
    if _asked_for is not None:
        return _asked_for if _core.has_openmp() else 1
    n_threads = _core.openmp_max_threads()
    if os.environ.get("OMP_NUM_THREADS") or n_threads != _DEFAULT_N_THREADS:
        return max(1, n_threads)
    return max(1, min(n_threads, joblib.cpu_count()))


@functools.cache
def _blas_controller():
    """The BLAS libraries loaded with the core, found once: a scan costs milliseconds."""
    return ThreadpoolController().select(user_api="blas")


def _limit_is_per_thread(library):
    """Whether threadpoolctl's limit holds for the calling thread only (else for the process)."""
    return library.internal_api == "mkl" or getattr(library, "threading_layer", "") == "openmp"


class _BlasLimit:
    """The limit and its bookkeeping: who is inside, and what to restore.

    Where the limit is the process's, the first thread to enter sets it and the last to leave
    restores it; nested limits of threadpoolctl itself would restore too early or to 1.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_inside = 0  # Python threads
        self._found = {}  # numbers before the first entered, of process-wide libraries
        self._mine = threading.local()  # .depth, and .found of per-thread libraries

    def enter(self):
        self._mine.depth = getattr(self._mine, "depth", 0) + 1
        if self._mine.depth > 1:
            return
        libraries = _blas_controller().lib_controllers
        with self._lock:
            if self._n_inside == 0:
                self._found = _n_threads_of(libraries, per_thread=False)
            self._mine.found = _n_threads_of(libraries, per_thread=True)
            self._n_inside += 1
            for library in libraries:
                library.set_num_threads(1)

    def leave(self):
        self._mine.depth -= 1
        if self._mine.depth > 0:
            return
        with self._lock:
            self._n_inside -= 1
            last = self._n_inside == 0
            for library, n_threads in {**self._mine.found, **(self._found if last else {})}.items():
                library.set_num_threads(n_threads)
            # Since threadpoolctl 3.8 the thread that set OpenBLAS's limit keeps others from
            # setting it until it leaves a limit of threadpoolctl's: this one does nothing else.
            with _blas_controller().limit(limits=None):
                pass

    def after_fork_in_child(self):
        # Another thread of the parent may have held the lock; it does not exist in the child.
        self._lock = threading.Lock()


def _n_threads_of(libraries, *, per_thread):
    return {
        library: library.num_threads
        for library in libraries
        if _limit_is_per_thread(library) == per_thread
    }


_blas_limit = _BlasLimit()


@contextmanager
def single_threaded_blas():
    """Hold BLAS to one thread while the core runs its own threads.

    With most BLAS libraries the limit belongs to the process, so a public function enters this
    once around all its work. It may be nested and entered by several Python threads; the last one
    to leave restores the numbers found by the first, also after an exception.
    """
    _blas_limit.enter()
    try:
        yield
    finally:
        _blas_limit.leave()


def _after_fork_in_child():
    global _is_forked_child
    _is_forked_child = True
    _blas_limit.after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork_in_child)
