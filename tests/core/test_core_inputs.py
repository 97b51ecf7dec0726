"""Inputs are never written; their memory layout does not change results."""

import numpy as np
import pytest

import pcnet
from pcnet import Network, theory
from pcnet._network_core import core_batch
from pcnet.inference import ActivityDescent, ErrorDescent, Status

from ..helpers import make_activities, make_batch, make_network, relative_error

METHODS = (ErrorDescent(max_steps=5), ActivityDescent(n_steps=5, rate=0.2))


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.fixture
def net(dtype):
    """A network whose weights and biases are read-only."""
    net = make_network((5, 9, 9, 8, 3), "gelu", dtype=dtype)
    return Network.from_weights(
        [read_only(w) for w in net.weights],
        [read_only(b) for b in net.biases],
        "gelu",
        read_only(np.asarray(net.scales)),
        read_only(np.asarray(net.skips)),
    )


def all_results(net, X, Y, z):
    """All public computations on these inputs, as one list of arrays."""
    results = [*net.forward(X), net.output(X), net.energy(X, Y, z)]
    results += net.activity_gradients(X, Y, z)
    for method in METHODS:
        r = pcnet.infer(net, X, Y, method=method)
        results += [*r.activities, *r.errors, r.energy, r.energy_trace]
        by_weight, by_bias = net.weight_gradients(X, r.errors, r.activities)
        results += [*by_weight, *by_bias]
    return results


def test_read_only_inputs_stay_unchanged(net):
    X, Y = make_batch(net, 40)
    z = make_activities(net, 40)
    kept = [a.copy() for a in (X, Y, *z, *net.weights, *net.biases)]
    all_results(net, read_only(X), read_only(Y), [read_only(a) for a in z])
    all_results(net, X, Y, z)
    for before, after in zip(kept, (X, Y, *z, *net.weights, *net.biases), strict=True):
        assert np.array_equal(before, after)


def misaligned(array):
    raw = np.frombuffer(b"x" + array.tobytes(), array.dtype, offset=1).reshape(array.shape)
    assert not raw.flags.aligned
    return raw


LAYOUTS = {
    "misaligned": misaligned,
    "fortran": np.asfortranarray,
    "every second column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "negative stride": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_memory_layout(layout, net):
    X, Y = make_batch(net, 40)
    z = make_activities(net, 40)
    expected = all_results(net, X, Y, z)
    actual = all_results(net, layout(X), layout(Y), [layout(a) for a in z])
    for a, e in zip(actual, expected, strict=True):
        assert np.array_equal(a, e)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_memory_layout_of_weights(layout, net):
    X, Y = make_batch(net, 40)
    z = make_activities(net, 40)
    weights = [layout(w) for w in net.weights]
    moved = Network.from_weights(weights, net.biases, "gelu", net.scales, net.skips)
    for a, e in zip(all_results(moved, X, Y, z), all_results(net, X, Y, z), strict=True):
        assert np.array_equal(a, e)


def test_misaligned_arrays_never_reach_the_core(net):
    """Arrays in a network and in the theory's arguments too; the binding refuses such arrays."""
    X, Y = make_batch(net, 40)
    z = make_activities(net, 40)
    moved = net.copy()
    moved.weights = [misaligned(w) for w in net.weights]
    moved.biases = [misaligned(b) for b in net.biases]
    for a, e in zip(all_results(moved, X, Y, z), all_results(net, X, Y, z), strict=True):
        assert np.array_equal(a, e)
    first = theory.backprop_gradients(net, X, Y)
    second = theory.backprop_gradients(moved, misaligned(X), misaligned(Y))
    for a, e in zip(first[0], second[0], strict=True):
        assert np.array_equal(a, e)
    with pytest.raises(ValueError, match="expected an aligned array"):
        core_batch(net, 40).forward(misaligned(X))


def test_results_do_not_share_memory(net):
    """Changing a result changes neither the next result nor the inputs."""
    X, Y = make_batch(net, 40)
    first = pcnet.infer(net, X, Y)
    kept = [a.copy() for a in (*first.activities, *first.errors, first.energy)]
    for a in (*first.activities, *first.errors, first.energy):
        a[...] = np.nan
    second = pcnet.infer(net, X, Y)
    for a, e in zip((*second.activities, *second.errors, second.energy), kept, strict=True):
        assert np.array_equal(a, e)


def test_samples_are_independent(dtype, tolerance):
    """A sample's result does not depend on the other samples of the batch."""
    net = make_network((5, 9, 9, 9, 3), "tanh", dtype=dtype)
    X, Y = make_batch(net, 97)
    order = np.random.default_rng(0).permutation(97)
    method = ErrorDescent(max_steps=4, tol=0.0, energy_tol=0.0)
    whole = pcnet.infer(net, X, Y, method=method)
    shuffled = pcnet.infer(net, X[order], Y[order], method=method)
    close = tolerance(dtype, "inference")
    assert relative_error(shuffled.energy, whole.energy[order]) <= close
    for moved, z in zip(shuffled.activities, whole.activities, strict=True):
        assert relative_error(moved, z[order]) <= close


def test_arrays_of_other_dimensions_name_the_remedy(net):
    X, _ = make_batch(net, 4)
    with pytest.raises(ValueError, match=r"Y must have 2 dimension.* np\.eye\(3\)\[labels\]"):
        pcnet.infer(net, X, [0, 1, 2, 0])
    with pytest.raises(ValueError, match=r"X must have 2 dimension.* \[x\] for a single one"):
        net.forward(X[0])
    with pytest.raises(ValueError, match=r"^X must have 2 dimension\(s\); got shape \(1, 4, 5\)$"):
        net.forward(X[None])


def test_inference_result_repr_is_one_line(net):
    result = pcnet.infer(net, *make_batch(net, 7))
    assert repr(result).startswith("InferenceResult(7 samples, mean energy ")
    assert "\n" not in repr(result)
    ends = repr(result).removesuffix(")").split("sample, ")[1].split(", ")
    shares = {status.text: np.mean(result.status == status) for status in Status}
    assert sorted(ends) == sorted(f"{share:.0%} {text}" for text, share in shares.items() if share)
