"""Nonlinear networks linearised at a point: dense Jacobians by differences, and linear networks."""

import numpy as np
import pytest

from pcnet import infer, theory
from pcnet.inference import ErrorDescent

from .. import reference
from ..helpers import LOSSES, make_activities, make_batch, make_network, objective, relative_error

SIZES = (3, 4, 4, 3, 2)
STEP = 1e-6


def output_from(net, layer, z):
    """mu_L from hidden activities z_l by the layers above l."""
    for index in range(layer, net.n_layers):
        z = reference.predict_layer(net, index, z)
    return z


@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("activation", ["tanh", ["gelu", "relu", "logistic"]], ids=str)
def test_rescaling_by_differences(activation, skip):
    """S from P_l, the derivative of the output by each feed-forward activity."""
    net = make_network(SIZES, activation, skip=skip, gamma=0.5)
    X, _ = make_batch(net, 5)
    expected = np.tile(np.eye(2) / 0.3, (5, 1, 1))
    for layer, z in enumerate(net.forward(X)[:-1], 1):
        P = np.stack(
            [
                (output_from(net, layer, z + d) - output_from(net, layer, z - d)) / (2 * STEP)
                for d in STEP * np.eye(z.shape[1])
            ],
            axis=1,
        )
        expected += P.transpose(0, 2, 1) @ P
    found = theory.linearized_rescaling(net, X, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
    start = net.forward(X)
    np.testing.assert_allclose(theory.linearized_rescaling(net, X, 0.3, start), found, rtol=1e-12)


def test_rescaling_at_given_activities_of_each_sample():
    net = make_network(SIZES, "tanh", gamma=0.5)
    X, _ = make_batch(net, 4)
    z = make_activities(net, 4)
    together = theory.linearized_rescaling(net, X, 0.3, z)
    for i in range(4):
        alone = theory.linearized_rescaling(net, X[i : i + 1], 0.3, [a[i : i + 1] for a in z])
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-13)


@pytest.mark.parametrize("sizes", [(3, 2), SIZES])
def test_a_linear_network_is_its_own_linearisation(sizes, tolerance):
    net = make_network(sizes, "identity", gamma=0.5)
    X, Y = make_batch(net, 4)
    S = theory.equilibrium_rescaling(net, 0.3)
    limit = tolerance("float64", "closed_form")
    assert relative_error(theory.linearized_rescaling(net, X, 0.3), np.stack([S] * 4)) <= limit
    if len(sizes) == 2:
        return
    for start in (None, make_activities(net, 4)):
        z, energy = theory.linearized_equilibrium(net, X, Y, start, output_precision=0.3)
        assert relative_error(z, theory.equilibrium_activities(net, X, Y, 0.3)) <= limit
        assert relative_error(energy, theory.equilibrium_energy(net, X, Y, 0.3)) <= limit


@pytest.mark.parametrize("loss", LOSSES)
def test_a_gauss_newton_step_by_dense_algebra(loss, tolerance):
    net = make_network((3, 4, 4, 3, 3), "tanh", gamma=0.5)
    X, Y = make_batch(net, 3, loss)
    start = make_activities(net, 3)
    z, energy = theory.linearized_equilibrium(net, X, Y, start, loss, 0.6)
    gradient = net.activity_gradients(X, Y, start, loss, 0.6)
    before = reference.sample_energies(net, X, Y, start, objective(loss, 0.6))
    limit = tolerance("float64", "closed_form")
    for i in range(3):
        one = slice(i, i + 1)
        H = theory.activity_hessian(
            net, X[one], Y[one], [a[one] for a in start], loss, 0.6, gauss_newton=True
        )
        g = np.concatenate([a[i] for a in gradient])
        step = np.linalg.solve(H.toarray(), g)
        found = np.concatenate([a[i] - b[i] for a, b in zip(start, z)])
        assert relative_error(found, step) <= limit
        assert relative_error(energy[i], before[i] - 0.5 * g @ step) <= limit


def test_from_the_start_the_energy_is_the_rescaled_loss(tolerance):
    net = make_network(SIZES, "tanh", gamma=0.5)
    X, Y = make_batch(net, 6)
    S = theory.linearized_rescaling(net, X, 0.3)
    r = Y - net.forward(X)[-1]
    expected = 0.5 * np.einsum("ni,nij,nj->n", r, np.linalg.inv(S), r)
    _, energy = theory.linearized_equilibrium(net, X, Y, output_precision=0.3)
    assert relative_error(energy, expected) <= tolerance("float64", "closed_form")


def test_repeated_steps_are_newtons_method_to_the_equilibrium():
    net = make_network(SIZES, "tanh", gamma=0.5)
    X, Y = make_batch(net, 6)
    Y *= 0.5  # further away a sample may have several minima
    result = infer(net, X, Y, ErrorDescent(1000, 1e-12, 0), output_precision=0.3)
    z = None
    for _ in range(30):
        z, energy = theory.linearized_equilibrium(net, X, Y, z, output_precision=0.3)
    np.testing.assert_allclose(energy, result.energy, rtol=1e-11)
    assert relative_error(z, result.activities[:-1]) <= 1e-6


def test_bad_arguments():
    net = make_network(SIZES)
    X, Y = make_batch(net, 2)
    with pytest.raises(ValueError, match="X must have 3 columns"):
        theory.linearized_rescaling(net, X[:, :2])
    with pytest.raises(ValueError, match="output_precision"):
        theory.linearized_rescaling(net, X, 0.0)
    with pytest.raises(ValueError, match="activities must have 3 entries"):
        theory.linearized_rescaling(net, X, 1.0, [])
    with pytest.raises(ValueError, match=r"activities\[0\] must have 2 rows"):
        theory.linearize(net, X, make_activities(net, 3))
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
        theory.linearize("net", X)
    with pytest.raises(ValueError, match="Y must have 2 rows"):
        theory.linearized_equilibrium(net, X, Y[:1])
    with pytest.raises(ValueError, match="loss must be one of"):
        theory.linearized_equilibrium(net, X, Y, loss="hinge")
    with pytest.raises(ValueError, match="output_precision"):
        theory.linearized_equilibrium(net, X, Y, output_precision=-1.0)
    with pytest.raises(ValueError, match="needs a network with a hidden layer"):
        theory.linearized_equilibrium(make_network((3, 2)), X, Y)
