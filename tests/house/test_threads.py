"""How many threads are used, and what is left behind: asked of a fresh process where it matters."""

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

import pcnet
from pcnet._threads import effective_n_threads, single_threaded_blas

needs_openmp = pytest.mark.skipif(not pcnet.has_openmp(), reason="built without OpenMP")
needs_fork = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="no safe fork here")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

FIT = """
import numpy as np
from pcnet import PCClassifier
rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 8)), np.arange(400) % 3
def fit():
    return PCClassifier((64,) * 6, max_iter=1, batch_size=200, random_state=0).fit(X, y)
"""


def run_python(code, folder, **environment):
    """Standard output of a fresh interpreter outside the source tree."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "LOKY_"))}
    env.update(environment, PYTHONWARNINGS="ignore")
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_openmp
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_omp_num_threads_is_obeyed(tmp_path, n_threads):
    code = "from pcnet._threads import effective_n_threads as n; print(n())"
    assert run_python(code, tmp_path, OMP_NUM_THREADS=str(n_threads)) == str(n_threads)


@needs_openmp
def test_joblibs_cpu_limit_is_obeyed(tmp_path):
    code = "from pcnet._threads import effective_n_threads as n; print(n())"
    assert run_python(code, tmp_path, LOKY_MAX_CPU_COUNT="1") == "1"


@needs_openmp
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threadpoolctl_limit_is_obeyed(n_threads):
    before = effective_n_threads()
    with threadpool_limits(n_threads, user_api="openmp"):
        assert effective_n_threads() == n_threads
    assert effective_n_threads() == before


@needs_openmp
def test_joblib_workers_share_the_cpus(tmp_path):
    code = """
    import joblib, os
    from pcnet._threads import effective_n_threads
    def work():
        return effective_n_threads()
    n_cpus = joblib.cpu_count()
    in_workers = joblib.Parallel(n_jobs=n_cpus)(joblib.delayed(work)() for _ in range(n_cpus))
    assert in_workers == [1] * n_cpus or n_cpus == 1, in_workers
    """
    run_python(code, tmp_path)


@needs_openmp
@needs_proc
@pytest.mark.parametrize("n_threads", [1, 2])
def test_fit_starts_no_more_threads_than_allowed(tmp_path, n_threads):
    """Counts the process's threads after a fit; OMP_NUM_THREADS also bounds OpenBLAS's pool."""
    code = "fit(); import os; print(len(os.listdir('/proc/self/task')))"
    n_tasks = int(run_python(FIT + code, tmp_path, OMP_NUM_THREADS=str(n_threads)))
    if n_threads == 1:
        assert n_tasks == 1
    else:
        # OpenMP's pool and one pool for each loaded OpenBLAS: numpy's and scipy's
        assert 2 <= n_tasks <= 4


@needs_fork
def test_a_forked_child_uses_one_thread(tmp_path):
    code = """
    import os
    from pcnet._threads import effective_n_threads
    child = os.fork()
    if child == 0:
        os._exit(effective_n_threads())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run_python(code, tmp_path, OMP_NUM_THREADS="2") == "1"


@needs_fork
def test_a_child_forked_after_a_fit_fits_and_predicts(tmp_path):
    """Without the guard this hangs for ever at the child's first parallel region."""
    code = """
    import multiprocessing
    model = fit()
    def work(queue):
        queue.put((model.predict(X).tolist(), fit().predict(X).tolist()))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=work, args=(queue,))
    child.start()
    predicted, refitted = queue.get(timeout=300)
    child.join()
    assert predicted == refitted == model.predict(X).tolist()
    """
    run_python(FIT + textwrap.dedent(code), tmp_path, OMP_NUM_THREADS="2")


@needs_fork
def test_a_fork_while_blas_is_limited_does_not_lock_the_child(tmp_path):
    code = """
    import os, threading
    from pcnet._threads import single_threaded_blas
    entered, leave = threading.Event(), threading.Event()
    def hold():
        with single_threaded_blas():
            entered.set()
            leave.wait()
    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    child = os.fork()
    if child == 0:
        with single_threaded_blas():
            pass
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    leave.set()
    holder.join()
    """
    assert run_python(code, tmp_path) == "0"


@pytest.fixture
def blas_threads():
    """blas_threads(): the BLAS libraries' numbers of threads, all 2 when the test starts."""
    controller = ThreadpoolController().select(user_api="blas")

    def set_to(limits):
        controller.limit(limits=limits)
        with controller.limit(limits=None):
            pass  # an open limit would keep other threads from restoring theirs

    found = controller.lib_controllers[0].num_threads
    set_to(2)
    yield lambda: {library.num_threads for library in controller.lib_controllers}
    set_to(found)


def test_blas_is_limited_inside_and_restored_after(blas_threads):
    with single_threaded_blas():
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_blas_is_restored_after_an_exception(blas_threads):
    with pytest.raises(RuntimeError, match="work failed"), single_threaded_blas():
        raise RuntimeError("work failed")
    assert blas_threads() == {2}


def test_blas_limit_may_be_nested(blas_threads):
    with single_threaded_blas():
        with single_threaded_blas():
            pass
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_blas_limit_lasts_until_the_last_thread_has_left(blas_threads):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with single_threaded_blas():
            entered.set()
            leave.wait(timeout=60)

    with single_threaded_blas():
        holder = threading.Thread(target=hold)
        holder.start()
        assert entered.wait(timeout=60)
    assert blas_threads() == {1}
    leave.set()
    holder.join()
    assert blas_threads() == {2}
