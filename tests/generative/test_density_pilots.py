"""The weight decay of a density that is chosen by rows held out."""

import re

import numpy as np
import pytest
from scipy.stats import norm

from pcnet import PCGenerative
from pcnet._estimators.density_pilots import (
    LARGER_ALPHA,
    LARGEST_ALPHA,
    PILOT_ROWS,
    USUAL_ALPHA,
    choose_decay,
)

SEED = np.random.SeedSequence(0)


def chosen(n, gains, noise=0.0):
    """The decay chosen for n rows whose log density rises by these gains from 2 to 8, 8 to 16."""
    level = dict(
        zip((USUAL_ALPHA, LARGER_ALPHA, LARGEST_ALPHA), np.cumsum([0, *gains]), strict=True)
    )
    rng, calls = np.random.default_rng(0), []

    def train(values, observed, alpha, seed):
        def density(held, held_observed):
            calls.append((alpha, seed.spawn_key, set(values[:, 0]), set(held[:, 0])))
            return level[alpha] + noise * rng.standard_normal(len(held))

        return density

    rows = np.arange(n, dtype=float)[:, None]
    return choose_decay(rows, np.ones((n, 1), dtype=bool), train, SEED, False), calls


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((-1, 1), USUAL_ALPHA),
        ((1, -1), LARGER_ALPHA),
        ((1, 1), LARGEST_ALPHA),
        ((0, 1), USUAL_ALPHA),
    ],
)
def test_decay_of_the_most_likely_rows(gains, expected):
    assert chosen(100, gains)[0] == expected


def test_rows_of_a_pilot_are_in_one_of_its_parts_and_pilots_of_a_comparison_have_one_seed():
    _, calls = chosen(100, (2, -2), noise=3.0)
    assert len(calls) > 4  # neither clear nor refused by the first pilot
    for alpha, key, kept, held in calls:
        assert not kept & held
        assert len(kept | held) == 100
        assert all(held == other for _, own, _, other in calls if own == key)
        assert sum((alpha, key) == call[:2] for call in calls) == 1
    by_pilot = {key: held for _, key, _, held in calls}
    assert len(set.union(*by_pilot.values())) == sum(map(len, by_pilot.values()))


@pytest.mark.parametrize(("n", "expected"), [(19, 16), (20, 8), (49, 8), (50, 2)])
def test_decay_of_few_rows_is_larger(n, expected):
    assert chosen(n, (-1, -1))[0] == expected


@pytest.mark.parametrize(("ratio", "expected"), [(1, 16), (2, 8), (4, 4), (7.5, 16 / 7.5), (8, 2)])
def test_decay_falls_with_the_rows_beyond_those_of_pilots(ratio, expected):
    found, calls = chosen(int(ratio * PILOT_ROWS), (1, 1))
    assert found == pytest.approx(expected)
    assert bool(calls) == (ratio < 8)


def noise_and_causes(n, n_columns):
    rng = np.random.default_rng(1)
    loadings = 0.4 * rng.standard_normal((2, n_columns))
    return rng.standard_normal((n, 2)) @ loadings + rng.standard_normal((n, n_columns))


@pytest.mark.parametrize("n", [12, 30])
def test_few_noisy_rows_are_not_learnt_by_heart(n):
    X = noise_and_causes(400, 12)
    auto = PCGenerative(random_state=0).fit(X[:n])
    usual = PCGenerative(random_state=0, alpha=USUAL_ALPHA).fit(X[:n])
    assert auto.alpha_ > USUAL_ALPHA == usual.alpha_
    assert auto.score(X[n:]) > usual.score(X[n:]) + 1
    columns = norm(X[:n].mean(axis=0), X[:n].std(axis=0))
    independent = columns.logpdf(X[n:]).sum(axis=1).mean()
    assert auto.score(X[n:]) > independent - 1.5


def test_pilots_are_printed_and_a_given_decay_needs_none(capsys):
    X = noise_and_causes(40, 4)
    model = PCGenerative(hidden_layer_sizes=(4,), max_iter=1, verbose=1, random_state=0)
    model.fit(X)
    pilots = [line for line in capsys.readouterr().out.splitlines() if "pilot" in line]
    assert len(pilots) >= 2
    assert all(re.fullmatch(r"pilot \d, alpha=\d+: log density -?[\d.e+-]+", p) for p in pilots)
    for given in ({"alpha": 2.0}, {"recognition": "bidirectional"}):
        model.set_params(**given).fit(X)
        assert "pilot" not in capsys.readouterr().out
        assert model.alpha_ == 2.0
