"""The number of threads, and state after calls; in a new process where earlier calls matter."""

import json
import sys
import textwrap
from types import SimpleNamespace

import joblib
import pytest
from threadpoolctl import threadpool_limits

import pcnet
from pcnet._core import binding
from pcnet._core.threads import effective_n_threads

from ..helpers import python_process

needs_openmp = pytest.mark.skipif(not pcnet.has_openmp(), reason="built without OpenMP")
needs_fork = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="no safe fork here")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def run_python(code, folder, **environment):
    """Standard output of a new process that ignores warnings."""
    return python_process(code, folder, PYTHONWARNINGS="ignore", **environment).stdout.strip()


FIT = """
import numpy as np
from pcnet import PCClassifier
rng = np.random.default_rng(0)
X, y = rng.normal(size=(400, 8)), np.arange(400) % 3
def fit():
    return PCClassifier((64,) * 6, max_iter=1, batch_size=200, random_state=0).fit(X, y)
"""

FACTS = """
import json, os, sys
import pcnet
from pcnet._core.threads import effective_n_threads
def forked(work):
    child = os.fork()
    if child == 0:
        os._exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
facts = {"default": effective_n_threads()}
with pcnet.set_num_threads(4):
    facts["given"] = effective_n_threads()
if os.path.exists("/proc/self/task"):
    facts["started"] = []
    for n_threads in (1, None, 4):
        with pcnet.set_num_threads(n_threads):
            model = fit()
        facts["started"].append(len(os.listdir("/proc/self/task")))
if sys.platform not in {"win32", "darwin"}:
    with pcnet.set_num_threads(4):
        facts["forked"] = forked(effective_n_threads)
    expected = model.predict(X).tolist()
    facts["forked fit"] = forked(
        lambda: model.predict(X).tolist() == fit().predict(X).tolist() == expected
    )
print(json.dumps(facts))
"""


@pytest.fixture(scope="module", params=[pytest.param(1, marks=pytest.mark.slow), 3])
def process(request, tmp_path_factory):
    """OMP_NUM_THREADS, and facts of a process with this number; BLAS has no threads there."""
    environment = {"OMP_NUM_THREADS": str(request.param), "OPENBLAS_NUM_THREADS": "1"}
    output = run_python(FIT + FACTS, tmp_path_factory.mktemp("process"), **environment)
    return SimpleNamespace(n_threads=request.param, facts=json.loads(output))


@needs_openmp
def test_omp_num_threads_limits_threads(process):
    assert process.facts["default"] == process.n_threads


@needs_openmp
def test_set_num_threads_overrides_omp_num_threads(process):
    assert process.facts["given"] == 4


@needs_openmp
@needs_proc
def test_fit_starts_the_allowed_number_of_threads(process):
    """Counts the process's threads after fits with 1 thread, the default and 4 threads."""
    assert process.facts["started"] == [1, process.n_threads, 4]


@needs_fork
def test_a_forked_child_uses_one_thread(process):
    """Also where `set_num_threads` asks for more."""
    assert process.facts["forked"] == 1


@needs_fork
def test_a_child_forked_after_a_fit_fits_and_predicts(process):
    """Without protection the child would hang at its first parallel region."""
    assert process.facts["forked fit"] == 1


@needs_openmp
def test_joblibs_cpu_limit_limits_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert effective_n_threads() == 1


@needs_openmp
@pytest.mark.parametrize("limit", ["1", "2", "1000", "0"])
def test_number_of_cpus_is_that_of_joblib(monkeypatch, limit):
    """Affinity, the container's quota and the variable count as in joblib, which is not asked."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", limit)
    assert effective_n_threads() == min(joblib.cpu_count(), binding.openmp_max_threads())


def test_limits_that_are_no_number_are_named(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "many")
    with pytest.raises(ValueError, match=r"LOKY_MAX_CPU_COUNT must be an integer; got 'many'$"):
        effective_n_threads()


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


@needs_fork
@pytest.mark.parametrize("n_fits", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_fit_continues_while_another_thread_forks(tmp_path, n_fits):
    """OpenBLAS's threads hang if another thread forks, so a fit must not wait for them."""
    code = """
    import os, threading
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 200)), np.arange(600) % 3
    done = threading.Event()
    def work(**arguments):
        for _ in range(N):
            model = PCClassifier((128,) * 2, batch_size=200, random_state=0, **arguments)
            model.fit(X, y).transform(X)
            model.class_energies(X[:50])
    def work_on_all():
        work(input_scaling="standard", max_iter=1)
        work(solver="lbfgs", max_iter=1)
        done.set()
    threading.Thread(target=work_on_all, daemon=True).start()
    n_forks = 0
    while not done.wait(0.005):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        n_forks += 1
    print(n_forks > 0)
    """
    program = f"N = {n_fits}\n{FIT}{textwrap.dedent(code)}"
    environment = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "4"}
    assert run_python(program, tmp_path, **environment) == "True"


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
@pytest.mark.parametrize("n_interrupts", [60, pytest.param(1000, marks=pytest.mark.slow)])
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
    code = """
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
    """
    warned = python_process(code, tmp_path).stderr
    if pcnet.has_openmp():
        assert "RuntimeWarning: The system does not let this process start 64 threads" in warned
