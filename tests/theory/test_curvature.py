"""Second derivatives of activations and losses against central differences of the first ones."""

import numpy as np
import pytest

from pcnet.losses import Blocks, Huber
from pcnet.theory import activation_second_derivative, output_curvature

from .. import reference
from ..helpers import ACTIVATIONS, KINKS, LOSSES, make_batch, make_network

STEP = 1e-5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, tolerance):
    z = np.linspace(-6, 6, 997)
    for kink in KINKS.get(name, ()):
        z = z[np.abs(z - kink) > 2 * STEP]
    above, below = (reference.activation_derivative(name, z + s) for s in (STEP, -STEP))
    found = activation_second_derivative(name, z)
    expected = (above - below) / (2 * STEP)
    np.testing.assert_allclose(found, expected, atol=tolerance("float64", "difference"))


@pytest.mark.parametrize("name", KINKS)
def test_second_derivative_at_kinks_is_zero(name):
    at = np.array(KINKS[name])
    np.testing.assert_array_equal(activation_second_derivative(name, at), 0.0)


@pytest.mark.parametrize("loss", [*LOSSES, Huber(0.4), Blocks(["poisson", "log_loss"], [1, 3])])
def test_losses(loss, tolerance):
    name = "huber" if isinstance(loss, Huber) else loss
    net = make_network((3, 4, 4))
    _, Y = make_batch(net, 20, name)
    mu = np.random.default_rng(1).standard_normal(Y.shape)
    found = output_curvature(loss, mu, Y)
    for k in range(mu.shape[1]):
        moved = STEP * np.eye(mu.shape[1])[k]
        sides = [-reference.output_delta(loss, mu + s * moved, Y, 1.0) for s in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * STEP)
        np.testing.assert_allclose(
            found[:, :, k], expected, rtol=1e-8, atol=tolerance("float64", "difference")
        )


def test_bad_arguments():
    with pytest.raises(ValueError, match="name must be one of"):
        activation_second_derivative("sine", [0.0])
    with pytest.raises(ValueError, match="loss must be one of"):
        output_curvature("hinge", np.zeros((1, 2)), np.zeros((1, 2)))
