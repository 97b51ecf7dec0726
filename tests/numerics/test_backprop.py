"""Backpropagation's gradients against central differences of the loss, and as a limit of PC's."""

import numpy as np
import pytest

from pcnet import infer
from pcnet.inference import ErrorDescent
from pcnet.theory import backprop_gradients, in_float64

from .. import reference
from ..helpers import ACTIVATIONS, LOSSES, make_batch, make_network, relative_error
from .test_gradients import SIZES, central_differences


@pytest.mark.covering(1)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("skip, bias", [(True, True), (False, False)])
def test_against_central_differences(activation, loss, skip, bias, tolerance):
    net = make_network(SIZES, activation, skip=skip, bias=bias, gamma=0.7)
    X, Y = make_batch(net, 3, loss)

    def mean_loss():
        return reference.loss_values(loss, net.output(X), Y).mean()

    weights, biases = backprop_gradients(net, X, Y, loss)
    limit = tolerance(np.float64, "difference")
    expected = [central_differences(mean_loss, W) for W in net.weights]
    assert relative_error(weights, expected) < limit
    if bias:
        assert (
            relative_error(biases, [central_differences(mean_loss, b) for b in net.biases]) < limit
        )
    else:
        assert biases is None


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_the_limit_of_a_small_output_precision(loss):
    net = make_network((5, 8, 8, 8, 3), "tanh")
    X, Y = make_batch(net, 6, loss)
    expected, _ = backprop_gradients(net, X, Y, loss)
    deviations = []
    for precision in (1e-2, 1e-3, 1e-4):
        result = infer(net, X, Y, ErrorDescent(100, 1e-9, 0), loss, precision)
        weights, _ = net.weight_gradients(X, result.errors, result.activities)
        deviations.append(relative_error([W / precision for W in weights], expected))
    # the deviation is of first order in the precision
    np.testing.assert_allclose(np.array(deviations[:-1]) / deviations[1:], 10, rtol=0.1)
    assert deviations[-1] < 1e-3


def test_float32_networks_are_computed_in_float64():
    net = make_network((5, 8, 8, 3), dtype=np.float32)
    X, Y = make_batch(net, 4)
    exact = in_float64(net)
    assert exact.dtype == np.float64
    assert net.dtype == np.float32
    weights, biases = backprop_gradients(net, X, Y)
    expected = backprop_gradients(exact, X, Y)
    for gradient, other in zip([*weights, *biases], [*expected[0], *expected[1]]):
        assert gradient.dtype == np.float64
        np.testing.assert_array_equal(gradient, other)


def test_bad_arguments():
    net = make_network((5, 8, 3))
    X, Y = make_batch(net, 4)
    with pytest.raises(ValueError, match="loss must be one of"):
        backprop_gradients(net, X, Y, "hinge")
    with pytest.raises(ValueError, match="X must have 5 columns"):
        backprop_gradients(net, X[:, :-1], Y)
    with pytest.raises(ValueError, match="Y must have 4 rows"):
        backprop_gradients(net, X, Y[:-1])
