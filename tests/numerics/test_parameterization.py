"""Scales, initial weights, rates and gradient scales against the formulas of muPC.

Expected values are computed here from D inputs, width N, L layers and gamma; see
Innocenti et al. (2025), arXiv:2505.13124.
"""

import numpy as np
import pytest

import pcnet
from pcnet import Network
from pcnet.parameterization import (
    BASE_SHAPE,
    BIAS_SHARE,
    NARROW,
    gradient_scales,
    layer_scales,
    learning_rate_multipliers,
    prepare_narrow_layers,
    shallow_boost,
)

from ..helpers import PARAMETERIZATIONS, make_batch, relative_error

SHAPES = [(5, 7, 2), (5, 7, 7, 7, 2), (12, *(16,) * 30, 10)]


def expected_scales(parameterization, D, N, L, skip, gamma):
    hidden = 1 / np.sqrt(N * L) if skip else 1 / np.sqrt(N)
    scales = {
        "sp": [1.0] * L,
        "ntp": [1 / np.sqrt(D), *[hidden] * (L - 2), 1 / np.sqrt(N)],
        "mupc": [1 / np.sqrt(D), *[hidden] * (L - 2), 1 / (N * gamma)],
    }
    return np.array(scales[parameterization])


@pytest.mark.parametrize("sizes", [(6, 6), (6, 6, 6), (5, 6, 6, 6), (6, 6, 4, 4, 4)])
def test_no_skip_enters_the_first_layer_or_the_output(sizes):
    """Even if the widths on both sides are equal."""
    hidden_to_hidden = [1 < layer < len(sizes) - 1 for layer in range(1, len(sizes))]
    equal = [n_in == n_out for n_in, n_out in zip(sizes, sizes[1:])]
    assert list(Network.init(sizes).skips) == [h and e for h, e in zip(hidden_to_hidden, equal)]


@pytest.mark.parametrize("gamma", [1.0, 0.3])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("sizes", SHAPES)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_scales(parameterization, sizes, skip, gamma):
    net = Network.init(sizes, parameterization=parameterization, skip=skip, gamma=gamma)
    D, N, L = sizes[0], sizes[1], len(sizes) - 1
    expected = expected_scales(parameterization, D, N, L, skip, gamma)
    assert relative_error(net.scales, expected) <= 1e-15
    assert list(net.skips) == [skip and 1 <= index < L - 1 for index in range(L)]


def test_scales_of_unequal_widths():
    """Layer by layer: with a skip 1/sqrt(n_in L), without one 1/sqrt(n_in)."""
    skips = [False, False, True, False]
    scales = layer_scales((5, 8, 6, 6, 3), "mupc", skips, 2.0)
    expected = np.array([5**-0.5, 8**-0.5, (6 * 4) ** -0.5, 1 / (6 * 2.0)])
    assert relative_error(scales, expected) <= 1e-15
    net = Network.init((5, 8, 6, 6, 3), gamma=2.0)
    assert list(net.skips) == skips
    assert relative_error(net.scales, expected) <= 1e-15


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_initial_weights(parameterization):
    """sp: uniform within 1/sqrt(n_in); ntp and mupc: standard normal. Biases are 0."""
    net = Network.init(
        (50, 80, 80, 60), parameterization=parameterization, bias=True, random_state=0
    )
    for w in net.weights:
        n_in = w.shape[0]
        # eight standard errors of the mean and of the variance
        spread = (3 * n_in) ** -0.5 if parameterization == "sp" else 1.0
        assert abs(w.mean()) <= 8 * spread / np.sqrt(w.size)
        assert abs(w.std() / spread - 1) <= 8 / np.sqrt(w.size)
        if parameterization == "sp":
            assert 0.99 <= np.abs(w).max() * np.sqrt(n_in) <= 1
        else:
            assert np.abs(w).max() > 3
    assert not any(np.any(b) for b in net.biases)


def test_drawing_is_reproducible_and_the_same_in_both_dtypes():
    """float32 weights are the rounded float64 ones, so networks can be compared across dtypes."""
    by_dtype = [
        Network.init((5, 7, 7, 2), random_state=3, dtype=d) for d in (np.float32, np.float64)
    ]
    again = Network.init((5, 7, 7, 2), random_state=3)
    other = Network.init((5, 7, 7, 2), random_state=4)
    for single, double, repeated, different in zip(
        *(net.weights for net in (*by_dtype, again, other)), strict=True
    ):
        assert np.array_equal(single, double.astype(np.float32))
        assert np.array_equal(single, repeated)
        assert not np.any(single == different)


MUPC = [
    (D, N, L, gamma)
    for D, N, L in [(5, 16, 2), (5, 16, 4), (30, 16, 4), (5, 50, 4), (5, 16, 40)]
    for gamma in (1.0, 0.3)
]


def mupc_network(D, N, L, gamma=1.0, skip=True, parameterization="mupc"):
    return Network.init(
        (D, *(N,) * (L - 1), 3), gamma=gamma, skip=skip, parameterization=parameterization
    )


def boost(L, skip=True):
    """Movement of z_H by a step, base shape's over own: 0.7 sqrt(D0) and the hidden layers'."""
    D0, N0, L0 = BASE_SHAPE
    base = 0.7 * np.sqrt(D0) + np.sqrt(N0 * L0) * (L0 - 2) / L0
    hidden = np.sqrt(N0 * L0) / L if skip else np.sqrt(N0)
    return max(1, base / (0.7 * np.sqrt(D0) + hidden * (L - 2)))


@pytest.mark.parametrize("D, N, L, gamma", MUPC)
def test_rates_of_muPC(D, N, L, gamma):
    """The table of muPC with Adam, relative to the base shape (D0, N0, L0), and the boost."""
    D0, N0, L0 = BASE_SHAPE
    rates = learning_rate_multipliers(mupc_network(D, N, L, gamma))
    hidden = np.sqrt(N0 * L0 / (N * L))
    expected = boost(L) * np.array([np.sqrt(D0 / D), *[hidden] * (L - 2), gamma])
    assert relative_error(rates.weights, expected) <= 1e-14
    plain = learning_rate_multipliers(mupc_network(D, N, L, gamma, skip=False))
    hidden = np.sqrt(N0 / N)
    expected = boost(L, skip=False) * np.array([np.sqrt(D0 / D), *[hidden] * (L - 2), gamma])
    assert relative_error(plain.weights, expected) <= 1e-14


@pytest.mark.parametrize("D, N", [(5, 16), (784, 128), (30, 50)])
def test_step_changes_the_last_hidden_layer_equally_at_any_depth(D, N):
    """One Adam step of size 1 moves z_H by a_l n_in rate_l a layer, the first by 0.7 of that.

    The sum is the base shape's. Beyond the base depth, where the boost is 1, it grows by less
    than a twentieth.
    """
    moves = []
    for L in (2, 3, 4, 7, 16, BASE_SHAPE.n_layers, 64, 1000):
        net = mupc_network(D, N, L)
        rates = learning_rate_multipliers(net).weights
        by_layer = (net.scales * np.array(net.layer_sizes[:-1]) * rates)[:-1]
        moves.append(0.7 * by_layer[0] + by_layer[1:].sum())
    moves = np.array(moves) / moves[5]
    assert np.allclose(moves[:6], 1.0, rtol=1e-12)
    assert np.all(np.diff(moves[5:]) > 0)
    assert moves[-1] < 1.05


def test_boost_falls_to_one():
    boosts = [shallow_boost(mupc_network(5, 8, L).skips) for L in (2, 3, 9, 32, 33, 129)]
    assert np.allclose(boosts[:3], [4.06, 1.95, 1.15], atol=1e-2)
    assert np.allclose(boosts[3:], 1.0, rtol=1e-14)
    alone = Network.init((5, 3))  # no hidden layer
    assert shallow_boost(alone.skips) == 1
    assert np.allclose(learning_rate_multipliers(alone).weights, np.sqrt(BASE_SHAPE.n_inputs / 5))


def test_base_shape_learns_at_the_base_rate():
    net = mupc_network(*BASE_SHAPE)
    rates = learning_rate_multipliers(net)
    assert np.allclose(rates.weights, 1.0, rtol=1e-14)
    assert np.allclose(rates.biases, np.where(net.skips, BIAS_SHARE, 1.0), rtol=1e-14)


@pytest.mark.parametrize("parameterization", ["mupc", "ntp"])
def test_step_changes_units_equally_in_every_shape(parameterization):
    """One Adam step of size 1 moves a unit of layer l by at most a_l n_in rate_l.

    Apart from the boost, that must not depend on D, N, L or gamma: of a residual layer it is 1/L
    of a constant, so that the sum over the layers is one. A bias moves its unit by its rate: a
    constant share of the same amount; the output's, which is no part of the sum, has no boost.
    """
    moves = []
    for D, N, L, gamma in MUPC:
        net = mupc_network(D, N, L, gamma, parameterization=parameterization)
        rates = learning_rate_multipliers(net)
        share = boost(L) * np.where(net.skips, 1 / L, 1.0)
        by_weights = net.scales * np.array(net.layer_sizes[:-1]) * rates.weights / share
        share[-1] = 1.0
        by_biases = rates.biases / share
        for moved in (by_weights, by_biases):
            assert np.allclose(moved[1:-1], moved[1:2] if L > 2 else 0, rtol=1e-12)
        if L > 2:  # first, any hidden, last layer
            moves.append([*by_weights[[0, 1, -1]], *by_biases[[0, 1, -1]]])
        else:
            moves.append([by_weights[0], np.nan, by_weights[1], by_biases[0], np.nan, by_biases[1]])
    moves = np.array(moves)
    spread = np.nanmax(moves, axis=0) / np.nanmin(moves, axis=0)
    assert np.all(spread <= 1 + 1e-12)


@pytest.mark.parametrize("skip", [True, False])
def test_rates_of_narrow_layers(skip):
    """With the share s of `NARROW`: the first layer's by sqrt(s), those above by their s^2.

    The output's, and those of wider layers, are what they would be anyway: those of a wide network
    with the same skips, over the square root of a hidden layer's inputs.
    """
    narrow, wide = (5, 4, 4, NARROW, 8, 3), (5, 2 * NARROW, 2 * NARROW, NARROW, 3 * NARROW, 3)
    rates = learning_rate_multipliers(Network.init(narrow, skip=skip))
    free = learning_rate_multipliers(Network.init(wide, skip=skip))
    by_inputs = np.ones(5)
    by_inputs[1:-1] = np.sqrt(np.array(wide[1:-2]) / narrow[1:-2])
    factors = [0.25**0.5, 0.25**2, 1, 0.5**2, 1]
    assert np.allclose(rates.weights / free.weights, factors * by_inputs, rtol=1e-14)
    assert np.allclose(rates.biases / free.biases, factors, rtol=1e-14)


@pytest.mark.parametrize("name", ["mupc", "ntp"])
def test_start_of_narrow_layers(name):
    """Outputs by the share of the layer below; sums of at least 0, up to sign the same weights."""
    net = Network.init((5, 6, 4, 4, NARROW, 2, 3), parameterization=name, random_state=0)
    before = [w.copy() for w in net.weights]
    prepare_narrow_layers(net)
    for index, (new, old) in enumerate(zip(net.weights, before, strict=True)):
        if index in (1, 4):
            assert np.all(new.sum(axis=0) >= 0)
            assert np.array_equal(np.abs(new), np.abs(old))
        elif index == 5:
            assert np.array_equal(new, old * (2 / NARROW))
        else:  # the first, a skip, a wide layer
            assert np.array_equal(new, old)


@pytest.mark.parametrize(
    "sizes, name", [((5, NARROW, 64, 3), "mupc"), ((5, 4, 2, 3), "sp"), ((5, 3), "mupc")]
)
def test_other_networks_start_as_drawn(sizes, name):
    net = Network.init(sizes, parameterization=name, random_state=0)
    before = [w.copy() for w in net.weights]
    prepare_narrow_layers(net)
    assert all(map(np.array_equal, net.weights, before))


@pytest.mark.parametrize("make", ["sp", "given"])
def test_rates_without_a_parameterization_are_equal(make):
    net = mupc_network(5, 16, 6, parameterization="sp")
    if make == "given":
        net = Network.from_weights(net.weights, None, "relu", net.scales, net.skips)
    rates = learning_rate_multipliers(net)
    assert np.array_equal(rates.weights, np.ones(6))
    assert np.array_equal(rates.biases, np.ones(6))


@pytest.mark.parametrize("precision", [1.0, 0.03])
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_gradient_scales(parameterization, precision):
    """dF/dW_l over lambda a_l a_L, dF/dW_L over lambda a_L; biases without their a_l."""
    net = mupc_network(5, 16, 6, 0.3, parameterization=parameterization)
    a = net.scales
    factors = gradient_scales(net, precision)
    weights = 1 / (precision * np.array([*a[:-1] * a[-1], a[-1]]))
    biases = 1 / (precision * np.array([*[a[-1]] * 5, 1.0]))
    assert relative_error(factors.weights, weights) <= 1e-14
    assert relative_error(factors.biases, biases) <= 1e-14


@pytest.mark.parametrize("precision", [1.0, 1e-3])
@pytest.mark.parametrize("shape", [(30, 16, 4), (30, 128, 4), (30, 16, 100)])
def test_scaled_gradients_are_of_order_one(shape, precision):
    """At any size and precision the solver's gradients are far above Adam's epsilon."""
    net = Network.init((shape[0], *(shape[1],) * (shape[2] - 1), 3), "tanh", random_state=0)
    X, Y = make_batch(net, 64)
    result = pcnet.infer(net, X, Y, output_precision=precision)
    gradients, _ = net.weight_gradients(X, result.errors, result.activities)
    factors = gradient_scales(net, precision).weights
    for g, factor in zip(gradients, factors, strict=True):
        size = np.sqrt(np.mean((factor * g) ** 2))
        assert 1e-2 <= size <= 3
