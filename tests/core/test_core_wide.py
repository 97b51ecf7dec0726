"""Wide layers: the backward pass reads the forward pass' packed weights, several samples at once.

Oracles: the reference; a sample's bits do not depend on the number of samples in the batch, which
selects one of two orders of the same products.
"""

import numpy as np
import pytest

import pcnet
from pcnet._core import binding
from pcnet.inference import ErrorDescent

from .. import reference
from ..helpers import make_batch, make_network, objective, relative_error

# Widths around the least width of wide layers, multiples of a panel or not; narrow layers.
SIZES = (5, 383, 384, 385, 400, 31, 512, 512, 3)
METHOD = ErrorDescent(max_steps=3, tol=0, energy_tol=0)


def test_wide_layers_have_no_packed_transposes(dtype):
    wide = [n_in >= 384 and n_out >= 384 for n_in, n_out in zip(SIZES, SIZES[1:])]
    assert sum(wide) == 3
    packed = binding.allocate_packed(SIZES, dtype, transposed=True)
    assert [p is None for p in packed] == [True, *wide[1:]]


@pytest.mark.parametrize("n_samples", [1, 5, 12, 13, 16, 17, 33, 64])
def test_gradients_of_wide_layers_against_the_reference(n_samples, dtype, tolerance):
    net = make_network(SIZES, "tanh", dtype=dtype)
    X, Y = make_batch(net, n_samples)
    activities = net.forward(X)
    rng = np.random.default_rng(0)
    activities = [z + rng.standard_normal(z.shape).astype(dtype) for z in activities]
    found = net.activity_gradients(X, Y, activities)
    expected = reference.activity_gradients(net, X, Y, activities, objective("squared_error"))
    assert relative_error(found, expected) <= tolerance(dtype, "reference")


@pytest.mark.parametrize("n_samples", [7, 40, 70])
def test_inference_in_wide_layers_against_the_reference(n_samples, dtype, tolerance):
    net = make_network(SIZES, "relu", dtype=dtype)
    X, Y = make_batch(net, n_samples)
    result = pcnet.infer(net, X, Y, method=METHOD)
    options = {"max_steps": METHOD.max_steps, "tol": 0.0, "energy_tol": 0.0}
    expected = reference.error_descent(net, X, Y, objective("squared_error"), **options)
    assert relative_error(result.errors, expected.errors) <= tolerance(dtype, "inference")


def test_a_sample_has_the_same_bits_in_any_batch(dtype, threads):
    net = make_network(SIZES, "tanh", dtype=dtype)
    X, Y = make_batch(net, 64)
    whole = pcnet.infer(net, X, Y, method=METHOD)
    for first, last in [(0, 1), (3, 14), (3, 16), (20, 37), (0, 63)]:
        part = pcnet.infer(net, X[first:last], Y[first:last], method=METHOD)
        for a, b in zip(part.activities, whole.activities, strict=True):
            np.testing.assert_array_equal(a, b[first:last])
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            again = pcnet.infer(net, X, Y, method=METHOD)
        for a, b in zip(again.activities, whole.activities, strict=True):
            np.testing.assert_array_equal(a, b)
