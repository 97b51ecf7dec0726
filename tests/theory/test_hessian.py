"""The activity Hessian: central differences of the network's gradients, products against dense."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from pcnet import infer, theory
from pcnet.inference import ErrorDescent

from ..helpers import ACTIVATIONS, LOSSES, make_activities, make_batch, make_network, relative_error
from ..numerics import closed_forms

SIZES = (3, 4, 4, 3, 3)
STEP = 1e-5


def problem(activation="tanh", loss="squared_error", *, sizes=SIZES, **options):
    """A network, one sample with its target, and activities away from kinks."""
    net = make_network(sizes, activation, gamma=0.3, **options)
    X, Y = make_batch(net, 1, loss)
    return net, X, Y, make_activities(net, 1, margin=1e-3)


def by_differences(net, X, Y, z, options):
    """d2F / dz2 by central differences of Network.activity_gradients."""
    widths = [a.shape[1] for a in z]
    point = np.concatenate(z, axis=1)[0]
    columns = []
    for k in range(len(point)):
        sides = []
        for sign in (1, -1):
            moved = point + sign * STEP * np.eye(len(point))[k]
            activities = [a[None] for a in np.split(moved, np.cumsum(widths)[:-1])]
            gradient = net.activity_gradients(X, Y, activities, **options)
            sides.append(np.concatenate(gradient, axis=1)[0])
        columns.append((sides[0] - sides[1]) / (2 * STEP))
    return np.stack(columns, axis=1)


@pytest.mark.covering(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("skip, decay", [(True, 0.3), (False, 0.0)])
def test_against_central_differences(activation, loss, skip, decay, tolerance):
    net, X, Y, z = problem(activation, loss, skip=skip)
    options = {"loss": loss, "output_precision": 0.6, "activity_decay": decay}
    found = theory.activity_hessian(net, X, Y, z, **options).toarray()
    expected = by_differences(net, X, Y, z, options)
    np.testing.assert_array_equal(found, found.T)
    assert relative_error(found, expected) <= tolerance("float64", "difference")


@pytest.mark.parametrize("gauss_newton", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "relu", ["silu", "identity", "gelu"]], ids=str)
@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_products_and_solves_against_dense(activation, loss, gauss_newton, decay, tolerance):
    net, X, Y, _ = problem(activation, loss)
    # near its minimum the Hessian is positive definite
    options = {"loss": loss, "output_precision": 0.6, "activity_decay": decay}
    z = infer(net, X, Y, ErrorDescent(300, 1e-6, 0), **options).activities
    H = theory.activity_hessian(net, X, Y, z, gauss_newton=gauss_newton, **options)
    dense = H.toarray()
    assert isinstance(H, LinearOperator)
    assert H.shape == dense.shape == (11, 11)
    V = np.random.default_rng(0).standard_normal((11, 4))
    limit = tolerance("float64", "closed_form")
    assert relative_error(H @ V, dense @ V) <= limit
    assert relative_error(H @ V[:, 0], dense @ V[:, 0]) <= limit
    assert relative_error(H.T @ V, dense @ V) <= limit
    assert relative_error(H.solve(V), np.linalg.solve(dense, V)) <= limit
    assert relative_error(H.solve(V[:, 0]), np.linalg.solve(dense, V[:, 0])) <= limit


def test_the_gauss_newton_part_is_a_square_plus_the_output():
    net, X, Y, z = problem("tanh", "log_loss")
    linear = theory.linearize(net, X, z)
    unit = np.split(np.eye(11), np.cumsum(net.layer_sizes[1:-2]), axis=1)
    A = np.concatenate(linear.errors(unit), axis=1).T
    G = linear.output(unit).T
    mu = net.weights[-1].T @ np.tanh(z[-1][0]) * net.scales[-1] + net.biases[-1]
    B = theory.output_curvature("log_loss", mu[None], Y)[0]
    found = theory.activity_hessian(net, X, Y, z, "log_loss", 0.7, gauss_newton=True).toarray()
    np.testing.assert_allclose(found, A.T @ A + 0.7 * G.T @ B @ G, atol=1e-14)
    np.testing.assert_allclose(np.diag(A), 1.0)
    assert np.linalg.eigvalsh(found).min() > 0


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_linear_networks_against_the_closed_form(decay, tolerance):
    net, X, Y, z = problem("identity")
    expected = closed_forms.activity_hessian(net, 0.4, decay)
    for activities in (None, z):
        options = {"output_precision": 0.4, "activity_decay": decay}
        H = theory.activity_hessian(net, X, Y, activities, **options)
        assert relative_error(H.toarray(), expected) <= tolerance("float64", "closed_form")


def test_one_sample_as_a_vector_and_the_feed_forward_default():
    net, X, Y, _ = problem()
    at_start = theory.activity_hessian(net, X, Y, net.forward(X)).toarray()
    found = theory.activity_hessian(net, X[0], Y[0]).toarray()
    np.testing.assert_allclose(found, at_start, rtol=1e-12, atol=1e-14)


def test_inputs_are_not_changed():
    net, X, Y, z = problem()
    kept = [a.copy() for a in (X, Y, *z, *net.weights)]
    H = theory.activity_hessian(net, X, Y, z, gauss_newton=True)
    v = np.ones(11)
    H @ v
    H.solve(v)
    for before, after in zip(kept, (X, Y, *z, *net.weights), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(v, 1.0)


def test_indefinite_hessian_cannot_be_solved():
    net, X, Y, z = problem("tanh")
    H = theory.activity_hessian(net, X, 30 * Y, z, output_precision=5.0)
    assert np.linalg.eigvalsh(H.toarray()).min() < 0
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite.*gauss_newton=True"):
        H.solve(np.ones(11))


def test_bad_arguments():
    net, X, Y, z = problem()
    two = make_batch(net, 2)
    with pytest.raises(ValueError, match="one sample, got 2"):
        theory.activity_hessian(net, *two)
    with pytest.raises(ValueError, match="X must have 3 columns"):
        theory.activity_hessian(net, X[:, :2], Y)
    with pytest.raises(ValueError, match="Y must have 3 columns"):
        theory.activity_hessian(net, X, Y[:, :2])
    with pytest.raises(ValueError, match="activities must have 3 entries"):
        theory.activity_hessian(net, X, Y, z[:2])
    with pytest.raises(ValueError, match=r"activities\[1\] must have 4 columns"):
        theory.activity_hessian(net, X, Y, [z[0], z[2], z[1]])
    with pytest.raises(ValueError, match="loss must be one of"):
        theory.activity_hessian(net, X, Y, z, "hinge")
    with pytest.raises(ValueError, match="output_precision"):
        theory.activity_hessian(net, X, Y, z, output_precision=-1)
    with pytest.raises(ValueError, match="activity_decay"):
        theory.activity_hessian(net, X, Y, z, activity_decay=-1)
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
        theory.activity_hessian(None, X, Y)
    with pytest.raises(TypeError, match="gauss_newton must be True or False"):
        theory.activity_hessian(net, X, Y, gauss_newton="yes")
    with pytest.raises(ValueError, match="needs a network with a hidden layer"):
        theory.activity_hessian(make_network((3, 2)), X, Y[:, :2])
