"""Huber's and the Poisson loss of PCRegressor.

Oracles: scikit-learn's generalised linear model and deviance, SciPy's Huber function and its
minimum, rows repeated for weights.
"""

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from sklearn.base import clone
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV

from pcnet import Network, PCClassifier, PCRegressor, infer
from pcnet._core.binding import HUBER_DELTA
from pcnet._data.scaling import target_scaling
from pcnet.losses import Huber
from pcnet.solvers import Adam

from .support import assert_same_bits, data_for, small

LINEAR = {"hidden_layer_sizes": (), "parameterization": "sp", "alpha": 0.0, "batch_size": 300}


def counts(n_samples=300, n_outputs=1, seed=0):
    """Features and counts of mean 2, with a log-linear rate."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 3))
    W = np.array([[0.5, -0.4], [0.3, 0.2], [0.0, 0.5]])[:, :n_outputs]
    y = rng.poisson(2 * np.exp(X @ W)).astype(float)
    return X, y[:, 0] if n_outputs == 1 else y


def with_outliers(n_samples=300, seed=0):
    """A linear target; every tenth is far too large."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 3))
    clean = 50 + X @ [4.0, -2.0, 1.0] + 0.3 * rng.standard_normal(n_samples)
    y = clean.copy()
    y[::10] += 400
    return X, y, clean


# ------------------------------------------------------------ the losses


def energy_of(loss, mu, Y, delta_of=None):
    """The core's loss of outputs mu, and minus its gradient, through a network of one layer."""
    K = mu.shape[1]
    net = Network.from_weights([np.eye(K)])
    result = infer(net, mu, Y, loss=loss)
    np.testing.assert_array_equal(result.activities[-1], mu)
    return result.energy, result.errors[-1]


def test_poisson_is_half_scikit_learns_deviance():
    rng = np.random.default_rng(0)
    mu, Y = 2 * rng.standard_normal((50, 3)), rng.poisson(2.0, (50, 3)).astype(float)
    energy, delta = energy_of("poisson", mu, Y)
    expected = 3 * 0.5 * mean_poisson_deviance(Y.ravel(), np.exp(mu).ravel())
    assert energy.mean() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(delta, Y - np.exp(mu), rtol=1e-13)
    assert np.all(energy >= 0)


def test_poisson_has_full_precision_for_small_losses():
    """Taylor's series of y (e^t - 1 - t) about the best output."""
    Y = np.array([[3.0], [0.5], [1000.0]])
    shift = np.array([[1e-5], [-1e-6], [1e-4]])
    energy, _ = energy_of("poisson", np.log(Y) + shift, Y)
    expected = Y * (shift**2 / 2 + shift**3 / 6 + shift**4 / 24)
    np.testing.assert_allclose(energy, expected[:, 0], rtol=1e-5)


def test_poisson_of_a_tiny_rate_target():
    energy, _ = energy_of("poisson", np.array([[0.0]]), np.array([[1e-300]]))
    assert energy[0] == pytest.approx(1.0)


@pytest.mark.parametrize("loss", ["huber", Huber(), Huber(delta=0.3), Huber(delta=100.0)])
def test_huber_equals_scipys_function(loss):
    rng = np.random.default_rng(0)
    mu, Y = 2 * rng.standard_normal((2, 50, 3))
    bend = HUBER_DELTA if loss == "huber" else loss.delta
    energy, delta = energy_of(loss, mu, Y)
    np.testing.assert_allclose(energy, scipy.special.huber(bend, Y - mu).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(delta, np.clip(Y - mu, -bend, bend), rtol=1e-13)


def test_huber_with_a_large_delta_is_the_squared_error():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((20, 4)), rng.standard_normal((20, 2))
    net = Network.init((4, 6, 6, 2), "tanh", random_state=0, dtype=np.float64)
    far, square = (infer(net, X, Y, loss=loss) for loss in (Huber(1e6), "squared_error"))
    for a, b in zip(far.activities, square.activities, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_outputs_that_overflow_are_an_error():
    net = Network.from_weights([np.eye(1)])
    with pytest.raises(FloatingPointError, match="energy is not finite"):
        infer(net, [[800.0]], [[1.0]], loss="poisson")


@pytest.mark.parametrize(
    "loss, error, message",
    [
        ("hinge", ValueError, "loss must be one of"),
        (Huber, TypeError, "got the class Huber"),
        (Huber(delta=0), ValueError, "delta"),
        (Huber(delta=np.nan), ValueError, "delta"),
    ],
)
def test_bad_losses_of_infer_and_energy(loss, error, message):
    net = Network.init((2, 3, 2), random_state=0)
    X, Y = np.ones((4, 2)), np.ones((4, 2))
    with pytest.raises(error, match=message):
        infer(net, X, Y, loss=loss)
    with pytest.raises(error, match=message):
        net.energy(X, Y, net.forward(X), loss=loss)


# ------------------------------------------------------------ the unit of the targets


def test_units_of_the_losses():
    rng = np.random.default_rng(0)
    y = np.exp(rng.standard_normal((101, 2))) * [1.0, 1e6]
    mean, scale = target_scaling(y, loss="poisson")
    np.testing.assert_array_equal(mean, [0.0, 0.0])
    np.testing.assert_allclose(scale, y.mean(axis=0))
    median, spread = target_scaling(y, loss="huber")
    np.testing.assert_allclose(median, np.median(y, axis=0))
    np.testing.assert_allclose(spread, 1.4826 * scipy.stats.median_abs_deviation(y, axis=0))


def test_more_than_half_of_one_value_falls_back_to_the_standard_deviation():
    y = np.r_[np.zeros(80), np.arange(20.0)][:, None]
    median, spread = target_scaling(y, loss="huber")
    assert median == [0.0]
    assert spread == pytest.approx(y.std())
    assert target_scaling(np.full((5, 1), 7.0), loss="huber")[1] == [1.0]


# ------------------------------------------------------------ the estimator


def test_poisson_without_hidden_layers_is_the_linear_model():
    X, y = counts()
    model = PCRegressor(loss="poisson", max_iter=1500, learning_rate_init=0.03, **LINEAR)
    model.set_params(random_state=0, tol=0.0, n_iter_no_change=np.inf).fit(X, y)
    expected = PoissonRegressor(alpha=0, max_iter=1000, tol=1e-10).fit(X, y)
    assert model.out_activation_ == "exp"
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected.coef_, atol=1e-4)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-3)


def test_huber_without_hidden_layers_minimises_hubers_loss():
    X, y, _ = with_outliers()
    model = PCRegressor(loss=Huber(delta=0.7), max_iter=1500, learning_rate_init=0.03, **LINEAR)
    model.set_params(random_state=0, tol=0.0, n_iter_no_change=np.inf).fit(X, y)
    unit = (y - model.y_mean_) / model.y_scale_
    with_ones = np.c_[X, np.ones(len(X))]

    def mean_loss(w):
        r = unit - with_ones @ w
        slope = -(with_ones.T @ np.clip(r, -0.7, 0.7)) / len(r)
        return scipy.special.huber(0.7, r).mean(), slope

    best = scipy.optimize.minimize(mean_loss, np.zeros(4), jac=True, options={"gtol": 1e-9}).x
    found = np.r_[model.coefs_[0][:, 0], model.intercepts_[0]]
    np.testing.assert_allclose(found, best, atol=1e-4)


def test_huber_does_not_follow_outliers():
    X, y, clean = with_outliers()
    errors = {}
    for loss in ("squared_error", "huber"):
        model = small(PCRegressor, loss=loss, max_iter=60, learning_rate_init=0.015).fit(X, y)
        errors[loss] = np.sqrt(np.mean((model.predict(X) - clean) ** 2))
    assert errors["huber"] < 0.1 * errors["squared_error"]


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisson_learns_rates(n_outputs, dtype):
    X, y = counts(n_outputs=n_outputs)
    model = small(PCRegressor, loss="poisson", max_iter=40).fit(X.astype(dtype), y)
    rates = model.predict(X.astype(dtype))
    assert rates.shape == y.shape
    assert rates.dtype == dtype
    assert np.all(rates > 0)
    if n_outputs == 1:
        assert d2_tweedie_score(y, rates, power=1) > 0.3
    else:
        assert mean_poisson_deviance(y.ravel(), rates.ravel()) < mean_poisson_deviance(
            y.ravel(), np.tile(y.mean(axis=0), len(y))
        )


def test_poisson_does_not_depend_on_the_unit_of_counts():
    """Rates per hour or per year: the deviance is homogeneous."""
    X, y = counts()
    hour, year = (small(PCRegressor, loss="poisson").fit(X, c * y) for c in (1.0, 8766.0))
    np.testing.assert_allclose(year.predict(X), 8766 * hour.predict(X), rtol=1e-6)
    np.testing.assert_allclose(year.loss_curve_, hour.loss_curve_, rtol=1e-6)


@pytest.mark.parametrize("loss", ["huber", "poisson"])
def test_early_stopping_scores_r2_of_predictions(loss):
    X, y = counts()
    model = small(PCRegressor, loss=loss, early_stopping=True, max_iter=20).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X, y) > 0.1


@pytest.mark.parametrize("loss", ["huber", "poisson"])
def test_partial_fit_and_zero_weights(loss):
    X, y = counts()
    model = small(PCRegressor, loss=loss)
    for _ in range(5):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0
    weight = np.r_[np.ones(200), np.zeros(100)]
    outliers = np.r_[y[:200], np.full(100, 1e6)]
    with_zeros = small(PCRegressor, loss=loss).fit(X, outliers, sample_weight=weight)
    alone = small(PCRegressor, loss=loss).fit(X[:200], y[:200])
    np.testing.assert_allclose(with_zeros.predict(X), alone.predict(X), rtol=1e-9)


def test_the_name_and_the_object_have_the_same_bits():
    X, y, _ = with_outliers()
    fits = [small(PCRegressor, loss=loss).fit(X, y) for loss in ("huber", Huber())]
    assert_same_bits(*fits)
    assert repr(clone(fits[1]).loss) == "Huber()"


def test_grid_search_over_hubers_delta():
    X, y, _ = with_outliers()
    model = small(PCRegressor, loss=Huber(), max_iter=2)
    search = GridSearchCV(model, {"loss__delta": [0.5, 2.0]}, cv=2).fit(X, y)
    assert [p["loss__delta"] for p in search.cv_results_["params"]] == [0.5, 2.0]


def test_small_rates_with_adam_stay_finite():
    """One event in a thousand samples: rates near 0, logarithms far below it."""
    X, _ = counts(n_samples=1000)
    y = np.zeros(1000)
    y[3] = 1.0
    model = small(PCRegressor, loss="poisson", solver=Adam(clip=1.0), max_iter=10).fit(X, y)
    assert np.all(np.isfinite(model.predict(X)))


@pytest.mark.parametrize(
    "way, change, message",
    [
        ("fit", lambda y: y - 1, "needs y >= 0, counts or rates; got -1"),
        ("partial_fit", lambda y: y - 1, "needs y >= 0, counts or rates; got -1"),
        ("fit", lambda y: 0 * y, "needs a y above 0"),  # later calls of partial_fit may bring some
    ],
)
def test_targets_that_are_not_counts(way, change, message):
    X, y = counts()
    model = small(PCRegressor, loss="poisson")
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        getattr(model, way)(X, change(y))
    assert vars(model) == before
    getattr(model, way)(X, y)
    with pytest.raises(ValueError, match="needs y >= 0"):
        model.partial_fit(X, y - 1)
    model.partial_fit(X[:10], 0 * y[:10])  # later calls may bring zeros only


@pytest.mark.parametrize("losses", [("squared_error", "poisson"), ("poisson", "huber")])
def test_warm_start_with_another_kind_of_output(losses):
    X, y = counts()
    model = small(PCRegressor, loss=losses[0], warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"loss is .* now, but the network was trained to output"):
        model.set_params(loss=losses[1]).fit(X, y)


@pytest.mark.parametrize("loss", [Huber, Huber(delta=-1), 3, None, "absolute_error"])
def test_bad_losses_of_the_estimator(loss):
    X, y = counts()
    with pytest.raises((ValueError, TypeError), match=r"loss|delta"):
        small(PCRegressor, loss=loss).fit(X, y)


def test_the_classifier_has_other_losses():
    X, y = data_for(PCClassifier)
    for loss in ("poisson", "huber", Huber()):
        with pytest.raises(ValueError, match="loss"):
            small(PCClassifier, loss=loss).fit(X, y)


# ------------------------------------------------------------ with a validation set


def test_the_validation_loss_is_the_loss_asked_for():
    X, y, _ = with_outliers()
    model = small(PCRegressor, loss=Huber(delta=0.5), max_iter=3)
    model.fit(X[:200], y[:200], validation_data=(X[200:], y[200:]))
    r = (y[200:] - model.predict(X[200:])) / model.y_scale_
    expected = scipy.special.huber(0.5, r).mean()
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


def test_a_validation_set_of_counts():
    X, y = counts()
    model = small(PCRegressor, loss="poisson", max_iter=3)
    model.set_params(scoring="neg_mean_poisson_deviance")
    model.fit(X[:200], y[:200], validation_data=(X[200:], y[200:]))
    rates = model.predict(X[200:])
    expected = -mean_poisson_deviance(y[200:], rates)
    assert model.validation_scores_[-1] == pytest.approx(expected, rel=1e-9)
    with pytest.raises(ValueError, match="validation set cannot be used: loss='poisson' needs"):
        model.fit(X[:200], y[:200], validation_data=(X[200:], -y[200:]))
