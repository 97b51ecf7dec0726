"""solver="lbfgs".

Oracles: central differences through whole inferences, ridge regression, multinomial and Poisson
regression of scikit-learn, and the stationary points of plain gradient descent.
"""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from threadpoolctl import threadpool_limits

from pcnet import Network, PCClassifier, PCRegressor
from pcnet._estimators.targets import MatrixTargets
from pcnet._training.lbfgs import FullBatch
from pcnet._training.minibatches import Minibatches
from pcnet._training.trainer import Trainer
from pcnet.inference import ActivityDescent, ErrorDescent, Objective
from pcnet.solvers import LBFGS, SGD

from .support import ESTIMATORS, assert_consistent, assert_same_bits, data_for, digits, iris, small

not_converged = pytest.mark.filterwarnings("ignore:L-BFGS ended")
EXACT = LBFGS(inference_tol=1e-7)  # whose square counts
LINEAR = {"hidden_layer_sizes": (), "parameterization": "sp", "solver": EXACT}


def full_batch(net, X, Y, *, loss="squared_error", precision=0.7, alpha=0.1, weight=None):
    """The objective of L-BFGS with tight inference."""
    blocks = Minibatches(X, MatrixTargets(Y), weight, None, 7, shuffle=False)
    method = ErrorDescent(max_steps=2000, tol=1e-10, energy_tol=0.0)
    objective = Objective(loss, precision)
    return FullBatch(net, objective, method, LBFGS(inference_tol=1e-10), blocks, alpha, 1e-4)


def problem(parameterization="mupc", n_samples=20):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n_samples, 3)), rng.standard_normal((n_samples, 2))
    net = Network.init(
        (3, 5, 5, 4, 2),
        "tanh",
        parameterization=parameterization,
        bias=True,
        random_state=0,
        dtype=np.float64,
    )
    return net, X, Y


# ------------------------------------------------------------ the objective


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("parameterization", ["sp", "mupc"])
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_gradient_by_central_differences(parameterization, loss, weighted):
    """Each difference runs inference again, which tests the envelope theorem and all scales."""
    net, X, Y = problem(parameterization)
    weight = np.random.default_rng(1).random(20) + 0.1 if weighted else None
    full = full_batch(net, X, Y, loss=loss, weight=weight)
    theta = full.variables() + 0.1
    gradient = full.evaluate(theta)[1].copy()
    step = 1e-5
    for i in range(0, len(theta), 7):
        moved = np.zeros_like(theta)
        moved[i] = step
        difference = (full.evaluate(theta + moved)[0] - full.evaluate(theta - moved)[0]) / (
            2 * step
        )
        assert difference == pytest.approx(gradient[i], rel=1e-5, abs=1e-8)


def test_conversions_of_variables_and_weights_are_inverse():
    net, X, Y = problem()
    full = full_batch(net, X, Y)
    before = [a.copy() for a in net.weights + net.biases]
    theta = full.variables()
    full.accept(theta)
    for a, b in zip(before, net.weights + net.biases, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-15)


def test_points_where_inference_fails_are_rejected():
    net, X, Y = problem()
    full = full_batch(net, X, Y)
    theta = full.variables()
    value, gradient = full.evaluate(theta)
    height, same = full.evaluate(1e200 * theta)
    assert height == 1e10 * (1 + abs(value))
    np.testing.assert_array_equal(same, gradient)
    before = [w.copy() for w in net.weights]
    full.accept(theta)
    for a, b in zip(before, net.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@not_converged
def test_the_objective_never_rises(Estimator):
    X, y = data_for(Estimator)
    values = []

    def note(run):
        full = run.optimizer
        theta = full.variables()[: sum(w.size for w in run.network.weights)]
        penalty = 0.5 * full.alpha * float(theta @ theta)
        values.append(run.record["energy"] + penalty)

    small(Estimator, solver="lbfgs", max_iter=30, callbacks=note).fit(X, y)
    assert len(values) == 30
    assert np.all(np.diff(values) < 0)


# ------------------------------------------------------------ the result


def test_without_hidden_layers_equals_ridge_regression():
    X, y = data_for(PCRegressor)
    model = PCRegressor(**LINEAR, alpha=0.1, max_iter=500, tol=1e-8, random_state=0).fit(X, y)
    unit = (y - y.mean()) / y.std()
    expected = Ridge(alpha=0.1 * len(y), tol=1e-10).fit(X, unit)
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercepts_[0], expected.intercept_, atol=1e-6)
    assert model.stop_reason_ == "converged"


def test_without_hidden_layers_equals_multinomial_regression():
    X, y = iris()
    model = PCClassifier(**LINEAR, loss="log_loss", alpha=0.05, max_iter=500, tol=1e-7)
    model.set_params(random_state=0).fit(X, y)
    expected = LogisticRegression(C=1 / (0.05 * len(y)), tol=1e-8, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-5)


def test_without_hidden_layers_equals_poisson_regression():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = rng.poisson(3 * np.exp(X @ [0.5, -0.3, 0.0]))
    model = PCRegressor(**LINEAR, loss="poisson", alpha=0.0, max_iter=500, tol=1e-8)
    model.set_params(random_state=0).fit(X, y)
    expected = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], expected.coef_, atol=1e-5)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-5)


def test_alpha_has_the_stationary_points_of_decoupled_decay():
    """A step of plain gradient descent with decay does not change the result of L-BFGS."""
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, solver=EXACT, activation="tanh", alpha=0.05)
    model.set_params(max_iter=3000, tol=1e-7).fit(X, y)
    assert model.stop_reason_ == "converged"
    net = model.network_.copy()
    Y = ((y - model.y_mean_) / model.y_scale_)[:, None]
    method = ErrorDescent(max_steps=2000, tol=1e-9, energy_tol=0.0)
    objective = Objective("squared_error", model.output_precision_)
    trainer = Trainer(net, objective, method, SGD(momentum=0.0), len(X))
    trainer.step(X, Y, 1e-3, weight_decay=0.05)
    trainer.sync()
    for new, old in zip(net.weights, model.coefs_, strict=True):
        assert np.abs(new - old).max() <= 1e-3 * 1e-5
    trainer.step(X, Y, 1e-3, weight_decay=0.0)
    trainer.sync()
    assert max(np.abs(n - o).max() for n, o in zip(net.weights, model.coefs_, strict=True)) > 1e-6


# ------------------------------------------------------------ as an estimator


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@not_converged
def test_classification(loss):
    X, y = digits()
    model = small(PCClassifier, solver="lbfgs", loss=loss, max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.98
    assert_consistent(model)
    assert model.n_iter_ == len(model.loss_curve_) <= 60
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@not_converged
def test_regression(dtype):
    X, y = data_for(PCRegressor, dtype=dtype)
    model = small(PCRegressor, solver="lbfgs", max_iter=100).fit(X, y)
    assert model.network_.dtype == dtype
    assert model.score(X, y) > 0.95


@not_converged
def test_deep_networks_train():
    X, y = digits()
    model = small(PCClassifier, hidden_layer_sizes=(32,) * 16, solver="lbfgs", max_iter=40)
    assert model.fit(X, y).score(X, y) > 0.95


def test_limits_of_lbfgs_warn():
    X, y = data_for(PCClassifier)
    with pytest.warns(ConvergenceWarning, match=r"limit of iterations \(max_iter=3\)"):
        model = small(PCClassifier, solver="lbfgs", max_iter=3).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (3, "max_iter")
    with pytest.warns(ConvergenceWarning, match=r"\(max_fun=5\)"):
        model = small(PCClassifier, solver=LBFGS(max_fun=5), max_iter=100).fit(X, y)
    assert 5 <= model.t_ / len(X) <= 25  # the limit is checked between line searches


@not_converged
def test_samples_seen_count_every_evaluation():
    X, y = data_for(PCClassifier)
    calls = []
    model = small(PCClassifier, solver="lbfgs", max_iter=4)
    model.set_params(callbacks=lambda run: calls.append(run.optimizer.n_calls)).fit(X, y)
    assert model.t_ == calls[-1] * len(X)


@not_converged
def test_weights_are_repeated_rows():
    X, y = data_for(PCClassifier)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    first = small(PCClassifier, solver="lbfgs").fit(X, y, sample_weight=weight)
    second = small(PCClassifier, solver="lbfgs").fit(np.repeat(X, weight, 0), np.repeat(y, weight))
    for a, b in zip(first.coefs_, second.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@not_converged
def test_blocks_of_rows_change_nothing():
    """Inference takes up to 1024 rows at a time; the same rows are one block, or two."""
    X, y = data_for(PCRegressor, 700)
    whole = small(PCRegressor, solver="lbfgs").fit(X, y)
    parts = small(PCRegressor, solver="lbfgs").fit(np.tile(X, (2, 1)), np.tile(y, 2))
    for a, b in zip(whole.coefs_, parts.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


@not_converged
def test_arguments_of_the_other_solvers_have_no_effect():
    X, y = data_for(PCClassifier)
    plain = small(PCClassifier, solver="lbfgs").fit(X, y)
    other = small(PCClassifier, solver=LBFGS(), batch_size=10_000, shuffle=False)
    other.set_params(learning_rate="cosine", learning_rate_init=100.0, power_t=2.0).fit(X, y)
    assert_same_bits(plain, other)


@not_converged
def test_same_bits_over_threads():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1500, 20)), rng.integers(0, 3, 1500)
    model = PCClassifier((96, 96), solver="lbfgs", max_iter=3, random_state=0)
    fits = []
    for n_threads in (1, 2, 3):
        with threadpool_limits(limits=n_threads, user_api="openmp"):
            fits.append(clone(model).fit(X, y))
    assert_same_bits(fits[0], fits[1])
    assert_same_bits(fits[0], fits[2])


@not_converged
def test_warm_start_continues():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, solver="lbfgs", warm_start=True, max_iter=10).fit(X, y)
    first = model.loss_
    model.fit(X, y)
    assert len(model.loss_curve_) == 20
    assert model.loss_ < first
    model.set_params(solver="adam").fit(X, y)  # another solver may take over


def test_warm_start_at_the_optimum_stops_immediately():
    X, y = data_for(PCRegressor)
    model = PCRegressor(**LINEAR, warm_start=True, max_iter=500, tol=1e-6, random_state=0)
    model.fit(X, y).fit(X, y)
    assert (model.n_iter_, model.stop_reason_) == (1, "converged")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["lbfgs", LBFGS()])
def test_partial_fit_is_an_error(Estimator, solver):
    assert not hasattr(Estimator(solver=solver), "partial_fit")
    assert hasattr(Estimator(), "partial_fit")
    with pytest.raises(AttributeError) as caught:
        Estimator(solver=solver).partial_fit  # noqa: B018
    assert "uses all samples" in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("method", ["activity", ActivityDescent()])
def test_inference_without_equilibrium(method):
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match="solver='lbfgs' minimises the energy at equilibrium"):
        small(PCClassifier, solver="lbfgs", inference=method).fit(X, y)


def test_a_start_that_cannot_be_computed_is_an_error():
    X, y = data_for(PCRegressor)
    with pytest.raises(
        FloatingPointError, match=r"could not start: the energy is not finite.*StandardScaler"
    ):
        small(PCRegressor, solver="lbfgs", parameterization="sp").fit(1e200 * X, y)


# ------------------------------------------------------------ callbacks, validation, limits


@not_converged
def test_early_stopping_keeps_the_best_iteration():
    X, y = digits()
    model = small(PCClassifier, solver="lbfgs", early_stopping=True, max_iter=100)
    model.set_params(n_iter_no_change=3, validation_fraction=0.3).fit(X, y)
    assert model.stop_reason_ == "plateau"
    assert model.n_iter_ < 100
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)


@not_converged
def test_validation_set_and_callback_stop():
    X, y = digits()
    model = small(PCClassifier, solver="lbfgs", callbacks=lambda run: run.n_epochs >= 4)
    model.set_params(max_iter=50).fit(X[:200], y[:200], validation_data=(X[200:], y[200:]))
    assert (model.n_iter_, model.stop_reason_) == (4, "callback")
    assert len(model.validation_scores_) == 4
    assert model.validation_scores_[-1] == model.score(X[200:], y[200:])


@not_converged
def test_weights_written_by_a_callback_are_the_new_start():
    X, y = data_for(PCRegressor)

    def shrink(run):
        if run.n_epochs == 5:
            for W in run.network.weights:
                W *= 0.5
            run.load_weights()

    model = small(PCRegressor, solver="lbfgs", max_iter=12, callbacks=shrink).fit(X, y)
    assert model.n_iter_ == 12
    energy = model.energy_curve_
    assert energy[5] > energy[4]
    assert energy[11] < energy[5]


def test_interrupt_keeps_the_last_iteration():
    X, y = data_for(PCRegressor)
    seen = []

    def interrupt(run):
        if run.n_epochs == 3:
            seen.extend(w.copy() for w in run.network.weights)
            raise KeyboardInterrupt

    model = small(PCRegressor, solver="lbfgs", max_iter=50, callbacks=interrupt)
    with pytest.warns(UserWarning, match="interrupted by user after 3 epochs"):
        model.fit(X, y)
    for a, b in zip(seen, model.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


def test_checkpoint_is_an_error(tmp_path):
    X, y = digits()
    with pytest.raises(ValueError, match="solver='lbfgs' writes no checkpoints"):
        small(PCClassifier, solver="lbfgs", checkpoint=tmp_path / "run").fit(X, y)


def test_max_time():
    X, y = digits()
    model = small(PCClassifier, solver="lbfgs", max_iter=100_000, tol=0.0, max_time=0.2)
    assert model.fit(X, y).stop_reason_ == "max_time"
