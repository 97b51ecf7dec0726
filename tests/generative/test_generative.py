"""PCGenerative: closed forms of linear networks; scikit-learn's contract; unusual data."""

import contextlib
import inspect
import io
import pickle
import re

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import pcnet
from pcnet import PCGenerative
from pcnet._core.reference import ACTIVATIONS
from pcnet.generative import Prior, log_density
from pcnet.inference import QuasiNewton

from ..helpers import make_network
from .energies import activities, energies
from .test_linear_networks import Gaussian, linear_network, partly_observed

TIGHT = QuasiNewton(max_steps=1000, tol=1e-20, energy_tol=0)


def small(**arguments):
    defaults = {"n_components": 2, "hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
    defaults["alpha"] = 2.0
    return PCGenerative(**{**defaults, **arguments})


def table(n_samples=60, missing=0.2, seed=0):
    """Columns of several units that depend on two causes, and three classes of rows."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    Z = rng.standard_normal((n_samples, 2)) + 3 * np.eye(3)[y, :2]
    X = Z @ rng.standard_normal((2, 6)) + 0.3 * rng.standard_normal((n_samples, 6))
    X = X * [1, 10, 0.1, 3, 1, 1e4] + [0, 5, 1, -100, 1, 1e4]
    X[rng.random(X.shape) < missing] = np.nan
    X[:3, 0] = 1.0
    return X, np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def joint():
    return small(max_iter=20).fit(*table())


# ---------------------------------------------------------------- closed forms


def normal_density(y, mean, covariance):
    rest = y - mean
    distance = rest @ np.linalg.solve(covariance, rest)
    return -0.5 * (distance + np.linalg.slogdet(2 * np.pi * covariance)[1])


@pytest.mark.parametrize(
    ("sizes", "skip"), [((3, 7), False), ((3, 10, 10, 10, 7), True), ((4, 9, 6, 7), False)]
)
def test_log_density_of_linear_networks(sizes, skip):
    net = linear_network(sizes, skip=skip, bias=True)
    Y, observed = partly_observed(40, 7)
    prior, precision = Prior(0.5, 4.0), np.linspace(0.1, 3.0, 7)
    exact = Gaussian(net, prior, precision)
    S = exact.signal + np.diag(1 / precision)
    expected = [
        normal_density(y[o], exact.offset[o], S[np.ix_(o, o)])
        for y, o in zip(Y, observed, strict=True)
    ]
    found = log_density(net, Y, TIGHT, prior=prior, output_precision=precision)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    found = log_density(net, Y, prior=prior, output_precision=precision)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert (found[~observed.any(axis=1)] == 0).all()


@pytest.mark.parametrize("sizes", [(2, 6, 6, 5), (2, 5, 4, 3), (3, 4)])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_log_density_is_laplace_with_differences_as_jacobian(sizes, activation):
    net, prior = make_network(sizes, activation, dtype=np.float64), Prior(0.3, 2.0)
    rng = np.random.default_rng(1)
    Y = rng.standard_normal((4, sizes[-1]))
    precisions = rng.uniform(0.5, 5.0, Y.shape) * (rng.random(Y.shape) < 0.8)
    result = pcnet.generative.infer_causes(net, Y, TIGHT, prior=prior, output_precision=precisions)
    errors = result.errors[:-1]
    J = []
    for layer, e in enumerate(errors):
        for unit in range(e.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = [part.copy() for part in errors]
                moved[layer][:, unit] += sign * 1e-5
                ends.append(activities(net, prior, moved)[1][-1])
            J.append((ends[0] - ends[1]) / 2e-5)
    J = np.stack(J, axis=1)
    A = np.eye(J.shape[1]) + np.einsum("nik,nk,njk->nij", J, precisions, J)
    terms = {"prior": prior, "loss": "squared_error", "precisions": precisions}
    seen = precisions > 0
    logs = np.log(np.where(seen, precisions, 2 * np.pi) / (2 * np.pi)).sum(axis=1)
    expected = 0.5 * logs - energies(net, Y, errors, **terms) - 0.5 * np.linalg.slogdet(A)[1]
    found = log_density(net, Y, TIGHT, prior=prior, output_precision=precisions)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def half_log_determinants(net, result, precisions):
    """1/2 log det(I + J Lambda J^T) of each sample, with the Jacobian by the chain rule."""
    z, halves = [result.causes, *result.activities], []
    for i, own in enumerate(precisions):
        chain, parts = np.eye(len(own)), []
        for layer in reversed(range(net.n_layers)):
            slope = ACTIVATIONS[net.activations[layer]][1](z[layer][i])
            step = slope[:, None] * net.scales[layer] * net.weights[layer]
            chain = (step + np.eye(len(step)) if net.skips[layer] else step) @ chain
            parts.append(chain)
        J = np.concatenate(parts)
        halves.append(0.5 * np.linalg.slogdet(np.eye(len(J)) + (J * own) @ J.T)[1])
    return np.array(halves)


# fewer units than columns that the core factors together, more, and more than terms of one sum
@pytest.mark.parametrize("sizes", [(3, 81, 81, 90), (70, 5, 13), (5, 19, 6, 11, 40)], ids=str)
def test_log_density_of_wide_networks(sizes, threads):
    net = make_network(sizes, "tanh", dtype=np.float64)
    Y, _ = partly_observed(19, sizes[-1])
    precision = np.random.default_rng(0).uniform(0.1, 20.0, sizes[-1])
    result = pcnet.generative.infer_causes(net, Y, TIGHT, output_precision=precision)
    own = np.where(np.isnan(Y), 0.0, precision)
    logs = np.log(np.where(own > 0, own, 2 * np.pi) / (2 * np.pi)).sum(axis=1)
    expected = 0.5 * logs - result.energy - half_log_determinants(net, result, own)
    found = log_density(net, Y, TIGHT, output_precision=precision)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    # a sample's density depends neither on the other rows nor on the number of threads
    parts = [log_density(net, part, TIGHT, output_precision=precision) for part in np.split(Y, [3])]
    assert np.concatenate(parts).tobytes() == found.tobytes()
    with threads(2):
        again = log_density(net, Y, TIGHT, output_precision=precision)
    assert again.tobytes() == found.tobytes()


def linear(hidden=(), n_components=2, **arguments):
    return small(
        n_components=n_components, hidden_layer_sizes=hidden, activation="identity",
        dtype="float64", inference=TIGHT, max_iter=20, **arguments,
    )  # fmt: skip


def gaussian(model):
    """Mean and covariance of the rows of a linear model, in their units."""
    exact = Gaussian(model.network_, Prior(), model.output_precision_)
    S = exact.signal + np.diag(1 / model.output_precision_)
    n, scale = len(model.input_scale_), model.input_scale_
    mean = model.input_mean_ + scale * exact.offset[:n]
    return mean, S[:n, :n] * scale[:, None] * scale, (exact.offset, S)


@pytest.mark.parametrize("hidden", [(), (5,), (6, 6)])
def test_linear_model_is_a_normal_distribution(hidden):
    X, _ = table()
    X[0] = np.nan
    model = linear(hidden).fit(X)
    mean, S, _ = gaussian(model)
    score, energy = model.score_samples(X), model.energy(X)
    filled, causes = model.reconstruct(X), model.transform(X)
    assert score[0] == 0
    assert not causes[0].any()
    noise = np.diag(model.noise_variance_)
    for row, x in enumerate(X):
        o = ~np.isnan(x)
        inverse = np.linalg.inv(S[np.ix_(o, o)])
        rest = x[o] - mean[o]
        np.testing.assert_allclose(score[row], normal_density(x[o], mean[o], S[np.ix_(o, o)]),
                                   rtol=1e-9)  # fmt: skip
        np.testing.assert_allclose(energy[row], 0.5 * rest @ inverse @ rest, rtol=1e-9)
        expected = mean + (S - noise)[:, o] @ inverse @ rest
        np.testing.assert_allclose(
            filled[row] / model.input_scale_, expected / model.input_scale_, atol=1e-6
        )


def test_one_layer_is_factor_analysis_and_with_equal_noise_pca():
    X, _ = table(missing=0)
    model = linear(input_scaling=None).fit(X / np.std(X, axis=0))
    X = X / np.std(X, axis=0)
    net = model.network_
    anchor = FactorAnalysis(2).fit(X)
    anchor.components_ = net.scales[0] * net.weights[0]
    anchor.mean_, anchor.noise_variance_ = net.biases[0], model.noise_variance_
    np.testing.assert_allclose(model.score_samples(X), anchor.score_samples(X), rtol=1e-9)
    pca = PCA(2).fit(X)
    noise = pca.noise_variance_
    own = pcnet.Network.from_weights(
        [pca.components_ * np.sqrt(pca.explained_variance_ - noise)[:, None]], [pca.mean_]
    )
    found = log_density(own, X, TIGHT, output_precision=1 / noise)
    np.testing.assert_allclose(found, pca.score_samples(X), rtol=1e-9)


def assert_moments(samples, mean, S):
    """Within five standard errors of a normal distribution."""
    n, std = len(samples), np.sqrt(np.diag(S))
    assert (np.abs(samples.mean(axis=0) - mean) <= 5 * std / np.sqrt(n) + 1e-12).all()
    spread = np.sqrt((np.outer(std, std) ** 2 + S**2) / n)
    found = np.cov(samples.T, bias=True)
    assert (np.abs(found - S) <= 5 * spread + 1e-12).all()


def conditional(S, mean, known, values):
    """Mean and covariance of the other entries."""
    free = ~known
    gain = S[np.ix_(free, known)] @ np.linalg.inv(S[np.ix_(known, known)])
    rest = S[np.ix_(free, free)] - gain @ S[np.ix_(known, free)]
    return mean[free] + gain @ (values - mean[known]), rest


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_samples_of_a_linear_model(hidden):
    X, y = table()
    model = linear(hidden).fit(X, y)
    mean, S, (offset, all_S) = gaussian(model)
    assert_moments(model.sample(4000, random_state=1), mean, S)
    without = model.sample(4000, random_state=1, noise=False)
    assert_moments(without, mean, S - np.diag(model.noise_variance_))
    row = np.array([[1.0, 5.0, np.nan, -90.0, np.nan, np.nan]])
    drawn = model.sample_conditional(row, 4000, random_state=2)[:, 0]
    known = ~np.isnan(row[0])
    assert (drawn[:, known] == row[0, known]).all()
    assert_moments(drawn[:, ~known], *conditional(S, mean, known, row[0, known]))
    rng, w = np.random.default_rng(0), model.output_precision_[-1]
    S = all_S - np.diag([0.0] * 6 + [1 / w] * 3)  # the logits have no noise
    every = rng.multivariate_normal(offset, S, 400_000, method="eigh")
    weight = softmax(every[:, 6:], axis=1)[:, 1] ** (16 * w)  # rows that are clearly of the class
    of_class, rest = np.average(every[:, :6], 0, weight), np.cov(every[:, :6].T, aweights=weight)
    scale = model.input_scale_
    samples = model.sample(4000, y="b", random_state=3)
    assert_moments(samples, model.input_mean_ + scale * of_class, rest * np.outer(scale, scale))


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_class_energies_of_a_linear_model(hidden):
    """Logits are normal given the row."""
    model = linear(hidden).fit(*table())
    X = np.vstack([table()[0][:12], np.full((1, 6), np.nan)])
    _, _, (offset, S) = gaussian(model)
    weight = model.output_precision_[-1]
    S = S - np.diag([0.0] * 6 + [1 / weight] * 3)  # the logits have no noise
    expected = []
    for z in (X - model.input_mean_) / model.input_scale_:
        o = np.concatenate([~np.isnan(z), np.zeros(3, bool)])
        both = o | (np.arange(9) >= 6)
        mean, rest = conditional(S[np.ix_(both, both)], offset[both], o[both], z[~np.isnan(z)])
        values, vectors = np.linalg.eigh(rest)
        root = vectors * np.sqrt(np.maximum(values, 0))

        def least(k, mean=mean, root=root):
            def energy(w):
                u = mean + root @ w
                return 0.5 * w @ w + weight * (logsumexp(u) - u[k])

            return minimize(energy, np.zeros(3), options={"gtol": 1e-9}).fun

        expected.append([-least(k) for k in range(3)])
    expected = log_softmax(expected, axis=1)
    found = log_softmax(-model.class_energies(X), axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_numbers_are_predicted_by_their_conditional_mean():
    X, _ = table(missing=0)
    y = X[:, 1] * 0.5 + 0.25
    model = linear((4,)).fit(X, y)
    _, _, (offset, S) = gaussian(model)
    known = np.arange(7) < 6
    scale = np.append(model.input_scale_, model._block.scale)
    mean = np.append(model.input_mean_, model._block.mean)
    for x, found in zip(X[:5], model.predict(X[:5]), strict=True):
        z = (x - mean[:6]) / scale[:6]
        expected = conditional(S, offset, known, z)[0][0]
        np.testing.assert_allclose(found, mean[6] + scale[6] * expected, rtol=1e-6)
    assert not hasattr(model, "predict_proba")


def test_estimation_reaches_the_likelihood_of_factor_analysis():
    X, _ = table(400, missing=0)
    X = X / X.std(axis=0)
    model = PCGenerative(2, (), random_state=0, dtype="float64", alpha=0.1).fit(X)
    assert model.score(X) > FactorAnalysis(2).fit(X).score(X) - 0.02


def test_prior_and_noise_alone_find_a_normal_distribution():
    """With weights that do not move: the causes' mean and covariance enter the first layer."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 3)) + [5.0, -3.0, 2.0]
    fixed = {"learning_rate_init": 1e-12, "alpha": 0.0, "output_precision": 1.0}
    model = small(
        n_components=3,
        hidden_layer_sizes=(),
        dtype="float64",
        max_iter=5,
        input_scaling=None,
        **fixed,
    ).fit(X)
    mean, _, _ = gaussian(model)
    np.testing.assert_allclose(mean, X.mean(axis=0), atol=0.6)
    best = np.mean([normal_density(x, X.mean(axis=0), np.cov(X.T, bias=True)) for x in X])
    assert model.score(X) > best - 0.2


# ---------------------------------------------------------------- what it learns


SEEDS = range(3)  # a fit of few rows may end in a poor optimum, on any instruction set another one


def test_missing_entries_change_the_density_but_little():
    X, _ = table(600, missing=0)
    hidden = np.random.default_rng(3).random(X.shape) < 0.2
    tables = X, np.where(hidden, np.nan, X), np.where(hidden, X.mean(axis=0), X)
    whole, part, usual = (
        np.median(
            [
                PCGenerative(2, (16,), random_state=k, alpha=2.0).fit(T[:400]).score(X[400:])
                for k in SEEDS
            ]
        )
        for T in tables
    )
    assert part > whole - 1.2
    assert part > usual + 0.5


def test_no_seed_ends_in_a_poor_network():
    """Where a stretch of training makes the density fall, it is taken back."""
    X, _ = table(600, missing=0)
    densities = [
        PCGenerative(2, (16,), random_state=k, alpha=2.0).fit(X[:400]).score(X[400:])
        for k in (2, 3, 4)
    ]
    assert np.ptp(densities) < 0.5


def test_more_causes_leave_less_of_the_rows():
    """Nearly as many causes as columns once ended in networks of noise alone."""
    X = load_digits().data
    rest = [
        np.mean(
            (X - PCGenerative(k, max_iter=20, random_state=0, alpha=2.0).fit(X).reconstruct(X)) ** 2
        )
        for k in (8, 48)
    ]
    assert rest[1] < 0.5 * rest[0]
    assert rest[0] < 0.5 * X.var(axis=0).mean()


def test_joint_model_of_rows_with_missing_entries():
    X, y = table(600, missing=0.3)
    right, sure, drawn, losses = [], [], [], []
    for seed in SEEDS:
        model = PCGenerative(2, (16,), random_state=seed, alpha=2.0).fit(X[:400], y[:400])
        probabilities = model.predict_proba(X[400:])
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
        found = model.predict(X[400:]) == y[400:]
        right.append(found.mean())
        sure.append(found[probabilities.max(axis=1) > 0.9].mean())
        losses.append(log_loss(y[400:], probabilities))
        asked = [model.predict(model.sample(100, y=k, random_state=0)) == k for k in model.classes_]
        drawn.append(np.mean(asked, axis=1))
        nothing = model.predict_proba(np.full((1, 6), np.nan))
        np.testing.assert_allclose(nothing, 1 / 3, atol=0.2)
    assert np.median(right) > 0.8
    assert np.median(sure) > 0.9
    assert np.median(losses) < 0.6
    assert (np.median(drawn, axis=0) > 0.8).all()


def test_target_weight_moves_the_fit_from_rows_to_labels():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3)) @ rng.standard_normal((3, 30))
    X += rng.standard_normal(X.shape)
    y = (rng.standard_normal(300) + 0.5 * X[:, 0] > 0).astype(int)
    models = [small(max_iter=20, target_weight=w).fit(X, y) for w in (0.01, 300.0)]
    assert models[0].score(X) > models[1].score(X) + 0.1
    every = np.arange(300)
    of_labels = [
        (m.class_energies(X)[every, y] - m.energy(X)).mean() / m.output_precision_[-1]
        for m in models
    ]
    assert of_labels[1] < 0.7 * of_labels[0]
    with pytest.raises(ValueError, match="target_weight"):
        small(target_weight=0).fit(X, y)


def test_rows_without_a_label_teach_what_they_can():
    X, y = table(300, missing=0)
    few = np.where(np.arange(300) < 15, y, None)
    model = PCGenerative(2, (16,), random_state=0, alpha=2.0).fit(X, few)
    np.testing.assert_array_equal(model.classes_, ["a", "b", "c"])
    assert np.mean(model.predict(X) == y) > 0.8
    codes = np.where(np.arange(300) < 15, np.arange(300) % 3, np.nan)
    same = PCGenerative(2, (16,), random_state=0, alpha=2.0).fit(X, codes)
    np.testing.assert_array_equal(
        same.predict(X), np.searchsorted(["a", "b", "c"], model.predict(X))
    )


def test_novel_rows_score_lower():
    X, _ = table(300, missing=0)
    model = small(max_iter="auto").fit(X)
    novel = np.stack([np.random.default_rng(k).permutation(column) for k, column in enumerate(X.T)])
    assert np.median(model.score_samples(novel.T)) < np.median(model.score_samples(X)) - 2


def test_inverse_transform_is_near_the_rows():
    X, _ = table(300, missing=0)
    model = PCGenerative(2, (32,), random_state=0, alpha=2.0).fit(X)
    error = (model.inverse_transform(model.transform(X)) - X) / X.std(axis=0)
    assert np.sqrt(np.mean(error**2)) < 0.5
    with pytest.raises(ValueError, match=r"2 causes.* got 3"):
        model.inverse_transform(np.zeros((1, 3)))


# ---------------------------------------------------------------- same results


def answers(model, X):
    return [
        model.transform(X), model.reconstruct(X), model.score_samples(X), model.predict_proba(X),
        model.sample(7, random_state=1), model.sample(3, y="a", random_state=1),
        model.sample_conditional(X[:5], 2, random_state=1),
    ]  # fmt: skip


def test_same_bits_with_any_number_of_threads_and_after_pickling():
    X, y = table(150)
    found = []
    for n_threads in (1, 2, 3):
        with pcnet.set_num_threads(n_threads):
            model = small(hidden_layer_sizes=(40, 40)).fit(X, y)
            found.append(answers(model, X))
    found.append(answers(pickle.loads(pickle.dumps(model)), X))
    found.append(answers(clone(model).fit(X, y), X))
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            assert a.tobytes() == b.tobytes()


def test_rows_do_not_depend_on_the_others(joint):
    X, _ = table()
    for name in ("transform", "reconstruct", "score_samples", "energy", "predict_proba"):
        method = getattr(joint, name)
        np.testing.assert_array_equal(method(X[::-1]), method(X)[::-1])


def test_units_do_not_matter():
    X, y = table()
    powers = 2.0 ** np.arange(-20, 40, 10)
    first, second = small().fit(X, y), small().fit(X * powers, y)
    np.testing.assert_array_equal(first.transform(X), second.transform(X * powers))
    np.testing.assert_array_equal(first.sample(3, random_state=0) * powers,
                                  second.sample(3, random_state=0))  # fmt: skip
    shift = np.where(np.isnan(X), 0, np.log(powers)).sum(axis=1)
    moved = second.score_samples(X * powers) + shift
    np.testing.assert_allclose(first.score_samples(X), moved, rtol=1e-12)


@pytest.mark.parametrize("scaling", ["max", None])
def test_other_scalings(scaling):
    X, _ = table()
    X = X / np.nanmax(np.abs(X), axis=0)
    model = small(input_scaling=scaling).fit(X)
    assert not model.input_mean_.any()
    np.testing.assert_allclose(model.input_scale_, 1.0)
    assert np.isfinite(model.score_samples(X)).all()


# ---------------------------------------------------------------- contract


@parametrize_with_checks([small()])
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


def test_every_argument_is_constrained_and_documented(joint):
    arguments = set(inspect.signature(PCGenerative.__init__).parameters) - {"self"}
    assert set(PCGenerative._parameter_constraints) == arguments
    for name in arguments:
        assert re.search(rf"^    {name} : .*default=", PCGenerative.__doc__, re.MULTILINE), name
    for name in (n for n in vars(joint) if n.endswith("_")):
        pattern = rf"^    [\w, ]*\b{name}\b[\w, ]* : "
        assert re.search(pattern, PCGenerative.__doc__, re.MULTILINE), name


def test_frames_names_pipelines_and_searches():
    pd = pytest.importorskip("pandas")
    X, y = load_iris(return_X_y=True, as_frame=True)
    X, y = X[::2], y[::2]
    X = X.mask(np.random.default_rng(0).random(X.shape) < 0.1)
    model = small().set_output(transform="pandas").fit(X)
    causes = model.transform(X)
    assert list(causes.columns) == ["pcgenerative0", "pcgenerative1"]
    assert isinstance(causes, pd.DataFrame)
    with pytest.raises(ValueError, match="feature names"):
        model.score_samples(X[X.columns[::-1]])
    grid, options = {"pcgenerative__alpha": [0.1, 2.0]}, {"cv": 2, "error_score": "raise"}
    search = GridSearchCV(make_pipeline(small(), LogisticRegression()), grid, **options)
    assert search.fit(X, y).best_score_ > 0.7
    search = GridSearchCV(small(), {"n_components": [1, 2]}, **options)
    assert np.isfinite(search.fit(X).best_score_)
    cv = StratifiedKFold(2)
    assert cross_val_score(small(max_iter=20), X, y, scoring="accuracy", cv=cv).mean() > 0.7


def test_epochs_are_printed(capsys):
    small(verbose=1).fit(table()[0])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert re.fullmatch(r"part 1 of 1, epoch 1 of 1: mean energy [\d.e+-]+", lines[-1])


# ---------------------------------------------------------------- unusual data


def test_constant_columns_are_filled_and_rows_without_entries_are_allowed():
    X, y = table()
    X[:, 2] = np.where(np.isnan(X[:, 2]), np.nan, 0.1)
    X[1] = np.nan
    for scaling in ("standard", "max", None):
        model = small(input_scaling=scaling, output_precision=1e-3).fit(
            X / [1, 5, 1, 100, 1, 1e4], y
        )
        rows = model.reconstruct(X)
        assert np.isfinite(rows).all()
        assert (rows[:, 2] == 0.1).all()
        assert (model.sample(3)[:, 2] == 0.1).all()
        assert model.noise_variance_[2] == 0
        assert model.score_samples(X)[1] == 0
        assert not model.transform(X)[1].any()


@pytest.mark.parametrize("value", [1e300, -1e300, np.finfo(float).max])
def test_far_values_give_finite_results(value, joint):
    X, _ = table()
    X[0] = [value, np.nan, 1, 1, 2, np.nan]
    assert all(np.isfinite(found).all() for found in answers(joint, X))


def test_columns_near_the_limits_of_floats():
    X, y = table()
    X = (X - np.nanmean(X, axis=0)) / np.nanstd(X, axis=0)
    for unit in (1e307, 1e-300):
        model = small().fit(X * unit, y)
        assert all(np.isfinite(found).all() for found in answers(model, X * unit))


@pytest.mark.parametrize(
    ("X", "y", "error", "text"),
    [
        (csr_array(np.eye(4)), None, TypeError, "sparse"),
        ([[np.inf, 1.0], [2.0, 3.0]], None, ValueError, "infinity"),
        ([[1.0, np.nan], [2.0, np.nan]], None, ValueError, r"columns \[1\] have none"),
        ([[1.0, 2.0], [1.0, 2.0]], None, ValueError, "constant"),
        ([[3.0]], None, ValueError, "n_samples=1"),
        ([[np.nan, 1.0], [2.0, np.nan]], None, ValueError, "constant"),
        ([[1.0], [2.0]], [np.nan, np.nan], ValueError, "all of them are missing"),
        ([[1.0], [2.0]], [0.5, np.inf], ValueError, "infinity"),
        ([[1.0], [2.0]], ["a", 1.0], ValueError, "of one kind"),
        ([[1.0], [2.0]], ["a"], ValueError, "inconsistent"),
        ([[1.0], [2.0]], [[1, 0], [0, 1]], ValueError, "1d array"),
    ],
)
def test_invalid_data(X, y, error, text, joint):
    if isinstance(y, list) and "a" in y:
        y = np.array(y, dtype=object)
    fitted = clone(joint).fit(*table(30))
    before = pickle.dumps(fitted)
    with pytest.raises(error, match=text):
        fitted.fit(X, y)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"inference": "error"}, "quasi_newton"),
        ({"dtype": "int8"}, "dtype"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"activation": ["tanh", "relu"]}, "activation"),
        ({"alpha": "measured"}, "alpha"),
        ({"input_scaling": "robust"}, "input_scaling"),
    ],
)
def test_invalid_arguments(arguments, text):
    fitted = small().fit(*table())
    before = {**vars(fitted), **arguments}
    with pytest.raises((ValueError, TypeError), match=text):
        fitted.set_params(**arguments).fit(table()[0][:, :3])
    assert vars(fitted) == before


def test_divergence_leaves_the_model_unchanged():
    fitted = small().fit(table()[0])
    before = dict(vars(fitted), learning_rate_init=1e38)
    with pytest.raises(FloatingPointError):
        fitted.set_params(learning_rate_init=1e38).fit(table(seed=1)[0])
    assert vars(fitted) == before


def test_interrupted_fit_leaves_the_model_unchanged():
    fitted = small(random_state=np.random.RandomState(0)).fit(table()[0])
    before, draws = dict(vars(fitted), verbose=1, max_iter=3), fitted.random_state.get_state()[1]

    class Interrupting(io.StringIO):
        def write(self, text):
            if "part 2" in text:
                raise KeyboardInterrupt
            return super().write(text)

    with pytest.raises(KeyboardInterrupt), contextlib.redirect_stdout(Interrupting()):
        fitted.set_params(verbose=1, max_iter=3).fit(table(seed=1)[0])
    assert vars(fitted) == before
    np.testing.assert_array_equal(fitted.random_state.get_state()[1], draws)


def test_targets_of_samples(joint):
    np.testing.assert_array_equal(
        joint.sample(2, y="a", random_state=0), joint.sample(2, y=["a", "a"], random_state=0)
    )
    with pytest.raises(ValueError, match=r"'a', 'b', 'c'.* got \['d'\]"):
        joint.sample(2, y="d")
    with pytest.raises(ValueError, match="inconsistent"):
        joint.sample(3, y=["a", "b"])
    with pytest.raises(ValueError, match="n_samples"):
        joint.sample(0)
    without = small().fit(table()[0])
    with pytest.raises(ValueError, match="fitted without targets"):
        without.sample(2, y="a")
    assert not hasattr(without, "predict")
    assert not hasattr(without, "predict_proba")


def test_a_single_class():
    X, _ = table()
    model = small().fit(X, np.ones(60, int))
    assert (model.predict(X) == 1).all()
    assert (model.predict_proba(X) == 1).all()
    np.testing.assert_array_equal(model.transform(X), small().fit(X).transform(X))
    assert np.isfinite(model.sample(2, y=1)).all()


def test_integer_and_boolean_labels():
    X, y = table()
    for labels in (np.searchsorted(["a", "b", "c"], y), y == "a"):
        model = small(max_iter=30).fit(X, labels)
        assert model.classes_.dtype == labels.dtype
        assert model.predict(X).dtype == labels.dtype
        assert np.mean(model.predict(X) == labels) > 0.7


def test_dtypes():
    X, _ = table()
    assert small().fit(X).network_.dtype == np.float32
    assert small(dtype=None).fit(X).network_.dtype == np.float64
    model = small().fit(X.astype(np.float32))
    assert model.transform(X.astype(np.float32)).dtype == np.float32
    assert model.reconstruct(X).dtype == np.float64


def test_generator_advances_from_sample_to_sample(joint):
    rng = np.random.RandomState(0)
    assert (joint.sample(2, random_state=rng) != joint.sample(2, random_state=rng)).any()
