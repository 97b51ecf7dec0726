"""Energies and gradients of jpc 1.0 (JAX, float64) for a 3-4-4-5 tanh network and one back.

`jpc_energies.npz` holds jpc's `pc_energy_fn` without an input, `hpc_energy_fn` and `bpc_energy_fn`
(forward weight 0.3, backward weight 0.8) with their gradients, at random activities z_0..z_3 and an
amortizer's guesses q_1..q_3. jpc's energies are means over the samples. That of the hybrid has no
1/2: it and its gradients are twice those of pcnet. `bpc_energy_fn` takes the layers of the
bottom-up network from the causes on.
"""

from pathlib import Path

import numpy as np
import pytest

from pcnet import Network

from .. import reference
from ..helpers import central_differences, relative_error
from .two_way import energies, errors

JPC = dict(np.load(Path(__file__).parent / "jpc_energies.npz"))
Z = [JPC[f"z{i}"] for i in range(4)]
Q = [JPC[f"q{i}"] for i in range(1, 4)]
LAYERS = (1, 2, 3)


def network(name):
    weights, biases = ([JPC[f"{name}_{part}{i}"] for i in LAYERS] for part in "Wb")
    return Network.from_weights(weights, biases, "tanh")


def gradients(name):
    return [JPC[f"{name}_d{part}{i}"] for part in "Wb" for i in LAYERS]


@pytest.fixture
def nets():
    return network("generator"), network("recognizer")


def assert_learns(net, inputs, e, activities, name, factor, tolerance):
    found = net.weight_gradients(inputs, e, activities)
    expected = [g / factor for g in gradients(name)]
    assert relative_error([*found[0], *found[1]], expected) <= tolerance("float64", "golden")


def test_unsupervised(nets, tolerance):
    net, golden = nets[0], tolerance("float64", "golden")
    hidden = Z[1:-1]
    energy = net.energy(Z[0], Z[-1], hidden).sum()
    assert energy == pytest.approx(float(JPC["unsupervised_energy"]), rel=golden)
    e = errors(*nets, Z)[0]
    by_z = [-e[0] @ net.weights[0].T, *net.activity_gradients(Z[0], Z[-1], hidden)]
    expected = [len(Z[0]) * JPC[f"unsupervised_dz{i}"] for i in range(3)]
    assert relative_error(by_z, expected) <= golden
    assert_learns(net, Z[0], e, hidden, "unsupervised", 1, tolerance)


def test_amortizer_of_the_hybrid(nets, tolerance):
    """Targets z_2, z_1, z_0; each layer reads the amortizer's own guess below."""
    net, golden = nets[1], tolerance("float64", "golden")
    mu = reference.predictions(net, Z[-1], [*Q[:-1], Z[0]])
    e = [target - guess for target, guess in zip(Z[-2::-1], mu, strict=True)]
    energy = sum(np.sum(layer**2) for layer in e) / len(Z[0])
    assert energy == pytest.approx(float(JPC["hybrid_energy"]), rel=golden)
    assert_learns(net, Z[-1], e, Q[:-1], "hybrid", 2, tolerance)


def test_bidirectional(nets, tolerance):
    p_g, p_r = 0.3, 0.8
    n, difference = len(Z[0]), tolerance("float64", "difference")
    energy = energies(*nets, Z, p_g, p_r).mean()
    assert energy == pytest.approx(float(JPC["bidirectional_energy"]), rel=1e-13)
    by_z = [central_differences(lambda: energies(*nets, Z, p_g, p_r).sum(), z) for z in Z[1:-1]]
    expected = [n * JPC[f"bidirectional_dz{i}"] for i in (1, 2)]
    assert relative_error(by_z, expected) <= difference
    e, d = errors(*nets, Z)
    name = "bidirectional_generator"
    assert_learns(nets[0], Z[0], e, Z[1:-1], name, p_g, tolerance)
    name = "bidirectional_recognizer"
    assert_learns(nets[1], Z[-1], d[::-1], Z[2:0:-1], name, p_r, tolerance)
