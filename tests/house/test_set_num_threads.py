"""`set_num_threads`: what it rules, for how long, and that results do not depend on it."""

import textwrap
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import PCClassifier, set_num_threads
from pcnet._threads import effective_n_threads

from .test_threads import FIT, needs_fork, needs_openmp, needs_proc, run_python


@pytest.fixture(autouse=True)
def default_afterwards():
    yield
    set_num_threads(None)


@needs_openmp
def test_as_a_function_it_stays():
    set_num_threads(3)
    assert effective_n_threads() == 3
    set_num_threads(np.int64(2))
    assert effective_n_threads() == 2


@needs_openmp
def test_none_is_the_default():
    default = effective_n_threads()
    set_num_threads(default + 3)
    set_num_threads(None)
    assert effective_n_threads() == default


@needs_openmp
def test_as_a_context_manager_it_restores():
    set_num_threads(5)
    with set_num_threads(2):
        assert effective_n_threads() == 2
        with set_num_threads(None), set_num_threads(4):
            assert effective_n_threads() == 4
        assert effective_n_threads() == 2
    assert effective_n_threads() == 5
    with pytest.raises(RuntimeError, match="inside"), set_num_threads(1):
        raise RuntimeError("inside")
    assert effective_n_threads() == 5


@needs_openmp
def test_it_precedes_threadpoolctl_and_the_environment(tmp_path):
    with threadpool_limits(1, user_api="openmp"), set_num_threads(3):
        assert effective_n_threads() == 3
    code = """
    import pcnet
    from pcnet._threads import effective_n_threads as n
    pcnet.set_num_threads(3)
    print(n())
    """
    assert run_python(code, tmp_path, OMP_NUM_THREADS="1") == "3"


@needs_openmp
def test_it_holds_in_other_python_threads():
    found = []
    with set_num_threads(3):
        worker = threading.Thread(target=lambda: found.append(effective_n_threads()))
        worker.start()
        worker.join()
    assert found == [3]


@needs_openmp
@needs_proc
@pytest.mark.parametrize("n_threads", [1, 3])
def test_fit_computes_with_that_many(tmp_path, n_threads):
    """Counts the process's threads; OPENBLAS_NUM_THREADS keeps BLAS's own pool away."""
    code = f"""
    import os
    import pcnet
    with pcnet.set_num_threads({n_threads}):
        fit()
    print(len(os.listdir('/proc/self/task')))
    """
    program = FIT + textwrap.dedent(code)
    environment = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1"}
    assert run_python(program, tmp_path, **environment) == str(n_threads)


@needs_fork
@needs_openmp
def test_a_forked_child_still_uses_one(tmp_path):
    code = """
    import os
    import pcnet
    from pcnet._threads import effective_n_threads
    pcnet.set_num_threads(4)
    child = os.fork()
    if child == 0:
        os._exit(effective_n_threads())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run_python(code, tmp_path) == "1"


def test_without_openmp_it_is_one(monkeypatch):
    monkeypatch.setattr(pcnet._threads._core, "has_openmp", lambda: False)
    with set_num_threads(4):
        assert effective_n_threads() == 1


def test_same_bits_with_any_number():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 8)), np.arange(120) % 3
    found = []
    for n_threads in (1, 2, 3):
        with set_num_threads(n_threads):
            model = PCClassifier((64,) * 4, max_iter=1, batch_size=60, random_state=0).fit(X, y)
            found.append(model.predict_proba(X))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    "value, error, match",
    [
        (0, ValueError, "n_threads must be an integer of at least 1"),
        (-2, ValueError, "n_threads must be an integer of at least 1"),
        (1025, ValueError, "n_threads must be at most 1024"),
        (2.0, TypeError, "n_threads must be an integer"),
        (True, TypeError, "n_threads must be an integer"),
        ("2", TypeError, "n_threads must be an integer"),
    ],
)
def test_bad_values_change_nothing(value, error, match):
    before = effective_n_threads()
    with pytest.raises(error, match=match):
        set_num_threads(value)
    assert effective_n_threads() == before
