"""infer against the reference, sample by sample: states, steps, passes and status."""

import numpy as np
import pytest

import pcnet
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.losses import Blocks

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    make_batch,
    make_network,
    objective,
    relative_error,
)
from .conftest import SHAPES

OPTIONS = {"output_precision": 0.8, "activity_decay": 0.02}


def check_state(result, expected, close):
    hidden = len(expected.activities)
    assert relative_error(result.activities[:hidden], expected.activities) <= close
    assert relative_error(result.errors, expected.errors) <= close
    assert relative_error(result.energy, expected.energy) <= close


def check_trace(result, expected, close):
    """energy_trace: the mean over the samples; a stopped sample keeps its energy."""
    length = max(len(t) for t in expected.energy_traces)
    traces = [np.pad(t, (0, length - len(t)), mode="edge") for t in expected.energy_traces]
    assert relative_error(result.energy_trace, np.mean(traces, axis=0)) <= close


def check_error_descent(net, n_samples, tolerance, loss="squared_error"):
    """Two steps, the second by Barzilai and Borwein, without stopping tests, in both dtypes."""
    X, Y = make_batch(net, n_samples, loss)
    options = {"max_steps": 2, "tol": 0.0, "energy_tol": 0.0}
    result = pcnet.infer(net, X, Y, method=ErrorDescent(**options), loss=loss, **OPTIONS)
    expected = reference.error_descent(net, X, Y, objective(loss, **OPTIONS), **options)
    close = tolerance(net.dtype, "inference")
    check_state(result, expected, close)
    check_trace(result, expected, close)


@pytest.mark.covering(1)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_error_descent_batch_sizes(activation, n_samples, dtype, tolerance):
    net = make_network((9, 13, 13, 13, 4), activation, dtype=dtype)
    check_error_descent(net, n_samples, tolerance)


@pytest.mark.covering(2)
@pytest.mark.parametrize(
    "layer_sizes, loss",
    [
        pytest.param(sizes, loss, id=f"{name}-{loss}")
        for name, sizes in SHAPES.items()
        for loss in LOSSES
        # softmax of one output is constant: the test would only compare rounding
        if not (sizes[-1] == 1 and loss == "log_loss")
    ],
)
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
def test_error_descent_shapes(layer_sizes, loss, skip, bias, dtype, tolerance):
    net = make_network(layer_sizes, "tanh", skip=skip, bias=bias, dtype=dtype)
    check_error_descent(net, 37, tolerance, loss)


BLOCKS = Blocks(["squared_error", "log_loss"], [1, 3])
ENDS = {"max_steps": 7, "tol": 1e-2, "energy_tol": 1e-4}


@pytest.mark.covering(1)
@pytest.mark.parametrize("loss", [*LOSSES, BLOCKS], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("predict", [False, True], ids=["check", "predict"])
def test_error_descent_steps_and_status(activation, loss, predict, tolerance):
    """Every sample has the reference's number of steps and status, float64."""
    net = make_network((9, *(12,) * 6, 4), activation)
    X, Y = make_batch(net, 65, loss)
    method = ErrorDescent(**ENDS, predict_convergence=predict)
    result = pcnet.infer(net, X, Y, method=method, loss=loss)
    expected = reference.error_descent(net, X, Y, objective(loss), **method.get_params())
    assert np.array_equal(result.n_steps, expected.n_steps)
    assert np.array_equal(result.status, expected.status)
    converged = np.isin(expected.status, (reference.CONVERGED, reference.PREDICTED))
    assert np.array_equal(result.converged, converged)
    assert np.array_equal(result.n_passes, expected.n_passes)
    check_state(result, expected, tolerance("float64", "inference"))
    check_trace(result, expected, tolerance("float64", "inference"))


@pytest.mark.parametrize(
    "activation", ["tanh", *(pytest.param(a, marks=pytest.mark.slow) for a in ("relu", "selu"))]
)
def test_error_descent_reaches_every_status(activation):
    """All status values occur in the comparison with the reference."""
    net = make_network((9, *(12,) * 6, 4), activation)
    X, Y = make_batch(net, 65)
    end = reference.error_descent(net, X, Y, objective(), **ENDS, predict_convergence=False)
    assert set(end.status) == {reference.LIMIT, reference.CONVERGED, reference.ENERGY}
    assert len(set(end.n_steps)) > 2
    assert reference.PREDICTED in reference.error_descent(net, X, Y, objective(), **ENDS).status


@pytest.mark.covering(1)
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("loss", LOSSES)
def test_predicted_ends_save_a_half_pass(loss, skip, dtype):
    """Samples end as predicted where the reference says so; each has one backward pass less."""
    net = make_network((9, *(12,) * 6, 4), "tanh", skip=skip, dtype=dtype)
    X, Y = make_batch(net, 65, loss)
    problem = {"loss": loss, "output_precision": 0.1}
    method = ErrorDescent()
    result = pcnet.infer(net, X, Y, method, **problem)
    expected = reference.error_descent(net, X, Y, objective(**problem), **method.get_params())
    assert np.mean(expected.status == reference.PREDICTED) > 0.3
    assert np.array_equal(result.status, expected.status)
    predicted = result.status == reference.PREDICTED
    assert np.all(2 * result.n_passes[predicted] >= 2 * result.n_steps[predicted] + 1)
    assert np.any(2 * result.n_passes[predicted] == 2 * result.n_steps[predicted] + 1)


@pytest.mark.parametrize("tol, activity_decay", [(0.05, 1e-3), (0.009, 0.0)])
def test_ends_are_not_predicted_with_activity_decay_or_small_tol(tol, activity_decay):
    net = make_network((9, *(12,) * 6, 4), "tanh")
    X, Y = make_batch(net, 65)
    problem = {"output_precision": 0.1, "activity_decay": activity_decay}
    result = pcnet.infer(net, X, Y, ErrorDescent(tol=tol), **problem)
    assert not np.any(result.status == reference.PREDICTED)


def test_error_descent_stops_at_the_rounding_floor(dtype):
    """With the other stopping tests off, descent stops where rounding hides any decrease."""
    net = make_network((5, 8, 8, 8, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 40)
    method = ErrorDescent(max_steps=1000, tol=0.0, energy_tol=0.0)
    result = pcnet.infer(net, X, Y, method=method)
    assert np.all(result.status == reference.FLOOR)
    assert not np.any(result.converged)
    assert np.all(result.n_steps < 100)


@pytest.mark.covering(2)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("n_steps", [0, 1, 3, 4, 9])
def test_activity_descent(activation, decay, n_steps, dtype, tolerance):
    """Fewer, as many and more steps than layers; the core skips layers without a signal yet."""
    net = make_network((9, 13, 13, 12, 12, 4), activation, dtype=dtype)
    X, Y = make_batch(net, 37)
    problem = {"output_precision": 0.8, "activity_decay": decay}
    method = ActivityDescent(n_steps=n_steps, rate=0.2)
    result = pcnet.infer(net, X, Y, method=method, **problem)
    expected = reference.activity_descent(
        net, X, Y, objective(**problem), n_steps=n_steps, rate=0.2
    )
    close = tolerance(dtype, "inference")
    check_state(result, expected, close)
    check_trace(result, expected, close)
    assert np.all(result.n_steps == n_steps)


@pytest.mark.covering(2)
@pytest.mark.filterwarnings("ignore:.*raised the mean energy")  # Poisson's curvature has no bound
@pytest.mark.parametrize("loss", LOSSES)
def test_activity_descent_shapes(layer_sizes, loss, n_samples, dtype, tolerance):
    net = make_network(layer_sizes, "gelu", dtype=dtype)
    X, Y = make_batch(net, n_samples, loss)
    problem = {"loss": loss, **OPTIONS}
    result = pcnet.infer(net, X, Y, method=ActivityDescent(n_steps=4, rate=0.3), **problem)
    expected = reference.activity_descent(net, X, Y, objective(**problem), n_steps=4, rate=0.3)
    check_state(result, expected, tolerance(dtype, "inference"))


@pytest.mark.parametrize("method", ["error", "activity"])
def test_overflow_is_an_error(method, dtype):
    """A feed-forward energy that is not finite is an error."""
    net = make_network((3, 4, 4, 2), "identity", parameterization="sp", dtype=dtype)
    for w in net.weights:
        w[:] = np.sqrt(np.finfo(dtype).max)
    X, Y = make_batch(net, 5)
    with pytest.raises(FloatingPointError):
        pcnet.infer(net, X, Y, method=method)


def test_divergence_is_an_error(dtype):
    """Activity descent at a far too large rate overflows: an error that names the cause."""
    net = make_network((3, 6, 6, 2), "identity", dtype=dtype)
    X, Y = make_batch(net, 5)
    with pytest.raises(FloatingPointError, match="rate"):
        pcnet.infer(net, X, Y, method=ActivityDescent(n_steps=400, rate=50.0))
