"""The number of threads, and state after calls; in a new process where earlier calls matter."""

import os
import subprocess
import sys
import textwrap

import pytest
from threadpoolctl import threadpool_limits

import pcnet
from pcnet._core.threads import effective_n_threads

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


def run_python(code, folder, timeout=600, **environment):
    """Standard output of a fresh interpreter outside the source tree."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "LOKY_"))}
    env.update(environment, PYTHONWARNINGS="ignore")
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_openmp
@pytest.mark.parametrize("n_threads", [1, 3])
def test_omp_num_threads_limits_threads(tmp_path, n_threads):
    code = "from pcnet._core.threads import effective_n_threads as n; print(n())"
    assert run_python(code, tmp_path, OMP_NUM_THREADS=str(n_threads)) == str(n_threads)


@needs_openmp
def test_joblibs_cpu_limit_limits_threads(tmp_path):
    code = "from pcnet._core.threads import effective_n_threads as n; print(n())"
    assert run_python(code, tmp_path, LOKY_MAX_CPU_COUNT="1") == "1"


@needs_openmp
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_threadpoolctl_limits_threads(n_threads):
    before = effective_n_threads()
    with threadpool_limits(n_threads, user_api="openmp"):
        assert effective_n_threads() == n_threads
    assert effective_n_threads() == before


@needs_openmp
def test_joblib_workers_share_the_cpus(tmp_path):
    code = """
    import joblib, os
    from pcnet._core.threads import effective_n_threads
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
    from pcnet._core.threads import effective_n_threads
    child = os.fork()
    if child == 0:
        os._exit(effective_n_threads())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run_python(code, tmp_path, OMP_NUM_THREADS="2") == "1"


@needs_fork
def test_a_child_forked_after_a_fit_fits_and_predicts(tmp_path):
    """Without protection the child would hang at its first parallel region."""
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
def test_fit_continues_while_another_thread_forks(tmp_path):
    """OpenBLAS's threads hang if another thread forks, so a fit must not wait for them."""
    code = """
    import os, threading
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 200)), np.arange(600) % 3
    done = threading.Event()
    def work(**arguments):
        for _ in range(4):
            model = PCClassifier((128,) * 2, batch_size=200, random_state=0, **arguments)
            model.fit(X, y).transform(X)
            model.class_energies(X[:50])
    def work_on_all():
        work(input_scaling="standard", max_iter=1)
        work(solver="lbfgs", max_iter=1)
        done.set()
    threading.Thread(target=work_on_all, daemon=True).start()
    n_forks = 0
    while not done.wait(0.002):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        n_forks += 1
    print(n_forks > 0)
    """
    program = FIT + textwrap.dedent(code)
    environment = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "4"}
    assert run_python(program, tmp_path, timeout=180, **environment) == "True"


BLAS_THREADS = """
import threading
from threadpoolctl import ThreadpoolController
controller = ThreadpoolController().select(user_api="blas")
controller.limit(limits=2)
with controller.limit(limits=None):
    pass  # an open limit would keep other threads from setting theirs
def blas_threads():
    return {library.num_threads for library in controller.lib_controllers}
assert blas_threads() == {2}
"""


@needs_fork
def test_a_child_forked_during_a_fit_keeps_its_blas_threads(tmp_path):
    """The fork is made by the thread that fits, in a callback, or by another thread."""
    code = """
    import os
    found = []
    def fork():
        child = os.fork()
        if child == 0:
            np.ones((300, 300)) @ np.ones((300, 300))
            os._exit(10 * len(blas_threads()) + max(blas_threads()))
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    def fork_twice(run):
        fork()
        other = threading.Thread(target=fork)
        other.start()
        other.join()
    for solver in ("adam", "lbfgs"):
        PCClassifier(
            (16,), solver=solver, max_iter=1, callbacks=fork_twice, random_state=0
        ).fit(X, y)
    print(found)
    """
    assert run_python(FIT + BLAS_THREADS + textwrap.dedent(code), tmp_path) == "[12, 12, 12, 12]"


@needs_proc
@pytest.mark.parametrize("n_interrupts", [250, pytest.param(1000, marks=pytest.mark.slow)])
def test_interrupted_calls_change_no_number_of_threads(tmp_path, n_interrupts):
    """Ctrl-C at random moments of calls with one row, and of blocks of `set_num_threads`."""
    code = """
    import signal, time
    import pcnet
    from pcnet._core.threads import effective_n_threads
    model = PCClassifier((8,), max_iter=1, random_state=0).fit(X, y)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    before = effective_n_threads()
    def predict():
        model.predict(X[:1])
        model.transform(X[:1])
        model.class_energies(X[:1])
    def block():
        with pcnet.set_num_threads(before + 1):
            with pcnet.set_num_threads(before + 2):
                pass
    for work, n_interrupts in ((predict, N), (block, 3 * N)):
        n_done = 0
        while n_done < n_interrupts:
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(2e-5, 1e-3))
                end = time.monotonic() + 1  # an interrupt that falls into a destructor is lost
                while time.monotonic() < end:
                    work()
            except KeyboardInterrupt:
                n_done += 1
            assert blas_threads() == {2}, (n_done, blas_threads())
            assert effective_n_threads() == before, (n_done, effective_n_threads())
    """
    run_python(
        f"N = {n_interrupts}\n{FIT}{BLAS_THREADS}{textwrap.dedent(code)}",
        tmp_path,
        OMP_NUM_THREADS="2",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_too_little_memory_for_threads_uses_one_thread(tmp_path):
    """GNU's OpenMP would terminate the process."""
    script = tmp_path / "scarce.py"
    script.write_text(
        textwrap.dedent(
            """
            import resource
            from pathlib import Path

            import numpy as np
            import pcnet

            net = pcnet.Network.init((64, 128, 128, 10), random_state=0)
            X, Y = np.ones((512, 64), np.float32), np.eye(10, dtype=np.float32)[np.arange(512) % 10]
            pcnet.set_num_threads(1)
            expected = pcnet.infer(net, X, Y).energy
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + (40 << 20)  # a stack alone takes 8 MB
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            pcnet.set_num_threads(64)
            assert np.array_equal(pcnet.infer(net, X, Y).energy, expected)
            print("alive")
            """
        )
    )
    done = subprocess.run(
        [sys.executable, "-P", str(script)], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "alive\n"
    if pcnet.has_openmp():
        assert (
            "RuntimeWarning: The system does not let this process start 64 threads" in done.stderr
        )
