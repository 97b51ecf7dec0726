"""PCImputer's linear model: conditional means, learning, its share, draws, unusual tables."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

import pcnet
from pcnet import PCImputer
from pcnet._estimators.factors import DECAY, NOISE_ENTRIES, USUAL_NOISE, _round, _start
from pcnet.generative import infer_causes
from pcnet.inference import QuasiNewton

from .test_imputer import small, table


def conditional_means(model, Z):
    """``b_m + S_mo S_oo^-1 (z_o - b_o)`` of each row, S = W^T W + diag(noise)."""
    S = model.weights.T @ model.weights + np.diag(model.noise)
    expected = np.empty(Z.shape)
    for row, z in zip(expected, Z, strict=True):
        o = ~np.isnan(z)
        row[:] = model.biases
        row += S[:, o] @ np.linalg.solve(S[np.ix_(o, o)], z[o] - model.biases[o])
    return expected


@pytest.mark.parametrize("n_components", [1, 3, "auto"])
def test_missing_entries_are_conditional_means(n_components):
    X = table()
    X[5] = np.nan
    imputer = small(n_components=n_components, linear_share=1, dtype="float64").fit(X)
    Z = (X - imputer.input_mean_) / imputer.input_scale_
    expected = conditional_means(imputer.linear_models_[0], Z)
    expected = expected * imputer.input_scale_ + imputer.input_mean_
    filled = imputer.transform(X)
    np.testing.assert_allclose(filled, np.where(np.isnan(X), expected, X), rtol=1e-9)
    assert imputer.networks_ == []
    single = small(n_components=n_components, linear_share=1).fit(X)
    np.testing.assert_allclose(single.transform(X), filled, rtol=0, atol=1e-3)


def test_rounds_raise_the_posterior_density_of_the_parameters():
    X = np.nan_to_num(Z := (table(200, 7) - 5) / 3)
    observed = ~np.isnan(Z)
    model, densities = _start(X, observed, 4), []
    for _ in range(12):
        model = _round(model, X, observed.astype(float))
        S = model.weights.T @ model.weights + np.diag(model.noise)
        density = 0.0
        for z, o in zip(Z, observed, strict=True):
            rest, own = z[o] - model.biases[o], S[np.ix_(o, o)]
            density -= (rest @ np.linalg.solve(own, rest) + np.linalg.slogdet(own)[1]) / 2
        size = DECAY * np.square(model.weights).sum(axis=0) + 1e-6 * np.square(model.biases)
        density -= np.sum((size + NOISE_ENTRIES * USUAL_NOISE) / (2 * model.noise))
        densities.append(density - NOISE_ENTRIES / 2 * np.log(model.noise).sum())
    assert np.diff(densities).min() > -1e-6
    assert densities[-1] > densities[0] + 1


def test_covariance_of_a_normal_distribution_is_found():
    rng = np.random.default_rng(0)
    W, noise = rng.standard_normal((3, 8)), rng.uniform(0.2, 1.5, 8)
    X = 7 + rng.standard_normal((6000, 3)) @ W + noise * rng.standard_normal((6000, 8))
    X[rng.random(X.shape) < 0.25] = np.nan
    imputer = PCImputer(3, linear_share=1).fit(X)
    model, scale = imputer.linear_models_[0], imputer.input_scale_
    found = scale * (model.weights.T @ model.weights + np.diag(model.noise)) * scale[:, None]
    truth = W.T @ W + np.diag(noise**2)
    size = np.sqrt(np.outer(np.diag(truth), np.diag(truth)))
    assert np.abs((found - truth) / size).max() < 4 / np.sqrt(0.5 * len(X))


def test_share_is_measured():
    full, _ = make_blobs(250, 10, centers=6, cluster_std=2.0, random_state=0)
    missing = np.random.default_rng(0).random(full.shape) < 0.25
    imputer = PCImputer(random_state=0).fit(X := np.where(missing, np.nan, full))
    assert 0 <= imputer.linear_share_ < 0.8
    assert len(imputer.networks_) == 2

    def error(filled):
        return np.mean(np.square(filled - full)[missing])

    errors = [error(PCImputer(linear_share=s, random_state=0).fit_transform(X)) for s in (0, 1)]
    assert error(imputer.transform(X)) < 1.06 * min(errors)
    plain = PCImputer(random_state=0).fit(table(300, 3))
    assert (plain.linear_share_, plain.networks_, plain.energy_curve_) == (1.0, [], [])
    assert plain.n_iter_ > 0
    assert PCImputer(random_state=0).fit(X[:3, :3]).linear_share_ == 1  # too little to measure


def test_predictions_are_weighted_by_the_share():
    X = table()
    imputer = small(linear_share=0.3, n_estimators=1, inference=QuasiNewton(tol=1e-4)).fit(X)
    Z = ((X - imputer.input_mean_) / imputer.input_scale_).astype(np.float32)
    network = infer_causes(imputer.networks_[0], Z, imputer.inference).activities[-1]
    expected = 0.3 * conditional_means(imputer.linear_models_[0], Z) + 0.7 * network
    expected = expected * imputer.input_scale_ + imputer.input_mean_
    filled = imputer.transform(X)
    np.testing.assert_allclose(filled, np.where(np.isnan(X), expected, X), rtol=0, atol=1e-3)


@pytest.mark.parametrize("share", [-0.1, 1.5, "most"])
def test_invalid_share(share):
    with pytest.raises(ValueError, match="linear_share"):
        small(linear_share=share).fit(table())


def test_rows_are_imputed_independently_of_the_others_on_any_number_of_threads():
    X = table(600, 9)
    imputer = PCImputer(linear_share=1).fit(X)
    filled = imputer.transform(X)
    np.testing.assert_array_equal(imputer.transform(X[::-1]), filled[::-1])
    pieces = [imputer.transform(X[rows]) for rows in np.array_split(np.arange(600), [1, 8, 301])]
    np.testing.assert_array_equal(np.concatenate(pieces), filled)
    for n_threads in (1, 2, 3):
        with pcnet.set_num_threads(n_threads):
            np.testing.assert_array_equal(PCImputer(linear_share=1).fit_transform(X), filled)


def test_draws_have_the_mean_and_covariance_of_the_posterior():
    X = table(80, 5)
    imputer = small(linear_share=1, sample_posterior=True, n_estimators=1, dtype="float64").fit(X)
    model, row = imputer.linear_models_[0], np.array([0.3, np.nan, -0.5, np.nan, np.nan])
    n = 20_000
    drawn = model.draw(np.tile(row, (n, 1)), np.random.default_rng(0))
    o = ~np.isnan(row)
    S = model.weights.T @ model.weights
    gain = S[:, o] @ np.linalg.inv(S[np.ix_(o, o)] + np.diag(model.noise[o]))
    covariance = S - gain @ S[o]
    error = np.sqrt(np.diag(covariance) / n)
    away = np.abs(drawn.mean(axis=0) - conditional_means(model, row[None])[0])
    assert np.all(away[~o] < 4 * error[~o])
    size = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs((np.cov(drawn.T) - covariance) / size).max() < 6 / np.sqrt(n)


@pytest.mark.parametrize("sample_posterior", [False, True])
def test_unusual_tables(sample_posterior):
    def linear():
        return small(linear_share=1, sample_posterior=sample_posterior, keep_empty_features=True)

    X = table()
    for unit in (1e307, 1e-300):
        filled = linear().fit_transform(X * unit)
        np.testing.assert_allclose(filled / unit, linear().fit_transform(X), rtol=1e-3)
    imputer = linear().fit(X)
    for value in (1e300, -1e30, np.finfo(float).max):
        X[0] = [value, np.nan, np.nan, 1, 2, np.nan]
        assert np.isfinite(imputer.transform(X)).all()
    for few in (X[:1], X[:2], X[:, :1], np.tile(X[:, :1], 40), np.hstack([X, X, X])):
        assert np.isfinite(linear().fit_transform(few)[:, 0]).all()
    constant = linear().fit([[1.0, np.nan], [1.0, 2.0]])
    assert (constant.linear_models_, constant.n_iter_) == ([], 0)
    np.testing.assert_array_equal(constant.transform([[np.nan, np.nan]]), [[1.0, 2.0]])
