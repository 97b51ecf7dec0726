"""Target alignment against chains and single layers, where it is known."""

import numpy as np
import pytest

from pcnet import Network
from pcnet.inference import ErrorDescent
from pcnet.theory import backprop_gradients, target_alignment

from ..helpers import make_batch, make_network


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "huber"])
def test_one_layer_has_alignment_one(loss):
    """d mu = a^2 |x|^2 delta: along the delta whatever the loss."""
    net = make_network((5, 3))
    alignment = target_alignment(net, *make_batch(net, 6, loss), loss=loss)
    np.testing.assert_allclose(alignment, 1, atol=1e-8)


@pytest.mark.parametrize("precision", [1e-6, 1.0])
def test_two_linear_layers(precision):
    """Dense algebra of one sample, with the deltas u = S^-1 r and z_1 moved by W2 u."""
    rng = np.random.default_rng(0)
    W1, W2 = rng.standard_normal((4, 5)), rng.standard_normal((5, 3))
    net = Network.from_weights([W1, W2], activation="identity")
    X, Y = make_batch(net, 6)
    tight = ErrorDescent(500, 1e-11, 0)
    found = target_alignment(net, X, Y, tight, output_precision=precision)
    for i in range(6):
        x, r = X[i], Y[i] - X[i] @ W1 @ W2
        u = np.linalg.solve(np.eye(3) / precision + W2.T @ W2, r)
        e, z = W2 @ u, X[i] @ W1 + W2 @ u
        change = x @ np.outer(x, e) @ W2 + x @ W1 @ np.outer(z, u)
        cosine = change @ r / np.linalg.norm(change) / np.linalg.norm(r)
        assert found[i] == pytest.approx(cosine, abs=1e-6)


def test_small_precision_is_backpropagation():
    net = make_network((5, 8, 8, 3), "tanh")
    X, Y = make_batch(net, 4)
    found = target_alignment(net, X, Y, output_precision=1e-7)
    for i in range(4):
        weights, biases = backprop_gradients(net, X[[i]], Y[[i]])
        ends = []
        for step in (-1e-5, 1e-5):
            moved = net.copy()
            for a, g in zip(moved.weights + moved.biases, weights + biases, strict=True):
                a += step * g
            ends.append(moved.output(X[[i]])[0])
        change, wanted = ends[0] - ends[1], Y[i] - net.output(X[[i]])[0]
        cosine = change @ wanted / np.linalg.norm(change) / np.linalg.norm(wanted)
        assert found[i] == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize("n_hidden", [2, 6])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equilibrium_is_straighter_than_backpropagation(n_hidden, seed):
    """The claim of the measure's paper, on linear networks with W ~ N(0, 1 / n)."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((16, 16)) / 4 for _ in range(n_hidden + 1)]
    net = Network.from_weights(weights, activation="identity")
    X, Y = rng.standard_normal((10, 16)), rng.standard_normal((10, 16))
    by_equilibrium = target_alignment(net, X, Y, "prospective").mean()
    assert by_equilibrium > target_alignment(net, X, Y, output_precision=1e-6).mean()


def test_alignment_at_the_target_is_nan():
    net = make_network((5, 8, 3), "tanh")
    X, _ = make_batch(net, 2)
    assert np.all(np.isnan(target_alignment(net, X, net.output(X))))


def test_bad_arguments():
    net = make_network((5, 8, 3), "tanh")
    X, Y = make_batch(net, 2)
    with pytest.raises(ValueError, match="inference must be"):
        target_alignment(net, X, Y, "ahead")
    with pytest.raises(ValueError, match="Y must have"):
        target_alignment(net, X, Y[:, :2])
    with pytest.raises(ValueError, match="loss must be"):
        target_alignment(net, X, Y, loss="absolute")
