"""The origin and other saddles; oracles: differences of the closed-form energy, dense
eigenvalues, the published spectrum, and hand-worked cases."""

import numpy as np
import pytest

from pcnet import Network, theory

from ..helpers import PARAMETERIZATIONS, make_batch, make_network, relative_error
from .test_weight_hessians import second_differences

SHAPES = [(3, 4, 2), (3, 4, 4, 2), (3, 4, 4, 4, 2), (3, 4, 5, 5, 2)]


def network(sizes, activation="identity", parameterization="sp", skip=False):
    return make_network(
        sizes, activation, parameterization=parameterization, skip=skip, bias=False, gamma=0.3
    )


@pytest.mark.parametrize("sizes", SHAPES[1:])
def test_published_spectrum(sizes):
    """sp, lambda 1, no skips, H >= 2: - Sigma_yy (kron) I, each eigenvalue N times."""
    net = network(sizes)
    X, Y = make_batch(net, 6)
    covariance = Y.T @ Y / len(Y)
    n_weights, n_last = sum(W.size for W in net.weights), sizes[-2]
    expected = np.zeros(n_weights)
    expected[: n_last * sizes[-1]] = np.sort(np.repeat(-np.linalg.eigvalsh(covariance), n_last))
    found = theory.predicted_origin_eigenvalues(net, X, Y)
    np.testing.assert_allclose(found, np.sort(expected), atol=1e-13)
    last = theory.weight_slices(net)[-1]
    block = theory.origin_hessian(net, X, Y)[last, last]
    np.testing.assert_allclose(block, np.kron(np.eye(n_last), -covariance), atol=1e-14)


@pytest.mark.covering(1)
@pytest.mark.parametrize("sizes", [(2, 3, 2), (2, 3, 3, 2), (2, 2, 2, 2, 1), (2, 2, 3, 3, 1)])
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.4])
def test_against_differences_of_the_energy(sizes, parameterization, skip, decay):
    net = network(sizes, "identity", parameterization, skip)
    X, Y = make_batch(net, 4)
    options = {"output_precision": 0.6, "activity_decay": decay}
    origin = theory.at_origin(net)
    expected = second_differences(
        lambda: theory.equilibrium_energy(origin, X, Y, **options).mean(), origin, 5e-4
    )
    found = theory.origin_hessian(net, X, Y, **options)
    assert relative_error(found, expected) <= 1e-5  # steps of 5e-4 leave their square


@pytest.mark.covering(2)
@pytest.mark.parametrize("of", ["energy", "loss"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "poisson", "logistic", "huber"])
@pytest.mark.parametrize("activation", ["identity", "tanh", "gelu", "silu", "hard_tanh"])
@pytest.mark.parametrize("sizes, skip", [*((s, True) for s in SHAPES), (SHAPES[1], False)])
def test_closed_form_against_exact_hessians(of, loss, activation, sizes, skip):
    """Matrix and eigenvalues; other losses enter by their output delta alone."""
    net = network(sizes, activation, "mupc", skip)
    X, Y = make_batch(net, 4, loss)
    origin = theory.at_origin(net)
    if of == "energy":
        options = {"loss": loss, "output_precision": 0.6, "activity_decay": 0.2}
        exact = theory.energy_hessian(origin, X, Y, **options).toarray()
    else:
        options = {"loss": loss}
        exact = theory.loss_hessian(origin, X, Y, loss).toarray()
    predicted = theory.origin_hessian(net, X, Y, of, **options)
    np.testing.assert_allclose(predicted, exact, atol=1e-14)
    values = theory.predicted_origin_eigenvalues(net, X, Y, of, **options)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(exact), atol=1e-13)


def test_skips_below_the_output_count():
    """Each unbroken skip below the output adds one to the curvature of the last layer."""
    weights = [np.zeros((2, 2))] * 5 + [np.zeros((2, 1))]
    X, Y = np.ones((1, 2)), np.array([[2.0]])
    for skips, times in (
        ([0, 0, 0, 0, 0, 0], 1),
        ([0, 0, 0, 0, 1, 0], 2),
        ([0, 1, 1, 0, 1, 0], 2),
        ([0, 0, 1, 1, 1, 0], 4),
        ([0, 1, 1, 1, 1, 0], 5),
    ):
        net = Network.from_weights(weights, activation="identity", skips=np.array(skips, bool))
        block = theory.origin_hessian(net, X, Y)[-2:, -2:]
        np.testing.assert_allclose(block, -times * 4.0 * np.eye(2), atol=1e-12)
        exact = theory.energy_hessian(net, X, Y).block(6, 6)
        np.testing.assert_allclose(exact, block, atol=1e-12)


@pytest.mark.parametrize(
    "sizes, skip, loss_is_strict",
    [
        ((3, 4, 2), False, True),
        ((3, 4, 4, 2), False, False),
        ((3, 4, 4, 4, 2), False, False),
        ((3, 4, 4, 4, 2), True, True),
        ((3, 4, 5, 5, 2), True, False),
    ],
)
def test_is_strict_saddle_at_the_origin(sizes, skip, loss_is_strict):
    """H = 1, 2, 3: the energy's origin is always strict, the loss's for H = 1 or full skips."""
    net = theory.at_origin(network(sizes, "tanh", skip=skip))
    X, Y = make_batch(net, 5)
    energy = theory.is_strict_saddle(net, X, Y)
    loss = theory.is_strict_saddle(net, X, Y, of="loss")
    assert energy
    assert energy.is_critical
    assert bool(loss) is loss_is_strict
    assert loss.is_critical
    if not loss_is_strict:
        assert loss.smallest_eigenvalue == 0


@pytest.mark.parametrize("n_hidden", [3, 4])
def test_other_rank_zero_saddles(n_hidden):
    """All weights 0 but those of the penultimate layer: flat for the loss, strict for the energy.

    With W_L = 0 the block of the last layer is - mean(y^T y) times sum_l C_l^T C_l, where
    C_l = W_{l+1} .. W_H maps layer l to the last hidden layer.
    """
    net = network((3, *[4] * n_hidden, 2))
    kept = net.weights[-2].copy()
    net = theory.at_origin(net)
    net.weights[-2][:] = kept
    X, Y = make_batch(net, 5)
    verdict = theory.is_strict_saddle(net, X, Y)
    assert verdict
    assert not theory.is_strict_saddle(net, X, Y, of="loss")
    block = theory.energy_hessian(net, X, Y).block(n_hidden + 1, n_hidden + 1)
    expected = -np.kron(np.eye(4) + kept.T @ kept, Y.T @ Y / len(Y))
    np.testing.assert_allclose(block, expected, atol=1e-13)
    assert verdict.smallest_eigenvalue <= np.linalg.eigvalsh(expected)[0] + 1e-12


def test_minima_and_other_points_are_no_saddles():
    rng = np.random.default_rng(0)
    net = network((3, 4, 2))
    X, _ = make_batch(net, 5)
    Y = net.output(X)  # a global minimum, and both functions are 0
    for of in ("energy", "loss"):
        verdict = theory.is_strict_saddle(net, X, Y, of=of)
        assert verdict.is_critical
        assert not verdict
        assert not theory.is_strict_saddle(net, X, rng.standard_normal(Y.shape), of=of).is_critical
    one_layer = network((3, 2))
    assert not theory.is_strict_saddle(theory.at_origin(one_layer), X, Y)


def test_escape_direction_lowers_the_function():
    net = theory.at_origin(network((3, 4, 4, 2), "tanh"))
    X, Y = make_batch(net, 5)
    verdict = theory.is_strict_saddle(net, X, Y)
    before = theory.energy_hessian(net, X, Y).value
    for W, direction in zip(net.weights, verdict.escape):
        W += 0.1 * direction
    gained = theory.energy_hessian(net, X, Y).value - before
    assert gained == pytest.approx(0.005 * verdict.smallest_eigenvalue, rel=0.05)


def test_large_networks_by_products():
    """Above 600 weights: Lanczos on products against the closed form."""
    net = network((20, 15, 15, 15, 5))
    X, Y = make_batch(net, 10)
    values = theory.predicted_origin_eigenvalues(net, X, Y)
    assert len(values) > 600
    origin = theory.at_origin(net)
    verdict = theory.is_strict_saddle(origin, X, Y)
    assert verdict
    assert verdict.smallest_eigenvalue == pytest.approx(values[0], rel=1e-6)
    flat = theory.is_strict_saddle(origin, X, Y, of="loss")
    assert not flat
    assert flat.smallest_eigenvalue == 0


def test_eigenpair_against_the_dense_matrix():
    net = make_network((20, 15, 15, 15, 5), "identity", parameterization="sp")
    X, Y = make_batch(net, 10)
    hessian = theory.energy_hessian(net, X, Y)
    smallest, norm, vector = theory.smallest_eigenpair(hessian)
    values = np.linalg.eigvalsh(hessian.toarray())
    assert smallest == pytest.approx(values[0], abs=1e-6 * values[-1])
    assert norm == pytest.approx(np.abs(values).max(), rel=0.05)
    assert np.linalg.norm(hessian @ vector - smallest * vector) <= 1e-3 * norm


def test_scalar_network_of_the_papers():
    """w_2 w_1 x with x = y = 1: -1, 1 for the loss; F* has 0.618 and -1.618."""
    net = Network.from_weights([[[0.0]], [[0.0]]], activation="identity")
    golden = (1 + 5**0.5) / 2
    values = theory.predicted_origin_eigenvalues(net, [[1.0]], [[1.0]])
    np.testing.assert_allclose(values, [-golden, golden - 1], rtol=1e-14)
    values = theory.predicted_origin_eigenvalues(net, [[1.0]], [[1.0]], of="loss")
    np.testing.assert_allclose(values, [-1, 1], rtol=1e-14)


def test_bad_arguments():
    net = network((3, 4, 2))
    X, Y = make_batch(net, 3)
    for function in (theory.origin_hessian, theory.predicted_origin_eigenvalues):
        with pytest.raises(ValueError, match="of must be one of 'energy', 'loss'"):
            function(net, X, Y, "accuracy")
        for name in ("relu", "leaky_relu", "selu", "logistic"):
            with pytest.raises(ValueError, match=f"smooth at 0.*got '{name}'"):
                function(network((3, 4, 2), name), X, Y)
        with pytest.raises(ValueError, match="without biases"):
            function(make_network((3, 4, 2), "tanh"), X, Y)
        with pytest.raises(ValueError, match="needs a network with a hidden layer"):
            function(network((3, 2)), X, Y)
        with pytest.raises(ValueError, match="Y must have 3 rows"):
            function(net, X, Y[1:])
        with pytest.raises(ValueError, match="loss must be one of"):
            function(net, X, Y, loss="hinge")
        with pytest.raises(ValueError, match="output_precision"):
            function(net, X, Y, output_precision=-1.0)
        with pytest.raises(ValueError, match="activity_decay"):
            function(net, X, Y, activity_decay=-1.0)
    with pytest.raises(ValueError, match="of must be one of"):
        theory.is_strict_saddle(net, X, Y, of="accuracy")
    with pytest.raises(ValueError, match="tol must be a finite number above 0"):
        theory.is_strict_saddle(net, X, Y, tol=0.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'output_precision'"):
        theory.is_strict_saddle(net, X, Y, of="loss", output_precision=1.0)
    with pytest.raises(TypeError, match="what loss_hessian or energy_hessian returns"):
        theory.smallest_eigenpair(np.eye(3))
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
        theory.at_origin(None)
