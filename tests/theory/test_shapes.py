"""Comparisons with backpropagation over width and depth: closed forms, limits, plain training."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from pcnet import Network, PCClassifier, theory
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.theory._backprop import cosine

from ..helpers import make_batch, make_network
from ..numerics import closed_forms

SIZES = (4, 6, 6, 6, 3)


def test_a_linear_network_by_closed_forms():
    net = make_network(SIZES, "identity", gamma=0.4)
    X, Y = make_batch(net, 7)
    found = theory.compare_with_backprop(net, X, Y, output_precision=0.5)
    energy = closed_forms.equilibrated_energies(net, X, Y, 0.5).mean()
    r = Y - closed_forms.feed_forward(net, X)[-1]
    expected = energy / (0.5 * 0.5 * np.mean(np.sum(r**2, axis=1)))
    assert found.energy_to_loss_ratio == pytest.approx(expected, rel=1e-12)
    assert 0 < found.energy_to_loss_ratio < 1
    ours, _ = theory.equilibrium_weight_gradients(net, X, Y, 0.5)
    theirs, _ = theory.backprop_gradients(net, X, Y)
    for a, b, c in zip(ours, theirs, found.layer_cosines, strict=True):
        assert c == pytest.approx(np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b))
    a, b = (np.concatenate([x.ravel() for x in g]) for g in (ours, theirs))
    assert found.gradient_cosine == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_inference_agrees_with_the_closed_form():
    net = make_network(SIZES, "identity", gamma=0.4)
    X, Y = make_batch(net, 7)
    exact = theory.compare_with_backprop(net, X, Y)
    method = ErrorDescent(500, 1e-8, 0)
    found = theory.compare_with_backprop(net, X, Y, method=method)
    assert found.energy_to_loss_ratio == pytest.approx(exact.energy_to_loss_ratio, rel=1e-10)
    np.testing.assert_allclose(found.layer_cosines, exact.layer_cosines, rtol=1e-6)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_limit_of_a_small_precision_is_backpropagation(activation, loss):
    net = make_network(SIZES, activation, gamma=0.4)
    X, Y = make_batch(net, 7, loss)
    deviations = []
    for precision in (1e-2, 1e-3):
        found = theory.compare_with_backprop(net, X, Y, loss, precision)
        assert found.energy_to_loss_ratio < 1
        deviations.append(1 - found.energy_to_loss_ratio)
        assert found.gradient_cosine > 0.99
    np.testing.assert_allclose(deviations[0] / deviations[1], 10, rtol=0.1)


def test_without_inference_the_energy_is_the_loss():
    net = make_network(SIZES, "tanh")
    X, Y = make_batch(net, 7)
    found = theory.compare_with_backprop(net, X, Y, method=ActivityDescent(n_steps=0))
    assert found.energy_to_loss_ratio == pytest.approx(1.0)
    assert np.isnan(found.layer_cosines[0])  # no error has reached the hidden layers yet
    assert found.layer_cosines[-1] == pytest.approx(1.0)


def test_a_perfect_network_has_a_ratio_of_one():
    net = make_network(SIZES, "identity", bias=False)
    zero = [np.zeros((2, 4)), np.zeros((2, 3))]
    assert theory.compare_with_backprop(net, *zero).energy_to_loss_ratio == 1.0


def test_sweep_equals_single_comparisons():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((6, 5)), rng.standard_normal((6, 2))
    options = {"activation": "identity", "parameterization": "ntp"}
    table = theory.backprop_comparison_sweep(X, Y, [4, 8], [1, 3], 2, 0.5, **options)
    assert table.dtype.names[:3] == ("width", "depth", "seed")
    assert len(table) == 8
    row = table[(table["width"] == 8) & (table["depth"] == 3) & (table["seed"] == 1)][0]
    net = Network.init((5, 8, 8, 8, 2), random_state=1, dtype=np.float64, **options)
    alone = theory.compare_with_backprop(net, X, Y, output_precision=0.5)
    assert row["energy_to_loss_ratio"] == alone.energy_to_loss_ratio
    assert row["gradient_cosine"] == alone.gradient_cosine


def test_wide_mupc_but_not_sp_networks_approach_backpropagation():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((16, 10)), rng.standard_normal((16, 3))
    options = {"activation": "identity"}
    mupc = theory.backprop_comparison_sweep(X, Y, [32, 128, 512], [4], 3, **options)
    sp = theory.backprop_comparison_sweep(X, Y, [512], [4], 3, parameterization="sp", **options)
    at = {w: mupc[mupc["width"] == w] for w in (32, 128, 512)}
    gaps = [1 - at[w]["energy_to_loss_ratio"].mean() for w in (32, 128, 512)]
    # S - I = sum_l P_l^T P_l is of order depth / width
    np.testing.assert_allclose(np.array(gaps[1:]) / gaps[:-1], 1 / 4, rtol=0.3)
    assert at[512]["gradient_cosine"].min() > 0.99
    assert sp["energy_to_loss_ratio"].mean() < 0.75


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
def test_forward_norms(activation):
    X = np.random.default_rng(0).standard_normal((20, 10)).astype(np.float32)
    by_kind = {}
    for kind in ("mupc", "ntp", "sp"):
        net = Network.init((10, *[64] * 40, 3), activation, kind, skip=kind != "sp", random_state=0)
        norms = by_kind[kind] = theory.forward_norms(net, X)
        expected = [np.sqrt(np.mean(z.astype(float) ** 2)) for z in net.forward(X)]
        np.testing.assert_allclose(norms, expected, rtol=1e-4)
    for kind in ("mupc", "ntp"):
        assert 0.7 < by_kind[kind][:-1].min() <= by_kind[kind][:-1].max() < 2.0
    assert by_kind["sp"][-2] < 1e-6 * by_kind["sp"][0]


def test_forward_norms_of_sp_with_skips_explode():
    X = np.ones((1, 10))
    net = Network.init((10, *[64] * 40, 3), "identity", "sp", skip=True, random_state=0)
    norms = theory.forward_norms(net, X)
    assert norms[-2] > 100 * norms[0]


def test_learning_rate_transfer_is_plain_training():
    X, y = load_digits(return_X_y=True)
    X = (X / 8 - 1).astype(np.float32)
    model = PCClassifier(batch_size=32, max_iter=2, random_state=0)
    data = (X[:300], y[:300], X[300:600], y[300:600])
    table = theory.learning_rate_transfer(model, *data, [0.01, 0.05], [12, 16], [2])
    assert table.dtype.names == ("width", "depth", "rate", "score", "loss")
    assert len(table) == 4
    row = table[(table["width"] == 16) & (table["rate"] == 0.05)][0]
    alone = PCClassifier(
        (16, 16), batch_size=32, max_iter=2, random_state=0, learning_rate_init=0.05
    )
    alone.fit(*data[:2])
    assert row["score"] == alone.score(*data[2:])
    assert row["loss"] == alone.loss_curve_[-1]
    assert not hasattr(model, "coefs_")


def test_learning_rates_that_diverge_are_marked():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64, 5)), rng.integers(0, 2, 64)
    model = PCClassifier(parameterization="sp", solver="sgd", max_iter=20, random_state=0)
    table = theory.learning_rate_transfer(model, X, y, X, y, [1e30], [4], [8])
    assert np.isnan(table["score"][0])
    assert table["loss"][0] == np.inf


def test_bad_arguments():
    net = make_network(SIZES)
    X, Y = make_batch(net, 2)
    with pytest.raises(ValueError, match="loss must be one of"):
        theory.compare_with_backprop(net, X, Y, "hinge")
    with pytest.raises(ValueError, match="output_precision"):
        theory.compare_with_backprop(net, X, Y, output_precision=0)
    with pytest.raises(ValueError, match="inference must be"):
        theory.compare_with_backprop(net, X, Y, method="exactly")
    with pytest.raises(ValueError, match="Y must have 2 rows"):
        theory.compare_with_backprop(net, X, Y[:1])
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network"):
        theory.forward_norms([1], X)
    with pytest.raises(ValueError, match="X must have 4 columns"):
        theory.forward_norms(net, X[:, :1])
    with pytest.raises(ValueError, match="X must have 2 dimension"):
        theory.backprop_comparison_sweep(X[0], Y[0], [4], [2])
    with pytest.raises(ValueError, match="widths must be a sequence of integers"):
        theory.backprop_comparison_sweep(X, Y, 4, [2])
    with pytest.raises(ValueError, match="output_precision"):
        theory.backprop_comparison_sweep(X, Y, [4], [2], output_precision=0)
    with pytest.raises(TypeError, match="measure must be a function"):
        theory.over_shapes({}, [4], [2])
    with pytest.raises(ValueError, match=r"depths\[0\] must be an integer of at least 1"):
        theory.over_shapes(dict, [4], [0])
    with pytest.raises(ValueError, match="n_seeds must be an integer of at least 1"):
        theory.over_shapes(dict, [4], [2], 0)
    with pytest.raises(TypeError, match="estimator must be a PCClassifier or PCRegressor"):
        theory.learning_rate_transfer(net, X, Y, X, Y, [0.1], [4], [2])
    with pytest.raises(ValueError, match=r"rates\[1\] must be"):
        theory.learning_rate_transfer(PCClassifier(), X, Y, X, Y, [0.1, -1.0], [4], [2])
    with pytest.raises(ValueError, match="rates must hold at least one"):
        theory.learning_rate_transfer(PCClassifier(), X, Y, X, Y, [], [4], [2])


def test_cosines_of_gradients_whose_squares_would_vanish():
    """Deep networks have tiny gradients, and the square of 1e-200 is 0."""
    a, b = np.random.default_rng(0).standard_normal((2, 50))
    expected = np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)
    assert cosine(1e-200 * a, 1e-250 * b) == pytest.approx(expected)
    assert np.isnan(cosine(a, 0 * b))


@pytest.mark.parametrize("measure", [lambda width: {"a": 1.0}, lambda: {"a": 1.0}])
def test_a_function_of_other_arguments_is_refused(measure):
    with pytest.raises(TypeError, match="measure must be a function of width, depth and seed"):
        theory.over_shapes(measure, [4], [2])


def test_a_number_beyond_float_is_refused():
    with pytest.raises(ValueError, match="fit into float64"):
        theory.over_shapes(lambda width, depth, seed: {"a": 10**400}, [4], [2])
