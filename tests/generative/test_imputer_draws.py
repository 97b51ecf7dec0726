"""PCImputer(sample_posterior=True): intervals of draws, Rubin's rules, what each call draws."""

import pickle

import numpy as np
import pytest
from scipy.stats import t as student

import pcnet
from pcnet import PCImputer

from .test_imputer import small, table


def drawing(**arguments):
    return small(sample_posterior=True, **arguments)


def linear_table(n_samples, seed, n_columns=8, noise=0.5):
    """Rows of a normal distribution with two factors, and their covariance."""
    slope = np.random.default_rng(99).standard_normal((2, n_columns))
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 2)) @ slope
    X += noise * rng.standard_normal(X.shape)
    return X, slope.T @ slope + noise**2 * np.eye(n_columns)


LINEAR = {
    "hidden_layer_sizes": (),
    "n_components": 2,
    "max_iter": 20,
    "alpha": 0.3,
    "linear_share": 0,
}
TANH = {"hidden_layer_sizes": (8,), "max_iter": 15, "alpha": 1.0, "linear_share": 0}
CLOSED_FORM = {"linear_share": 1}


@pytest.mark.parametrize(
    ("n_samples", "network"),
    [(1200, LINEAR), (300, TANH), (300, CLOSED_FORM)],
    ids=["linear", "tanh", "closed form"],
)
def test_intervals_of_draws_hold_the_missing_entries_as_often_as_they_say(n_samples, network):
    """Between the k-th and the k-th last of n draws lies another one with (n + 1 - 2 k) / (n + 1).

    The tolerance is four standard errors of the share and of the measured variance of the noise.
    """
    full, _ = linear_table(n_samples, seed=0)
    missing = np.random.default_rng(1).random(full.shape) < 0.25
    X = np.where(missing, np.nan, full)
    imputer = PCImputer(random_state=0, n_estimators=2, sample_posterior=True, **network).fit(X)
    draws = np.sort([imputer.transform(X)[missing] for _ in range(19)], axis=0)
    for k, share, slope in ((5, 0.5, 0.43), (1, 0.9, 0.34)):
        inside = np.mean((draws[k - 1] <= full[missing]) & (full[missing] <= draws[-k]))
        of_share = share * (1 - share) / missing.sum()
        of_noise = slope**2 / (2 * 0.1 * (~missing).sum())
        assert abs(inside - share) < 4 * np.sqrt(of_share + of_noise)


@pytest.mark.slow
@pytest.mark.parametrize("network", [LINEAR, CLOSED_FORM], ids=["linear", "closed form"])
def test_pooled_intervals_hold_means_and_slopes_as_often_as_they_say(network):
    """Rubin's rules for 95 % intervals, entries missing at random given the first column."""
    n_samples, n_tables, n_repeats = 150, 10, 150
    held = np.zeros((n_repeats, 7))
    for repeat in range(n_repeats):
        full, covariance = linear_table(n_samples, seed=repeat)
        rng = np.random.default_rng(1000 + repeat)
        missing = rng.random(full.shape) < np.where(full[:, :1] > 0, 0.5, 0.15)
        missing[:, :2] = False
        X = np.where(missing, np.nan, full)
        imputer = PCImputer(
            random_state=repeat, n_estimators=8, sample_posterior=True, **network
        ).fit(X)
        filled = np.array([imputer.transform(X) for _ in range(n_tables)])
        estimates = filled[:, :, 2:].mean(axis=1)
        variances = filled[:, :, 2:].var(axis=1, ddof=1) / n_samples
        centred = filled - filled.mean(axis=1, keepdims=True)
        x, y = centred[:, :, 0], centred[:, :, 2]
        slope = np.sum(x * y, axis=1) / np.sum(x**2, axis=1)
        rest = np.sum((y - slope[:, None] * x) ** 2, axis=1) / (n_samples - 2)
        estimates = np.column_stack([estimates, slope])
        variances = np.column_stack([variances, rest / np.sum(x**2, axis=1)])
        truth = [0.0] * 6 + [covariance[0, 2] / covariance[0, 0]]
        between = (1 + 1 / n_tables) * estimates.var(axis=0, ddof=1)
        within = variances.mean(axis=0)
        freedom = (n_tables - 1) * (1 + within / between) ** 2
        size = student.ppf(0.975, freedom) * np.sqrt(within + between)
        held[repeat] = np.abs(estimates.mean(axis=0) - truth) <= size
    error = np.sqrt(0.95 * 0.05 / n_repeats)
    assert np.all(held.mean(axis=0) > 0.95 - 3.5 * error)
    assert held.mean() > 0.95 - 2 * error


def test_draws_of_a_network_that_fits_noise_scatter_as_it_errs():
    full = np.random.default_rng(0).standard_normal((100, 10))
    missing = np.random.default_rng(1).random(full.shape) < 0.25
    X = np.where(missing, np.nan, full)
    imputer = PCImputer(
        random_state=0, linear_share=0, alpha=0.0, max_iter=60, sample_posterior=True
    ).fit(X)
    draws = np.array([imputer.transform(X)[missing] for _ in range(10)])
    imputer.spread_ = None
    centre = imputer.transform(X)[missing]
    ratio = np.sqrt(np.mean((draws - centre) ** 2) / np.mean((full[missing] - centre) ** 2))
    assert 0.92 < ratio < 1.2


def test_draws_scatter_around_the_predictions():
    X = table(200)
    imputer = drawing(max_iter=10).fit(X)
    missing = np.isnan(X)
    draws = np.array([imputer.transform(X)[missing] for _ in range(40)])
    imputer.spread_ = None
    centre = imputer.transform(X)[missing]
    z = (draws.mean(axis=0) - centre) / (draws.std(axis=0) / np.sqrt(40))
    assert np.abs(np.mean(z)) < 1
    assert np.mean(np.abs(draws - centre)) > 0.3


def test_each_call_draws_anew_and_keeps_observed_entries():
    X = table()
    imputer = drawing().fit(X)
    first, second = imputer.transform(X), imputer.transform(X)
    observed = ~np.isnan(X)
    for filled in (first, second):
        assert filled[observed].tobytes() == X[observed].tobytes()
    assert (first != second)[~observed].all()


def test_an_integer_seed_repeats_the_draws_after_each_fit():
    X = table()
    imputer = drawing().fit(X)
    copy = pickle.loads(pickle.dumps(imputer))
    drawn = [imputer.transform(X) for _ in range(3)]
    np.testing.assert_array_equal(drawn, [copy.transform(X) for _ in range(3)])
    np.testing.assert_array_equal(imputer.fit_transform(X), drawn[0])
    assert (drawing(random_state=1).fit_transform(X) != drawn[0]).any()


def test_generator_gives_other_draws_after_each_fit():
    X, rng = table(), np.random.default_rng(0)
    first, second = (drawing(random_state=rng).fit_transform(X) for _ in range(2))
    assert (first != second).any()


def test_draws_have_the_same_bits_with_any_number_of_threads():
    X, results = table(300), []
    for n_threads in (1, 2):
        with pcnet.set_num_threads(n_threads):
            results.append(drawing().fit_transform(X))
    np.testing.assert_array_equal(*results)


def test_argument_counts_from_the_next_fit_on():
    X = table()
    imputer = small().fit(X).set_params(sample_posterior=True)
    np.testing.assert_array_equal(imputer.transform(X), imputer.transform(X))
    assert imputer.spread_ is None
    assert (imputer.fit(X).transform(X) != imputer.transform(X)).any()
    imputer.set_params(sample_posterior=False)
    assert (imputer.transform(X) != imputer.transform(X)).any()


def test_tables_without_entries_to_hide():
    few = table(12, 3)
    assert np.isfinite(drawing().fit_transform(few)).all()
    np.testing.assert_allclose(drawing().fit(few).spread_.noise, 1 / np.sqrt(30.0))
    constants = [[1.0, np.nan], [1.0, 2.0]]
    np.testing.assert_array_equal(drawing().fit_transform(constants), [[1.0, 2.0], [1.0, 2.0]])
