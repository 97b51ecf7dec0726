"""The core against its reference on any network: passes, gradients, packing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pcnet._core import binding

from .. import reference
from ..helpers import make_activities, objective, relative_error
from .problems import DTYPES, problems


@given(problems(), st.integers(0, 1000))
def test_passes_and_gradients(p, seed):
    z = make_activities(p.net, len(p.X), margin=1e-3, seed=seed)
    terms = objective(**p.options)
    close = {"float32": 2e-5, "float64": 1e-12}[p.net.dtype.name]  # of sums of up to 65 terms
    assert relative_error(p.net.forward(p.X), reference.forward(p.net, p.X)) <= close
    assert relative_error(p.net.output(p.X), reference.forward(p.net, p.X)[-1]) <= close
    expected = reference.layer_energies(p.net, p.X, p.Y, z, terms).mean(axis=0)
    assert relative_error(p.net.energy(p.X, p.Y, z, **p.options), expected) <= close
    expected = reference.activity_gradients(p.net, p.X, p.Y, z, terms)
    actual = p.net.activity_gradients(p.X, p.Y, z, **p.options)
    assert relative_error(actual, expected) <= close
    errors = reference.errors(p.net, p.X, p.Y, z, terms)
    for actual, expected in zip(
        p.net.weight_gradients(p.X, errors, z),
        reference.weight_gradients(p.net, p.X, errors, z),
        strict=True,
    ):
        if actual is not None:
            assert relative_error(actual, expected) <= close


sizes = st.integers(1, 150)


@given(sizes, sizes, sizes, st.sampled_from(DTYPES), st.integers(0, 1000))
def test_packing_and_unpacking_keeps_weights(n_in, n_hidden, n_out, dtype, seed):
    layer_sizes = (n_in, n_hidden, n_out)
    rng = np.random.default_rng(seed)
    shapes = list(zip(layer_sizes, layer_sizes[1:], strict=False))
    weights = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    forward = binding.allocate_packed(layer_sizes, dtype)
    backward = binding.allocate_packed(layer_sizes, dtype, transposed=True)
    for packed in (*forward, backward[1]):
        packed[:] = np.nan  # packing must write all of it, the padding too
    binding.pack_weights(weights, forward, backward)
    back = [np.empty_like(w) for w in weights]
    binding.unpack_weights(forward, back)
    for w, packed, again in zip(weights, forward, back, strict=True):
        assert again.tobytes() == w.tobytes()
        assert np.count_nonzero(packed) == np.count_nonzero(w)  # the rest is zeros
    # the packed transpose is the packed form of the transposed matrix
    turned = np.ascontiguousarray(weights[1].T)
    expected = binding.allocate_packed(turned.shape, dtype)
    binding.pack_weights([turned], expected)
    assert expected[0].tobytes() == backward[1].tobytes()
