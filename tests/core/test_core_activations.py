"""The core's activations and derivatives against the reference, on every instruction set."""

import numpy as np
import pytest

from pcnet._core import binding

from .. import reference
from ..helpers import ACTIVATIONS, all_points

ISAS = binding.available_isas()

# kinks, signed zeros, underflow and overflow of exp, and the largest values
AWKWARD = [0.0, 1.0, 1e-30, 1e-9, 1e-4, 0.5, 9.0, 19.9, 20.1, 87.0, 89.0, 104.0, 700.0, 1e4]


def awkward_values(dtype):
    rng = np.random.default_rng(0)
    values = np.concatenate([AWKWARD, np.negative(AWKWARD), 4 * rng.standard_normal(1000)])
    return values.astype(dtype)


def values_and_slopes(name, z, isa=None, width=130):
    """f(z) and f'(z): what weights of 1 predict from the activities z, and the response to deltas
    of 1. Rows of 130 units hold whole column blocks and a remainder in both dtypes."""
    dtype, n_rows = z.dtype, -(-len(z) // width)
    sizes = (1, width, width)
    packed = binding.allocate_packed(sizes, dtype)
    binding.pack_weights([np.zeros((1, width), dtype), np.eye(width, dtype=dtype)], packed)
    network = binding.CoreNetwork(
        sizes, ["identity", name], [False] * 2, [1.0] * 2, dtype, packed=(packed, None), isa=isa
    )
    batch = binding.Batch(network, n_rows, 1)
    given = np.zeros(n_rows * width, dtype)
    given[: len(z)] = z
    batch.activities[0][:, :width] = given.reshape(n_rows, width)
    zeros = np.zeros((n_rows, width), dtype)
    batch.evaluate(zeros[:, :1].copy(), zeros, "squared_error", 1.0)
    batch.errors[1][:, :width] = 1
    batch.backward(n_rows, batch.errors)
    both = batch.activities[1], batch.errors[0]
    return [rows[:, :width].ravel()[: len(z)] for rows in both]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives(name, isa, dtype, tolerance):
    """Element by element, against the reference in float64."""
    z = awkward_values(dtype)
    values, slopes = values_and_slopes(name, z, isa)
    exact = z.astype(np.float64)
    for actual, expected in (
        (values, reference.activation(name, exact)),
        (slopes, reference.activation_derivative(name, exact)),
    ):
        assert actual.dtype == dtype
        error = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
        assert error.max() <= tolerance(dtype, "activation")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_small_arguments_have_full_relative_precision(name, isa, dtype, tolerance):
    """Near 0 the relative error counts: expm1 and tanh must not cancel away."""
    z = np.array([1e-3, -1e-3, 1e-5, -1e-5, 1e-8, -1e-8, 0.0], dtype)
    values, _ = values_and_slopes(name, z, isa)
    expected = reference.activation(name, z.astype(np.float64))
    assert np.all(np.abs(values - expected) <= tolerance(dtype, "activation") * np.abs(expected))


@pytest.mark.parametrize("name", ACTIVATIONS)
@all_points("n", [1, 3, 7, 8, 15, 16, 17, 31, 33])
def test_lengths_around_the_vectors(name, n, dtype, tolerance):
    z = awkward_values(dtype)[-n:]
    values, slopes = values_and_slopes(name, z, width=n)
    expected = reference.activation(name, z.astype(np.float64))
    assert values.shape == slopes.shape == (n,)
    assert np.allclose(values, expected, rtol=tolerance(dtype, "activation"), atol=1e-6)


def test_nan_is_propagated(dtype):
    """A NaN must reach the energy, where it is reported, and not turn into a number."""
    z = np.full(5, np.nan, dtype)
    for name in ACTIVATIONS:
        values, _ = values_and_slopes(name, z, width=5)
        assert np.all(np.isnan(values)), name
