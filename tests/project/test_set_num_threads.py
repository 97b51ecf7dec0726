"""`set_num_threads`: its effect, how long it lasts, and that results do not depend on it."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from pcnet import set_num_threads
from pcnet._core.threads import effective_n_threads

from .test_threads import needs_openmp


@pytest.fixture(autouse=True)
def default_afterwards():
    yield
    set_num_threads(None)


@needs_openmp
def test_function_call_lasts():
    set_num_threads(3)
    assert effective_n_threads() == 3
    set_num_threads(np.int64(2))
    assert effective_n_threads() == 2


@needs_openmp
def test_none_restores_the_default():
    default = effective_n_threads()
    set_num_threads(default + 3)
    set_num_threads(None)
    assert effective_n_threads() == default


@needs_openmp
def test_context_manager_restores_the_number():
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
def test_function_call_in_a_block_lasts_after_it():
    with set_num_threads(2):
        set_num_threads(5)
        assert effective_n_threads() == 5
    assert effective_n_threads() == 5


@needs_openmp
def test_one_object_may_begin_several_blocks():
    default = effective_n_threads()
    limit = set_num_threads(default + 3)
    with limit:
        with limit:
            assert effective_n_threads() == default + 3
        assert effective_n_threads() == default + 3
    assert effective_n_threads() == default
    with limit:
        assert effective_n_threads() == default + 3
    assert effective_n_threads() == default


@needs_openmp
def test_blocks_of_threads_may_overlap():
    """Each Python thread has its own number; no number remains after all blocks, in any order."""
    default = effective_n_threads()
    for first_to_leave in (0, 1):
        inside, leave = threading.Barrier(3), [threading.Event(), threading.Event()]
        found = {}

        def hold(i, inside=inside, leave=leave, found=found):
            with set_num_threads(default + 1 + i):
                inside.wait(timeout=60)
                found[i] = effective_n_threads() - default
                leave[i].wait(timeout=60)

        threads = [threading.Thread(target=hold, args=(i,)) for i in (0, 1)]
        for thread in threads:
            thread.start()
        inside.wait(timeout=60)
        for i in (first_to_leave, 1 - first_to_leave):
            leave[i].set()
            threads[i].join()
            expected = default if i != first_to_leave else default + 2 - first_to_leave
            assert effective_n_threads() == expected
        assert found == {0: 1, 1: 2}


@needs_openmp
def test_many_overlapping_blocks_leave_no_number():
    default = effective_n_threads()
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for n_threads in rng.integers(1, 9, 300).tolist():
            with set_num_threads(n_threads):
                if effective_n_threads() != n_threads:
                    wrong.append(n_threads)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert effective_n_threads() == default


@needs_openmp
def test_number_overrides_threadpoolctl():
    with threadpool_limits(1, user_api="openmp"), set_num_threads(3):
        assert effective_n_threads() == 3


@needs_openmp
def test_number_applies_in_other_python_threads():
    found = []
    with set_num_threads(3):
        worker = threading.Thread(target=lambda: found.append(effective_n_threads()))
        worker.start()
        worker.join()
    assert found == [3]


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
