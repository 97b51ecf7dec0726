"""Special cases of the core: kinks of activations, products deeper than a kernel, refused steps."""

import numpy as np
import pytest

import pcnet

from ..helpers import relative_error


def test_the_derivative_at_a_kink_is_the_left_value(dtype):
    """relu'(0) = 0: at z = 0 the backward pass and the gradient are 0, no activity changes."""
    net = pcnet.Network.init((3, 7, 19, 2), "relu", random_state=0, dtype=dtype)
    X, Y = np.zeros((4, 3), dtype), np.ones((4, 2), dtype)
    result = pcnet.infer(net, X, Y, pcnet.inference.ErrorDescent(max_steps=5))
    assert np.all(result.n_steps == 0)
    assert np.all(result.converged)
    assert all(np.all(z == 0) for z in result.activities)


@pytest.mark.parametrize("n_in", [256, 257, 300, 600])
def test_products_of_any_depth(n_in, dtype, tolerance):
    """The kernel takes 256 columns at a time; both passes are compared with NumPy's products."""
    net = pcnet.Network.init(
        (n_in, n_in, n_in, 3), "identity", skip=False, random_state=0, dtype=dtype
    )
    X = np.random.default_rng(0).standard_normal((5, n_in)).astype(dtype)
    z, expected = net.forward(X), X.astype(np.float64)
    for found, W, a in zip(z, net.weights, net.scales, strict=True):
        expected = a * expected @ W.astype(np.float64)
        assert relative_error(found, expected) < tolerance(dtype, "reference")
    Y = np.zeros((5, 3), dtype)
    gradient = net.activity_gradients(X, Y, z)[0]  # errors are 0 below the outputs
    assert np.all(gradient == 0)
    gradient = net.activity_gradients(X, Y, [z[0], np.zeros_like(z[1]), z[2]])[0]
    error = -net.scales[1] * z[0].astype(np.float64) @ net.weights[1].astype(np.float64)
    expected = -net.scales[1] * error @ net.weights[1].astype(np.float64).T
    assert relative_error(gradient, expected) < tolerance(dtype, "reference")


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_sample_without_an_accepted_step_keeps_its_state(activation, tolerance):
    """A refused step must not change the state: z_l - mu_l is e_l to rounding.

    With both stopping tests off, samples continue until no step lowers the energy by more than its
    rounding; a refused step is up to a thousand times larger than the rounding of z.
    """
    net = pcnet.Network.init((6, 24, 24, 24, 4), activation, random_state=0)  # float32
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((64, 6), np.float32), rng.standard_normal((64, 4), np.float32)
    method = pcnet.inference.ErrorDescent(max_steps=500, tol=0, energy_tol=0)
    result = pcnet.infer(net, X, Y, method, output_precision=20.0)
    assert np.count_nonzero(result.n_steps < method.max_steps) > 32  # they stopped before the limit
    z = [X.astype(np.float64), *(z.astype(np.float64) for z in result.activities)]
    phi = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[activation]
    for index, error in enumerate(result.errors[:-1]):
        below = z[index] if index == 0 else phi(z[index])
        mu = net.scales[index] * below @ net.weights[index].astype(np.float64)
        if net.skips[index]:
            mu += z[index]
        assert np.max(np.abs(z[index + 1] - mu - error)) < tolerance(np.float32, "reference")
