"""Hessians by the weights; oracles: central differences of the gradients and of the closed-form
energy, the implicit against the closed form, products against the dense matrix."""

import numpy as np
import pytest

from pcnet import Network, theory
from pcnet.inference import Objective
from pcnet.theory._energy_hessian import ClosedFormProduct, ImplicitProduct

from .. import reference
from ..helpers import LOSSES, PARAMETERIZATIONS, make_batch, make_network, relative_error

STEP = 1e-5
SIZES = (3, 4, 4, 3, 2)  # one layer that can have a skip, one that cannot
CURVED = ("tanh", "gelu", "logistic")


def differences(net, gradients):
    """Central differences of gradients (a list like the weights), a row for each weight."""
    rows = []
    for W in net.weights:
        for index in np.ndindex(W.shape):
            kept = W[index]
            W[index] = kept + STEP
            above = theory.flatten_weights(gradients())
            W[index] = kept - STEP
            below = theory.flatten_weights(gradients())
            W[index] = kept
            rows.append((above - below) / (2 * STEP))
    return np.array(rows)


def second_differences(function, net, step=3e-4):
    """The Hessian of a scalar function of the weights, four values an entry."""
    places = [(W, index) for W in net.weights for index in np.ndindex(W.shape)]

    def moved(i, j, a, b):
        for (W, index), by in ((places[i], a), (places[j], b)):
            W[index] += by
        value = function()
        for (W, index), by in ((places[i], a), (places[j], b)):
            W[index] -= by
        return value

    hessian = np.empty((len(places), len(places)))
    for i in range(len(places)):
        for j in range(i + 1):
            corners = sum(a * b * moved(i, j, a * step, b * step) for a in (1, -1) for b in (1, -1))
            hessian[i, j] = hessian[j, i] = corners / (4 * step * step)
    return hessian


@pytest.mark.covering(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["identity", *CURVED])
@pytest.mark.parametrize("skip", [True, False])
def test_loss_hessian_against_differences(activation, loss, skip, tolerance):
    net = make_network(SIZES, activation, skip=skip, gamma=0.7)
    X, Y = make_batch(net, 3, loss)
    hessian = theory.loss_hessian(net, X, Y, loss)
    expected = differences(net, lambda: theory.backprop_gradients(net, X, Y, loss)[0])
    assert relative_error(hessian.toarray(), expected) <= tolerance("float64", "difference")
    expected = reference.loss_values(loss, net.output(X), Y).mean()
    assert relative_error(hessian.value, expected) <= 1e-13
    expected, _ = theory.backprop_gradients(net, X, Y, loss)
    assert relative_error(hessian.gradients, expected) <= 1e-13


@pytest.mark.covering(1)
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", CURVED)
def test_energy_hessian_against_differences(activation, loss, decay, tolerance):
    """Differences of the local gradients at the true equilibrium: the definition of dF*/dW."""
    net = make_network((2, 3, 3, 2, 2), activation, gamma=0.7)
    X, Y = make_batch(net, 2, loss)
    options = (loss, 0.6, decay)
    objective = Objective(*options)
    start = theory.newton_equilibrium(net, X, Y, *options)

    def gradients():
        z = theory.newton_equilibrium(net, X, Y, *options, activities=start)
        return reference.weight_gradients(net, X, reference.errors(net, X, Y, z, objective), z)[0]

    hessian = theory.energy_hessian(net, X, Y, *options)
    expected = differences(net, gradients)
    assert relative_error(hessian.toarray(), expected) <= tolerance("float64", "difference")
    assert relative_error(hessian.gradients, gradients()) <= 1e-12
    expected = reference.sample_energies(net, X, Y, start, objective).mean()
    assert relative_error(hessian.value, expected) <= 1e-13


@pytest.mark.covering(2)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_linear_energy_hessian_against_differences(parameterization, skip, decay, tolerance):
    net = make_network(SIZES, "identity", parameterization=parameterization, skip=skip)
    X, Y = make_batch(net, 3)
    options = {"output_precision": 0.6, "activity_decay": decay}
    expected = differences(
        net, lambda: theory.equilibrium_weight_gradients(net, X, Y, **options)[0]
    )
    hessian = theory.energy_hessian(net, X, Y, **options)
    assert relative_error(hessian.toarray(), expected) <= tolerance("float64", "difference")


@pytest.mark.parametrize("skip", [True, False])
def test_second_differences_of_the_closed_form_energy(skip):
    """The expected values use no gradient; steps of 3e-4 have an error of about 1e-7."""
    net = make_network((2, 3, 3, 2), "identity", skip=skip, bias=False)
    X, Y = make_batch(net, 3)
    expected = second_differences(lambda: theory.equilibrium_energy(net, X, Y, 0.7).mean(), net)
    found = theory.energy_hessian(net, X, Y, output_precision=0.7).toarray()
    assert relative_error(found, expected) <= 1e-6


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), SIZES, (2, 4, 4, 4, 4, 1)], ids=str)
@pytest.mark.parametrize("precision", [1.0, 0.05])
def test_closed_form_and_implicit_products_agree(sizes, precision, tolerance):
    net = make_network(sizes, "identity", gamma=0.6)
    X, Y = make_batch(net, 5)
    objective = Objective("squared_error", precision)
    z = theory.equilibrium_activities(net, X, Y, precision)
    errors = reference.errors(net, X, Y, z, objective)
    rng = np.random.default_rng(0)
    dW = [rng.standard_normal(W.shape) for W in net.weights]
    products = [
        rule(net, X, Y, z, errors, objective)(dW) for rule in (ClosedFormProduct, ImplicitProduct)
    ]
    assert relative_error(*products) <= tolerance("float64", "closed_form")


@pytest.mark.parametrize("kind", ["loss", "energy"])
@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_products_blocks_and_symmetry(kind, activation):
    net = make_network(SIZES, activation)
    X, Y = make_batch(net, 4)
    make = theory.loss_hessian if kind == "loss" else theory.energy_hessian
    hessian = make(net, X, Y)
    dense = hessian.toarray()
    assert relative_error(dense, dense.T) <= 1e-13
    V = np.random.default_rng(1).standard_normal((dense.shape[0], 3))
    assert relative_error(hessian @ V, dense @ V) <= 1e-13
    assert relative_error(hessian.T @ V[:, 0], dense.T @ V[:, 0]) <= 1e-13
    slices = theory.weight_slices(net)
    assert [s.stop - s.start for s in slices] == [W.size for W in net.weights]
    for row, column in ((1, 1), (2, 4), (4, 2), (3, 3)):
        block = hessian.block(row, column)
        assert relative_error(block, dense[slices[row - 1], slices[column - 1]]) <= 1e-15


def test_relu_away_from_kinks_and_at_them():
    """relu is linear between kinks; an equilibrium at a kink is an error."""
    net = make_network((3, 6, 6, 2), "relu", seed=1)
    X, Y = make_batch(net, 2)
    expected = differences(net, lambda: theory.backprop_gradients(net, X, Y)[0])
    assert relative_error(theory.loss_hessian(net, X, Y).toarray(), expected) <= 1e-8
    # one sample: the minimum over z_1 is at 0, the kink of relu
    net = Network.from_weights([[[1.0]], [[10.0]]])
    with pytest.raises(RuntimeError, match="no equilibrium found for 1 of 1 samples"):
        theory.energy_hessian(net, [[0.1]], [[-1.0]])


@pytest.mark.covering(1)
@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("loss", LOSSES)
def test_newton_ends_at_rounding(activation, loss):
    net = make_network((4, 6, 6, 6, 3), activation)
    X, Y = make_batch(net, 5, loss)
    z = theory.newton_equilibrium(net, X, Y, loss, 0.8)
    gradient = net.activity_gradients(X, Y, z, loss, 0.8)
    assert max(np.abs(g).max() for g in gradient) <= 1e-13
    again = theory.newton_equilibrium(net, X, Y, loss, 0.8, activities=z)
    assert relative_error(again, z) <= 1e-12


def test_float32_networks_are_computed_in_float64():
    net = make_network((3, 4, 4, 2), dtype=np.float32)
    X, Y = make_batch(net, 3)
    exact = theory.energy_hessian(theory.in_float64(net), X, Y).toarray()
    found = theory.energy_hessian(net, X, Y).toarray()
    assert found.dtype == np.float64
    assert relative_error(found, exact) <= 1e-15


def test_split_and_flatten_are_inverse():
    net = make_network((3, 4, 2))
    vector = np.arange(20.0)
    parts = theory.split_weights(net, vector)
    assert [part.shape for part in parts] == [(3, 4), (4, 2)]
    assert parts[1][2, 1] == 12 + 2 * 2 + 1
    np.testing.assert_array_equal(theory.flatten_weights(parts), vector)


def test_bad_arguments():
    net = make_network((3, 4, 2))
    X, Y = make_batch(net, 3)
    for function in (theory.loss_hessian, theory.energy_hessian, theory.newton_equilibrium):
        with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
            function("net", X, Y)
        with pytest.raises(ValueError, match="X must have 3 columns"):
            function(net, X[:, 1:], Y)
        with pytest.raises(ValueError, match="Y must have 3 rows"):
            function(net, X, Y[1:])
        with pytest.raises(ValueError, match="loss must be one of"):
            function(net, X, Y, "hinge")
    for function in (theory.energy_hessian, theory.newton_equilibrium):
        with pytest.raises(ValueError, match="output_precision must be"):
            function(net, X, Y, output_precision=0)
        with pytest.raises(ValueError, match="activity_decay must be"):
            function(net, X, Y, activity_decay=-1)
        with pytest.raises(ValueError, match="activities"):
            function(net, X, Y, activities=[X])
    with pytest.raises(ValueError, match="needs a network with a hidden layer"):
        theory.newton_equilibrium(make_network((3, 2)), X, Y)
    for layer in (0, 3, 1.0):
        with pytest.raises(ValueError, match="row_layer must be a layer from 1 to 2"):
            theory.loss_hessian(net, X, Y).block(layer, 1)
    with pytest.raises(ValueError, match="column_layer"):
        theory.loss_hessian(net, X, Y).block(1, 5)
    with pytest.raises(ValueError, match="vector must have 20 entries"):
        theory.split_weights(net, np.zeros(19))
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
        theory.weight_slices([1])
