"""Signals are handled during long calls of the core, and other results do not change."""

import _thread
import signal
import threading
import time

import numpy as np
import pytest

import pcnet
from pcnet import PCClassifier
from pcnet._core import binding
from pcnet._network_core import core_network
from pcnet.inference import ActivityDescent, ErrorDescent

from ..helpers import make_batch, make_network

#: Steps of a call that would take minutes; an interrupt must end it within these seconds, which
#: allow for a busy machine.
FOREVER, SOON = 10**8, 20.0
pytestmark = pytest.mark.usefixtures("interruptible")


def problem(sizes, n_samples, activation="tanh", dtype=np.float32):
    net = make_network(sizes, activation, dtype=dtype)
    return (net, *make_batch(net, n_samples))


def interrupt():
    """Send SIGINT to the main thread, as Ctrl-C does."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()


def seconds_to_end(call):
    """Seconds from an interrupt, 0.1 s after the start of a call, to KeyboardInterrupt."""
    sent = []

    def send():
        sent.append(time.perf_counter())
        interrupt()

    timer = threading.Timer(0.1, send)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call()
    ended = time.perf_counter()
    timer.join()
    return ended - sent[0]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("width", "depth", "n_samples"), [(4, 40, 1), (64, 10, 150)])
def test_ctrl_c_ends_one_long_inference(width, depth, n_samples, n_threads):
    """Few samples in many layers, or many: always one call of the core."""
    net, X, Y = problem((3, *[width] * depth, 2), n_samples)
    method = ActivityDescent(FOREVER, rate=1e-3)
    with pcnet.set_num_threads(n_threads):
        assert seconds_to_end(lambda: pcnet.infer(net, X, Y, method)) < SOON
    again = pcnet.infer(net, X, Y, ErrorDescent())
    assert np.all(np.isfinite(again.energy))


def test_ctrl_c_ends_energies_of_estimators():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 3
    model = PCClassifier((8, 8), max_iter=2, random_state=0).fit(X, y)
    method = ActivityDescent(FOREVER, rate=1e-3)
    for call in (
        lambda: model.energy(X, y, inference=method),
        lambda: model.class_energies(X, inference=method),
        lambda: model.score_samples(X, inference=method),
    ):
        assert seconds_to_end(call) < SOON
    assert np.all(np.isfinite(model.energy(X, y)))


def test_ctrl_c_ends_a_long_predict():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 3
    model = PCClassifier((512,) * 4, max_iter=1, alpha=0, temperature=1, random_state=0).fit(X, y)
    many = np.repeat(X, 20_000, axis=0)  # half a minute or more on one thread
    with pcnet.set_num_threads(1):
        assert seconds_to_end(lambda: model.predict(many)) < SOON / 4
    np.testing.assert_array_equal(model.predict(many[:20_001:20_000]), model.predict(X[:2]))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no interval timers")
@pytest.mark.parametrize("n_threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_handlers_run_within_one_call(n_threads):
    """A handler that raises nothing is called repeatedly, and the call's result is the same."""
    net, X, _ = problem((16, *[512] * 8, 2), 20_000)
    network, outs = core_network(net), [np.empty((len(X), 2), np.float32) for _ in range(2)]
    binding.output(network, X, outs[0], n_threads)
    handled = []
    before = signal.signal(signal.SIGALRM, lambda *_: handled.append(time.perf_counter()))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        start = time.perf_counter()
        binding.output(network, X, outs[1], n_threads)
        seconds = time.perf_counter() - start
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    within = [moment for moment in handled if moment < start + seconds]
    assert len(within) >= seconds / 0.2 - 1  # the core checks for signals twenty times a second
    np.testing.assert_array_equal(*outs)


def test_exception_of_a_signal_handler_propagates():
    class Stop(Exception):
        pass

    def handler(*_):
        raise Stop("mine")

    net, X, Y = problem((3, *[4] * 40, 2), 1)
    before = signal.signal(signal.SIGINT, handler)
    timer = threading.Timer(0.1, interrupt)
    timer.start()
    try:
        with pytest.raises(Stop, match="mine"):
            pcnet.infer(net, X, Y, ActivityDescent(FOREVER, rate=1e-3))
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_signals_interrupt_the_main_thread_only():
    """A call in another thread continues; the main thread, which waits for it, is interrupted."""
    net, X, Y = problem((3, *[32] * 20, 2), 64)
    found = []

    def work():
        found.append(pcnet.infer(net, X, Y, ActivityDescent(2_000, rate=1e-3)))

    def wait():
        interrupt()
        time.sleep(30)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait()
    finally:
        thread.join()
    expected = pcnet.infer(net, X, Y, ActivityDescent(2_000, rate=1e-3))
    np.testing.assert_array_equal(found[0].energy, expected.energy)
