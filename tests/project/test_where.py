"""benchmarks/where.py: rates are chosen on validation scores, differences are paired by seed."""

import importlib
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    """The benchmark and its part that compares; examples/ has another `_common`."""
    sys.modules.pop("_common", None)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("where"), importlib.import_module("_comparison")
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in ("_common", "_comparison", "where"):
            sys.modules.pop(name, None)


def test_rate_is_chosen_on_validation_scores_of_tuning_seeds(modules):
    comparison = modules[1]
    calls = []

    def train(options, rate, seed):  # the best rate is 0.18 by validation, 1 by test
        calls.append((options["rule"], rate, seed))
        return -abs(np.log(rate / 0.18)), rate + options["rule"] * (seed + 1)

    rules = {"backprop": {"rule": 0}, "other": {"rule": 1}}
    found = comparison.compare(comparison.Case("a", train, (0.01, 0.1, 1.0), rules), 3)
    assert {rule: row["rate"] for rule, row in found.items()} == {"backprop": 0.18, "other": 0.18}
    assert not found["other"]["at_edge"]
    assert {seed for *_, rate, seed in calls if rate != 0.18} == set(comparison.TUNING_SEEDS)
    assert found["other"]["difference"] == pytest.approx(2)  # 1, 2, 3
    _, _, at_edge = comparison.chosen_rate(
        comparison.Case("b", train, (0.5, 1.0), rules), {"rule": 0}
    )
    assert at_edge


def test_paired_differences(modules):
    a, b = np.random.default_rng(0).normal(size=(2, 12))
    found = modules[1].paired(a, b)
    test = stats.ttest_rel(a, b)
    assert found["p"] == pytest.approx(test.pvalue)
    assert found["difference"] / found["se"] == pytest.approx(test.statistic)
    assert found["effect"] == pytest.approx(test.statistic / np.sqrt(12))
    assert found["wins"] + found["losses"] == 12
    assert modules[1].paired(a, a)["p"] == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_smallest_case_is_trained_shown_and_drawn(modules, tmp_path, capsys):
    where, comparison = modules
    images = where.digits()
    arguments, _ = where.NETWORKS["plain"]
    train = partial(where.fit_once, images, 10, {**arguments, "max_iter": 20})
    found = comparison.compare(comparison.Case("ten", train, (0.1,), where.RULES), 2)
    assert all(0.1 < row["mean"] < 1 for row in found.values())
    comparison.show("little: ten", found)
    comparison.summary({"little: ten": found})
    assert "3 comparisons, " in capsys.readouterr().out
    comparison.draw({"little: ten": found}, tmp_path / "where.png")
    assert (tmp_path / "where.png").stat().st_size > 1000


def test_samples_of_training_validation_and_test_are_apart(modules):
    images = modules[0].digits()
    X, _, X_val, _ = images.draw(1000, 3)
    parts = [{row.tobytes() for row in part} for part in (X, X_val, images.X_test)]
    assert not parts[0] & parts[1]
    assert not parts[2] & (parts[0] | parts[1])
