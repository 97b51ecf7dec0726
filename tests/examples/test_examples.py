"""The examples' claims, on less data and shorter training; oracle: which labels were changed."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import pcnet.display

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """example(name): the script as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


def test_mislabelled_digits(example, tmp_path):
    script = example("mislabelled_digits")
    X, y = script.digits()
    X, y = X[:900], y[:900]
    labels, wrong = script.mislabel(y, script.SHARE_WRONG, seed=0)
    assert 0.35 < wrong.mean() < 0.45
    np.testing.assert_array_equal(labels != y, wrong)
    suspicion = script.rate(X, labels, n_splits=3, max_iter=10)
    precision = {name: average_precision_score(wrong, v) for name, v in suspicion.items()}
    ours = precision["energy (pcnet)"]
    assert ours > 0.9  # chance is 0.4
    assert ours > precision["1 - p(label) (pcnet)"] - 0.01
    assert ours > precision["1 - p(label) (MLPClassifier)"] - 0.05
    script.draw(X, labels, y, suspicion, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_novelty(example, tmp_path):
    script = example("novelty")
    X, y = script.digits()
    train, test, novel = script.split(y, (8, 9), n_train=500)
    assert not set(y[train]) & {8, 9}
    assert not set(train) & set(test)
    np.testing.assert_array_equal(novel, y[test] >= 8)
    ratings = script.rate(X, y, train, test, depth=4, max_iter=12)
    areas = {name: roc_auc_score(novel, values) for name, values in ratings.items()}
    ours = areas["score_samples (pcnet)"]
    assert ours > 0.85
    assert ours > areas["isolation forest"] + 0.1
    assert ours > areas["largest probability (pcnet)"] - 0.03
    assert areas[script.LETTER] < 0.3
    columns = {name: [area] * len(script.LEFT_OUT) for name, area in areas.items()}
    script.draw((novel, ratings), columns, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_race_to_equilibrium(example, tmp_path):
    """Error space reaches equilibrium at 24 layers; descent on the activities hardly starts."""
    script = example("race_to_equilibrium")
    deep = script.race(*script.problem(24, 24, n_samples=16), budgets=(1, 8, 16))
    left = {name: script.left_at(curve, 20.0) for name, curve in deep.items()}
    assert left["error descent (default)"] < 1e-2  # the yardstick of an honest equilibrium
    assert left["error optimization, rate 0.3"] < 0.02
    assert left["activity descent, rate 0.25"] > 0.5
    assert left["the same, momentum 0.8"] > 0.5
    assert left["gradient flow (Heun)"] > 0.5
    shallow = script.race(*script.problem(2, 24, n_samples=16), budgets=(1, 8, 16))
    for name, share in left.items():
        assert script.left_at(shallow[name], 20.0) < share  # depth is what makes it hard
    script.draw([("shallow", shallow), ("deep", deep)], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_pc_against_backprop(example, tmp_path):
    """At 16 layers both rules learn alike; their gradients part as the precision grows."""
    script = example("pc_against_backprop")
    X, y = script.digits()
    split = X[:600], X[1200:], y[:600], y[1200:]
    curves, models = {}, {}
    for rule in script.RULES:
        models[rule], losses, accuracies = script.train(rule, split, 15, 32, 6)
        curves[rule] = losses, accuracies
        assert losses[-1] < 0.5 * losses[0]
    ends = [accuracies[-1] for _, accuracies in curves.values()]
    assert min(ends) > 0.75
    assert abs(ends[0] - ends[1]) < 0.08
    cosines = script.gradient_cosines(models["predictive coding"], X, y)
    assert cosines[0] > 0.98
    assert np.all(np.diff(cosines) < 0)
    assert cosines[-1] < 0.9
    script.draw(curves, {"trained": cosines}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_example_is_listed_tested_and_drawn(script):
    assert f"`{script.name}`" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"def test_{script.stem}(" in Path(__file__).read_text(encoding="utf-8")
    image = EXAMPLES.parent / "docs" / "images" / f"{script.stem}.png"
    assert image.stat().st_size < 150_000


def test_pictures(example, tmp_path):
    script = example("pictures")
    X, y = script.digits()
    model = script.PCClassifier((16,) * 5, max_iter=3, early_stopping=True, random_state=0)
    shown = script.displays(model.fit(X[:300], y[:300]), X[300:400], y[300:400])
    assert {type(display).__name__ for display in shown.values()} == set(pcnet.display.__all__)
    script.draw(shown, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
