"""All builds of the core: instruction sets, and products with packed W and W^T, or W alone.

A public call uses one of them, chosen by machine and task. Here each build must compute the same
inference, weight gradients and solver steps as the reference.
"""

from functools import cache
from itertools import product

import numpy as np
import pytest

from pcnet import has_openmp, set_num_threads
from pcnet._core import binding
from pcnet._core.threads import effective_n_threads

from .. import reference
from ..helpers import all_points, make_batch, make_network, objective, relative_error

BUILDS = list(product(binding.available_isas(), ["W and its transpose", "W alone"]))
PROBLEM = {"loss": "logistic", "output_precision": 0.7, "activity_decay": 0.05}
N_SAMPLES = 37


def test_a_build_without_openmp_computes_with_one_thread():
    with set_num_threads(4):
        assert effective_n_threads() == (4 if has_openmp() else 1)


def core_network(net, products, isa):
    packed = [binding.allocate_packed(net.layer_sizes, net.dtype), None]
    if products == "W and its transpose":
        packed[1] = binding.allocate_packed(net.layer_sizes, net.dtype, transposed=True)
    binding.pack_weights(net.weights, *packed)
    return binding.CoreNetwork(
        net.layer_sizes,
        net.activations,
        net.skips,
        net.scales,
        net.dtype,
        biases=net.biases,
        packed=packed,
        isa=isa,
    )


@pytest.fixture
def net(layer_sizes, dtype):
    return network(layer_sizes, dtype)


def batch_of(net, build):
    isa, products = build
    return binding.Batch(core_network(net, products, isa), N_SAMPLES, 1)


@cache
def network(layer_sizes, dtype):
    return make_network(layer_sizes, "silu", dtype=dtype)


@cache
def expected_descent(layer_sizes, dtype):
    """The reference's answer, the same for all builds."""
    net = network(layer_sizes, dtype)
    X, Y = make_batch(net, N_SAMPLES, "logistic")
    options = {"max_steps": 2, "tol": 0.0, "energy_tol": 0.0}
    return reference.error_descent(net, X, Y, objective(**PROBLEM), **options)


def used(arrays, widths):
    """The arrays without the padding of their rows."""
    return [a[:N_SAMPLES, :n] for a, n in zip(arrays, widths, strict=True)]


@all_points("build", BUILDS)
def test_forward(build, net, dtype, tolerance):
    batch = batch_of(net, build)
    X, _ = make_batch(net, N_SAMPLES, "logistic")
    batch.forward(X)
    activities = used(batch.activities, net.layer_sizes[1:])
    assert relative_error(activities, reference.forward(net, X)) <= tolerance(dtype, "reference")


@all_points("build", BUILDS)
def test_inference_and_weight_gradients(build, net, dtype, tolerance):
    batch = batch_of(net, build)
    X, Y = make_batch(net, N_SAMPLES, "logistic")
    batch.error_descent(X, Y, *PROBLEM.values(), 2, 0.0, 0.0)
    expected = expected_descent(net.layer_sizes, dtype)
    close = tolerance(dtype, "inference")
    widths = net.layer_sizes[1:]
    assert relative_error(used(batch.activities, widths)[:-1], expected.activities) <= close
    assert relative_error(used(batch.errors, widths), expected.errors) <= close
    assert relative_error(batch.energy, expected.energy) <= close

    rng = np.random.default_rng(0)
    share = rng.random(N_SAMPLES)
    share /= share.sum()
    by_weight, by_bias = batch.weight_gradients(X, share)
    gradients = reference.weight_gradients(net, X, expected.errors, expected.activities, share)
    assert relative_error(by_weight, gradients[0]) <= close
    assert relative_error(by_bias, gradients[1]) <= close


@all_points("build", BUILDS)
def test_activity_descent(build, net, dtype, tolerance):
    batch = batch_of(net, build)
    X, Y = make_batch(net, N_SAMPLES, "logistic")
    batch.activity_descent(X, Y, *PROBLEM.values(), 4, 0.3)
    expected = reference.activity_descent(net, X, Y, objective(**PROBLEM), n_steps=4, rate=0.3)
    activities = used(batch.activities, net.layer_sizes[1:])[:-1]
    assert relative_error(activities, expected.activities) <= tolerance(dtype, "inference")


@all_points("build", BUILDS)
def test_padding_stays_zero(build, net):
    """The products read whole vectors, so the padding of a row must stay 0."""
    batch = batch_of(net, build)
    X, Y = make_batch(net, N_SAMPLES, "logistic")
    batch.error_descent(X, Y, *PROBLEM.values(), 2, 0.0, 0.0)
    for errors, n in zip(batch.errors, net.layer_sizes[1:], strict=True):
        assert not np.any(errors[:, n:])


def test_packing_keeps_the_weights(layer_sizes, dtype):
    """Packing and unpacking is the identity, bit by bit."""
    net = make_network(layer_sizes, dtype=dtype)
    packed = binding.allocate_packed(net.layer_sizes, net.dtype)
    binding.pack_weights(net.weights, packed)
    back = [np.full_like(w, np.nan) for w in net.weights]
    binding.unpack_weights(packed, back)
    for w, kept in zip(back, net.weights, strict=True):
        assert np.array_equal(w, kept)
